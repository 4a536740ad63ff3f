//! Lines of a log counted: a request is followed once for all lines that are equal in what its route has read.

use std::collections::HashMap;
use std::rc::Rc;

use super::hash::Fast;
use super::reader::{LineValues, Reader};
use crate::behaviour::coverage::{Coverage, ReachedParts};
use crate::behaviour::outcome::Outcome;
use crate::eval::log_format::Field;
use crate::eval::select::ServerId;
use crate::eval::uri;
use crate::simulate::imagined::RequestParts;
use crate::simulate::walk::RoutingConfiguration;

/// Most routes, and most paths, that a counter remembers; then it begins anew.
const MAX_KNOWN: usize = 200_000;

/// Reader of a time: name of its variable, and its text; seconds since 1970.
pub type Time = fn(&str, &[u8]) -> Option<i64>;

/// Counter of the requests of a log.
pub struct Counter<'g> {
    ground: &'g RoutingConfiguration,
    reader: &'g Reader<'g>,
    empty: &'g Coverage,
    time: Time,
    /// Outcome of lines that are equal in address, host, method, protocol and facts.
    known: HashMap<Vec<u8>, CountedRoute, Fast>,
    /// Places that paths lead to, by server and path as logged.
    places: HashMap<Vec<u8>, u64, Fast>,
    /// Number of routes in `known`.
    routes: usize,
    records: Vec<Record>,
    /// Text of the last time, and its seconds.
    last: (Vec<u8>, Option<i64>),
    fields: Vec<Field>,
    base: Vec<u8>,
    detail: Vec<u8>,
    key: Vec<u8>,
}

/// Lines that take one route.
struct Record {
    reached: Option<Rc<ReachedParts>>,
    hits: u64,
    last: Option<i64>,
}

struct CountedRoute {
    server: ServerId,
    needs: RouteInputs,
    /// Positions in `records` by what the routes have read.
    routes: HashMap<Vec<u8>, usize, Fast>,
}

/// Parts of a line that decide its route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent parts of a request")]
struct RouteInputs {
    place: bool,
    path: bool,
    args: bool,
    client: bool,
    /// Positions in the format.
    fields: Vec<usize>,
}

impl RouteInputs {
    fn add(&mut self, reads: &RequestParts, reader: &Reader<'_>) {
        self.place |= reads.place();
        self.path |= reads.path();
        self.args |= reads.args();
        self.client |= reads.client();
        self.fields.extend(reads.names().iter().filter_map(|name| reader.position(name)));
        self.fields.sort_unstable();
        self.fields.dedup();
    }
}

impl<'g> Counter<'g> {
    /// Counter for a format; `empty` has the parts of the configuration.
    pub fn new(
        ground: &'g RoutingConfiguration,
        reader: &'g Reader<'g>,
        empty: &'g Coverage,
        time: Time,
    ) -> Self {
        Self {
            ground,
            reader,
            empty,
            time,
            known: HashMap::default(),
            places: HashMap::default(),
            routes: 0,
            records: Vec::new(),
            last: (Vec::new(), None),
            fields: Vec::new(),
            base: Vec::new(),
            detail: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Counts the request of a line.
    ///
    /// # Errors
    /// If the line does not fit the format, or its request is none; in words.
    #[inline]
    pub fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let mut fields = std::mem::take(&mut self.fields);
        let counted = self.with_fields(line, &mut fields);
        self.fields = fields;
        counted
    }

    fn with_fields(&mut self, line: &[u8], fields: &mut Vec<Field>) -> Result<(), String> {
        let parts = self.reader.parts(line, fields)?;
        parts.base(&mut self.base);
        if parts.time != self.last.0 {
            self.last = (parts.time.to_vec(), (self.time)(self.reader.time_field(), parts.time));
        }
        let found = match self.known.get(self.base.as_slice()) {
            Some(known) => {
                let (server, needs) = (known.server, &known.needs);
                let place = if needs.place {
                    place(self.ground, self.reader, (&mut self.places, &mut self.key), server, line, &parts)
                } else {
                    Some(0)
                };
                match place {
                    Some(place) => {
                        detail(needs, place, &parts, line, fields, &mut self.detail);
                        known.routes.get(self.detail.as_slice()).copied()
                    }
                    None => None,
                }
            }
            None => None,
        };
        let at = match found {
            Some(at) => at,
            None => self.follow(line, fields, &parts)?,
        };
        let record = &mut self.records[at];
        record.hits += 1;
        record.last = record.last.max(self.last.1);
        Ok(())
    }

    /// Follows the request of a line; position of its record.
    fn follow(&mut self, line: &[u8], fields: &[Field], parts: &LineValues<'_>) -> Result<usize, String> {
        let mut logged = self.reader.request(line, fields)?;
        logged.asked.client = logged.client;
        let at = self.records.len();
        let Ok(outcome) = Outcome::of(self.ground, &logged.asked) else {
            // PCRE2 gave up: nobody knows what such a request reaches.
            self.records.push(Record { reached: None, hits: 0, last: None });
            return Ok(at);
        };
        let reached = Some(Rc::new(self.empty.reached(&outcome)));
        self.records.push(Record { reached, hits: 0, last: None });
        if self.routes >= MAX_KNOWN {
            self.known.clear();
            self.routes = 0;
        }
        let server = self.reader.server(&logged.asked).unwrap_or(outcome.walk.server);
        let known = self.known.entry(self.base.clone()).or_insert_with(|| CountedRoute {
            server,
            needs: RouteInputs::default(),
            routes: HashMap::default(),
        });
        let mut needs = known.needs.clone();
        needs.add(outcome.request.reads(), self.reader);
        if needs != known.needs {
            // Routes are remembered by too little.
            self.routes -= known.routes.len();
            known.routes.clear();
            known.needs = needs;
        }
        let place = if known.needs.place {
            place(self.ground, self.reader, (&mut self.places, &mut self.key), known.server, line, parts)
        } else {
            Some(0)
        };
        if let Some(place) = place {
            detail(&known.needs, place, parts, line, fields, &mut self.detail);
            if known.routes.insert(self.detail.clone(), at).is_none() {
                self.routes += 1;
            }
        }
        Ok(at)
    }

    /// The parts with their counts.
    pub fn coverage(self) -> Coverage {
        let mut coverage = self.empty.clone();
        for record in &self.records {
            if let Some(reached) = &record.reached {
                coverage.hit(reached, record.hits, record.last);
            }
        }
        coverage
    }
}

/// The deciding parts of one line.
fn detail(
    needs: &RouteInputs,
    place: u64,
    parts: &LineValues<'_>,
    line: &[u8],
    fields: &[Field],
    out: &mut Vec<u8>,
) {
    out.clear();
    if needs.place {
        out.extend_from_slice(&place.to_le_bytes());
    }
    let texts = [(needs.path, parts.path), (needs.args, parts.args), (needs.client, parts.client)];
    for (_, text) in texts.iter().filter(|(is_needed, _)| *is_needed) {
        out.extend_from_slice(text);
        out.push(0);
    }
    for at in &needs.fields {
        let field = &fields[*at];
        out.extend_from_slice(&line[field.start as usize..field.end as usize]);
        out.push(0);
    }
}

/// The location that a path leads to, whether nginx adds a slash to it, its last byte, and whether it has a line feed,
/// as a number; `None` if the path is invalid.
fn place(
    ground: &RoutingConfiguration,
    reader: &Reader<'_>,
    (known, key): (&mut HashMap<Vec<u8>, u64, Fast>, &mut Vec<u8>),
    server: ServerId,
    line: &[u8],
    parts: &LineValues<'_>,
) -> Option<u64> {
    key.clear();
    key.extend_from_slice(parts.path);
    key.extend_from_slice(&server.0.to_le_bytes());
    if let Some(place) = known.get(key.as_slice()) {
        return Some(*place);
    }
    let mut path = Vec::new();
    reader.unescaped(line, parts.path, &mut path);
    let settings = &ground.router.config().http.servers[server.0 as usize].settings;
    let mut normal = Vec::new();
    uri::normalize(&path, settings.core.merge_slashes.value, &mut normal).ok()?;
    let choice = ground.router.location(server, &normal).ok()?;
    let location = choice.location.map_or(u64::from(u32::MAX), |id| u64::from(id.0));
    let flags = [choice.redirect, normal.ends_with(b"/"), normal.contains(&b'\n')];
    let flags = flags.iter().fold(0, |all, flag| all << 1 | u64::from(*flag));
    let place = flags << 32 | location;
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
    known.insert(key.clone(), place);
    Some(place)
}
