//! Sources of a variable's value, and the forms in which values are written.

use std::net::SocketAddr;
use std::time::Duration;

use crate::runtime::net::http1::field::{self, KnownHeader, Line};
use crate::runtime::net::text::{is_named, number, padded, put};
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::Request;

/// Appends the value of a variable; false if it has none.
pub(crate) type Get = fn(&mut Scope<'_>, &mut Vec<u8>) -> bool;

/// Getter of a variable whose name has a variable part (`http_NAME`).
pub(crate) type GetNamed = fn(&mut Scope<'_>, &str, &mut Vec<u8>) -> bool;

/// Source of a variable's value.
#[derive(Clone, Copy)]
pub(crate) enum Getter {
    /// By itself.
    Plain(Get),
    /// By what follows the prefix, of which the length is given.
    Named(usize, GetNamed),
}

impl Getter {
    /// Appends the value; false if there is none.
    pub(crate) fn get(self, scope: &mut Scope<'_>, name: &str, out: &mut Vec<u8>) -> bool {
        match self {
            Getter::Plain(get) => get(scope, out),
            Getter::Named(prefix, get) => get(scope, &name[prefix..], out),
        }
    }
}

pub(crate) fn text(out: &mut Vec<u8>, value: &[u8]) -> bool {
    out.extend_from_slice(value);
    true
}

pub(crate) fn display(out: &mut Vec<u8>, value: impl std::fmt::Display) -> bool {
    put(out, format_args!("{value}"));
    true
}

pub(crate) fn count(out: &mut Vec<u8>, n: impl Into<u64>) -> bool {
    number(out, n.into());
    true
}

pub(crate) fn seconds(out: &mut Vec<u8>, time: Duration) -> bool {
    number(out, time.as_secs());
    out.push(b'.');
    padded(out, u64::from(time.subsec_millis()), 3);
    true
}

pub(crate) fn time(time: Option<Duration>, out: &mut Vec<u8>) {
    match time {
        Some(time) => {
            seconds(out, time);
        }
        None => out.push(b'-'),
    }
}

pub(crate) fn address(address: Option<SocketAddr>, out: &mut Vec<u8>) -> bool {
    match address {
        Some(SocketAddr::V4(a)) => {
            for (i, octet) in a.ip().octets().into_iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                number(out, u64::from(octet));
            }
            true
        }
        Some(SocketAddr::V6(a)) => display(out, a.ip()),
        None => text(out, b"unix:"),
    }
}

pub(crate) fn known(s: &Scope<'_>, known: KnownHeader, out: &mut Vec<u8>) -> bool {
    s.request.head.value(known, s.request.buffer.all()).is_some_and(|value| text(out, value))
}

/// The values of all lines of a name of the request, joined.
pub(crate) fn joined(s: &Scope<'_>, name: &str, separator: &[u8], out: &mut Vec<u8>) -> bool {
    let buffer = s.request.buffer.all();
    let mut found = false;
    for field in s.request.head.fields.iter().filter(|f| is_named(f.name.of(buffer), name)) {
        if found {
            out.extend_from_slice(separator);
        }
        found = true;
        out.extend_from_slice(field.value.of(buffer));
    }
    found
}

pub(crate) fn all<'l>(values: impl Iterator<Item = &'l [u8]>, out: &mut Vec<u8>) -> bool {
    let mut found = false;
    for value in values {
        if std::mem::replace(&mut found, true) {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(value);
    }
    found
}

/// The same in a head that is kept as text.
pub(crate) fn lines(head: &[u8], name: &str, separator: &[u8], out: &mut Vec<u8>) -> bool {
    let mut position = memchr::memchr(b'\n', head).map_or(head.len(), |lf| lf + 1);
    let mut found = false;
    while let Line::Field { field, next, .. } = field::parse(head, position, true) {
        position = next;
        if is_named(field.name.of(head), name) {
            if found {
                out.extend_from_slice(separator);
            }
            found = true;
            out.extend_from_slice(field.value.of(head));
        }
    }
    found
}

/// `$arg_name`
pub(crate) fn argument(request: &Request, name: &str, out: &mut Vec<u8>) -> bool {
    let found = request.args.split(|b| *b == b'&').find_map(|pair| {
        let equals = pair.iter().position(|b| *b == b'=')?;
        pair[..equals].eq_ignore_ascii_case(name.as_bytes()).then(|| &pair[equals + 1..])
    });
    found.is_some_and(|value| text(out, value))
}
