//! Parts of a configuration that requests reach, those of tests and those of access logs.

mod looked_up;

use std::collections::HashMap;

pub use looked_up::look_up;

use super::outcome::Outcome;
use crate::eval::select::{LocationId, Router};
use crate::model::rewrite::Instruction;
use crate::model::{Config, Location, LocationKind};
use crate::simulate::walk::Event;
use crate::source::{SourceMap, Span};

/// Kind of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `server`
    Server,
    /// `location`
    Location,
    /// `if`: its condition holds for some request.
    If,
    /// `return`
    Return,
    /// `rewrite`: its pattern matches some request.
    Rewrite,
    /// Entry of a `map`, `default` included.
    MapEntry,
    /// `upstream`
    Upstream,
}

impl Kind {
    /// All kinds in the order of reports.
    pub const ALL: [Kind; 7] =
        [Kind::Server, Kind::Location, Kind::If, Kind::Return, Kind::Rewrite, Kind::MapEntry, Kind::Upstream];

    /// Kind in the plural, for reports.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Server => "servers",
            Kind::Location => "locations",
            Kind::If => "ifs",
            Kind::Return => "returns",
            Kind::Rewrite => "rewrites",
            Kind::MapEntry => "map entries",
            Kind::Upstream => "upstreams",
        }
    }

    /// Kind in the singular, for machines.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Server => "server",
            Kind::Location => "location",
            Kind::If => "if",
            Kind::Return => "return",
            Kind::Rewrite => "rewrite",
            Kind::MapEntry => "map entry",
            Kind::Upstream => "upstream",
        }
    }
}

/// Part of a configuration that requests can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Kind of the part.
    pub kind: Kind,
    /// The part as written; of a server its names.
    pub name: String,
    /// Place of the directive or entry.
    pub span: Span,
    /// Nesting below `http`, for a tree.
    pub depth: usize,
    /// Number of requests that reached it.
    pub hits: u64,
    /// Time of the last of them, in seconds since 1970; `None`: unknown.
    pub last: Option<i64>,
}

/// Parts of a configuration, with the number of requests that reached each.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Parts in source order; an inner part follows the outer one.
    pub items: Vec<Item>,
    by_span: HashMap<(Kind, Span), usize>,
    /// Requests that were counted.
    pub requests: u64,
    /// Requests that no `server_name` fits, so that the default server took them.
    pub by_default: u64,
}

/// Parts that a request reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachedParts {
    /// Positions in [`Coverage::items`].
    items: Vec<usize>,
    /// No name fits the host.
    is_default: bool,
}

impl Coverage {
    /// All parts of a configuration, none of them reached.
    pub fn new(config: &Config, sources: &SourceMap) -> Self {
        let mut list = List { sources, items: Vec::new() };
        for map in &config.http.maps {
            let variable = &config.http.variables.get(map.variable).name;
            let entries = map.entries.iter().map(|entry| entry.span);
            for span in entries.chain(map.default.as_ref().map(|default| default.span)) {
                list.add(Kind::MapEntry, span, Some(format!("${variable}: {}", list.text(span))), 0);
            }
        }
        for upstream in config.http.upstreams.iter().filter(|upstream| !upstream.is_implicit()) {
            list.add(Kind::Upstream, upstream.span, Some(format!("upstream {}", upstream.name)), 0);
        }
        for server in &config.http.servers {
            let names: Vec<String> = server.names.iter().map(ToString::to_string).collect();
            list.add(Kind::Server, server.span, Some(format!("server {}", names.join(" "))), 0);
            list.instructions(&server.instructions, 1);
            list.locations(&server.locations, 1);
        }
        let mut by_span = HashMap::new();
        for (at, item) in list.items.iter().enumerate() {
            // A file that is included twice has each part twice; requests that reach one of them reach both.
            by_span.entry((item.kind, item.span)).or_insert(at);
        }
        let items = list.items;
        Self { items, by_span, requests: 0, by_default: 0 }
    }

    /// Counts a request with this outcome.
    pub fn count(&mut self, outcome: &mut Outcome<'_>) {
        look_up(outcome);
        let reached = self.reached(outcome);
        self.hit(&reached, 1, None);
    }

    /// Counts requests that reached these parts; `time` is that of the last one, in seconds since 1970.
    pub fn hit(&mut self, reached: &ReachedParts, count: u64, time: Option<i64>) {
        self.requests += count;
        self.by_default += if reached.is_default { count } else { 0 };
        for at in &reached.items {
            let item = &mut self.items[*at];
            item.hits += count;
            item.last = item.last.max(time);
        }
    }

    /// Parts that a request with this outcome reached.
    pub fn reached(&self, outcome: &Outcome<'_>) -> ReachedParts {
        let config = outcome.config();
        let mut is_default = false;
        let mut reached: Vec<(Kind, Span)> = Vec::new();
        for event in &outcome.walk.events {
            match event {
                Event::Server(id, steps) => {
                    reached.push((Kind::Server, config.http.servers[id.0 as usize].span));
                    is_default =
                        matches!(steps.last(), None | Some(crate::eval::select::ServerStep::Default(_)));
                }
                Event::Location(_, Some(id), _) => around(&outcome.ground.router, *id, &mut reached),
                Event::If(span, Some(true), _) => reached.push((Kind::If, *span)),
                Event::Rewrite(span, Some(_)) => reached.push((Kind::Rewrite, *span)),
                Event::Answer(span, _) => {
                    reached.push((Kind::Return, *span));
                    reached.push((Kind::Rewrite, *span));
                }
                _ => {}
            }
        }
        for (map, entry) in &outcome.request.looked_up {
            let map = &config.http.maps[*map];
            let span = match entry {
                Some(entry) => Some(map.entries[*entry].span),
                None => map.default.as_ref().map(|default| default.span),
            };
            reached.extend(span.map(|span| (Kind::MapEntry, span)));
        }
        if let Some(id) = outcome.request.destination.as_ref().and_then(|d| d.upstream) {
            reached.push((Kind::Upstream, config.http.upstream(id).span));
        }
        let mut items: Vec<usize> =
            reached.iter().filter_map(|part| self.by_span.get(part).copied()).collect();
        items.sort_unstable();
        items.dedup();
        ReachedParts { items, is_default }
    }

    /// Adds the counts of another coverage of the same configuration.
    pub fn add(&mut self, other: &Coverage) {
        for (own, other) in self.items.iter_mut().zip(&other.items) {
            own.hits += other.hits;
            own.last = own.last.max(other.last);
        }
        self.requests += other.requests;
        self.by_default += other.by_default;
    }

    /// Reached parts and all parts of a kind; of all kinds for `None`.
    pub fn share(&self, kind: Option<Kind>) -> (usize, usize) {
        let of = self.items.iter().filter(|item| kind.is_none_or(|kind| item.kind == kind));
        let (mut reached, mut all) = (0, 0);
        for item in of {
            all += 1;
            reached += usize::from(item.hits > 0);
        }
        (reached, all)
    }
}

/// Share in per cent; of nothing all is reached.
#[expect(clippy::cast_precision_loss, reason = "a share for people to read")]
pub fn percent((reached, all): (usize, usize)) -> f64 {
    if all == 0 { 100.0 } else { reached as f64 * 100.0 / all as f64 }
}

/// The location and those around it: a request in an inner location reached the outer ones.
fn around(router: &Router, id: LocationId, reached: &mut Vec<(Kind, Span)>) {
    let (server, path) = router.path(id);
    let Some((first, rest)) = path.split_first() else { return };
    let mut outer = router.outermost(server, *first as usize);
    let mut rest = rest.iter();
    while let Some(id) = outer {
        reached.push((Kind::Location, router.get(id).span));
        outer = rest.next().and_then(|at| router.inner(id, *at as usize));
    }
}

/// Parts while they are listed.
struct List<'l> {
    sources: &'l SourceMap,
    items: Vec<Item>,
}

impl List<'_> {
    fn text(&self, span: Span) -> String {
        let text = String::from_utf8_lossy(self.sources.text(span)).into_owned();
        text.trim_end_matches(['{', ';', ' ']).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn add(&mut self, kind: Kind, span: Span, name: Option<String>, depth: usize) {
        let name = name.unwrap_or_else(|| self.text(span));
        self.items.push(Item { kind, name, span, depth, hits: 0, last: None });
    }

    fn instructions(&mut self, instructions: &[Instruction], depth: usize) {
        for instruction in instructions {
            match instruction {
                Instruction::If { span, .. } => self.add(Kind::If, *span, None, depth),
                Instruction::Return(r#return) => self.add(Kind::Return, r#return.span, None, depth),
                Instruction::Rewrite(rewrite) => self.add(Kind::Rewrite, rewrite.span, None, depth),
                Instruction::Set { .. } | Instruction::Break(_) | Instruction::Other(..) => {}
            }
        }
    }

    fn locations(&mut self, locations: &[Location], depth: usize) {
        for location in locations {
            if !matches!(location.kind, LocationKind::If | LocationKind::LimitExcept(_)) {
                self.add(Kind::Location, location.span, None, depth);
            }
            self.instructions(&location.instructions, depth + 1);
            self.locations(&location.inner, depth + 1);
        }
    }
}
