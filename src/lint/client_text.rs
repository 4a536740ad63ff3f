//! Texts that a client can put before a pattern: the path, a host, or what a value is made of.

use super::levels::Level;
use super::redos::{Bytes, Text};
use super::text::{self, Piece};
use super::values::codes::Point;
use super::values::{self, Open, ValuePart};
use super::{Target, sources};
use crate::catalog::Context;
use crate::model::VariableSource;

/// The part of a buffer that the rest of the line takes: method and version, or the name of a header.
const REST_OF_LINE: usize = 64;
/// The default of `large_client_header_buffers`, and the most that is looked at.
const BUFFER: usize = 8192;
const LARGEST_BUFFER: usize = 65_536;
/// The most ways of one value that are looked at.
const MOST_WAYS: usize = 8;

/// The longest line of a request at a place.
fn longest(level: Level<'_>) -> usize {
    let size = |name: &str, argument: usize| {
        let directive = level.effective(name)?;
        bytes(&directive.arg(argument)?.to_string())
    };
    let large = size("large_client_header_buffers", 1).unwrap_or(BUFFER);
    let first = size("client_header_buffer_size", 0).unwrap_or(0);
    large.max(first).min(LARGEST_BUFFER).saturating_sub(REST_OF_LINE)
}

/// `8k` as a number.
fn bytes(text: &str) -> Option<usize> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1024),
        None => (
            text.strip_suffix(['m', 'M']).unwrap_or(text),
            if text.ends_with(['m', 'M']) { 1 << 20 } else { 1 },
        ),
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

/// The path of a request that comes to a place; `None` if there is only one.
pub(super) fn path(level: Level<'_>) -> Option<Text> {
    let mut path = Text::path(longest(level));
    path.path = !level.is("merge_slashes", "off");
    for location in level.outward().filter(|level| level.context() == Context::Location) {
        let Some(head) = location.head() else { continue };
        if let Some((pattern, caseless)) = sources::regex_of_location(head) {
            path.matching.push((String::from_utf8(pattern.into_owned()).ok()?, caseless));
            continue;
        }
        match (head.arg(0)?.value(), head.arg(1)) {
            // One path, or none that a client asks for.
            (first, _) if first.starts_with(b"=") || first.starts_with(b"@") => return None,
            (first, prefix) => {
                let prefix = prefix.filter(|_| &*first == b"^~").map_or(first, crate::syntax::Word::value);
                if prefix.len() > path.before.len() {
                    path.before = prefix.strip_prefix(b"^~").unwrap_or(&prefix).to_vec();
                }
            }
        }
    }
    Some(path)
}

/// The host of a request, as `server_name` sees it (`ngx_http_validate_host`).
pub(super) fn host(level: Level<'_>) -> Text {
    let bytes = Bytes::range(0x21, 0xff).without(b"/\x7f:").and(Bytes::range(b'A', b'Z').not());
    Text { bytes, ..Text::any(longest(level)) }
}

/// The bytes of a variable of nginx itself, if a client chooses it.
fn builtin(level: Level<'_>, name: &str) -> Option<Text> {
    let any = Text::any(longest(level));
    let line = Bytes::range(0x21, 0xff).without(b"\x7f");
    let header = Bytes::ALL.without(b"\0\r\n");
    let bytes = match name {
        "uri" | "document_uri" => return path(level),
        "host" => return Some(host(level)),
        "http_host" => Bytes::range(0x21, 0xff).without(b"/\x7f"),
        "request_uri" => return Some(Text { before: b"/".to_vec(), bytes: line, ..any }),
        "args" | "query_string" => line,
        "request" => line.with(b' '),
        "request_method" => Bytes::range(b'A', b'Z').or(Bytes::of(b"_-")),
        "remote_user" | "request_body" => Bytes::ALL,
        _ if name.starts_with("arg_") => line.without(b"&"),
        _ if name.starts_with("cookie_") => header.without(b";"),
        _ if name.starts_with("http_") => header,
        _ => return None,
    };
    Some(Text { bytes, ..any })
}

/// The texts of a value at a moment where the client chooses some of it.
pub(super) fn value<'a>(target: Target<'a>, point: Point<'a>, value: &[u8]) -> Vec<Text> {
    let level = point.level;
    let pieces = text::pieces(value);
    if let [Piece::Variable(name)] = pieces.as_slice() {
        let variables = &target.config.http.variables;
        let is_builtin =
            variables.find(name).is_none_or(|id| variables.get(id).source == VariableSource::Builtin);
        let is_set = target.levels().sets(name).next().is_some();
        if is_builtin && !is_set {
            return builtin(level, name).into_iter().collect();
        }
    }
    let rows = values::rows_at(target.view(), point, value);
    let mut found: Vec<Text> = Vec::new();
    for row in rows {
        let is_chosen =
            |part: &ValuePart| matches!(part, ValuePart::Open(open) if open.client && !open.single);
        let Some(at) = row.parts.iter().position(is_chosen) else { continue };
        let (before, after) = (around(&row.parts[..at]), around(&row.parts[at + 1..]));
        if let ValuePart::Open(open) = &row.parts[at] {
            let text = Text { before, after, ..chosen(level, open) };
            if !found.contains(&text) {
                found.push(text);
            }
        }
        if found.len() == MOST_WAYS {
            break;
        }
    }
    found
}

/// The part of a value that a client chooses.
fn chosen(level: Level<'_>, open: &Open) -> Text {
    let bytes = Bytes::such(|byte| open.has(byte));
    let any = Text::any(longest(level));
    if open.decoded {
        let path = Text::path(longest(level));
        return Text { bytes: bytes.and(path.bytes), escaped: path.escaped, ..any };
    }
    Text { bytes: bytes.without(b"\0\r\n"), ..any }
}

/// The text around that part: an open part there is left empty, or one byte long.
fn around(parts: &[ValuePart]) -> Vec<u8> {
    let mut text = Vec::new();
    for part in parts {
        match part {
            ValuePart::Text(known) => text.extend_from_slice(known),
            ValuePart::Open(open) if open.empty => {}
            ValuePart::Open(open) => text.extend(Bytes::such(|b| open.first[usize::from(b)]).best()),
        }
    }
    text
}
