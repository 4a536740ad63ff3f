//! `stream { … }`: its upstreams and setters; `listen` and `server_name` are shared with http.

use std::collections::HashMap;

use super::address::{self, Form};
use super::argument::refuse;
use super::block::{self, Blocks};
use super::directive::{Directive, is_stream};
use super::pass::StreamUpstreams;
use super::scope::{Check, Compiler};
use super::socket::Sockets;
use super::upstream::ResolverNeeds;
use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::Block;

pub(super) const CHECKS: &[(&str, Check)] =
    &[("proxy_pass", proxy_pass), ("set", set), ("server_name", server_name)];

/// `proxy_pass address` (`ngx_stream_proxy_pass`); the model has only http's.
fn proxy_pass<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    !is_stream(directive) || super::pass::pass(cx, directive)
}

/// Server names of `stream`, by the server's number among all servers.
#[derive(Default)]
pub(super) struct StreamNames(pub(super) HashMap<usize, Vec<(String, Span)>>);

/// `ngx_stream_core_server_name`; the model has only http's.
fn server_name<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if !is_stream(directive) {
        return true;
    }
    for (n, text) in directive.args_from(1) {
        let wildcard = text.first() == Some(&b'*') && (text.len() < 3 || text[1] != b'.');
        let nginx = match &*text {
            b"~" => "empty regex in server name \"~\"".to_owned(),
            name if wildcard || name == b"." => format!("server name \"{}\" is invalid", directive.text(n)),
            [b'~', pattern @ ..] => {
                let caseless = pattern.iter().any(u8::is_ascii_uppercase);
                if !super::regex::check(cx, pattern, caseless, directive.arg_span(n)) {
                    return false;
                }
                continue;
            }
            name => {
                let server = cx.states.of::<Sockets>().servers.len();
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                cx.states.of::<StreamNames>().0.entry(server).or_default().push((name, directive.span()));
                continue;
            }
        };
        return refuse(cx, directive, n, "a name, `*.example.com`, `www.example.*` or a pattern", nginx);
    }
    true
}

fn set<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if !is_stream(directive) || directive.arg(1).first() == Some(&b'$') {
        return true;
    }
    let nginx = format!("invalid variable name \"{}\"", directive.text(1));
    refuse(cx, directive, 1, "a variable", nginx)
}

/// Compiles an `upstream` block.
pub(super) fn upstream<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let name = directive.text(1);
    let first = *cx.states.of::<StreamUpstreams>().0.entry(name.to_lowercase()).or_insert(directive.span());
    if first != directive.span() {
        cx.report(
            Diagnostic::error(
                "duplicate-upstream",
                directive.span(),
                format!("upstream `{name}` is defined twice"),
            )
            .label("defined again here")
            .related(first, "first defined here")
            .help("merge the two, or rename one")
            .nginx(format!("duplicate upstream \"{name}\"")),
        );
    }
    let mut upstream = Upstream { servers: 0, method: None, needs: ResolverNeeds::new() };
    block::directives(cx, block, Context::StreamUpstream, &mut upstream);
    let elsewhere = cx.foreign_modules && block.directives().any(|d| d.name().is("include"));
    if upstream.servers == 0 && !elsewhere {
        super::upstream::report_empty(cx, &name, directive.span());
    }
    super::upstream::resolvable(cx, &name, directive.span(), &upstream.needs);
    if upstream.servers > 0 && !elsewhere && upstream.needs.only_backups {
        super::upstream::report_only_backups(cx, &name, directive.span());
    }
}

struct Upstream {
    servers: usize,
    method: Option<&'static str>,
    needs: ResolverNeeds,
}

impl<'t> Blocks<'t> for Upstream {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        self.needs.see(directive);
        match directive.name() {
            "server" => {
                self.servers += 1;
                server(cx, directive, self.method);
                true
            }
            name @ ("hash" | "least_conn" | "least_time" | "random") => {
                if self.method.is_some() {
                    super::method::report_redefined(cx, directive);
                }
                self.method = Some(name);
                false
            }
            _ => false,
        }
    }

    fn block(&mut self, _: &mut Compiler<'t>, _: &Directive<'t>) -> bool {
        false
    }
}

/// `ngx_stream_upstream_server`
fn server(cx: &mut Compiler<'_>, directive: &Directive<'_>, method: Option<&'static str>) {
    let Some(resolves) = super::peer::parameters(cx, directive, method, &mut |_, _| {}) else { return };
    let shown = directive.text(1);
    let expected = "an address with a port: `10.0.0.1:8080`, `unix:/path`";
    let parse = if resolves.resolve { address::parse } else { address::parse_resolved };
    match parse(&directive.arg(1), 0, Form::Peer) {
        Err(fault) => {
            refuse(cx, directive, 1, expected, format!("{fault} in upstream \"{shown}\""));
        }
        Ok(url)
            if !url.has_port
                && !resolves.service
                && !matches!(url.endpoint, crate::model::Endpoint::Unix(_)) =>
        {
            refuse(cx, directive, 1, expected, format!("no port in upstream \"{shown}\""));
        }
        Ok(url) => {
            super::peer::check_service(cx, directive, &url, &resolves);
        }
    }
}
