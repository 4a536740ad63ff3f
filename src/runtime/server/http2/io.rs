//! A client's socket as h2 reads and writes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::runtime::net::http2::guard::Guard;
use crate::runtime::net::stream::Stream;

/// The socket, or TLS over it.
pub(crate) struct Io {
    stream: Stream,
    guard: Guard,
    /// Bytes that h2 has not read yet, and from where on.
    ready: Vec<u8>,
    at: usize,
}

impl Io {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, guard: Guard::default(), ready: Vec::new(), at: 0 }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let rest = &this.ready[this.at..];
            if !rest.is_empty() {
                let n = rest.len().min(room.remaining());
                room.put_slice(&rest[..n]);
                this.at += n;
                if this.at == this.ready.len() {
                    (this.ready, this.at) = (Vec::new(), 0);
                }
                return Poll::Ready(Ok(()));
            }
            let data = room.initialize_unfilled();
            let n = ready!(this.stream.poll_read(cx, data))?;
            if n == 0 {
                return Poll::Ready(Ok(()));
            }
            if this.guard.holds() {
                this.ready = this.guard.with_held(&data[..n]);
                let passed = this.guard.pass(&mut this.ready);
                this.ready.truncate(passed);
                continue;
            }
            let passed = this.guard.pass(&mut data[..n]);
            if passed > 0 {
                room.advance(passed);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, data)
    }

    /// The written bytes have left, with TLS too.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }
}
