//! Locations, and the blocks that nginx treats as locations without a name: `if` and `limit_except`.

use serde::{Deserialize, Serialize};

use super::http_settings::HttpSettings;
use super::proxy::{ProxyPass, Target};
use super::rewrite::Instruction;
use crate::source::Span;

/// How a location is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// `location = /uri`
    Exact(#[serde(with = "super::serial::text")] Box<[u8]>),
    /// `location /uri`; with `^~` no regular expression is tried when it is the longest match.
    Prefix {
        /// The prefix.
        #[serde(with = "super::serial::text")]
        uri: Box<[u8]>,
        /// `^~`
        no_regex: bool,
    },
    /// `location ~ regex`, `location ~* regex`
    Regex {
        /// The pattern as written.
        pattern: String,
        /// `~*`
        caseless: bool,
    },
    /// `location @name`, with the `@`.
    Named(String),
    /// `if (…)`
    If,
    /// `limit_except`, and the methods that it does not limit.
    LimitExcept(Vec<String>),
}

impl std::fmt::Display for LocationKind {
    /// As it is written in a configuration.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LocationKind::Exact(uri) => write!(f, "location = {}", String::from_utf8_lossy(uri)),
            LocationKind::Prefix { uri, no_regex } => {
                write!(f, "location {}{}", if *no_regex { "^~ " } else { "" }, String::from_utf8_lossy(uri))
            }
            LocationKind::Regex { pattern, caseless } => {
                write!(f, "location ~{} {pattern}", if *caseless { "*" } else { "" })
            }
            LocationKind::Named(name) => write!(f, "location {name}"),
            LocationKind::If => f.write_str("if"),
            LocationKind::LimitExcept(methods) => write!(f, "limit_except {}", methods.join(" ")),
        }
    }
}

/// What answers a request (`content_handler`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// `proxy_pass`
    Proxy(ProxyPass),
    /// `fastcgi_pass`, and `grpc_pass` and the like, which only nginx executes.
    Pass(Pass),
    /// `stub_status`
    StubStatus(Span),
    /// `empty_gif`
    EmptyGif(Span),
    /// A handler that only nginx executes: its directive and place.
    Other(#[serde(with = "super::serial::word")] super::serial::word::Known, Span),
}

/// A handler that passes requests on in another protocol than HTTP/1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The directive's name.
    #[serde(with = "super::serial::word")]
    pub directive: super::serial::word::Known,
    /// Where the request goes.
    pub target: Target,
    /// The directive.
    pub span: Span,
}

impl Handler {
    /// Where the requests go, and the directive's name; `None` for a handler that answers itself.
    pub fn target(&self) -> Option<(&'static str, &Target)> {
        match self {
            Handler::Proxy(pass) => Some(("proxy_pass", &pass.target)),
            Handler::Pass(pass) => Some((pass.directive, &pass.target)),
            Handler::StubStatus(_) | Handler::EmptyGif(_) | Handler::Other(..) => None,
        }
    }

    /// The directive that set it.
    pub fn span(&self) -> Span {
        match self {
            Handler::Proxy(pass) => pass.span,
            Handler::Pass(pass) => pass.span,
            Handler::StubStatus(span) | Handler::EmptyGif(span) | Handler::Other(_, span) => *span,
        }
    }
}

/// A location.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Location {
    /// How it is chosen.
    pub kind: LocationKind,
    /// The block's head.
    pub span: Span,
    /// Where a directive can be added: just after the opening brace.
    pub body: Span,
    /// What holds in it.
    pub settings: HttpSettings,
    /// Who answers; `None`: files. In an `if` or `limit_except` this can be the outer location's.
    pub handler: Option<Handler>,
    /// `return`, `rewrite`, `set` and `if` in order.
    pub instructions: Vec<Instruction>,
    /// Inner locations, `if`s and `limit_except`s in source order.
    #[serde(with = "super::serial::nested")]
    pub inner: Vec<Location>,
}
