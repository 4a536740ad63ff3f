//! Values of variables and of text with variables, per request (`ngx_http_complex_value`,
//! `ngx_http_get_flushed_variable`).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::geo;
use super::hash::murmur2;
use super::map::Lookup;
use super::regex::{Captures, CompileError, MatchError};
use super::split_clients::Table;
use crate::model::access::Addresses;
use crate::model::{ComplexValue, Config, Segment, Variable, VariableId, VariableSource};

/// Variables may depend on each other this deep (`ngx_http_variable_depth`).
pub const MAX_DEPTH: u32 = 100;
/// Maps and splits that one evaluation may take: without memory for values a chain of maps that each use the one
/// before twice doubles at each step.
const MAX_LOOKUPS: u32 = 10_000;
/// Longest value; for the same reason.
const MAX_LENGTH: usize = 16 << 20;

/// What a request, real or imagined, knows.
pub trait Request {
    /// Appends the value of a variable that is neither `map` nor `split_clients`; false if it has none.
    fn variable(&mut self, id: VariableId, variable: &Variable, out: &mut Vec<u8>) -> bool;

    /// The client's address; `None` for a unix socket.
    fn address(&mut self) -> Option<IpAddr> {
        None
    }

    /// The address in X-Forwarded-For, as far as those who report it are believed
    /// (`ngx_http_get_forwarded_addr`).
    fn forwarded(&mut self, address: IpAddr, _believed: &[Addresses], _recursive: bool) -> IpAddr {
        address
    }

    /// Appends the text of `$1` … `$9`; false if there is none.
    fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool;

    /// A regular expression matched: replaces the numbered captures and sets the named ones.
    fn set_captures(&mut self, captures: Captures);

    /// Appends the value of a `map` or `split_clients` variable that was remembered, or stored by `set`;
    /// `None` if it has to be found out.
    fn known(&mut self, _id: VariableId, _out: &mut Vec<u8>) -> Option<bool> {
        None
    }

    /// Remembers the value of a `map` or `split_clients` variable, as nginx does for the rest of the request.
    /// Not called for a `volatile` map.
    fn remember(&mut self, _id: VariableId, _value: &[u8]) {}

    /// Evaluation went on with an empty value, or a map's default; nginx logs it.
    fn failed(&mut self, _failure: &Failure) {}
}

/// Why a value is empty that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The variable depends on itself, or on more than [`MAX_DEPTH`] others in a row.
    Cycle(VariableId),
    /// Too many lookups or too long a value.
    TooLarge(VariableId),
    /// A regular expression gave up.
    Regex(MatchError),
}

/// A configuration prepared for evaluation.
#[derive(Clone, Debug)]
pub struct Program {
    config: Arc<Config>,
    maps: Vec<Lookup>,
    geos: Vec<geo::Lookup>,
    splits: Vec<Table>,
}

/// What is left of an evaluation's bounds.
struct Bounds {
    depth: u32,
    lookups: u32,
}

impl Program {
    /// Prepares the maps and splits of a configuration.
    ///
    /// # Errors
    /// If a regular expression of a map does not compile.
    pub fn new(config: Arc<Config>) -> Result<Self, CompileError> {
        let maps = config.http.maps.iter().map(|map| Lookup::new(map, &config)).collect::<Result<_, _>>()?;
        let splits = config.http.split_clients.iter().map(|s| Table::new(s, config.version)).collect();
        let geos = config.http.geos.iter().map(geo::Lookup::new).collect();
        Ok(Self { config, maps, geos, splits })
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The thresholds of a `split_clients`, by its position.
    pub fn split(&self, position: usize) -> &Table {
        &self.splits[position]
    }

    /// Appends a text with its variables replaced; one without a value is empty.
    #[inline]
    pub fn evaluate<R: Request>(&self, value: &ComplexValue, request: &mut R, out: &mut Vec<u8>) {
        self.segments(value, request, out, &mut Bounds { depth: MAX_DEPTH, lookups: MAX_LOOKUPS });
    }

    /// Appends the value of a variable; false if it has none.
    #[inline]
    pub fn variable<R: Request>(&self, id: VariableId, request: &mut R, out: &mut Vec<u8>) -> bool {
        self.lookup(id, request, out, &mut Bounds { depth: MAX_DEPTH, lookups: MAX_LOOKUPS })
    }

    /// Position of the bucket of a `split_clients` that takes the request, and the hash of its key, which is
    /// appended to `out`.
    #[inline]
    pub fn bucket<R: Request>(
        &self,
        position: usize,
        request: &mut R,
        out: &mut Vec<u8>,
    ) -> (u32, Option<usize>) {
        let start = out.len();
        self.evaluate(&self.config.http.split_clients[position].key, request, out);
        let hash = murmur2(&out[start..]);
        (hash, self.splits[position].find(hash))
    }

    fn segments<R: Request>(
        &self,
        value: &ComplexValue,
        request: &mut R,
        out: &mut Vec<u8>,
        bounds: &mut Bounds,
    ) {
        for segment in &value.segments {
            match segment {
                Segment::Literal(text) => out.extend_from_slice(text),
                Segment::Variable(id) => {
                    self.lookup(*id, request, out, bounds);
                }
                Segment::Capture(group) => {
                    request.capture(*group, out);
                }
            }
        }
    }

    fn lookup<R: Request>(
        &self,
        id: VariableId,
        request: &mut R,
        out: &mut Vec<u8>,
        bounds: &mut Bounds,
    ) -> bool {
        let variable = self.config.http.variables.get(id);
        let is_computed = matches!(
            variable.source,
            VariableSource::Map(_) | VariableSource::SplitClients(_) | VariableSource::Geo(_)
        );
        if !is_computed {
            return request.variable(id, variable, out);
        }
        if bounds.lookups == 0 || out.len() > MAX_LENGTH {
            // Said once: the rest of this evaluation passes here in no time.
            if std::mem::take(&mut bounds.lookups) > 0 {
                request.failed(&Failure::TooLarge(id));
            }
            return false;
        }
        if let Some(known) = request.known(id, out) {
            return known;
        }
        if bounds.depth == 0 {
            request.failed(&Failure::Cycle(id));
            bounds.lookups = 0;
            return false;
        }
        bounds.depth -= 1;
        bounds.lookups -= 1;
        if bounds.lookups == 0 {
            request.failed(&Failure::TooLarge(id));
        }
        let start = out.len();
        let (has_value, keep) = match variable.source {
            VariableSource::Map(position) => self.map(position, request, out, bounds),
            VariableSource::SplitClients(position) => {
                (self.split_clients(position, request, out, bounds), true)
            }
            VariableSource::Geo(position) => self.geo(position, request, out, bounds),
            _ => (false, false),
        };
        bounds.depth += 1;
        if keep {
            request.remember(id, &out[start..]);
        }
        has_value
    }

    /// `ngx_http_map_variable`: the value and whether nginx keeps it for the rest of the request.
    fn map<R: Request>(
        &self,
        position: usize,
        request: &mut R,
        out: &mut Vec<u8>,
        bounds: &mut Bounds,
    ) -> (bool, bool) {
        let map = &self.config.http.maps[position];
        let start = out.len();
        // The key is written where the value will be, so that no buffer is needed.
        self.segments(&map.source, request, out, bounds);
        let found = self.maps[position].find(out, start).unwrap_or_else(|error| {
            request.failed(&Failure::Regex(error));
            None
        });
        out.truncate(start);
        let value = match found {
            Some((entry, captures)) => {
                if let Some(captures) = captures {
                    request.set_captures(captures);
                }
                Some(&map.entries[entry].value)
            }
            None => map.default.as_ref().map(|default| &default.value),
        };
        if let Some(value) = value {
            self.segments(value, request, out, bounds);
        }
        (true, !map.volatile)
    }

    /// `ngx_http_geo_cidr_variable`, `ngx_http_geo_range_variable`
    fn geo<R: Request>(
        &self,
        position: usize,
        request: &mut R,
        out: &mut Vec<u8>,
        bounds: &mut Bounds,
    ) -> (bool, bool) {
        let geo = &self.config.http.geos[position];
        let start = out.len();
        let address = match geo.source {
            Some(source) => {
                self.lookup(source, request, out, bounds);
                let text = String::from_utf8_lossy(&out[start..]).into_owned();
                out.truncate(start);
                text.parse().ok()
            }
            None => request.address(),
        };
        let address = address.map(|address| {
            if geo.proxies.is_empty() {
                return address;
            }
            request.forwarded(address, &geo.proxies, geo.proxy_recursive)
        });
        // As nginx: what is no address is 255.255.255.255.
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::BROADCAST));
        out.extend_from_slice(self.geos[position].find(geo, address));
        (true, !geo.volatile)
    }

    /// `ngx_http_split_clients_variable`
    fn split_clients<R: Request>(
        &self,
        position: usize,
        request: &mut R,
        out: &mut Vec<u8>,
        bounds: &mut Bounds,
    ) -> bool {
        let split = &self.config.http.split_clients[position];
        let start = out.len();
        self.segments(&split.key, request, out, bounds);
        let bucket = self.splits[position].find(murmur2(&out[start..]));
        out.truncate(start);
        if let Some(bucket) = bucket {
            out.extend_from_slice(&split.buckets[bucket].value);
        }
        true
    }
}

#[cfg(test)]
mod tests;
