//! Directives as the catalog describes them.

use std::fmt;

use super::{Context, Contexts};
use crate::version::Version;

/// Allowed numbers of arguments, without the directive's name: bit n for n arguments, bit 15 for "15 and more". A
/// directive of `1+` has bits 1 to 15.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arity(pub u16);

/// Body of a directive: the text that follows its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Body {
    /// `;`
    None,
    /// `{` directives `}` of the given context (`server` in http and in stream are two directives).
    Directives(Context),
    /// `{` entries `}` with rules of their own: `map`, `geo`, `types` …
    Entries,
    /// `{` Lua source `}`
    Lua,
}

/// Origin of a directive: nginx itself, NGINX Plus or a module that is built separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// Open-source nginx.
    OpenSource,
    /// NGINX Plus only.
    Plus,
    /// nginx's separately built modules, njs, otel, acme.
    External,
    /// A well-known third-party module.
    ThirdParty,
    /// Declared by the user in a file of their own.
    Declared,
}

/// Meaning of a second occurrence in one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Duplicate {
    /// `"x" directive is duplicate`
    Reject,
    /// All occurrences count.
    Accumulate,
    /// All occurrences count, but no two may have the same key.
    Unique,
    /// The last occurrence wins.
    Last,
    /// The first occurrence wins.
    First,
    /// A second occurrence changes nothing.
    Idempotent,
    /// Unknown: the directive is not in open-source nginx.
    Unknown,
}

/// Inheritance of a value by inner levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Inheritance {
    /// An inner value replaces the outer one.
    Override,
    /// The list of the outer level is inherited only if the inner level has none of its own.
    Array,
    /// The value holds only in its own block.
    None,
    /// One value holds for the whole configuration.
    Global,
    /// Unknown (third-party modules).
    Unknown,
}

/// Treatment of a directive by `ngxc run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// The directive is executed as nginx does.
    Executed,
    /// The directive is skipped, with one note at start; holds the reason why skipping is safe.
    Ignored(&'static str),
    /// The start is refused.
    Refused,
}

/// The grammar of a directive's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "nginx's words, explained in grammar/README.md")]
#[non_exhaustive]
pub enum Kind {
    None,
    Flag,
    Num,
    Size,
    Offset,
    Msec,
    Sec,
    /// A time; the unit (milliseconds or seconds) is unknown.
    Time,
    Bufs,
    Enum,
    Bitmask,
    String,
    Strings,
    Complex,
    ComplexSize,
    Predicate,
    KeyValue,
    Bind,
    Access,
    PathLevels,
    Path,
    File,
    Uri,
    MimeTypes,
    Glob,
    Block,
    Listen,
    /// Accepted for old configurations, ignored by nginx with a warning.
    Obsolete,
    /// A grammar of its own, in the notation of `grammar/README.md`.
    Custom(&'static str),
    /// Unknown grammar.
    Unknown,
}

/// Default value of the versions before some version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldDefault {
    /// First version in which this default no longer holds.
    pub until: Version,
    /// The old value as written in a configuration; `None` if there was no default.
    pub value: Option<&'static str>,
}

/// Word that should no longer be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObsoleteWord {
    /// The word.
    pub word: &'static str,
    /// First version that discourages, ignores or rejects the word.
    pub since: Version,
    /// Word to write instead.
    pub replacement: Option<&'static str>,
}

/// A directive of one module. Where nginx has two handlers for one name (`if` in `server` and in `location`, `server`
/// in http and in stream) these are two directives.
#[derive(Debug)]
pub struct Directive {
    /// Position in [`super::DIRECTIVES`].
    pub id: u16,
    /// Name of the directive.
    pub name: &'static str,
    /// The module as documented, for example `ngx_http_proxy_module`.
    pub module: &'static str,
    /// Project of a third-party module, for example `openresty/lua-nginx-module`; empty for nginx's own modules.
    pub project: &'static str,
    /// Origin of the module.
    pub tier: Tier,
    /// Contexts that allow the directive.
    pub contexts: Contexts,
    /// Contexts that allow the directive only since a later version.
    pub contexts_since: &'static [(Context, Version)],
    /// Contexts that no longer allow the directive: the first version without.
    pub contexts_until: &'static [(Context, Version)],
    /// Allowed numbers of arguments.
    pub arity: Arity,
    /// Allowed numbers of arguments in NGINX Plus, where they differ.
    pub plus_arity: Option<Arity>,
    /// Allowed numbers of arguments before a version, oldest first.
    pub old_arities: &'static [(Version, Arity)],
    /// Body: the text that follows the arguments.
    pub body: Body,
    /// Grammar of the value.
    pub kind: Kind,
    /// Grammars of the value before a version, oldest first.
    pub old_kinds: &'static [(Version, Kind)],
    /// Words of an enum or a bitmask; keywords and `key=` parameters of other kinds.
    pub words: &'static [&'static str],
    /// Words that were added later than the directive.
    pub words_since: &'static [(&'static str, Version)],
    /// Words that should no longer be written; `words` need not contain them.
    pub words_obsolete: &'static [ObsoleteWord],
    /// Smallest and largest allowed number.
    pub bounds: Option<(i64, i64)>,
    /// Positions (from 1) of the arguments whose variables are evaluated per request, where known; empty: all. `None`:
    /// variables are not evaluated.
    pub variables: Option<&'static [u8]>,
    /// Position of the argument that names a variable which the directive defines; that argument may be left out.
    pub defines: Option<u8>,
    /// Default of the newest version, as written in a configuration: several lines are joined by `; `, and `4k|8k`
    /// depends on the machine (page size, cache line), the first being x86-64 Linux.
    pub default: Option<&'static str>,
    /// Defaults of older versions, oldest first.
    pub old_defaults: &'static [OldDefault],
    /// Meaning of a second occurrence.
    pub duplicate: Duplicate,
    /// Inheritance by inner levels.
    pub inheritance: Inheritance,
    /// Group of directives that form one list: a level that has any of them inherits none.
    pub inheritance_group: Option<&'static str>,
    /// Content handler that `if` and `limit_except` get from their location (nested locations do not).
    pub inherited_by_if: bool,
    /// True if the directive sets the content handler of a location.
    pub content_handler: bool,
    /// First version with the directive, where known.
    pub since: Option<Version>,
    /// First version of an older stable branch that got the directive too.
    pub backported: Option<Version>,
    /// First version without the directive.
    pub removed: Option<Version>,
    /// First version that ignores the directive with a warning.
    pub obsolete: Option<Version>,
    /// Directive to write instead.
    pub replacement: Option<&'static str>,
    /// Version that brought the directive to open-source nginx; before, only NGINX Plus had it.
    pub plus_only_before: Option<Version>,
    /// Operating system that the directive needs; a Linux build does not know the directive. `None`: any.
    pub platform: Option<&'static str>,
    /// Treatment by `ngxc run`.
    pub runtime: Runtime,
    /// Forms of the directive, as documented.
    pub syntax: &'static [&'static str],
    /// Example that nginx accepts in the directive's innermost context.
    pub sample: Option<&'static str>,
    /// Path of the documentation under nginx.org; empty if there is none.
    pub doc: &'static str,
}

impl Arity {
    /// True if `count` arguments are allowed.
    pub fn allows(self, count: usize) -> bool {
        self.0 & (1 << count.min(15)) != 0
    }
}

/// Phrase for a sentence: "no arguments", "1 to 3 arguments".
impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<usize> = (0..15).filter(|&n| self.allows(n)).collect();
        let plural = |n: usize| if n == 1 { "argument" } else { "arguments" };
        match counts.as_slice() {
            [] => write!(f, "15 or more arguments"),
            [0] => write!(f, "no arguments"),
            [0, ..] if self.allows(15) => write!(f, "any number of arguments"),
            [first, ..] if self.allows(15) => write!(f, "{first} or more arguments"),
            [one] => write!(f, "{one} {}", plural(*one)),
            [0, 1] => write!(f, "at most one argument"),
            [first, last] => write!(f, "{first} or {last} arguments"),
            [first, .., last] => write!(f, "{first} to {last} arguments"),
        }
    }
}

impl fmt::Debug for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arity({:#06x})", self.0)
    }
}

impl Directive {
    /// Values of the fields that `grammar/` leaves out.
    pub(super) const EMPTY: Directive = Directive {
        id: 0,
        name: "",
        module: "",
        project: "",
        tier: Tier::OpenSource,
        contexts: Contexts(0),
        contexts_since: &[],
        contexts_until: &[],
        arity: Arity(0),
        plus_arity: None,
        old_arities: &[],
        body: Body::None,
        kind: Kind::Unknown,
        old_kinds: &[],
        words: &[],
        words_since: &[],
        words_obsolete: &[],
        bounds: None,
        variables: None,
        defines: None,
        default: None,
        old_defaults: &[],
        duplicate: Duplicate::Unknown,
        inheritance: Inheritance::Unknown,
        inheritance_group: None,
        inherited_by_if: false,
        content_handler: false,
        since: None,
        backported: None,
        removed: None,
        obsolete: None,
        replacement: None,
        plus_only_before: None,
        platform: None,
        runtime: Runtime::Refused,
        syntax: &[],
        sample: None,
        doc: "",
    };

    /// True if nginx `version` knows the directive.
    pub fn exists_in(&self, version: Version) -> bool {
        let backported = self.backported.is_some_and(|first| {
            (first.major, first.minor) == (version.major, version.minor) && first <= version
        });
        let known = backported || self.since.is_none_or(|since| since <= version);
        known && self.removed.is_none_or(|removed| version < removed)
    }

    /// Default that holds in `version`, as written in a configuration.
    pub fn default_in(&self, version: Version) -> Option<&'static str> {
        self.old_defaults.iter().find(|old| version < old.until).map_or(self.default, |old| old.value)
    }

    /// Allowed numbers of arguments in `version`.
    pub fn arity_in(&self, version: Version) -> Arity {
        self.old_arities.iter().find(|&&(until, _)| version < until).map_or(self.arity, |&(_, arity)| arity)
    }

    /// Versions that changed the answer for `count` arguments into the one that holds in `version`.
    pub fn arity_changes(&self, count: usize, version: Version) -> impl Iterator<Item = Version> {
        let allows = self.arity_in(version).allows(count);
        self.old_arities.iter().filter(move |(_, old)| old.allows(count) != allows).map(|&(until, _)| until)
    }

    /// Grammar of the value in `version`.
    pub fn kind_in(&self, version: Version) -> Kind {
        self.old_kinds.iter().find(|&&(until, _)| version < until).map_or(self.kind, |&(_, kind)| kind)
    }

    /// Contexts that allow the directive in `version`.
    pub fn contexts_in(&self, version: Version) -> Contexts {
        let later = self.contexts_since.iter().filter(|&&(_, since)| version < since);
        let lost = self.contexts_until.iter().filter(|&&(_, until)| version < until);
        let bits = later.fold(self.contexts.0, |bits, &(context, _)| bits & !(1 << context as u32));
        Contexts(lost.fold(bits, |bits, &(context, _)| bits | 1 << context as u32))
    }

    /// Versions that changed the existence of the directive, its contexts, or the grammar of its value.
    pub fn changes(&self) -> impl Iterator<Item = Version> + use<> {
        let known = [self.since, self.backported, self.removed, self.obsolete, self.plus_only_before];
        let contexts = self.contexts_since.iter().chain(self.contexts_until).map(|&(_, version)| version);
        let kinds = self.old_kinds.iter().map(|&(until, _)| until);
        known.into_iter().flatten().chain(contexts).chain(kinds)
    }

    /// Context inside the directive's block when the directive stands in `outer`; `None` if `outer` does not allow the
    /// directive, or if its body does not contain directives.
    pub fn inner(&self, outer: Context) -> Option<Context> {
        match self.body {
            Body::Directives(inner) if self.contexts.contains(outer) => Some(inner),
            _ => None,
        }
    }
}
