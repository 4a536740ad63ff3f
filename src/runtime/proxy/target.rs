//! `proxy_pass` with variables: where it leads this time (`ngx_http_proxy_eval`).

use std::net::SocketAddr;
use std::rc::Rc;

use crate::model::log::Severity;
use crate::model::{ComplexValue, Upstream};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::plan::fastcgi::{CgiPlan, Protocol};
use crate::runtime::request::state::Request;
use crate::runtime::upstream::dns::Failure;
use crate::runtime::upstream::peer::Address;
use crate::runtime::upstream::state::UpstreamState;

/// Form of a text that names an upstream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `http://…` or `https://…`
    Url,
    /// A peer and nothing else: a FastCGI server, and any peer of `stream`.
    Peer,
    /// The same behind `uwsgi://`, or without it.
    Uwsgi,
}

impl Form {
    /// The form of `…_pass`.
    pub(super) fn of(cgi: Option<&CgiPlan>) -> Self {
        match cgi {
            None => Form::Url,
            Some(cgi) if matches!(cgi.protocol, Protocol::Uwsgi { .. }) => Form::Uwsgi,
            Some(_) => Form::Peer,
        }
    }
}

pub(crate) type Target = (Rc<UpstreamState>, Option<Vec<u8>>, bool);

/// The upstream that a URL names, and the URI in it.
///
/// # Errors
/// The status of the answer, if there is none; logged.
pub(crate) async fn find(
    c: &mut Connection,
    r: &mut Request,
    value: &ComplexValue,
    form: Form,
) -> Result<Target, u16> {
    let mut url = Vec::new();
    c.scope(r).evaluate(value, &mut url);
    let has_only_peer = form != Form::Url;
    if form == Form::Uwsgi && url.starts_with(b"uwsgi://") {
        url.drain(..b"uwsgi://".len());
    }
    let shown = String::from_utf8_lossy(&url).into_owned();
    let (rest, is_tls) = match url.get(..7) {
        // There is nothing but the peer in it.
        _ if has_only_peer => (&url[..], false),
        Some(scheme) if scheme.eq_ignore_ascii_case(b"http://") => (&url[7..], false),
        _ if url.len() >= 8 && url[..8].eq_ignore_ascii_case(b"https://") => (&url[8..], true),
        _ => return refuse(c, r, format!("invalid URL prefix in \"{shown}\""), 500),
    };
    let default = match is_tls {
        _ if has_only_peer => 0,
        true => 443,
        false => 80,
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
        return refuse(c, r, format!("no host in upstream \"{shown}\""), 500);
    }
    let state = match known(c, &host, default) {
        Some(state) => state,
        None if has_only_peer && !is_unix && split(&host).1.is_none() => {
            return refuse(c, r, format!("no port in upstream \"{host}\""), 500);
        }
        None => match address(&host, is_unix, default) {
            Some((address, name)) => Rc::new(UpstreamState::of(name.clone(), vec![(address, name)])),
            None => resolved(c, r, &host, default).await?,
        },
    };
    if !has_only_peer {
        r.proxy_host.extend_from_slice(if is_unix { b"localhost" } else { host.as_bytes() });
    }
    Ok((state, uri, is_tls))
}

/// Logs why there is no upstream.
fn refuse(c: &Connection, r: &mut Request, message: impl AsRef<str>, status: u16) -> Result<Target, u16> {
    c.scope(r).log(Severity::Error, message.as_ref(), "");
    Err(status)
}

fn address(host: &str, is_unix: bool, default: u16) -> Option<(Address, String)> {
    if is_unix {
        return Some((Address::Unix(host[5..].into()), host.to_owned()));
    }
    let address = host.parse().or_else(|_| format!("{host}:{default}").parse());
    address.ok().map(|address: SocketAddr| (Address::Inet(address), address.to_string()))
}

/// An upstream of that name, or the one that another `proxy_pass` implies.
fn known(c: &Connection, host: &str, default: u16) -> Option<Rc<UpstreamState>> {
    let upstreams = &c.worker.config.http.upstreams;
    let (name, port) = split(host);
    let is_it = |upstream: &Upstream| {
        if !upstream.is_implicit() {
            return upstream.name.eq_ignore_ascii_case(host);
        }
        let (other, other_port) = split(&upstream.name);
        other.eq_ignore_ascii_case(name) && other_port.unwrap_or(80) == port.unwrap_or(default)
    };
    let at = upstreams.iter().position(is_it)?;
    Some(c.worker.upstreams.get(at))
}

/// Name and port.
fn split(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (host, None),
        },
        None => (host, None),
    }
}

/// Asks the resolver (`ngx_http_upstream_resolve_handler`).
async fn resolved(
    c: &mut Connection,
    r: &mut Request,
    host: &str,
    default: u16,
) -> Result<Rc<UpstreamState>, u16> {
    let plan = Rc::clone(&r.plan);
    let settings = &plan.limit;
    let (name, port) = split(host);
    if settings.resolver.value.servers.is_empty() {
        c.scope(r).log(Severity::Error, &format!("no resolver defined to resolve {name}"), "");
        return Err(502);
    }
    let worker = Rc::clone(&c.worker);
    let resolver = worker.resolver(&settings.resolver.value);
    let found = tokio::time::timeout(settings.resolver_timeout.value, resolver.resolve(name)).await;
    match found.unwrap_or(Err(Failure::TIMED_OUT)) {
        Ok(addresses) => {
            let port = port.unwrap_or(default);
            let peers = addresses.into_iter().map(|ip| {
                let address = SocketAddr::new(ip, port);
                (Address::Inet(address), address.to_string())
            });
            Ok(Rc::new(UpstreamState::of(host.to_owned(), peers.collect())))
        }
        Err(failure) => {
            let message = format!("{name} could not be resolved ({})", failure.text());
            c.scope(r).log(Severity::Error, &message, "");
            Err(502)
        }
    }
}
