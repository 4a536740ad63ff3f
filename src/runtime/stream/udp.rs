//! Sessions of UDP: the datagrams of one client (`ngx_event_udp.c`).

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::datagrams::{self, LONGEST};
use super::{phases, udp_proxy};
use crate::model::StreamHandler;
use crate::model::log::Severity;
use crate::runtime::net::clock;
use crate::runtime::net::log::errno;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::tls::ClientTls;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::session::Session;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;

/// Datagrams of a client that wait for its session; those beyond are lost, as in a full socket.
const MOST_WAITING: usize = 1024;

/// The number of a session's connection, and what counts it until it is dropped.
pub(crate) type Guard = (u64, Box<dyn Any>);

/// Client, and the address that it has sent to.
type Key = (SocketAddr, Option<IpAddr>);

/// A session that waits for datagrams.
struct Waiting {
    number: u64,
    sender: Sender<Vec<u8>>,
    /// Datagrams that it still takes (`proxy_requests`); `None`: any number.
    left: Option<u32>,
}

/// A socket for datagrams with its sessions.
pub(crate) struct Listener {
    socket: UdpSocket,
    sessions: RefCell<HashMap<Key, Waiting>>,
}

impl Listener {
    /// Puts a socket into the event loop that runs.
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        Ok(Self { socket: UdpSocket::from_std(socket)?, sessions: RefCell::default() })
    }
}

/// The client's side of a session of UDP.
pub(super) struct Peer {
    listener: Rc<Listener>,
    key: Key,
    number: u64,
    /// Datagrams of the client after the first.
    pub(super) datagrams: Receiver<Vec<u8>>,
}

impl Peer {
    /// Sends a datagram to the client.
    ///
    /// # Errors
    /// Those of `sendmsg`.
    pub(super) async fn send(&self, data: &[u8]) -> io::Result<usize> {
        let (to, from) = self.key;
        let socket = &self.listener.socket;
        socket.async_io(Interest::WRITABLE, || datagrams::send(socket, data, to, from)).await
    }
}

impl Drop for Peer {
    /// The next datagram of the client begins a new session (`ngx_delete_udp_connection`).
    fn drop(&mut self) {
        let mut sessions = self.listener.sessions.borrow_mut();
        if sessions.get(&self.key).is_some_and(|session| session.number == self.number) {
            sessions.remove(&self.key);
        }
    }
}

impl Listener {
    /// Gives a datagram to its session; the datagram if there is none.
    fn give(&self, key: &Key, data: Vec<u8>) -> Option<Vec<u8>> {
        let mut sessions = self.sessions.borrow_mut();
        let Some(session) = sessions.get_mut(key) else { return Some(data) };
        // A session that cannot keep up loses datagrams.
        let _ = session.sender.try_send(data);
        if let Some(left) = &mut session.left {
            *left -= 1;
            if *left == 0 {
                sessions.remove(key);
            }
        }
        None
    }
}

/// Receives datagrams for a worker until the task is stopped; `socket` is the position in the router's sockets.
pub(crate) async fn receive(
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    socket: usize,
    open: fn(&Rc<Worker>) -> Guard,
) {
    let mut room = vec![0; LONGEST];
    loop {
        let udp = &listener.socket;
        let received = udp.async_io(Interest::READABLE, || datagrams::receive(udp, &mut room)).await;
        let (length, from, to) = match received {
            Ok(received) => received,
            Err(error) => {
                worker.error_log.write(Severity::Alert, None, &format!("recvmsg() failed{}", errno(&error)));
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Some(from) = from else { continue };
        let key = (from, to);
        let Some(data) = listener.give(&key, room[..length].to_vec()) else { continue };
        let limit = worker.config.core.worker_connections.value as usize;
        if limit > 0 && worker.open.get() >= limit {
            let message = format!("{limit} worker_connections are not enough");
            worker.error_log.write(Severity::Alert, None, &message);
            continue;
        }
        worker.tally.accepted.up();
        worker.tally.handled.up();
        let local = to.or_else(|| udp.local_addr().ok().map(|a| a.ip()));
        let port = udp.local_addr().map_or(0, |a| a.port());
        let (number, guard) = open(&worker);
        let (sender, datagrams) = channel(MOST_WAITING);
        let address = worker.router.address(socket, || local);
        let server = worker.router.listen(address).default_server;
        let left = match worker.sessions[server.0 as usize].settings.proxy_requests.value {
            0 => None,
            most => Some(most - 1),
        };
        if left != Some(0) {
            listener.sessions.borrow_mut().insert(key, Waiting { number, sender, left });
        }
        let peer = Peer { listener: Rc::clone(&listener), key, number, datagrams };
        let client = Client {
            number,
            remote: Some(from),
            local: local.map(|ip| SocketAddr::new(ip, port)),
            address,
            requests: 0,
            side: ClientTls::Plain,
            proxied: None,
            opened: clock::instant(),
        };
        tokio::task::spawn_local(serve(Rc::clone(&worker), client, peer, data, guard));
    }
}

/// Serves a session until it ends.
async fn serve(worker: Rc<Worker>, client: Client, peer: Peer, first: Vec<u8>, guard: Box<dyn Any>) {
    let timer = worker.timers.timer();
    let session = Session { is_udp: true, received: first.len() as u64, ..Session::default() };
    let mut c = Connection::new(worker, client, Stream::Absent, timer);
    let mut r = phases::begin(&c, session);
    let status = match phases::admit(&mut c, &mut r).await {
        Some(status) => status,
        None => content(&mut c, &mut r, peer, first).await,
    };
    phases::end(&c, &mut r, status);
    drop(guard);
}

async fn content(c: &mut Connection, r: &mut Request, peer: Peer, first: Vec<u8>) -> u16 {
    let worker = Rc::clone(&c.worker);
    match &worker.sessions[r.server.0 as usize].handler {
        Some(StreamHandler::Return(value, _)) => {
            let mut text = Vec::new();
            c.scope(r).evaluate(value, &mut text);
            match peer.send(&text).await {
                Ok(n) => {
                    if let Some(session) = &mut r.session {
                        session.sent += n as u64;
                    }
                    200
                }
                Err(_) => 500,
            }
        }
        Some(StreamHandler::Pass(..)) => {
            let message = "cannot pass udp connection";
            c.scope(r).log(Severity::Error, message, " while passing connection to port");
            500
        }
        Some(StreamHandler::Proxy(target, _)) => udp_proxy::pass(c, r, target, peer, first).await,
        None => 500,
    }
}
