//! The demo's backend: answers every request with 200, and keeps the connection unless the request says `Connection: close`.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// `send()` waits for more before it sends a segment; closing sends what there is, with the end.
const MSG_MORE: i32 = 0x8000;

/// Counts its connections.
pub(super) struct Backend(Arc<AtomicU64>);

impl Backend {
    pub(super) fn connections(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Listens; its threads end with the program.
pub(super) fn start(ip: [u8; 4], port: u16) -> std::io::Result<Backend> {
    let listener = TcpListener::bind(SocketAddr::from((ip, port)))?;
    let count = Arc::new(AtomicU64::new(0));
    let own = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            own.fetch_add(1, Ordering::Relaxed);
            // A connection that breaks is the proxy's business.
            std::thread::spawn(move || drop(serve(&stream)));
        }
    });
    Ok(Backend(count))
}

fn serve(stream: &TcpStream) -> std::io::Result<()> {
    let mut input = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let (mut close, mut first) = (false, true);
        loop {
            line.clear();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if first {
                close = line.trim_end().ends_with("HTTP/1.0");
                first = false;
            }
            if line.to_ascii_lowercase().starts_with("connection: close") {
                close = true;
            }
            if line == "\r\n" {
                break;
            }
        }
        let connection = if close { "close" } else { "keep-alive" };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: {connection}\r\n\r\nok\n");
        if close {
            // Answer and end in one segment, so that this side is the first to close: with two it is a race.
            socket2::SockRef::from(stream).send_with_flags(answer.as_bytes(), MSG_MORE)?;
            return Ok(());
        }
        (&mut &*stream).write_all(answer.as_bytes())?;
    }
}
