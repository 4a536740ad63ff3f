//! `upstream { … }` in `http` (`ngx_http_upstream.c`), and the implicit upstream of a bare host.

use std::time::Duration;

use super::address::{self, Form, Url};
use super::argument::{self, digits};
use super::block::{self, Blocks};
use super::directive::Directive;
use super::scope::{Compiler, KnownUpstream};
use super::{settings, value};
use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::model::upstream::{Balancer, KeepaliveSettings};
use crate::model::{Endpoint, Origin, Peer, Setting, Upstream, UpstreamId};
use crate::source::Span;
use crate::syntax::Block;
use crate::version::Version;

/// Since when `keepalive` may stand before the balancing method.
const ORDER_DOES_NOT_MATTER: Version = Version::new(1, 29, 7);

/// Compiles an `upstream` block.
pub(super) fn upstream<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let name = directive.text(1);
    let built = build(cx, name.clone(), directive.span(), block);
    define(cx, directive, &name, built);
}

/// A file that is included in an `upstream`.
pub(super) fn fragment<'t>(cx: &mut Compiler<'t>, head: Span, block: Block<'t>) {
    let built = build(cx, String::new(), head, block);
    cx.http.upstreams.push(built);
}

fn build<'t>(cx: &mut Compiler<'t>, name: String, span: Span, block: Block<'t>) -> Upstream {
    let keepalive = settings::keepalive_defaults(cx);
    let mut upstream = UpstreamBlock {
        peers: Vec::new(),
        balancer: Setting::default(Balancer::RoundRobin),
        keepalive,
        keepalive_overridden: None,
        zone: None,
    };
    block::directives(cx, block, Context::Upstream, &mut upstream);
    let body = block.close().unwrap_or(block.span().after());
    Upstream {
        name,
        span,
        body: Some(Span { end: body.start, ..body }),
        peers: upstream.peers,
        balancer: upstream.balancer,
        keepalive: upstream.keepalive,
        keepalive_overridden: upstream.keepalive_overridden,
        zone: upstream.zone,
    }
}

/// Enters a block under its name; the same name twice is an error (`ngx_http_upstream_add`).
fn define(cx: &mut Compiler<'_>, directive: &Directive<'_>, name: &str, built: Upstream) {
    let known = cx.upstreams.entry(name.to_lowercase()).or_default();
    if let Some(first) = known.iter().find(|k| k.port.is_none()) {
        let first = cx.http.upstreams[first.id.0 as usize].span;
        let place = cx.configuration.sources.place(first);
        cx.report(
            Diagnostic::error(
                "duplicate-upstream",
                directive.span(),
                format!("upstream `{name}` is defined twice, first at {place}"),
            )
            .label("defined again here")
            .related(first, "first defined here")
            .help("merge the two, or rename one")
            .nginx(format!("duplicate upstream \"{name}\"")),
        );
        return;
    }
    let id = UpstreamId(cx.http.upstreams.len() as u32);
    known.push(KnownUpstream { id, port: None });
    cx.http.upstreams.push(built);
}

/// The upstream that a URL of `proxy_pass` means: a block of that name, or an implicit one.
pub(super) fn of_url(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    url: &Url,
    port: u16,
) -> Option<UpstreamId> {
    let key = url.host.to_lowercase();
    let known = cx.upstreams.entry(key).or_default();
    if let Some(block) = known.iter().find(|k| k.port.is_none()) {
        if !url.has_port {
            return Some(block.id);
        }
        let first = cx.http.upstreams[block.id.0 as usize].span;
        let host = &url.host;
        cx.report(
            Diagnostic::error(
                "upstream-with-port",
                directive.arg_span(1),
                format!("`{host}` is an upstream; expected no port behind it, found `:{port}`"),
            )
            .label("a port has no meaning here")
            .related(first, "the upstream is defined here")
            .help(format!("write `{host}` without `:{port}`; ports belong to the servers of the upstream"))
            .nginx(format!("upstream \"{host}\" may not have port {port}")),
        );
        return None;
    }
    if let Some(same) = known.iter().find(|k| k.port == Some(port)) {
        return Some(same.id);
    }
    let id = UpstreamId(cx.http.upstreams.len() as u32);
    known.push(KnownUpstream { id, port: Some(port) });
    let keepalive = settings::keepalive_defaults(cx);
    let name = if url.has_port { format!("{}:{port}", url.host) } else { url.host.clone() };
    let span = directive.span();
    cx.http.upstreams.push(Upstream {
        name: name.clone(),
        span,
        body: None,
        peers: vec![peer(url.endpoint.clone(), name, span)],
        balancer: Setting::default(Balancer::RoundRobin),
        keepalive,
        keepalive_overridden: None,
        zone: None,
    });
    Some(id)
}

/// A peer without parameters.
fn peer(endpoint: Endpoint, name: String, span: Span) -> Peer {
    Peer {
        endpoint,
        name,
        weight: 1,
        max_fails: 1,
        fail_timeout: Duration::from_secs(10),
        max_conns: 0,
        backup: false,
        down: false,
        span,
    }
}

struct UpstreamBlock {
    peers: Vec<Peer>,
    balancer: Setting<Balancer>,
    keepalive: KeepaliveSettings,
    keepalive_overridden: Option<Span>,
    zone: Option<Span>,
}

impl<'t> Blocks<'t> for UpstreamBlock {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        match directive.name() {
            "server" => self.peers.extend(server(cx, directive)),
            "zone" => self.zone = Some(directive.span()),
            name if BALANCERS.contains(&name) => balance(cx, self, directive),
            _ => return settings::read_keepalive(cx, &mut self.keepalive, directive),
        }
        true
    }

    fn block(&mut self, _: &mut Compiler<'t>, _: &Directive<'t>) -> bool {
        false
    }
}

/// Directives that choose how a peer is chosen.
const BALANCERS: &[&str] =
    &["hash", "ip_hash", "least_conn", "least_time", "ntlm", "random", "sticky", "queue"];

fn balance(cx: &mut Compiler<'_>, upstream: &mut UpstreamBlock, directive: &Directive<'_>) {
    let balancer = match directive.name() {
        "ip_hash" => Balancer::IpHash,
        "least_conn" => Balancer::LeastConn,
        "hash" => {
            let consistent = directive.len() == 2;
            if consistent && *directive.arg(2) != *b"consistent" {
                let nginx = format!("invalid parameter \"{}\"", directive.text(2));
                argument::invalid(cx, directive, 2, "`consistent`", &nginx);
            }
            Balancer::Hash { key: value::argument(cx, directive, 1), consistent }
        }
        other => Balancer::Other(other),
    };
    if matches!(directive.name(), "queue" | "sticky" | "ntlm") {
        // They go with a method, they are none.
        return;
    }
    if let Origin::Set(keepalive) = upstream.keepalive.size.origin
        && cx.version() < ORDER_DOES_NOT_MATTER
    {
        upstream.keepalive_overridden = Some(keepalive);
        let name = directive.name();
        cx.report(
            Diagnostic::warning(
                "balancer-after-keepalive",
                directive.span(),
                format!("`{name}` stands after `keepalive` and switches it off (before nginx 1.29.7)"),
            )
            .label("the load balancing method is set here")
            .related(keepalive, "this has no effect")
            .help(format!("put `{name}` before `keepalive`"))
            .nginx("load balancing method redefined"),
        );
    }
    upstream.balancer = Setting::set(balancer, directive.span());
}

/// `server address [parameters]` (`ngx_http_upstream_server`).
fn server(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Peer> {
    let url = match address::parse(&directive.arg(1), 80, Form::Peer) {
        Ok(url) => url,
        Err(fault) => {
            let nginx = format!("{fault} in upstream \"{}\"", directive.text(1));
            argument::invalid(
                cx,
                directive,
                1,
                "an address: `10.0.0.1:8080`, a host name, `unix:/path`",
                &nginx,
            );
            return None;
        }
    };
    let mut peer = peer(url.endpoint, directive.text(1), directive.span());
    for (n, text) in directive.args_from(2) {
        if !parameter(cx, directive, &mut peer, n, &text) {
            return None;
        }
    }
    Some(peer)
}

fn parameter(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    peer: &mut Peer,
    n: usize,
    text: &[u8],
) -> bool {
    let number = |value: &[u8]| digits(value).and_then(|n| u32::try_from(n).ok());
    let (key, value) = match text.iter().position(|&b| b == b'=') {
        Some(at) => (&text[..=at], &text[at + 1..]),
        None => (text, &b""[..]),
    };
    let known = match key {
        b"weight=" => number(value).filter(|&w| w > 0).map(|w| peer.weight = w),
        b"max_fails=" => number(value).map(|n| peer.max_fails = n),
        b"max_conns=" => number(value).map(|n| peer.max_conns = n),
        b"fail_timeout=" => argument::time(value, true).map(|t| peer.fail_timeout = t),
        b"backup" => {
            peer.backup = true;
            Some(())
        }
        b"down" => {
            peer.down = true;
            Some(())
        }
        b"resolve" | b"drain" | b"route=" | b"service=" | b"slow_start=" => Some(()),
        _ => None,
    };
    if known.is_none() {
        let nginx = format!("invalid parameter \"{}\"", directive.text(n));
        let expected =
            "`weight=`, `max_conns=`, `max_fails=`, `fail_timeout=`, `backup`, `down` or `resolve`";
        argument::invalid(cx, directive, n, expected, &nginx);
    }
    known.is_some()
}

/// What can be said of upstreams only when all are known.
pub(super) fn check(cx: &mut Compiler<'_>) {
    let empty: Vec<(String, Span)> = cx
        .http
        .upstreams
        .iter()
        .filter(|u| u.peers.is_empty() && !u.name.is_empty())
        .map(|u| (u.name.clone(), u.span))
        .collect();
    for (name, span) in empty {
        cx.report(
            Diagnostic::error("upstream-without-servers", span, format!("upstream `{name}` has no `server`"))
                .label("expected at least one `server` inside")
                .help("add `server 127.0.0.1:8080;`")
                .nginx("no servers are inside upstream"),
        );
    }
}
