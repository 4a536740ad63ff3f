//! Route of one request through a configuration, as far as it is known without files and upstreams: the phases of
//! `ngx_http_core_module.c` from server to content.

mod access;
mod content;
mod end;
mod instructions;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use super::facts::{Fact, Facts};
use super::imagined::{DescribedRequest, Origin, RequestPart, RequestParts, RoutedRequest};
use crate::eval::regex::Regex;
use crate::eval::select::{LocationId, LocationStep, Router, ServerId, ServerStep};
use crate::eval::{CompileError, Program, Request as _, uri};
use crate::model::location::Handler;
use crate::model::{ComplexValue, HttpSettings, LocationKind, VariableId};
use crate::source::Span;
use instructions::Next;

/// Configuration prepared for routing.
#[derive(Debug)]
#[non_exhaustive]
pub struct RoutingConfiguration {
    /// Choice of servers and locations.
    pub router: Router,
    /// Evaluation of variables.
    pub program: Program,
    /// Patterns of `if` and `rewrite`, with and without case, once they were needed.
    patterns: RwLock<HashMap<String, [Option<Arc<Regex>>; 2]>>,
}

/// Event on the route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// The `allow` (true) or `deny` that holds for the client. Only with [`Facts`].
    Access(Span, bool),
    /// A `return`, or a `rewrite` that redirects, with the status. Only with [`Facts`].
    Answer(Span, u16),
    /// `try_files`, with the path that exists; `None`: the fallback. Only with [`Facts`].
    Tried(Option<Span>, Option<Vec<u8>>),
}

/// End of the route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// The file of this path. Only with [`Facts`].
    File(Vec<u8>),
    /// The list of this directory. Only with [`Facts`].
    List(Vec<u8>),
    /// A fact that decides here and that the description lacks. Only with [`Facts`].
    Needs(Fact, Option<Span>),
}

/// Condition of an alternative route, which depends on files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileCondition {
    /// None of the files of `try_files` exists.
    NothingThere(Span),
    /// The index file exists.
    Index(Vec<u8>),
}

/// Route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    pub otherwise: Vec<(FileCondition, Walk)>,
}

/// `NGX_HTTP_MAX_URI_CHANGES`.
const MAX_URI_CHANGES: u32 = 10;
/// Deepest nesting of alternative routes: each route may fork where files decide.
const MAX_DEPTH: u32 = 3;

impl RoutingConfiguration {
    /// Prepares a configuration.
    ///
    /// # Errors
    /// If a regular expression does not compile.
    pub fn new(config: Arc<crate::model::Config>) -> Result<Self, CompileError> {
        Ok(Self {
            router: Router::new(Arc::clone(&config))?,
            program: Program::new(config)?,
            patterns: RwLock::default(),
        })
    }

    /// Compiled pattern; `None` if PCRE2 refuses it.
    fn regex(&self, pattern: &str, caseless: bool, span: Span) -> Option<Arc<Regex>> {
        let at = usize::from(caseless);
        let known = self.patterns.read().ok().and_then(|all| all.get(pattern)?[at].clone());
        if known.is_some() {
            return known;
        }
        let regex = Arc::new(Regex::new(pattern, caseless, span, self.router.config()).ok()?);
        if let Ok(mut all) = self.patterns.write() {
            all.entry(pattern.to_owned()).or_default()[at] = Some(Arc::clone(&regex));
        }
        Some(regex)
    }

    /// Follows a request.
    ///
    /// # Errors
    /// If PCRE2 gave up a match of the server's name.
    pub fn walk(&self, asked: &DescribedRequest) -> Result<Walk, String> {
        Ok(self.follow(asked)?.0)
    }

    /// Follows a request, and returns the request at the end of its route too.
    ///
    /// # Errors
    /// Those of [`RoutingConfiguration::walk`].
    pub fn follow<'w>(&'w self, asked: &'w DescribedRequest) -> Result<(Walk, RoutedRequest<'w>), String> {
        let mut steps = Vec::new();
        let chosen = self.router.trace_server(asked.address, &asked.name, &mut steps);
        let (server, captures) = chosen.map_err(|e| e.to_string())?;
        let config = self.router.config();
        let mut way = RouteWalk {
            ground: self,
            request: RoutedRequest::new(config, asked, server),
            asked,
            location: None,
            events: vec![Event::Server(server, steps)],
            changes: MAX_URI_CHANGES + 1,
            is_changed: false,
            in_error_page: false,
            err_status: None,
            depth: 0,
        };
        if let Some(captures) = captures {
            way.request.set_captures(captures);
            // They are parts of the host.
            way.request.reads = RequestParts::default();
        }
        if let Some(end) = way.refused_by_tls() {
            return Ok(way.finish(end));
        }
        let (mut path, merge) = (Vec::new(), way.settings().core.merge_slashes.value);
        let Ok(args) = uri::normalize(&asked.target, merge, &mut path) else {
            way.request.reads.note(RequestPart::Path);
            let end = End::Status(400, "the path is invalid");
            return Ok(if asked.facts.is_some() { way.finish(end) } else { way.done(end) });
        };
        way.request.uri = path;
        way.request.args = asked.target[args].to_vec();
        way.take_reported_client();
        let end = way.phases(None);
        Ok(way.finish(end))
    }
}

/// Request on its route.
struct RouteWalk<'w> {
    ground: &'w RoutingConfiguration,
    request: RoutedRequest<'w>,
    asked: &'w DescribedRequest,
    location: Option<LocationId>,
    events: Vec<Event>,
    changes: u32,
    is_changed: bool,
    in_error_page: bool,
    /// Status of an `error_page`'s response, in place of the page's own.
    err_status: Option<u16>,
    /// Number of assumptions about files so far.
    depth: u32,
}

impl<'w> RouteWalk<'w> {
    /// Facts about the outside; `None`: the route forks where they decide.
    fn facts(&self) -> Option<&'w Facts> {
        self.asked.facts.as_ref()
    }

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

    /// The same of a value that decides nothing by itself: only maps that it looks into are of interest.
    fn text(&mut self, value: &ComplexValue) -> Result<Vec<u8>, Vec<VariableId>> {
        let (reads, known) = (self.request.reads.clone(), self.request.remembered());
        let found = self.value(value);
        if found.is_ok() && self.request.remembered() == known {
            self.request.reads = reads;
        }
        found
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
            self.request.settings = self.settings();
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
                return self.content();
            }
            if self.is_cycle() {
                return End::Status(500, "rewrite or internal redirection cycle");
            }
        }
    }

    fn is_cycle(&mut self) -> bool {
        self.changes = self.changes.saturating_sub(1);
        self.changes == 0
    }

    /// `ngx_http_core_find_config_phase`
    fn find_location(&mut self) -> Option<End> {
        let mut steps = Vec::new();
        self.location = None;
        self.request.handled_by = None;
        self.request.settings = self.settings();
        match self.request.origin {
            Origin::Request => self.request.reads.note(RequestPart::Place),
            Origin::Constant => {}
            Origin::Computed => self.request.reads.note(RequestPart::Path),
        }
        let uri = self.request.uri.clone();
        let Ok(choice) = self.ground.router.trace_location(self.request.server, &uri, &mut steps) else {
            return Some(End::Status(500, "a regular expression gave up"));
        };
        self.events.push(Event::Location(uri, choice.location, steps));
        if let Some(id) = choice.location {
            self.enter(id);
        }
        if self.settings().core.internal.value && !self.request.is_internal {
            return Some(End::Status(404, "the location is `internal`"));
        }
        let most = self.settings().core.client_max_body_size.value;
        if most > 0 && self.facts().and_then(|facts| facts.body).is_some_and(|body| body > most) {
            return Some(End::Status(413, "the body is larger than `client_max_body_size`"));
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
        self.request.settings = self.settings();
        let mut limits = self.ground.router.get(id).inner.iter().enumerate();
        let limit = limits.find_map(|(at, inner)| match &inner.kind {
            LocationKind::LimitExcept(methods) => Some((at, methods)),
            _ => None,
        });
        let Some((at, methods)) = limit else { return };
        let has = |name: &str| methods.iter().any(|m| m.eq_ignore_ascii_case(name));
        let is_allowed = has(&self.request.method) || self.request.method == "HEAD" && has("GET");
        if let Some(inner) = self.ground.router.inner(id, at).filter(|_| !is_allowed) {
            self.location = Some(inner);
            self.request.settings = self.settings();
            self.events.push(Event::Limited(inner));
        }
    }
}
