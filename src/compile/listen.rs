//! `listen` (`ngx_http_core_listen`).

use std::net::{Ipv4Addr, SocketAddr};

use super::address::{self, Form};
use super::argument::{self, digits};
use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog;
use crate::diagnostic::Diagnostic;
use crate::model::{Endpoint, Listen};

/// What a server listens on that has no `listen`.
pub(super) fn implied() -> Listen {
    Listen::new(Endpoint::Inet(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80))), None)
}

/// Adds the sockets of one `listen`: several if it has a range of ports.
pub(super) fn listen(cx: &mut Compiler<'_>, directive: &Directive<'_>, server: &mut Vec<Listen>) {
    let url = match address::parse(&directive.arg(1), 80, Form::Listen) {
        Ok(url) => url,
        Err(fault) => {
            let nginx = format!("{fault} in \"{}\" of the \"listen\" directive", directive.text(1));
            argument::invalid(
                cx,
                directive,
                1,
                "an address, a port or both: `80`, `127.0.0.1:8080`, `[::]:80`",
                &nginx,
            );
            return;
        }
    };
    let mut listen = Listen::new(url.endpoint.clone(), Some(directive.span()));
    for (n, text) in directive.args_from(2) {
        if !parameter(cx, directive, &mut listen, n, &text) {
            return;
        }
    }
    let Endpoint::Inet(first) = url.endpoint else {
        return add(cx, directive, server, listen);
    };
    for port in first.port()..=url.last_port.unwrap_or(first.port()) {
        let endpoint = Endpoint::Inet(SocketAddr::new(first.ip(), port));
        add(cx, directive, server, Listen { endpoint, ..listen.clone() });
    }
}

fn add(cx: &mut Compiler<'_>, directive: &Directive<'_>, server: &mut Vec<Listen>, listen: Listen) {
    let Some(same) = server.iter().find(|l| l.endpoint == listen.endpoint) else {
        server.push(listen);
        return;
    };
    let shown = listen.endpoint.to_string();
    let first = same.span;
    let mut diagnostic = Diagnostic::error(
        "duplicate-listen",
        directive.span(),
        format!("this server listens on `{shown}` twice"),
    )
    .label("second time")
    .help("remove one of the two")
    .nginx(format!("a duplicate listen {shown}"));
    if let Some(first) = first {
        diagnostic = diagnostic.related(first, "first time");
    }
    cx.report(diagnostic);
}

fn parameter(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    listen: &mut Listen,
    n: usize,
    text: &[u8],
) -> bool {
    let (key, value) = match text.iter().position(|&b| b == b'=') {
        Some(at) => (&text[..=at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let key_text = String::from_utf8_lossy(key).into_owned();
    match key {
        b"default_server" | b"default" => listen.default_server = true,
        b"ssl" => listen.ssl = true,
        b"http2" => listen.http2 = true,
        b"quic" => listen.quic = true,
        b"proxy_protocol" => listen.proxy_protocol = true,
        b"reuseport" => listen.reuseport = true,
        b"backlog=" => match value.and_then(digits).and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0) {
            Some(backlog) => listen.backlog = Some(backlog),
            None => return refuse(cx, directive, n, "a backlog from 1", "invalid backlog"),
        },
        b"ipv6only=" => match value {
            Some(b"on") => listen.ipv6only = Some(true),
            Some(b"off") => listen.ipv6only = Some(false),
            _ => {
                return refuse(cx, directive, n, "`ipv6only=on` or `ipv6only=off`", "invalid ipv6only flags");
            }
        },
        b"bind" | b"deferred" | b"multipath" | b"setfib=" | b"fastopen=" | b"rcvbuf=" | b"sndbuf="
        | b"accept_filter=" | b"so_keepalive=" => {}
        _ => {
            let near = catalog::closest(key, directive.catalog.words.iter().copied());
            let expected = match near {
                Some(near) => format!("a parameter of `listen`; did you mean `{near}`?"),
                None => "a parameter of `listen`: `default_server`, `ssl`, `reuseport` …".to_owned(),
            };
            return refuse(cx, directive, n, &expected, "invalid parameter");
        }
    }
    argument::since(cx, directive, n, &key_text)
}

fn refuse(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize, expected: &str, nginx: &str) -> bool {
    let nginx = format!("{nginx} \"{}\"", directive.text(n));
    argument::invalid(cx, directive, n, expected, &nginx);
    false
}
