//! Places that read variables, by the text of the configuration: also in directives that the model does not hold.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Class;
use crate::syntax::{Configuration, Directive, Word};

/// Blocks whose last argument names the variable that they define.
const DEFINING_BLOCKS: &[&str] = &["map", "geo", "split_clients", "geoip2"];

/// Directives whose first argument names a variable that they define.
const DEFINING: &[&str] = &["set", "auth_request_set", "js_set", "js_var", "perl_set", "set_by_lua_file"];

/// Every place that reads a variable.
pub(super) struct VariableUses<'a> {
    by_name: HashMap<String, Vec<VariableUse<'a>>>,
    /// Nothing else can read variables: no script, no SSI, no file that is missing.
    pub(super) complete: bool,
}

/// A place that reads a variable.
#[derive(Clone)]
pub(super) struct VariableUse<'a> {
    /// The directive, or the entry of a map.
    pub(super) directive: Directive<'a>,
    /// The variable that the directive or entry defines, if any.
    pub(super) defines: Option<String>,
}

impl<'a> VariableUses<'a> {
    pub(super) fn new(configuration: &'a Configuration) -> Self {
        let mut uses = Self { by_name: HashMap::new(), complete: true };
        uses.complete = configuration.diagnostics.iter().all(|d| d.class != Class::Environment);
        for tree in &configuration.trees {
            let mut entries_end = 0;
            for directive in tree.directives() {
                if directive.head().start < entries_end {
                    continue;
                }
                let name = directive.name().content();
                if directive.block().is_some() && DEFINING_BLOCKS.iter().any(|n| n.as_bytes() == name) {
                    entries_end = directive.span().end;
                    uses.block(directive);
                } else {
                    uses.directive(directive, name);
                }
            }
        }
        uses
    }

    fn block(&mut self, directive: Directive<'a>) {
        let Some(last) = directive.args().next_back() else { return };
        let defines = last.content().strip_prefix(b"$").map(lower);
        // `geo $variable` reads the client address.
        let sources = directive.args().len().saturating_sub(1);
        for word in directive.args().take(sources) {
            self.word(word, directive, defines.as_ref());
        }
        let entries = directive.block().into_iter().flat_map(crate::syntax::Block::directives);
        for entry in entries {
            for word in entry.args() {
                self.word(word, entry, defines.as_ref());
            }
        }
    }

    fn directive(&mut self, directive: Directive<'a>, name: &[u8]) {
        let script = [&b"js_"[..], b"perl", b"ssi"].iter().any(|prefix| name.starts_with(prefix));
        if script || name.windows(7).any(|part| part == b"_by_lua") {
            self.complete = false;
        }
        let defining = DEFINING.iter().any(|n| n.as_bytes() == name);
        let defines = defining
            .then(|| directive.arg(0).and_then(|word| word.content().strip_prefix(b"$")).map(lower))
            .flatten();
        for word in directive.args().skip(usize::from(defining)) {
            self.word(word, directive, defines.as_ref());
        }
    }

    fn word(&mut self, word: Word<'a>, directive: Directive<'a>, defines: Option<&String>) {
        each_name(word.content(), |name| {
            let used = VariableUse { directive, defines: defines.cloned() };
            if !name.iter().any(u8::is_ascii_uppercase)
                && let Some(known) = std::str::from_utf8(name).ok().and_then(|n| self.by_name.get_mut(n))
            {
                known.push(used);
            } else {
                self.by_name.entry(lower(name)).or_default().push(used);
            }
        });
    }

    /// True if a variable is read; a variable that only its own definition reads is not.
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|uses| uses.iter().any(|u| u.defines.as_deref() != Some(name)))
    }

    /// The directives and entries that read a variable.
    pub(super) fn directives(&self, name: &str) -> impl Iterator<Item = Directive<'a>> {
        self.by_name.get(name).into_iter().flatten().map(|used| used.directive)
    }

    /// The directives that read a variable or one defined from it, each with the name that
    /// the directive reads.
    pub(super) fn reached(&self, name: &str) -> Vec<(String, Directive<'a>)> {
        let mut found = Vec::new();
        let mut seen = HashSet::from([name.to_owned()]);
        let mut open = vec![name.to_owned()];
        while let Some(name) = open.pop() {
            for used in self.by_name.get(&name).into_iter().flatten() {
                match &used.defines {
                    Some(next) if seen.insert(next.clone()) => open.push(next.clone()),
                    Some(_) => {}
                    None => found.push((name.clone(), used.directive)),
                }
            }
        }
        found
    }
}

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// The variables that a text names.
pub(super) fn names(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    each_name(text, |name| found.push(lower(name)));
    found
}

fn each_name(text: &[u8], mut found: impl FnMut(&[u8])) {
    for at in memchr::memchr_iter(b'$', text) {
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix(b"{").unwrap_or(rest);
        let end = rest.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(rest.len());
        if end > 0 {
            found(&rest[..end]);
        }
    }
}
