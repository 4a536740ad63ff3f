//! The little server behind `--metrics` and `ngxc serve`: a few paths, a thread a connection, a few at once.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use crate::cli::{Failure, note};

/// The port if none is named.
const PORT: u16 = 9145;
/// Longest request; browsers and scrapers send a few hundred bytes.
const MOST: usize = 8 << 10;
/// Time for a request and for its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; more are closed.
const MOST_AT_ONCE: usize = 16;

/// The page loads nothing from other hosts.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `127.0.0.1:9145`, `127.0.0.1`, `[::1]:9145`, `localhost:9145` or `9145`.
pub(in crate::cli) fn parse_place(text: &str) -> Result<SocketAddr, String> {
    let named = text.replacen("localhost", "127.0.0.1", 1);
    let text = if text.starts_with("localhost") { named.as_str() } else { text };
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    text.strip_prefix(':')
        .unwrap_or(text)
        .parse()
        .map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
        .map_err(|_| {
            "expected an address, a port or both, for example `127.0.0.1:9145`, `9145` or `[::1]`".to_owned()
        })
}

/// The types of bodies.
pub(in crate::cli) const HTML: &str = "text/html; charset=utf-8";
pub(in crate::cli) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
pub(in crate::cli) const JSON: &str = "application/json";

/// Pages that a metrics server offers.
pub(in crate::cli) trait Site: Send + Sync + 'static {
    /// The paths that there are, for those who ask for another.
    const PATHS: &'static str;

    /// Longest body of a request, in bytes.
    const MOST_BODY: usize = 0;

    /// The type and body of a path; `None`: there is no such path.
    fn get(&self, path: &str) -> Option<(&'static str, String)>;

    /// The same for a POST with a body.
    fn post(&self, _path: &str, _body: &[u8]) -> Option<(&'static str, String)> {
        None
    }

    /// True if a request with these `Host` and `Origin` headers may be answered.
    fn admits(&self, _host: Option<&str>, _origin: Option<&str>) -> bool {
        true
    }
}

struct Server<S> {
    site: S,
    open: AtomicUsize,
}

/// Listens and serves as long as the process lives; where it does.
pub(in crate::cli) fn serve(place: SocketAddr, site: impl Site) -> Result<SocketAddr, Failure> {
    let (listener, address) = bind(place)?;
    serve_on(listener, site)
        .map_err(|e| Failure::new(format!("`--metrics {place}`: no thread for it: {e}")))?;
    Ok(address)
}

/// Listens; also where it does.
pub(in crate::cli) fn bind(place: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |e: io::Error| {
        Failure::new(format!("`--metrics {place}` on the command line: bind() to {place} failed: {e}"))
            .help("name another port, or port 0 for one that is free")
    };
    let listener = TcpListener::bind(place).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    if !address.ip().is_loopback() {
        note(&format!(
            "metrics: anybody who reaches {address} can read addresses and counts; nothing can be changed"
        ));
    }
    Ok((listener, address))
}

/// Serves on a socket as long as the process lives.
///
/// # Errors
/// There is no thread for it.
pub(in crate::cli) fn serve_on(listener: TcpListener, site: impl Site) -> io::Result<()> {
    let server = Arc::new(Server { site, open: AtomicUsize::new(0) });
    let accept = move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                // No descriptors are left, say: do not spin.
                std::thread::sleep(Duration::from_millis(50));
                continue;
            };
            if server.open.fetch_add(1, SeqCst) >= MOST_AT_ONCE {
                server.open.fetch_sub(1, SeqCst);
                continue;
            }
            let own = Arc::clone(&server);
            let answer = move || {
                // The client may have closed the connection.
                let _ = own.answer(stream);
                own.open.fetch_sub(1, SeqCst);
            };
            if std::thread::Builder::new().name("metrics".to_owned()).spawn(answer).is_err() {
                server.open.fetch_sub(1, SeqCst);
            }
        }
    };
    std::thread::Builder::new().name("metrics".to_owned()).spawn(accept).map(|_| ())
}

impl<S: Site> Server<S> {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let (head, mut body) = read_head(&mut stream)?;
        let mut words = head.lines().next().unwrap_or_default().split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let length = field(&head, "content-length").map_or(Ok(0), str::parse::<usize>);
        let none = || ("404 Not Found", "text/plain", format!("there are {}\n", S::PATHS));
        let (status, kind, body) = match (method, length) {
            _ if !self.site.admits(field(&head, "host"), field(&head, "origin")) => {
                ("403 Forbidden", "text/plain", "the request comes from another site\n".to_owned())
            }
            ("GET" | "HEAD", _) => {
                self.site.get(path).map_or_else(none, |(kind, body)| ("200 OK", kind, body))
            }
            ("POST", Ok(length)) if length <= S::MOST_BODY && S::MOST_BODY > 0 => {
                read_body(&mut stream, &mut body, length)?;
                self.site.post(path, &body).map_or_else(none, |(kind, body)| ("200 OK", kind, body))
            }
            ("POST", _) if S::MOST_BODY > 0 => {
                ("413 Content Too Large", "text/plain", format!("at most {} bytes\n", S::MOST_BODY))
            }
            _ => ("405 Method Not Allowed", "text/plain", "only GET and HEAD\n".to_owned()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nContent-Security-Policy: {POLICY}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let body = if method == "HEAD" { "" } else { &body };
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all((head + body).as_bytes())
    }
}

/// Value of a field in the head of a request.
fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Reads the rest of a body, within the time for a request.
fn read_body(stream: &mut TcpStream, body: &mut Vec<u8>, length: usize) -> io::Result<()> {
    let begun = Instant::now();
    let mut piece = [0; 16 << 10];
    while body.len() < length {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => body.extend_from_slice(&piece[..n]),
        }
    }
    body.truncate(length);
    Ok(())
}

/// The head of a request, within bounds of size and time, and the beginning of its body.
fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let begun = Instant::now();
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    let end = loop {
        if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
            break end + 4;
        }
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() || head.len() > MOST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => head.extend_from_slice(&piece[..n]),
        }
    };
    let body = head.split_off(end);
    Ok((String::from_utf8_lossy(&head).into_owned(), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (text, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("10.0.0.1", "10.0.0.1:9145"),
            ("9200", "127.0.0.1:9200"),
            (":9200", "127.0.0.1:9200"),
            ("localhost", "127.0.0.1:9145"),
            ("localhost:80", "127.0.0.1:80"),
            ("[::1]", "[::1]:9145"),
            ("::1", "[::1]:9145"),
            ("[::1]:0", "[::1]:0"),
        ] {
            assert_eq!(parse_place(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "70000", "example.com:80", "1.2.3.4:x"] {
            assert!(parse_place(text).unwrap_err().contains("expected an address"), "{text}");
        }
    }
}
