//! A client's socket as h2 reads and writes it.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::runtime::net::buffer::{Buffer, LARGE};
use crate::runtime::net::http2::guard::Guard;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::worker::Worker;

/// The socket, or TLS over it. Frames that h2 writes are gathered, because each write of h2 is one frame: frames leave
/// together when h2 has nothing more to do ([`Io::poll_send`]), or when they fill the buffer.
#[derive(Clone)]
pub(crate) struct Io(Rc<RefCell<State>>);

struct State {
    worker: Rc<Worker>,
    stream: Stream,
    guard: Guard,
    /// Bytes that h2 has not read yet, and from where on.
    ready: Vec<u8>,
    at: usize,
    /// Bytes that h2 has written; none while nothing waits.
    out: Option<Buffer>,
}

impl Io {
    pub(crate) fn new(worker: &Rc<Worker>, stream: Stream) -> Self {
        let (worker, guard) = (Rc::clone(worker), Guard::default());
        Self(Rc::new(RefCell::new(State { worker, stream, guard, ready: Vec::new(), at: 0, out: None })))
    }

    /// Sends what h2 has written.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_send(cx)
    }

    /// Length of the header block with which a stream began (`$request_length`).
    pub(crate) fn block_length(&self, stream: u32) -> Option<u64> {
        self.0.borrow_mut().guard.block_length(stream)
    }

    /// Lets h2 work, and sends the bytes that h2 has written meanwhile.
    pub(crate) fn after<T>(
        &self,
        cx: &mut Context<'_>,
        work: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let done = work(cx);
        // h2 finds an error of the client's connection when it reads.
        let _ = self.poll_send(cx);
        done
    }
}

impl State {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(out) = &mut self.out else { return Poll::Ready(Ok(())) };
        while !out.is_empty() {
            match ready!(self.stream.poll_write(cx, out.filled()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => out.start += n,
            }
        }
        self.worker.buffers.give(self.out.take().unwrap_or_else(Buffer::absent));
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let rest = &self.ready[self.at..];
            if !rest.is_empty() {
                let n = rest.len().min(room.remaining());
                room.put_slice(&rest[..n]);
                self.at += n;
                if self.at == self.ready.len() {
                    (self.ready, self.at) = (Vec::new(), 0);
                }
                return Poll::Ready(Ok(()));
            }
            // A buffer of the worker: room of h2 would have to be filled with zeros first.
            let mut buffer = self.worker.buffers.take();
            let read = self.stream.poll_read(cx, buffer.room());
            if let Poll::Ready(Ok(n @ 1..)) = read {
                buffer.end += n;
                self.take(buffer.filled_mut(), room);
            }
            self.worker.buffers.give(buffer);
            if ready!(read)? == 0 || !room.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Bytes that the guard lets pass go to h2; the bytes that h2 has no room for are kept.
    fn take(&mut self, data: &mut [u8], room: &mut ReadBuf<'_>) {
        if self.guard.holds() {
            self.ready = self.guard.with_held(data);
            let passed = self.guard.pass(&mut self.ready);
            self.ready.truncate(passed);
            return;
        }
        let passed = self.guard.pass(data);
        let n = passed.min(room.remaining());
        room.put_slice(&data[..n]);
        self.ready.extend_from_slice(&data[n..passed]);
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, room)
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.borrow_mut();
        if state.out.as_ref().is_some_and(|out| out.filled().len() >= LARGE) {
            ready!(state.poll_send(cx))?;
        }
        let state = &mut *state;
        let out = state.out.get_or_insert_with(|| state.worker.buffers.take_large());
        let n = data.len().min(LARGE - out.filled().len());
        if out.room().len() < n {
            out.compact();
        }
        out.append(&data[..n]);
        Poll::Ready(Ok(n))
    }

    /// Nothing is sent yet: more frames may follow.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.borrow_mut();
        ready!(state.poll_send(cx))?;
        state.stream.poll_shutdown(cx)
    }
}
