//! TLS of each server, made at start and shared by the workers (`ngx_http_ssl_merge_srv_conf`).

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::eval::Router;
use crate::eval::select::ServerId;
use crate::model::{Config, StreamServer, TlsSettings};
use crate::runtime::net::shared::Shared;
use crate::runtime::net::tls::file::{Choice, Files};
use crate::runtime::net::tls::verify::{self, Trust};
use crate::runtime::net::tls::{self, cipher, provider, session};
use crate::source::Span;

/// Longest chain that is followed, whatever `ssl_verify_depth` says.
const MOST_DEPTH: u32 = 100;

/// The TLS configuration of a server.
#[derive(Debug)]
pub(crate) struct ServerTls {
    /// Configuration that offers HTTP/1 only, and one that also offers HTTP/2.
    pub(crate) http1: Arc<ServerConfig>,
    pub(crate) http2: Arc<ServerConfig>,
    pub(crate) trust: Trust,
}

/// All servers on sockets with `ssl`; `None`: the server has no certificate.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    servers: Vec<Option<ServerTls>>,
}

/// The failure, in nginx's words, and the directive that asked for it.
type Failed = (String, Option<Span>);

impl Servers {
    /// Loads what is named and makes the configurations; `sessions` are the servers if these are of `stream`.
    pub(crate) fn new(
        config: &Config,
        router: &Router,
        prefix: &Path,
        shared: &Shared,
        sessions: &[StreamServer],
    ) -> Result<Self, Failed> {
        let mut servers: Vec<Option<ServerTls>> = Vec::new();
        servers.resize_with(config.http.servers.len(), || None);
        for (_, address) in router.addresses().filter(|(_, address)| address.listen.ssl) {
            for id in &address.servers {
                let slot = &mut servers[id.0 as usize];
                let settings = &config.http.servers[id.0 as usize].settings.tls;
                let is_used = !settings.certificate.value.is_empty() || settings.reject_handshake.value;
                if slot.is_none() && is_used {
                    let mut made = server(settings, Files { config, prefix }, shared)?;
                    if let Some(own) = sessions.get(id.0 as usize) {
                        let names = &own.settings.ssl_alpn.value;
                        let names = names.iter().map(|name| name.clone().into_bytes()).collect();
                        Arc::make_mut(&mut made.http1).alpn_protocols = names;
                    }
                    *slot = Some(made);
                }
            }
        }
        Ok(Self { servers })
    }

    pub(crate) fn get(&self, id: ServerId) -> Option<&ServerTls> {
        self.servers.get(id.0 as usize)?.as_ref()
    }
}

fn server(settings: &TlsSettings, files: Files<'_>, shared: &Shared) -> Result<ServerTls, Failed> {
    let at = |span: Option<Span>| move |message: String| (message, span);
    let place = settings.certificate.origin.span();
    let mut keys = Vec::new();
    for (certificate, key) in settings.certificate.value.iter().zip(&settings.certificate_key.value) {
        // Certificates with variables in their paths are loaded on demand.
        if let (Some(certificate), Some(key)) = (certificate.constant(), key.constant()) {
            let (certificate, key) = (String::from_utf8_lossy(certificate), String::from_utf8_lossy(key));
            keys.push(Arc::new(files.certified(&certificate, &key).map_err(at(place))?));
        }
    }
    let provider = restricted(&settings.ciphers.value, &settings.ecdh_curve.value).map_err(|group| {
        (format!("SSL_CTX_set1_curves_list(\"{group}\") failed"), settings.ecdh_curve.origin.span())
    })?;
    let versions = cipher::versions(|name| settings.protocols.value.has(name));
    let builder = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&versions)
        .map_err(|error| (error.to_string(), settings.protocols.origin.span()))?;
    let (trust, hints) = trust(settings, files)?;
    let mut made = if settings.verify_client.value.0 == "off" {
        builder.with_no_client_auth().with_cert_resolver(Arc::new(Choice(keys)))
    } else {
        let asker = Arc::new(ClientCertificateRequest { hints });
        builder.with_client_cert_verifier(asker).with_cert_resolver(Arc::new(Choice(keys)))
    };
    made.ignore_client_order = settings.prefer_server_ciphers.value;
    let timeout = settings.session_timeout.value;
    let zone = zone(settings);
    made.session_storage = session::storage(&settings.session_cache.value, timeout, zone.as_deref(), shared);
    if settings.session_tickets.value {
        made.ticketer =
            session::tickets(timeout, zone.as_deref(), shared).map_err(|error| (error.to_string(), place))?;
    } else if settings.session_cache.value.iter().any(|word| word == "off") {
        made.session_storage = Arc::new(NoServerSessionStorage {});
    }
    made.alpn_protocols = [&b"http/1.1"[..], b"http/1.0", b"http/0.9"].map(<[u8]>::to_vec).to_vec();
    let mut both = made.clone();
    both.alpn_protocols.insert(0, b"h2".to_vec());
    Ok(ServerTls { http1: Arc::new(made), http2: Arc::new(both), trust })
}

/// Name of a session cache and of its keys of tickets. With a zone (`shared:…`) both outlive a reload, as in nginx. Servers
/// share them only with the same zone, certificates and client verification; `None`: no zone.
fn zone(settings: &TlsSettings) -> Option<String> {
    let words = &settings.session_cache.value;
    let zone = words.iter().find(|word| word.starts_with("shared:"))?;
    let (certificate, verifies) = (&settings.certificate.value, &settings.verify_client.value.0);
    let (asked, trusted) = (&settings.client_certificate.value, &settings.trusted_certificate.value);
    Some(format!("{zone}\n{certificate:?}\n{verifies}\n{asked}\n{trusted}"))
}

/// The primitives with the ciphers and groups that a configuration allows.
///
/// # Errors
/// The group that is not to be had.
pub(crate) fn restricted(ciphers: &str, groups: &str) -> Result<CryptoProvider, String> {
    let mut provider = provider();
    provider.cipher_suites = cipher::suites(ciphers, &provider.cipher_suites);
    provider.kx_groups = cipher::groups(groups, &provider.kx_groups)?;
    Ok(provider)
}

/// The trust that client certificates are verified with, and the names of CAs in the handshake.
fn trust(settings: &TlsSettings, files: Files<'_>) -> Result<(Trust, Vec<DistinguishedName>), Failed> {
    let mut trust = Trust { depth: settings.verify_depth.value.min(MOST_DEPTH) as usize, ..Trust::default() };
    let mut hints = Vec::new();
    if settings.verify_client.value.0 == "off" {
        return Ok((trust, hints));
    }
    let certificate = &settings.client_certificate;
    if !certificate.value.is_empty() {
        trust.anchors = files
            .certificates(&certificate.value)
            .map_err(|e| (format!("SSL_CTX_load_verify_locations({e}) failed"), certificate.origin.span()))?;
        let subject = |der: &CertificateDer<'_>| {
            let (_, parsed) = X509Certificate::from_der(der).ok()?;
            Some(DistinguishedName::from(parsed.subject().as_raw().to_vec()))
        };
        hints = trust.anchors.iter().filter_map(subject).collect();
    }
    let silent = &settings.trusted_certificate;
    if !silent.value.is_empty() {
        trust.anchors.extend(
            files
                .certificates(&silent.value)
                .map_err(|e| (format!("SSL_CTX_load_verify_locations({e}) failed"), silent.origin.span()))?,
        );
    }
    let crl = &settings.crl;
    if !crl.value.is_empty() {
        let lists = files.revocations(&crl.value);
        trust.revocations =
            Some(lists.map_err(|e| (format!("X509_LOOKUP_load_file({e}) failed"), crl.origin.span()))?);
    }
    Ok((trust, hints))
}

/// Asks clients for certificates and takes any, even none: they are judged when a request comes, as in nginx.
#[derive(Debug)]
struct ClientCertificateRequest {
    hints: Vec<DistinguishedName>,
}

impl ClientCertVerifier for ClientCertificateRequest {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        verify::handshake_signature(message, certificate, signed.scheme, signed.signature())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        verify::handshake_signature(message, certificate, signed.scheme, signed.signature())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        tls::shared_provider().signature_verification_algorithms.supported_schemes()
    }
}
