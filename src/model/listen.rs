//! Addresses that servers listen on (`ngx_http_core_listen`).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// An address of a listening socket or of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Endpoint {
    /// Address and port.
    Inet(SocketAddr),
    /// A host name that has to be resolved, and a port.
    Name(String, u16),
    /// `unix:` path.
    Unix(String),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Endpoint::Inet(address) => address.fmt(f),
            Endpoint::Name(host, port) => write!(f, "{host}:{port}"),
            Endpoint::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// One `listen`, or the `*:80` of a server that has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of the directive")]
pub struct Listen {
    /// Address of the socket.
    pub endpoint: Endpoint,
    /// `default_server`: the server is the address's default.
    pub default_server: bool,
    /// `ssl`
    pub ssl: bool,
    /// `http2`
    pub http2: bool,
    /// `quic`
    pub quic: bool,
    /// `udp`
    pub udp: bool,
    /// `proxy_protocol`
    pub proxy_protocol: bool,
    /// `reuseport`
    pub reuseport: bool,
    /// `backlog=`; nginx takes 511 on Linux when absent.
    pub backlog: Option<u32>,
    /// `ipv6only=`; on when absent.
    pub ipv6only: Option<bool>,
    /// The directive; `None` for the implied `*:80`.
    pub span: Option<Span>,
}

impl Listen {
    /// True for datagrams: TCP and UDP have ports of their own.
    pub fn is_datagram(&self) -> bool {
        self.quic || self.udp
    }

    /// A `listen` without parameters.
    pub fn new(endpoint: Endpoint, span: Option<Span>) -> Self {
        Self {
            endpoint,
            default_server: false,
            ssl: false,
            http2: false,
            quic: false,
            udp: false,
            proxy_protocol: false,
            reuseport: false,
            backlog: None,
            ipv6only: None,
            span,
        }
    }
}
