//! Locations, and the blocks that nginx treats as locations without a name: `if` and `limit_except`.

use serde::{Deserialize, Serialize};

use super::http_settings::HttpSettings;
use super::proxy::{ProxyPass, Target};
use super::rewrite::Instruction;
use crate::source::Span;

/// Kind of a location: the way in which it is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// `location = /uri`
    Exact(#[serde(with = "super::serial::text")] Box<[u8]>),
    /// `location /uri`; with `^~`, regular expressions are not tried if this is the longest matching prefix.
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
    /// `limit_except`, and the methods without limits.
    LimitExcept(Vec<String>),
}

impl std::fmt::Display for LocationKind {
    /// Writes the location's head as in a configuration.
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

/// Content handler of a location (`content_handler`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Handler {
    /// `proxy_pass`
    Proxy(ProxyPass),
    /// `fastcgi_pass`, `scgi_pass` and `uwsgi_pass`; `grpc_pass` and the others, which only nginx executes.
    Pass(Pass),
    /// `stub_status`
    StubStatus(Span),
    /// `empty_gif`
    EmptyGif(Span),
    /// Handler that only nginx executes: its directive and place.
    Other(#[serde(with = "super::serial::word")] super::serial::word::AcceptedWord, Span),
}

/// Handler that passes requests on in another protocol than HTTP/1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The directive's name.
    #[serde(with = "super::serial::word")]
    pub directive: super::serial::word::AcceptedWord,
    /// `suwsgi://` or `grpcs://`
    pub tls: bool,
    /// Target of the requests.
    pub target: Target,
    /// The directive.
    pub span: Span,
}

impl Handler {
    /// Target of the requests, and the directive's name; `None` for a handler that produces the response itself.
    pub fn target(&self) -> Option<(&'static str, &Target)> {
        match self {
            Handler::Proxy(pass) => Some(("proxy_pass", &pass.target)),
            Handler::Pass(pass) => Some((pass.directive, &pass.target)),
            Handler::StubStatus(_) | Handler::EmptyGif(_) | Handler::Other(..) => None,
        }
    }

    /// Directive that set the handler.
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
    /// Kind of the location.
    pub kind: LocationKind,
    /// The block's head.
    pub span: Span,
    /// Insertion point for a directive: just after the opening brace.
    pub body: Span,
    /// Settings in force.
    pub settings: HttpSettings,
    /// Content handler; `None`: static files. An `if` or `limit_except` may have the outer location's handler.
    pub handler: Option<Handler>,
    /// `return`, `rewrite`, `set` and `if` in order.
    pub instructions: Vec<Instruction>,
    /// Inner locations, `if`s and `limit_except`s in source order.
    #[serde(with = "super::serial::nested")]
    pub inner: Vec<Location>,
}
