//! Values of variables and of text with variables, per request (`ngx_http_complex_value`,
//! `ngx_http_get_flushed_variable`).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::geo;
use super::hash::murmur2;
use super::map::Lookup;
use super::regex::CompileError;
use super::request::{Failure, Request};
use super::split_clients::Table;
use crate::model::{ComplexValue, Config, Segment, VariableId, VariableSource};

/// Deepest nesting of variables (`ngx_http_variable_depth`).
pub const MAX_DEPTH: u32 = 100;
/// Most maps and splits in one evaluation: without a cache of values, a chain of maps that each use the previous one
/// twice doubles the work at each step.
const MAX_LOOKUPS: u32 = 10_000;
/// Longest value in bytes; same reason as [`MAX_LOOKUPS`].
const MAX_LENGTH: usize = 16 << 20;

/// Configuration prepared for evaluation.
#[derive(Clone, Debug)]
pub struct Program {
    config: Arc<Config>,
    maps: Vec<Lookup>,
    geos: Vec<geo::Lookup>,
    splits: Vec<Table>,
}

/// Remaining budget of an evaluation.
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

    /// Thresholds of a `split_clients`, by its position.
    pub fn split(&self, position: usize) -> &Table {
        &self.splits[position]
    }

    /// Appends a text with its variables replaced; a variable without a value is empty.
    #[inline]
    pub fn evaluate<R: Request>(&self, value: &ComplexValue, request: &mut R, out: &mut Vec<u8>) {
        self.segments(value, request, out, &mut Bounds { depth: MAX_DEPTH, lookups: MAX_LOOKUPS });
    }

    /// Appends the value of a variable; false if the variable has none.
    #[inline]
    pub fn variable<R: Request>(&self, id: VariableId, request: &mut R, out: &mut Vec<u8>) -> bool {
        self.lookup(id, request, out, &mut Bounds { depth: MAX_DEPTH, lookups: MAX_LOOKUPS })
    }

    /// Position of a request's bucket in a `split_clients`, and the hash of the key, which is appended to `out`.
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
            // Only the first excess is reported: from then on this branch ends every look-up at once.
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

    /// Value of a map, and true if nginx caches it for the rest of the request (`ngx_http_map_variable`).
    fn map<R: Request>(
        &self,
        position: usize,
        request: &mut R,
        out: &mut Vec<u8>,
        bounds: &mut Bounds,
    ) -> (bool, bool) {
        let map = &self.config.http.maps[position];
        let start = out.len();
        // The key is written where the value will be, which saves a buffer.
        self.segments(&map.source, request, out, bounds);
        let found = self.maps[position].find(out, start).unwrap_or_else(|error| {
            request.failed(&Failure::Regex(error));
            None
        });
        out.truncate(start);
        request.looked_up(position, found.as_ref().map(|(entry, _)| *entry));
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
        request.table_read(geo.span);
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
        // nginx takes 255.255.255.255 for a text that is not an address.
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
        request.table_read(split.span);
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
mod tests {
    use super::*;
    use crate::eval::Captures;
    use crate::eval::testing::Builder;
    use crate::model::Variable;
    use crate::version::Version;
    use std::collections::HashMap;

    /// Request with the values of the test.
    #[derive(Default)]
    struct TestRequest {
        values: HashMap<&'static str, &'static str>,
        captures: Captures,
        named: HashMap<VariableId, Vec<u8>>,
        kept: HashMap<VariableId, Vec<u8>>,
        keeps: bool,
        failures: Vec<Failure>,
        calls: usize,
    }

    impl Request for TestRequest {
        fn variable(&mut self, id: VariableId, variable: &Variable, out: &mut Vec<u8>) -> bool {
            self.calls += 1;
            let named = self.named.get(&id).map(Vec::as_slice);
            let value = self.values.get(variable.name.as_str()).map(|v| v.as_bytes());
            value.or(named).inspect(|v| out.extend_from_slice(v)).is_some()
        }
        fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool {
            self.captures.get(group.into()).inspect(|v| out.extend_from_slice(v)).is_some()
        }
        fn set_captures(&mut self, captures: Captures) {
            self.named.extend(captures.named().map(|(id, v)| (id, v.to_vec())));
            self.captures = captures;
        }
        fn known(&mut self, id: VariableId, out: &mut Vec<u8>) -> Option<bool> {
            self.kept.get(&id).map(|v| out.extend_from_slice(v)).map(|()| true)
        }
        fn remember(&mut self, id: VariableId, value: &[u8]) {
            if self.keeps {
                self.kept.insert(id, value.to_vec());
            }
        }
        fn failed(&mut self, failure: &Failure) {
            self.failures.push(failure.clone());
        }
    }

    fn text(program: &Program, value: &ComplexValue, request: &mut TestRequest) -> String {
        let mut out = b"<".to_vec();
        program.evaluate(value, request, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn maps() {
        let mut b = Builder::new(Version::new(1, 31, 5));
        b.variable("net", VariableSource::Capture);
        let entries = [
            ("default", "none"),
            ("Plain", "p"),
            ("*.Example.com", "head"),
            (".example.org", "dot"),
            ("mail.*", "tail"),
            ("~^(?<net>\\d+)\\.(\\d+)$", "net $net two $2 $host"),
            ("~b", "case"),
            ("~*b", "caseless"),
            ("", "empty"),
        ];
        b.map("$host", "m", true, &entries);
        b.map("$host", "bare", false, &[("*.example.com", "literal"), ("x.", "dot stays")]);
        let (m, bare) = (b.value("[$m]"), b.value("[$bare]$1"));
        let program = Program::new(b.build()).unwrap();
        let cases = [
            ("PLAIN", "<[p]", "<[]"),
            ("plain.", "<[p]", "<[]"),
            ("x.EXAMPLE.com", "<[head]", "<[]"),
            ("example.org", "<[dot]", "<[]"),
            ("mail.x", "<[tail]", "<[]"),
            ("10.20", "<[net 10 two 20 10.20]", "<[]10"),
            ("abc", "<[case]", "<[]"),
            ("aBc", "<[caseless]", "<[]"),
            ("", "<[empty]", "<[]"),
            ("zzz", "<[none]", "<[]"),
            ("*.example.com", "<[head]", "<[literal]"),
            ("X.", "<[none]", "<[dot stays]"),
        ];
        for (host, expected, of_bare) in cases {
            let mut request = TestRequest { values: [("host", host)].into(), ..TestRequest::default() };
            assert_eq!(text(&program, &m, &mut request), expected, "{host}");
            assert_eq!(text(&program, &bare, &mut request), of_bare, "{host}");
            assert!(request.failures.is_empty());
        }
    }

    #[test]
    fn splits_and_what_is_remembered() {
        let mut b = Builder::new(Version::new(1, 31, 5));
        b.split("$remote_addr", "s", &[(5000, "a".into()), (0, "b".into())]);
        let (value, s) = (b.value("$s$s"), b.variable("s", VariableSource::SplitClients(0)));
        let program = Program::new(b.build()).unwrap();
        // 192.0.2.1 hashes to 3369748723, x2 below to less than half.
        for (address, keeps, expected, calls) in
            [("192.0.2.1", false, "<bb", 2), ("192.0.2.1", true, "<bb", 1), ("abc", true, "<aa", 1)]
        {
            let mut request =
                TestRequest { values: [("remote_addr", address)].into(), keeps, ..TestRequest::default() };
            assert_eq!(text(&program, &value, &mut request), expected);
            assert_eq!(request.calls, calls);
        }
        let mut request = TestRequest { kept: [(s, b"set".to_vec())].into(), ..TestRequest::default() };
        assert_eq!(text(&program, &value, &mut request), "<setset");
    }

    #[test]
    fn cycles_and_doublings_end() {
        let mut b = Builder::new(Version::new(1, 31, 5));
        b.map("$b$b", "a", false, &[("default", "a$b$b")]);
        b.map("$a$a", "b", false, &[("default", "b$a")]);
        b.map("x", "d0", false, &[("default", "0123456789")]);
        for i in 1..60 {
            let before = format!("$d{0}$d{0}", i - 1);
            b.map("x", &format!("d{i}"), false, &[("default", &before)]);
        }
        let (cycle, doubling) = (b.value("$a"), b.value("$d59"));
        let program = Program::new(b.build()).unwrap();
        for keeps in [false, true] {
            let mut request = TestRequest { keeps, ..TestRequest::default() };
            text(&program, &cycle, &mut request);
            assert!(matches!(request.failures[..], [Failure::Cycle(_)]), "{:?}", request.failures);
            let mut request = TestRequest { keeps, ..TestRequest::default() };
            let length = text(&program, &doubling, &mut request).len();
            assert!(matches!(request.failures[..], [Failure::TooLarge(_)]), "{:?}", request.failures);
            assert!(length < 100 << 20, "{length}");
        }
    }

    #[test]
    fn a_bad_pattern_is_an_error() {
        let mut b = Builder::new(Version::new(1, 31, 5));
        b.map("$host", "m", false, &[("~(", "x")]);
        let error = Program::new(b.build()).unwrap_err();
        assert_eq!(error.pattern, "(");
        assert!(error.to_string().contains("does not compile"), "{error}");
    }
}
