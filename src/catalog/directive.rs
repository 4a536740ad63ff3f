//! What is known about a directive.

use std::fmt;

use super::{Context, Contexts};
use crate::version::Version;

/// Which numbers of arguments (without the name) a directive takes: bit n for n, bit 15 for "15 and more".
/// A directive of `1+` has bits 1 to 15.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arity(pub u16);

/// What follows the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// Whose directive it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Open-source nginx.
    OpenSource,
    /// NGINX Plus only.
    Plus,
    /// nginx's separately built modules, njs, otel, acme.
    External,
    /// A well-known third-party module.
    ThirdParty,
}

/// What a second occurrence in one block means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Duplicate {
    /// `"x" directive is duplicate`
    Reject,
    /// All count.
    Accumulate,
    /// All count, but no two with the same key.
    Unique,
    /// The last one wins.
    Last,
    /// The first one wins.
    First,
    /// A second one changes nothing.
    Idempotent,
    /// Not known (directives that are not in open-source nginx).
    Unknown,
}

/// How an inner level gets the value of an outer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inheritance {
    /// An inner value replaces the outer one.
    Override,
    /// The list of the outer level is inherited only if the inner level has none of its own.
    Array,
    /// It holds where it stands.
    None,
    /// One value for everything.
    Global,
    /// Not known (third-party modules).
    Unknown,
}

/// What `ngxc run` does with a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Executed as nginx does.
    Executed,
    /// Skipped, and said once at start; the reason why that is safe.
    Ignored(&'static str),
    /// Refused at start.
    Refused,
}

/// The grammar of a directive's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "nginx's words, explained in grammar/README.md")]
pub enum Kind {
    None,
    Flag,
    Num,
    Size,
    Offset,
    Msec,
    Sec,
    /// A time; milliseconds or seconds is not known.
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
    /// Not known.
    Unknown,
}

/// A default that held before some version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldDefault {
    /// First version in which it does not hold any more.
    pub until: Version,
    /// The old value as one would write it; `None` if there was none.
    pub value: Option<&'static str>,
}

/// A word that should not be written any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObsoleteWord {
    /// The word.
    pub word: &'static str,
    /// First version that discourages, ignores or rejects it.
    pub since: Version,
    /// What to write instead.
    pub replacement: Option<&'static str>,
}

/// A directive of one module. Where nginx has two handlers for one name (`if` in `server` and in `location`, `server`
/// in http and in stream) these are two directives.
#[derive(Debug)]
pub struct Directive {
    /// Position in [`super::DIRECTIVES`].
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// The module as documented, for example `ngx_http_proxy_module`.
    pub module: &'static str,
    /// Where a third-party module comes from, for example `openresty/lua-nginx-module`; empty for nginx's own.
    pub project: &'static str,
    /// Whose it is.
    pub tier: Tier,
    /// Where it may stand.
    pub contexts: Contexts,
    /// Contexts that came later than the directive.
    pub contexts_since: &'static [(Context, Version)],
    /// Contexts that it has lost: the first version without.
    pub contexts_until: &'static [(Context, Version)],
    /// How many arguments.
    pub arity: Arity,
    /// How many in NGINX Plus, where that differs.
    pub plus_arity: Option<Arity>,
    /// How many before a version, oldest first.
    pub old_arities: &'static [(Version, Arity)],
    /// What follows the arguments.
    pub body: Body,
    /// Grammar of the value.
    pub kind: Kind,
    /// Grammars of the value before a version, oldest first.
    pub old_kinds: &'static [(Version, Kind)],
    /// Words of an enum or a bitmask; keywords and `key=` parameters of other kinds.
    pub words: &'static [&'static str],
    /// Words that came later than the directive.
    pub words_since: &'static [(&'static str, Version)],
    /// Words that should not be written any more; they need not be in `words`.
    pub words_obsolete: &'static [ObsoleteWord],
    /// Smallest and largest number.
    pub bounds: Option<(i64, i64)>,
    /// Whether variables in the value are evaluated per request; argument positions from 1 where known
    /// (empty: all).
    pub variables: Option<&'static [u8]>,
    /// Default of the newest version, as one would write it: several lines are joined by `; `, and `4k|8k` depends on
    /// the machine (page size, cache line), the first being x86-64 Linux.
    pub default: Option<&'static str>,
    /// Defaults of older versions, oldest first.
    pub old_defaults: &'static [OldDefault],
    /// What a second one means.
    pub duplicate: Duplicate,
    /// How it inherits.
    pub inheritance: Inheritance,
    /// Directives of one group form one list: a level that has any of them inherits none.
    pub inheritance_group: Option<&'static str>,
    /// A content handler that `if` and `limit_except` get from their location (nested locations do not).
    pub inherited_by_if: bool,
    /// Whether it sets the content handler of a location.
    pub content_handler: bool,
    /// First version with it, where known.
    pub since: Option<Version>,
    /// First version of an older stable branch that got it too.
    pub backported: Option<Version>,
    /// First version without it.
    pub removed: Option<Version>,
    /// First version that ignores it with a warning.
    pub obsolete: Option<Version>,
    /// What to write instead.
    pub replacement: Option<&'static str>,
    /// Before this version it was NGINX Plus only.
    pub plus_only_before: Option<Version>,
    /// Operating system it needs, if not every one: a Linux build does not know it.
    pub platform: Option<&'static str>,
    /// What `ngxc run` does with it.
    pub runtime: Runtime,
    /// Its forms, as documented.
    pub syntax: &'static [&'static str],
    /// An example that nginx accepts in its innermost context.
    pub sample: Option<&'static str>,
    /// Path of its documentation under nginx.org; empty if none.
    pub doc: &'static str,
}

impl Arity {
    /// Whether `count` arguments are allowed.
    pub fn allows(self, count: usize) -> bool {
        self.0 & (1 << count.min(15)) != 0
    }
}

/// As said in a sentence: "no arguments", "1 to 3 arguments".
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
    /// What `grammar/` leaves out.
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

    /// Whether nginx `version` knows it.
    pub fn exists_in(&self, version: Version) -> bool {
        let backported = self.backported.is_some_and(|first| {
            (first.major, first.minor) == (version.major, version.minor) && first <= version
        });
        let known = backported || self.since.is_none_or(|since| since <= version);
        known && self.removed.is_none_or(|removed| version < removed)
    }

    /// The default that holds in `version`, as one would write it.
    pub fn default_in(&self, version: Version) -> Option<&'static str> {
        self.old_defaults.iter().find(|old| version < old.until).map_or(self.default, |old| old.value)
    }

    /// How many arguments it takes in `version`.
    pub fn arity_in(&self, version: Version) -> Arity {
        self.old_arities.iter().find(|&&(until, _)| version < until).map_or(self.arity, |&(_, arity)| arity)
    }

    /// The versions that changed whether it takes `count` arguments to what holds in `version`.
    pub fn arity_changes(&self, count: usize, version: Version) -> impl Iterator<Item = Version> {
        let allows = self.arity_in(version).allows(count);
        self.old_arities.iter().filter(move |(_, old)| old.allows(count) != allows).map(|&(until, _)| until)
    }

    /// The grammar of its value in `version`.
    pub fn kind_in(&self, version: Version) -> Kind {
        self.old_kinds.iter().find(|&&(until, _)| version < until).map_or(self.kind, |&(_, kind)| kind)
    }

    /// Where it may stand in `version`.
    pub fn contexts_in(&self, version: Version) -> Contexts {
        let later = self.contexts_since.iter().filter(|&&(_, since)| version < since);
        let lost = self.contexts_until.iter().filter(|&&(_, until)| version < until);
        let bits = later.fold(self.contexts.0, |bits, &(context, _)| bits & !(1 << context as u32));
        Contexts(lost.fold(bits, |bits, &(context, _)| bits | 1 << context as u32))
    }

    /// The versions that changed whether it exists, where it may stand, or the grammar of its value.
    pub fn changes(&self) -> impl Iterator<Item = Version> + use<> {
        let known = [self.since, self.backported, self.removed, self.obsolete, self.plus_only_before];
        let contexts = self.contexts_since.iter().chain(self.contexts_until).map(|&(_, version)| version);
        let kinds = self.old_kinds.iter().map(|&(until, _)| until);
        known.into_iter().flatten().chain(contexts).chain(kinds)
    }

    /// The context inside its block when it stands in `outer`; `None` if it may not stand there, or if its body is
    /// not made of directives.
    pub fn inner(&self, outer: Context) -> Option<Context> {
        match self.body {
            Body::Directives(inner) if self.contexts.contains(outer) => Some(inner),
            _ => None,
        }
    }
}
