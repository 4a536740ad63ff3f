//! Settings of `ngx_http_proxy_module`.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::setting::settings;
use super::upstream::UpstreamId;
use super::value::ComplexValue;
use crate::source::Span;

/// `proxy_http_version`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HttpVersion {
    /// `1.0`
    Http10,
    /// `1.1`
    Http11,
    /// `2`, since 1.29.4
    Http2,
}

impl HttpVersion {
    /// Version as written in the directive.
    pub fn name(self) -> &'static str {
        match self {
            HttpVersion::Http10 => "1.0",
            HttpVersion::Http11 => "1.1",
            HttpVersion::Http2 => "2",
        }
    }
}

/// One `proxy_set_header`. Two are equal if name and value are equal, wherever they stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Name as written; compared case-insensitively.
    #[serde(with = "super::serial::text")]
    pub name: Box<[u8]>,
    /// Value; an empty one: the header is not sent.
    pub value: ComplexValue,
    /// The directive.
    pub span: Span,
}

impl PartialEq for Header {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl Eq for Header {}

/// `proxy_bind`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bind {
    /// Not bound: the kernel chooses the source address.
    Off,
    /// A fixed address; port 0: any.
    Address {
        /// The address.
        address: SocketAddr,
        /// `transparent`
        transparent: bool,
    },
    /// An address that is evaluated per request; empty or invalid: not bound.
    Value {
        /// The text.
        value: ComplexValue,
        /// `transparent`
        transparent: bool,
    },
}

/// `proxy_pass`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyPass {
    /// `https://`
    pub tls: bool,
    /// Target of the requests.
    pub target: Target,
    /// Host and port as written: `$proxy_host`. Empty if the URL has variables.
    pub host: String,
    /// The URI part that replaces the location's prefix, if one is written.
    pub uri: Option<ComplexValue>,
    /// Name of the enclosing location, which the URI part replaces.
    #[serde(with = "super::serial::text")]
    pub prefix: Box<[u8]>,
    /// The directive.
    pub span: Span,
}

/// Headers of the client that nginx makes itself or does not pass on (`ngx_http_proxy_headers`).
pub const REPLACED_HEADERS: [&[u8]; 8] = [
    b"Host",
    b"Connection",
    b"Content-Length",
    b"Transfer-Encoding",
    b"TE",
    b"Keep-Alive",
    b"Expect",
    b"Upgrade",
];

impl ProxyPass {
    /// Text that `proxy_redirect default` replaces, and its replacement; `None` if the URL has variables.
    pub fn default_redirect(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        if let Target::Value(_) = self.target {
            return None;
        }
        let scheme: &[u8] = if self.tls { b"https://" } else { b"http://" };
        let url = [scheme, self.host.as_bytes()].concat();
        match &self.uri {
            None => Some(([&url[..], b"/"].concat(), b"/".to_vec())),
            Some(uri) => uri.constant().map(|uri| ([&url[..], uri].concat(), self.prefix.to_vec())),
        }
    }
}

/// Target of `proxy_pass`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Target {
    /// An `upstream` block, or the implicit one of a bare host.
    Upstream(UpstreamId),
    /// A URL that is evaluated per request.
    Value(ComplexValue),
}

settings! {
    /// `ngx_http_proxy_module`: version, headers, source address and timeouts.
    pub struct ProxySettings {
        /// `proxy_http_version`: HTTP version of upstream requests.
        http_version: HttpVersion = "proxy_http_version",
        /// `proxy_set_header`: headers of this level; they replace all headers of the outer level.
        set_header: Vec<Header> = "proxy_set_header",
        /// `proxy_bind`: source address.
        bind: Bind = "proxy_bind",
        /// `proxy_connect_timeout`: time to connect.
        connect_timeout: Duration = "proxy_connect_timeout",
        /// `proxy_read_timeout`: time between two reads.
        read_timeout: Duration = "proxy_read_timeout",
        /// `proxy_send_timeout`: time between two writes.
        send_timeout: Duration = "proxy_send_timeout",
    }
}

impl ProxySettings {
    /// The `proxy_set_header` in force for a name, compared case-insensitively. nginx sends all headers of a name; lint
    /// and preview speak of the last.
    pub fn header(&self, name: &[u8]) -> Option<&Header> {
        self.set_header.value.iter().rev().find(|h| h.name.eq_ignore_ascii_case(name))
    }
}
