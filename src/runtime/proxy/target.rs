//! `proxy_pass` with variables: where it leads this time (`ngx_http_proxy_eval`).

use std::rc::Rc;

use crate::model::ComplexValue;
use crate::model::log::Severity;
use crate::runtime::connection::Connection;
use crate::runtime::peer::Address;
use crate::runtime::request::Request;
use crate::runtime::worker::UpstreamState;

type Found = (Rc<UpstreamState>, Option<Vec<u8>>);

/// The upstream that a URL names, and the URI in it.
///
/// # Errors
/// The status of the answer, if there is none; logged.
pub(super) fn find(c: &Connection, r: &mut Request, value: &ComplexValue) -> Result<Found, u16> {
    let mut url = Vec::new();
    c.scope(r).evaluate(value, &mut url);
    let mut refuse = |message: String, status| {
        c.scope(r).log(Severity::Error, &message, "");
        Err(status)
    };
    let shown = String::from_utf8_lossy(&url).into_owned();
    let rest = match url.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"http://") => &url[7..],
        _ if url.len() >= 8 && url[..8].eq_ignore_ascii_case(b"https://") => {
            return refuse("https protocol requires SSL support".to_owned(), 500);
        }
        _ => return refuse(format!("invalid URL prefix in \"{shown}\""), 500),
    };
    let is_unix = rest.starts_with(b"unix:");
    let end = if is_unix {
        memchr::memchr(b':', &rest[5..]).map(|at| at + 5)
    } else {
        rest.iter().position(|b| matches!(b, b'/' | b'?'))
    };
    let end = end.unwrap_or(rest.len());
    let host = String::from_utf8_lossy(&rest[..end]).into_owned();
    let mut uri = rest[end..].to_vec();
    if is_unix {
        uri.drain(..uri.len().min(1));
    }
    if uri.first() == Some(&b'?') {
        uri.insert(0, b'/');
    }
    let uri = (!uri.is_empty()).then_some(uri);
    if host.is_empty() {
        return refuse(format!("no host in upstream \"{shown}\""), 500);
    }
    let upstreams = &c.worker.config.http.upstreams;
    let known = upstreams.iter().position(|u| !u.is_implicit() && u.name.eq_ignore_ascii_case(&host));
    let state = match known {
        Some(at) => Rc::clone(&c.worker.upstreams[at]),
        None => match address(&host, is_unix) {
            Some((address, name)) => Rc::new(UpstreamState::single(name, address)),
            None => return refuse(format!("no resolver defined to resolve {host}"), 502),
        },
    };
    r.proxy_host.extend_from_slice(if is_unix { b"localhost" } else { host.as_bytes() });
    Ok((state, uri))
}

fn address(host: &str, is_unix: bool) -> Option<(Address, String)> {
    if is_unix {
        return Some((Address::Unix(host[5..].into()), host.to_owned()));
    }
    let address = host.parse().or_else(|_| format!("{host}:80").parse());
    address.ok().map(|address: std::net::SocketAddr| (Address::Inet(address), address.to_string()))
}
