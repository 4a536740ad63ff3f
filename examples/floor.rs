//! Least cost of forwarding: readiness, four system calls a request, nothing read and nothing decided.
//!
//! `floor PORT BACKEND`: each request on `PORT` becomes the same request to `BACKEND` on a kept connection, and what
//! comes back goes to the client as it is; a request for `/static` has a fixed answer. It believes that a request and
//! a response are one segment each. benches/proxy.py runs it beside nginx and `ngxc run`: what lies between the two
//! and this is what a proxy decides.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

const REQUEST: &[u8] = b"GET /1k HTTP/1.1\r\nHost: kept\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.31.5\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello";
/// The event of the listening socket.
const LISTENER: u64 = u64::MAX;

/// A connection of a client, or one to the backend with the client it works for.
enum Side {
    Client,
    Backend(Option<usize>),
}

struct Connections {
    all: Vec<(TcpStream, Side)>,
    /// Those to the backend that nobody uses.
    idle: Vec<usize>,
    epoll: Epoll,
}

impl Connections {
    fn add(&mut self, stream: TcpStream, side: Side) -> usize {
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        self.epoll.add(&stream, EpollEvent::new(flags, self.all.len() as u64)).unwrap();
        self.all.push((stream, side));
        self.all.len() - 1
    }

    fn forward(&mut self, at: usize, room: &mut [u8], backend: u16) {
        let read = match self.all[at].0.read(room) {
            Ok(n) if n > 0 => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // Closed; its place is not used again.
            _ => return self.epoll.delete(&self.all[at].0).unwrap_or(()),
        };
        match &mut self.all[at].1 {
            Side::Client if room.starts_with(b"GET /static") => self.send(at, ANSWER),
            Side::Client => {
                let peer = self.idle.pop().unwrap_or_else(|| {
                    let stream = TcpStream::connect(("127.0.0.1", backend)).unwrap();
                    self.add(stream, Side::Backend(None))
                });
                self.all[peer].1 = Side::Backend(Some(at));
                self.send(peer, REQUEST);
            }
            Side::Backend(client) => {
                let Some(client) = client.take() else { return };
                self.idle.push(at);
                self.send(client, &room[..read]);
            }
        }
    }

    fn send(&mut self, to: usize, text: &[u8]) {
        // A read notices that the client is gone.
        let _ = self.all[to].0.write(text);
    }
}

fn main() {
    let ports: Vec<u16> = std::env::args().skip(1).map(|port| port.parse().unwrap()).collect();
    let listener = TcpListener::bind(("127.0.0.1", ports[0])).unwrap();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER)).unwrap();
    let mut connections = Connections { all: Vec::new(), idle: Vec::new(), epoll };
    let (mut events, mut room) = ([EpollEvent::empty(); 512], [0; 16 << 10]);
    loop {
        let count = connections.epoll.wait(&mut events, EpollTimeout::NONE).unwrap();
        for event in &events[..count] {
            match event.data() {
                LISTENER => {
                    let (stream, _) = listener.accept().unwrap();
                    connections.add(stream, Side::Client);
                }
                at => connections.forward(at as usize, &mut room, ports[1]),
            }
        }
    }
}
