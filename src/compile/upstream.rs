//! `upstream { … }` in `http` (`ngx_http_upstream.c`), and the implicit upstream of a bare host.

use std::time::Duration;

use super::address::{self, Form, Url};
use super::block::{self, Blocks};
use super::directive::Directive;
use super::scope::{Compiler, KnownUpstream};
use super::settings::Value;
use super::{argument, method, pass, peer, settings};
use crate::catalog::{self, Context, Subsystem};
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::limit::Resolver;
use crate::model::sticky::Sticky;
use crate::model::upstream::{Balancer, KeepaliveSettings};
use crate::model::{Endpoint, Peer, Setting, Upstream, UpstreamId};
use crate::source::Span;
use crate::syntax::Block;

pub(super) const REMEMBERED: &[&str] = &["events", "http", "stream", "mail", "resolver"];

/// Compiles an `upstream` block.
pub(super) fn upstream<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let name = directive.text(1);
    let built = build(cx, name.clone(), directive.span(), block);
    define(cx, directive, &name, built);
}

/// Compiles a file that is included in an `upstream`.
pub(super) fn fragment<'t>(cx: &mut Compiler<'t>, head: Span, block: Block<'t>) {
    let built = build(cx, String::new(), head, block);
    cx.http.upstreams.push(built);
}

fn build<'t>(cx: &mut Compiler<'t>, name: String, span: Span, block: Block<'t>) -> Upstream {
    let keepalive = settings::keepalive_defaults(cx.version());
    let mut upstream = UpstreamBlock {
        peers: Vec::new(),
        servers: 0,
        method: None,
        balancer: Setting::default(Balancer::RoundRobin),
        sticky: None,
        keepalive,
        keepalive_overridden: None,
        zone: None,
        resolver: None,
        resolver_timeout: None,
        needs: ResolverNeeds::new(),
    };
    let context = match cx.subsystem {
        Subsystem::Stream => {
            // Connections of stream belong to one session.
            upstream.keepalive.size = Setting::default(None);
            Context::StreamUpstream
        }
        _ => Context::Upstream,
    };
    block::directives(cx, block, context, &mut upstream);
    // A missing file may have the servers, and so may the state file of NGINX Plus.
    let elsewhere = block.directives().any(|d| {
        cx.foreign_modules && d.name().is("include")
            || cx.knows(catalog::Tier::Plus) && d.name().is("state")
            // `postgres_server`, `drizzle_server`: modules add servers of their own.
            || cx.knows(catalog::Tier::ThirdParty) && d.name().content().ends_with(b"_server")
    });
    if upstream.servers == 0 && !name.is_empty() && !elsewhere {
        report_empty(cx, &name, span);
    }
    resolvable(cx, &name, span, &upstream.needs);
    if upstream.servers > 0 && !elsewhere && upstream.needs.only_backups {
        report_only_backups(cx, &name, span);
    }
    let is_scripted = block.directives().any(|d| d.name().content().starts_with(b"balancer_by_lua"));
    let body = block.close().unwrap_or(block.span().after());
    Upstream {
        name,
        span,
        body: Some(Span { end: body.start, ..body }),
        peers: upstream.peers,
        balancer: upstream.balancer,
        sticky: upstream.sticky,
        keepalive: upstream.keepalive,
        keepalive_overridden: upstream.keepalive_overridden,
        is_scripted,
        zone: upstream.zone,
        resolver: upstream.resolver,
        resolver_timeout: upstream.resolver_timeout,
    }
}

/// Adds a block under its name; a second block of the same name is an error (`ngx_http_upstream_add`).
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
    if cx.subsystem == Subsystem::Stream {
        cx.states.of::<pass::StreamUpstreams>().0.insert(name.to_lowercase());
    }
    cx.http.upstreams.push(built);
}

/// Upstream of a `proxy_pass` URL: a block of that name, or an implicit one.
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
    if port != 0 {
        pass::unresolvable(cx, url, directive.span());
    }
    let keepalive = settings::keepalive_defaults(cx.version());
    let name = if url.has_port { format!("{}:{port}", url.host) } else { url.host.clone() };
    let span = directive.span();
    cx.http.upstreams.push(Upstream {
        name: name.clone(),
        span,
        body: None,
        peers: vec![peer::plain(url.endpoint.clone(), name, span)],
        balancer: Setting::default(Balancer::RoundRobin),
        sticky: None,
        keepalive,
        keepalive_overridden: None,
        is_scripted: false,
        zone: None,
        resolver: None,
        resolver_timeout: None,
    });
    Some(id)
}

/// Parsed directives of an `upstream`.
pub(super) struct UpstreamBlock {
    peers: Vec<Peer>,
    /// Number of `server`s, malformed ones included.
    servers: usize,
    /// Balancing method read so far.
    pub(super) method: Option<&'static str>,
    pub(super) balancer: Setting<Balancer>,
    pub(super) sticky: Option<Sticky>,
    pub(super) keepalive: KeepaliveSettings,
    pub(super) keepalive_overridden: Option<Span>,
    zone: Option<Span>,
    resolver: Option<Resolver>,
    resolver_timeout: Option<Duration>,
    needs: ResolverNeeds,
}

/// Facts about an `upstream`'s names that are resolved at run time.
pub(super) struct ResolverNeeds {
    /// A `server` with a host name and `resolve`.
    resolve: Option<Span>,
    zone: bool,
    resolver: bool,
    /// All `server`s are backup ones.
    pub(super) only_backups: bool,
}

impl ResolverNeeds {
    pub(super) fn new() -> Self {
        Self { resolve: None, zone: false, resolver: false, only_backups: true }
    }

    /// Records a directive of the block.
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

/// Reports names that are resolved at run time without a zone or a resolver (`ngx_http_upstream_init_round_robin`).
pub(super) fn resolvable(cx: &mut Compiler<'_>, name: &str, head: Span, needs: &ResolverNeeds) {
    // The file around a fragment, or a missing file, may have them.
    let Some(server) = needs.resolve.filter(|_| cx.options.contexts.is_empty() && !cx.foreign_modules) else {
        return;
    };
    let when = |place| FaultPhase::EndOfSubsystem { step: 10, place };
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

/// Reports an upstream whose servers are all `backup`.
pub(super) fn report_only_backups(cx: &mut Compiler<'_>, name: &str, head: Span) {
    cx.report(
        Diagnostic::error(
            "upstream-without-servers",
            head,
            format!("upstream `{name}` has only `backup` servers"),
        )
        .label("expected at least one `server` that is none")
        .nginx(format!("no servers in upstream \"{name}\""))
        .when(FaultPhase::EndOfSubsystem { step: 10, place: Place::Directive }),
    );
}

impl<'t> Blocks<'t> for UpstreamBlock {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        self.needs.see(directive);
        match directive.name() {
            "server" => {
                self.servers += 1;
                let method = self.method;
                self.peers.extend(peer::server(cx, directive, method));
            }
            "zone" => self.zone = Some(directive.span()),
            "resolver" => self.resolver = Value::parse(cx, directive),
            "resolver_timeout" => self.resolver_timeout = argument::time(&directive.arg(1), false),
            name if method::BALANCERS.contains(&name) => method::balance(cx, self, directive),
            _ => return settings::read_keepalive(cx, &mut self.keepalive, directive),
        }
        true
    }

    fn block(&mut self, _: &mut Compiler<'t>, _: &Directive<'t>) -> bool {
        false
    }
}

/// Reports an upstream without a server.
pub(super) fn report_empty(cx: &mut Compiler<'_>, name: &str, span: Span) {
    cx.report(
        Diagnostic::error("upstream-without-servers", span, format!("upstream `{name}` has no `server`"))
            .label("expected at least one `server` inside")
            .help("add `server 127.0.0.1:8080;`")
            .nginx("no servers are inside upstream")
            .when(FaultPhase::EndOfBlock),
    );
}
