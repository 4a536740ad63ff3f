//! Settings of `ngx_http_ssl_module` and `ngx_http_v2_module`, and of TLS towards peers.

use std::time::Duration;

use super::argument::{Word, Words};
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// What TLS and HTTP/2 need. Files are named, never held: keys stay where they are.
    pub struct TlsSettings {
        /// Files with certificates and the chains that go with them.
        certificate: Vec<ComplexValue> = "ssl_certificate",
        /// Files with their keys, in the same order.
        certificate_key: Vec<ComplexValue> = "ssl_certificate_key",
        /// Versions spoken to clients.
        protocols: Words = "ssl_protocols",
        /// Ciphers in the words of OpenSSL.
        ciphers: String = "ssl_ciphers",
        /// Whether the server's order of ciphers counts.
        prefer_server_ciphers: bool = "ssl_prefer_server_ciphers",
        /// Groups for the key exchange, separated by colons.
        ecdh_curve: String = "ssl_ecdh_curve",
        /// Whether nobody gets a connection who asks for this server.
        reject_handshake: bool = "ssl_reject_handshake",
        /// Whether data that comes with the handshake is taken.
        early_data: bool = "ssl_early_data",
        /// Whether clients have to show a certificate.
        verify_client: Word = "ssl_verify_client",
        /// Certificates that clients are verified with, which they are told.
        client_certificate: String = "ssl_client_certificate",
        /// More of them, which they are not told.
        trusted_certificate: String = "ssl_trusted_certificate",
        /// What has been revoked.
        crl: String = "ssl_crl",
        /// Longest chain.
        verify_depth: u32 = "ssl_verify_depth",
        /// Where sessions are kept.
        session_cache: Vec<String> = "ssl_session_cache",
        /// Whether clients keep their sessions themselves.
        session_tickets: bool = "ssl_session_tickets",
        /// How long a session can be resumed.
        session_timeout: Duration = "ssl_session_timeout",
        /// Whether HTTP/2 is spoken.
        http2: bool = "http2",
        /// Requests of a connection at the same time.
        http2_max_concurrent_streams: u32 = "http2_max_concurrent_streams",
        /// Bytes of a body that a client may send before they are asked for.
        http2_body_preread_size: u64 = "http2_body_preread_size",
        /// Key of the certificate shown to the peer.
        proxy_certificate_key: ComplexValue = "proxy_ssl_certificate_key",
        /// What has been revoked, of peers.
        proxy_crl: String = "proxy_ssl_crl",
        /// Versions spoken to the peer.
        proxy_protocols: Words = "proxy_ssl_protocols",
        /// Ciphers for the peer.
        proxy_ciphers: String = "proxy_ssl_ciphers",
        /// Whether sessions with the peer are resumed.
        proxy_session_reuse: bool = "proxy_ssl_session_reuse",
        /// Longest chain of the peer.
        proxy_verify_depth: u32 = "proxy_ssl_verify_depth",
    }
}
