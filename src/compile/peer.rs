//! `server` in an `upstream`: a peer and its parameters (`ngx_http_upstream_server`).

use std::time::Duration;

use super::address::{self, Form, Url};
use super::argument::{self, digits, refuse};
use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog::Tier;
use crate::model::{Endpoint, Peer, Unsupported};
use crate::source::Span;

/// A peer without parameters.
pub(super) fn plain(endpoint: Endpoint, name: String, span: Span) -> Peer {
    Peer {
        endpoint,
        name,
        weight: 1,
        max_fails: 1,
        fail_timeout: Duration::from_secs(10),
        max_conns: 0,
        backup: false,
        down: false,
        resolve: false,
        route: String::new(),
        drain: false,
        span,
    }
}

/// `server address [parameters]` (`ngx_http_upstream_server`).
pub(super) fn server(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    method: Option<&'static str>,
) -> Option<Peer> {
    let nowhere = Endpoint::Unix(String::new());
    let mut peer = plain(nowhere, directive.text(1), directive.span());
    let asks = parameters(cx, directive, method, &mut |key, value| {
        let number = digits(value).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
        match key {
            b"weight=" => peer.weight = number,
            b"max_fails=" => peer.max_fails = number,
            b"max_conns=" => peer.max_conns = number,
            b"fail_timeout=" => peer.fail_timeout = argument::time(value, true).unwrap_or_default(),
            b"backup" => peer.backup = true,
            b"down" => (peer.down, peer.drain) = (true, false),
            b"drain" => (peer.down, peer.drain) = (false, true),
            b"route=" => peer.route = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
    })?;
    // With `resolve` a name is asked for again and again, and not before nginx runs.
    let parse = if asks.resolve { address::parse } else { address::parse_resolved };
    let stream = super::directive::is_stream(directive);
    match parse(&directive.arg(1), if stream { 0 } else { 80 }, Form::Peer) {
        Ok(url) if stream && !url.has_port && !asks.service && !matches!(url.endpoint, Endpoint::Unix(_)) => {
            let nginx = format!("no port in upstream \"{}\"", directive.text(1));
            refuse(cx, directive, 1, "an address with a port: `10.0.0.1:8080`, `unix:/path`", nginx);
            None
        }
        Ok(url) => {
            if !check_service(cx, directive, &url, &asks) {
                return None;
            }
            for word in directive.args_from(2).map(|(_, text)| text) {
                for name in ["service=", "slow_start="].into_iter().filter(|n| word.starts_with(n.as_bytes()))
                {
                    let what = format!("server … {name}");
                    cx.unsupported.push(Unsupported { what, span: directive.span(), safe_because: None });
                }
            }
            peer.resolve = asks.resolve && matches!(url.endpoint, Endpoint::Name(..));
            peer.endpoint = url.endpoint;
            Some(peer)
        }
        Err(fault) => {
            let nginx = format!("{fault} in upstream \"{}\"", directive.text(1));
            let expected = "an address: `10.0.0.1:8080`, a host name, `unix:/path`";
            argument::invalid(cx, directive, 1, expected, &nginx);
            None
        }
    }
}

/// Requirements of a `server`'s parameters for the resolver.
pub(super) struct ResolverRequirements {
    pub(super) resolve: bool,
    pub(super) service: bool,
}

/// Checks the parameters of a `server` in http or stream and passes each to `see`; `None` if one is wrong.
pub(super) fn parameters(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    method: Option<&'static str>,
    see: &mut dyn FnMut(&[u8], &[u8]),
) -> Option<ResolverRequirements> {
    let http = !super::directive::is_stream(directive);
    let mut asks = ResolverRequirements { resolve: false, service: false };
    for (n, text) in directive.args_from(2) {
        let (key, value) = match text.iter().position(|&b| b == b'=') {
            Some(at) => (&text[..=at], &text[at + 1..]),
            None => (&text[..], &b""[..]),
        };
        let shown = directive.text(n);
        if !argument::since(cx, directive, n, &String::from_utf8_lossy(key)) {
            return None;
        }
        let valid = match key {
            b"weight=" => digits(value).is_some_and(|w| w > 0),
            b"max_fails=" | b"max_conns=" => digits(value).is_some(),
            b"fail_timeout=" => argument::time(value, true).is_some(),
            b"backup" if matches!(method, Some("hash" | "ip_hash" | "random")) => {
                let nginx = format!("balancing method does not support parameter \"{shown}\"");
                refuse(cx, directive, n, "no `backup` with this balancing method", nginx);
                return None;
            }
            b"backup" | b"down" => true,
            b"resolve" => {
                asks.resolve = true;
                true
            }
            b"service=" if value.is_empty() => {
                refuse(cx, directive, n, "the name of a service", "service is empty");
                return None;
            }
            b"service=" => {
                asks.service = true;
                true
            }
            b"drain" => http,
            b"route=" if value.is_empty() && http => {
                refuse(cx, directive, n, "a route", "route is empty");
                return None;
            }
            b"route=" if value.len() > 32 && http => {
                refuse(cx, directive, n, "at most 32 characters", "route is longer than 32");
                return None;
            }
            b"route=" => http,
            b"slow_start=" => cx.knows(Tier::Plus) && argument::time(value, true).is_some(),
            _ => false,
        };
        if !valid {
            let nginx = format!("invalid parameter \"{shown}\"");
            let expected =
                "`weight=`, `max_conns=`, `max_fails=`, `fail_timeout=`, `backup`, `down` or `resolve`";
            argument::invalid(cx, directive, n, expected, &nginx);
            return None;
        }
        see(key, value);
    }
    Some(asks)
}

/// Checks `service=`, which needs `resolve`, a name, and no port; false if an error was reported.
pub(super) fn check_service(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    url: &Url,
    asks: &ResolverRequirements,
) -> bool {
    if !asks.service {
        return true;
    }
    let url_text = directive.text(1);
    let fault = if !asks.resolve {
        "requires \"resolve\" parameter"
    } else if url.has_port {
        "may not have port"
    } else if !matches!(url.endpoint, Endpoint::Name(..)) {
        "requires domain name"
    } else {
        return true;
    };
    let nginx = format!("service upstream \"{url_text}\" {fault}");
    refuse(cx, directive, 1, "a name without a port, and `resolve`", nginx)
}
