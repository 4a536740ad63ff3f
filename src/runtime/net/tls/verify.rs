//! Verifying certificates the way OpenSSL does, with its numbers and words: they are what `$ssl_client_verify` and
//! the error log say. Certificates of version 1, which `openssl x509` makes, are taken as OpenSSL takes them.
//!
//! An extension that is not checked makes a certificate invalid: critical ones that are not known, and name constraints.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, SignatureVerificationAlgorithm};
use x509_parser::prelude::{
    CertificateRevocationList, FromDer, GeneralName, ParsedExtension, X509Certificate, X509Version,
};

use crate::runtime::net::tls;

/// The verdict on a certificate (`X509_verify_cert_error_string`); 0: it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict(pub(crate) u32, pub(crate) &'static str);

pub(crate) const OK: Verdict = Verdict(0, "ok");
const NO_ISSUER: Verdict = Verdict(2, "unable to get issuer certificate");
const NO_CRL: Verdict = Verdict(3, "unable to get certificate CRL");
const BAD_SIGNATURE: Verdict = Verdict(7, "certificate signature failure");
const NOT_YET: Verdict = Verdict(9, "certificate is not yet valid");
const EXPIRED: Verdict = Verdict(10, "certificate has expired");
const CRL_EXPIRED: Verdict = Verdict(12, "CRL has expired");
const SELF_SIGNED: Verdict = Verdict(18, "self-signed certificate");
const SELF_SIGNED_IN_CHAIN: Verdict = Verdict(19, "self-signed certificate in certificate chain");
const NO_LOCAL_ISSUER: Verdict = Verdict(20, "unable to get local issuer certificate");
const NO_FIRST: Verdict = Verdict(21, "unable to verify the first certificate");
const TOO_LONG: Verdict = Verdict(22, "certificate chain too long");
const REVOKED: Verdict = Verdict(23, "certificate revoked");
const NO_CA: Verdict = Verdict(79, "invalid CA certificate");
const PATH_LENGTH: Verdict = Verdict(25, "path length constraint exceeded");
const PURPOSE: Verdict = Verdict(26, "unsuitable certificate purpose");
const CRITICAL: Verdict = Verdict(34, "unhandled critical extension");

impl Verdict {
    /// True if `optional_no_ca` is content with it (`ngx_ssl_verify_error_optional`).
    pub(crate) fn is_optional(self) -> bool {
        matches!(self.0, 18..=21 | 27)
    }
}

/// The side that is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Client,
    Server,
}

/// Anchors, revocations and depth that certificates are verified with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    pub(crate) anchors: Vec<CertificateDer<'static>>,
    /// `None`: nothing is said about revocations.
    pub(crate) revocations: Option<Vec<CertificateRevocationListDer<'static>>>,
    /// Most certificates between the first and the last.
    pub(crate) depth: usize,
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// The contents of an algorithm identifier: what stands inside its sequence.
fn contents(der: &[u8]) -> &[u8] {
    match der {
        [0x30, short @ 0..=0x7f, rest @ ..] => rest.get(..usize::from(*short)).unwrap_or_default(),
        [0x30, 0x81, long, rest @ ..] => rest.get(..usize::from(*long)).unwrap_or_default(),
        _ => &[],
    }
}

/// The first element of a sequence.
fn first_element(der: &[u8]) -> &[u8] {
    x509_parser::der_parser::asn1_rs::Any::from_der(contents_of_any(der)).map_or(&[], |(rest, _)| {
        let inner = contents_of_any(der);
        &inner[..inner.len() - rest.len()]
    })
}

fn contents_of_any(der: &[u8]) -> &[u8] {
    x509_parser::der_parser::asn1_rs::Any::from_der(der).map_or(&[], |(_, any)| any.data)
}

fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    tls::shared_provider().signature_verification_algorithms.all
}

/// True if `issuer`'s key made the signature over `message`.
fn is_signed(issuer: &X509Certificate<'_>, algorithm: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = issuer.public_key();
    let key_algorithm = contents(first_element(key.raw));
    let key_bits = &key.subject_public_key.data;
    algorithms().iter().any(|a| {
        a.signature_alg_id().as_ref() == algorithm
            && a.public_key_alg_id().as_ref() == key_algorithm
            && a.verify_signature(key_bits, message, signature).is_ok()
    })
}

/// The contents of the algorithm identifier that stands behind what is signed, in a certificate or a list.
fn signed_with(der: &[u8]) -> &[u8] {
    let inner = contents_of_any(der);
    let after = first_element(der).len();
    x509_parser::der_parser::asn1_rs::Any::from_der(&inner[after..]).map_or(&[], |(_, any)| any.data)
}

fn issued(issuer: &X509Certificate<'_>, der: &[u8], certificate: &X509Certificate<'_>) -> bool {
    issuer.subject().as_raw() == certificate.issuer().as_raw()
        && is_signed(
            issuer,
            signed_with(der),
            certificate.tbs_certificate.as_ref(),
            &certificate.signature_value.data,
        )
}

/// The signature that proves that the other side has the key (`CertificateVerify`, `ServerKeyExchange`).
pub(crate) fn handshake_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    scheme: SignatureScheme,
    signature: &[u8],
) -> Result<HandshakeSignatureValid, rustls::Error> {
    let bad = || rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature);
    let (_, certificate) = X509Certificate::from_der(certificate)
        .map_err(|_| rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding))?;
    let key = certificate.public_key();
    let key_algorithm = contents(first_element(key.raw));
    let provider = tls::shared_provider();
    let mut mapping = provider.signature_verification_algorithms.mapping.iter();
    let (_, candidates) = mapping.find(|(other, _)| *other == scheme).ok_or_else(bad)?;
    let is_valid = candidates.iter().any(|a| {
        a.public_key_alg_id().as_ref() == key_algorithm
            && a.verify_signature(&key.subject_public_key.data, message, signature).is_ok()
    });
    if is_valid { Ok(HandshakeSignatureValid::assertion()) } else { Err(bad()) }
}

type Link<'c> = (&'c [u8], X509Certificate<'c>);

fn parse<'c>(der: &'c CertificateDer<'_>) -> Option<Link<'c>> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| (der.as_ref(), certificate))
}

/// Verifies a chain of which the first certificate is the other side's own (`X509_verify_cert`). Of several faults the
/// last one that OpenSSL would find is told.
pub(crate) fn chain(sent: &[CertificateDer<'_>], trust: &Trust, purpose: Purpose) -> Verdict {
    let Some(first) = sent.first().and_then(parse) else { return BAD_SIGNATURE };
    let others: Vec<Link<'_>> = sent[1..].iter().filter_map(parse).collect();
    let anchors: Vec<Link<'_>> = trust.anchors.iter().filter_map(parse).collect();
    let mut verdict = OK;
    let mut links: Vec<&Link<'_>> = vec![&first];
    let mut is_trusted = false;
    loop {
        let &(der, current) = &links[links.len() - 1];
        let is_anchor = anchors.iter().any(|(anchor, _)| anchor == der);
        if issued(current, der, current) {
            match (is_anchor, links.len()) {
                (true, _) => {}
                (false, 1) => verdict = SELF_SIGNED,
                (false, _) => verdict = SELF_SIGNED_IN_CHAIN,
            }
            break;
        }
        if links.len() > trust.depth + 1 {
            verdict = TOO_LONG;
            break;
        }
        let fits = |link: &&Link<'_>| issued(&link.1, der, current);
        if let Some(anchor) = anchors.iter().find(fits) {
            is_trusted = true;
            links.push(anchor);
        } else if let Some(other) = others.iter().find(fits).filter(|_| !is_trusted) {
            links.push(other);
        } else {
            verdict = match links.len() {
                1 => NO_FIRST,
                _ if is_trusted => NO_ISSUER,
                _ => NO_LOCAL_ISSUER,
            };
            break;
        }
    }
    for (at, (_, certificate)) in links.iter().enumerate() {
        if let Some(fault) = extensions(certificate, at, purpose) {
            verdict = fault;
        }
    }
    if let Some(lists) = &trust.revocations {
        for (at, (_, certificate)) in links.iter().enumerate() {
            let issuer = links.get(at + 1).map_or(&links[at].1, |link| &link.1);
            if let Some(fault) = revocation(certificate, issuer, lists) {
                verdict = fault;
            }
        }
    }
    for (_, certificate) in links.iter().rev() {
        let validity = certificate.validity();
        if validity.not_before.timestamp() > now() {
            verdict = NOT_YET;
        } else if validity.not_after.timestamp() < now() {
            verdict = EXPIRED;
        }
    }
    verdict
}

/// The fault in the extensions of a certificate at a place of the chain (`check_extensions`).
fn extensions(certificate: &X509Certificate<'_>, at: usize, purpose: Purpose) -> Option<Verdict> {
    let mut basic = None;
    let mut usage = None;
    let mut extended = None;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(constraints) => basic = Some(constraints),
            ParsedExtension::KeyUsage(key_usage) => usage = Some(key_usage),
            ParsedExtension::ExtendedKeyUsage(key_usage) => extended = Some(key_usage),
            ParsedExtension::NameConstraints(_) => return Some(CRITICAL),
            ParsedExtension::SubjectAlternativeName(_)
            | ParsedExtension::AuthorityKeyIdentifier(_)
            | ParsedExtension::SubjectKeyIdentifier(_)
            | ParsedExtension::CertificatePolicies(_) => {}
            _ if extension.critical => return Some(CRITICAL),
            _ => {}
        }
    }
    let wanted = |extended: &x509_parser::prelude::ExtendedKeyUsage<'_>| match purpose {
        Purpose::Client => extended.client_auth,
        Purpose::Server => extended.server_auth,
    };
    if extended.is_some_and(|extended| !extended.any && !wanted(extended)) {
        return Some(PURPOSE);
    }
    if at == 0 {
        let signs = usage.is_none_or(|usage| {
            usage.digital_signature()
                || usage.key_agreement()
                || purpose == Purpose::Server && usage.key_encipherment()
        });
        return (!signs).then_some(PURPOSE);
    }
    let is_ca = match basic {
        Some(basic) => basic.ca,
        None if certificate.version() == X509Version::V1 => {
            certificate.subject().as_raw() == certificate.issuer().as_raw()
        }
        None => usage.is_some_and(x509_parser::prelude::KeyUsage::key_cert_sign),
    };
    if !is_ca || usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return Some(NO_CA);
    }
    let most = basic.and_then(|basic| basic.path_len_constraint);
    most.is_some_and(|most| at - 1 > most as usize).then_some(PATH_LENGTH)
}

/// The fault that the list of the issuer finds in a certificate (`check_cert_crl`).
fn revocation(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    lists: &[CertificateRevocationListDer<'_>],
) -> Option<Verdict> {
    let mut verdict = NO_CRL;
    for der in lists {
        let Ok((_, list)) = CertificateRevocationList::from_der(der) else { continue };
        if list.issuer().as_raw() != certificate.issuer().as_raw() {
            continue;
        }
        let tbs = first_element(der);
        if !is_signed(issuer, signed_with(der), tbs, &list.signature_value.data) {
            verdict = Verdict(8, "CRL signature failure");
            continue;
        }
        // A list of some of the certificates only is none.
        if list.extensions().iter().any(|extension| extension.critical) {
            verdict = Verdict(36, "unhandled critical CRL extension");
            continue;
        }
        if list.iter_revoked_certificates().any(|revoked| *revoked.serial() == certificate.serial) {
            return Some(REVOKED);
        }
        if list.next_update().is_some_and(|next| next.timestamp() < now()) {
            verdict = CRL_EXPIRED;
            continue;
        }
        return None;
    }
    Some(verdict)
}

/// True if a certificate is for a host (`X509_check_host`): its alternative names, or without any its common name.
pub(crate) fn is_for(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let Some((_, certificate)) = parse(certificate) else { return false };
    if let Ok(Some(names)) = certificate.subject_alternative_name() {
        let mut dns = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        });
        if let Some(name) = dns.next() {
            return is_name(name, host) || dns.any(|name| is_name(name, host));
        }
    }
    certificate.subject().iter_common_name().any(|name| name.as_str().is_ok_and(|name| is_name(name, host)))
}

/// A name, or one whose first label is `*`.
fn is_name(pattern: &str, host: &str) -> bool {
    if host.is_empty() {
        return false;
    }
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(rest), Some((first, after))) = (pattern.strip_prefix("*."), host.split_once('.')) else {
        return false;
    };
    !first.is_empty() && rest.contains('.') && rest.eq_ignore_ascii_case(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (pattern, host, expected) in [
            ("a.example.com", "A.example.com", true),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("*", "a", false),
            ("a.example.com", "", false),
        ] {
            assert_eq!(is_name(pattern, host), expected, "{pattern} {host}");
        }
    }
}
