//! The values that a text can have at a place: `set`, `map`, groups and nginx's own variables followed, as far as rules
//! need it. Every value is one way of several; each way is a row of known text and of open parts.

use std::rc::Rc;

use regex_syntax::hir::Hir;

use super::View;
use super::levels::Level;
use super::pattern::{self, Bytes, Pattern};
use super::sources;
use super::text::{self, Piece, is_name};
use crate::catalog::Context;
use crate::model::map::MapKey;
use crate::model::{ComplexValue, Segment, VariableSource};
use crate::syntax::Directive;

/// The most ways of one text, the longest row, and how far variables of variables are followed.
const MOST: usize = 64;
const LONGEST: usize = 24;
const DEEPEST: usize = 8;

/// A part of a value.
#[derive(Clone)]
pub(crate) enum Part {
    /// Known text.
    Text(Vec<u8>),
    /// Text that only the request decides.
    Open(Open),
}

/// What is known of an open part.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own; a part can have any of them"
)]
pub(crate) struct Open {
    /// The variable as the directive writes it, with `$`.
    pub(crate) name: String,
    /// With which bytes it can begin.
    pub(crate) first: Box<Bytes>,
    /// Which bytes it can contain.
    pub(crate) bytes: Box<Bytes>,
    /// Whether it can be empty.
    pub(crate) empty: bool,
    /// Whether the client chooses it.
    pub(crate) client: bool,
    /// Whether escapes of the URI were decoded.
    pub(crate) decoded: bool,
    /// Whether it is one byte at most.
    pub(crate) single: bool,
    /// Whether every value ends in a domain that is written out.
    pub(crate) domain: bool,
}

impl Open {
    fn new(bytes: Bytes) -> Self {
        Self {
            name: String::new(),
            first: Box::new(bytes),
            bytes: Box::new(bytes),
            empty: true,
            client: false,
            decoded: false,
            single: false,
            domain: false,
        }
    }

    /// Whether it can contain a byte.
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)]
    }

    /// Whether it can contain a line feed and something more: a line break alone begins no header.
    pub(crate) fn has_line_feed(&self) -> bool {
        self.has(b'\n') && !self.single
    }

    /// Whether what is not empty begins with `/` or `?`, so that a host ends before it.
    fn ends_host(&self) -> bool {
        (0..=255_u8).all(|b| !self.first[usize::from(b)] || matches!(b, b'/' | b'?'))
    }
}

/// One way a value can be.
pub(crate) type Row = Vec<Part>;

/// Where a value is read, and whose groups hold there.
#[derive(Clone)]
struct Place<'a> {
    view: View<'a>,
    level: Level<'a>,
    /// The entry of a `map` that is read: its groups come first.
    entry: Option<Rc<Pattern>>,
    /// Whether the client chooses what that `map` looks at, and whether it is decoded.
    client: bool,
    decoded: bool,
    depth: usize,
}

/// The ways in which a text of a directive in `level` can be read.
pub(crate) fn rows<'a>(view: View<'a>, level: Level<'a>, text: &[u8]) -> Vec<Row> {
    let place = Place { view, level, entry: None, client: false, decoded: false, depth: DEEPEST };
    of_pieces(&place, text::pieces(text), true)
}

fn of_pieces(place: &Place<'_>, pieces: Vec<Piece>, outermost: bool) -> Vec<Row> {
    let mut all: Vec<Row> = vec![Vec::new()];
    for piece in pieces {
        let (mut next, name) = match piece {
            Piece::Literal(text) => (vec![vec![Part::Text(text)]], None),
            Piece::Capture(n) => (capture(place, n), Some(format!("${n}"))),
            Piece::Variable(name) => (variable(place, &name), Some(format!("${name}"))),
        };
        if outermost && let Some(name) = name {
            for part in next.iter_mut().flatten() {
                if let Part::Open(open) = part {
                    open.name.clone_from(&name);
                }
            }
        }
        let joined = all.iter().flat_map(|head| next.iter().map(move |tail| [&head[..], &tail[..]].concat()));
        all = joined.filter(|row: &Row| row.len() <= LONGEST).take(MOST).collect();
    }
    all
}

fn open(open: Open) -> Vec<Row> {
    vec![vec![Part::Open(open)]]
}

/// A value of which nothing is known.
fn unknown() -> Vec<Row> {
    open(Open::new([true; 256]))
}

fn variable(place: &Place<'_>, name: &str) -> Vec<Row> {
    if place.depth == 0 {
        return unknown();
    }
    if let Some(group) = place.entry.as_ref().and_then(|p| p.named(name)) {
        return of_group(group, place.client, place.decoded);
    }
    let (view, level) = (place.view, place.level);
    let sets = deciding(level, sources::sets(view, level, name));
    if !sets.is_empty() {
        return of_sets(place, name, &sets);
    }
    let variables = &view.config.http.variables;
    let Some(id) = variables.find(name) else { return builtin(place, name) };
    match variables.get(id).source {
        VariableSource::Builtin => builtin(place, name),
        VariableSource::Map(position) => of_map(place, position),
        VariableSource::Capture => named(place, name),
        _ => unknown(),
    }
}

/// The `set`s that are not replaced by a later one of the same block.
fn deciding<'a>(level: Level<'a>, sets: Vec<(Level<'a>, Directive<'a>)>) -> Vec<(Level<'a>, Directive<'a>)> {
    let block = level.block();
    let last = sets.iter().filter(|(at, _)| *at == block).map(|(_, d)| d.head()).max_by_key(|s| s.start);
    let Some(last) = last else { return sets };
    let after = |d: &Directive<'_>| d.head().file != last.file || d.head().start >= last.start;
    sets.into_iter().filter(|(_, d)| after(d)).collect()
}

fn of_sets<'a>(place: &Place<'a>, name: &str, sets: &[(Level<'a>, Directive<'a>)]) -> Vec<Row> {
    let mut all = Vec::new();
    for &(at, set) in sets {
        let Some(word) = set.arg(1) else { continue };
        let pieces = text::pieces(&word.value());
        if pieces.contains(&Piece::Variable(name.to_owned())) {
            all.extend(unknown());
            continue;
        }
        let inner = Place { level: at, entry: None, depth: place.depth - 1, ..place.clone() };
        all.extend(of_pieces(&inner, pieces, false));
    }
    all.truncate(MOST);
    all
}

fn of_map(place: &Place<'_>, position: usize) -> Vec<Row> {
    let config = place.view.config;
    let map = &config.http.maps[position];
    let sources: Vec<&str> =
        map.source.variables().map(|id| config.http.variables.get(id).name.as_str()).collect();
    let client = sources.iter().any(|name| sources::is_raw(name));
    let decoded = sources.iter().any(|name| is_decoded(name));
    let mut all = Vec::new();
    for entry in &map.entries {
        let pattern = match &entry.key {
            MapKey::Regex { pattern, caseless } => place.level.pattern(pattern.as_bytes(), *caseless),
            _ => None,
        };
        let inner = Place { entry: pattern, client, decoded, depth: place.depth - 1, ..place.clone() };
        all.extend(of_value(&inner, &entry.value));
    }
    match &map.default {
        Some(default) => {
            let inner = Place { entry: None, depth: place.depth - 1, ..place.clone() };
            all.extend(of_value(&inner, &default.value));
        }
        None => all.push(Vec::new()),
    }
    all.truncate(MOST);
    all
}

fn of_value(place: &Place<'_>, value: &ComplexValue) -> Vec<Row> {
    let pieces = value.segments.iter().map(|segment| match segment {
        Segment::Literal(text) => Piece::Literal(AsRef::<[u8]>::as_ref(text).to_vec()),
        Segment::Capture(n) => Piece::Capture(*n),
        Segment::Variable(id) => Piece::Variable(place.view.config.http.variables.get(*id).name.clone()),
    });
    of_pieces(place, pieces.collect(), false)
}

fn is_decoded(name: &str) -> bool {
    matches!(name, "uri" | "document_uri")
}

fn builtin(place: &Place<'_>, name: &str) -> Vec<Row> {
    let mut raw = [true; 256];
    // The parser of requests refuses them.
    for byte in [0, b'\r', b'\n'] {
        raw[usize::from(byte)] = false;
    }
    let beginning = |mut value: Open, first: u8| {
        value.first = Box::new([false; 256]);
        value.first[usize::from(first)] = true;
        value
    };
    match name {
        "scheme" => ["http", "https"].iter().map(|s| vec![Part::Text(s.as_bytes().to_vec())]).collect(),
        "is_args" => vec![vec![Part::Text(b"?".to_vec())], Vec::new()],
        "uri" | "document_uri" => {
            let value = beginning(Open::new([true; 256]), b'/');
            open(Open { client: true, decoded: true, empty: false, ..value })
        }
        "request_uri" => open(Open { client: true, empty: false, ..beginning(Open::new(raw), b'/') }),
        "host" | "http_host" => {
            for byte in [b'/', b'?', b' '] {
                raw[usize::from(byte)] = false;
            }
            let client = name == "http_host" || sources::accepts_any_host(place.view, place.level);
            open(Open { client, empty: false, ..Open::new(raw) })
        }
        _ if sources::is_raw(name) => open(Open { client: true, ..Open::new(raw) }),
        _ => {
            raw.fill(true);
            for byte in [b'\r', b'\n'] {
                raw[usize::from(byte)] = false;
            }
            open(Open::new(raw))
        }
    }
}

fn of_group(group: &Hir, client: bool, decoded: bool) -> Vec<Row> {
    let bytes = pattern::bytes(group);
    let first = pattern::first(group);
    let domain = sources::ends_in_domain(group) && !bytes[usize::from(b'/')] && !bytes[usize::from(b'?')];
    open(Open {
        first: Box::new(first),
        empty: pattern::can_be_empty(group),
        client,
        decoded,
        single: group.properties().maximum_len() == Some(1),
        domain,
        ..Open::new(bytes)
    })
}

/// Patterns that can have given the groups of a place, each with whether it looks at the decoded URI, and whether at
/// what a client chooses: those of the block itself, else those of the blocks around it.
fn patterns(level: Level<'_>) -> Vec<(Rc<Pattern>, bool, bool)> {
    let mut found = Vec::new();
    for level in level.outward().take_while(|level| level.context() != Context::Http) {
        let own_if = level.head().filter(|head| head.name().is("if"));
        // An `if` that was entered has run its own pattern last.
        let inner_ifs = level.own("if").filter(|_| own_if.is_none());
        for head in own_if.into_iter().chain(inner_ifs) {
            let Some((operator, text)) = sources::condition(head) else { continue };
            if operator.starts_with(b"!") && own_if.is_some() {
                continue;
            }
            let variable = head.arg(0).map(|w| w.to_string().to_ascii_lowercase()).unwrap_or_default();
            let variable = variable.trim_start_matches(['(', ' ', '$']).to_owned();
            if let Some(pattern) = level.pattern(&text, operator.ends_with(b"*")).filter(|p| p.groups() > 0) {
                found.push((pattern, is_decoded(&variable), sources::is_raw(&variable)));
            }
        }
        for rewrite in level.own("rewrite") {
            let pattern = rewrite.arg(0).and_then(|w| level.pattern(&w.value(), false));
            found.extend(pattern.filter(|p| p.groups() > 0).map(|p| (p, true, true)));
        }
        let location = level.head().filter(|_| level.context() == Context::Location);
        if let Some(pattern) = location.and_then(|head| sources::location_pattern(level, head)) {
            found.push((pattern, true, true));
        }
        if found.iter().any(|(p, ..)| p.groups() > 0) {
            break;
        }
    }
    found
}

fn capture(place: &Place<'_>, n: u8) -> Vec<Row> {
    let number = u32::from(n);
    if let Some(group) = place.entry.as_ref().and_then(|p| p.group(number)) {
        return of_group(group, place.client, place.decoded);
    }
    let found = patterns(place.level);
    let rows =
        found.iter().filter_map(|(p, decoded, client)| Some(of_group(p.group(number)?, *client, *decoded)));
    let rows: Vec<Row> = rows.flatten().collect();
    if rows.is_empty() { unknown() } else { rows }
}

fn named(place: &Place<'_>, name: &str) -> Vec<Row> {
    let of_level = place.level.outward().flat_map(patterns);
    let mut rows: Vec<Row> = of_level
        .filter_map(|(p, decoded, client)| Some(of_group(p.named(name)?, client, decoded)))
        .flatten()
        .collect();
    let server = place.level.around(Context::Server);
    for directive in server.into_iter().flat_map(|server| server.own("server_name")) {
        for word in directive.args() {
            let value = word.value();
            let Some(pattern) = value.strip_prefix(b"~").and_then(|p| place.level.pattern(p, true)) else {
                continue;
            };
            for mut row in pattern.named(name).map(|g| of_group(g, true, false)).into_iter().flatten() {
                for part in &mut row {
                    if let Part::Open(open) = part {
                        // A host name of a request has none of them.
                        b"/? \r\n".iter().for_each(|b| open.bytes[usize::from(*b)] = false);
                    }
                }
                rows.push(row);
            }
        }
    }
    if rows.is_empty() { unknown() } else { rows }
}

/// Where a URL's host stands in a row: parts of the scheme, of the host, of the URI.
#[derive(Default)]
pub(crate) struct Url {
    /// Before `://`; empty for what has no scheme.
    pub(crate) scheme: Row,
    /// Host and port.
    pub(crate) host: Row,
    /// From `/` or `?` on.
    pub(crate) uri: Row,
}

/// Takes a row apart as `ngx_parse_url` does; `schemes`: it begins with `http://` or the like.
pub(crate) fn url(row: &[Part], schemes: bool) -> Url {
    let mut found = Url::default();
    let mut parts: std::collections::VecDeque<Part> = row.iter().cloned().collect();
    let mut in_scheme = schemes;
    while let Some(part) = parts.pop_front() {
        match part {
            Part::Text(text) if in_scheme => {
                let at = memchr::memmem::find(&text, b"://");
                let Some(at) = at else {
                    found.scheme.push(Part::Text(text));
                    continue;
                };
                in_scheme = false;
                found.scheme.push(Part::Text(text[..at].to_vec()));
                if text.len() > at + 3 {
                    parts.push_front(Part::Text(text[at + 3..].to_vec()));
                }
            }
            Part::Open(_) if in_scheme => found.scheme.push(part),
            Part::Text(text) => {
                let is_unix = found.host.is_empty() && text.starts_with(b"unix:");
                let end = text.iter().position(|b| matches!(b, b'/' | b'?')).filter(|_| !is_unix);
                let end = end.unwrap_or(text.len());
                if end > 0 {
                    found.host.push(Part::Text(text[..end].to_vec()));
                }
                if end < text.len() {
                    found.uri.push(Part::Text(text[end..].to_vec()));
                    found.uri.extend(parts);
                    return found;
                }
            }
            Part::Open(open) => {
                let ends = !found.host.is_empty() && open.ends_host();
                match (ends, open.empty) {
                    (true, false) => {
                        found.uri.push(Part::Open(open));
                        found.uri.extend(parts);
                        return found;
                    }
                    // Empty, or the URI: it is no part of the host in either case.
                    (true, true) => found.uri.push(Part::Open(open)),
                    (false, _) => found.host.push(Part::Open(open)),
                }
            }
        }
    }
    found
}

/// The part with which a client chooses the host of a URL.
pub(crate) fn chosen_host(url: &Url) -> Option<&Open> {
    let scheme = url.scheme.iter().find_map(|part| match part {
        Part::Open(open) if open.client && open.has(b'/') && open.has(b':') && !open.ends_host() => {
            Some(open)
        }
        _ => None,
    });
    if scheme.is_some() {
        return scheme;
    }
    for (at, part) in url.host.iter().enumerate() {
        match part {
            // A port: what follows is no host any more. A path of a socket is none either.
            Part::Text(text) if !text.starts_with(b"[") && text.contains(&b':') => return None,
            Part::Text(_) => {}
            Part::Open(open) => {
                let is_suffix = |part: &Part| match part {
                    Part::Text(text) => {
                        text.first().is_some_and(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
                    }
                    Part::Open(_) => false,
                };
                let suffixed = url.host[at + 1..].first().is_some_and(is_suffix);
                let chooses =
                    if suffixed { open.has(b'/') || open.has(b'?') } else { open.has(b'.') && !open.domain };
                if open.client && chooses && !open.single {
                    return Some(open);
                }
            }
        }
    }
    None
}

/// The name that has to be resolved, as far as it is known; `None` for an address, a socket, or what is not known.
pub(crate) fn host_name(url: &Url) -> Option<String> {
    let mut name = String::new();
    let mut open = false;
    for part in &url.host {
        match part {
            Part::Text(text) => name.push_str(&String::from_utf8_lossy(text)),
            Part::Open(_) => open = true,
        }
    }
    let host = text::without_port(name.as_bytes());
    if name.starts_with("unix:") || name.starts_with('[') {
        return None;
    }
    // Beside what is open there is a label of letters, so the whole is no address.
    let has_label = host.split('.').any(|label| label.bytes().any(|b| b.is_ascii_alphabetic()));
    (!open || host.contains('.') && has_label).then_some(name).filter(|_| is_name(&host))
}
