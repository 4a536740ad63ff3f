//! TLS towards the server of a session, and from it to the stubs; the session has made the certificate itself.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection, SignatureScheme,
    Stream, StreamOwned,
};

/// A certificate and its key as PEM.
///
/// # Errors
/// If the key cannot be made.
pub(super) fn certificate() -> io::Result<(String, String)> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).map_err(io::Error::other)?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}

/// TLS of stubs, with a certificate of their own.
#[derive(Clone, Debug)]
pub(super) struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    /// Makes the certificate.
    ///
    /// # Errors
    /// If the key cannot be made.
    pub(super) fn new() -> io::Result<Self> {
        let names = vec!["localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(io::Error::other)?;
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|config| {
                    config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)
                })
                .map_err(io::Error::other)?;
        Ok(Self(Arc::new(config)))
    }

    /// Serves one connection, and closes TLS at its end.
    ///
    /// # Errors
    /// Those of `serve`, and of a connection that breaks off.
    pub(super) fn accept(
        &self,
        stream: &mut TcpStream,
        serve: impl FnOnce(&mut Stream<'_, ServerConnection, TcpStream>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut connection = ServerConnection::new(Arc::clone(&self.0)).map_err(io::Error::other)?;
        serve(&mut Stream::new(&mut connection, stream))?;
        connection.send_close_notify();
        while connection.wants_write() {
            connection.write_tls(stream)?;
        }
        Ok(())
    }
}

/// A connection with TLS over a connection.
///
/// # Errors
/// If TLS cannot begin.
pub(super) fn connect(name: &str, stream: TcpStream) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trust = Arc::new(LoopbackTrust(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(trust)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned())
        .unwrap_or(ServerName::IpAddress(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST).into()));
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

/// The server is one that the caller has just started on loopback.
#[derive(Debug)]
struct LoopbackTrust(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for LoopbackTrust {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
