// A FastCGI server, written from the specification and not from the program.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A request that a FastCGI server got.
pub(crate) struct Request {
    pub(crate) params: Vec<(String, String)>,
    pub(crate) stdin: Vec<u8>,
    /// The connection is to be kept.
    pub(crate) keep_conn: bool,
}

impl Request {
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// A server that answers each request with the bytes that `respond` makes.
    pub(crate) fn new(respond: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (respond, counted) = (Arc::new(respond), Arc::clone(&connections));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let respond = Arc::clone(&respond);
                std::thread::spawn(move || serve(stream, &*respond));
            }
        });
        Self { address, connections }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, respond: &dyn Fn(&Request) -> Vec<u8>) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    while let Some(request) = request(&mut stream) {
        if stream.write_all(&respond(&request)).is_err() || !request.keep_conn {
            return;
        }
    }
}

/// Type and content of the next record.
fn next(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 8];
    stream.read_exact(&mut head).ok()?;
    assert_eq!((head[0], head[2], head[3]), (1, 0, 1), "version and number of the request");
    let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
    let mut content = vec![0; length + usize::from(head[6])];
    stream.read_exact(&mut content).ok()?;
    content.truncate(length);
    Some((head[1], content))
}

fn request(stream: &mut TcpStream) -> Option<Request> {
    let (kind, begin) = next(stream)?;
    assert_eq!((kind, &begin[..2]), (1, &[0, 1][..]), "begins, as a responder");
    let mut request = Request { params: Vec::new(), stdin: Vec::new(), keep_conn: begin[2] & 1 == 1 };
    let (mut params, mut has_params) = (Vec::new(), false);
    loop {
        match next(stream)? {
            (4, content) if content.is_empty() => has_params = true,
            (4, content) => params.extend(content),
            (5, content) if content.is_empty() => break,
            (5, content) => request.stdin.extend(content),
            (kind, _) => panic!("a record of type {kind}"),
        }
    }
    assert!(has_params, "parameters have an end");
    let mut rest = &params[..];
    while !rest.is_empty() {
        let (name, value) = (length(&mut rest), length(&mut rest));
        let (pair, after) = rest.split_at(name + value);
        let (name, value) = pair.split_at(name);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        request.params.push((text(name), text(value)));
        rest = after;
    }
    Some(request)
}

fn length(rest: &mut &[u8]) -> usize {
    let long = rest[0] & 0x80 != 0;
    let (bytes, after) = rest.split_at(if long { 4 } else { 1 });
    *rest = after;
    bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)) & 0x7fff_ffff
}

/// A record without padding.
pub(crate) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[1, kind, 0, 1, length[0], length[1], 0, 0], content].concat()
}

/// An answer as a whole.
pub(crate) fn answer(text: &str) -> Vec<u8> {
    [record(6, text.as_bytes()), record(6, b""), record(3, &[0; 8])].concat()
}
