//! TLS settings that rustls cannot express: said at start, by name.

use std::collections::HashSet;

use crate::model::argument::Words;
use crate::model::location::Handler;
use crate::model::{Config, Setting, TlsSettings, Unsupported};
use crate::runtime::net::tls::{cipher, provider};
use crate::source::Span;

const OLD: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];

/// Adds to `found` what a configuration asks for in vain.
pub(crate) fn unsupported(config: &Config, found: &mut Vec<Unsupported>) {
    let mut seen = HashSet::new();
    let mut note = |what: String, span: Span, safe_because: Option<&'static str>| {
        if seen.insert((what.clone(), span)) {
            found.push(Unsupported { what, span, safe_because });
        }
    };
    let stream = config.stream.iter().flat_map(|stream| &stream.shared.servers);
    for server in config.http.servers.iter().chain(stream) {
        let settings = &server.settings.tls;
        if !server.listen.iter().any(|listen| listen.ssl) {
            continue;
        }
        versions("ssl_protocols", &settings.protocols, server.span, &mut note);
        ciphers("ssl_ciphers", &settings.ciphers, &settings.protocols.value, server.span, &mut note);
        curves(settings, server.span, &mut note);
        if settings.early_data.value {
            let span = settings.early_data.origin.span().unwrap_or(server.span);
            note("`ssl_early_data on`".to_owned(), span, None);
        }
        let files = settings.certificate.value.iter().chain(&settings.certificate_key.value);
        if files.clone().any(|file| file.constant().is_none()) {
            let span = settings.certificate.origin.span().unwrap_or(server.span);
            note("`ssl_certificate` with variables".to_owned(), span, None);
        }
    }
    for (_, location) in config.http.locations() {
        let Some(Handler::Proxy(pass)) = &location.handler else { continue };
        let settings = &location.settings.tls;
        if pass.tls || matches!(pass.target, crate::model::Target::Value(_)) {
            towards_peers(settings, pass.tls, pass.span, &mut note);
        }
    }
    if let Some(stream) = &config.stream {
        let servers = stream.shared.servers.iter().zip(&stream.servers);
        for (server, _) in servers.filter(|(_, own)| own.settings.proxy_ssl.value) {
            towards_peers(&server.settings.tls, true, server.span, &mut note);
        }
    }
}

fn towards_peers(settings: &TlsSettings, is_sure: bool, place: Span, note: &mut Note<'_>) {
    if settings.proxy_protocols.origin.span().is_some() || is_sure {
        versions("proxy_ssl_protocols", &settings.proxy_protocols, place, note);
    }
    let allowed = &settings.proxy_protocols.value;
    ciphers("proxy_ssl_ciphers", &settings.proxy_ciphers, allowed, place, note);
}

type Note<'n> = dyn FnMut(String, Span, Option<&'static str>) + 'n;

fn versions(name: &str, setting: &Setting<Words>, place: Span, note: &mut Note<'_>) {
    let words = &setting.value;
    let span = setting.origin.span().unwrap_or(place);
    let old: Vec<_> = OLD.iter().copied().filter(|word| words.has(word)).collect();
    if cipher::versions(|word| words.has(word)).is_empty() {
        note(format!("`{name}` without `TLSv1.2` or `TLSv1.3`"), span, None);
    } else if !old.is_empty() {
        let safe_because =
            Some("versions before TLS 1.2 are not spoken: whoever offers nothing newer is turned away");
        note(format!("`{name} {}`", old.join(" ")), span, safe_because);
    }
}

fn ciphers(name: &str, setting: &Setting<String>, versions: &Words, place: Span, note: &mut Note<'_>) {
    if versions.has("TLSv1.2") && !cipher::leaves_any(&setting.value) {
        let span = setting.origin.span().unwrap_or(place);
        note(format!("`{name}` without a cipher of ECDHE with AES-GCM or ChaCha20"), span, None);
    }
}

fn curves(settings: &TlsSettings, place: Span, note: &mut Note<'_>) {
    if let Err(group) = cipher::groups(&settings.ecdh_curve.value, &provider().kx_groups) {
        let span = settings.ecdh_curve.origin.span().unwrap_or(place);
        note(format!("the group `{group}` of `ssl_ecdh_curve`"), span, None);
    }
}
