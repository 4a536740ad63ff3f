//! TLS: rustls with the primitives of AWS-LC, on both sides.
//!
//! `accept` shakes hands with a client for the server that SNI names (`server` has made its configuration at start),
//! `peer` with a peer; `stream` carries bytes afterwards. Certificates are verified after the handshake, as nginx does
//! with OpenSSL, so that a client can be told what is wrong with its own: `verify`, with OpenSSL's words.

pub(crate) mod cipher;
pub(crate) mod file;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod stream;
pub(crate) mod verify;

pub(crate) mod certificate;

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use crate::eval::select::ServerId;
use crate::runtime::net::log::errno;

/// A client's TLS connection after the handshake.
#[derive(Debug)]
pub(crate) struct Info {
    /// `$ssl_server_name`
    pub(crate) server_name: Option<String>,
    /// The server that was chosen by that name; `None`: the default one, whatever the name.
    pub(crate) named: Option<ServerId>,
    /// The server whose configuration shook hands.
    pub(crate) server: ServerId,
    pub(crate) protocol: &'static str,
    pub(crate) cipher: String,
    pub(crate) curve: &'static str,
    pub(crate) curves: String,
    pub(crate) alpn: Vec<u8>,
    pub(crate) is_reused: bool,
    /// The client's certificate, and what came of verifying it.
    pub(crate) certificate: Option<rustls::pki_types::CertificateDer<'static>>,
    pub(crate) verdict: verify::Verdict,
}

impl Info {
    /// True if the client has shown a certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }
}

/// The TLS of a client's connection.
#[derive(Clone, Debug, Default)]
pub(crate) enum ClientTls {
    /// The socket is not for TLS.
    #[default]
    Plain,
    /// The socket has `ssl`, but the client does not speak TLS.
    Refused,
    Tls(Rc<Info>),
}

impl ClientTls {
    pub(crate) fn info(&self) -> Option<&Rc<Info>> {
        match self {
            ClientTls::Tls(info) => Some(info),
            _ => None,
        }
    }
}

/// The primitives: all that AWS-LC has, with the given ciphers and groups.
pub(crate) fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

pub(crate) fn shared_provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::OnceLock<Arc<CryptoProvider>> = std::sync::OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(provider())))
}

/// The message about a handshake that failed (`ngx_ssl_handshake`).
pub(crate) fn failure(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "peer closed connection in SSL handshake".to_owned(),
        io::ErrorKind::InvalidData => format!("SSL_do_handshake() failed (SSL: {error})"),
        _ => format!("peer closed connection in SSL handshake{}", errno(error)),
    }
}
