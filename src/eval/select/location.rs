//! Choice of a location (`ngx_http_core_find_location`, `ngx_http_core_find_static_location`).

use std::collections::HashMap;

use super::ServerId;
use super::trace::{LocationStep, Trace};
use crate::eval::regex::{Captures, CompileError, MatchError, Regex};
use crate::model::location::Handler;
use crate::model::{Config, Location, LocationKind};

/// Id of a router's location, `if`s and `limit_except`s included: numbered through all servers, outer before inner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocationId(pub u32);

/// Result of the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Location; `None`: the server itself.
    pub location: Option<LocationId>,
    /// The location is the URI plus a slash and passes requests to an upstream: nginx answers 301.
    pub redirect: bool,
    /// Captures of the regular expressions, in the order of the matches.
    pub captures: Vec<Captures>,
}

/// Result of the search on one level.
#[derive(PartialEq)]
enum Outcome {
    /// `NGX_OK`
    Final,
    /// `NGX_DONE`
    Redirect,
    /// `NGX_AGAIN` and `NGX_DECLINED`: outer levels may still try regular expressions.
    Open,
}

/// Directives besides `proxy_pass` that answer 301 to a URI without the location's slash (`auto_redirect`).
const REDIRECTED: [&str; 5] = ["fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"];

/// Locations of all servers.
#[derive(Debug)]
pub(super) struct Index {
    servers: Vec<Level>,
    places: Vec<Place>,
}

/// Place of a location in the model, and its inner level.
#[derive(Debug)]
struct Place {
    server: u32,
    path: Box<[u32]>,
    level: Level,
}

/// Locations of one level: of a server, or in a location.
#[derive(Debug, Default)]
struct Level {
    /// Prefix locations, sorted by URI.
    prefixes: Vec<Prefix>,
    has_redirects: bool,
    regexes: Vec<(Regex, LocationId)>,
    named: HashMap<String, LocationId>,
    /// Ids by position in the block.
    blocks: Vec<LocationId>,
}

#[derive(Debug)]
struct Prefix {
    uri: Box<[u8]>,
    exact: Option<LocationId>,
    inclusive: Option<LocationId>,
    no_regex: bool,
    redirect: bool,
    /// Longest other prefix that is a prefix of this one.
    shorter: Option<u32>,
}

impl Index {
    pub(super) fn new(config: &Config) -> Result<Self, CompileError> {
        let mut places = Vec::new();
        let mut servers = Vec::new();
        for (i, server) in config.http.servers.iter().enumerate() {
            servers.push(level(&server.locations, i as u32, &[], &mut places, config)?);
        }
        Ok(Self { servers, places })
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get<'c>(&self, config: &'c Config, id: LocationId) -> &'c Location {
        let Place { server, path, .. } = &self.places[id.0 as usize];
        let outermost = &config.http.servers[*server as usize].locations[path[0] as usize];
        path[1..].iter().fold(outermost, |outer, &at| &outer.inner[at as usize])
    }

    /// Path of a location in the model: its server and the positions that lead to it.
    pub(super) fn path(&self, id: LocationId) -> (ServerId, &[u32]) {
        let place = &self.places[id.0 as usize];
        (ServerId(place.server), &place.path)
    }

    pub(super) fn named(&self, server: ServerId, name: &str) -> Option<LocationId> {
        self.servers[server.0 as usize].named.get(name).copied()
    }

    pub(super) fn inner(
        &self,
        outer: Option<LocationId>,
        server: ServerId,
        position: usize,
    ) -> Option<LocationId> {
        let level = match outer {
            Some(outer) => &self.places[outer.0 as usize].level,
            None => &self.servers[server.0 as usize],
        };
        level.blocks.get(position).copied()
    }

    pub(super) fn find(
        &self,
        server: ServerId,
        uri: &[u8],
        trace: &mut impl Trace<LocationStep>,
    ) -> Result<Choice, MatchError> {
        let mut choice = Choice::default();
        let outcome = self.find_in(&self.servers[server.0 as usize], uri, &mut choice, trace)?;
        choice.redirect = outcome == Outcome::Redirect;
        Ok(choice)
    }

    /// `ngx_http_core_find_location`
    fn find_in<T: Trace<LocationStep>>(
        &self,
        level: &Level,
        uri: &[u8],
        choice: &mut Choice,
        trace: &mut T,
    ) -> Result<Outcome, MatchError> {
        let mut no_regex = false;
        if level.has_redirects
            && let Some(id) = level.redirect(uri)
        {
            choice.location = Some(id);
            trace.step(LocationStep::Redirect(id));
            return Ok(Outcome::Redirect);
        }
        if let Some(prefix) = level.longest(uri) {
            if T::LISTENS {
                level.shorter(prefix).for_each(|id| trace.step(LocationStep::Shorter(id)));
            }
            if let Some(exact) = prefix.exact.filter(|_| prefix.uri.len() == uri.len()) {
                prefix.inclusive.into_iter().for_each(|id| trace.step(LocationStep::Shorter(id)));
                trace.step(LocationStep::Exact(exact));
                choice.location = Some(exact);
                return Ok(Outcome::Final);
            }
            if let Some(id) = prefix.inclusive {
                choice.location = Some(id);
                no_regex = prefix.no_regex;
                trace.step(LocationStep::Longest(id));
                let outcome = self.find_inside(id, uri, choice, trace)?;
                if outcome != Outcome::Open {
                    return Ok(outcome);
                }
                if no_regex {
                    trace.step(LocationStep::NoRegex(id));
                }
            }
        }
        if no_regex {
            level.untried(0, trace);
        } else {
            for (i, (regex, id)) in level.regexes.iter().enumerate() {
                let captures = regex.exec(uri)?;
                trace.step(LocationStep::Regex(*id, captures.is_some()));
                if let Some(captures) = captures {
                    level.untried(i + 1, trace);
                    choice.captures.push(captures);
                    choice.location = Some(*id);
                    // As in nginx, a redirect found among the inner locations is dropped.
                    self.find_inside(*id, uri, choice, trace)?;
                    return Ok(Outcome::Final);
                }
            }
        }
        Ok(Outcome::Open)
    }

    /// Finds a location among a location's inner ones.
    fn find_inside<T: Trace<LocationStep>>(
        &self,
        outer: LocationId,
        uri: &[u8],
        choice: &mut Choice,
        trace: &mut T,
    ) -> Result<Outcome, MatchError> {
        let level = &self.places[outer.0 as usize].level;
        if T::LISTENS && !(level.prefixes.is_empty() && level.regexes.is_empty()) {
            trace.step(LocationStep::Inside(outer));
        }
        self.find_in(level, uri, choice, trace)
    }
}

impl Level {
    /// Prefixes of a prefix among the others, shortest first.
    fn shorter(&self, prefix: &Prefix) -> impl Iterator<Item = LocationId> {
        let next = |at: &u32| self.prefixes[*at as usize].shorter;
        let mut found: Vec<_> = std::iter::successors(prefix.shorter, next)
            .filter_map(|at| self.prefixes[at as usize].inclusive)
            .collect();
        found.reverse();
        found.into_iter()
    }

    /// Traces the regular expressions from a position on, which are not tried.
    fn untried<T: Trace<LocationStep>>(&self, from: usize, trace: &mut T) {
        if T::LISTENS {
            self.regexes[from..].iter().for_each(|(_, id)| trace.step(LocationStep::Untried(*id)));
        }
    }

    /// The exact location of the URI, or the longest prefix.
    fn longest(&self, uri: &[u8]) -> Option<&Prefix> {
        // All locations that sort between the longest prefix and the URI begin with that prefix.
        let mut at = self.prefixes.partition_point(|p| *p.uri <= *uri).checked_sub(1)?;
        loop {
            let prefix = &self.prefixes[at];
            let fits =
                if prefix.inclusive.is_some() { uri.starts_with(&prefix.uri) } else { uri == &*prefix.uri };
            if fits {
                return Some(prefix);
            }
            at = prefix.shorter? as usize;
        }
    }

    /// Location that is the URI plus a slash, unless one is the URI itself.
    fn redirect(&self, uri: &[u8]) -> Option<LocationId> {
        let with_slash = |p: &Prefix| match p.uri.split_at_checked(uri.len()) {
            Some((same, rest)) => same.cmp(uri).then_with(|| rest.cmp(&b"/"[..])),
            None => (*p.uri).cmp(uri),
        };
        let at = self.prefixes.binary_search_by(with_slash).ok()?;
        let prefix = &self.prefixes[at];
        if !prefix.redirect || self.prefixes.binary_search_by(|p| (*p.uri).cmp(uri)).is_ok() {
            return None;
        }
        prefix.exact.or(prefix.inclusive)
    }
}

/// Numbers and sorts the locations of a block (`ngx_http_init_locations`).
fn level(
    locations: &[Location],
    server: u32,
    outer: &[u32],
    places: &mut Vec<Place>,
    config: &Config,
) -> Result<Level, CompileError> {
    let mut level = Level::default();
    for (i, location) in locations.iter().enumerate() {
        let id = LocationId(places.len() as u32);
        let path: Box<[u32]> = outer.iter().copied().chain([i as u32]).collect();
        places.push(Place { server, path: path.clone(), level: Level::default() });
        level.blocks.push(id);
        match &location.kind {
            LocationKind::Exact(uri) => level.prefixes.push(prefix(uri, Some(id), None, false, location)),
            LocationKind::Prefix { uri, no_regex } => {
                level.prefixes.push(prefix(uri, None, Some(id), *no_regex, location));
            }
            LocationKind::Regex { pattern, caseless } => {
                level.regexes.push((Regex::new(pattern, *caseless, location.span, config)?, id));
            }
            LocationKind::Named(name) => {
                level.named.insert(name.clone(), id);
            }
            LocationKind::If | LocationKind::LimitExcept(_) => {}
        }
        let inner = self::level(&location.inner, server, &path, places, config)?;
        places[id.0 as usize].level = inner;
    }
    sort(&mut level);
    Ok(level)
}

fn prefix(
    uri: &[u8],
    exact: Option<LocationId>,
    inclusive: Option<LocationId>,
    no_regex: bool,
    location: &Location,
) -> Prefix {
    let passes_on = match &location.handler {
        Some(Handler::Proxy(_) | Handler::Pass(_)) => true,
        Some(Handler::Other(directive, _)) => REDIRECTED.contains(directive),
        Some(Handler::StubStatus(_) | Handler::EmptyGif(_)) => false,
        None => false,
    };
    let redirect = passes_on && uri.ends_with(b"/");
    Prefix { uri: uri.into(), exact, inclusive, no_regex, redirect, shorter: None }
}

fn sort(level: &mut Level) {
    level.prefixes.sort_by(|a, b| a.uri.cmp(&b.uri));
    // `= /uri` and `/uri` are one location (`ngx_http_join_exact_locations`).
    level.prefixes.dedup_by(|later, kept| {
        let same = later.uri == kept.uri;
        if same {
            kept.exact = kept.exact.or(later.exact);
            kept.inclusive = kept.inclusive.or(later.inclusive);
            kept.no_regex |= later.no_regex;
            kept.redirect |= later.redirect;
        }
        same
    });
    level.has_redirects = level.prefixes.iter().any(|p| p.redirect);
    let mut open: Vec<usize> = Vec::new();
    for i in 0..level.prefixes.len() {
        while open.last().is_some_and(|&o| !level.prefixes[i].uri.starts_with(&level.prefixes[o].uri)) {
            open.pop();
        }
        level.prefixes[i].shorter = open.last().map(|&o| o as u32);
        if level.prefixes[i].inclusive.is_some() {
            open.push(i);
        }
    }
}
