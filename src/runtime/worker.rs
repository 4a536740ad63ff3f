//! What a worker owns. One thread, one event loop, nothing shared but logs and the connection counter.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::balancer::{self, Balancer, Key, RoundRobin};
use super::buffer::{Buffer, FreeList};
use super::charset::Recoder;
use super::clock::Clock;
use super::counters::{Counters, Tally};
use super::dns::Resolver;
use super::ledger::UpstreamLedger;
use super::live::{self, Live};
use super::log::{ErrorLogs, Files};
use super::outgoing::Outgoing;
use super::peer::Address;
use super::plan::Plan;
use super::pool::{Limits, Pool, Upstreamed};
use super::request::Request;
use super::rewrite::Script;
use super::shared::SharedBalancer;
use super::timer::{Timer, Timers};
use super::variable::Getter;
use crate::eval::select::{LocationId, ServerId};
use crate::eval::{Program, Router};
use crate::model::server::ServerName;
use crate::model::{Config, LocationKind, Upstream, VariableSource};

/// A peer of an upstream: its address, and the name that logs and `$upstream_addr` give it.
pub(crate) type Resolved = (Address, String);

/// State of an upstream.
pub(crate) struct UpstreamState {
    pub(crate) name: String,
    pub(crate) peers: Vec<Resolved>,
    pub(crate) balancer: SharedBalancer,
    /// What the balancer hashes.
    pub(crate) key: Key,
    pub(crate) pool: Option<Rc<RefCell<Pool>>>,
    pub(crate) ledger: Option<Arc<UpstreamLedger>>,
}

/// An upstream, and where its peers come from if they change.
pub(crate) struct Slot {
    state: RefCell<Rc<UpstreamState>>,
    live: Option<(Arc<Live>, Cell<u64>)>,
}

/// A worker.
pub(crate) struct Worker {
    pub(crate) config: Arc<Config>,
    pub(crate) program: Program,
    pub(crate) router: Router,
    pub(crate) servers: Vec<Rc<Plan>>,
    pub(crate) locations: Vec<Rc<Plan>>,
    pub(crate) getters: Vec<Option<Getter>>,
    upstreams: Vec<Slot>,
    pub(crate) buffers: FreeList,
    #[expect(clippy::vec_box, reason = "they are taken out and put back whole")]
    pub(crate) requests: RefCell<Vec<Box<Request>>>,
    pub(crate) timers: Rc<Timers>,
    pub(crate) clock: Clock,
    pub(crate) error_log: ErrorLogs,
    pub(crate) outgoing: Outgoing,
    pub(crate) tls: Arc<super::tls::Store>,
    /// What is counted of all workers together.
    pub(crate) counters: Arc<Counters>,
    /// Its own part of what is counted.
    pub(crate) tally: Arc<Tally>,
    /// The first name of each server, as written.
    server_names: Vec<String>,
    /// Tables of `charset_map`.
    pub(crate) recoders: Vec<Recoder>,
    /// Files that stay open.
    pub(crate) files_open: super::open_file::Caches,
    /// Directory that relative paths belong to.
    prefix: Vec<u8>,
    pub(crate) hostname: String,
    /// `nginx/1.31.5`
    pub(crate) product: &'static str,
    /// Told to finish: no new connections, no keepalive.
    pub(crate) is_stopping: Cell<bool>,
    /// Client connections.
    pub(crate) open: Cell<usize>,
    /// The second in which it was last said that idle connections are closed to make room.
    pub(crate) reused: Cell<u64>,
    pool_waker: RefCell<Option<Waker>>,
    pool_timer: Timer,
    /// When the pools will be looked at.
    pool_look: Cell<Option<Instant>>,
    random: RefCell<Vec<u8>>,
    /// Memory of the access log's lines.
    pub(crate) line: RefCell<Vec<u8>>,
    resolvers: RefCell<Vec<(crate::model::limit::Resolver, Rc<Resolver>)>>,
}

impl Worker {
    pub(crate) fn new(
        config: &Arc<Config>,
        peers: &[Vec<(usize, Resolved)>],
        files: &Files,
        counters: Arc<Counters>,
        product: &'static str,
        outgoing: Outgoing,
        tls: Arc<super::tls::Store>,
    ) -> Result<Self, String> {
        let io = |(path, error): (std::path::PathBuf, std::io::Error)| {
            format!("open() \"{}\" failed{}", path.display(), super::log::errno(&error))
        };
        let program = Program::new(Arc::clone(config)).map_err(|e| e.to_string())?;
        let router = Router::new(Arc::clone(config)).map_err(|e| e.to_string())?;
        let prefix = files.prefix();
        let shared = &counters.shared;
        let servers = config.http.servers.iter().enumerate().map(|(i, s)| {
            let script = Script::new(&s.instructions, config, |at| router.outermost(ServerId(i as u32), at));
            let script = script.map_err(|e| e.to_string())?;
            Plan::new(config, s, None, script, None, (files, shared)).map_err(io)
        });
        let servers = servers.collect::<Result<_, _>>()?;
        let count = router.location_count();
        let locations = (0..count).map(|i| {
            let id = LocationId(i as u32);
            let location = router.get(id);
            let script = Script::new(&location.instructions, config, |at| router.inner(id, at));
            let script = script.map_err(|e| e.to_string())?;
            let limit_except = location.inner.iter().enumerate().find_map(|(at, inner)| match &inner.kind {
                LocationKind::LimitExcept(methods) => Some((methods.clone(), router.inner(id, at)?)),
                _ => None,
            });
            let opened = (files, shared);
            let server = &config.http.servers[router.path(id).0.0 as usize];
            Plan::new(config, server, Some(location), script, limit_except, opened).map_err(io)
        });
        let locations = locations.collect::<Result<_, _>>()?;
        let getters = config.http.variables.iter().map(|(_, variable)| match variable.source {
            VariableSource::Builtin => Getter::find(&variable.name),
            _ => None,
        });
        let upstreams = config.http.upstreams.iter().zip(peers).enumerate();
        let upstreams = upstreams.map(|(i, (upstream, peers))| {
            let make = || {
                let peers = peers.iter().map(|(at, _)| &upstream.peers[*at]);
                balancer::new(&upstream.balancer.value, peers)
            };
            let key = (Arc::as_ptr(config) as usize, i);
            if live::is_live(upstream) {
                let live = shared.live(key, || Live::new(upstream, live::first(shared, upstream, peers)));
                let (version, now) = (live.version(), live.now().clone());
                let state = upstream_state(upstream, &now.peers, now.balancer, &outgoing);
                return Slot { state: RefCell::new(Rc::new(state)), live: Some((live, Cell::new(version))) };
            }
            // A `zone` is one for all workers of a configuration.
            let balancer = match upstream.zone {
                Some(_) => shared.balancer(key, make),
                None => Arc::new(Mutex::new(make())),
            };
            let state = upstream_state(upstream, peers, balancer, &outgoing);
            Slot { state: RefCell::new(Rc::new(state)), live: None }
        });
        let upstreams: Vec<_> = upstreams.collect();
        let timers: Rc<Timers> = Rc::default();
        Ok(Self {
            getters: getters.collect(),
            upstreams,
            error_log: ErrorLogs::open(&config.core.error_log.value, files).map_err(io)?,
            config: Arc::clone(config),
            program,
            router,
            servers,
            locations,
            buffers: FreeList::default(),
            requests: RefCell::default(),
            pool_timer: timers.timer(),
            pool_look: Cell::new(None),
            timers,
            clock: Clock::default(),
            outgoing,
            tls,
            tally: counters.tally(),
            counters,
            server_names: config.http.servers.iter().map(|s| first_name(s.names.first())).collect(),
            recoders: config.http.charset_maps.iter().flat_map(Recoder::both).collect(),
            files_open: super::open_file::Caches::default(),
            prefix,
            hostname: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            product,
            is_stopping: Cell::new(false),
            open: Cell::new(0),
            reused: Cell::new(0),
            pool_waker: RefCell::default(),
            random: RefCell::default(),
            line: RefCell::default(),
            resolvers: RefCell::default(),
        })
    }

    /// The state of the upstream at a position, with the peers it has now.
    pub(crate) fn upstream(&self, at: usize) -> Rc<UpstreamState> {
        let slot = &self.upstreams[at];
        if let Some((live, seen)) = &slot.live
            && live.version() != seen.get()
        {
            seen.set(live.version());
            let now = live.now().clone();
            let mut state = slot.state.borrow_mut();
            *state = Rc::new(UpstreamState {
                name: state.name.clone(),
                peers: now.peers.into_iter().map(|(_, peer)| peer).collect(),
                balancer: now.balancer,
                key: state.key.clone(),
                pool: state.pool.clone(),
                ledger: state.ledger.clone(),
            });
        }
        Rc::clone(&slot.state.borrow())
    }

    /// The changing peers of the upstream at a position.
    pub(crate) fn live(&self, at: usize) -> Option<Arc<Live>> {
        self.upstreams.get(at)?.live.as_ref().map(|(live, _)| Arc::clone(live))
    }

    /// Closes all idle connections to peers.
    pub(crate) fn clear_pools(&self) {
        for pool in self.pools() {
            pool.borrow_mut().clear();
        }
    }

    fn pools(&self) -> impl Iterator<Item = Rc<RefCell<Pool>>> {
        self.upstreams.iter().filter_map(|slot| slot.state.borrow().pool.clone())
    }

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

    /// A random number, to be foreseen by nobody.
    pub(crate) fn random(&self) -> u64 {
        u64::from_str_radix(&self.random_id()[..16], 16).unwrap_or_default()
    }

    /// The resolver of these settings.
    pub(crate) fn resolver(&self, settings: &crate::model::limit::Resolver) -> Rc<Resolver> {
        let mut resolvers = self.resolvers.borrow_mut();
        if let Some((_, resolver)) = resolvers.iter().find(|(other, _)| other == settings) {
            return Rc::clone(resolver);
        }
        let resolver = Rc::new(Resolver::new(settings));
        resolvers.push((settings.clone(), Rc::clone(&resolver)));
        resolver
    }

    /// `$request_id`: sixteen random bytes.
    pub(crate) fn random_id(&self) -> String {
        use std::io::Read;
        // The system's source of randomness, read in pieces: a request does not pay for a call of its own.
        let mut pool = self.random.borrow_mut();
        if pool.len() < 16 {
            let mut fresh = [0; 512];
            let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut fresh));
            if read.is_err() {
                let now = Clock::now().as_nanos() ^ u128::from(self.next_temporary()) << 64;
                return format!("{now:032x}");
            }
            pool.extend_from_slice(&fresh);
        }
        let at = pool.len() - 16;
        pool.drain(at..).fold(String::with_capacity(32), |id, byte| format!("{id}{byte:02x}"))
    }

    /// Gives an upstream connection back: into the pool, or closed.
    pub(crate) fn keep(&self, upstream: &UpstreamState, connection: Upstreamed, address: &Address, tag: u32) {
        let Some(pool) = &upstream.pool else { return };
        if self.is_stopping.get() {
            return;
        }
        let waker = self.pool_waker.borrow();
        let Some(waker) = waker.as_ref() else { return };
        let Some(timeout) = pool.borrow_mut().put(connection, address, tag, &mut Context::from_waker(waker))
        else {
            return;
        };
        let look = super::clock::instant() + timeout;
        if self.pool_look.get().is_none_or(|planned| look < planned) {
            self.pool_look.set(Some(look));
            self.pool_timer.set(timeout);
        }
    }

    /// Closes idle upstream connections that were closed by the peer, or are too old; runs as long as the worker.
    pub(crate) async fn watch_pools(self: Rc<Self>) {
        std::future::poll_fn(|cx| {
            *self.pool_waker.borrow_mut() = Some(cx.waker().clone());
            let next = self.pools().filter_map(|pool| pool.borrow_mut().sweep(cx)).min();
            self.pool_look.set(next);
            match next {
                Some(next) => self.pool_timer.set(next.saturating_duration_since(Instant::now())),
                None => self.pool_timer.clear(),
            }
            let _ = self.pool_timer.poll(cx);
            Poll::<()>::Pending
        })
        .await;
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

/// A name as it was written, but without the dot of `.example.com` (`ngx_http_core_server_name`).
fn first_name(name: Option<&ServerName>) -> String {
    match name {
        Some(ServerName::Exact(name) | ServerName::DotHead(name)) => name.clone(),
        Some(ServerName::WildcardHead(name)) => format!("*{name}"),
        Some(ServerName::WildcardTail(name)) => format!("{name}*"),
        Some(ServerName::Regex(pattern)) => format!("~{pattern}"),
        None => String::new(),
    }
}

impl UpstreamState {
    /// The balancer, for one step.
    pub(crate) fn balancer(&self) -> MutexGuard<'_, Box<dyn Balancer + Send>> {
        self.balancer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An upstream that only one request knows: `proxy_pass` with a name in a variable.
    pub(crate) fn of(name: String, peers: Vec<Resolved>) -> Self {
        Self {
            balancer: Arc::new(Mutex::new(Box::new(RoundRobin::of(peers.len())))),
            peers,
            name,
            key: Key::None,
            pool: None,
            ledger: None,
        }
    }
}

fn upstream_state(
    upstream: &Upstream,
    peers: &[(usize, Resolved)],
    balancer: SharedBalancer,
    outgoing: &Outgoing,
) -> UpstreamState {
    let ledger = outgoing.upstream(&upstream.name);
    let keepalive = &upstream.keepalive;
    let pool = upstream.pool().filter(|pool| pool.size > 0).map(|pool| {
        let limits = Limits {
            size: pool.size as usize,
            local: pool.local,
            requests: keepalive.requests.value,
            time: keepalive.time.value,
            timeout: keepalive.timeout.value,
            by_source: outgoing.improve,
        };
        Rc::new(RefCell::new(Pool::new(limits, ledger.clone())))
    });
    UpstreamState {
        name: upstream.name.clone(),
        peers: peers.iter().map(|(_, peer)| peer.clone()).collect(),
        balancer,
        key: Key::of(&upstream.balancer.value),
        pool,
        ledger,
    }
}
