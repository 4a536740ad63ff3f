//! Every directive and variable nginx knows, as static tables made from `grammar/` at build time.
//!
//! A new directive is one entry in a file under `grammar/directives/`; nothing here changes.

use std::fmt;

use crate::version::Version;

/// Where a directive may stand; one bit each in [`Contexts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names of the blocks")]
pub enum Context {
    Main,
    Events,
    Http,
    Server,
    Location,
    IfInServer,
    IfInLocation,
    LimitExcept,
    Upstream,
    Stream,
    StreamServer,
    StreamUpstream,
    Mail,
    MailServer,
    Mgmt,
    OidcProvider,
    AcmeIssuer,
    OtelExporter,
    Rtmp,
    RtmpServer,
    RtmpApplication,
    RtmpRecorder,
}

/// A set of [`Context`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Contexts(pub u32);

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
    MimeTypes,
    Glob,
    Block,
    Listen,
    /// Accepted for old configurations, ignored by nginx with a warning.
    Obsolete,
    /// A setter of its own, in the notation of the reference facts.
    Custom(&'static str),
}

/// A default that held before some version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldDefault {
    /// First version in which it does not hold any more.
    pub until: Version,
    /// The old value as one would write it; `None` if there was none.
    pub value: Option<&'static str>,
}

/// A directive of one module.
#[derive(Debug)]
pub struct Directive {
    /// Position in [`DIRECTIVES`].
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// The module as documented, for example `ngx_http_proxy_module`.
    pub module: &'static str,
    /// Whose it is.
    pub tier: Tier,
    /// Where it may stand.
    pub contexts: Contexts,
    /// How many arguments.
    pub arity: Arity,
    /// What follows the arguments.
    pub body: Body,
    /// Grammar of the value.
    pub kind: Kind,
    /// Words of an enum or a bitmask; keywords and `key=` parameters of other kinds.
    pub words: &'static [&'static str],
    /// Words that came later than the directive.
    pub words_since: &'static [(&'static str, Version)],
    /// Smallest and largest number.
    pub bounds: Option<(i64, i64)>,
    /// Whether variables in the value are evaluated per request; argument positions from 1 where known
    /// (empty: all).
    pub variables: Option<&'static [u8]>,
    /// Default of the newest version, as one would write it.
    pub default: Option<&'static str>,
    /// Defaults of older versions, oldest first.
    pub old_defaults: &'static [OldDefault],
    /// What a second one means.
    pub duplicate: Duplicate,
    /// How it inherits.
    pub inheritance: Inheritance,
    /// Whether it sets the content handler of a location.
    pub content_handler: bool,
    /// First version with it, where known.
    pub since: Option<Version>,
    /// First version without it.
    pub removed: Option<Version>,
    /// First version that ignores it with a warning.
    pub obsolete: Option<Version>,
    /// What to write instead.
    pub replacement: Option<&'static str>,
    /// Before this version it was NGINX Plus only.
    pub plus_only_before: Option<Version>,
    /// What `ngxc run` does with it.
    pub runtime: Runtime,
    /// Its forms, as documented.
    pub syntax: &'static [&'static str],
    /// Path of its documentation under nginx.org; empty if none.
    pub doc: &'static str,
}

/// Where a variable exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "nginx's words")]
pub enum Subsystem {
    Http,
    Stream,
}

/// A built-in variable.
#[derive(Debug)]
pub struct Variable {
    /// Its name without `$`; of a prefix family the prefix, for example `http_`.
    pub name: &'static str,
    /// Where it exists.
    pub subsystem: Subsystem,
    /// Its module.
    pub module: &'static str,
    /// Whose it is.
    pub tier: Tier,
    /// Whether any name with this prefix is a variable.
    pub prefix: bool,
    /// Whether `set`, `map` … may redefine it.
    pub settable: bool,
    /// Whether it exists only in `log_format`.
    pub log_only: bool,
    /// First version with it, where known.
    pub since: Option<Version>,
    /// Path of its documentation under nginx.org; empty if none.
    pub doc: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

impl Context {
    /// Every context.
    pub const ALL: [Context; 22] = [
        Context::Main,
        Context::Events,
        Context::Http,
        Context::Server,
        Context::Location,
        Context::IfInServer,
        Context::IfInLocation,
        Context::LimitExcept,
        Context::Upstream,
        Context::Stream,
        Context::StreamServer,
        Context::StreamUpstream,
        Context::Mail,
        Context::MailServer,
        Context::Mgmt,
        Context::OidcProvider,
        Context::AcmeIssuer,
        Context::OtelExporter,
        Context::Rtmp,
        Context::RtmpServer,
        Context::RtmpApplication,
        Context::RtmpRecorder,
    ];

    /// As written in `grammar/` and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Context::Main => "main",
            Context::Events => "events",
            Context::Http => "http",
            Context::Server => "server",
            Context::Location => "location",
            Context::IfInServer => "if-in-server",
            Context::IfInLocation => "if-in-location",
            Context::LimitExcept => "limit_except",
            Context::Upstream => "upstream",
            Context::Stream => "stream",
            Context::StreamServer => "stream-server",
            Context::StreamUpstream => "stream-upstream",
            Context::Mail => "mail",
            Context::MailServer => "mail-server",
            Context::Mgmt => "mgmt",
            Context::OidcProvider => "oidc_provider",
            Context::AcmeIssuer => "acme_issuer",
            Context::OtelExporter => "otel_exporter",
            Context::Rtmp => "rtmp",
            Context::RtmpServer => "rtmp-server",
            Context::RtmpApplication => "rtmp-application",
            Context::RtmpRecorder => "rtmp-recorder",
        }
    }

    /// As said in a sentence: "`x` is not allowed in …".
    pub fn phrase(self) -> &'static str {
        match self {
            Context::Main => "the main context",
            Context::Events => "`events`",
            Context::Http => "`http`",
            Context::Server => "`server`",
            Context::Location => "`location`",
            Context::IfInServer => "`if` in `server`",
            Context::IfInLocation => "`if` in `location`",
            Context::LimitExcept => "`limit_except`",
            Context::Upstream => "`upstream`",
            Context::Stream => "`stream`",
            Context::StreamServer => "`server` in `stream`",
            Context::StreamUpstream => "`upstream` in `stream`",
            Context::Mail => "`mail`",
            Context::MailServer => "`server` in `mail`",
            Context::Mgmt => "`mgmt`",
            Context::OidcProvider => "`oidc_provider`",
            Context::AcmeIssuer => "`acme_issuer`",
            Context::OtelExporter => "`otel_exporter`",
            Context::Rtmp => "`rtmp`",
            Context::RtmpServer => "`server` in `rtmp`",
            Context::RtmpApplication => "`application` in `rtmp`",
            Context::RtmpRecorder => "`recorder` in `rtmp`",
        }
    }
}

impl Contexts {
    /// Whether `context` is one of them.
    pub fn contains(self, context: Context) -> bool {
        self.0 & (1 << context as u8) != 0
    }

    /// The members, in the order of [`Context::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Context> {
        Context::ALL.into_iter().filter(move |&c| self.contains(c))
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Context::name)).finish()
    }
}

impl Arity {
    /// Whether `count` arguments are allowed.
    pub fn allows(self, count: usize) -> bool {
        self.0 & (1 << count.min(15)) != 0
    }
}

impl fmt::Debug for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arity({:#06x})", self.0)
    }
}

impl Directive {
    /// Whether nginx `version` knows it.
    pub fn exists_in(&self, version: Version) -> bool {
        self.since.is_none_or(|since| since <= version) && self.removed.is_none_or(|removed| version < removed)
    }

    /// The default that holds in `version`, as one would write it.
    pub fn default_in(&self, version: Version) -> Option<&'static str> {
        self.old_defaults.iter().find(|old| version < old.until).map_or(self.default, |old| old.value)
    }
}
