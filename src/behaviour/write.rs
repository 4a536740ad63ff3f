//! Cases written as TOML: what holds today.

use super::outcome::Outcome;
use super::{passed, response};

/// A case as it is written.
#[derive(Clone, Debug, Default)]
pub struct WrittenCase {
    /// Fields of the request, in order; values are TOML.
    pub request: Vec<(String, String)>,
    /// Fields of `expect`, in order; values are TOML.
    pub expect: Vec<(String, String)>,
}

/// A text as a string of TOML.
pub fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.extend(format!("\\u{:04X}", u32::from(c)).chars()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl std::fmt::Display for WrittenCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "[[case]]")?;
        for (name, value) in &self.request {
            writeln!(f, "{name} = {value}")?;
        }
        writeln!(f, "[case.expect]")?;
        for (name, value) in &self.expect {
            writeln!(f, "{name} = {value}")?;
        }
        Ok(())
    }
}

/// Known facts of an outcome: server, location, status, redirect, text, upstream and its URI.
pub fn expected(outcome: &mut Outcome<'_>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut add = |name: &str, value: String| fields.push((name.to_owned(), value));
    if let Some(name) = outcome.server_names().next() {
        add("server", quote(&name));
    }
    add("location", quote(&outcome.location_text()));
    let lossless = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    if let Ok(status) = outcome.status() {
        add("status", status.to_string());
        if let Some(to) = response::location(outcome).ok().flatten().and_then(lossless) {
            add("redirect", quote(&to));
        }
        if let Some(text) =
            response::body(outcome).ok().flatten().and_then(lossless).filter(|t| !t.is_empty())
        {
            add("body", quote(&text));
        }
    }
    if let Ok(Some(upstream)) = outcome.upstream() {
        add("upstream", quote(&upstream));
        if let Some(uri) = passed::uri(outcome).ok().and_then(lossless) {
            add("upstream_uri", quote(&uri));
        }
    }
    if let Ok(Some(file)) = outcome.file().map(|path| path.map(<[u8]>::to_vec)) {
        add("file", quote(&String::from_utf8_lossy(&file)));
    }
    fields
}
