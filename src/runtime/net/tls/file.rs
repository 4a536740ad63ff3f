//! Files of certificates, keys and revocations, as `ngx_ssl_certificate` and its sisters load them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::model::Config;
use crate::runtime::net::log::errno;
use crate::runtime::net::tls;

/// Files by their names in the configuration, with what was in them.
pub(crate) type Contents = BTreeMap<String, Vec<u8>>;

thread_local! {
    static READ: RefCell<Option<Contents>> = const { RefCell::new(None) };
}

/// Does something, and returns the files of certificates and keys that were read by it: a worker process gets them as memory,
/// because its account may not be allowed to read them.
pub(crate) fn recorded<T>(work: impl FnOnce() -> T) -> (T, Contents) {
    READ.set(Some(Contents::new()));
    let done = work();
    (done, READ.take().unwrap_or_default())
}

/// Source of certificates and keys: files below a prefix, or their texts embedded in a compiled file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files<'f> {
    pub(crate) config: &'f Config,
    pub(crate) prefix: &'f Path,
}

impl Files<'_> {
    fn read(self, name: &str) -> Result<Vec<u8>, String> {
        if let Some(embedded) = self.config.embedded.get(name) {
            return Ok(embedded.clone());
        }
        let path = self.prefix.join(name);
        let text =
            std::fs::read(&path).map_err(|error| format!("\"{}\"{}", path.display(), errno(&error)))?;
        READ.with_borrow_mut(|read| read.as_mut().map(|read| read.insert(name.to_owned(), text.clone())));
        Ok(text)
    }

    /// All certificates of a file, at least one.
    pub(crate) fn certificates(self, name: &str) -> Result<Vec<CertificateDer<'static>>, String> {
        let text = match name.strip_prefix("data:") {
            Some(text) => text.as_bytes().to_vec(),
            None => self.read(name)?,
        };
        // The text that `openssl x509 -trustout` adds stands behind the certificate and is left out.
        let text = String::from_utf8_lossy(&text).replace("TRUSTED CERTIFICATE-----", "CERTIFICATE-----");
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let found = found.map_err(|error| format!("\"{name}\" ({error})"))?;
        let found: Vec<_> = found.into_iter().map(only_certificate).collect();
        if found.is_empty() {
            return Err(format!("\"{name}\" (no certificate in it)"));
        }
        Ok(found)
    }

    /// All revocation lists of a file.
    pub(crate) fn revocations(
        self,
        name: &str,
    ) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
        let text = self.read(name)?;
        let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
        found.map_err(|error| format!("\"{name}\" ({error})"))
    }

    /// A certificate with its chain and its key.
    pub(crate) fn certified(self, certificate: &str, key: &str) -> Result<CertifiedKey, String> {
        let chain = self.certificates(certificate).map_err(|e| format!("cannot load certificate {e}"))?;
        let fail = |why: &str| format!("cannot load certificate key \"{key}\" ({why})");
        if key.starts_with("engine:") || key.starts_with("store:") {
            return Err(fail("only files and `data:` are read"));
        }
        let text = match key.strip_prefix("data:") {
            Some(text) => text.as_bytes().to_vec(),
            None => self.read(key).map_err(|e| format!("cannot load certificate key {e}"))?,
        };
        let der = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
            let is_encrypted = memchr::memmem::find(&text, b"ENCRYPTED").is_some();
            fail(if is_encrypted { "it is encrypted, which is not supported" } else { "no key in it" })
        })?;
        let key = tls::shared_provider()
            .key_provider
            .load_private_key(der)
            .map_err(|error| fail(&error.to_string()))?;
        // `SSL_CTX_use_PrivateKey`: key values mismatch.
        let own = key.public_key();
        let parsed = X509Certificate::from_der(&chain[0]).map_err(|e| fail(&e.to_string()))?.1;
        if own.is_some_and(|own| own.as_ref() != parsed.public_key().raw) {
            return Err(fail("key values mismatch"));
        }
        Ok(CertifiedKey::new(chain, key))
    }
}

/// A certificate without what follows it.
fn only_certificate(der: CertificateDer<'static>) -> CertificateDer<'static> {
    let rest = X509Certificate::from_der(&der).map_or(0, |(rest, _)| rest.len());
    if rest == 0 { der } else { CertificateDer::from(der[..der.len() - rest].to_vec()) }
}

/// The certificate for a client: the first whose key can sign for it, as listed (`rsa` and `ecdsa` side by side).
#[derive(Debug)]
pub(crate) struct Choice(pub(crate) Vec<Arc<CertifiedKey>>);

impl rustls::server::ResolvesServerCert for Choice {
    fn resolve(&self, hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        // ECDSA first, as OpenSSL prefers it.
        let is_ecdsa =
            |key: &&Arc<CertifiedKey>| key.key.algorithm() != rustls::SignatureAlgorithm::RSA && fits(key);
        self.0.iter().find(is_ecdsa).or_else(|| self.0.iter().find(fits)).cloned()
    }
}
