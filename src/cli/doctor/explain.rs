//! `ngxc doctor --explain`: one line of an error log.

use std::io::Write;

use super::super::{Failure, Outcome};
use crate::model::log::Severity;
use crate::ports::error_log::{Line, bare};
use crate::ports::signal::{Signal, classify, meaning};

pub(super) fn run(text: &str, as_json: bool, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let text = bare(text.trim());
    let parsed = Line::read(&text);
    // A message of another form is welcome too.
    let signal = match classify(parsed.map_or(&text, |l| l.message)) {
        Signal::Other if parsed.is_some_and(|line| line.severity <= Severity::Error) => Signal::OtherError,
        known => known,
    };
    let Some(meaning) = meaning(signal) else {
        let failure = match parsed {
            Some(_) => Failure::new("this message is no error"),
            None => Failure::new("this is no line of nginx's error log"),
        };
        return Err(
            failure.help("paste a whole line: `2026/11/22 17:46:02 [crit] 812#812: *9 connect() to …`")
        );
    };
    let target = parsed.and_then(|l| l.target());
    let is_stream = parsed.is_some_and(|line| line.is_stream());
    if as_json {
        let value = serde_json::json!({
            "schema": 1,
            "name": meaning.name,
            "is_about_ports": meaning.is_about_ports,
            "target": target,
            "upstream": parsed.and_then(|l| l.part("upstream")),
            "client": parsed.and_then(|l| l.part("client")),
            "status": if is_stream { None } else { Some(meaning.status) },
            "cause": meaning.cause,
            "remedy": meaning.remedy_of(is_stream),
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
    let effect = meaning.effect("get", is_stream);
    writeln!(out, "  effect   {}", effect.trim_start_matches("effect: "))?;
    writeln!(out, "  cause    {}", meaning.cause)?;
    let remedy = meaning.remedy_of(is_stream).replace("ERROR_LOG", "/var/log/nginx/error.log");
    writeln!(out, "  remedy   {remedy}")?;
    Ok(Outcome::Clean)
}
