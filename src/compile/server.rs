//! `server { … }` in `http`.

use super::block::{self, Blocks};
use super::directive::Directive;
use super::location::Level;
use super::scope::Compiler;
use super::socket::Sockets;
use super::{listen, location, virtual_server};
use crate::catalog::Context;
use crate::model::server::ServerName;
use crate::model::{HttpSettings, Listen};
use crate::source::Span;
use crate::syntax::Block;

/// Compiles a `server` block whose head is at `span`.
pub(super) fn server<'t>(cx: &mut Compiler<'t>, span: Span, block: Block<'t>, outer: &HttpSettings) {
    let mut server = ServerBlock {
        listen: Vec::new(),
        has_listen: false,
        names: Vec::new(),
        level: Level::new(Context::Server, outer),
    };
    block::directives(cx, block, Context::Server, &mut server);
    let mut built = virtual_server::around(span, location::fitted(server.level.inner), outer);
    if server.has_listen {
        built.listen = location::fitted(server.listen);
    } else {
        let number = cx.states.of::<Sockets>().servers.len() - 1;
        let endpoint = listen::implied().endpoint;
        super::socket::add(
            cx,
            None,
            &endpoint,
            &super::socket::Options::default(),
            (super::socket::SocketSubsystem::Http, number),
        );
    }
    if !server.names.is_empty() {
        built.names = location::fitted(server.names);
    }
    built.settings = server.level.settings;
    built.instructions = location::in_order(server.level.instructions);
    cx.http.servers.push(built);
}

struct ServerBlock {
    listen: Vec<Listen>,
    has_listen: bool,
    names: Vec<ServerName>,
    level: Level,
}

impl<'t> Blocks<'t> for ServerBlock {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        match directive.name() {
            "listen" => {
                self.has_listen = true;
                listen::listen(cx, directive, &mut self.listen);
            }
            "server_name" => {
                for (n, _) in directive.args_from(1) {
                    self.names.extend(virtual_server::server_name(cx, directive, n));
                }
            }
            _ => return self.level.simple(cx, directive),
        }
        true
    }

    fn rank(&self, directive: &Directive<'t>) -> u8 {
        location::rank(directive)
    }

    fn block(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        location::block(cx, &mut self.level, directive)
    }
}
