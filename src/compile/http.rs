//! `http { … }`: the shared settings and blocks, then the servers.

use super::block::{self, Blocks};
use super::directive::Directive;
use super::scope::Compiler;
use super::{
    cached, charset, geo, limit, location, log, map, server, settings, split_clients, types, upstream,
    virtual_server,
};
use crate::catalog::Context;
use crate::model::HttpSettings;
use crate::source::Span;
use crate::syntax::Block;

/// Compiles an `http` block.
pub(super) fn http<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    cx.http.span = Some(directive.span());
    let started = begin(cx);
    compile(cx, block, started);
}

/// Compiles a file as if it stood in `http`, or in a block of it.
pub(super) fn fragment<'t>(cx: &mut Compiler<'t>, block: Block<'t>, context: Context) {
    let started = begin(cx);
    let head = Span { end: block.span().start, ..block.span() };
    match context {
        Context::Http => compile(cx, block, started),
        Context::Upstream => upstream::fragment(cx, head, block),
        Context::Location => {
            let location = location::fragment(cx, head, block, &started);
            let server = virtual_server::around(head, vec![location], &started);
            cx.http.servers.push(server);
        }
        _ => server::server(cx, head, block, &started),
    }
}

/// Defaults, and the built-in log format.
fn begin(cx: &mut Compiler<'_>) -> HttpSettings {
    log::combined(cx);
    settings::http_defaults(cx.version())
}

fn compile<'t>(cx: &mut Compiler<'t>, block: Block<'t>, started: HttpSettings) {
    let mut http = HttpBlock { settings: started.clone(), inherited: None, started };
    block::directives(cx, block, Context::Http, &mut http);
    cx.http.settings = Some(http.settings);
    cx.http.servers.shrink_to_fit();
    cx.http.upstreams.shrink_to_fit();
    super::inherit::apply(&mut cx.http);
}

struct HttpBlock {
    started: HttpSettings,
    settings: HttpSettings,
    /// Settings that servers inherit; set when the first block comes, after all simple directives.
    inherited: Option<HttpSettings>,
}

/// Compilers of the blocks that servers refer to, wherever they stand.
type Definition = for<'t> fn(&mut Compiler<'t>, &Directive<'t>, Block<'t>);

const DEFINITIONS: &[(&str, Definition)] = &[
    ("charset_map", charset::charset_map),
    ("geo", geo::geo),
    ("map", map::map),
    ("split_clients", split_clients::split_clients),
    ("upstream", upstream::upstream),
];

impl<'t> Blocks<'t> for HttpBlock {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        if directive.name() == "log_format" {
            log::log_format(cx, directive);
            return true;
        }
        if matches!(directive.name(), "limit_req_zone" | "limit_conn_zone") {
            limit::define(cx, directive);
            return true;
        }
        if matches!(
            directive.name(),
            "proxy_cache_path" | "fastcgi_cache_path" | "scgi_cache_path" | "uwsgi_cache_path"
        ) {
            cached::define(cx, directive);
            return true;
        }
        settings::read_http(cx, &mut self.settings, directive)
    }

    fn rank(&self, directive: &Directive<'t>) -> u8 {
        u8::from(directive.name() == "server")
    }

    fn block(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        let Some(block) = directive.syntax.block() else { return true };
        if directive.name() == "server" {
            let inherited =
                self.inherited.get_or_insert_with(|| settings::inherited(&self.settings, &self.started));
            server::server(cx, directive.span(), block, inherited);
            return true;
        }
        if directive.name() == "types" {
            let setting = &mut std::sync::Arc::make_mut(&mut self.settings.content).types;
            types::types(cx, directive, block, setting);
            return true;
        }
        match DEFINITIONS.iter().find(|(name, _)| *name == directive.name()) {
            Some((_, define)) => {
                define(cx, directive, block);
                true
            }
            None => false,
        }
    }
}
