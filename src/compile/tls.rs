//! Certificates and their caches in http, stream and mail, and for upstreams.

use super::argument::{digits, refuse, size, time};
use super::directive::Directive;
use super::host::File;
use super::scope::{Check, Compiler};
use super::socket::{ServerCertificates, SocketSubsystem, Sockets};
use super::zone::{self, PAGE};
use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, FaultPhase, Place};

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("ssl_session_cache", session_cache),
    ("ssl_ocsp_cache", ocsp_cache),
    ("ssl_certificate_cache", file_cache),
    ("*_ssl_certificate_cache", file_cache),
    ("open_file_cache", file_cache),
    ("open_log_file_cache", file_cache),
    ("ssl_password_file", read_at_once),
    ("*_ssl_password_file", read_at_once),
];

pub(super) const REMEMBERED: &[&str] = &[
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_reject_handshake",
    "ssl_verify_client",
    "ssl_client_certificate",
    "ssl_trusted_certificate",
    "ssl_crl",
    "ssl_dhparam",
    "ssl_session_ticket_key",
    "ssl_stapling_file",
    "*_ssl_crl",
    "*_ssl_certificate",
    "*_ssl_certificate_key",
    "*_ssl_trusted_certificate",
    "*_ssl_verify",
    "proxy_ssl",
    "uwsgi_pass",
    "grpc_pass",
    "starttls",
    "listen",
];

fn tag(directive: &Directive<'_>) -> &'static str {
    let module = directive.catalog.module;
    if module.contains("stream") {
        "stream_ssl"
    } else if module.contains("mail") {
        "mail_ssl"
    } else {
        "http_ssl"
    }
}

/// `ngx_http_ssl_session_cache` and its sisters.
fn session_cache<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    for (n, text) in directive.args_from(1) {
        let valid = match &*text {
            b"off" | b"none" | b"builtin" => true,
            text => match (text.strip_prefix(b"builtin:"), text.strip_prefix(b"shared:")) {
                (Some(number), _) => digits(number).is_some(),
                (_, Some(shared)) => match shared_zone(cx, directive, n, shared, "session cache") {
                    Some(valid) => valid,
                    None => return false,
                },
                _ => false,
            },
        };
        if !valid {
            let nginx = format!("invalid session cache \"{}\"", directive.text(n));
            return refuse(cx, directive, n, "`off`, `none`, `builtin[:SIZE]` or `shared:NAME:SIZE`", nginx);
        }
    }
    true
}

/// `ngx_http_ssl_ocsp_cache`
fn ocsp_cache<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if *text == *b"off" {
        return true;
    }
    let valid = match text.strip_prefix(b"shared:") {
        Some(shared) => match shared_zone(cx, directive, 1, shared, "OCSP cache") {
            Some(valid) => valid,
            None => return false,
        },
        None => false,
    };
    let nginx = format!("invalid OCSP cache \"{}\"", directive.text(1));
    valid || refuse(cx, directive, 1, "`off` or `shared:NAME:SIZE`", nginx)
}

/// `NAME:SIZE`; `None` if an error was reported.
fn shared_zone(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    n: usize,
    text: &[u8],
    what: &str,
) -> Option<bool> {
    let colon = text.iter().position(|&b| b == b':').filter(|&at| at > 0);
    let Some((name, size)) = colon.and_then(|at| Some((&text[..at], size(&text[at + 1..])?))) else {
        return Some(false);
    };
    if size < 8 * PAGE {
        let nginx = format!("{what} \"{}\" is too small", directive.text(n));
        refuse(cx, directive, n, "at least 32k", nginx);
        return None;
    }
    zone::add(cx, directive, name, size, tag(directive)).then_some(true)
}

/// `max=N [inactive=TIME] [valid=TIME]` or `off`, of files, logs and certificates.
fn file_cache<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let name = directive.name();
    let (mut max, mut off) = (false, false);
    for (n, text) in directive.args_from(1) {
        let seconds = |value: &[u8]| time(value, true).is_some();
        let valid = if let Some(value) = text.strip_prefix(b"max=") {
            max = name != "open_log_file_cache" || digits(value) != Some(0);
            digits(value).is_some_and(|n| n > 0 || name == "open_log_file_cache")
        } else if let Some(value) = text.strip_prefix(b"inactive=") {
            seconds(value)
        } else if let Some(value) = text.strip_prefix(b"valid=").filter(|_| name != "open_file_cache") {
            seconds(value)
        } else if let Some(value) = text.strip_prefix(b"min_uses=").filter(|_| name == "open_log_file_cache")
        {
            digits(value).is_some()
        } else {
            off |= *text == *b"off";
            *text == *b"off"
        };
        if !valid {
            let shown = directive.text(n);
            let nginx = if name.starts_with("open") {
                format!("invalid \"{name}\" parameter \"{shown}\"")
            } else {
                format!("invalid parameter \"{shown}\"")
            };
            return refuse(cx, directive, n, "`max=N`, `inactive=TIME` or `off`", nginx);
        }
    }
    if max || off {
        return true;
    }
    let the = if name == "open_log_file_cache" { "" } else { "the " };
    refuse(cx, directive, 1, "`max=N`", format!("\"{name}\" must have {the}\"max\" parameter"))
}

/// Reports certificates without keys, and verification without CA certificates (`ngx_http_ssl_merge_srv_conf`).
pub(super) fn merge(cx: &mut Compiler<'_>) {
    let Some(level) = cx.levels.last() else { return };
    if !matches!(level.context, Context::MailServer) {
        upstream(cx);
    }
    let Some(level) = cx.levels.last() else { return };
    match level.context {
        Context::Server | Context::StreamServer | Context::MailServer => {}
        _ => return,
    }
    let whose = match level.context {
        Context::Server => SocketSubsystem::Http,
        Context::StreamServer => SocketSubsystem::Stream,
        _ => SocketSubsystem::Mail,
    };
    let certificates = ServerCertificates {
        whose,
        has_certificate: cx.in_force("ssl_certificate").is_some(),
        rejects: cx.in_force("ssl_reject_handshake").is_some_and(|d| d.arg(1).eq_ignore_ascii_case(b"on")),
        head: level.head,
        includes: std::rc::Rc::clone(&cx.includes),
    };
    cx.states.of::<Sockets>().servers.push(certificates);
    server(cx);
}

/// Families with TLS to upstreams: the `…_pass` directive and its TLS schemes; `proxy_ssl` in stream.
const UPSTREAMS: &[(&str, &str, &[&[u8]])] = &[
    ("proxy", "proxy_pass", &[b"https://"]),
    ("uwsgi", "uwsgi_pass", &[b"suwsgi://"]),
    ("grpc", "grpc_pass", &[b"grpcs://"]),
];

/// Checks the certificates for TLS to an upstream (`ngx_http_proxy_set_ssl`, `ngx_stream_proxy_set_ssl`).
fn upstream(cx: &mut Compiler<'_>) {
    for &(family, pass, schemes) in UPSTREAMS {
        let is_tls = match cx.levels.last().map(|l| l.context) {
            Some(Context::StreamServer) => {
                cx.in_force("proxy_ssl").is_some_and(|d| d.arg(1).eq_ignore_ascii_case(b"on"))
            }
            _ => cx.here(pass).is_some_and(|d| {
                let url = d.arg(1);
                url.contains(&b'$')
                    || schemes.iter().any(|s| url.get(..s.len()).is_some_and(|t| t.eq_ignore_ascii_case(s)))
            }),
        };
        if is_tls {
            upstream_certificates(cx, family);
        }
    }
}

fn upstream_certificates(cx: &mut Compiler<'_>, family: &str) {
    let value = |cx: &Compiler<'_>, what: &str| {
        cx.in_force(&format!("{family}_{what}")).map(|d| (d.span(), d.text(1)))
    };
    let certificate = value(cx, "ssl_certificate").filter(|(_, file)| !file.is_empty());
    let verify = value(cx, "ssl_verify").filter(|(_, on)| on.eq_ignore_ascii_case("on"));
    let trusted = value(cx, "ssl_trusted_certificate").is_some_and(|(_, file)| !file.is_empty());
    for what in ["ssl_certificate", "ssl_certificate_key", "ssl_trusted_certificate", "ssl_crl"] {
        // The last two certificates are for verification only.
        let used = what.starts_with("ssl_certificate") || verify.is_some();
        let file = cx.in_force(&format!("{family}_{what}")).filter(|_| used).map(named);
        cx.files.extend(file);
    }
    let (code, span, message, nginx) = match (certificate, verify) {
        (Some((span, file)), _) if value(cx, "ssl_certificate_key").is_none() => (
            "missing-certificate-key",
            span,
            format!("the certificate `{file}` has no `{family}_ssl_certificate_key`"),
            format!("no \"{family}_ssl_certificate_key\" is defined for certificate \"{file}\""),
        ),
        (_, Some((span, _))) if !trusted => (
            "missing-trusted-certificate",
            span,
            format!(
                "`{family}_ssl_verify` has no certificates to verify with: `{family}_ssl_trusted_certificate`"
            ),
            format!("no {family}_ssl_trusted_certificate for {family}_ssl_verify"),
        ),
        _ => return,
    };
    // Each level would report the error again; nginx stops at the first.
    if cx.diagnostics.iter().any(|d| d.code == code && d.span == span) {
        return;
    }
    cx.report(
        Diagnostic::error(code, span, message)
            .label("needed to speak TLS to the upstream")
            .nginx(nginx)
            .when(FaultPhase::EndOfSubsystem { step: 24, place: Place::None }),
    );
}

fn server(cx: &mut Compiler<'_>) {
    let count = |cx: &Compiler<'_>, name: &str| {
        let level = cx.levels.iter().rev().find(|level| level.find(name).is_some());
        level.map_or(0, |level| level.remembered.iter().filter(|d| d.name() == name).count())
    };
    if cx.levels.last().is_some_and(|l| l.context == Context::MailServer) {
        return mail(cx);
    }
    let certificates = count(cx, "ssl_certificate");
    let when = FaultPhase::EndOfSubsystem { step: 60, place: Place::None };
    if certificates > count(cx, "ssl_certificate_key") {
        let Some(certificate) = cx.in_force("ssl_certificate").cloned() else { return };
        let file = certificate.text(1);
        let nginx = format!("no \"ssl_certificate_key\" is defined for certificate \"{file}\"");
        cx.report(
            Diagnostic::error(
                "missing-certificate-key",
                certificate.span(),
                format!("the certificate `{file}` has no `ssl_certificate_key`"),
            )
            .label("no key for it")
            .help("add `ssl_certificate_key …;` beside it")
            .nginx(nginx)
            .when(when),
        );
        return;
    }
    let rejects = cx.in_force("ssl_reject_handshake").is_some_and(|d| d.arg(1).eq_ignore_ascii_case(b"on"));
    if certificates > 0 || rejects {
        opened(cx);
    }
    let verify = cx
        .in_force("ssl_verify_client")
        .cloned()
        .filter(|d| d.arg(1).eq_ignore_ascii_case(b"on") || d.arg(1).eq_ignore_ascii_case(b"optional"));
    let Some(verify) = verify.filter(|_| certificates > 0 || rejects) else { return };
    let trusted = ["ssl_client_certificate", "ssl_trusted_certificate"];
    if trusted.iter().any(|name| cx.in_force(name).is_some_and(|d| !d.arg(1).is_empty())) {
        return;
    }
    let nginx = match cx.levels.last().map(|l| l.context) {
        Some(Context::Server) => "no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client",
        _ => "no ssl_client_certificate for ssl_verify_client",
    };
    cx.report(
        Diagnostic::error(
            "missing-client-certificate",
            verify.span(),
            "`ssl_verify_client` has no certificates to verify with",
        )
        .label("needs `ssl_client_certificate` or `ssl_trusted_certificate`")
        .help("add `ssl_client_certificate …;`")
        .nginx(nginx)
        .when(when),
    );
}

/// Records the files of a TLS server: nginx opens only those of servers with certificates.
fn opened(cx: &mut Compiler<'_>) {
    let verifies = cx.in_force("ssl_verify_client").is_some_and(|d| !d.arg(1).eq_ignore_ascii_case(b"off"));
    for name in [
        "ssl_certificate",
        "ssl_certificate_key",
        "ssl_client_certificate",
        "ssl_trusted_certificate",
        "ssl_crl",
        "ssl_dhparam",
        "ssl_session_ticket_key",
        "ssl_stapling_file",
    ] {
        if name == "ssl_client_certificate" && !verifies {
            continue;
        }
        let level = cx.levels.iter().rev().find(|level| level.find(name).is_some());
        let directives = level.into_iter().flat_map(|level| &level.remembered).filter(|d| d.name() == name);
        let files: Vec<File> = directives.map(named).collect();
        // One name with a variable delays all of them until a connection comes.
        if !(name.starts_with("ssl_certificate") && files.iter().any(|f| f.name.contains('$'))) {
            cx.files.extend(files);
        }
    }
}

fn named(directive: &Directive<'_>) -> File {
    File { directive: directive.name(), name: directive.text(1), span: directive.arg_span(1) }
}

/// Records files that nginx opens when it reads their directive.
fn read_at_once<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    cx.files.push(named(directive));
    true
}

/// Reports servers of `mail` with TLS and without a certificate (`ngx_mail_ssl_merge_conf`).
fn mail(cx: &mut Compiler<'_>) {
    let Some(level) = cx.levels.last() else { return };
    let ssl = |d: &&Directive<'_>| d.name() == "listen" && d.args_from(2).any(|(_, word)| *word == *b"ssl");
    let listen = level.remembered.iter().rev().find(ssl).cloned();
    let starttls = cx.in_force("starttls").cloned().filter(|d| !d.arg(1).eq_ignore_ascii_case(b"off"));
    let (mode, directive) = match (listen, starttls) {
        (Some(directive), _) => ("listen ... ssl", directive),
        (None, Some(directive)) => ("starttls", directive),
        (None, None) => return,
    };
    let missing =
        ["ssl_certificate", "ssl_certificate_key"].into_iter().find(|name| cx.in_force(name).is_none());
    let Some(missing) = missing else { return opened(cx) };
    // nginx names the last of the directives whose place it records.
    let names = ["listen", "starttls", "ssl_certificate", "ssl_certificate_key"];
    let remembered = |d: &&Directive<'_>| names.contains(&d.name()) && (d.name() != "listen" || ssl(d));
    let place = cx.levels.last().and_then(|l| l.remembered.iter().rev().find(remembered).cloned());
    let place = place.unwrap_or(directive);
    cx.report(
        Diagnostic::error("missing-certificate", place.span(), format!("`{mode}` needs `{missing}`"))
            .label("no certificate for it")
            .help("add `ssl_certificate …;` and `ssl_certificate_key …;`")
            .nginx(format!("no \"{missing}\" is defined for the \"{mode}\" directive"))
            .when(FaultPhase::EndOfSubsystem { step: 60, place: Place::Directive }),
    );
}
