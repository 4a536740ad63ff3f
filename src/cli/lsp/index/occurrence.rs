//! All names of a configuration, with their places.

use std::collections::{HashMap, HashSet};

use super::table::{Argument, Kind, ROWS};
use super::variable;
use crate::catalog::{self, Context, Subsystem};
use crate::cli::lsp::contexts;
use crate::source::{FileId, Span};
use crate::syntax::{Block, Configuration, Directive, IncludeChain, Word};

/// Identity of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) subsystem: Subsystem,
    pub(crate) name: String,
    /// Head of the server that a named location belongs to.
    scope: Option<Span>,
}

/// A name at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Occurrence {
    /// The name alone, without `$`, quotes and `zone=`.
    pub(crate) span: Span,
    pub(crate) key: Key,
    /// The place defines the name.
    pub(crate) defines: bool,
}

/// Names of a configuration, in the order of their places.
pub(crate) struct Names {
    all: Vec<Occurrence>,
    by_key: HashMap<Key, Vec<usize>>,
}

impl Names {
    /// Collects the names; `outer` are the blocks around the main file.
    pub(crate) fn of(configuration: &Configuration, outer: &[Context]) -> Self {
        let mut collector = Collector { configuration, outer, found: Vec::new(), upstreams: HashSet::new() };
        let root = configuration.tree(configuration.main).root();
        collector.block(root, &IncludeChain::default(), &mut Vec::new());
        let Collector { mut found, upstreams, .. } = collector;
        // A host of `proxy_pass` that no upstream has is a host.
        found.retain(|one| one.key.kind != Kind::Upstream || upstreams.contains(&one.key));
        found.sort_unstable();
        found.dedup();
        let mut by_key: HashMap<Key, Vec<usize>> = HashMap::new();
        for (at, one) in found.iter().enumerate() {
            by_key.entry(one.key.clone()).or_default().push(at);
        }
        Self { all: found, by_key }
    }

    /// The name at a place; a place behind the last letter counts.
    pub(crate) fn at(&self, file: FileId, offset: u32) -> Option<&Occurrence> {
        let end = self.all.partition_point(|one| (one.span.file, one.span.start) <= (file, offset));
        // Names do not overlap, so the last that begins before the place is the only candidate.
        let one = self.all[..end].last()?;
        (one.span.file == file && offset <= one.span.end).then_some(one)
    }

    /// Places of a name.
    pub(crate) fn of_key(&self, key: &Key) -> impl Iterator<Item = &Occurrence> {
        self.by_key.get(key).map_or(&[][..], Vec::as_slice).iter().map(|at| &self.all[*at])
    }

    /// Names of a kind that the configuration defines, each once.
    pub(crate) fn defined(&self, kind: Kind, subsystem: Subsystem) -> Vec<&str> {
        let all = self
            .all
            .iter()
            .filter(|one| one.defines && one.key.kind == kind && one.key.subsystem == subsystem);
        let mut names: Vec<&str> = all.map(|one| one.key.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// All names with their places.
    pub(crate) fn all(&self) -> &[Occurrence] {
        &self.all
    }
}

struct Collector<'a> {
    configuration: &'a Configuration,
    outer: &'a [Context],
    found: Vec<Occurrence>,
    upstreams: HashSet<Key>,
}

impl<'a> Collector<'a> {
    fn block(&mut self, block: Block<'a>, chain: &IncludeChain, around: &mut Vec<Directive<'a>>) {
        for (directive, chain) in self.configuration.expanded_within(block, chain) {
            self.directive(directive, around);
            if let Some(inner) = directive.block() {
                around.push(directive);
                self.block(inner, &chain, around);
                around.pop();
            }
        }
    }

    fn directive(&mut self, directive: Directive<'a>, around: &[Directive<'a>]) {
        let subsystem = contexts::subsystem(self.outer, around);
        let name = directive.name();
        for row in ROWS.iter().filter(|row| name.is(row.directive)) {
            for (word, range) in arguments(directive, row.argument) {
                let text = &word.raw()[range.clone()];
                if text.is_empty() || memchr::memchr(b'$', text).is_some() {
                    continue;
                }
                let is_named = row.kind == Kind::NamedLocation;
                if is_named && !text.starts_with(b"@") {
                    continue;
                }
                let server = around.iter().rev().find(|block| block.name().is("server"));
                let key = Key {
                    kind: row.kind,
                    subsystem,
                    name: String::from_utf8_lossy(text).into_owned(),
                    scope: server.filter(|_| is_named).map(|server| server.head()),
                };
                if row.kind == Kind::Upstream && row.defines {
                    self.upstreams.insert(key.clone());
                }
                self.push(word, range, key, row.defines);
            }
        }
        self.variables(directive, around, subsystem);
    }

    fn variables(&mut self, directive: Directive<'a>, around: &[Directive<'a>], subsystem: Subsystem) {
        let name = directive.name().value();
        let context = contexts::context(self.outer, around);
        let entry = context.and_then(|context| catalog::in_context(&name, context));
        let is_entry = around.last().is_some_and(|block| {
            block.name().is("map") || block.name().is("geo") || block.name().is("split_clients")
        });
        let count = directive.args().count();
        for (position, word) in directive.words().enumerate() {
            let raw = word.raw();
            let key = |range: &std::ops::Range<usize>| Key {
                kind: Kind::Variable,
                subsystem,
                name: String::from_utf8_lossy(&raw[range.clone()]).to_ascii_lowercase(),
                scope: None,
            };
            for range in variable::groups(raw) {
                let key = key(&range);
                self.push(word, range, key, true);
            }
            if position == 0 && !is_entry {
                continue;
            }
            let defined = entry.and_then(|entry| entry.defines).map(usize::from);
            // The argument may be left out in front: `geo $variable`.
            let is_definition = defined.is_some_and(|at| position == at.min(count)) && raw.starts_with(b"$");
            for range in variable::used(raw) {
                // `$1` is a group of the last expression, not a name.
                if raw[range.clone()].iter().all(u8::is_ascii_digit) {
                    continue;
                }
                let key = key(&range);
                self.push(word, range, key, is_definition);
            }
        }
    }

    fn push(&mut self, word: Word<'_>, range: std::ops::Range<usize>, key: Key, defines: bool) {
        let whole = word.span();
        if self.configuration.is_stand_in(whole.file) {
            return;
        }
        let at = |offset: usize| whole.start as usize + offset;
        let span = Span::new(whole.file, at(range.start), at(range.end));
        self.found.push(Occurrence { span, key, defines });
    }
}

/// Words of an argument, and the range of the name in each as written.
fn arguments<'t>(directive: Directive<'t>, argument: Argument) -> Vec<(Word<'t>, std::ops::Range<usize>)> {
    let whole = |word: Word<'t>| (word, unquoted(word.raw()));
    match argument {
        Argument::At(at) => directive.arg(at).map(whole).into_iter().collect(),
        Argument::Last => directive.args().next_back().map(whole).into_iter().collect(),
        Argument::Host => {
            let word = directive.arg(0);
            word.map(|word| (word, host(word.raw(), unquoted(word.raw())))).into_iter().collect()
        }
        Argument::Parameter(name) => directive
            .args()
            .filter_map(|word| {
                let range = unquoted(word.raw());
                let text = &word.raw()[range.clone()];
                let value = text.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
                let start = range.end - value.len();
                let length = memchr::memchr(b':', value).unwrap_or(value.len());
                Some((word, start..start + length))
            })
            .collect(),
    }
}

/// Range of a word without its quotes.
fn unquoted(raw: &[u8]) -> std::ops::Range<usize> {
    match raw {
        [first @ (b'"' | b'\''), .., last] if first == last => 1..raw.len() - 1,
        _ => 0..raw.len(),
    }
}

/// Range of the host in an address or URL.
fn host(raw: &[u8], range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let text = &raw[range.clone()];
    let scheme = memchr::memmem::find(text, b"://").map_or(0, |at| at + 3);
    let rest = &text[scheme..];
    let length = rest.iter().position(|byte| b"/?:".contains(byte)).unwrap_or(rest.len());
    let start = range.start + scheme;
    start..start + length
}
