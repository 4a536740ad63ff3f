//! Connections of TCP to peers: `proxy_bind`, `proxy_ssl`, the PROXY protocol (`ngx_stream_proxy_connect`).

use std::time::Instant;

use super::announce;
use super::proxy::{CONNECTING, r_settings};
use crate::model::ComplexValue;
use crate::model::log::Severity;
use crate::runtime::net::clock;
use crate::runtime::net::ledger::ConnectFailure;
use crate::runtime::net::log::errno;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;
use crate::runtime::upstream::peer::{self, Buffers, ConnectError, Local};
use crate::runtime::upstream::state::UpstreamState;
use crate::runtime::upstream::tls::{self, Names, Secure};

const SHAKING: &str = " while SSL handshaking to upstream";

/// Failure of a try.
pub(super) enum Failure {
    /// The session ends with this status; logged.
    Ended(u16),
    /// The next peer may be tried; logged.
    Peer,
}

/// The failure of `peer::connect`, logged and counted.
pub(super) fn refused(c: &Connection, r: &mut Request, error: &ConnectError) -> Failure {
    c.worker.outgoing.failed(error);
    match error {
        ConnectError::Local(what, error) => {
            c.scope(r).log(Severity::Crit, &format!("{what}{}", errno(error)), CONNECTING);
            Failure::Ended(500)
        }
        ConnectError::Connect(error) => {
            c.worker.next_connection();
            let severity = if peer::is_ordinary(error) { Severity::Error } else { Severity::Crit };
            let name = r.tries.last().map(|this| this.peer.clone()).unwrap_or_default();
            c.scope(r).log(severity, &format!("connect() to {name} failed{}", errno(error)), CONNECTING);
            Failure::Peer
        }
    }
}

/// A connection to a peer, and the PROXY header that has still to be sent.
pub(super) async fn tcp(
    c: &mut Connection,
    r: &mut Request,
    state: &UpstreamState,
    at: usize,
    local: Option<&Local>,
    started: Instant,
) -> Result<(Stream, Vec<u8>), Failure> {
    let worker = std::rc::Rc::clone(&c.worker);
    let own = &worker.sessions[r.server.0 as usize].settings;
    let (address, name) = &state.peers[at];
    let buffers = Buffers::of(&r_settings(c, r).pass);
    let stream = match peer::connect(address, local, buffers, &worker.outgoing) {
        Ok(stream) => stream,
        Err(error) => return Err(refused(c, r, &error)),
    };
    worker.next_connection();
    if r_settings(c, r).pass.socket_keepalive.value {
        stream.keepalive();
    }
    let timeout = r_settings(c, r).proxy.connect_timeout.value;
    let outgoing = &worker.outgoing;
    match c.timer.limit(timeout, |cx| stream.poll_write_ready(cx)).await {
        None => {
            outgoing.missed(ConnectFailure::TimedOut);
            let message = "upstream timed out (110: Connection timed out)";
            c.scope(r).log(Severity::Error, message, CONNECTING);
            return Err(Failure::Peer);
        }
        Some(ready) => {
            if let Some(error) = stream.take_error().or(ready.err()) {
                outgoing.missed(ConnectFailure::of(&error));
                let message = format!("connect() failed{}", errno(&error));
                c.scope(r).log(Severity::Error, &message, CONNECTING);
                return Err(Failure::Peer);
            }
        }
    }
    outgoing.opened(state.ledger.as_ref(), &stream, address);
    if own.tcp_nodelay.value {
        stream.no_delay();
    }
    let mut head = match own.proxy_protocol.value.0 {
        "on" => announce::version1(&c.client),
        "v2" => announce::version2(&c.client, false),
        _ => Vec::new(),
    };
    let mut stream = stream;
    if own.proxy_ssl.value {
        let header = std::mem::take(&mut head);
        if !header.is_empty() {
            match stream.try_write(&header) {
                Ok(n) if n == header.len() => {}
                Ok(_) => {
                    let message = "could not send PROXY protocol header at once";
                    c.scope(r).log(Severity::Error, message, CONNECTING);
                    return Err(Failure::Ended(500));
                }
                Err(_) => return Err(Failure::Ended(200)),
            }
        }
        let secure = secure(c, r, state).map_err(|message| {
            c.scope(r).log(Severity::Error, &message, SHAKING);
            Failure::Ended(500)
        })?;
        stream = match tls::connect(&c.timer, stream, &secure, timeout).await {
            Ok(stream) => stream,
            Err(tls::Failed::Message(message)) => {
                c.scope(r).log(Severity::Error, &message, SHAKING);
                return Err(Failure::Peer);
            }
            Err(tls::Failed::TimedOut) => {
                let message = "upstream timed out (110: Connection timed out)";
                c.scope(r).log(Severity::Error, message, SHAKING);
                return Err(Failure::Peer);
            }
        };
    }
    connected(c, r, stream.local(), name);
    if let Some(this) = r.tries.last_mut() {
        this.connect = Some(clock::since(started));
    }
    Ok((stream, head))
}

/// The line about a connection that is there.
pub(super) fn connected(c: &Connection, r: &Request, local: Option<std::net::SocketAddr>, peer: &str) {
    let log = &r.plan.error_log;
    if log.takes(Severity::Info) {
        let udp = if r.session.as_ref().is_some_and(|session| session.is_udp) { "udp " } else { "" };
        let local = local.map_or_else(|| "unix:".to_owned(), |a| a.to_string());
        log.write(Severity::Info, Some(c.client.number), &format!("{udp}proxy {local} connected to {peer}"));
    }
}

/// The TLS of the connection by `proxy_ssl_*`.
fn secure(c: &Connection, r: &mut Request, state: &UpstreamState) -> Result<Secure, String> {
    let settings = r_settings(c, r);
    let mut evaluated = |value: &ComplexValue| {
        let mut text = Vec::new();
        c.scope(r).evaluate(value, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    let certificate = evaluated(&settings.reuse.proxy_ssl_certificate.value);
    let certificate_key = evaluated(&settings.tls.proxy_certificate_key.value);
    let peer = &settings.reuse.proxy_ssl_name;
    let peer = match peer.origin.span() {
        Some(_) => evaluated(&peer.value),
        None => state.name.clone(),
    };
    let own = &c.worker.sessions[r.server.0 as usize].settings.proxy_ssl_alpn.value.0;
    let mut evaluated = |value: &ComplexValue| {
        let mut text = Vec::new();
        c.scope(r).evaluate(value, &mut text);
        text
    };
    let protocols = own.iter().map(&mut evaluated).filter(|text| (1..=255).contains(&text.len())).collect();
    let names = Names { certificate, certificate_key, peer };
    let secure = c.worker.tls.peers.secure(&c.worker.config, settings, &names)?;
    Ok(secure.offering(protocols))
}
