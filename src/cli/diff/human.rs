//! The differences for a person.

use std::io::{self, Write};

use super::entry::{Entry, Report};
use super::side::ComparedInputs;
use crate::behaviour::diff::Witness;
use crate::behaviour::diff::class::Class;
use crate::model::Endpoint;
use crate::simulate::facts::Files;

/// Requests that are shown of an entry; the rest is counted.
const SHOWN: usize = 4;

pub(super) fn print(report: &Report, sides: &ComparedInputs<'_>, out: &mut dyn Write) -> io::Result<()> {
    for entry in &report.entries {
        writeln!(out, "{}: {}", entry.class.name(), entry.what)?;
        for (sign, lines) in [("-", &entry.old), ("+", &entry.new)] {
            for (text, place) in lines {
                writeln!(out, "  {sign} {text}  {place}")?;
            }
        }
        witnesses(entry, sides, out)?;
        for change in &entry.settings {
            writeln!(out, "  setting: {} of {}", change.name, change.block)?;
            writeln!(out, "    old: {}  {}", change.old.0, change.old.1)?;
            writeln!(out, "    new: {}  {}", change.new.0, change.new.1)?;
        }
        writeln!(out)?;
    }
    for note in &report.notes {
        writeln!(out, "note: {note}")?;
    }
    match report.entries.len() {
        0 => writeln!(out, "no difference in behaviour"),
        1 => writeln!(out, "1 difference: {}", counts(report)),
        n => writeln!(out, "{n} differences: {}", counts(report)),
    }
}

/// Number of entries of each class.
pub(super) fn counts(report: &Report) -> String {
    let of = |class: Class| report.entries.iter().filter(|entry| entry.class == class).count();
    let counts = Class::ALL.iter().map(|(class, name)| (of(*class), name)).filter(|(count, _)| *count > 0);
    counts.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

fn witnesses(entry: &Entry, sides: &ComparedInputs<'_>, out: &mut dyn Write) -> io::Result<()> {
    for witness in entry.witnesses.iter().take(SHOWN) {
        writeln!(out, "  {}", request(witness))?;
        for (name, value, side, told) in [
            ("old", &witness.old, sides.old, &witness.old_told),
            ("new", &witness.new, sides.new, &witness.new_told),
        ] {
            let place = told.1.map(|span| side.book().place(span)).unwrap_or_default();
            let line = if witness.field == "answer" {
                format!("    {name}: {}  {place}", told.0)
            } else {
                let value = value.as_deref().filter(|value| !value.is_empty()).unwrap_or("none");
                format!("    {name}: {} {value}", witness.field)
            };
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    match entry.witnesses.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more effects"),
    }
}

/// URL of a request.
pub(super) fn url(witness: &Witness) -> String {
    let default = if witness.scheme == "https" { 443 } else { 80 };
    let port = match &witness.endpoint {
        Endpoint::Inet(address) => Some(address.port()),
        Endpoint::Name(_, port) => Some(*port),
        Endpoint::Unix(_) => None,
    };
    let port = port.filter(|port| *port != default).map(|port| format!(":{port}")).unwrap_or_default();
    let host = match (&witness.endpoint, witness.probe.host.as_str()) {
        (Endpoint::Inet(address), "") => address.ip().to_string(),
        (_, host) => host.to_owned(),
    };
    format!("{}://{host}{port}{}", witness.scheme, witness.probe.target)
}

/// A request in one line, with what its answer depends on.
pub(super) fn request(witness: &Witness) -> String {
    let probe = &witness.probe;
    let mut line = format!("{} {}", probe.method, url(witness));
    let mut add = |text: String| {
        line.push_str(", ");
        line.push_str(&text);
    };
    if probe.host.is_empty() {
        add("no Host".to_owned());
    }
    probe.headers.iter().for_each(|(name, value)| add(format!("{name}: {value}")));
    for (name, value) in &probe.facts.variables {
        add(format!("${name} = {}", String::from_utf8_lossy(value)));
    }
    if !probe.client.to_string().is_empty() {
        add(format!("from {}", probe.client));
    }
    if let Some(size) = probe.facts.body {
        add(format!("a body of {size} bytes"));
    }
    if probe.facts.files == Some(Files::all()) {
        add("all files exist".to_owned());
    }
    if probe.facts.auth_request == Some(401) {
        add("auth_request answers 401".to_owned());
    }
    if let Some(user) = &probe.facts.user {
        add(format!("with the password of `{user}`"));
    }
    if let Some(response) = probe.facts.upstream.as_ref().filter(|response| response.status != 200) {
        add(format!("the upstream answers {}", response.status));
    }
    line
}
