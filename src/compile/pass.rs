//! `fastcgi_pass`, `uwsgi_pass`, `scgi_pass`, `grpc_pass`, `memcached_pass`, `tunnel_pass`, and `proxy_pass` of stream:
//! an address, or the name of an upstream.

use std::collections::HashSet;
use std::rc::Rc;

use super::address::{self, Form, Url};
use super::argument::refuse;
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::value;
use crate::catalog::Subsystem;
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::Endpoint;
use crate::source::Span;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("fastcgi_pass", pass),
    ("uwsgi_pass", pass),
    ("scgi_pass", pass),
    ("grpc_pass", pass),
    ("memcached_pass", pass),
    ("tunnel_pass", pass),
    ("pass", stream_pass),
    ("auth_http", auth_http),
    ("proxy_redirect", proxy_redirect),
    ("proxy_cookie_domain", cookie),
    ("proxy_cookie_path", cookie),
    ("proxy_cookie_flags", cookie_flags),
];

pub(super) const REMEMBERED: &[&str] =
    &["proxy_pass", "proxy_redirect", "proxy_cookie_domain", "proxy_cookie_path", "proxy_cookie_flags"];

/// Checks that `off` is alone in its block; false if an error was reported.
fn off_is_alone(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let name = directive.name();
    let off = |d: &Directive<'_>| d.len() == 1 && *d.arg(1) == *b"off";
    let level = cx.levels.last().into_iter().flat_map(|level| &level.remembered);
    let mut others = level.filter(|d| d.name() == name && d.order < directive.order);
    let Some(first) = others.find(|d| off(d) || off(directive)).map(Directive::span) else { return true };
    cx.report(
        Diagnostic::error(
            "duplicate-directive",
            directive.span(),
            format!("`{name} off` has to stand alone in its block"),
        )
        .label("the second")
        .related(first, "the first")
        .help("remove one of the two")
        .nginx(format!("\"{name}\" directive is duplicate")),
    );
    false
}

/// Names of the upstreams of `stream`.
#[derive(Default)]
pub(super) struct StreamUpstreams(pub(super) HashSet<String>);

/// Host names without a port.
#[derive(Default)]
struct AllUnported(Vec<Unported>);

/// Host name without a port, which has to be an upstream.
struct Unported {
    subsystem: Subsystem,
    host: String,
    url: String,
    span: Span,
    includes: Rc<[Span]>,
    /// The host cannot be one; otherwise a port is missing.
    is_no_host: bool,
}

/// Checks an address or the name of an upstream; there is no default port.
pub(super) fn pass<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    let schemes: &[&[u8]] = match directive.name() {
        "uwsgi_pass" => &[b"uwsgi://", b"suwsgi://"],
        "grpc_pass" => &[b"grpc://", b"grpcs://"],
        _ => &[],
    };
    // `memcached_pass` is the only one without variables.
    if directive.len() == 0 || directive.name() != "memcached_pass" && variables_in(&text) {
        return true;
    }
    let scheme = schemes.iter().find(|s| text.len() >= s.len() && text[..s.len()].eq_ignore_ascii_case(s));
    let url = &text[scheme.map_or(0, |s| s.len())..];
    let shown = String::from_utf8_lossy(url).into_owned();
    match address::parse(url, 0, Form::Peer) {
        Err(fault) => {
            let nginx = format!("{fault} in upstream \"{shown}\"");
            refuse(cx, directive, 1, "an address with a port, `unix:/path` or an upstream", nginx)
        }
        Ok(url) => {
            if !url.has_port && !matches!(url.endpoint, Endpoint::Unix(_)) {
                let includes = Rc::clone(&cx.includes);
                let (subsystem, host) = (cx.subsystem, url.host.to_lowercase());
                let span = directive.span();
                let is_no_host = false;
                cx.states.of::<AllUnported>().0.push(Unported {
                    subsystem,
                    host,
                    url: shown,
                    span,
                    includes,
                    is_no_host,
                });
            }
            if directive.name() == "memcached_pass" {
                // The module reads the key of each request from this variable.
                value::reference(cx, b"memcached_key", directive.span());
            }
            true
        }
    }
}

/// `ngx_http_script_variables_count`
fn variables_in(text: &[u8]) -> bool {
    text.contains(&b'$')
}

/// Notes an address whose host cannot be one, unless an upstream is called so.
pub(super) fn unresolvable(cx: &mut Compiler<'_>, url: &Url, span: Span) {
    if url.is_no_host() {
        let (subsystem, host) = (cx.subsystem, url.host.to_lowercase());
        let (url, includes) = (url.host.clone(), Rc::clone(&cx.includes));
        cx.states.of::<AllUnported>().0.push(Unported {
            subsystem,
            host,
            url,
            span,
            includes,
            is_no_host: true,
        });
    }
}

/// Reports names without a port, or names that no host can have, that no `upstream` block defines
/// (`ngx_http_upstream_init_round_robin`).
pub(super) fn report_unported(cx: &mut Compiler<'_>) {
    for unported in cx.states.take::<AllUnported>().0 {
        let known = match unported.subsystem {
            Subsystem::Http => {
                cx.upstreams.get(&unported.host).is_some_and(|list| list.iter().any(|k| k.port.is_none()))
            }
            Subsystem::Stream => cx.states.of::<StreamUpstreams>().0.contains(&unported.host),
        };
        if known {
            continue;
        }
        let url = unported.url;
        cx.includes = unported.includes;
        let diagnostic = if unported.is_no_host {
            Diagnostic::error(
                "host-not-found",
                unported.span,
                format!("`{url}` is no upstream and cannot be a host"),
            )
            .label("expected the name of a host or of an `upstream`")
            .nginx(format!("host not found in upstream \"{url}\""))
        } else {
            Diagnostic::error("no-port", unported.span, format!("`{url}` is no upstream and has no port"))
                .label("expected a port, or the name of an `upstream`")
                .help(format!("write `{url}:9000`, or define `upstream {url} {{ … }}`"))
                .nginx(format!("no port in upstream \"{url}\""))
        };
        cx.report(diagnostic.when(FaultPhase::EndOfSubsystem { step: 10, place: Place::Directive }));
    }
}

/// `pass address` in stream (`ngx_stream_pass`).
fn stream_pass<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if text.contains(&b'$') {
        return true;
    }
    let nginx = match address::parse(&text, 0, Form::Peer) {
        Err(fault) => format!("{fault} in \"{}\" of the \"pass\" directive", directive.text(1)),
        Ok(url) => match url.endpoint {
            Endpoint::Name(..) => "\"pass\" directive has no addresses".to_owned(),
            Endpoint::Inet(_) if !url.has_port => "\"pass\" directive has no port".to_owned(),
            _ => return true,
        },
    };
    refuse(cx, directive, 1, "an address with a port: `127.0.0.1:8080`", nginx)
}

/// `auth_http url` of mail (`ngx_mail_auth_http`).
fn auth_http<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    let url = text.strip_prefix(b"http://").unwrap_or(&text);
    let Err(fault) = address::parse_resolved(url, 80, Form::WithUri) else { return true };
    let nginx = format!("{fault} in auth_http \"{}\"", String::from_utf8_lossy(url));
    refuse(cx, directive, 1, "the URL of an HTTP server: `127.0.0.1:9000/auth`", nginx)
}

/// `*_bind address [transparent] | off` (`ngx_http_upstream_bind_set_slot`, `ngx_stream_proxy_bind`).
pub(super) fn bind(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let text = directive.arg(1);
    if directive.len() == 1 && *text == *b"off" {
        return true;
    }
    if !text.contains(&b'$')
        && let Err(_) = address::parse_address(&text)
    {
        let nginx = format!("invalid address \"{}\"", directive.text(1));
        return refuse(cx, directive, 1, "an address of this host: `10.0.0.9`, a variable, or `off`", nginx);
    }
    if directive.len() == 2 && *directive.arg(2) != *b"transparent" {
        let nginx = format!("invalid parameter \"{}\"", directive.text(2));
        return refuse(cx, directive, 2, "`transparent`", nginx);
    }
    true
}

/// `ngx_http_proxy_redirect`
fn proxy_redirect<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if !off_is_alone(cx, directive) {
        return false;
    }
    let first = directive.arg(1);
    if directive.len() == 2 {
        return pattern(cx, directive, &first);
    }
    match &*first {
        b"off" | b"false" => true,
        b"default" => {
            let pass = cx.here("proxy_pass").map(|d| (d.span(), variables_in(&d.arg(1))));
            match pass {
                Some((_, true)) => {
                    let nginx = "\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables";
                    refuse(cx, directive, 1, "a text and its replacement, or `off`", nginx)
                }
                Some(_) => true,
                None => {
                    let nginx =
                        "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive";
                    refuse(cx, directive, 1, "`proxy_pass` before it", nginx)
                }
            }
        }
        _ => {
            let nginx = format!("invalid parameter \"{}\"", directive.text(1));
            refuse(cx, directive, 1, "`default`, `off`, or a text and its replacement", nginx)
        }
    }
}

/// Checks a text, or a regular expression after `~`.
fn pattern(cx: &mut Compiler<'_>, directive: &Directive<'_>, text: &[u8]) -> bool {
    let Some(pattern) = text.strip_prefix(b"~") else { return true };
    let (pattern, caseless) = match pattern.strip_prefix(b"*") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    super::regex::check(cx, pattern, caseless, directive.arg_span(1))
}

/// `ngx_http_proxy_cookie_domain`, `ngx_http_proxy_cookie_path`
fn cookie<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if !off_is_alone(cx, directive) {
        return false;
    }
    let first = directive.arg(1);
    if directive.len() == 1 {
        let nginx = format!("invalid parameter \"{}\"", directive.text(1));
        return *first == *b"off" || refuse(cx, directive, 1, "`off`, or a text and its replacement", nginx);
    }
    // Cookie attributes are compared case-insensitively.
    let Some(pattern) = first.strip_prefix(b"~") else { return true };
    let domain = directive.name() == "proxy_cookie_domain";
    let (pattern, caseless) = match pattern.strip_prefix(b"*") {
        Some(pattern) if !domain => (pattern, true),
        _ => (pattern, domain),
    };
    super::regex::check(cx, pattern, caseless, directive.arg_span(1))
}

/// `ngx_http_proxy_cookie_flags`
fn cookie_flags<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if !off_is_alone(cx, directive) {
        return false;
    }
    let first = directive.arg(1);
    if directive.len() == 1 {
        let nginx = format!("invalid parameter \"{}\"", directive.text(1));
        return *first == *b"off" || refuse(cx, directive, 1, "`off`, or a cookie and its flags", nginx);
    }
    // nginx notices unknown flags only when a cookie comes.
    if let Some(pattern) = first.strip_prefix(b"~")
        && !super::regex::check(cx, pattern, true, directive.arg_span(1))
    {
        return false;
    }
    true
}
