//! Parser for access logs: the line of a `log_format` into the values of its variables (`ngx_http_log_module.c`).

use std::fmt;

use crate::model::log::{Escape, LogFormat};
use crate::model::value::Variables;
use crate::model::{Segment, VariableId};

/// Range of a value's bytes in its line.
pub type Field = std::ops::Range<u32>;

/// Parser for the lines of one format.
#[derive(Clone, Debug)]
pub struct Format {
    /// Text before the first variable.
    head: Box<[u8]>,
    parts: Vec<LogFormatPart>,
    escape: Escape,
}

/// Variable, and the text after it.
#[derive(Clone, Debug)]
struct LogFormatPart {
    variable: Option<VariableId>,
    /// List of several peers' values, separated by `, ` and ` : `, which may be equal to the text after the variable.
    is_list: bool,
    after: Box<[u8]>,
}

/// Mismatch between a line and the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Expected text; empty: the end of the line.
    pub expected: String,
    /// Offset of the mismatch.
    pub at: usize,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expected.as_str() {
            "" => write!(f, "expected the end of the line at byte {}", self.at),
            text => write!(f, "expected `{text}` after byte {}", self.at),
        }
    }
}

impl Format {
    /// Compiles a format. Adjacent variables cannot be separated and are left out together.
    pub fn new(format: &LogFormat, variables: &Variables) -> Self {
        let mut head = Vec::new();
        let mut parts: Vec<(Option<VariableId>, Vec<u8>)> = Vec::new();
        for segment in &format.value.segments {
            let variable = match segment {
                Segment::Literal(text) => {
                    parts.last_mut().map_or(&mut head, |p| &mut p.1).extend_from_slice(text);
                    continue;
                }
                Segment::Variable(id) => Some(*id),
                Segment::Capture(_) => None,
            };
            match parts.last_mut() {
                Some((before, after)) if after.is_empty() => *before = None,
                _ => parts.push((variable, Vec::new())),
            }
        }
        let parts = parts.into_iter().map(|(variable, after)| LogFormatPart {
            variable,
            is_list: variable.is_some_and(|id| variables.get(id).name.starts_with("upstream_")),
            after: after.into(),
        });
        Self { head: head.into(), parts: parts.collect(), escape: format.escape }
    }

    /// Number of values in a line.
    pub fn fields(&self) -> usize {
        self.parts.len()
    }

    /// Position of a variable among the values.
    pub fn position(&self, id: VariableId) -> Option<usize> {
        self.parts.iter().position(|p| p.variable == Some(id))
    }

    /// Parses a line, given without its line end.
    ///
    /// # Errors
    /// If the line does not have the format.
    #[inline]
    pub fn read(&self, line: &[u8], fields: &mut Vec<Field>) -> Result<(), Foreign> {
        fields.clear();
        let mut at = self.head.len();
        if !line.starts_with(&self.head) {
            return Err(Foreign { expected: String::from_utf8_lossy(&self.head).into_owned(), at: 0 });
        }
        for part in &self.parts {
            let end = if part.after.is_empty() {
                line.len()
            } else {
                match self.end(part, line, at) {
                    Some(end) => end,
                    None => {
                        return Err(Foreign {
                            expected: String::from_utf8_lossy(&part.after).into_owned(),
                            at,
                        });
                    }
                }
            };
            fields.push(at as u32..end as u32);
            at = end + part.after.len();
        }
        if at != line.len() {
            return Err(Foreign { expected: String::new(), at });
        }
        Ok(())
    }

    /// End of the value that begins at `from`.
    #[inline]
    fn end(&self, part: &LogFormatPart, line: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        let (first, more) = part.after.split_first()?;
        loop {
            // The texts between values are short, and their first bytes are rare in values.
            let end = at + memchr::memchr(*first, &line[at..])?;
            if !line[end + 1..].starts_with(more) {
                at = end + 1;
                continue;
            }
            let inside =
                (self.escape == Escape::Json && part.after[0] == b'"' && is_escaped(&line[from..end]))
                    || (part.is_list && part.after[0] == b' ' && continues(line, from, end));
            if !inside {
                return Some(end);
            }
            at = end + 1;
        }
    }

    /// Appends a value, unescaped; false if the variable had none.
    #[inline]
    pub fn value(&self, line: &[u8], field: &Field, out: &mut Vec<u8>) -> bool {
        let text = &line[field.start as usize..field.end as usize];
        match self.escape {
            // A value that is a single dash is logged in the same way: the two cannot be distinguished.
            Escape::Default if text == b"-" => false,
            Escape::Default => {
                unescape(text, out);
                true
            }
            Escape::Json => {
                unescape_json(text, out);
                true
            }
            Escape::None => {
                out.extend_from_slice(text);
                true
            }
        }
    }
}

/// True if `text` escapes the next byte: it ends with an odd number of backslashes.
fn is_escaped(text: &[u8]) -> bool {
    text.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1
}

/// True if the space at `end` belongs to a list of peers: `a, b`, `a : b`.
fn continues(line: &[u8], from: usize, end: usize) -> bool {
    let before = end.checked_sub(1).filter(|b| *b >= from).map(|b| line[b]);
    let next = &line[end..];
    before == Some(b',')
        || next.starts_with(b" : ")
        || (before == Some(b':') && line[from..end].ends_with(b" :"))
}

/// Resolves `\xXX`; nginx writes no other escape, so all else stays.
#[inline]
fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(escape) = memchr::memchr(b'\\', text) {
        out.extend_from_slice(&text[..escape]);
        let digits = text.get(escape + 1..escape + 4).filter(|d| d[0] == b'x');
        let byte = digits.and_then(|d| Some(hex(d[1])? * 16 + hex(d[2])?));
        out.push(byte.unwrap_or(b'\\'));
        text = &text[escape + if byte.is_some() { 4 } else { 1 }..];
    }
    out.extend_from_slice(text);
}

/// Resolves the escapes of `ngx_escape_json`: a backslash and one letter, or `\u00XX`.
fn unescape_json(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(escape) = memchr::memchr(b'\\', text) {
        out.extend_from_slice(&text[..escape]);
        let (byte, length) = match text.get(escape + 1) {
            Some(b'n') => (b'\n', 2),
            Some(b'r') => (b'\r', 2),
            Some(b't') => (b'\t', 2),
            Some(b'b') => (8, 2),
            Some(b'f') => (12, 2),
            Some(b'u') => {
                let digits = text.get(escape + 2..escape + 6).filter(|d| d.starts_with(b"00"));
                match digits.and_then(|d| Some(hex(d[2])? * 16 + hex(d[3])?)) {
                    Some(byte) => (byte, 6),
                    None => (b'\\', 1),
                }
            }
            Some(other) => (*other, 2),
            None => (b'\\', 1),
        };
        out.push(byte);
        text = &text[escape + length..];
    }
    out.extend_from_slice(text);
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::Builder;
    use crate::version::Version;

    const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

    fn format(text: &str, escape: Escape) -> (Format, Vec<String>) {
        let mut b = Builder::new(Version::new(1, 31, 5));
        let value = b.value(text);
        let config = b.build();
        let names = value.variables().map(|id| config.http.variables.get(id).name.clone()).collect();
        let format = LogFormat { name: "f".into(), escape, value, span: None };
        (Format::new(&format, &config.http.variables), names)
    }

    /// `name=value` of each value; only `name` if there is none.
    fn read(text: &str, escape: Escape, line: &[u8]) -> Result<Vec<String>, String> {
        let (format, names) = format(text, escape);
        let mut fields = Vec::new();
        format.read(line, &mut fields).map_err(|e| e.to_string())?;
        let show = |(field, name): (&Field, &String)| {
            let mut out = Vec::new();
            let has = format.value(line, field, &mut out);
            if has { format!("{name}={}", out.escape_ascii()) } else { name.clone() }
        };
        Ok(fields.iter().zip(&names).map(show).collect())
    }

    #[test]
    fn lines_of_every_escaping() {
        let upstream = "$remote_addr $upstream_addr $upstream_status $request_time";
        let json = r#"{"a":"$remote_addr","u":"$http_user_agent","s":$status}"#;
        let cases: &[(&str, Escape, &[u8], &[&str])] = &[
            (
                COMBINED,
                Escape::Default,
                br#"203.0.113.7 - bob [22/Nov/2026:19:54:51 +0000] "GET /a?b=\x22c\x5C HTTP/1.1" 200 612 "-" "curl \xE9""#,
                &[
                    "remote_addr=203.0.113.7",
                    "remote_user=bob",
                    "time_local=22/Nov/2026:19:54:51 +0000",
                    "request=GET /a?b=\\\"c\\\\ HTTP/1.1",
                    "status=200",
                    "body_bytes_sent=612",
                    "http_referer",
                    "http_user_agent=curl \\xe9",
                ],
            ),
            (
                upstream,
                Escape::Default,
                b"10.0.0.9 10.0.0.1:80, 10.0.0.2:80 : unix:/s 502, 200 : - 0.004",
                &[
                    "remote_addr=10.0.0.9",
                    "upstream_addr=10.0.0.1:80, 10.0.0.2:80 : unix:/s",
                    "upstream_status=502, 200 : -",
                    "request_time=0.004",
                ],
            ),
            (
                upstream,
                Escape::Default,
                b"10.0.0.9 - - 0.000",
                &["remote_addr=10.0.0.9", "upstream_addr", "upstream_status", "request_time=0.000"],
            ),
            (
                json,
                Escape::Json,
                br#"{"a":"::1","u":"a \"quoted\" \\","s":502}"#,
                &["remote_addr=::1", r#"http_user_agent=a \"quoted\" \\"#, "status=502"],
            ),
            (
                json,
                Escape::Json,
                br#"{"a":"","u":"\u0001\n\t","s":200}"#,
                &["remote_addr=", "http_user_agent=\\x01\\n\\t", "status=200"],
            ),
            (json, Escape::None, br#"{"a":"x","u":"\x41","s":1}"#, &["remote_addr=x", r"http_user_agent=\\x41", "status=1"]),
            ("[$request_id] $status", Escape::Default, b"[abc] 200", &["request_id=abc", "status=200"]),
            ("$status", Escape::Default, b"", &["status="]),
        ];
        for (text, escape, line, expected) in cases {
            assert_eq!(read(text, *escape, line).unwrap(), *expected, "{text}");
        }
    }

    #[test]
    fn foreign_lines_say_what_is_missing() {
        let cases = [
            (COMBINED, "", "expected ` - ` after byte 0"),
            (COMBINED, r#"a - - [t] "r" 200 1 "-" "-" more"#, "expected the end of the line at byte 27"),
            (COMBINED, r#"a - - [t] "r" 200 1 "-" "-"#, "expected `\"` after byte 25"),
            ("[$status]", "200]", "expected `[` after byte 0"),
        ];
        for (text, line, expected) in cases {
            assert_eq!(read(text, Escape::Default, line.as_bytes()).unwrap_err(), expected, "{line}");
        }
    }

    #[test]
    fn neighbours_cannot_be_told_apart() {
        let (format, _) = format("$remote_addr$remote_port $status", Escape::Default);
        assert_eq!(format.fields(), 2);
        assert!(format.parts[0].variable.is_none() && format.parts[1].variable.is_some());
    }
}
