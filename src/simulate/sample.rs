//! Request of a population: its known variables.

use std::net::IpAddr;

use super::Error;
use crate::eval::inet::{write_ip, write_number};
use crate::eval::log_format::{Field, Format};
use crate::eval::{Captures, Program, Request};
use crate::model::map::MapKey;
use crate::model::{ComplexValue, Variable, VariableId, VariableSource};

/// Source of a variable's value in a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueSource {
    /// Unknown.
    Nothing,
    /// `$remote_addr`
    Address,
    /// `$binary_remote_addr`
    BinaryAddress,
    /// `$remote_port`
    Port,
    /// A variable of the log's format, by its position.
    Logged(usize),
    /// Part of `$request`, which has the position.
    OfRequest(RequestLinePart, usize),
    /// Named group of a regular expression of a map.
    Capture,
}

/// Part of the request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "nginx's names")]
#[non_exhaustive]
pub enum RequestLinePart {
    RequestMethod,
    RequestUri,
    Args,
    IsArgs,
    ServerProtocol,
}

const PARTS: [(&str, RequestLinePart); 6] = [
    ("request_method", RequestLinePart::RequestMethod),
    ("request_uri", RequestLinePart::RequestUri),
    ("args", RequestLinePart::Args),
    ("query_string", RequestLinePart::Args),
    ("is_args", RequestLinePart::IsArgs),
    ("server_protocol", RequestLinePart::ServerProtocol),
];

/// Known variables of a population, by id.
///
/// # Errors
/// If `key` depends on an unknown variable.
pub fn knowledge(
    program: &Program,
    key: &ComplexValue,
    log: Option<&Format>,
) -> Result<Box<[ValueSource]>, Error> {
    let from_log = log.is_some();
    let http = &program.config().http;
    let mut known = vec![ValueSource::Nothing; http.variables.iter().len()];
    let mut seen = vec![false; known.len()];
    let mut open = vec![key];
    let (mut captures, mut has_regex) = (Vec::new(), false);
    while let Some(value) = open.pop() {
        for id in value.variables() {
            if std::mem::replace(&mut seen[id.0 as usize], true) {
                continue;
            }
            let variable = http.variables.get(id);
            match variable.source {
                VariableSource::Map(position) => {
                    let map = &http.maps[position];
                    has_regex |= map.entries.iter().any(|e| matches!(e.key, MapKey::Regex { .. }));
                    open.push(&map.source);
                    open.extend(map.entries.iter().map(|e| &e.value));
                    open.extend(map.default.iter().map(|d| &d.value));
                }
                VariableSource::SplitClients(position) => open.push(&http.split_clients[position].key),
                VariableSource::Capture => captures.push(id),
                _ => {
                    known[id.0 as usize] = what_is(program, id, log)
                        .ok_or_else(|| Error::Unknown { variable: variable.clone(), from_log })?;
                }
            }
        }
    }
    for id in captures {
        if !has_regex {
            return Err(Error::Unknown { variable: http.variables.get(id).clone(), from_log });
        }
        known[id.0 as usize] = ValueSource::Capture;
    }
    Ok(known.into())
}

fn what_is(program: &Program, id: VariableId, log: Option<&Format>) -> Option<ValueSource> {
    let variables = &program.config().http.variables;
    let variable = variables.get(id);
    let logged = |name: &str| log?.position(variables.find(name)?);
    if let Some(position) = log.and_then(|log| log.position(id)) {
        return Some(match variable.name.as_str() {
            "remote_addr" => ValueSource::Address,
            _ => ValueSource::Logged(position),
        });
    }
    if variable.source != VariableSource::Builtin {
        return None;
    }
    let has_address = log.is_none() || logged("remote_addr").is_some();
    match variable.name.as_str() {
        "remote_addr" if log.is_none() => Some(ValueSource::Address),
        "binary_remote_addr" if has_address => Some(ValueSource::BinaryAddress),
        "remote_port" if has_address => Some(ValueSource::Port),
        name => {
            let part = PARTS.iter().find(|(n, _)| *n == name)?.1;
            Some(ValueSource::OfRequest(part, logged("request")?))
        }
    }
}

/// True if the key depends on the client's port.
pub fn uses_port(known: &[ValueSource]) -> bool {
    known.contains(&ValueSource::Port)
}

/// Parsed line of a log.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Format of the line.
    pub format: &'a Format,
    /// Text of the line without the line end.
    pub text: &'a [u8],
}

/// Request of a population.
#[derive(Debug)]
pub struct Sample<'k> {
    known: &'k [ValueSource],
    address: IpAddr,
    text: Vec<u8>,
    /// The client's port.
    pub port: u16,
    /// Line that the request comes from.
    pub line: Option<Line<'k>>,
    /// Ranges of the values in the line.
    pub fields: Vec<Field>,
    scratch: Vec<u8>,
    captures: Captures,
    named: Vec<(VariableId, Box<[u8]>)>,
}

impl<'k> Sample<'k> {
    /// Request without any values.
    pub fn new(known: &'k [ValueSource]) -> Self {
        Self {
            known,
            address: IpAddr::from([0, 0, 0, 0]),
            text: Vec::with_capacity(46),
            port: 0,
            line: None,
            fields: Vec::new(),
            scratch: Vec::new(),
            captures: Captures::default(),
            named: Vec::new(),
        }
    }

    /// Sets the client address.
    pub fn set_address(&mut self, address: IpAddr) {
        self.address = address;
        self.text.clear();
        write_ip(address, &mut self.text);
    }

    /// Sets a client address that has only a text, such as `unix:`.
    pub fn set_address_text(&mut self, text: &[u8]) {
        // Parsing the address costs more than the rest of the line.
        if self.known.contains(&ValueSource::BinaryAddress)
            && let Some(address) = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok())
        {
            self.address = address;
        }
        self.text.clear();
        self.text.extend_from_slice(text);
    }

    /// Clears the captures of the previous request.
    pub fn reset(&mut self) {
        if !self.named.is_empty() || !self.captures.is_empty() {
            self.captures = Captures::default();
            self.named.clear();
        }
    }
}

impl Sample<'_> {
    /// Appends a part of the request line; false if there is none.
    fn part(&mut self, part: RequestLinePart, position: usize, out: &mut Vec<u8>) -> bool {
        let Some(line) = self.line else { return false };
        self.scratch.clear();
        if !line.format.value(line.text, &self.fields[position], &mut self.scratch) {
            return false;
        }
        let mut words = self.scratch.splitn(3, |b| *b == b' ');
        let (method, uri, protocol) = (words.next(), words.next(), words.next());
        let args = uri.and_then(|uri| uri.iter().position(|b| *b == b'?').map(|at| &uri[at + 1..]));
        let text = match part {
            RequestLinePart::RequestMethod => method,
            RequestLinePart::RequestUri => uri,
            RequestLinePart::Args => args,
            RequestLinePart::IsArgs => args.filter(|a| !a.is_empty()).map(|_| &b"?"[..]),
            RequestLinePart::ServerProtocol => protocol,
        };
        text.inspect(|text| out.extend_from_slice(text)).is_some()
    }
}

impl Request for Sample<'_> {
    #[inline]
    fn variable(&mut self, id: VariableId, _: &Variable, out: &mut Vec<u8>) -> bool {
        match self.known[id.0 as usize] {
            ValueSource::Address => out.extend_from_slice(&self.text),
            ValueSource::Port => write_number(u32::from(self.port), out),
            ValueSource::BinaryAddress => match self.address {
                IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
                IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
            },
            ValueSource::Logged(position) => {
                return self.line.is_some_and(|l| l.format.value(l.text, &self.fields[position], out));
            }
            ValueSource::OfRequest(part, position) => return self.part(part, position, out),
            ValueSource::Capture => {
                let Some((_, value)) = self.named.iter().find(|(named, _)| *named == id) else {
                    return false;
                };
                out.extend_from_slice(value);
            }
            ValueSource::Nothing => return false,
        }
        true
    }

    fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool {
        let Some(text) = self.captures.get(usize::from(group)) else { return false };
        out.extend_from_slice(text);
        true
    }

    fn set_captures(&mut self, captures: Captures) {
        for (id, value) in captures.named() {
            self.named.retain(|(named, _)| *named != id);
            self.named.push((id, value.into()));
        }
        self.captures = captures;
    }
}
