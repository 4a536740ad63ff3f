//! `ngxc doctor --explain`: one line of an error log.

use std::io::Write;

use super::super::{Failure, Outcome};
use crate::ports::error_log::Line;
use crate::ports::signal::{classify, meaning};

pub(super) fn run(text: &str, as_json: bool, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let parsed = Line::parse(text.trim());
    // A message that was pasted without its time is welcome too.
    let signal = classify(parsed.map_or(text, |l| l.message));
    let Some(meaning) = meaning(signal) else {
        let failure = match parsed {
            Some(_) => Failure::new("this message is not about ports, and none that looks like it"),
            None => Failure::new("this is no line of nginx's error log that has to do with connections"),
        };
        return Err(
            failure.help("paste a whole line: `2026/11/22 17:46:02 [crit] 812#812: *9 connect() to …`")
        );
    };
    let target = parsed.and_then(|l| l.target());
    if as_json {
        let value = serde_json::json!({
            "schema": 1,
            "name": meaning.name,
            "is_about_ports": meaning.is_about_ports,
            "target": target,
            "upstream": parsed.and_then(|l| l.part("upstream")),
            "client": parsed.and_then(|l| l.part("client")),
            "status": meaning.status,
            "cause": meaning.cause,
            "remedy": meaning.remedy,
        });
        serde_json::to_writer_pretty(&mut *out, &value).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(Outcome::Clean);
    }
    let about = if meaning.is_about_ports { "ports" } else { "not a shortage of ports" };
    writeln!(out, "{}  ({about})", meaning.name)?;
    if let Some(target) = target {
        writeln!(out, "  at       {target}")?;
    }
    writeln!(out, "  client   gets {}", meaning.status)?;
    writeln!(out, "  cause    {}", meaning.cause)?;
    writeln!(out, "  remedy   {}", meaning.remedy)?;
    Ok(Outcome::Clean)
}
