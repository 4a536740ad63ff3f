//! State of a session of `stream` beyond what it has like a request: its counts, its status, its peer.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::model::Endpoint;

/// Things a `ClientHello` says, read without terminating TLS (`ssl_preread`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Version: the highest of `supported_versions`, else that of the `ClientHello`.
    pub(crate) version: [u8; 2],
    /// Name of SNI.
    pub(crate) server_name: Vec<u8>,
    /// Protocols of ALPN, joined by commas.
    pub(crate) alpn: Vec<u8>,
}

/// A session of `stream` (`ngx_stream_session_t`, `ngx_stream_upstream_t`).
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// `$status`; 0 until the session ends.
    pub(crate) status: u16,
    /// The client speaks UDP.
    pub(crate) is_udp: bool,
    /// Bytes from and to the client.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Bytes from and to the upstream.
    pub(crate) upstream_received: u64,
    pub(crate) upstream_sent: u64,
    /// `proxy_pass` has begun: lines of the error log have the peer and the counts.
    pub(crate) is_proxied: bool,
    /// Name of the peer.
    pub(crate) peer: String,
    pub(crate) hello: Option<Hello>,
    /// Number of `pass`es so far.
    pub(crate) passes: u32,
}

impl Session {
    /// The end of a line of the error log (`ngx_stream_log_error`, `ngx_stream_proxy_log_error`).
    pub(crate) fn describe(&self, remote: Option<SocketAddr>, listen: &Endpoint) -> String {
        let udp = if self.is_udp { "udp " } else { "" };
        let address = remote.map_or_else(|| "unix:".to_owned(), |a| a.ip().to_string());
        let mut text = format!(", {udp}client: {address}, server: {listen}");
        if self.is_proxied {
            if !self.peer.is_empty() {
                // Writing to memory does not fail.
                let _ = write!(text, ", upstream: \"{}\"", self.peer);
            }
            text.push_str(&self.counts());
        }
        text
    }

    /// `, bytes from/to client:…`
    pub(crate) fn counts(&self) -> String {
        format!(
            ", bytes from/to client:{}/{}, bytes from/to upstream:{}/{}",
            self.received, self.sent, self.upstream_received, self.upstream_sent
        )
    }
}
