//! Clients of nginx: so many at once, so many requests each, on connections that are kept.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// Load that clients put on nginx.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub clients: usize,
    pub requests: usize,
    pub method: &'static str,
    /// Bytes of the body of each request.
    pub body: usize,
    /// Between the requests of a client.
    pub pause: Duration,
}

/// Answers by status; 0: none.
pub type Answers = BTreeMap<u16, usize>;

/// Sends it and counts the answers.
pub fn send(address: &str, load: Load) -> Answers {
    let clients: Vec<_> = (0..load.clients)
        .map(|_| {
            let address = address.to_owned();
            thread::spawn(move || client(&address, load))
        })
        .collect();
    let mut all = Answers::new();
    for (status, count) in clients.into_iter().flat_map(|client| client.join().unwrap()) {
        *all.entry(status).or_default() += count;
    }
    all
}

fn client(address: &str, load: Load) -> Answers {
    let mut answers = Answers::new();
    let mut kept: Option<BufReader<TcpStream>> = None;
    for n in 0..load.requests {
        if n > 0 {
            thread::sleep(load.pause);
        }
        let Some(mut stream) = kept.take().or_else(|| connect(address)) else {
            *answers.entry(0).or_default() += 1;
            continue;
        };
        let status = exchange(&mut stream, load);
        *answers.entry(status.map_or(0, |(status, _)| status)).or_default() += 1;
        kept = status.filter(|(_, is_kept)| *is_kept).map(|_| stream);
    }
    answers
}

/// A connection; `None`: nobody listens.
fn connect(address: &str) -> Option<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    Some(BufReader::new(stream))
}

/// One request; its status, and whether the connection is kept.
fn exchange(stream: &mut BufReader<TcpStream>, load: Load) -> Option<(u16, bool)> {
    let Load { method, body, .. } = load;
    let head = format!("{method} / HTTP/1.1\r\nHost: example.com\r\nContent-Length: {body}\r\n\r\n");
    let request = head + &"x".repeat(body);
    stream.get_mut().write_all(request.as_bytes()).ok()?;
    let (mut status, mut length, mut is_kept) = (0, 0, true);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if line.starts_with("http/") {
            status = line.get(9..12)?.parse().ok()?;
        }
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.parse().ok()?;
        }
        is_kept &= line != "connection: close";
    }
    std::io::copy(&mut stream.take(length), &mut std::io::sink()).ok()?;
    Some((status, is_kept))
}
