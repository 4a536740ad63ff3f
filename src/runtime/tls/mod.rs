//! TLS: rustls with the primitives of AWS-LC, on both sides.
//!
//! `accept` shakes hands with a client for the server that SNI names (`server` has made its configuration at start),
//! `peer` with a peer; `stream` carries bytes afterwards. Certificates are verified after the handshake, as nginx does
//! with OpenSSL, so that a client can be told what is wrong with its own: `verify`, with OpenSSL's words.

mod cipher;
mod file;
mod server;
mod session;
mod stream;
mod verify;

mod accept;
mod certificate;
mod peer;
mod unsupported;
mod variable;

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::request::Scope;
use crate::eval::Router;
use crate::eval::select::ServerId;
use crate::model::{Config, HttpSettings};
use crate::source::Span;

pub(crate) use accept::{Accepted, accept};
pub(crate) use peer::{Failed, Secure, connect};
pub(crate) use stream::Tls;
pub(crate) use unsupported::unsupported;
pub(crate) use variable::PLAIN;
pub(crate) use verify::Verdict;

/// What is known of a client's TLS connection.
#[derive(Debug)]
pub(crate) struct Info {
    /// `$ssl_server_name`
    pub(crate) server_name: Option<String>,
    /// The server that was chosen by that name; `None`: the default one, whatever the name.
    pub(crate) named: Option<ServerId>,
    /// The server whose configuration shook hands.
    pub(crate) server: ServerId,
    protocol: &'static str,
    cipher: String,
    curve: &'static str,
    curves: String,
    alpn: Vec<u8>,
    is_reused: bool,
    /// The client's certificate, and what came of verifying it.
    certificate: Option<rustls::pki_types::CertificateDer<'static>>,
    pub(crate) verdict: Verdict,
}

impl Info {
    /// Whether the client has shown a certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }
}

/// What a client's connection has of TLS.
#[derive(Clone, Debug, Default)]
pub(crate) enum Side {
    /// The socket is not for TLS.
    #[default]
    Plain,
    /// It is, but the client does not speak it.
    Refused,
    Tls(Rc<Info>),
}

impl Side {
    pub(crate) fn info(&self) -> Option<&Rc<Info>> {
        match self {
            Side::Tls(info) => Some(info),
            _ => None,
        }
    }
}

/// What servers and locations need, made at start and shared by the workers.
#[derive(Debug, Default)]
pub(crate) struct Store {
    servers: server::Servers,
    peers: peer::Peers,
}

impl Store {
    /// Loads what the configuration names.
    ///
    /// # Errors
    /// What failed, in nginx's words, and which directive asked for it.
    pub(crate) fn new(
        config: &Config,
        router: &Router,
        prefix: &Path,
    ) -> Result<Self, (String, Option<Span>)> {
        let servers = server::Servers::new(config, router, prefix)?;
        Ok(Self { servers, peers: peer::Peers::new(config, prefix)? })
    }

    /// How a request of a location is passed on securely.
    ///
    /// # Errors
    /// What failed, in nginx's words.
    pub(crate) fn peer(&self, scope: &mut Scope<'_>, settings: &HttpSettings) -> Result<Secure, String> {
        self.peers.secure(scope, settings)
    }
}

/// The primitives: all that AWS-LC has, with the given ciphers and groups.
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

fn shared_provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::OnceLock<Arc<CryptoProvider>> = std::sync::OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(provider())))
}
