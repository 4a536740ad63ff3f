//! Workers: the event loop's state of one thread, made from a configuration.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use crate::eval::select::{LocationId, ServerId};
use crate::eval::{Program, Router};
use crate::model::server::ServerName;
use crate::model::{Config, LocationKind, StreamServer, VariableSource};
use crate::runtime::net::buffer::FreeList;
use crate::runtime::net::clock::Clock;
use crate::runtime::net::counters::Counters;
use crate::runtime::net::file_cache::Caches;
use crate::runtime::net::log::{ErrorLogs, Files, errno};
use crate::runtime::net::random::Random;
use crate::runtime::net::recoder::Recoder;
use crate::runtime::net::timer::Timers;
use crate::runtime::request::plan::Plan;
use crate::runtime::request::script::Script;
use crate::runtime::request::worker::{Server, Tls, Worker};
use crate::runtime::server::{route, variable};
use crate::runtime::stream;
use crate::runtime::upstream::outgoing::Outgoing;
use crate::runtime::upstream::peer::Resolved;
use crate::runtime::upstream::upstreams::Upstreams;

impl Worker {
    /// A worker with its plans, logs and upstreams.
    ///
    /// # Errors
    /// A file or pattern that cannot be opened or compiled, in nginx's words.
    pub(crate) fn new(
        config: &Arc<Config>,
        peers: &[Vec<(usize, Resolved)>],
        files: &Files,
        counters: Arc<Counters>,
        product: &'static str,
        outgoing: Outgoing,
        (tls, sessions): (Arc<Tls>, &[StreamServer]),
    ) -> Result<Self, String> {
        let io = |(path, error): (PathBuf, std::io::Error)| {
            format!("open() \"{}\" failed{}", path.display(), errno(&error))
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
            VariableSource::Builtin if sessions.is_empty() => variable::find(&variable.name),
            VariableSource::Builtin => {
                stream::variable::find(&variable.name).or_else(|| variable::find(&variable.name))
            }
            _ => None,
        });
        let timers: Rc<Timers> = Rc::default();
        let upstreams = Upstreams::new(config, peers, shared, &outgoing, &timers);
        let random = Rc::new(Random::new(&counters));
        Ok(Self {
            server: Server { variable: variable::find, answer: route::subrequest },
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
            timers,
            clock: Clock::default(),
            outgoing,
            tls,
            tally: counters.tally(),
            counters,
            server_names: config.http.servers.iter().map(|s| first_name(s.names.first())).collect(),
            recoders: config.http.charset_maps.iter().flat_map(Recoder::both).map(Rc::new).collect(),
            files_open: Caches::default(),
            prefix,
            hostname: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            product,
            is_stopping: Cell::new(false),
            open: Cell::new(0),
            reused: Cell::new(0),
            random,
            line: RefCell::default(),
            resolvers: RefCell::default(),
            sessions: sessions.to_vec(),
            passes: RefCell::default(),
        })
    }
}

/// A name as it was written, but without the dot of `.example.com` (`ngx_http_core_server_name`).
pub(crate) fn first_name(name: Option<&ServerName>) -> String {
    match name {
        Some(ServerName::Exact(name) | ServerName::DotHead(name)) => name.clone(),
        Some(ServerName::WildcardHead(name)) => format!("*{name}"),
        Some(ServerName::WildcardTail(name)) => format!("{name}*"),
        Some(ServerName::Regex(pattern)) => format!("~{pattern}"),
        None => String::new(),
    }
}
