//! A connected socket, TCP or unix, of a client or of an upstream; or what speaks through one.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use nix::sys::socket::{MsgFlags, recv};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::runtime::net::http2::stream::Http2;
use crate::runtime::net::tls::stream::Tls;

/// The socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Tls>),
    /// A stream of an HTTP/2 connection: one request and its response.
    Http2(Box<Http2>),
    /// None: the datagrams of a session of UDP have their own way, and a connection that was passed on is elsewhere.
    Absent,
}

/// An event on a connection that should be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdleEvent {
    /// The peer closed the connection, or it failed.
    Closed,
    /// The peer sent data.
    Data,
}

impl Stream {
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(room);
        ready!(match self {
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, &mut room),
            Stream::Unix(s) => Pin::new(s).poll_read(cx, &mut room),
            Stream::Tls(s) => return s.poll_read(cx, room.initialize_unfilled()),
            Stream::Http2(s) => return s.poll_read(cx, room.initialize_unfilled()),
            Stream::Absent => return Poll::Ready(Ok(0)),
        })?;
        Poll::Ready(Ok(room.filled().len()))
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_write(cx, data),
            Stream::Unix(s) => Pin::new(s).poll_write(cx, data),
            Stream::Tls(s) => s.poll_write(cx, data),
            Stream::Http2(s) => s.poll_write(cx, data),
            Stream::Absent => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Unix(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => s.poll_shutdown(cx),
            Stream::Http2(_) | Stream::Absent => Poll::Ready(Ok(())),
        }
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => s.poll_read_ready(cx),
            Stream::Unix(s) => s.poll_read_ready(cx),
            Stream::Tls(s) => s.poll_read_ready(cx),
            Stream::Http2(_) | Stream::Absent => Poll::Ready(Ok(())),
        }
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => s.poll_write_ready(cx),
            Stream::Unix(s) => s.poll_write_ready(cx),
            Stream::Tls(s) => s.socket().poll_write_ready(cx),
            Stream::Http2(_) | Stream::Absent => Poll::Ready(Ok(())),
        }
    }

    /// Ready when a connection that should be silent is closed or sends; nothing is read.
    pub(crate) fn poll_idle_event(&self, cx: &mut Context<'_>) -> Poll<IdleEvent> {
        match self {
            Stream::Tls(s) => return s.poll_idle_event(cx),
            Stream::Http2(s) => return s.poll_idle_event(cx),
            Stream::Absent => return Poll::Ready(IdleEvent::Closed),
            Stream::Tcp(_) | Stream::Unix(_) => {}
        }
        loop {
            if ready!(self.poll_read_ready(cx)).is_err() {
                return Poll::Ready(IdleEvent::Closed);
            }
            let mut byte = [MaybeUninit::uninit()];
            let peeked = match self {
                Stream::Tcp(s) => s.try_io(Interest::READABLE, || SockRef::from(s).peek(&mut byte)),
                Stream::Unix(s) => s.try_io(Interest::READABLE, || SockRef::from(s).peek(&mut byte)),
                Stream::Tls(_) | Stream::Http2(_) | Stream::Absent => return Poll::Ready(IdleEvent::Closed),
            };
            match peeked {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(1..) => return Poll::Ready(IdleEvent::Data),
                Ok(0) | Err(_) => return Poll::Ready(IdleEvent::Closed),
            }
        }
    }

    /// True if the peer of a TCP connection has closed it; `None` for a unix socket, which keeps no port.
    pub(crate) fn is_closed_by_peer(&self) -> Option<bool> {
        let s = match self {
            Stream::Tcp(s) => s,
            Stream::Tls(s) if s.is_closed_by_peer() => return Some(true),
            Stream::Tls(s) => return s.socket().is_closed_by_peer(),
            Stream::Unix(_) | Stream::Http2(_) | Stream::Absent => return None,
        };
        let mut byte = [MaybeUninit::uninit()];
        Some(match SockRef::from(s).peek(&mut byte) {
            Ok(n) => n == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        })
    }

    /// The error of a pending connect.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        let error = match self {
            Stream::Tcp(s) => s.take_error(),
            Stream::Unix(s) => s.take_error(),
            Stream::Tls(s) => return s.socket().take_error(),
            Stream::Http2(_) | Stream::Absent => return None,
        };
        error.unwrap_or_else(Some)
    }

    /// Reads from the socket itself what is there.
    pub(crate) fn try_read(&self, room: &mut [u8]) -> io::Result<usize> {
        if let Stream::Tls(s) = self {
            return s.socket().try_read(room);
        }
        self.try_io(Interest::READABLE, |fd| {
            let n = recv(fd.as_raw_fd(), room, MsgFlags::empty())?;
            Ok((n, n > 0 && n < room.len()))
        })
    }

    /// Calls the kernel if the socket is ready. `call` returns the number of bytes that were moved, and true if nothing is left
    /// to be moved: the next call waits for an event then, instead of asking the kernel in vain.
    pub(crate) fn try_io(
        &self,
        interest: Interest,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<(usize, bool)>,
    ) -> io::Result<usize> {
        let last = Cell::new(None);
        let mut call = |fd| match call(fd)? {
            (n, false) => Ok(n),
            (n, true) => {
                last.set(Some(n));
                Err(io::ErrorKind::WouldBlock.into())
            }
        };
        let done = match self {
            Stream::Tcp(s) => s.try_io(interest, || call(s.as_fd())),
            Stream::Unix(s) => s.try_io(interest, || call(s.as_fd())),
            Stream::Tls(_) | Stream::Http2(_) | Stream::Absent => Err(io::ErrorKind::Unsupported.into()),
        };
        last.get().map_or(done, Ok)
    }

    /// Writes directly to the socket as many bytes as it takes.
    pub(crate) fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(data)])
    }

    /// The same for bytes in several places.
    pub(crate) fn try_write_vectored(&self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.try_write_vectored(data),
            Stream::Unix(s) => s.try_write_vectored(data),
            Stream::Tls(s) => s.socket().try_write_vectored(data),
            Stream::Http2(_) | Stream::Absent => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Reads the first bytes without taking them; 0 at the end.
    pub(crate) fn poll_peek(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            let mut peek = |fd| Ok(recv(fd, room, MsgFlags::MSG_PEEK)?);
            let peeked = match self {
                Stream::Tcp(s) => s.try_io(Interest::READABLE, || peek(s.as_raw_fd())),
                Stream::Unix(s) => s.try_io(Interest::READABLE, || peek(s.as_raw_fd())),
                Stream::Tls(_) | Stream::Http2(_) | Stream::Absent => Ok(0),
            };
            match peeked {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                peeked => return Poll::Ready(peeked),
            }
        }
    }

    /// True if the other side will send nothing more, whatever still waits to be read.
    pub(crate) async fn is_half_closed(&self) -> bool {
        let ready = match self {
            Stream::Tcp(s) => s.ready(Interest::READABLE).await,
            Stream::Unix(s) => s.ready(Interest::READABLE).await,
            Stream::Tls(_) | Stream::Http2(_) | Stream::Absent => return false,
        };
        ready.is_ok_and(tokio::io::Ready::is_read_closed)
    }

    /// True if the last event said that the other side will send nothing more.
    pub(crate) fn is_read_closed(&self) -> bool {
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        let ready = match self {
            Stream::Tcp(s) => pin!(s.ready(Interest::READABLE)).poll(cx),
            Stream::Unix(s) => pin!(s.ready(Interest::READABLE)).poll(cx),
            Stream::Tls(_) | Stream::Http2(_) | Stream::Absent => return false,
        };
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    /// The connection's own address.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match self {
            Stream::Tcp(s) => s.local_addr().ok(),
            Stream::Unix(_) | Stream::Http2(_) | Stream::Absent => None,
            Stream::Tls(s) => s.socket().local(),
        }
    }

    /// `SO_KEEPALIVE`
    pub(crate) fn keepalive(&self) {
        if let Stream::Tcp(s) = self {
            // Nothing but a dead peer is noticed later if it fails.
            let _ = SockRef::from(s).set_keepalive(true);
        }
    }

    /// Lets the close that follows be a reset.
    pub(crate) fn reset(&self) {
        // An ordinary close if it fails.
        let _ = match self {
            Stream::Tcp(s) => SockRef::from(s).set_linger(Some(std::time::Duration::ZERO)),
            Stream::Tls(s) => return s.socket().reset(),
            Stream::Unix(_) | Stream::Http2(_) | Stream::Absent => Ok(()),
        };
    }

    pub(crate) fn no_delay(&self) {
        if let Stream::Tcp(s) = self {
            // Only slower if it fails.
            let _ = s.set_nodelay(true);
        }
    }
}
