//! nginx's words for a finding: those that the finding carries, or those that only the command line can know
//! because they hold the reason the operating system gives.

use std::fs::File;

use super::log::{self, Severity};
use super::order::ReadConfiguration;
use super::place;
use crate::catalog::{self, Body};
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::syntax::{Directive, Terminator};

/// Severity and text without the place; none if nginx has nothing to say.
pub(super) fn of(
    read: &ReadConfiguration,
    diagnostic: &Diagnostic,
    directive: Option<Directive<'_>>,
) -> Option<(Severity, String)> {
    let text = match diagnostic.class {
        Class::Environment => environment(read, diagnostic, directive?)?,
        _ if diagnostic.code == "conflicting-path" => same_path(read, diagnostic, directive?),
        _ => diagnostic.nginx.clone(),
    };
    let severity = match (diagnostic.level, &text) {
        (Level::Error, Some(text)) if text.starts_with("pread()") => Severity::Crit,
        (Level::Error, _) => Severity::Emerg,
        (Level::Warning, _) => Severity::Warn,
        // nginx has not heard of directives of modules that it was built without; a module that is loaded
        // may bring them.
        (Level::Info, Some(text)) if text.starts_with("unknown directive") && !has(read, "load_module") => {
            Severity::Emerg
        }
        (Level::Info, _) => return None,
    };
    match text {
        Some(text) => Some((severity, text)),
        None if diagnostic.level == Level::Error => {
            let forgotten = directive.filter(|_| diagnostic.code == "missing-semicolon");
            Some((severity, forgotten.map_or_else(|| diagnostic.message.clone(), forgotten_semicolon)))
        }
        None => None,
    }
}

/// True if host names of the directive are resolved when it is read: `ngx_parse_url` without `no_resolve`.
pub(super) fn is_read_at_once(directive: Option<Directive<'_>>) -> bool {
    directive.is_some_and(|d| d.name().is("server") || d.name().is("listen"))
}

fn has(read: &ReadConfiguration, name: &str) -> bool {
    read.configuration.trees.iter().any(|tree| tree.directives().any(|d| d.name().is(name)))
}

/// Message of nginx about a directive that swallowed the next one.
fn forgotten_semicolon(directive: Directive<'_>) -> String {
    let name = directive.name();
    let block = catalog::directives(&name.value()).first().is_some_and(|d| d.body != Body::None);
    if block && directive.terminator() == Terminator::Semicolon {
        format!("directive \"{name}\" has no opening \"{{\"")
    } else {
        format!("invalid number of arguments in \"{name}\" directive")
    }
}

/// A directory that two directives name: nginx says where it is, and where it was named first.
fn same_path(read: &ReadConfiguration, diagnostic: &Diagnostic, directive: Directive<'_>) -> Option<String> {
    let name = directive.arg(0)?.value();
    let name = name.strip_suffix(b"/").unwrap_or(&name);
    let sources = &read.configuration.sources;
    let first = diagnostic.related.first()?.span;
    let place = format!("{}:{}", sources.file(first.file).path.display(), sources.position(first).line);
    let path = String::from_utf8_lossy(&place::full_name(&read.prefix, name)).into_owned();
    Some(diagnostic.nginx.as_ref()?.replace("{path}", &path).replace("{place}", &place))
}

/// `None`: nothing to say. `Some(None)`: nothing known, our words will do.
#[expect(clippy::option_option, reason = "said above")]
fn environment(
    read: &ReadConfiguration,
    diagnostic: &Diagnostic,
    directive: Directive<'_>,
) -> Option<Option<String>> {
    let argument = || directive.args().next_back().map(|word| word.value().into_owned()).unwrap_or_default();
    Some(match diagnostic.code {
        "include-not-found" | "include-unreadable" => unreadable(diagnostic),
        "file-not-readable" => unreadable_file(read, directive, &argument())?,
        "host-not-found" if directive.name().is("listen") => {
            Some(format!("host not found in \"{}\" of the \"listen\" directive", first(directive)))
        }
        "host-not-found" if directive.name().is("server") => {
            Some(format!("host not found in upstream \"{}\"", first(directive)))
        }
        _ => diagnostic.nginx.clone(),
    })
}

fn first(directive: Directive<'_>) -> String {
    directive.arg(0).map(|word| word.to_string()).unwrap_or_default()
}

/// Asks the operating system again for its reason.
fn unreadable(diagnostic: &Diagnostic) -> Option<String> {
    let name = diagnostic.message.split('`').nth(1)?;
    let error = match File::open(name) {
        Err(error) => log::failed("open", name.as_bytes(), &error),
        Ok(mut file) => {
            let error = std::io::Read::read(&mut file, &mut [0]).err()?;
            log::failed("pread", name.as_bytes(), &error)
        }
    };
    Some(String::from_utf8_lossy(&error).into_owned())
}

/// A file that nginx opens when it reads the configuration; nothing to say if it is there after all.
#[expect(clippy::option_option, reason = "as above")]
fn unreadable_file(
    read: &ReadConfiguration,
    directive: Directive<'_>,
    name: &[u8],
) -> Option<Option<String>> {
    let is_module = directive.name().is("load_module");
    // A server without certificates has no TLS to set up (`ngx_http_ssl_merge_srv_conf`).
    let needs_certificate = directive.name().value().starts_with(b"ssl_");
    if needs_certificate && !has(read, "ssl_certificate") {
        return None;
    }
    let prefix = if is_module { &read.prefix } else { &read.conf_prefix };
    let path = place::path(&place::full_name(prefix, name));
    let opened = File::open(&path);
    let path = path.display();
    let error = match opened {
        Ok(mut file) => {
            let directive = String::from_utf8_lossy(&directive.name().value()).into_owned();
            let words = crate::compile::host::lacks(&directive, &mut file)?.words;
            let what = if directive.ends_with("_key") { "certificate key" } else { "certificate" };
            return Some(Some(format!("cannot load {what} \"{path}\": {words}")));
        }
        Err(error) => error,
    };
    let reason = error.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default();
    let what = match directive.name().value().as_ref() {
        b"load_module" => {
            return Some(Some(format!(
                "dlopen() \"{path}\" failed ({path}: cannot open shared object file: {reason})"
            )));
        }
        b"ssl_certificate" | b"proxy_ssl_certificate" => "cannot load certificate",
        b"ssl_certificate_key" | b"proxy_ssl_certificate_key" => "cannot load certificate key",
        _ => return Some(None),
    };
    // OpenSSL's error stack as OpenSSL 3 prints it.
    let code = 0x8000_0000_u32 | error.raw_os_error().unwrap_or_default().unsigned_abs();
    let bio = if error.kind() == std::io::ErrorKind::NotFound {
        "error:10000080:BIO routines::no such file"
    } else {
        "error:10080002:BIO routines::system lib"
    };
    Some(Some(format!(
        "{what} \"{path}\": BIO_new_file() failed (SSL: error:{code:08X}:system library::{reason}:\
         calling fopen({path}, r) {bio})"
    )))
}
