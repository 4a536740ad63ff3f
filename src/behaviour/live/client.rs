//! The client: one request on a connection of its own, and its response.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::stub;
use super::tls;
use crate::simulate::imagined::DescribedRequest;

/// Longest wait for a response.
const LIMIT: Duration = Duration::from_secs(10);
/// Longest response that is read.
const MAX_RESPONSE: u64 = 16 << 20;

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    /// Status line and header lines; empty: the server closed the connection without a response.
    pub(super) head: Vec<u8>,
    /// The body, chunks joined.
    pub(super) body: Vec<u8>,
}

/// Trait of both kinds of connections.
trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// Sends a request to a port on loopback; `announced` is the client that the PROXY protocol announces.
pub(super) fn ask(
    asked: &DescribedRequest,
    port: u16,
    announced: Option<IpAddr>,
    authorization: Option<&str>,
) -> io::Result<Response> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    if let Some(client) = announced {
        let (family, own) = if client.is_ipv4() { ("TCP4", "127.0.0.1") } else { ("TCP6", "::1") };
        stream.write_all(format!("PROXY {family} {client} {own} 40000 {port}\r\n").as_bytes())?;
    }
    if asked.scheme == "https" {
        let name = String::from_utf8_lossy(&asked.name).into_owned();
        exchange(&mut tls::connect(&name, stream)?, asked, authorization)
    } else {
        exchange(&mut stream, asked, authorization)
    }
}

fn exchange(
    stream: &mut dyn Stream,
    asked: &DescribedRequest,
    authorization: Option<&str>,
) -> io::Result<Response> {
    // A broken pipe may be the server's answer to a body that is too large.
    let sent = stream.write_all(&request(asked, authorization)).and_then(|()| stream.flush());
    let mut all = Vec::new();
    let head = loop {
        if let Some(end) = memchr::memmem::find(&all, b"\r\n\r\n") {
            // `100 Continue` comes before the response.
            if all.starts_with(b"HTTP/1.1 100") {
                all.drain(..end + 4);
                continue;
            }
            break end + 4;
        }
        if !more(stream, &mut all)? {
            sent?;
            return Ok(Response { head: Vec::new(), body: Vec::new() });
        }
    };
    let mut body = all.split_off(head);
    let status = all.get(9..12).unwrap_or_default();
    let is_bare = asked.method == "HEAD" || status == b"204" || status == b"304";
    if is_bare {
        return Ok(Response { head: all, body: Vec::new() });
    }
    let number = |value: &[u8]| std::str::from_utf8(value).ok()?.trim().parse::<usize>().ok();
    let length = stub::header(&all, "Content-Length").and_then(number);
    let is_chunked = stub::header(&all, "Transfer-Encoding").is_some();
    loop {
        let is_whole = match length {
            Some(length) => body.len() >= length,
            None => is_chunked && body.ends_with(b"0\r\n\r\n"),
        };
        if is_whole || !more(stream, &mut body)? {
            break;
        }
    }
    if is_chunked {
        body = joined(&body);
    }
    Ok(Response { head: all, body })
}

/// Reads more; false at the end of the connection.
fn more(stream: &mut dyn Stream, all: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 16 << 10];
    match stream.read(&mut chunk) {
        Ok(count) if all.len() as u64 <= MAX_RESPONSE => {
            all.extend_from_slice(&chunk[..count]);
            Ok(count > 0)
        }
        Ok(_) => Err(io::Error::other("the response is longer than 16 MiB")),
        // The server has closed the connection with a part of the request unread.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The request as bytes.
fn request(asked: &DescribedRequest, authorization: Option<&str>) -> Vec<u8> {
    // Without a host HTTP/1.1 is refused before a server is chosen.
    let protocol = if asked.host.is_empty() { "HTTP/1.0" } else { &asked.protocol };
    let mut text = Vec::new();
    text.extend([asked.method.as_bytes(), b" ", &asked.target, b" ", protocol.as_bytes(), b"\r\n"].concat());
    let mut line = |name: &[u8], value: &[u8]| text.extend([name, b": ", value, b"\r\n"].concat());
    if !asked.host.is_empty() {
        line(b"Host", &asked.host);
    }
    for (name, value) in &asked.headers {
        line(name.as_bytes(), value);
    }
    if let Some(value) = authorization {
        line(b"Authorization", value.as_bytes());
    }
    let body = asked.facts.as_ref().and_then(|facts| facts.body);
    if let Some(length) = body {
        line(b"Content-Length", length.to_string().as_bytes());
    }
    text.extend(b"\r\n");
    text.resize(text.len() + body.unwrap_or_default() as usize, b'x');
    text
}

/// Chunks without their lengths.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = memchr::memmem::find(body, b"\r\n") {
        let digits = std::str::from_utf8(&body[..end]).unwrap_or_default();
        let length = usize::from_str_radix(digits.split(';').next().unwrap_or_default().trim(), 16);
        let Some(chunk) = length.ok().filter(|n| *n > 0).and_then(|n| body.get(end + 2..end + 2 + n)) else {
            break;
        };
        out.extend_from_slice(chunk);
        body = body.get(end + 2 + chunk.len() + 2..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined() {
        assert_eq!(joined(b"2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n"), b"abcde");
        assert_eq!(joined(b"zz\r\nab"), b"");
    }
}
