//! `proxy_pass` for datagrams: `proxy_requests`, `proxy_responses`, `proxy_timeout` (`ngx_stream_proxy_process`).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{Interest, Ready};
use tokio::net::UdpSocket;

use super::datagrams::LONGEST;
use super::pipe::Rate;
use super::proxy::{Choice, DONE, finish_try, r_settings};
use super::udp::Peer;
use super::{announce, connect, relay};
use crate::model::log::Severity;
use crate::model::{StreamSettings, Target};
use crate::runtime::net::clock;
use crate::runtime::net::log::errno;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::peer;
use crate::runtime::request::state::Request;
use crate::runtime::upstream::balancer::Outcome;
use crate::runtime::upstream::peer::{Address, ConnectError, Local};

/// An event of a session.
enum Event {
    FromClient(Vec<u8>),
    FromUpstream(io::Result<usize>),
}

/// Counts of a session.
#[derive(Default)]
struct Counts {
    requests: u64,
    responses: u64,
}

impl Counts {
    /// True if all responses that `proxy_responses` expects have come.
    fn is_answered(&self, own: &StreamSettings) -> bool {
        own.proxy_responses.value.is_some_and(|n| self.responses >= u64::from(n) * self.requests)
    }
}

/// Passes datagrams on; returns the status that the session ends with.
pub(super) async fn pass(
    c: &mut Connection,
    r: &mut Request,
    target: &Target,
    peer: Peer,
    first: Vec<u8>,
) -> u16 {
    let mut choice = match Choice::new(c, r, target).await {
        Ok(choice) => choice,
        Err(status) => return status,
    };
    let bind = r_settings(c, r).proxy.bind.value.clone();
    let local = peer::local(&mut c.scope(r), &bind);
    loop {
        let started = clock::instant();
        let at = match choice.next(c, r) {
            Ok(at) => at,
            Err(status) => return status,
        };
        let (address, name) = choice.state.peers[at].clone();
        match open(&address, local.as_ref()) {
            Ok(upstream) => {
                c.worker.next_connection();
                if let (Some(ledger), Address::Inet(to)) = (&choice.state.ledger, &address) {
                    let from = upstream.local_addr().ok().map(|from| from.ip().to_canonical());
                    ledger.opened(from.map(|from| (from, *to)));
                }
                connect::connected(c, r, upstream.local_addr().ok(), &name);
                if let Some(this) = r.tries.last_mut() {
                    this.connect = Some(clock::since(started));
                }
                let (status, outcome) = exchange(c, r, peer, &upstream, first, started).await;
                finish_try(r, started);
                choice.give(c, r, outcome);
                return status;
            }
            Err(error) => match connect::refused(c, r, &error) {
                connect::Failure::Ended(status) => {
                    finish_try(r, started);
                    choice.give(c, r, DONE);
                    return status;
                }
                connect::Failure::Peer => {
                    finish_try(r, started);
                    if !choice.failed(c, r) {
                        return 502;
                    }
                }
            },
        }
    }
}

/// A connected socket (`ngx_event_connect_peer`).
fn open(address: &Address, local: Option<&Local>) -> Result<UdpSocket, ConnectError> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| ConnectError::Local(what, error)
    };
    let Address::Inet(address) = address else {
        return Err(ConnectError::Connect(io::ErrorKind::Unsupported.into()));
    };
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(*address), kind, None).map_err(failed("socket() failed"))?;
    if let Some(local) = local {
        if local.transparent {
            let set = match local.address {
                std::net::SocketAddr::V4(_) => socket.set_ip_transparent_v4(true),
                std::net::SocketAddr::V6(_) => socket.set_ip_transparent_v6(true),
            };
            set.map_err(failed("setsockopt(IP_TRANSPARENT) failed"))?;
        }
        let what = format!("bind({}) failed", local.name);
        socket.bind(&SockAddr::from(local.address)).map_err(failed(&what))?;
    }
    socket.connect(&SockAddr::from(*address)).map_err(ConnectError::Connect)?;
    UdpSocket::from_std(socket.into()).map_err(failed("epoll_ctl() failed"))
}

type Waiting<'s> = Pin<Box<dyn Future<Output = io::Result<Ready>> + 's>>;

/// Datagrams of an upstream, and errors of the socket: those are no event that a read waits for.
struct Answers<'s> {
    socket: &'s UdpSocket,
    ready: Option<Waiting<'s>>,
}

impl<'s> Answers<'s> {
    /// Ready with the length of a datagram, or an error.
    fn poll(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let socket = self.socket;
        loop {
            match socket.try_recv(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
            let failed = socket.try_io(Interest::ERROR, || match socket.take_error()? {
                Some(error) => Ok(error),
                None => Err(io::ErrorKind::WouldBlock.into()),
            });
            if let Ok(error) = failed {
                return Poll::Ready(Err(error));
            }
            let wait = || -> Waiting<'s> { Box::pin(socket.ready(Interest::READABLE | Interest::ERROR)) };
            let ready = self.ready.get_or_insert_with(wait);
            let ready = std::task::ready!(ready.as_mut().poll(cx));
            self.ready = None;
            ready?;
        }
    }
}

async fn exchange(
    c: &mut Connection,
    r: &mut Request,
    mut peer: Peer,
    upstream: &UdpSocket,
    first: Vec<u8>,
    started: Instant,
) -> (u16, Outcome) {
    let worker = Rc::clone(&c.worker);
    let own = &worker.sessions[r.server.0 as usize].settings;
    let mut up = Rate::new(relay::rate(c, r, &own.proxy_upload_rate.value));
    up.read = first.len() as u64;
    let mut down = Rate::new(relay::rate(c, r, &own.proxy_download_rate.value));
    let header = match own.proxy_protocol.value.0 {
        "on" => announce::version1(&c.client),
        "v2" => announce::version2(&c.client, true),
        _ => Vec::new(),
    };
    let mut counts = Counts::default();
    let mut answers = Answers { socket: upstream, ready: None };
    let mut room = vec![0; LONGEST];
    let mut next = Some(Event::FromClient([header, first].concat()));
    loop {
        let event = if let Some(event) = next.take() {
            event
        } else {
            let timers = &worker.timers;
            let timer = || timers.timer();
            let poll = |cx: &mut Context<'_>| {
                if up.is_free(cx, timer)
                    && let Poll::Ready(Some(data)) = peer.datagrams.poll_recv(cx)
                {
                    up.took(cx, data.len(), timer);
                    return Poll::Ready(Event::FromClient(data));
                }
                if down.is_free(cx, timer)
                    && let Poll::Ready(read) = answers.poll(cx, &mut room)
                {
                    down.took(cx, *read.as_ref().unwrap_or(&0), timer);
                    return Poll::Ready(Event::FromUpstream(read));
                }
                Poll::Pending
            };
            match c.timer.until_stop(own.proxy_timeout.value, poll).await {
                Some(event) => event,
                None => return timed_out(c, r, &counts, own),
            }
        };
        match event {
            Event::FromClient(data) => {
                if let Some(session) = r.session.as_deref_mut().filter(|_| counts.requests > 0) {
                    session.received += data.len() as u64;
                }
                counts.requests += 1;
                if !to_upstream(c, r, upstream, &data).await {
                    return (200, Outcome::Failed);
                }
            }
            Event::FromUpstream(read) => {
                counts.responses += 1;
                if let Some(this) = r.tries.last_mut() {
                    this.header.get_or_insert(clock::since(started));
                }
                match read {
                    Ok(n) if to_client(c, r, &peer, &room[..n]).await => {}
                    Ok(_) => return (200, DONE),
                    Err(error) => {
                        let message = format!("recv() failed{}", errno(&error));
                        let action = " while proxying and reading from upstream";
                        c.scope(r).log(Severity::Error, &message, action);
                        if counts.is_answered(own) {
                            done(c, r, &counts, "udp done");
                            return (200, Outcome::Failed);
                        }
                    }
                }
            }
        }
        // The listener has begun a new session after so many datagrams.
        if counts.requests < u64::from(own.proxy_requests.value) {
            continue;
        }
        if counts.is_answered(own) {
            done(c, r, &counts, "udp done");
            return (200, DONE);
        }
    }
}

/// False if the datagram could not be sent, which is logged.
async fn to_upstream(c: &Connection, r: &mut Request, upstream: &UdpSocket, data: &[u8]) -> bool {
    match upstream.send(data).await {
        Ok(n) => {
            if let Some(session) = &mut r.session {
                session.upstream_sent += n as u64;
            }
            true
        }
        Err(error) => {
            let message = format!("send() failed{}", errno(&error));
            c.scope(r).log(Severity::Error, &message, " while proxying and sending to upstream");
            false
        }
    }
}

/// The same for a datagram of the upstream.
async fn to_client(c: &Connection, r: &mut Request, peer: &Peer, data: &[u8]) -> bool {
    let sent = peer.send(data).await;
    if let Some(session) = &mut r.session {
        session.upstream_received += data.len() as u64;
        session.sent += *sent.as_ref().unwrap_or(&0) as u64;
    }
    if let Err(error) = &sent {
        let message = format!("sendmsg() failed{}", errno(error));
        c.scope(r).log(Severity::Info, &message, " while proxying and sending to client");
    }
    sent.is_ok()
}

fn timed_out(c: &Connection, r: &mut Request, counts: &Counts, own: &StreamSettings) -> (u16, Outcome) {
    if c.worker.is_stopping.get() {
        let log = &r.plan.error_log;
        log.write(Severity::Info, Some(c.client.number), "disconnected on shutdown");
        return (200, DONE);
    }
    if own.proxy_responses.value.is_none() || counts.is_answered(own) {
        done(c, r, counts, "udp timed out");
        return (200, DONE);
    }
    let message = "upstream timed out (110: Connection timed out)";
    c.scope(r).log(Severity::Error, message, " while proxying connection");
    (502, Outcome::Failed)
}

fn done(c: &Connection, r: &Request, counts: &Counts, what: &str) {
    let log = &r.plan.error_log;
    if log.takes(Severity::Info) {
        let bytes = r.session.as_ref().map(|session| session.counts()).unwrap_or_default();
        let (requests, responses) = (counts.requests, counts.responses);
        let line = format!("{what}, packets from/to client:{requests}/{responses}{bytes}");
        log.write(Severity::Info, Some(c.client.number), &line);
    }
}
