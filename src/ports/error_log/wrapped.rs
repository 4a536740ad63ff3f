//! Lines inside of something else: JSON of a container's log, colours of a terminal.

use std::borrow::Cow;

use super::line::Line;

/// Texts of one JSON object that are looked at.
const MOST_TEXTS: usize = 64;

/// The text of a line without what carries it.
pub fn bare(text: &str) -> Cow<'_, str> {
    let plain = without_colours(text);
    let json = plain.trim_start().starts_with('{').then(|| of_json(&plain)).flatten();
    json.map_or(plain, Cow::Owned)
}

/// A line without the escapes of a terminal (`ESC [ … m`).
fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    Cow::Owned(plain)
}

/// The line of nginx in a JSON object: as it is in one of its texts (Docker's `log`, `message` of log shippers); else a
/// message without date, before which the date comes that another text has.
fn of_json(object: &str) -> Option<String> {
    let texts = texts(object);
    if let Some(line) = texts.iter().find(|text| Line::parse(text).is_some()) {
        return Some(line.trim_end().to_owned());
    }
    let message = texts.iter().find(|text| Line::read(text).is_some())?.trim_end();
    let time = texts.iter().find_map(|text| date(text));
    let Some(time) = time else { return Some(message.to_owned()) };
    let level = texts.iter().find(|t| crate::model::log::Severity::NAMES.iter().any(|(name, _)| name == t));
    Some(format!("{time} [{}] 0#0: {message}", level.map_or("error", String::as_str)))
}

/// `2026-11-22T17:46:02…` and `2026/11/22 17:46:02` as nginx writes it; the zone is that of whoever wrote it.
fn date(text: &str) -> Option<String> {
    let time = text.get(..19)?.replace('-', "/").replace('T', " ");
    crate::ports::dates::seconds_of(&time).map(|_| time)
}

/// The texts of a JSON object, names and values, unescaped.
fn texts(object: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = object.chars();
    while found.len() < MOST_TEXTS && chars.by_ref().any(|c| c == '"') {
        let mut text = String::new();
        while let Some(c) = chars.next().filter(|c| *c != '"') {
            match (c, if c == '\\' { chars.next() } else { None }) {
                ('\\', Some('u')) => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let escaped = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    text.push(escaped.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                ('\\', Some('n' | 'r')) => text.push('\n'),
                ('\\', Some('t')) => text.push('\t'),
                ('\\', Some(other)) => text.push(other),
                _ => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_containers_and_terminals() {
        let line = r#"2026/11/22 17:46:02 [error] 8#8: *9 connect() failed (111: Connection refused), upstream: "http://10.0.0.1:80/""#;
        let escaped = line.replace('"', "\\\"");
        let coded = line.replace('"', "\\u0022");
        for object in [
            format!(r#"{{"log":"{escaped}\n","stream":"stderr","time":"2026-11-22T17:46:02.1Z"}}"#),
            format!(
                r#"{{"time":"2026-11-22T17:46:02+00:00","kubernetes":{{"pod":"a"}},"message":"{coded}"}}"#
            ),
        ] {
            assert_eq!(of_json(&object).as_deref(), Some(line), "{object}");
        }
        let parts = r#"{"time":"2026-11-22T17:46:02Z","level":"crit","message":"bind(10.0.0.9) failed (98: Address in use) while connecting to upstream"}"#;
        assert_eq!(
            of_json(parts).as_deref(),
            Some(
                "2026/11/22 17:46:02 [crit] 0#0: bind(10.0.0.9) failed (98: Address in use) while connecting to upstream"
            )
        );
        for nothing in ["{", r#"{"a":"b"}"#, r#"{"log":"hello\"#, r#"{"a":"\u12"#] {
            assert_eq!(of_json(nothing), None, "{nothing}");
        }
        assert_eq!(without_colours("\u{1b}[1;31mred\u{1b}[0m and \u{1b}[plain"), "red and plain");
    }
}
