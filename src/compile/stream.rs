//! `stream { … }`: its servers and setters. Upstreams, maps, `listen`, logs and names are compiled as those of `http`,
//! into tables of its own.

use std::collections::HashMap;
use std::sync::Arc;

use super::address::{self, Form};
use super::argument::refuse;
use super::block::{self, Blocks, Unmodelled};
use super::directive::{Directive, is_stream};
use super::scope::{Check, Compiler};
use super::settings::{self, Value};
use super::socket::Sockets;
use super::{geo, limit, listen, log, map, pass, split_clients, upstream, value, virtual_server};
use crate::catalog::{Context, Kind, Subsystem};
use crate::model::proxy::Target;
use crate::model::rewrite::Instruction;
use crate::model::server::ServerName;
use crate::model::stream::Protocols;
use crate::model::{
    Endpoint, HttpSettings, Listen, Stream, StreamHandler, StreamServer, StreamSettings, VariableSource,
};
use crate::source::Span;
use crate::syntax::Block;

pub(super) const CHECKS: &[(&str, Check)] =
    &[("proxy_pass", proxy_pass), ("set", set), ("server_name", server_name)];

/// `proxy_pass address` (`ngx_stream_proxy_pass`); `proxy` has http's.
fn proxy_pass<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    !is_stream(directive) || pass::pass(cx, directive)
}

/// Server names of `stream`, by the server's number among all servers.
#[derive(Default)]
pub(super) struct StreamNames(pub(super) HashMap<usize, Vec<(String, Span)>>);

/// `ngx_stream_core_server_name`; `server` has http's.
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

/// Compiles a `stream` block.
pub(super) fn stream<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let span = directive.span();
    let stream = within(cx, span, |cx, servers| {
        let (shared, own) = settings::stream_defaults(cx.version());
        let mut all = StreamBlock::new(Level { shared, own }, servers);
        block::directives(cx, block, Context::Stream, &mut all);
        cx.http.settings = Some(all.level.shared);
    });
    cx.stream = Some(stream);
}

/// Compiles a file as if it stood in `stream`, or in a block of it, for its errors.
pub(super) fn fragment<'t>(cx: &mut Compiler<'t>, block: Block<'t>, context: Context) {
    let head = Span { end: block.span().start, ..block.span() };
    within(cx, head, |cx, servers| {
        let (shared, own) = settings::stream_defaults(cx.version());
        let level = Level { shared, own };
        match context {
            Context::Stream => {
                let mut all = StreamBlock::new(level, servers);
                block::directives(cx, block, context, &mut all);
            }
            Context::StreamServer => compile_server(cx, head, block, level, servers),
            _ => block::directives(cx, block, context, &mut Unmodelled),
        }
    });
}

/// Compiles with the tables of `stream` in the place of those of `http`.
fn within<'t>(
    cx: &mut Compiler<'t>,
    span: Span,
    compile: impl FnOnce(&mut Compiler<'t>, &mut Vec<StreamServer>),
) -> Stream {
    let http = std::mem::take(&mut cx.http);
    let upstreams = std::mem::take(&mut cx.upstreams);
    cx.subsystem = Subsystem::Stream;
    cx.http.span = Some(span);
    let mut servers = Vec::new();
    compile(cx, &mut servers);
    cx.subsystem = Subsystem::Http;
    cx.upstreams = upstreams;
    let shared = std::mem::replace(&mut cx.http, http);
    Stream { span, shared, servers }
}

/// Settings of a level.
#[derive(Clone)]
struct Level {
    shared: HttpSettings,
    own: Arc<StreamSettings>,
}

impl Level {
    /// Settings that a server starts with.
    fn inherited(&self, started: &HttpSettings) -> Self {
        Level { shared: settings::inherited(&self.shared, started), own: Arc::new(self.own.inherited()) }
    }
}

struct StreamBlock<'s> {
    started: Level,
    level: Level,
    /// Settings that servers inherit; set when the first server comes, after all simple directives.
    inherited: Option<Level>,
    servers: &'s mut Vec<StreamServer>,
}

impl<'s> StreamBlock<'s> {
    fn new(level: Level, servers: &'s mut Vec<StreamServer>) -> Self {
        Self { started: level.clone(), level, inherited: None, servers }
    }
}

impl<'t> Blocks<'t> for StreamBlock<'_> {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        match directive.name() {
            "log_format" => log::log_format(cx, directive),
            "limit_conn_zone" => limit::define(cx, directive),
            _ => return settings::read_stream(cx, &mut self.level.shared, &mut self.level.own, directive),
        }
        true
    }

    fn rank(&self, directive: &Directive<'t>) -> u8 {
        u8::from(directive.name() == "server")
    }

    fn block(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        let Some(block) = directive.syntax.block() else { return true };
        match directive.name() {
            "server" => {
                let inherited =
                    self.inherited.get_or_insert_with(|| self.level.inherited(&self.started.shared));
                compile_server(cx, directive.span(), block, inherited.clone(), self.servers);
            }
            "geo" => geo::geo(cx, directive, block),
            "map" => map::map(cx, directive, block),
            "split_clients" => split_clients::split_clients(cx, directive, block),
            "upstream" => upstream::upstream(cx, directive, block),
            _ => return false,
        }
        true
    }
}

/// Compiles a `server` block whose head is at `span`.
fn compile_server<'t>(
    cx: &mut Compiler<'t>,
    span: Span,
    block: Block<'t>,
    level: Level,
    servers: &mut Vec<StreamServer>,
) {
    let mut built =
        ServerBlock { level, listen: Vec::new(), names: Vec::new(), instructions: Vec::new(), handler: None };
    block::directives(cx, block, Context::StreamServer, &mut built);
    let mut server = virtual_server::around(span, Vec::new(), &built.level.shared);
    // A server without `listen` is reported; http's implied address would be wrong.
    server.listen = built.listen;
    if !built.names.is_empty() {
        server.names = built.names;
    }
    server.instructions = built.instructions;
    cx.http.servers.push(server);
    servers.push(StreamServer { settings: built.level.own, handler: built.handler });
}

struct ServerBlock {
    level: Level,
    listen: Vec<Listen>,
    names: Vec<ServerName>,
    instructions: Vec<Instruction>,
    handler: Option<StreamHandler>,
}

impl<'t> Blocks<'t> for ServerBlock {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        let span = directive.span();
        match directive.name() {
            "listen" => listen::listen(cx, directive, &mut self.listen),
            "server_name" => {
                for (n, _) in directive.args_from(1) {
                    self.names.extend(virtual_server::server_name(cx, directive, n));
                }
            }
            "set" => {
                let variable = value::define(cx, directive, 1, VariableSource::Set);
                let value = value::argument(cx, directive, 2);
                self.instructions.extend(variable.map(|variable| Instruction::Set { variable, value, span }));
            }
            "return" => {
                self.handler = Some(StreamHandler::Return(value::argument(cx, directive, 1), span));
            }
            "pass" => self.handler = Some(StreamHandler::Pass(value::argument(cx, directive, 1), span)),
            "proxy_pass" => {
                let target = target(cx, directive);
                self.handler = target.map(|target| StreamHandler::Proxy(target, span));
            }
            _ => return settings::read_stream(cx, &mut self.level.shared, &mut self.level.own, directive),
        }
        true
    }

    fn block(&mut self, _: &mut Compiler<'t>, _: &Directive<'t>) -> bool {
        false
    }
}

/// Target of a `proxy_pass` that the check has let pass.
fn target(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Target> {
    let text = directive.arg(1);
    if text.contains(&b'$') {
        return Some(Target::Value(value::argument(cx, directive, 1)));
    }
    let url = address::parse(&text, 0, Form::Peer).ok()?;
    let port = match url.endpoint {
        Endpoint::Inet(address) => address.port(),
        Endpoint::Name(_, port) => port,
        Endpoint::Unix(_) => 0,
    };
    upstream::of_url(cx, directive, &url, port).map(Target::Upstream)
}

impl Value for Protocols {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Protocols(Vec::new())
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(Protocols((1..=directive.len()).map(|n| value::argument(cx, directive, n)).collect()))
    }
}
