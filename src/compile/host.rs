//! What only this host can tell: files, users and host names that a configuration needs (`--host`).
//!
//! `nginx -t` fails where one is missing. A check in CI runs elsewhere, so this is asked for, and its findings are
//! a class of their own.

use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};

use crate::catalog::{self, Context, Kind};
use crate::diagnostic::Diagnostic;
use crate::model::{Config, Endpoint};
use crate::source::Span;
use crate::syntax::Configuration;

/// Directives whose file nginx opens at load; others (`root`, logs, caches) it creates or opens per request.
const OPENED_AT_LOAD: &[&str] = &[
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_client_certificate",
    "ssl_trusted_certificate",
    "ssl_crl",
    "ssl_dhparam",
    "ssl_password_file",
    "ssl_session_ticket_key",
    "proxy_ssl_certificate",
    "proxy_ssl_certificate_key",
    "proxy_ssl_trusted_certificate",
    "proxy_ssl_crl",
    "load_module",
];

/// Asks this host for what the configuration names.
pub fn check(configuration: &Configuration, config: &Config) -> Vec<Diagnostic> {
    let prefix =
        configuration.sources.file(configuration.main).path.parent().unwrap_or(Path::new("")).to_owned();
    let mut found = Vec::new();
    for tree in &configuration.trees {
        for directive in tree.directives() {
            let name = directive.name();
            if let Some(&known) = OPENED_AT_LOAD.iter().find(|n| name.is(n)) {
                found.extend(
                    directive.arg(0).and_then(|word| file(known, &word.value(), word.span(), &prefix)),
                );
            }
            if name.is("user") {
                found.extend(directive.arg(0).and_then(|word| user(&word.value(), word.span())));
            }
        }
    }
    found.extend(hosts(config));
    found
}

fn file(directive: &str, text: &[u8], span: Span, prefix: &Path) -> Option<Diagnostic> {
    // Variables are evaluated per connection, the other forms name no file.
    if text.contains(&b'$')
        || text.starts_with(b"data:")
        || text.starts_with(b"engine:")
        || text.starts_with(b"store:")
    {
        return None;
    }
    let relative_to_prefix = catalog::in_context(directive.as_bytes(), Context::Http)
        .is_none_or(|d| matches!(d.kind, Kind::File | Kind::Custom(_) | Kind::String | Kind::Strings));
    let shown = String::from_utf8_lossy(text).into_owned();
    let path = if relative_to_prefix { prefix.join(&shown) } else { PathBuf::from(&shown) };
    let error = std::fs::File::open(&path).err()?;
    Some(
        Diagnostic::environment(
            "file-not-readable",
            span,
            format!("`{directive}` names `{shown}`, which cannot be read: {error}"),
        )
        .label("needed when nginx starts"),
    )
}

fn user(text: &[u8], span: Span) -> Option<Diagnostic> {
    let name = String::from_utf8_lossy(text).into_owned();
    let known = std::fs::read_to_string("/etc/passwd").ok()?;
    let exists = known.lines().any(|line| line.split(':').next() == Some(name.as_str()));
    (!exists).then(|| {
        Diagnostic::environment("unknown-user", span, format!("this host has no user `{name}`"))
            .label("needed when nginx starts")
            .help(format!(
                "create the user, or name another in `user …;` (`getent passwd {name}` finds nothing)"
            ))
            .nginx(format!("getpwnam(\"{name}\") failed"))
    })
}

fn hosts(config: &Config) -> Vec<Diagnostic> {
    let peers = config.http.upstreams.iter().flat_map(|u| &u.peers).map(|p| (&p.endpoint, Some(p.span)));
    let listens = config.http.servers.iter().flat_map(|s| &s.listen).map(|l| (&l.endpoint, l.span));
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    for (endpoint, span) in peers.chain(listens) {
        let (Endpoint::Name(host, port), Some(span)) = (endpoint, span) else { continue };
        if !seen.insert(host) {
            continue;
        }
        if let Err(error) = (host.as_str(), *port).to_socket_addrs() {
            found.push(
                Diagnostic::environment(
                    "host-not-found",
                    span,
                    format!("`{host}` does not resolve on this host: {error}"),
                )
                .label("nginx resolves it when it starts")
                .nginx(format!("host not found in upstream \"{host}\"")),
            );
        }
    }
    found
}
