//! Directives and variables of modules that only the user knows, declared in the format of `grammar/directives/`.

use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

use super::{
    Arity, Context, DIRECTIVES, Directive, Duplicate, Inheritance, Kind, ObsoleteWord, OldDefault, Runtime,
    Subsystem, Tier, Variable, context, lookup,
};
use crate::version;
use crate::version::Version;

// The build script's reader: one format, one way to read it.
#[allow(dead_code, unreachable_pub, reason = "the build script uses the rest")]
#[path = "../../grammar/build/check.rs"]
mod check;
#[allow(dead_code, unreachable_pub, reason = "the build script uses the rest")]
#[path = "../../grammar/build/entry.rs"]
mod entry;
#[allow(dead_code, unreachable_pub, reason = "the build script uses the rest")]
#[path = "../../grammar/build/read.rs"]
mod read;

/// No two declared directives have one [`Directive::id`], and none has that of a directive of the table.
static NEXT_ID: AtomicU16 = AtomicU16::new(DIRECTIVES.len() as u16);

/// Declarations of one file. Entries live as long as the program: read each file once.
#[derive(Debug, Default)]
pub struct DeclaredNames {
    directives: Vec<&'static Directive>,
    variables: Vec<&'static Variable>,
}

impl DeclaredNames {
    /// Reads the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// Fault of each entry: file, entry, field and what was expected. A directive that nginx itself has in the
    /// same context cannot be declared anew.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let (directives, variables) = read::declared(path, text, &mut problems);
        for declared in &directives {
            let own = lookup::directives(declared.entry.name.as_bytes())
                .iter()
                .any(|d| d.tier == Tier::OpenSource && d.contexts.0 & declared.contexts.0 != 0);
            if own {
                let name = &declared.entry.name;
                problems.push(format!(
                    "{}: directive `{name}`: nginx has it; expected a name that is not nginx's own",
                    path.display()
                ));
            }
        }
        let (first, count) = (NEXT_ID.load(Ordering::Relaxed), directives.len());
        if usize::from(first) + count >= usize::from(u16::MAX) {
            problems.push(format!("{}: too many directives are declared", path.display()));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let first = NEXT_ID.fetch_add(count as u16, Ordering::Relaxed);
        Ok(Self {
            directives: (first..)
                .zip(directives)
                .map(|(id, d)| &*Box::leak(Box::new(directive(id, d))))
                .collect(),
            variables: variables.into_iter().map(|v| &*Box::leak(Box::new(variable(v)))).collect(),
        })
    }

    /// The directives of a name.
    pub fn directives<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'static Directive> + 'a {
        self.directives.iter().copied().filter(move |d| d.name.as_bytes() == name)
    }

    /// The directive of this name that `context` allows.
    pub fn in_context(&self, name: &[u8], context: Context) -> Option<&'static Directive> {
        self.directives(name).find(|d| d.contexts.contains(context))
    }

    /// The variable that `$name` is, by its name or by the prefix of its family.
    pub fn variable(&self, subsystem: Subsystem, name: &[u8]) -> Option<&'static Variable> {
        let own = self.variables.iter().copied().filter(|v| v.subsystem == subsystem);
        own.clone()
            .find(|v| v.name.as_bytes() == name)
            .or_else(|| own.filter(|v| v.prefix).find(|v| name.starts_with(v.name.as_bytes())))
    }

    /// The names of the directives.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.directives.iter().map(|d| d.name)
    }
}

fn directive(id: u16, from: check::CheckedDirective) -> Directive {
    let entry = from.entry;
    Directive {
        id,
        name: text(entry.name),
        module: text(from.module),
        project: text(from.project),
        tier: Tier::Declared,
        contexts: super::Contexts(from.contexts.0),
        contexts_since: list(from.contexts_since),
        contexts_until: list(from.contexts_until),
        arity: Arity(from.arity),
        plus_arity: from.plus_arity.map(Arity),
        old_arities: list(from.old_arities.into_iter().map(|(until, n)| (until, Arity(n)))),
        body: match from.body {
            check::Body::None => super::Body::None,
            check::Body::Directives(context) => super::Body::Directives(context),
            check::Body::Entries => super::Body::Entries,
            check::Body::Lua => super::Body::Lua,
        },
        kind: entry.grammar.map_or_else(|| entry.kind.map_or(Kind::Unknown, kind), |g| Kind::Custom(text(g))),
        old_kinds: list(entry.old_kinds.into_iter().map(|old| (parsed(&old.until), kind(old.kind)))),
        words: list(entry.words.into_iter().map(text)),
        words_since: list(entry.words_since.into_iter().map(|(word, since)| (text(word), parsed(&since)))),
        words_obsolete: list(entry.words_obsolete.into_iter().map(|old| ObsoleteWord {
            word: text(old.word),
            since: parsed(&old.since),
            replacement: old.replacement.map(text),
        })),
        bounds: entry.bounds,
        variables: entry.variables.map(list),
        defines: entry.defines,
        default: entry.default.map(text),
        old_defaults: list(
            entry
                .old_defaults
                .into_iter()
                .map(|old| OldDefault { until: parsed(&old.until), value: old.value.map(text) }),
        ),
        duplicate: duplicate(from.duplicate),
        inheritance: inheritance(from.inheritance),
        inheritance_group: entry.inherit_group.map(text),
        inherited_by_if: entry.if_inherit,
        content_handler: entry.content_handler,
        since: entry.since.as_deref().map(parsed),
        backported: entry.backported.as_deref().map(parsed),
        removed: entry.removed.as_deref().map(parsed),
        obsolete: entry.obsolete.as_deref().map(parsed),
        replacement: entry.replacement.map(text),
        plus_only_before: entry.plus_only_before.as_deref().map(parsed),
        platform: entry.platform.map(text),
        // `ngxc run` has no code for it: a wish to have it executed cannot be met.
        runtime: match entry.runtime {
            Some(entry::Runtime::Ignored(reason)) => Runtime::Ignored(text(reason)),
            Some(entry::Runtime::Executed) | None => Runtime::Refused,
        },
        syntax: list(entry.syntax.into_iter().map(text)),
        sample: entry.sample.map(text),
        doc: text(from.doc),
    }
}

fn variable(from: check::CheckedVariable) -> Variable {
    let entry = from.entry;
    Variable {
        name: text(entry.name),
        subsystem: match entry.subsystem {
            entry::Subsystem::Http => Subsystem::Http,
            entry::Subsystem::Stream => Subsystem::Stream,
        },
        module: text(entry.module),
        tier: Tier::Declared,
        prefix: entry.prefix,
        settable: entry.settable,
        nocacheable: entry.nocacheable,
        deprecated: entry.deprecated,
        internal: entry.internal,
        log_only: entry.log_only,
        since: entry.since.as_deref().map(parsed),
        doc: text(entry.doc),
    }
}

fn text(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn list<T>(items: impl IntoIterator<Item = T>) -> &'static [T] {
    Box::leak(items.into_iter().collect())
}

/// A version that was checked before.
fn parsed(text: &str) -> Version {
    text.parse().unwrap_or(Version::new(0, 0, 0))
}

/// Names of one enum for those of another that has the same.
macro_rules! same_names {
    ($function:ident, $type:ident: $($name:ident)*) => {
        fn $function(from: entry::$type) -> $type {
            match from {
                $(entry::$type::$name => $type::$name,)*
            }
        }
    };
}

same_names!(duplicate, Duplicate: Reject Accumulate Unique Last First Idempotent Unknown);
same_names!(inheritance, Inheritance: Override Array None Global Unknown);
same_names!(kind, Kind: None Flag Num Size Offset Msec Sec Time Bufs Enum Bitmask String Strings Complex ComplexSize
    Predicate KeyValue Bind Access PathLevels Path File Uri MimeTypes Glob Block Listen Obsolete Unknown);
