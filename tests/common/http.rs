// A backend that records what it gets, and a client: plain sockets, so that tests see bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

/// Connections and requests that a backend has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Accepted connections.
    pub(crate) connections: AtomicUsize,
    /// Source address and text of each request.
    pub(crate) requests: Mutex<Vec<(SocketAddr, String)>>,
}

pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

impl Backend {
    /// A backend that answers every request with `respond(request)`; an empty answer closes the connection, and so
    /// does one that says `Connection: close`.
    pub(crate) fn new(respond: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let respond = Arc::new(respond);
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, respond) = (Arc::clone(&shared), Arc::clone(&respond));
                std::thread::spawn(move || serve(stream, &seen, &*respond));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<(SocketAddr, String)> {
        self.seen.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Seen, respond: &dyn Fn(&str) -> String) {
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let peer = stream.peer_addr().unwrap();
    let mut buffer = Vec::new();
    loop {
        let Some(text) = message(&mut stream, &mut buffer) else { return };
        seen.requests.lock().unwrap().push((peer, text.clone()));
        let response = respond(&text);
        if stream.write_all(response.as_bytes()).is_err()
            || response.is_empty()
            || response.contains("Connection: close")
        {
            return;
        }
    }
}

/// Reads a message with the body that its Content-Length announces.
fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(buffer).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end].to_ascii_lowercase();
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
            let whole = end + 4 + length.map_or(0, |l| l.trim().parse().unwrap_or(0));
            if buffer.len() >= whole {
                let message = text[..whole].to_owned();
                buffer.drain(..whole);
                return Some(message);
            }
        }
        match stream.read(&mut chunk) {
            Ok(n) if n > 0 => buffer.extend_from_slice(&chunk[..n]),
            _ => return None,
        }
    }
}

/// Answers `ok` and keeps the connection if the request lets it.
pub(crate) fn polite(request: &str) -> String {
    let close =
        request.contains("HTTP/1.0\r\n") || request.to_ascii_lowercase().contains("connection: close");
    let connection = if close { "Connection: close\r\n" } else { "" };
    format!("HTTP/1.1 200 OK\r\n{connection}Content-Length: 2\r\n\r\nok")
}

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn new(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// The next response with the body its Content-Length announces.
    pub(crate) fn response(&mut self) -> String {
        message(&mut self.stream, &mut self.buffer).expect("a response")
    }

    /// Takes one response, whose body is as long as its head or its last chunk says.
    pub(crate) fn responded(&mut self) {
        let mut chunk = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&self.buffer).to_ascii_lowercase();
            let is_chunked = text.split("\r\n\r\n").next().is_some_and(|head| head.contains("chunked"));
            match text.find("\r\n0\r\n\r\n") {
                Some(end) if is_chunked => {
                    self.buffer.drain(..end + 7);
                    return;
                }
                _ if !is_chunked && text.contains("\r\n\r\n") => {
                    message(&mut self.stream, &mut self.buffer);
                    return;
                }
                _ => {}
            }
            match self.stream.read(&mut chunk) {
                Ok(n) if n > 0 => self.buffer.extend_from_slice(&chunk[..n]),
                _ => return,
            }
        }
    }

    /// Tells the server that nothing follows.
    pub(crate) fn end(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(mut self) -> String {
        let _ = self.stream.read_to_end(&mut self.buffer);
        String::from_utf8_lossy(&self.buffer).into_owned()
    }

    /// Sends a GET and returns the response.
    pub(crate) fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        self.response()
    }
}

/// One request on a connection of its own; everything that comes back.
pub(crate) fn once(to: SocketAddr, request: &str) -> String {
    let mut client = Client::new(to);
    client.send(request);
    client.rest()
}
