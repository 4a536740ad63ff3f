//! `upstream { … }` in `http` (`ngx_http_upstream.c`), and the implicit upstream of a bare host.

use std::time::Duration;

use super::address::{self, Form, Url};
use super::argument::{self, digits, refuse};
use super::block::{self, Blocks};
use super::checks::Check;
use super::directive::Directive;
use super::scope::{Compiler, KnownUpstream};
use super::settings::Value;
use super::{settings, value};
use crate::catalog::{Context, Tier};
use crate::diagnostic::{Diagnostic, Place, When};
use crate::model::limit::Resolver;
use crate::model::upstream::{Balancer, KeepaliveSettings};
use crate::model::{Endpoint, Origin, Peer, Setting, Unsupported, Upstream, UpstreamId};
use crate::source::Span;
use crate::syntax::Block;
use crate::version::Version;

/// Since when `keepalive` may stand before the balancing method.
const ORDER_DOES_NOT_MATTER: Version = Version::new(1, 29, 7);

pub(super) const CHECKS: &[(&str, Check)] =
    &[("hash", hash), ("random", random), ("least_time", least_time), ("sticky", sticky)];

pub(super) const REMEMBERED: &[&str] = &["events", "http", "stream", "mail", "resolver"];

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
        servers: 0,
        method: None,
        balancer: Setting::default(Balancer::RoundRobin),
        keepalive,
        keepalive_overridden: None,
        zone: None,
        resolver: None,
        resolver_timeout: None,
        needs: Needs::new(),
    };
    block::directives(cx, block, Context::Upstream, &mut upstream);
    // The servers may stand in a file that is not here.
    let elsewhere = cx.foreign_modules && block.directives().any(|d| d.name().is("include"));
    if upstream.servers == 0 && !name.is_empty() && !elsewhere {
        report_empty(cx, &name, span);
    }
    resolvable(cx, &name, span, &upstream.needs);
    if upstream.servers > 0 && !elsewhere && upstream.needs.only_backups {
        report_only_backups(cx, &name, span);
    }
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
        resolver: upstream.resolver,
        resolver_timeout: upstream.resolver_timeout,
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
        resolver: None,
        resolver_timeout: None,
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
        resolve: false,
        span,
    }
}

struct UpstreamBlock {
    peers: Vec<Peer>,
    /// `server`s seen, wrong ones too.
    servers: usize,
    /// The balancing method so far.
    method: Option<&'static str>,
    balancer: Setting<Balancer>,
    keepalive: KeepaliveSettings,
    keepalive_overridden: Option<Span>,
    zone: Option<Span>,
    resolver: Option<Resolver>,
    resolver_timeout: Option<Duration>,
    needs: Needs,
}

/// What the directives of an upstream say about names that are resolved at run time.
pub(super) struct Needs {
    /// A `server` with a host name and `resolve`.
    resolve: Option<Span>,
    zone: bool,
    resolver: bool,
    /// No `server` is a primary one.
    pub(super) only_backups: bool,
}

impl Needs {
    pub(super) fn new() -> Self {
        Self { resolve: None, zone: false, resolver: false, only_backups: true }
    }

    /// Takes a directive of the block.
    pub(super) fn see(&mut self, directive: &Directive<'_>) {
        match directive.name() {
            "zone" => self.zone = true,
            "resolver" => self.resolver = true,
            "server" => {
                let says = |word: &[u8]| directive.args_from(2).any(|(_, text)| *text == *word);
                self.only_backups &= says(b"backup");
                let is_name = || {
                    let url = address::parse(&directive.arg(1), 80, Form::Peer);
                    url.is_ok_and(|url| matches!(url.endpoint, Endpoint::Name(..)))
                };
                if says(b"resolve") && is_name() {
                    self.resolve = self.resolve.or(Some(directive.span()));
                }
            }
            _ => {}
        }
    }
}

/// Names that are resolved at run time need a zone and a resolver (`ngx_http_upstream_init_round_robin`).
pub(super) fn resolvable(cx: &mut Compiler<'_>, name: &str, head: Span, needs: &Needs) {
    // What is around a fragment is not known, nor what a missing file holds.
    let Some(server) = needs.resolve.filter(|_| cx.options.contexts.is_empty() && !cx.foreign_modules) else {
        return;
    };
    let when = |place| When::EndOfSubsystem { step: 10, place };
    let diagnostic = if !needs.zone {
        let place = cx.configuration.sources.place(head);
        Diagnostic::error("resolve-without-zone", server, "`resolve` needs a `zone` in the upstream")
            .label("resolved at run time")
            .help(format!("add `zone {name} 64k;`"))
            .nginx(format!(
                "resolving names at run time requires upstream \"{name}\" in {place} to be in shared memory"
            ))
            .when(when(Place::None))
    } else if !needs.resolver && cx.in_force("resolver").is_none() {
        Diagnostic::error(
            "resolve-without-resolver",
            head,
            "`resolve` needs a `resolver` in the upstream or around it",
        )
        .label("no `resolver`")
        .related(server, "resolved at run time")
        .help("add `resolver 127.0.0.1;`")
        .nginx(format!("no resolver defined to resolve names at run time in upstream \"{name}\""))
        .when(when(Place::Directive))
    } else {
        return;
    };
    cx.report(diagnostic);
}

/// An upstream whose servers are all `backup`.
pub(super) fn report_only_backups(cx: &mut Compiler<'_>, name: &str, head: Span) {
    cx.report(
        Diagnostic::error(
            "upstream-without-servers",
            head,
            format!("upstream `{name}` has only `backup` servers"),
        )
        .label("expected at least one `server` that is none")
        .nginx(format!("no servers in upstream \"{name}\""))
        .when(When::EndOfSubsystem { step: 10, place: Place::Directive }),
    );
}

impl<'t> Blocks<'t> for UpstreamBlock {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        self.needs.see(directive);
        match directive.name() {
            "server" => {
                self.servers += 1;
                let method = self.method;
                self.peers.extend(server(cx, directive, method));
            }
            "zone" => self.zone = Some(directive.span()),
            "resolver" => self.resolver = Value::parse(cx, directive),
            "resolver_timeout" => self.resolver_timeout = argument::time(&directive.arg(1), false),
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
            Balancer::Hash { key: value::argument(cx, directive, 1), consistent }
        }
        // The only method for `two` that open-source nginx has is `least_conn`.
        "random" => Balancer::Random { two: directive.len() > 0 },
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
    if upstream.method.is_some() && upstream.keepalive_overridden.is_none() {
        report_redefined(cx, directive);
    }
    upstream.method = Some(directive.name());
    upstream.balancer = Setting::set(balancer, directive.span());
}

/// A second method takes the place of the first.
pub(super) fn report_redefined(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let name = directive.name();
    cx.report(
        Diagnostic::warning(
            "balancer-redefined",
            directive.span(),
            format!("`{name}` replaces the balancing method above"),
        )
        .label("the second method")
        .help("keep one of the two")
        .nginx("load balancing method redefined"),
    );
}

/// `server address [parameters]` (`ngx_http_upstream_server`).
fn server(cx: &mut Compiler<'_>, directive: &Directive<'_>, method: Option<&'static str>) -> Option<Peer> {
    let nowhere = Endpoint::Unix(String::new());
    let mut peer = peer(nowhere, directive.text(1), directive.span());
    let asks = parameters(cx, directive, method, &mut |key, value| {
        let number = digits(value).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
        match key {
            b"weight=" => peer.weight = number,
            b"max_fails=" => peer.max_fails = number,
            b"max_conns=" => peer.max_conns = number,
            b"fail_timeout=" => peer.fail_timeout = argument::time(value, true).unwrap_or_default(),
            b"backup" => peer.backup = true,
            b"down" => peer.down = true,
            _ => {}
        }
    })?;
    match address::parse(&directive.arg(1), 80, Form::Peer) {
        Ok(url) => {
            if !check_service(cx, directive, &url, &asks) {
                return None;
            }
            for word in directive.args_from(2).map(|(_, text)| text) {
                for name in ["service=", "drain", "route=", "slow_start="]
                    .into_iter()
                    .filter(|n| word.starts_with(n.as_bytes()))
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

/// What the parameters of a `server` ask the resolver for.
pub(super) struct Asks {
    pub(super) resolve: bool,
    pub(super) service: bool,
}

/// Checks the parameters of a `server` in http or stream and gives each to `see`; `None` if one is wrong.
pub(super) fn parameters(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    method: Option<&'static str>,
    see: &mut dyn FnMut(&[u8], &[u8]),
) -> Option<Asks> {
    let http = !super::stream::is_stream(directive);
    let mut asks = Asks { resolve: false, service: false };
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

/// `service=` needs `resolve`, a name, and no port; false if something was reported.
pub(super) fn check_service(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    url: &Url,
    asks: &Asks,
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

/// An upstream without a server.
pub(super) fn report_empty(cx: &mut Compiler<'_>, name: &str, span: Span) {
    cx.report(
        Diagnostic::error("upstream-without-servers", span, format!("upstream `{name}` has no `server`"))
            .label("expected at least one `server` inside")
            .help("add `server 127.0.0.1:8080;`")
            .nginx("no servers are inside upstream")
            .when(When::EndOfBlock),
    );
}

/// `hash key [consistent]`
fn hash<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    directive.len() < 2 || one_of(cx, directive, 2, &["consistent"])
}

/// `random [two [least_conn]]`
fn random<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let plus: &[&str] = if cx.knows(Tier::Plus) {
        &["least_conn", "least_time=header", "least_time=last_byte"]
    } else {
        &["least_conn"]
    };
    (directive.len() < 1 || one_of(cx, directive, 1, &["two"]))
        && (directive.len() < 2 || one_of(cx, directive, 2, plus))
}

/// `least_time header | last_byte [inflight]`
fn least_time<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if directive.len() == 2 && !one_of(cx, directive, 2, &["inflight"]) {
        return false;
    }
    let text = directive.arg(1);
    let words: &[&[u8]] = if super::stream::is_stream(directive) {
        &[b"connect", b"first_byte", b"last_byte"]
    } else {
        &[b"header", b"last_byte"]
    };
    let nginx = format!("invalid value \"{}\"", directive.text(1));
    words.iter().any(|w| text.eq_ignore_ascii_case(w))
        || refuse(cx, directive, 1, "what time to compare", nginx)
}

fn one_of(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize, words: &[&str]) -> bool {
    if words.iter().any(|w| *directive.arg(n) == *w.as_bytes()) {
        return true;
    }
    let nginx = format!("invalid parameter \"{}\"", directive.text(n));
    refuse(cx, directive, n, &format!("`{}`", words.join("` or `")), nginx)
}

/// `sticky cookie | route | learn …` (`ngx_http_upstream_sticky_module.c`)
fn sticky<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    match &*text {
        b"cookie" => super::sticky::cookie(cx, directive),
        b"route" => super::sticky::route(cx, directive),
        b"learn" => super::sticky::learn(cx, directive),
        _ => {
            let nginx = format!("unknown parameter \"{}\"", directive.text(1));
            refuse(cx, directive, 1, "`cookie`, `route` or `learn`", nginx)
        }
    }
}
