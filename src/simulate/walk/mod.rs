//! Route of one request through a configuration, as far as it is known without files and upstreams: the phases of
//! `ngx_http_core_module.c` from server to content.

mod end;
mod instructions;

use std::sync::Arc;

use instructions::Next;

use super::imagined::{Asked, Imagined};
use crate::eval::select::{LocationId, LocationStep, Router, ServerId, ServerStep};
use crate::eval::{CompileError, Program, Request as _};
use crate::model::access::Addresses;
use crate::model::location::Handler;
use crate::model::{ComplexValue, HttpSettings, LocationKind, VariableId};
use crate::source::Span;

/// Configuration prepared for routing.
#[derive(Debug)]
pub struct Ground {
    /// Choice of servers and locations.
    pub router: Router,
    /// Evaluation of variables.
    pub program: Program,
}

/// Event on the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server was chosen.
    Server(ServerId, Vec<ServerStep>),
    /// A location was chosen for a URI; `None`: the server itself.
    Location(Vec<u8>, Option<LocationId>, Vec<LocationStep>),
    /// `limit_except` holds for the method, so its block is the location.
    Limited(LocationId),
    /// `set`, with the value if known.
    Set(Span, VariableId, Option<Vec<u8>>),
    /// `if`; `None`: the condition is unknown and treated as false.
    If(Span, Option<bool>, Vec<VariableId>),
    /// `rewrite`, with the new URI and arguments if the pattern matches.
    Rewrite(Span, Option<(Vec<u8>, Vec<u8>)>),
    /// `break`
    Break(Span),
    /// `error_page` of a status.
    ErrorPage(Span, u16, Vec<u8>),
    /// Internal redirect to a URI or a named location.
    Redirect(Vec<u8>),
}

/// End of the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A content handler's response, or a static file's (`None`).
    Content(Option<Span>),
    /// `return`, or a redirect by `rewrite`: status, and the text if known.
    Answer(Span, u16, Option<Vec<u8>>),
    /// nginx's own response, and its reason.
    Status(u16, &'static str),
    /// 301 to the URI plus a slash.
    Slash,
    /// A URI with unknown variables.
    Unknown(Option<Span>, Vec<VariableId>),
}

/// Condition of an alternative route, which depends on files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// None of the files of `try_files` exists.
    NothingThere(Span),
    /// The index file exists.
    Index(Vec<u8>),
}

/// Route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Events in order.
    pub events: Vec<Event>,
    /// Server at the end.
    pub server: ServerId,
    /// Location at the end, also an `if` or `limit_except`.
    pub location: Option<LocationId>,
    /// URI at the end.
    pub uri: Vec<u8>,
    /// End of the route.
    pub end: End,
    /// Alternative routes that depend on files.
    pub otherwise: Vec<(When, Walk)>,
}

/// `NGX_HTTP_MAX_URI_CHANGES`.
const MAX_URI_CHANGES: u32 = 10;
/// Deepest nesting of alternative routes: each route may fork where files decide.
const MAX_DEPTH: u32 = 3;

impl Ground {
    /// Prepares a configuration.
    ///
    /// # Errors
    /// If a regular expression does not compile.
    pub fn new(config: Arc<crate::model::Config>) -> Result<Self, CompileError> {
        Ok(Self { router: Router::new(Arc::clone(&config))?, program: Program::new(config)? })
    }

    /// Follows a request; `normalize` makes `$uri` and `$args` of the target, if possible; its flag is the server's
    /// `merge_slashes`.
    ///
    /// # Errors
    /// If PCRE2 gave up a match of the server's name.
    pub fn walk(
        &self,
        asked: &Asked,
        normalize: impl FnOnce(bool) -> Option<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Walk, String> {
        let mut steps = Vec::new();
        let chosen = self.router.trace_server(asked.address, &asked.name, &mut steps);
        let (server, captures) = chosen.map_err(|e| e.to_string())?;
        let config = self.router.config();
        let mut way = Way {
            ground: self,
            request: Imagined::new(config, asked, server),
            asked,
            location: None,
            events: vec![Event::Server(server, steps)],
            changes: MAX_URI_CHANGES + 1,
            is_changed: false,
            is_internal: false,
            in_error_page: false,
            err_status: None,
            depth: 0,
        };
        if let Some(captures) = captures {
            way.request.set_captures(captures);
        }
        let Some((uri, args)) = normalize(way.settings().core.merge_slashes.value) else {
            return Ok(way.done(End::Status(400, "the path is invalid")));
        };
        way.request.uri = uri;
        way.request.args = args;
        let end = way.phases(None);
        Ok(way.finish(end))
    }
}

/// Request on its route.
struct Way<'w> {
    ground: &'w Ground,
    request: Imagined<'w>,
    asked: &'w Asked,
    location: Option<LocationId>,
    events: Vec<Event>,
    changes: u32,
    is_changed: bool,
    is_internal: bool,
    in_error_page: bool,
    /// Status of an `error_page`'s response, in place of the page's own.
    err_status: Option<u16>,
    /// Number of assumptions about files so far.
    depth: u32,
}

impl<'w> Way<'w> {
    fn settings(&self) -> &'w HttpSettings {
        match self.location {
            Some(id) => &self.ground.router.get(id).settings,
            None => &self.ground.router.config().http.servers[self.request.server.0 as usize].settings,
        }
    }

    fn handler(&self) -> Option<&'w Handler> {
        self.location.and_then(|id| self.ground.router.get(id).handler.as_ref())
    }

    /// Value of a text, or the unknown variables.
    fn value(&mut self, value: &ComplexValue) -> Result<Vec<u8>, Vec<VariableId>> {
        let mut out = Vec::new();
        self.ground.program.evaluate(value, &mut self.request, &mut out);
        self.known(out)
    }

    fn variable(&mut self, id: VariableId) -> Result<Vec<u8>, Vec<VariableId>> {
        let mut out = Vec::new();
        self.ground.program.variable(id, &mut self.request, &mut out);
        self.known(out)
    }

    fn known(&mut self, value: Vec<u8>) -> Result<Vec<u8>, Vec<VariableId>> {
        let unknown = std::mem::take(&mut self.request.unknown);
        let needs_client = std::mem::take(&mut self.request.needs_client);
        if unknown.is_empty() && !needs_client { Ok(value) } else { Err(unknown) }
    }

    /// `ngx_http_core_run_phases`, up to content; `named` is the first location, if not the server.
    fn phases(&mut self, named: Option<LocationId>) -> End {
        let mut next = named;
        if named.is_none() {
            self.location = None;
            if let Next::End(end) = self.execute(None) {
                return end;
            }
        }
        loop {
            self.is_changed = false;
            if let Some(id) = next.take() {
                self.events.push(Event::Location(self.request.uri.clone(), Some(id), Vec::new()));
                self.enter(id);
            } else if let Some(end) = self.find_location() {
                return end;
            }
            if let Some(id) = self.location
                && let Next::End(end) = self.execute(Some(id))
            {
                return end;
            }
            if !self.is_changed {
                if self.is_denied() {
                    return End::Status(403, "`deny` holds for the client");
                }
                return End::Content(self.handler().map(Handler::span));
            }
            if self.is_cycle() {
                return End::Status(500, "rewrite or internal redirection cycle");
            }
        }
    }

    /// `ngx_http_access_module`, as far as the client is known. A password is assumed to be right.
    fn is_denied(&self) -> bool {
        let access = &self.settings().access;
        let asks_password = access.auth_basic.value.constant() != Some(b"off");
        if access.satisfy.value.0 == "any" && asks_password {
            return false;
        }
        for rule in &access.rules.value {
            match (&rule.who, self.asked.client) {
                (Addresses::All, _) => return !rule.allow,
                (Addresses::Net(_), None) | (Addresses::Unix, _) => return false,
                (who, client) if who.contains(client) => return !rule.allow,
                _ => {}
            }
        }
        false
    }

    fn is_cycle(&mut self) -> bool {
        self.changes = self.changes.saturating_sub(1);
        self.changes == 0
    }

    /// `ngx_http_core_find_config_phase`
    fn find_location(&mut self) -> Option<End> {
        let mut steps = Vec::new();
        self.location = None;
        let uri = self.request.uri.clone();
        let Ok(choice) = self.ground.router.trace_location(self.request.server, &uri, &mut steps) else {
            return Some(End::Status(500, "a regular expression gave up"));
        };
        self.events.push(Event::Location(uri, choice.location, steps));
        if let Some(id) = choice.location {
            self.enter(id);
        }
        if self.settings().core.internal.value && !self.is_internal {
            return Some(End::Status(404, "the location is `internal`"));
        }
        if choice.redirect {
            return Some(End::Slash);
        }
        choice.captures.into_iter().for_each(|captures| self.request.set_captures(captures));
        None
    }

    /// `ngx_http_update_location_config`
    fn enter(&mut self, id: LocationId) {
        self.location = Some(id);
        let mut limits = self.ground.router.get(id).inner.iter().enumerate();
        let limit = limits.find_map(|(at, inner)| match &inner.kind {
            LocationKind::LimitExcept(methods) => Some((at, methods)),
            _ => None,
        });
        let Some((at, methods)) = limit else { return };
        let has = |name: &str| methods.iter().any(|m| m.eq_ignore_ascii_case(name));
        let is_allowed = has(&self.asked.method) || self.asked.method == "HEAD" && has("GET");
        if let Some(inner) = self.ground.router.inner(id, at).filter(|_| !is_allowed) {
            self.location = Some(inner);
            self.events.push(Event::Limited(inner));
        }
    }
}
