//! One request and its response: bodies as streams of bytes, heads as they are.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use h2_http::HeaderMap;

use crate::runtime::net::http2::head::ResponseHead;
use crate::runtime::net::stream::IdleEvent;

/// At most this much becomes a frame at a time.
const PIECE: usize = 16 << 10;

/// The stream of a request.
#[derive(Debug)]
pub(crate) struct Http2 {
    body: RecvStream,
    /// The body has no length: chunks tell where it ends.
    is_framed: bool,
    /// A piece of the body that was not read yet, and how long it was as a frame.
    piece: Bytes,
    taken: usize,
    has_ended: bool,
    out: RefCell<Out>,
}

#[derive(Debug)]
struct Out {
    respond: SendResponse<Bytes>,
    state: ResponseState,
}

#[derive(Debug)]
enum ResponseState {
    /// The head has not been sent.
    Head,
    /// The body: what is left of it, if that is known, and whether trailers follow.
    Body(SendStream<Bytes>, Option<u64>, bool),
    /// All has been said.
    Ended,
}

fn broken(error: h2::Error) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}

impl Http2 {
    pub(crate) fn new(body: RecvStream, respond: SendResponse<Bytes>, is_framed: bool) -> Self {
        let out = RefCell::new(Out { respond, state: ResponseState::Head });
        Self { body, is_framed, piece: Bytes::new(), taken: 0, has_ended: false, out }
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
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
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
            ResponseState::Ended => Poll::Ready(Ok(data.len())),
            ResponseState::Head => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            ResponseState::Body(send, left, has_trailers) => {
                let most = left.map_or(PIECE, |left| usize::try_from(left).unwrap_or(PIECE)).min(PIECE);
                let want = data.len().min(most);
                if want == 0 {
                    return Poll::Ready(Ok(data.len()));
                }
                send.reserve_capacity(want);
                while send.capacity() == 0 {
                    match ready!(send.poll_capacity(cx)) {
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                        None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                    }
                }
                let n = want.min(send.capacity());
                if let Some(left) = left {
                    *left -= n as u64;
                }
                let is_last = *left == Some(0) && !*has_trailers;
                if let Err(error) = send.send_data(Bytes::copy_from_slice(&data[..n]), is_last) {
                    return Poll::Ready(Err(broken(error)));
                }
                if is_last {
                    out.state = ResponseState::Ended;
                }
                Poll::Ready(Ok(n))
            }
        }
    }

    /// Ready when the client does not want the response any more.
    pub(crate) fn poll_idle_event(&self, cx: &mut Context<'_>) -> Poll<IdleEvent> {
        let mut out = self.out.borrow_mut();
        let reset = match &mut out.state {
            ResponseState::Head => None,
            ResponseState::Body(send, ..) => Some(send.poll_reset(cx)),
            ResponseState::Ended => return Poll::Pending,
        };
        let reset = reset.unwrap_or_else(|| out.respond.poll_reset(cx));
        reset.map(|_| IdleEvent::Closed)
    }

    /// Sends the head.
    pub(crate) fn begin(&mut self, head: &ResponseHead) -> io::Result<()> {
        let out = self.out.get_mut();
        if !matches!(out.state, ResponseState::Head) {
            return Ok(());
        }
        let is_last = head.is_bodyless || head.content_length == Some(0) && !head.has_trailers;
        match out.respond.send_response(head.response(), is_last) {
            Ok(_) if is_last => out.state = ResponseState::Ended,
            Ok(send) => out.state = ResponseState::Body(send, head.content_length, head.has_trailers),
            Err(error) => return Err(broken(error)),
        }
        Ok(())
    }

    /// Sends a head that the response follows (`1xx`).
    pub(crate) fn inform(&mut self, head: &ResponseHead) -> io::Result<()> {
        self.out.get_mut().respond.send_informational(head.response()).map_err(broken)
    }

    /// Ends the response.
    pub(crate) fn finish(&mut self, trailers: HeaderMap) {
        let out = self.out.get_mut();
        match &mut out.state {
            ResponseState::Ended => {}
            ResponseState::Body(send, None | Some(0), _) => {
                // The failure has no receiver: the stream is over.
                let _ = if trailers.is_empty() {
                    send.send_data(Bytes::new(), true)
                } else {
                    send.send_trailers(trailers)
                };
            }
            ResponseState::Head | ResponseState::Body(..) => self.abort(),
        }
    }

    /// Tells the client that the response is not whole.
    pub(crate) fn abort(&mut self) {
        let out = self.out.get_mut();
        match &mut out.state {
            ResponseState::Ended => {}
            ResponseState::Head => out.respond.send_reset(Reason::INTERNAL_ERROR),
            ResponseState::Body(send, ..) => send.send_reset(Reason::INTERNAL_ERROR),
        }
        out.state = ResponseState::Ended;
    }
}
