//! The request of a line: which fields of a `log_format` say what.

use std::collections::BTreeMap;

use super::hash::Print;
use super::judge;
use super::request::Logged;
use crate::behaviour::outcome::Outcome;
use crate::eval::log_format::{Field, Format};
use crate::eval::select::{AddressId, Router, ServerId, ServerStep, host};
use crate::model::log::LogFormat;
use crate::model::{Config, Endpoint};
use crate::simulate::facts::{Facts, Files, Response};
use crate::simulate::imagined::{DescribedRequest, RequestParts};
use crate::simulate::walk::RoutingConfiguration;

/// Reader of one `log_format`.
#[derive(Debug)]
pub struct Reader<'g> {
    ground: &'g RoutingConfiguration,
    format: Format,
    /// Positions of variables in the format, by name.
    fields: BTreeMap<String, usize>,
    /// Those of them that each line is looked at for.
    at: ValuePositions,
}

/// Positions of values in a line.
#[derive(Clone, Copy, Debug, Default)]
struct ValuePositions {
    request: Option<usize>,
    method: Option<usize>,
    target: Option<usize>,
    uri: Option<usize>,
    args: Option<usize>,
    host: Option<usize>,
    name: Option<usize>,
    scheme: Option<usize>,
    port: Option<usize>,
    status: Option<usize>,
    upstream: Option<usize>,
    user: Option<usize>,
    client: Option<usize>,
    time: Option<usize>,
}

/// Values of a line as they are written in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineValues<'l> {
    /// Method, protocol, host as sent and as nginx has it, scheme, port and status.
    pub(super) base: [&'l [u8]; 7],
    pub(super) is_passed: bool,
    pub(super) has_user: bool,
    pub(super) path: &'l [u8],
    pub(super) args: &'l [u8],
    pub(super) client: &'l [u8],
    pub(super) time: &'l [u8],
}

impl LineValues<'_> {
    /// Facts that each route may read without notice.
    #[inline]
    pub(super) fn base(&self, mut print: Print) -> u128 {
        self.base.iter().for_each(|text| print.add(text));
        print.word(u64::from(self.is_passed) | u64::from(self.has_user) << 1);
        print.key()
    }
}

/// Variables that have the time of a request.
const TIMES: [&str; 3] = ["time_local", "time_iso8601", "msec"];

/// Variables whose logged values are facts.
const FACTS: [&str; 3] = ["ssl_", "geoip_", "geoip2_"];

impl<'g> Reader<'g> {
    /// Prepares a format.
    ///
    /// # Errors
    /// If the format has no request: what is missing, and what to add.
    pub fn new(ground: &'g RoutingConfiguration, format: &LogFormat) -> Result<Self, String> {
        let config: &Config = ground.router.config();
        let name = format.name.clone();
        let format = Format::new(format, &config.http.variables);
        let positions = config.http.variables.iter();
        let fields: BTreeMap<String, usize> = positions
            .filter_map(|(id, variable)| Some((variable.name.clone(), format.position(id)?)))
            .collect();
        let has = |name: &str| fields.contains_key(name);
        if !has("request") && !has("request_uri") && !has("uri") {
            return Err(format!(
                "the log_format `{name}` has no request: add `\"$request\"`, or `$request_method $request_uri`"
            ));
        }
        let at = |names: &[&str]| names.iter().find_map(|name| fields.get(*name).copied());
        let at = ValuePositions {
            request: at(&["request"]),
            method: at(&["request_method"]),
            target: at(&["request_uri"]),
            uri: at(&["uri"]),
            args: at(&["args", "query_string"]),
            host: at(&["http_host"]),
            name: at(&["host", "server_name"]),
            scheme: at(&["scheme"]),
            port: at(&["server_port"]),
            status: at(&["status"]),
            upstream: at(&["upstream_addr"]),
            user: at(&["remote_user"]),
            client: at(&["realip_remote_addr", "remote_addr"]),
            time: at(&TIMES),
        };
        Ok(Self { ground, format, fields, at })
    }

    /// Fields that the format lacks, and the values assumed in their place.
    pub fn assumptions(&self) -> Vec<String> {
        let has = |name: &str| self.fields.contains_key(name);
        let config: &Config = self.ground.router.config();
        let mut missing = Vec::new();
        if !has("host") && !has("http_host") && !has("server_name") && config.http.servers.len() > 1 {
            missing.push(
                "the log has no host, so the default server takes all requests: add `$host`".to_owned(),
            );
        }
        let addresses = self.ground.router.addresses().filter(|(_, address)| !address.listen.quic).count();
        if !has("server_port") && !has("scheme") && addresses > 1 {
            missing.push("the log has no port: requests are taken to come in where their host is known; add `$server_port`".to_owned());
        }
        if !has("remote_addr") && !has("realip_remote_addr") {
            missing.push(
                "the log has no client: `allow`, `deny` and `geo` are not decided; add `$remote_addr`"
                    .to_owned(),
            );
        }
        if !has("upstream_addr") {
            missing.push("the log does not say what was passed on: `try_files` is decided by the status; add `$upstream_addr`".to_owned());
        }
        missing
    }

    fn text(&self, line: &[u8], fields: &[Field], name: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.format.value(line, &fields[*self.fields.get(name)?], &mut out);
        (!out.is_empty() && out != b"-").then_some(out)
    }

    /// The request of a line; `fields` is memory that is used again.
    ///
    /// # Errors
    /// If the line does not fit the format, or its request is none; in words.
    pub fn read(&self, line: &[u8], fields: &mut Vec<Field>) -> Result<Logged, String> {
        self.format.read(line, fields).map_err(|foreign| foreign.to_string())?;
        Ok(self.placed(self.request(line, fields)?, |_| {}))
    }

    /// Addresses that a request may have come in on, where the log does not say it; empty: the address is known.
    fn candidates(&self, name: &[u8]) -> Vec<AddressId> {
        let has = |name: &str| self.fields.contains_key(name);
        if has("server_port") || has("scheme") {
            return Vec::new();
        }
        let router = &self.ground.router;
        let all = router.addresses().filter(|(_, address)| !address.listen.quic).map(|(id, _)| id);
        let named: Vec<AddressId> = all.filter(|id| is_named(router, *id, name)).collect();
        if named.len() > 1 { named } else { Vec::new() }
    }

    /// The request on the first address whose answer the logged one can be: a server for port 80 may only redirect.
    /// `read` gets the parts of the request that decided.
    pub(super) fn placed(&self, mut logged: Logged, mut read: impl FnMut(&RequestParts)) -> Logged {
        for address in self.candidates(&logged.asked.name) {
            let mut other = logged.clone();
            let listen = &self.ground.router.listen(address).listen;
            other.asked.address = address;
            other.asked.endpoint = listen.endpoint.clone();
            other.asked.scheme = if listen.ssl { "https" } else { "http" };
            other.asked.client = other.client;
            let Ok(outcome) = Outcome::of(self.ground, &other.asked) else { continue };
            read(outcome.request.reads());
            let fits = judge::fits(&outcome, &other);
            drop(outcome);
            if fits {
                other.asked.client = None;
                logged = other;
                break;
            }
        }
        logged
    }

    /// Name of the variable that has the time; empty: none.
    pub(super) fn time_field(&self) -> &'static str {
        TIMES.into_iter().find(|name| self.fields.contains_key(*name)).unwrap_or_default()
    }

    /// Position of a variable in the format.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.fields.get(name).copied()
    }

    /// Servers that a request may be for.
    pub(super) fn servers(&self, asked: &DescribedRequest) -> Vec<ServerId> {
        let mut addresses = self.candidates(&asked.name);
        if addresses.is_empty() {
            addresses.push(asked.address);
        }
        let of = |address| self.ground.router.server(address, &asked.name).ok().map(|(server, _)| server);
        let mut servers: Vec<ServerId> = addresses.into_iter().filter_map(of).collect();
        servers.dedup();
        servers
    }

    /// A text of a line without the format's escapes.
    pub(super) fn unescaped(&self, line: &[u8], text: &[u8], out: &mut Vec<u8>) {
        // The text is a part of the line.
        let start = (text.as_ptr() as usize).saturating_sub(line.as_ptr() as usize) as u32;
        self.format.value(line, &(start..start + text.len() as u32), out);
    }

    /// The parts of a line as they are written in it, without copying them.
    pub(super) fn parts<'l>(
        &self,
        line: &'l [u8],
        fields: &mut Vec<Field>,
    ) -> Result<LineValues<'l>, String> {
        self.format.read(line, fields).map_err(|foreign| foreign.to_string())?;
        let at = &self.at;
        let of = |position: Option<usize>| -> &'l [u8] {
            let Some(field) = position.map(|at| &fields[at]) else { return b"" };
            match &line[field.start as usize..field.end as usize] {
                b"-" => b"",
                text => text,
            }
        };
        let (mut method, mut target, mut protocol) = (&b""[..], &b""[..], &b""[..]);
        let request = of(at.request);
        if let Some(end) = memchr::memchr(b' ', request) {
            method = &request[..end];
            let rest = &request[end + 1..];
            let space = memchr::memchr(b' ', rest).unwrap_or(rest.len());
            target = &rest[..space];
            protocol = rest.get(space + 1..).unwrap_or_default();
        }
        if at.method.is_some() {
            method = of(at.method);
        }
        if at.target.is_some() && !of(at.target).is_empty() {
            target = of(at.target);
        }
        let is_path = target.is_empty();
        if is_path {
            target = of(at.uri);
        }
        if !target.starts_with(b"/") {
            return Err("the request has no path".to_owned());
        }
        let mark = memchr::memchr(b'?', target);
        let (path, args) = match mark {
            Some(mark) if !is_path => (&target[..mark], &target[mark + 1..]),
            _ => (target, if is_path { of(at.args) } else { &b""[..] }),
        };
        Ok(LineValues {
            base: [method, protocol, of(at.host), of(at.name), of(at.scheme), of(at.port), of(at.status)],
            is_passed: !of(at.upstream).is_empty(),
            has_user: !of(at.user).is_empty(),
            path,
            args,
            client: of(at.client),
            time: of(at.time),
        })
    }

    /// The request of a line whose values are known.
    pub(super) fn request(&self, line: &[u8], fields: &[Field]) -> Result<Logged, String> {
        let text = |name: &str| self.text(line, fields, name);
        let (mut method, mut target, mut protocol) = (b"GET".to_vec(), None, b"HTTP/1.1".to_vec());
        if let Some(request) = text("request") {
            let mut words = request.split(|byte| *byte == b' ');
            if let (Some(own), Some(uri)) = (words.next(), words.next()) {
                method = own.to_vec();
                target = Some(uri.to_vec());
            }
            protocol = words.next_back().map_or(protocol, <[u8]>::to_vec);
        }
        method = text("request_method").unwrap_or(method);
        let with_args = |mut path: Vec<u8>| {
            if let Some(args) = text("args").or_else(|| text("query_string")) {
                path.push(b'?');
                path.extend(args);
            }
            path
        };
        let target = text("request_uri").or(target).or_else(|| text("uri").map(with_args));
        let Some(target) = target.filter(|target| target.starts_with(b"/")) else {
            return Err("the request has no path".to_owned());
        };
        let is_method =
            !method.is_empty() && method.iter().all(|b| b.is_ascii_uppercase() || b"-_".contains(b));
        if !is_method {
            return Err("the request has no method".to_owned());
        }
        let host =
            text("http_host").or_else(|| text("host")).or_else(|| text("server_name")).unwrap_or_default();
        let mut name = Vec::new();
        if !host.is_empty()
            && host::normalize_in(self.ground.router.config().version, &host, &mut name).is_err()
        {
            name.clear();
        }
        let (scheme, port) = (text("scheme"), text("server_port"));
        let address = self.address(scheme.as_deref(), port.as_deref(), &name)?;
        let status: Option<u16> = text("status").and_then(|t| String::from_utf8(t).ok()?.parse().ok());
        let passed = self.fields.contains_key("upstream_addr").then(|| text("upstream_addr").is_some());
        let listen = &self.ground.router.listen(address).listen;
        let mut headers = Vec::new();
        let mut variables = std::collections::HashMap::new();
        for own in self.fields.keys() {
            if let Some(header) = own.strip_prefix("http_").filter(|header| *header != "host") {
                let value = text(own);
                headers.extend(value.map(|value| (header.replace('_', "-"), value)));
            } else if FACTS.iter().any(|prefix| own.starts_with(prefix)) {
                variables.insert(own.clone(), text(own).unwrap_or_default());
            }
        }
        let user = text("remote_user").map(|user| String::from_utf8_lossy(&user).into_owned());
        let facts = Facts {
            files: files(status, passed),
            upstream: status.map(|status| Response { status, headers: Vec::new() }),
            has_failed: matches!(status, Some(502 | 504)) && text("upstream_header_time").is_none(),
            auth_request: Some(status.filter(|status| matches!(status, 401 | 403)).unwrap_or(200)),
            user,
            body: None,
            variables,
        };
        let client = text("realip_remote_addr").or_else(|| text("remote_addr"));
        Ok(Logged {
            client: client.and_then(|client| String::from_utf8(client).ok()?.parse().ok()),
            asked: DescribedRequest {
                address,
                endpoint: listen.endpoint.clone(),
                scheme: if listen.ssl || listen.quic { "https" } else { "http" },
                method: String::from_utf8_lossy(&method).into_owned(),
                protocol: String::from_utf8_lossy(&protocol).into_owned(),
                host,
                name,
                target,
                headers,
                client: None,
                facts: Some(facts),
            },
            passed,
        })
    }

    /// The address that a request came in on: by port or scheme, and where a name fits the host.
    fn address(&self, scheme: Option<&[u8]>, port: Option<&[u8]>, name: &[u8]) -> Result<AddressId, String> {
        let router: &Router = &self.ground.router;
        let port = port.and_then(|port| std::str::from_utf8(port).ok()?.parse::<u16>().ok());
        let fits = |id: &AddressId| {
            let listen = &router.listen(*id).listen;
            let own = match &listen.endpoint {
                Endpoint::Inet(address) => Some(address.port()),
                Endpoint::Name(_, port) => Some(*port),
                Endpoint::Unix(_) => None,
            };
            let scheme_fits = scheme.is_none_or(|scheme| (scheme == b"https") == listen.ssl);
            !listen.quic && scheme_fits && port.is_none_or(|port| own == Some(port))
        };
        let candidates: Vec<AddressId> = router.addresses().map(|(id, _)| id).filter(fits).collect();
        let named = candidates.iter().find(|id| is_named(router, **id, name)).or(candidates.first());
        named.copied().ok_or_else(|| "no server listens on the port of the request".to_owned())
    }
}

/// True if a server of the address has a name for the host.
fn is_named(router: &Router, id: AddressId, name: &[u8]) -> bool {
    let mut steps = Vec::new();
    let found = router.trace_server(id, name, &mut steps);
    found.is_ok() && !matches!(steps.last(), None | Some(ServerStep::Default(_)))
}

/// Files, as far as the log tells: what was passed on had no file, and what was not found neither.
fn files(status: Option<u16>, passed: Option<bool>) -> Option<Files> {
    match (passed, status) {
        (Some(true), _) | (_, Some(404)) => Some(Files::default()),
        (_, Some(200 | 206 | 304)) => Some(Files::all()),
        _ => None,
    }
}
