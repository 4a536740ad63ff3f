//! Settings of `ngx_http_ssl_module` and `ngx_http_v2_module`, and of TLS to upstreams.

use std::time::Duration;

use super::argument::{Word, Words};
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// TLS and HTTP/2. The model has only the names of certificates and keys, never their content.
    pub struct TlsSettings {
        /// `ssl_certificate`: files with a certificate and its chain.
        certificate: Vec<ComplexValue> = "ssl_certificate",
        /// `ssl_certificate_key`: files with the keys, in the same order.
        certificate_key: Vec<ComplexValue> = "ssl_certificate_key",
        /// `ssl_protocols`: TLS versions for clients.
        protocols: Words = "ssl_protocols",
        /// `ssl_ciphers`: ciphers in OpenSSL's notation.
        ciphers: String = "ssl_ciphers",
        /// `ssl_prefer_server_ciphers`: the server's order of ciphers wins.
        prefer_server_ciphers: bool = "ssl_prefer_server_ciphers",
        /// `ssl_ecdh_curve`: groups for the key exchange, separated by colons.
        ecdh_curve: String = "ssl_ecdh_curve",
        /// `ssl_reject_handshake`: reject every handshake for this server.
        reject_handshake: bool = "ssl_reject_handshake",
        /// `ssl_early_data`: accept TLS 1.3 early data.
        early_data: bool = "ssl_early_data",
        /// `ssl_verify_client`: require, request or ignore client certificates.
        verify_client: Word = "ssl_verify_client",
        /// `ssl_client_certificate`: CA certificates for client verification, whose names are sent to clients.
        client_certificate: String = "ssl_client_certificate",
        /// `ssl_trusted_certificate`: further CA certificates, whose names are not sent.
        trusted_certificate: String = "ssl_trusted_certificate",
        /// `ssl_crl`: revoked client certificates.
        crl: String = "ssl_crl",
        /// `ssl_verify_depth`: longest chain of a client certificate.
        verify_depth: u32 = "ssl_verify_depth",
        /// `ssl_session_cache`: session caches.
        session_cache: Vec<String> = "ssl_session_cache",
        /// `ssl_session_tickets`: send session tickets.
        session_tickets: bool = "ssl_session_tickets",
        /// `ssl_session_timeout`: time in which a session can be resumed.
        session_timeout: Duration = "ssl_session_timeout",
        /// `http2`: speak HTTP/2.
        http2: bool = "http2",
        /// `http2_max_concurrent_streams`: concurrent streams of a connection.
        http2_max_concurrent_streams: u32 = "http2_max_concurrent_streams",
        /// `http2_body_preread_size`: bytes of a request body that a client may send before the body is read.
        http2_body_preread_size: u64 = "http2_body_preread_size",
        /// `proxy_ssl_certificate_key`: key of the client certificate for the upstream.
        proxy_certificate_key: ComplexValue = "proxy_ssl_certificate_key",
        /// `proxy_ssl_crl`: revoked upstream certificates.
        proxy_crl: String = "proxy_ssl_crl",
        /// `proxy_ssl_protocols`: TLS versions for the upstream.
        proxy_protocols: Words = "proxy_ssl_protocols",
        /// `proxy_ssl_ciphers`: ciphers for the upstream.
        proxy_ciphers: String = "proxy_ssl_ciphers",
        /// `proxy_ssl_session_reuse`: resume sessions with the upstream.
        proxy_session_reuse: bool = "proxy_ssl_session_reuse",
        /// `proxy_ssl_verify_depth`: longest chain of an upstream certificate.
        proxy_verify_depth: u32 = "proxy_ssl_verify_depth",
    }
}
