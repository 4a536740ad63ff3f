//! Upstreams on loopback that answer what the case states, and keep what they got.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{fastcgi, tls};
use crate::simulate::facts::Response;

/// Longest silence of a connection.
const LIMIT: Duration = Duration::from_secs(10);
/// Longest head or body that is read.
const MAX_MESSAGE: usize = 16 << 20;

/// Answers of the stubs, and the requests that they got.
#[derive(Clone, Debug, Default)]
pub(super) struct Stubs {
    state: Arc<Mutex<State>>,
    /// For connections that begin with TLS.
    tls: Option<tls::Acceptor>,
}

#[derive(Debug, Default)]
struct State {
    answer: Response,
    /// Position of the upstream, and the head of the request; empty for FastCGI.
    got: Vec<(usize, Vec<u8>)>,
}

/// First byte of TLS: the type of a record of a handshake.
const HANDSHAKE: u8 = 0x16;

impl Stubs {
    /// Stubs that take TLS too.
    pub(super) fn with_tls(acceptor: tls::Acceptor) -> Self {
        Self { tls: Some(acceptor), ..Self::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A stub that panicked has changed nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the answers from now on; requests got before are forgotten.
    pub(super) fn answer(&self, answer: Response) {
        *self.state() = State { answer, got: Vec::new() };
    }

    /// The last request: the position of its upstream, and its head.
    pub(super) fn got(&self) -> Option<(usize, Vec<u8>)> {
        self.state().got.last().cloned()
    }

    /// Answers on a listener until the program ends.
    pub(super) fn serve(&self, upstream: usize, listener: TcpListener) {
        let stubs = self.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let stubs = stubs.clone();
                std::thread::spawn(move || {
                    // A connection that the server breaks off is its business.
                    let _ = stubs.connection(upstream, &mut stream);
                });
            }
        });
    }

    fn connection(&self, upstream: usize, stream: &mut TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(LIMIT))?;
        let mut first = [0];
        stream.peek(&mut first)?;
        match &self.tls {
            Some(acceptor) if first == [HANDSHAKE] => {
                acceptor.accept(stream, |stream| self.one(upstream, stream))
            }
            _ => self.one(upstream, stream),
        }
    }

    fn one(&self, upstream: usize, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let mut first = [0];
        stream.read_exact(&mut first)?;
        let is_fastcgi = first == [fastcgi::VERSION];
        let head = if is_fastcgi {
            fastcgi::skip_request(stream)?;
            Vec::new()
        } else {
            request(first[0], stream)?
        };
        let answer = {
            let mut state = self.state();
            state.got.push((upstream, head.clone()));
            state.answer.clone()
        };
        if is_fastcgi {
            return fastcgi::respond(stream, &answer);
        }
        let mut text = format!("HTTP/1.1 {} Stated\r\nConnection: close\r\n", answer.status).into_bytes();
        for (name, value) in &answer.headers {
            text.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        let has_length = answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
        if !has_length && !matches!(answer.status, 204 | 304) {
            text.extend(b"Content-Length: 0\r\n");
        }
        text.extend(b"\r\n");
        stream.write_all(&text)
    }
}

/// The head of a request, whose body is read and dropped.
fn request(first: u8, stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut text = vec![first];
    let end = loop {
        if let Some(end) = memchr::memmem::find(&text, b"\r\n\r\n") {
            break end;
        }
        more(stream, &mut text)?;
    };
    let mut rest = text.split_off(end + 4);
    let length =
        header(&text, "Content-Length").and_then(|n| std::str::from_utf8(n).ok()?.trim().parse().ok());
    let is_chunked = header(&text, "Transfer-Encoding").is_some();
    loop {
        let is_whole = match length {
            Some(length) => rest.len() >= length,
            None => !is_chunked || rest.ends_with(b"0\r\n\r\n"),
        };
        if is_whole {
            return Ok(text);
        }
        more(stream, &mut rest)?;
    }
}

fn more(stream: &mut impl Read, text: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 16 << 10];
    let count = stream.read(&mut chunk)?;
    if count == 0 || text.len() > MAX_MESSAGE {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    text.extend_from_slice(&chunk[..count]);
    Ok(())
}

/// Value of a header of a message.
pub(super) fn header<'h>(head: &'h [u8], name: &str) -> Option<&'h [u8]> {
    lines(head).find(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
}

/// Header lines of a message.
pub(super) fn lines(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = head.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii_end);
    lines.filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        Some((&line[..colon], line[colon + 1..].trim_ascii_start()))
    })
}
