//! One imagined request: what it knows, and what it cannot know.

use std::net::IpAddr;

use super::log::Entry;
use super::population::Error;
use crate::eval::inet::{write_ip, write_number};
use crate::eval::{Captures, Program, Request};
use crate::model::map::MapKey;
use crate::model::{ComplexValue, Variable, VariableId, VariableSource};

/// What a population knows of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// `$remote_addr`
    Address,
    /// `$binary_remote_addr`
    BinaryAddress,
    /// `$remote_port`
    Port,
    /// Any of the variables that a line of an access log in the format `combined` holds.
    Field(Field),
    /// A named group of a regular expression of a map.
    Capture,
}

/// What a line in the format `combined` holds beside the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "nginx's names")]
pub enum Field {
    RemoteUser,
    TimeLocal,
    Request,
    RequestMethod,
    RequestUri,
    Args,
    IsArgs,
    ServerProtocol,
    Status,
    BodyBytesSent,
    HttpReferer,
    HttpUserAgent,
}

const FIELDS: [(&str, Field); 13] = [
    ("remote_user", Field::RemoteUser),
    ("time_local", Field::TimeLocal),
    ("request", Field::Request),
    ("request_method", Field::RequestMethod),
    ("request_uri", Field::RequestUri),
    ("args", Field::Args),
    ("query_string", Field::Args),
    ("is_args", Field::IsArgs),
    ("server_protocol", Field::ServerProtocol),
    ("status", Field::Status),
    ("body_bytes_sent", Field::BodyBytesSent),
    ("http_referer", Field::HttpReferer),
    ("http_user_agent", Field::HttpUserAgent),
];

/// Which variables a population knows, by id.
///
/// # Errors
/// If `key` depends on a variable that it does not know.
pub fn knowledge(program: &Program, key: &ComplexValue, from_log: bool) -> Result<Box<[Known]>, Error> {
    let http = &program.config().http;
    let mut known = vec![Known::Nothing; http.variables.iter().len()];
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
                    known[id.0 as usize] = what_is(variable, from_log)
                        .ok_or_else(|| Error::Unknown { variable: variable.clone(), from_log })?;
                }
            }
        }
    }
    for id in captures {
        if !has_regex {
            return Err(Error::Unknown { variable: http.variables.get(id).clone(), from_log });
        }
        known[id.0 as usize] = Known::Capture;
    }
    Ok(known.into())
}

fn what_is(variable: &Variable, from_log: bool) -> Option<Known> {
    if variable.source != VariableSource::Builtin {
        return None;
    }
    match variable.name.as_str() {
        "remote_addr" => Some(Known::Address),
        "binary_remote_addr" => Some(Known::BinaryAddress),
        "remote_port" => Some(Known::Port),
        name if from_log => FIELDS.iter().find(|(n, _)| *n == name).map(|(_, field)| Known::Field(*field)),
        _ => None,
    }
}

/// Whether the key depends on the client's port.
pub fn uses_port(known: &[Known]) -> bool {
    known.contains(&Known::Port)
}

/// A request of a population.
#[derive(Debug)]
pub struct Sample<'k> {
    known: &'k [Known],
    address: IpAddr,
    text: Vec<u8>,
    /// The client's port.
    pub port: u16,
    /// The line it was read from.
    pub entry: Option<Entry>,
    captures: Captures,
    named: Vec<(VariableId, Box<[u8]>)>,
}

impl<'k> Sample<'k> {
    /// A request of which nothing is known yet.
    pub fn new(known: &'k [Known]) -> Self {
        Self {
            known,
            address: IpAddr::from([0, 0, 0, 0]),
            text: Vec::with_capacity(46),
            port: 0,
            entry: None,
            captures: Captures::default(),
            named: Vec::new(),
        }
    }

    /// Comes from this address.
    pub fn set_address(&mut self, address: IpAddr) {
        self.address = address;
        self.text.clear();
        write_ip(address, &mut self.text);
    }

    /// Comes from an address that is known as text only, `unix:` for example.
    pub fn set_address_text(&mut self, text: &[u8]) {
        let parsed = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
        if let Some(address) = parsed {
            self.address = address;
        }
        self.text.clear();
        self.text.extend_from_slice(text);
    }

    /// Forgets what an earlier request captured.
    pub fn reset(&mut self) {
        if !self.named.is_empty() || !self.captures.is_empty() {
            self.captures = Captures::default();
            self.named.clear();
        }
    }
}

impl Request for Sample<'_> {
    #[inline]
    fn variable(&mut self, id: VariableId, _: &Variable, out: &mut Vec<u8>) -> bool {
        match self.known[id.0 as usize] {
            Known::Address => out.extend_from_slice(&self.text),
            Known::Port => write_number(u32::from(self.port), out),
            Known::BinaryAddress => match self.address {
                IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
                IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
            },
            Known::Field(field) => return self.entry.as_ref().is_some_and(|e| e.write(field, out)),
            Known::Capture => {
                let Some((_, value)) = self.named.iter().find(|(named, _)| *named == id) else {
                    return false;
                };
                out.extend_from_slice(value);
            }
            Known::Nothing => return false,
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
