//! TLS towards a peer (`ngx_http_upstream_ssl_init_connection`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::model::location::Handler;
use crate::model::reuse::ReuseSettings;
use crate::model::{ComplexValue, Config, HttpSettings, StreamServer, Target, TlsSettings};
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::Timer;
use crate::runtime::net::tls::file::Files;
use crate::runtime::net::tls::server::restricted;
use crate::runtime::net::tls::stream::Tls;
use crate::runtime::net::tls::verify::{self, Purpose, Trust};
use crate::runtime::net::tls::{cipher, failure, shared_provider};
use crate::source::Span;

/// Sessions that are remembered for one configuration.
const SESSIONS: usize = 256;

/// The TLS configuration of one set of settings.
#[derive(Debug)]
struct PeerTls {
    config: Arc<ClientConfig>,
    trust: Trust,
    is_verified: bool,
}

/// TLS configurations of all locations that proxy to `https://`, by their settings.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    known: HashMap<String, Arc<PeerTls>>,
    prefix: PathBuf,
}

/// TLS of a connection to a peer.
#[derive(Clone, Debug)]
pub(crate) struct Secure {
    tls: Arc<PeerTls>,
    /// The name that the certificate is verified for, and SNI.
    name: String,
    /// Connections are used again only for the same.
    pub(crate) key: Rc<str>,
}

/// The values of `proxy_ssl_certificate`, `proxy_ssl_certificate_key` and `proxy_ssl_name` for a request.
pub(crate) struct Names {
    pub(crate) certificate: String,
    pub(crate) certificate_key: String,
    pub(crate) peer: String,
}

/// Error of a TLS connection to a peer.
pub(crate) enum Failed {
    /// In nginx's words; logged at the level error.
    Message(String),
    TimedOut,
}

/// The settings that decide the configuration, as one text.
fn key(settings: &HttpSettings, certificate: &str, certificate_key: &str) -> String {
    let (tls, reuse) = (&settings.tls, &settings.reuse);
    format!(
        "{certificate}\n{certificate_key}\n{}\n{:?}\n{}\n{}\n{}\n{}\n{}\n{}",
        reuse.proxy_ssl_trusted_certificate.value,
        tls.proxy_protocols.value.0,
        tls.proxy_ciphers.value,
        tls.proxy_crl.value,
        tls.proxy_session_reuse.value,
        tls.proxy_verify_depth.value,
        reuse.proxy_ssl_verify.value,
        reuse.proxy_ssl_server_name.value,
    )
}

fn constant(value: &ComplexValue) -> Option<String> {
    value.constant().map(|text| String::from_utf8_lossy(text).into_owned())
}

impl Peers {
    /// Loads what is named and makes the configurations.
    pub(crate) fn new(config: &Config, prefix: &Path) -> Result<Self, (String, Option<Span>)> {
        let mut peers = Self { known: HashMap::new(), prefix: prefix.to_owned() };
        for (_, location) in config.http.locations() {
            let Some(Handler::Proxy(pass)) = &location.handler else { continue };
            if !pass.tls && !matches!(pass.target, Target::Value(_)) {
                continue;
            }
            peers.learn(config, &location.settings, pass.span)?;
        }
        Ok(peers)
    }

    /// The same for the servers of `stream` with `proxy_ssl on`; their settings are those of `http` in `config`.
    pub(crate) fn of_stream(
        config: &Config,
        sessions: &[StreamServer],
        prefix: &Path,
    ) -> Result<Self, (String, Option<Span>)> {
        let mut peers = Self { known: HashMap::new(), prefix: prefix.to_owned() };
        for (server, own) in config.http.servers.iter().zip(sessions) {
            if own.settings.proxy_ssl.value {
                peers.learn(config, &server.settings, server.span)?;
            }
        }
        Ok(peers)
    }

    /// Makes the configuration of settings without variables, unless it is there.
    fn learn(
        &mut self,
        config: &Config,
        settings: &HttpSettings,
        span: Span,
    ) -> Result<(), (String, Option<Span>)> {
        let certificate = constant(&settings.reuse.proxy_ssl_certificate.value);
        let certificate_key = constant(&settings.tls.proxy_certificate_key.value);
        let (Some(certificate), Some(certificate_key)) = (certificate, certificate_key) else {
            return Ok(());
        };
        let key = key(settings, &certificate, &certificate_key);
        let files = Files { config, prefix: &self.prefix };
        if let Entry::Vacant(free) = self.known.entry(key) {
            let made = make(&settings.tls, &settings.reuse, files, &certificate, &certificate_key);
            free.insert(Arc::new(made.map_err(|message| (message, Some(span)))?));
        }
        Ok(())
    }

    /// TLS of a connection to a peer: the settings, with their variables replaced in `names`.
    ///
    /// # Errors
    /// The failure, in nginx's words.
    pub(crate) fn secure(
        &self,
        config: &Config,
        settings: &HttpSettings,
        names: &Names,
    ) -> Result<Secure, String> {
        let Names { certificate, certificate_key, peer } = names;
        let name = without_port(peer).to_owned();
        let key = key(settings, certificate, certificate_key);
        let tls = if let Some(known) = self.known.get(&key) {
            Arc::clone(known)
        } else {
            let files = Files { config, prefix: &self.prefix };
            Arc::new(make(&settings.tls, &settings.reuse, files, certificate, certificate_key)?)
        };
        Ok(Secure { tls, key: format!("{key}\n{name}").into(), name })
    }
}

impl Secure {
    /// The same with protocols that are offered (ALPN).
    pub(crate) fn offering(mut self, protocols: Vec<Vec<u8>>) -> Self {
        if !protocols.is_empty() {
            let mut config = ClientConfig::clone(&self.tls.config);
            config.alpn_protocols = protocols;
            let (trust, is_verified) = (self.tls.trust.clone(), self.tls.is_verified);
            self.tls = Arc::new(PeerTls { config: Arc::new(config), trust, is_verified });
        }
        self
    }
}

/// `[::1]:443` and `a:443` without the port (`ngx_http_upstream_ssl_name`).
fn without_port(name: &str) -> &str {
    match name.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => name.split_once(':').map_or(name, |(host, _)| host),
    }
}

fn make(
    settings: &TlsSettings,
    reuse: &ReuseSettings,
    files: Files<'_>,
    certificate: &str,
    certificate_key: &str,
) -> Result<PeerTls, String> {
    let provider = restricted(&settings.proxy_ciphers.value, "auto")?;
    let versions = cipher::versions(|name| settings.proxy_protocols.value.has(name));
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&versions)
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate));
    let mut config = if certificate.is_empty() {
        builder.with_no_client_auth()
    } else {
        let shown = SingleCertAndKey::from(files.certified(certificate, certificate_key)?);
        builder.with_client_cert_resolver(Arc::new(shown))
    };
    config.enable_sni = reuse.proxy_ssl_server_name.value;
    config.resumption = if settings.proxy_session_reuse.value {
        Resumption::in_memory_sessions(SESSIONS)
    } else {
        Resumption::disabled()
    };
    let is_verified = reuse.proxy_ssl_verify.value;
    let mut trust = Trust { depth: settings.proxy_verify_depth.value.min(100) as usize, ..Trust::default() };
    if is_verified {
        let anchors = files.certificates(&reuse.proxy_ssl_trusted_certificate.value);
        trust.anchors = anchors.map_err(|e| format!("SSL_CTX_load_verify_locations({e}) failed"))?;
        if !settings.proxy_crl.value.is_empty() {
            let lists = files.revocations(&settings.proxy_crl.value);
            trust.revocations = Some(lists.map_err(|e| format!("X509_LOOKUP_load_file({e}) failed"))?);
        }
    }
    Ok(PeerTls { config: Arc::new(config), trust, is_verified })
}

/// Shakes hands over a connected socket and verifies who is there.
pub(crate) async fn connect(
    timer: &Timer,
    stream: Stream,
    secure: &Secure,
    timeout: std::time::Duration,
) -> Result<Stream, Failed> {
    let message = |text: String| Failed::Message(text);
    // Without SNI the name is never sent; an address is never sent either.
    let name = ServerName::try_from(secure.name.clone())
        .or_else(|_| ServerName::try_from("invalid"))
        .map_err(|error| message(error.to_string()))?;
    let session = ClientConnection::new(Arc::clone(&secure.tls.config), name)
        .map_err(|error| message(format!("SSL_do_handshake() failed (SSL: {error})")))?;
    let stream = Tls::new(stream, session);
    match timer.limit(timeout, |cx| stream.poll_handshake(cx)).await {
        None => return Err(Failed::TimedOut),
        Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
            return Err(message(
                "peer closed connection in SSL handshake (104: Connection reset by peer)".into(),
            ));
        }
        Some(Err(error)) => return Err(message(failure(&error))),
        Some(Ok(())) => {}
    }
    if secure.tls.is_verified {
        stream.session(|session| {
            let chain = session.peer_certificates().unwrap_or_default();
            let verdict = verify::chain(chain, &secure.tls.trust, Purpose::Server);
            if verdict.0 != 0 {
                let text = format!("upstream SSL certificate verify error: ({}:{})", verdict.0, verdict.1);
                return Err(message(text));
            }
            match chain.first() {
                Some(first) if verify::is_for(first, &secure.name) => Ok(()),
                _ => Err(message(format!("upstream SSL certificate does not match \"{}\"", secure.name))),
            }
        })?;
    }
    Ok(Stream::Tls(Box::new(stream)))
}

/// Takes any certificate: it is judged after the handshake, if at all.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify::handshake_signature(message, certificate, signed.scheme, signed.signature())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify::handshake_signature(message, certificate, signed.scheme, signed.signature())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        shared_provider().signature_verification_algorithms.supported_schemes()
    }
}
