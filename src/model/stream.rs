//! The `stream` block: servers for TCP and UDP, and the tables that all of them share.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::Word;
use super::http::Http;
use super::proxy::Target;
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

/// `stream { … }`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stream {
    /// The block's head.
    pub span: Span,
    /// All that `stream` has like `http`: the addresses, names, `set`s and settings of each server (access, limits, logs,
    /// TLS, source address), the upstreams, variables, maps, zones and log formats.
    pub shared: Http,
    /// All that a server has beyond [`Http::servers`] of `shared`, in the same order.
    pub servers: Vec<StreamServer>,
}

/// `server { … }` in `stream`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StreamServer {
    /// Settings that `http` does not have.
    #[serde(with = "super::serial::shared")]
    pub settings: Arc<StreamSettings>,
    /// Content handler; `None`: sessions are closed.
    pub handler: Option<StreamHandler>,
}

/// Content handler of a server (`ngx_stream_content_handler_pt`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamHandler {
    /// `proxy_pass`: the target, and the place of the directive.
    Proxy(Target, Span),
    /// `pass`: the address of a listening socket that takes the connection.
    Pass(ComplexValue, Span),
    /// `return`: the text that is sent.
    Return(ComplexValue, Span),
}

/// `proxy_ssl_alpn`: protocols that are offered to the upstream; those that are empty are left out.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Protocols(pub Vec<ComplexValue>);

settings! {
    /// Settings of `stream` without a counterpart in `http`, or with another meaning there.
    pub struct StreamSettings {
        /// `preread_buffer_size`: bytes that are read before the content handler, at most.
        preread_buffer_size: u64 = "preread_buffer_size",
        /// `preread_timeout`: time in which they have to come.
        preread_timeout: Duration = "preread_timeout",
        /// `proxy_protocol_timeout`: time in which a PROXY protocol header has to come.
        proxy_protocol_timeout: Duration = "proxy_protocol_timeout",
        /// `tcp_nodelay`: set `TCP_NODELAY` on client and upstream connections.
        tcp_nodelay: bool = "tcp_nodelay",
        /// `ssl_preread`: read the `ClientHello` without terminating TLS.
        ssl_preread: bool = "ssl_preread",
        /// `ssl_handshake_timeout`: time for the handshake with a client.
        ssl_handshake_timeout: Duration = "ssl_handshake_timeout",
        /// `ssl_alpn`: protocols of which one is chosen for a client.
        ssl_alpn: Vec<String> = "ssl_alpn",
        /// `proxy_timeout`: time between two reads or writes of a session.
        proxy_timeout: Duration = "proxy_timeout",
        /// `proxy_buffer_size`: bytes of a buffer for each direction.
        proxy_buffer_size: u64 = "proxy_buffer_size",
        /// `proxy_upload_rate`: bytes per second that are read from the client; 0: unlimited.
        proxy_upload_rate: ComplexValue = "proxy_upload_rate",
        /// `proxy_download_rate`: bytes per second that are read from the upstream; 0: unlimited.
        proxy_download_rate: ComplexValue = "proxy_download_rate",
        /// `proxy_requests`: datagrams of a client after which a new session begins; 0: any number.
        proxy_requests: u32 = "proxy_requests",
        /// `proxy_responses`: datagrams that the upstream sends for one of the client; `None`: any number.
        proxy_responses: Option<u32> = "proxy_responses",
        /// `proxy_half_close`: each direction is closed by itself.
        proxy_half_close: bool = "proxy_half_close",
        /// `proxy_protocol`: begin upstream connections with a PROXY protocol header of version 1 or 2.
        proxy_protocol: Word = "proxy_protocol",
        /// `proxy_next_upstream`: try the next peer if a connection fails.
        proxy_next_upstream: bool = "proxy_next_upstream",
        /// `proxy_ssl`: speak TLS with the upstream.
        proxy_ssl: bool = "proxy_ssl",
        /// `proxy_ssl_alpn`: protocols that are offered to the upstream.
        proxy_ssl_alpn: Protocols = "proxy_ssl_alpn",
    }
}
