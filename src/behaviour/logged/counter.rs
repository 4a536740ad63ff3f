//! Lines of a log counted: a request is followed once for all lines that are equal in what its route has read.

use std::rc::Rc;

use super::hash::{Seed, Table};
use super::judge::{Counts, Judged, judge};
use super::reader::{LineValues, Reader};
use crate::behaviour::coverage::{Coverage, ReachedParts, look_up};
use crate::behaviour::outcome::Outcome;
use crate::eval::log_format::Field;
use crate::eval::select::ServerId;
use crate::eval::uri;
use crate::simulate::imagined::RequestParts;
use crate::simulate::walk::RoutingConfiguration;

/// Most routes, and most paths, that a counter remembers; then it begins anew.
const MAX_KNOWN: usize = 400_000;
/// Paths between two looks at how many of them were known.
const LOOK: u32 = 8192;
/// Paths that are not remembered after a look at which nearly all were new.
const REST: u32 = 16 * LOOK;

/// Reader of a time: name of its variable, and its text; seconds since 1970.
pub type Time = fn(&str, &[u8]) -> Option<i64>;

/// Counter of the requests of a log.
pub struct Counter<'g> {
    ground: &'g RoutingConfiguration,
    reader: &'g Reader<'g>,
    empty: &'g Coverage,
    time: Time,
    seed: Seed,
    /// Positions in `known` by address, host, method, protocol and facts.
    bases: Table<u32>,
    known: Vec<CountedRoute>,
    /// Positions in `records` by what the routes have read.
    routes: Table<u32>,
    places: Places,
    records: Vec<Record>,
    /// Text of the last time, and its seconds.
    last: (Vec<u8>, Option<i64>),
    fields: Vec<Field>,
}

/// Lines that take one route.
struct Record {
    reached: Option<Rc<ReachedParts>>,
    hits: u64,
    last: Option<i64>,
    judged: Judged,
}

/// Lines that are equal in address, host, method, protocol and facts.
struct CountedRoute {
    /// Servers that the request may be for.
    servers: Vec<ServerId>,
    needs: RouteInputs,
    /// Number of changes of `needs`: routes that were remembered by less are not found any more.
    changes: u32,
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

    fn join(&mut self, other: RouteInputs) {
        self.place |= other.place;
        self.path |= other.path;
        self.args |= other.args;
        self.client |= other.client;
        self.fields.extend(other.fields);
    }
}

/// Places that paths lead to, by server and path as logged.
#[derive(Default)]
struct Places {
    known: Table<u64>,
    asked: u32,
    found: u32,
    /// Number of paths that are not looked for.
    rest: u32,
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
            seed: Seed::default(),
            bases: Table::default(),
            known: Vec::new(),
            routes: Table::default(),
            places: Places::default(),
            records: Vec::new(),
            last: (Vec::new(), None),
            fields: Vec::new(),
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
        if parts.time != self.last.0 {
            self.last.0.clear();
            self.last.0.extend_from_slice(parts.time);
            self.last.1 = (self.time)(self.reader.time_field(), parts.time);
        }
        let base = parts.base(self.seed.print());
        let found = self.bases.get(&base).copied().and_then(|known| {
            let key = self.route(known, line, fields, &parts)?;
            self.routes.get(&key).copied()
        });
        let at = match found {
            Some(at) => at,
            None => self.follow(base, line, fields, &parts)?,
        };
        let record = &mut self.records[at as usize];
        record.hits += 1;
        record.last = record.last.max(self.last.1);
        Ok(())
    }

    /// The deciding parts of a line as a key; `None` if its path is invalid.
    fn route(&mut self, at: u32, line: &[u8], fields: &[Field], parts: &LineValues<'_>) -> Option<u128> {
        let known = &self.known[at as usize];
        let needs = &known.needs;
        let mut print = self.seed.print();
        print.word(u64::from(at) << 32 | u64::from(known.changes));
        if needs.place {
            for server in &known.servers {
                print.word(self.places.of(self.ground, self.reader, self.seed, *server, line, parts)?);
            }
        }
        for (is_needed, text) in
            [(needs.path, parts.path), (needs.args, parts.args), (needs.client, parts.client)]
        {
            if is_needed {
                print.add(text);
            }
        }
        for at in &needs.fields {
            let field = &fields[*at];
            print.add(&line[field.start as usize..field.end as usize]);
        }
        Some(print.key())
    }

    /// Follows the request of a line; position of its record.
    fn follow(
        &mut self,
        base: u128,
        line: &[u8],
        fields: &[Field],
        parts: &LineValues<'_>,
    ) -> Result<u32, String> {
        let mut read = RouteInputs::default();
        let logged = self.reader.request(line, fields)?;
        let mut logged = self.reader.placed(logged, |reads| read.add(reads, self.reader));
        logged.asked.client = logged.client;
        let record = self.records.len() as u32;
        let Ok(mut outcome) = Outcome::of(self.ground, &logged.asked) else {
            // PCRE2 gave up: nobody knows what such a request reaches.
            self.records.push(Record { reached: None, hits: 0, last: None, judged: Judged::default() });
            return Ok(record);
        };
        look_up(&mut outcome);
        let judged = judge(&outcome, &logged, |name| self.reader.position(name).is_some());
        let reached = Some(Rc::new(self.empty.reached(&outcome)));
        self.records.push(Record { reached, hits: 0, last: None, judged });
        if self.routes.len() >= MAX_KNOWN {
            self.routes.clear();
            self.bases.clear();
            self.known.clear();
        }
        let servers = self.reader.servers(&logged.asked);
        let at = *self.bases.entry(base).or_insert_with(|| {
            self.known.push(CountedRoute { servers, needs: RouteInputs::default(), changes: 0 });
            self.known.len() as u32 - 1
        });
        let known = &mut self.known[at as usize];
        let mut needs = known.needs.clone();
        needs.join(read);
        needs.add(outcome.request.reads(), self.reader);
        if needs != known.needs {
            known.needs = needs;
            known.changes += 1;
        }
        if let Some(key) = self.route(at, line, fields, parts) {
            self.routes.insert(key, record);
        }
        Ok(record)
    }

    /// The parts with their counts, and what was noticed.
    pub fn coverage(self) -> (Coverage, Counts) {
        let (mut coverage, mut counts) = (self.empty.clone(), Counts::default());
        for record in self.records.iter().filter(|record| record.hits > 0) {
            if let Some(reached) = &record.reached {
                coverage.hit(reached, record.hits, record.last);
            }
            record.judged.count(record.hits, &mut counts);
        }
        (coverage, counts)
    }
}

impl Places {
    /// The location that a path leads to, whether nginx adds a slash to it, its last byte, and whether it has a line
    /// feed, as a number; `None` if the path is invalid.
    fn of(
        &mut self,
        ground: &RoutingConfiguration,
        reader: &Reader<'_>,
        seed: Seed,
        server: ServerId,
        line: &[u8],
        parts: &LineValues<'_>,
    ) -> Option<u64> {
        if self.rest > 0 {
            self.rest -= 1;
            return place(ground, reader, server, line, parts);
        }
        let mut print = seed.print();
        print.word(u64::from(server.0));
        print.add(parts.path);
        let key = print.key();
        self.asked += 1;
        if let Some(place) = self.known.get(&key) {
            self.found += 1;
            return Some(*place);
        }
        if self.asked >= LOOK {
            // To remember what is never asked again costs more than to find it.
            if self.found < LOOK / 8 {
                self.rest = REST;
                self.known.clear();
            }
            (self.asked, self.found) = (0, 0);
        }
        let place = place(ground, reader, server, line, parts)?;
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(key, place);
        Some(place)
    }
}

fn place(
    ground: &RoutingConfiguration,
    reader: &Reader<'_>,
    server: ServerId,
    line: &[u8],
    parts: &LineValues<'_>,
) -> Option<u64> {
    let mut path = Vec::new();
    reader.unescaped(line, parts.path, &mut path);
    let settings = &ground.router.config().http.servers[server.0 as usize].settings;
    let mut normal = Vec::with_capacity(path.len());
    uri::normalize(&path, settings.core.merge_slashes.value, &mut normal).ok()?;
    let choice = ground.router.location(server, &normal).ok()?;
    let location = choice.location.map_or(u64::from(u32::MAX), |id| u64::from(id.0));
    let flags = [choice.redirect, normal.ends_with(b"/"), normal.contains(&b'\n')];
    let flags = flags.iter().fold(0, |all, flag| all << 1 | u64::from(*flag));
    Some(flags << 32 | location)
}
