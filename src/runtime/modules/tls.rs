//! `$ssl_*` (`ngx_http_ssl_vars`).

use x509_parser::prelude::{FromDer, X509Certificate};

use crate::eval::uri;
use crate::runtime::net::tls::{Info, certificate};
use crate::runtime::request::scope::Scope;

type Get = fn(&mut Scope<'_>, &mut Vec<u8>) -> bool;

/// Name and getter.
pub(crate) const PLAIN: &[(&str, Get)] = &[
    ("scheme", |s, out| {
        out.extend_from_slice(if s.client.side.info().is_some() { b"https" } else { b"http" });
        true
    }),
    ("https", |s, out| {
        if s.client.side.info().is_some() {
            out.extend_from_slice(b"on");
        }
        true
    }),
    ("ssl_protocol", |s, out| plain(s, out, |info| info.protocol)),
    ("ssl_cipher", |s, out| plain(s, out, |info| &info.cipher)),
    ("ssl_curve", |s, out| plain(s, out, |info| info.curve)),
    ("ssl_curves", |s, out| plain(s, out, |info| &info.curves)),
    ("ssl_server_name", |s, out| plain(s, out, |info| info.server_name.as_deref().unwrap_or_default())),
    ("ssl_session_reused", |s, out| plain(s, out, |info| if info.is_reused { "r" } else { "." })),
    ("ssl_alpn_protocol", |s, out| plain(s, out, |info| std::str::from_utf8(&info.alpn).unwrap_or_default())),
    // Data that comes with the handshake is never taken.
    ("ssl_early_data", |_, _| false),
    ("ssl_client_verify", |s, out| {
        let Some(info) = s.client.side.info() else { return false };
        let text = match (&info.certificate, info.verdict.0) {
            (None, _) => "NONE".to_owned(),
            (Some(_), 0) => "SUCCESS".to_owned(),
            (Some(_), _) => format!("FAILED:{}", info.verdict.1),
        };
        out.extend_from_slice(text.as_bytes());
        true
    }),
    ("ssl_client_raw_cert", |s, out| der(s, out, certificate::pem)),
    ("ssl_client_cert", |s, out| {
        // As it goes into a header: lines are continued with a tab.
        der(s, out, |der| certificate::pem(der).trim_end().replace('\n', "\n\t"))
    }),
    ("ssl_client_escaped_cert", |s, out| {
        der(s, out, |der| {
            let mut text = Vec::new();
            uri::escape_component(certificate::pem(der).as_bytes(), &mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
    }),
    ("ssl_client_fingerprint", |s, out| der(s, out, certificate::fingerprint)),
    ("ssl_client_s_dn", |s, out| parsed(s, out, |c| certificate::name(c.subject()))),
    ("ssl_client_i_dn", |s, out| parsed(s, out, |c| certificate::name(c.issuer()))),
    ("ssl_client_s_dn_legacy", |s, out| parsed(s, out, |c| certificate::oneline(c.subject()))),
    ("ssl_client_i_dn_legacy", |s, out| parsed(s, out, |c| certificate::oneline(c.issuer()))),
    ("ssl_client_serial", |s, out| parsed(s, out, certificate::serial)),
    ("ssl_client_v_start", |s, out| parsed(s, out, |c| certificate::time(c.validity().not_before))),
    ("ssl_client_v_end", |s, out| parsed(s, out, |c| certificate::time(c.validity().not_after))),
    ("ssl_client_v_remain", |s, out| {
        parsed(s, out, |c| certificate::days_left(c.validity().not_after).to_string())
    }),
];

/// No value if there is no TLS, or nothing to say.
fn plain(s: &Scope<'_>, out: &mut Vec<u8>, get: impl FnOnce(&Info) -> &str) -> bool {
    let Some(info) = s.client.side.info() else { return false };
    let text = get(info);
    out.extend_from_slice(text.as_bytes());
    !text.is_empty()
}

fn der(s: &Scope<'_>, out: &mut Vec<u8>, get: impl FnOnce(&[u8]) -> String) -> bool {
    let Some(der) = s.client.side.info().and_then(|info| info.certificate.as_ref()) else { return false };
    out.extend_from_slice(get(der).as_bytes());
    true
}

fn parsed(s: &Scope<'_>, out: &mut Vec<u8>, get: impl FnOnce(&X509Certificate<'_>) -> String) -> bool {
    let Some(der) = s.client.side.info().and_then(|info| info.certificate.as_ref()) else { return false };
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    out.extend_from_slice(get(&certificate).as_bytes());
    true
}
