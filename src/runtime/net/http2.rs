//! One request and its response as a stream of bytes: frames on one side, HTTP/1 on the other.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use h2_http::{HeaderMap, HeaderName, HeaderValue, Response};

use crate::runtime::net::http1::field::{self, Line};
use crate::runtime::net::stream::Stir;

/// At most this much becomes a frame at a time.
const PIECE: usize = 16 << 10;

/// The stream of a request.
#[derive(Debug)]
pub(crate) struct Http2 {
    body: RecvStream,
    /// The body has no length: chunks tell where it ends.
    is_framed: bool,
    is_head: bool,
    /// A piece of the body that was not read yet, and how long it was as a frame.
    piece: Bytes,
    taken: usize,
    has_ended: bool,
    out: RefCell<Out>,
}

#[derive(Debug)]
struct Out {
    respond: SendResponse<Bytes>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The head, as far as it was written.
    Head(Vec<u8>),
    /// The body: what is left of it, if that is known, and whether trailers follow.
    Body(SendStream<Bytes>, Option<u64>, bool),
    /// All has been said.
    Ended,
}

fn broken<T>(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ConnectionReset, error))
}

impl Http2 {
    pub(crate) fn new(
        body: RecvStream,
        respond: SendResponse<Bytes>,
        is_framed: bool,
        is_head: bool,
    ) -> Self {
        let out = RefCell::new(Out { respond, state: State::Head(Vec::new()) });
        Self { body, is_framed, is_head, piece: Bytes::new(), taken: 0, has_ended: false, out }
    }

    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        while self.piece.is_empty() {
            if self.taken > 0 {
                // The client may send as much again.
                let _ = self.body.flow_control().release_capacity(std::mem::take(&mut self.taken));
            }
            if self.has_ended {
                return Poll::Ready(Ok(0));
            }
            match ready!(self.body.poll_data(cx)) {
                Some(Ok(data)) => {
                    self.taken = data.len();
                    self.piece = match (self.is_framed, data.is_empty()) {
                        (false, _) | (_, true) => data,
                        (true, false) => {
                            let size = format!("{:x}\r\n", data.len());
                            [size.as_bytes(), &data, b"\r\n"].concat().into()
                        }
                    };
                }
                Some(Err(error)) => return Poll::Ready(broken(error)),
                None => {
                    self.has_ended = true;
                    if self.is_framed {
                        self.piece = Bytes::from_static(b"0\r\n\r\n");
                    }
                }
            }
        }
        let n = room.len().min(self.piece.len());
        room[..n].copy_from_slice(&self.piece[..n]);
        self.piece.advance(n);
        Poll::Ready(Ok(n))
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let out = self.out.get_mut();
        match &mut out.state {
            State::Ended => Poll::Ready(Ok(data.len())),
            State::Head(head) => {
                let before = head.len();
                head.extend_from_slice(data);
                let from = before.saturating_sub(3);
                let Some(end) = memchr::memmem::find(&head[from..], b"\r\n\r\n") else {
                    return Poll::Ready(Ok(data.len()));
                };
                let end = from + end + 4;
                head.truncate(end);
                let head = std::mem::take(head);
                match begin(&mut out.respond, &head, self.is_head) {
                    Ok(state) => out.state = state,
                    Err(error) => return Poll::Ready(broken(error)),
                }
                Poll::Ready(Ok(end - before))
            }
            State::Body(send, left, has_trailers) => {
                let most = left.map_or(PIECE, |left| usize::try_from(left).unwrap_or(PIECE)).min(PIECE);
                let want = data.len().min(most);
                if want == 0 {
                    return Poll::Ready(Ok(data.len()));
                }
                send.reserve_capacity(want);
                while send.capacity() == 0 {
                    match ready!(send.poll_capacity(cx)) {
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return Poll::Ready(broken(error)),
                        None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                    }
                }
                let n = want.min(send.capacity());
                if let Some(left) = left {
                    *left -= n as u64;
                }
                let is_last = *left == Some(0) && !*has_trailers;
                if let Err(error) = send.send_data(Bytes::copy_from_slice(&data[..n]), is_last) {
                    return Poll::Ready(broken(error));
                }
                if is_last {
                    out.state = State::Ended;
                }
                Poll::Ready(Ok(n))
            }
        }
    }

    /// Ready when the client does not want the response any more.
    pub(crate) fn poll_stir(&self, cx: &mut Context<'_>) -> Poll<Stir> {
        let mut out = self.out.borrow_mut();
        let reset = match &mut out.state {
            State::Head(_) => None,
            State::Body(send, ..) => Some(send.poll_reset(cx)),
            State::Ended => return Poll::Pending,
        };
        let reset = reset.unwrap_or_else(|| out.respond.poll_reset(cx));
        reset.map(|_| Stir::Closed)
    }

    /// Ends the response.
    pub(crate) fn finish(&mut self, trailers: &[u8]) {
        let out = self.out.get_mut();
        match &mut out.state {
            State::Ended => {}
            State::Body(send, None | Some(0), _) => {
                let trailers = fields(trailers);
                // If it fails there is nobody to tell.
                let _ = if trailers.is_empty() {
                    send.send_data(Bytes::new(), true)
                } else {
                    send.send_trailers(trailers)
                };
            }
            State::Head(_) | State::Body(..) => self.abort(),
        }
    }

    /// Tells the client that the response is not whole.
    pub(crate) fn abort(&mut self) {
        let out = self.out.get_mut();
        match &mut out.state {
            State::Ended => {}
            State::Head(_) => out.respond.send_reset(Reason::INTERNAL_ERROR),
            State::Body(send, ..) => send.send_reset(Reason::INTERNAL_ERROR),
        }
        out.state = State::Ended;
    }
}

/// Sends a head; a head of its own follows `1xx`.
fn begin(respond: &mut SendResponse<Bytes>, head: &[u8], is_head: bool) -> Result<State, h2::Error> {
    let line_end = memchr::memchr(b'\n', head).map_or(head.len(), |at| at + 1);
    let mut words = head[..line_end].trim_ascii_end().splitn(3, |b| *b == b' ').skip(1);
    let status = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse().ok()).unwrap_or(500u16);
    // `response::write` says so.
    let has_trailers = words.next() == Some(b"trailers");
    if status == 100 {
        return Ok(State::Head(Vec::new()));
    }
    let mut response = Response::new(());
    *response.status_mut() =
        h2_http::StatusCode::from_u16(status).unwrap_or(h2_http::StatusCode::BAD_GATEWAY);
    *response.headers_mut() = fields(&head[line_end..]);
    if status < 200 {
        respond.send_informational(response)?;
        return Ok(State::Head(Vec::new()));
    }
    let left = response.headers().get(h2_http::header::CONTENT_LENGTH);
    let left = left.and_then(|value| value.to_str().ok()?.parse().ok());
    let has_no_body = is_head || matches!(status, 204 | 304);
    if has_no_body || left == Some(0) && !has_trailers {
        respond.send_response(response, true)?;
        return Ok(State::Ended);
    }
    Ok(State::Body(respond.send_response(response, false)?, left, has_trailers))
}

/// Header lines; those that belong to a connection are left out.
fn fields(text: &[u8]) -> HeaderMap {
    const CONNECTION: &[&str] =
        &["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
    let mut map = HeaderMap::new();
    let mut position = 0;
    while let Line::Field { field, next, .. } = field::parse(text, position, true) {
        position = next;
        let name = HeaderName::from_bytes(field.name.of(text));
        let value = HeaderValue::from_bytes(field.value.of(text));
        if let (Ok(name), Ok(value)) = (name, value)
            && !CONNECTION.contains(&name.as_str())
        {
            map.append(name, value);
        }
    }
    map
}
