//! The answer for a person: steps with their candidates, then settings with their places.

use std::io::{self, Write};

use super::Answer;
use super::settings::ShownSetting;
use super::way::{ShownRoute, Step};

/// Texts longer than this do not move the columns.
const WIDEST: usize = 56;

pub(super) fn print(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} {}", answer.method, answer.url)?;
    for note in &answer.notes {
        writeln!(out, "note: {note}")?;
    }
    writeln!(out)?;
    way(&answer.way, 0, out)?;
    if answer.settings.is_empty() {
        return Ok(());
    }
    let block = match &answer.way.location {
        Some(location) => format!("`{}` ({})", location.name, location.place),
        None => format!("the server ({})", answer.way.server.place),
    };
    writeln!(out, "\nsettings of {block}, nginx {}", answer.nginx_version)?;
    settings(&answer.settings, out)
}

fn row(out: &mut dyn Write, indent: usize, width: usize, left: &str, right: &str) -> io::Result<()> {
    let line = format!("{:indent$}{left:width$}  {right}", "");
    writeln!(out, "{}", line.trim_end())
}

pub(in crate::cli) fn way(way: &ShownRoute, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    for step in &way.steps {
        self::step(step, indent, out)?;
    }
    let place = way.answer_place.as_deref().unwrap_or_default();
    row(out, indent, 0, &format!("answer: {}", way.answer), place)?;
    for other in &way.otherwise {
        writeln!(out, "{:indent$}if {}:", "", other.when)?;
        self::way(&other.way, indent + 2, out)?;
    }
    Ok(())
}

fn step(step: &Step, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    let place = step.place.as_deref().unwrap_or_default();
    // The text of a directive begins with the kind already.
    let is_written = step.text.trim_start_matches('`').starts_with(step.kind);
    let text = if is_written { step.text.clone() } else { format!("{} {}", step.kind, step.text) };
    row(out, indent, 0, &text, place)?;
    let width =
        step.candidates.iter().map(|c| c.block.name.len()).filter(|n| *n <= WIDEST).max().unwrap_or(0);
    for candidate in &step.candidates {
        let mark = match candidate.result {
            "chosen" => "+",
            "kept" => "~",
            _ => "-",
        };
        let name = format!("{mark} {}", candidate.block.name);
        let place = match candidate.block.place.as_str() {
            "" => String::new(),
            place => format!(" ({place})"),
        };
        row(out, indent + 2, width + 2, &name, &format!("{}{place}", candidate.why))?;
    }
    Ok(())
}

fn settings(settings: &[ShownSetting], out: &mut dyn Write) -> io::Result<()> {
    let lines = || {
        settings.iter().flat_map(|setting| {
            let empty = setting.text.is_empty().then(|| format!("{} is not set", setting.name));
            let own = setting.text.iter().map(|text| match setting.origin {
                "default" => format!("{} {text}", setting.name),
                _ => text.clone(),
            });
            own.chain(empty).enumerate().map(move |(i, text)| (setting, i, text))
        })
    };
    let width = lines().map(|(.., text)| text.len()).filter(|n| *n <= WIDEST).max().unwrap_or(0);
    for (setting, i, text) in lines() {
        let place = setting.places.get(i).map_or("", String::as_str);
        let origin = match (setting.origin, &setting.from) {
            ("default", _) => "default".to_owned(),
            ("inherited", Some(from)) => format!("{place}, from `{from}`"),
            _ => place.to_owned(),
        };
        row(out, 2, width, &text, &origin)?;
    }
    Ok(())
}
