//! A worker: one thread, one event loop, nothing shared but logs, zones and counters.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use crate::eval::select::ServerId;
use crate::eval::{Program, Router};
use crate::model::limit::Resolver as ResolverSettings;
use crate::model::{Config, Endpoint, StreamServer};
use crate::runtime::net::buffer::{Buffer, FreeList};
use crate::runtime::net::clock::Clock;
use crate::runtime::net::counters::{Counters, Tally};
use crate::runtime::net::file_cache::Caches;
use crate::runtime::net::log::ErrorLogs;
use crate::runtime::net::random::Random;
use crate::runtime::net::recoder::Recoder;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::Timers;
use crate::runtime::net::tls::server::Servers;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::plan::Plan;
use crate::runtime::request::state::{Remote, Request};
use crate::runtime::request::variable::Getter;
use crate::runtime::upstream::dns::Resolver;
use crate::runtime::upstream::outgoing::Outgoing;
use crate::runtime::upstream::peer::Address;
use crate::runtime::upstream::pool::UpstreamConnection;
use crate::runtime::upstream::state::UpstreamState;
use crate::runtime::upstream::tls::Peers;
use crate::runtime::upstream::upstreams::Upstreams;

/// TLS of servers and towards peers, made at start and shared by the workers.
pub(crate) struct Tls {
    pub(crate) servers: Servers,
    pub(crate) peers: Peers,
}

/// The flow of a request inside another one, and whether its answer is known to be empty.
pub(crate) type SubrequestAnswer<'a> = Pin<Box<dyn Future<Output = (Flow, bool)> + 'a>>;

/// Services of `server` for the modules below it, which know it by this alone.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    /// The getter of a variable's name.
    pub(crate) variable: fn(&str) -> Option<Getter>,
    /// Runs the phases for a request inside another one, and writes and logs its answer.
    pub(crate) answer: for<'a> fn(&'a mut Connection, &'a mut Request) -> SubrequestAnswer<'a>,
}

/// A worker.
pub(crate) struct Worker {
    pub(crate) server: Server,
    pub(crate) config: Arc<Config>,
    pub(crate) program: Program,
    pub(crate) router: Router,
    pub(crate) servers: Vec<Rc<Plan>>,
    pub(crate) locations: Vec<Rc<Plan>>,
    pub(crate) getters: Vec<Option<Getter>>,
    pub(crate) upstreams: Upstreams,
    pub(crate) buffers: FreeList,
    #[expect(clippy::vec_box, reason = "they are taken out and put back whole")]
    pub(crate) requests: RefCell<Vec<Box<Request>>>,
    pub(crate) timers: Rc<Timers>,
    pub(crate) clock: Clock,
    pub(crate) error_log: ErrorLogs,
    pub(crate) outgoing: Outgoing,
    pub(crate) tls: Arc<Tls>,
    /// The counts of all workers together.
    pub(crate) counters: Arc<Counters>,
    /// This worker's counters.
    pub(crate) tally: Arc<Tally>,
    /// The first name of each server, as written.
    pub(crate) server_names: Vec<String>,
    /// Tables of `charset_map`.
    pub(crate) recoders: Vec<Rc<Recoder>>,
    /// Files that stay open.
    pub(crate) files_open: Caches,
    /// Directory that relative paths belong to.
    pub(crate) prefix: Vec<u8>,
    pub(crate) hostname: String,
    /// `nginx/1.31.5`
    pub(crate) product: &'static str,
    /// Graceful shutdown has begun: accept nothing, keep nothing alive.
    pub(crate) is_stopping: Cell<bool>,
    /// Client connections.
    pub(crate) open: Cell<usize>,
    /// The second in which it was last said that idle connections are closed to make room.
    pub(crate) reused: Cell<u64>,
    pub(crate) random: Rc<Random>,
    /// Memory of the access log's lines.
    pub(crate) line: RefCell<Vec<u8>>,
    pub(crate) resolvers: RefCell<Vec<(ResolverSettings, Rc<Resolver>)>>,
    /// Servers of `stream`, if the worker is for that.
    pub(crate) sessions: Vec<StreamServer>,
    /// Listening sockets that a session can be passed to (`pass`).
    pub(crate) passes: RefCell<Vec<PassTo>>,
}

/// A listening socket that takes connections of sessions: its address, and the function that serves a connection which
/// has been passed that many times.
pub(crate) type PassTo = (Endpoint, Rc<dyn Fn(Stream, Remote, u32)>);

impl Worker {
    /// The next `$connection`; upstream connections count too.
    pub(crate) fn next_connection(&self) -> u64 {
        self.counters.next_connection()
    }

    /// A number that no other response has, for boundaries (`ngx_next_temp_number`).
    pub(crate) fn next_temporary(&self) -> u64 {
        self.counters.next_temporary()
    }

    /// A path of the configuration as an absolute one (`ngx_get_full_name`).
    pub(crate) fn absolute(&self, path: Vec<u8>) -> Vec<u8> {
        if path.starts_with(b"/") { path } else { [&self.prefix[..], &path].concat() }
    }

    /// `$server_name`
    pub(crate) fn server_name(&self, server: ServerId) -> &str {
        self.server_names.get(server.0 as usize).map_or("", String::as_str)
    }

    /// The resolver of these settings.
    pub(crate) fn resolver(&self, settings: &ResolverSettings) -> Rc<Resolver> {
        let mut resolvers = self.resolvers.borrow_mut();
        if let Some((_, resolver)) = resolvers.iter().find(|(other, _)| other == settings) {
            return Rc::clone(resolver);
        }
        let resolver = Rc::new(Resolver::new(settings, &self.counters, &self.random));
        resolvers.push((settings.clone(), Rc::clone(&resolver)));
        resolver
    }

    /// Gives an upstream connection back: into the pool, or closed.
    pub(crate) fn keep(
        &self,
        upstream: &UpstreamState,
        connection: UpstreamConnection,
        address: &Address,
        tag: u32,
    ) {
        if !self.is_stopping.get() {
            self.upstreams.keep(upstream, connection, address, tag);
        }
    }

    /// A request to fill, used before if possible.
    pub(crate) fn take_request(&self, plan: &Rc<Plan>) -> Box<Request> {
        let free = self.requests.borrow_mut().pop();
        free.unwrap_or_else(|| Box::new(Request::new(Rc::clone(plan))))
    }

    /// Takes a request back.
    pub(crate) fn give_request(&self, mut request: Box<Request>) {
        self.buffers.give(std::mem::replace(&mut request.buffer, Buffer::absent()));
        let mut free = self.requests.borrow_mut();
        if free.len() < 64 {
            free.push(request);
        }
    }
}
