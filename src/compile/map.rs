//! `map`, and the entries of blocks that the model does not hold.

use std::collections::HashSet;

use super::directive::Directive;
use super::hash::{self, Table};
use super::headers::HashKeys;
use super::scope::Compiler;
use super::{regex, value};
use crate::diagnostic::{Diagnostic, FaultPhase};
use crate::model::map::{Map, MapDefault, MapEntry, MapKey};
use crate::model::value::VariableSource;
use crate::source::Span;
use crate::syntax::{self, Block, Terminator};

/// Keys of a `map`.
#[derive(Default)]
struct MapKeys {
    texts: HashSet<Vec<u8>>,
    /// Names with `hostnames`.
    names: HashKeys,
}

/// Compiles a `map` block (`ngx_http_map_block`).
pub(super) fn map<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let source = value::argument(cx, directive, 1);
    let position = cx.http.maps.len();
    let mut seen = MapKeys::default();
    let variable = value::define(cx, directive, 2, VariableSource::Map(position));
    let mut map = Map {
        source,
        variable: variable.unwrap_or(crate::model::VariableId(0)),
        entries: Vec::new(),
        default: None,
        hostnames: false,
        volatile: false,
        span: directive.span(),
    };
    entries(cx, block, &mut |cx, entry| map_entry(cx, &mut map, &mut seen, entry));
    hash::settled(cx, directive.span());
    let names: Vec<&[u8]> = seen.texts.iter().map(Vec::as_slice).chain(seen.names.plain()).collect();
    let table = Table {
        name: "map_hash",
        place: directive.span(),
        max_size: 2048,
        names: &names,
        when: FaultPhase::AfterBlock,
    };
    hash::check(cx, &table);
    // nginx puts the wildcards of `hostnames` into tables of their labels.
    if let Some(label) = seen.names.longest_label() {
        hash::check(cx, &Table { names: &[label], ..table });
    }
    if variable.is_some() {
        cx.http.maps.push(map);
    }
}

/// Checks a file that holds entries of a `map`.
pub(super) fn fragment<'t>(cx: &mut Compiler<'t>, block: Block<'t>) {
    let nothing = crate::model::ComplexValue::default();
    let mut map = Map {
        source: nothing,
        variable: crate::model::VariableId(0),
        entries: Vec::new(),
        default: None,
        hostnames: false,
        volatile: false,
        span: block.span(),
    };
    let mut seen = MapKeys::default();
    entries(cx, block, &mut |cx, entry| map_entry(cx, &mut map, &mut seen, entry));
}

/// Calls `see` for each entry of a block, includes expanded.
pub(super) fn entries<'t>(
    cx: &mut Compiler<'t>,
    block: Block<'t>,
    see: &mut dyn FnMut(&mut Compiler<'t>, syntax::Directive<'t>),
) {
    for entry in block.directives() {
        let included = super::block::included(cx, entry);
        if included.is_empty() {
            // A malformed `include` is an entry; the loader has reported an `include` without a file.
            if !entry.name().is("include") || entry.args().len() != 1 {
                see(cx, entry);
            }
            continue;
        }
        let outer = std::rc::Rc::clone(&cx.includes);
        cx.includes = outer.iter().copied().chain([entry.head()]).collect();
        for &file in included {
            entries(cx, cx.configuration.tree(file).root(), see);
        }
        cx.includes = outer;
    }
}

fn map_entry(cx: &mut Compiler<'_>, map: &mut Map, seen: &mut MapKeys, entry: syntax::Directive<'_>) {
    let key = entry.name().value();
    if entry.terminator() == Terminator::Block {
        cx.report(
            Diagnostic::error(
                "invalid-entry",
                entry.head(),
                "an entry of `map` is a key and a value, not a block",
            )
            .label("expected `;`")
            .nginx("unexpected \"{\""),
        );
        return;
    }
    match (&*key, entry.args().len()) {
        (b"hostnames", 0) => map.hostnames = true,
        (b"volatile", 0) => map.volatile = true,
        (_, 1) => {
            let Some(word) = entry.arg(0) else { return };
            let value = value::text(cx, &word.value(), word.span());
            if *key == *b"default" {
                set_default(cx, map, entry, value);
            } else {
                if !is_new(cx, &key, map.hostnames, seen, entry) {
                    return;
                }
                let key = self::key(cx, &key, map.hostnames, entry);
                map.entries.push(MapEntry { key, value, span: entry.head() });
            }
        }
        (_, found) => cx.report(
            Diagnostic::error(
                "invalid-entry",
                entry.head(),
                format!("an entry of `map` is a key and a value; found {} words", found + 1),
            )
            .label("expected two words")
            .help("quote a key or value that contains spaces")
            .nginx("invalid number of the map parameters"),
        ),
    }
}

/// True if a plain key can be added: the key is well-formed and new (`ngx_hash_add_key`).
fn is_new(
    cx: &mut Compiler<'_>,
    key: &[u8],
    hostnames: bool,
    seen: &mut MapKeys,
    entry: syntax::Directive<'_>,
) -> bool {
    if key.first() == Some(&b'~') {
        return true;
    }
    let key = key.strip_prefix(b"\\").unwrap_or(key);
    let shown = String::from_utf8_lossy(key).into_owned();
    if hostnames && !super::headers::wildcard(key) {
        let nginx = format!("invalid hostname or wildcard \"{shown}\"");
        entry_error(cx, entry.name().span(), &format!("`{shown}` is no name or wildcard"), nginx);
        return false;
    }
    let lower = key.to_ascii_lowercase();
    if if hostnames { seen.names.add(&lower) } else { seen.texts.insert(lower) } {
        return true;
    }
    let nginx = format!("conflicting parameter \"{}\"", shown.to_ascii_lowercase());
    entry_error(cx, entry.name().span(), &format!("`{shown}` stands twice in this `map`"), nginx);
    false
}

/// Reports an entry.
pub(super) fn entry_error(cx: &mut Compiler<'_>, span: Span, message: &str, nginx: impl Into<String>) {
    cx.report(Diagnostic::error("invalid-entry", span, message).label("not a valid entry").nginx(nginx));
}

fn set_default(
    cx: &mut Compiler<'_>,
    map: &mut Map,
    entry: syntax::Directive<'_>,
    value: crate::model::ComplexValue,
) {
    if let Some(first) = &map.default {
        let first = first.span;
        cx.report(
            Diagnostic::error("duplicate-default", entry.head(), "this `map` has two defaults")
                .label("second default")
                .related(first, "first default")
                .nginx("duplicate default map parameter"),
        );
        return;
    }
    map.default = Some(MapDefault { value, span: entry.head() });
}

fn key(cx: &mut Compiler<'_>, text: &[u8], hostnames: bool, entry: syntax::Directive<'_>) -> MapKey {
    if let Some(pattern) = text.strip_prefix(b"~") {
        let (pattern, caseless) = match pattern.strip_prefix(b"*") {
            Some(pattern) => (pattern, true),
            None => (pattern, false),
        };
        value::define_captures(cx, pattern, entry.name().span());
        regex::check(cx, pattern, caseless, entry.name().span());
        return MapKey::Regex { pattern: String::from_utf8_lossy(pattern).into_owned(), caseless };
    }
    // A leading backslash escapes the special meaning.
    let text = text.strip_prefix(b"\\").unwrap_or(text);
    if hostnames {
        let name = String::from_utf8_lossy(text).to_ascii_lowercase();
        if let Some(rest) = name.strip_prefix("*.") {
            return MapKey::Suffix(format!(".{rest}"));
        }
        if let Some(rest) = name.strip_suffix(".*") {
            return MapKey::Prefix(format!("{rest}."));
        }
        if let Some(rest) = name.strip_prefix('.') {
            return MapKey::Dot(rest.to_owned());
        }
    }
    MapKey::Exact(text.to_ascii_lowercase().into())
}

/// Records the variables that entries of a third-party block may define, as in `geoip2 … { $name … }`.
pub(super) fn foreign_entries<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let name = directive.name();
    entries(cx, block, &mut |cx, entry| {
        if let Some(variable) = entry.name().value().strip_prefix(b"$") {
            value::define_name(cx, variable, VariableSource::Other(name), entry.head());
        }
    });
}
