//! Contexts: the blocks that a directive may stand in.

use std::fmt;

/// Context of a directive; one bit each in [`Contexts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names of the blocks; the build script includes this file too")]
#[non_exhaustive]
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
    Map,
    Geo,
    Types,
    CharsetMap,
    SplitClients,
}

/// A set of [`Context`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Contexts(pub u32);

impl Context {
    /// Every context that has directives.
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

    /// Blocks of entries, which have no directives.
    pub const ENTRIES: [Context; 5] =
        [Context::Map, Context::Geo, Context::Types, Context::CharsetMap, Context::SplitClients];

    /// Name as written in `grammar/` and on the command line.
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
            Context::Map => "map",
            Context::Geo => "geo",
            Context::Types => "types",
            Context::CharsetMap => "charset_map",
            Context::SplitClients => "split_clients",
        }
    }

    /// The context that a person names; `if` is the one in a location, in which more is allowed.
    pub fn named(text: &str) -> Option<Context> {
        if text == "if" {
            return Some(Context::IfInLocation);
        }
        Context::ALL.into_iter().chain(Context::ENTRIES).find(|c| c.name() == text)
    }

    /// Phrase for a sentence: "`x` is not allowed in …".
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
            Context::Map => "`map`",
            Context::Geo => "`geo`",
            Context::Types => "`types`",
            Context::CharsetMap => "`charset_map`",
            Context::SplitClients => "`split_clients`",
        }
    }
}

impl Contexts {
    /// True if `context` is in the set.
    pub fn contains(self, context: Context) -> bool {
        self.0 & (1 << context as u8) != 0
    }

    /// Members of the set, in the order of [`Context::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Context> {
        Context::ALL.into_iter().filter(move |&c| self.contains(c))
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Context::name)).finish()
    }
}
