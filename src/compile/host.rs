//! Checks that need the host: files, users and host names that a configuration needs (`--host`).
//!
//! `nginx -t` fails if one is missing. CI runs on another host, so the checks are optional, and their findings are a
//! class of their own.

use std::collections::HashSet;
use std::net::ToSocketAddrs;
use std::path::Path;

use super::output::Compiled;
pub use super::output::File;
use crate::diagnostic::Diagnostic;
use crate::model::{Config, Endpoint};
use crate::syntax::{Configuration, Directive};

/// Base directories of `load_module`: the prefix that nginx was built with. Those of nginx.org's packages, of Debian's,
/// and of a build without `--prefix`; one of them must have the module.
const PREFIXES: &[&str] = &["/etc/nginx", "/usr/share/nginx", "/usr/local/nginx"];

/// Checks the names of a configuration on this host. `prefix` is nginx's own, if it is known.
pub fn check(configuration: &Configuration, compiled: &Compiled, prefix: Option<&Path>) -> Vec<Diagnostic> {
    let main = &configuration.sources.file(configuration.main).path;
    let directory = main.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for file in compiled.files.iter().filter(|f| seen.insert((f.directive, &f.name))) {
        if file.directive == "load_module" {
            let known = PREFIXES.iter().map(Path::new);
            let prefixes: Vec<&Path> = prefix.map_or_else(|| known.collect(), |prefix| vec![prefix]);
            found.extend(unreadable(file, &prefixes));
        } else {
            found.extend(unreadable(file, &[directory]));
        }
    }
    for directive in configuration.trees.iter().flat_map(|tree| tree.root().directives()) {
        if directive.name().is("user") {
            found.extend(user(directive));
        }
    }
    found.extend(hosts(configuration, &compiled.config));
    found
}

/// Reports a file that is in none of the directories.
fn unreadable(file: &File, directories: &[&Path]) -> Option<Diagnostic> {
    let text = &file.name;
    // Values with variables are evaluated per connection; the other forms are not file names.
    if text.is_empty()
        || text.contains('$')
        || ["data:", "engine:", "store:"].iter().any(|p| text.starts_with(p))
    {
        return None;
    }
    let mut error = None;
    for directory in directories {
        match std::fs::File::open(directory.join(text)) {
            Ok(mut opened) => return without_pem(file, &mut opened),
            Err(first) => error = error.or(Some(first)),
        }
    }
    let message = format!("`{}` names `{text}`, which cannot be read: {}", file.directive, error?);
    Some(Diagnostic::environment("file-not-readable", file.span, message).label("needed when nginx starts"))
}

/// Bytes of a certificate or key that are read; more than any authority's chain has.
const MOST: u64 = 4 << 20;

/// PEM block that the file of a directive must have for OpenSSL, and OpenSSL's message if it has none.
pub struct Pem {
    /// End of the directive's name.
    directive: &'static str,
    /// End of the block's first line.
    label: &'static [u8],
    /// Name of the block's content for messages.
    what: &'static str,
    /// `PEM_read_bio_PrivateKey() failed (SSL: …)`
    pub words: &'static str,
}

const PEM: &[Pem] = &[
    Pem {
        directive: "ssl_certificate",
        label: b"CERTIFICATE-----",
        what: "certificate",
        words: "PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line:Expecting: TRUSTED \
                CERTIFICATE)",
    },
    Pem {
        directive: "ssl_certificate_key",
        label: b"PRIVATE KEY-----",
        what: "private key",
        words: "PEM_read_bio_PrivateKey() failed (SSL: error:1E08010C:DECODER routines::unsupported:No supported data \
                to decode. Input type: PEM)",
    },
];

/// PEM block that is missing in the file of a directive (`ssl_certificate`, `proxy_ssl_certificate_key` …).
pub fn lacks(directive: &str, file: &mut std::fs::File) -> Option<&'static Pem> {
    use std::io::Read;
    let pem = PEM.iter().find(|pem| directive.ends_with(pem.directive))?;
    // Reading a FIFO or a device would take the data away from nginx.
    if !file.metadata().is_ok_and(|info| info.is_file()) {
        return None;
    }
    let mut text = Vec::new();
    file.take(MOST).read_to_end(&mut text).ok()?;
    let begins = |line: &[u8]| {
        let line = line.trim_ascii_end();
        line.starts_with(b"-----BEGIN ") && line.ends_with(pem.label)
    };
    (!text.split(|byte| *byte == b'\n').any(begins)).then_some(pem)
}

fn without_pem(file: &File, opened: &mut std::fs::File) -> Option<Diagnostic> {
    let pem = lacks(file.directive, opened)?;
    let message =
        format!("`{}` names `{}`, which holds no {} in PEM form", file.directive, file.name, pem.what);
    Some(Diagnostic::environment("file-not-readable", file.span, message).label("needed when nginx starts"))
}

/// Checks account and group of a `user` (`ngx_set_user`): without a group, the group with the account's name.
fn user(directive: Directive<'_>) -> Option<Diagnostic> {
    use nix::unistd::{Group, User};
    let account = directive.arg(0)?;
    let group = directive.arg(1);
    let name = String::from_utf8_lossy(&account.value()).into_owned();
    // A failed look-up does not prove that the account is missing.
    let is_missing = |name: &str| name.contains('\0') || matches!(User::from_name(name), Ok(None));
    if is_missing(&name) {
        return Some(
            Diagnostic::environment(
                "unknown-user",
                account.span(),
                format!("this host has no user `{name}`"),
            )
            .label("needed when nginx starts")
            .help(format!(
                "create the user, or name another in `user …;` (`getent passwd {name}` finds nothing)"
            ))
            .nginx(format!("getpwnam(\"{name}\") failed")),
        );
    }
    let (word, is_written) = group.map_or((account, false), |group| (group, true));
    let name = String::from_utf8_lossy(&word.value()).into_owned();
    let is_missing = |name: &str| name.contains('\0') || matches!(Group::from_name(name), Ok(None));
    is_missing(&name).then(|| {
        let help = if is_written {
            format!("create the group, or name another (`getent group {name}` finds nothing)")
        } else {
            format!("`user {name};` means the group `{name}` too: write `user {name} GROUP;`")
        };
        Diagnostic::environment("unknown-user", word.span(), format!("this host has no group `{name}`"))
            .label("needed when nginx starts")
            .help(help)
            .nginx(format!("getgrnam(\"{name}\") failed"))
    })
}

fn hosts(configuration: &Configuration, config: &Config) -> Vec<Diagnostic> {
    let peers = config.http.upstreams.iter().flat_map(|u| &u.peers).map(|p| (&p.endpoint, Some(p.span)));
    let listens = config.http.servers.iter().flat_map(|s| &s.listen).map(|l| (&l.endpoint, l.span));
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (endpoint, span) in peers.chain(listens) {
        let (Endpoint::Name(host, port), Some(span)) = (endpoint, span) else { continue };
        // nginx resolves a name with `resolve` at run time, again and again.
        let text = &configuration.sources.file(span.file).text[span.start as usize..span.end as usize];
        if text.split(u8::is_ascii_whitespace).any(|word| word == b"resolve") || !seen.insert(host) {
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
