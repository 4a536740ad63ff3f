//! TLS streams: rustls between a socket and its reader and writer.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll, ready};

use rustls::Connection;

use crate::runtime::net::stream::{IdleEvent, Stream};

/// At most this much is encrypted before it has to leave.
const MOST: usize = 64 << 10;

/// A connection, on either side.
#[derive(Debug)]
pub(crate) struct Tls {
    socket: Stream,
    state: RefCell<TlsState>,
}

#[derive(Debug)]
struct TlsState {
    session: Connection,
    /// Bytes of the caller that are encrypted but have not left: their write is not done.
    accepted: usize,
}

/// The socket as rustls wants it: it says `WouldBlock` when it has nothing.
pub(crate) struct Io<'s>(pub(crate) &'s Stream);

impl Read for Io<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(room)
    }
}

impl Write for Io<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.try_write(data)
    }

    /// All records in one call.
    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

impl TlsState {
    /// Sends what is encrypted.
    fn flush(&mut self, socket: &Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Io(socket)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if is_not_yet(&error) => ready!(socket.poll_write_ready(cx))?,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads from the socket and decrypts; `Ok(0)`: the socket was closed.
    fn fill(&mut self, socket: &Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(socket.poll_read_ready(cx))?;
            match self.session.read_tls(&mut Io(socket)) {
                Ok(n) => {
                    if let Err(error) = self.session.process_new_packets() {
                        // The alert is sent if the socket takes it at once.
                        let _ = self.session.write_tls(&mut Io(socket));
                        return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
                    }
                    if self.session.wants_write() && !self.session.is_handshaking() {
                        // Answers of the protocol itself; if the socket is full they leave with the next write.
                        let _ = self.flush(socket, cx)?;
                    }
                    return Poll::Ready(Ok(n));
                }
                Err(error) if is_not_yet(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// True if something can be read, the end included.
    fn has_plain(&mut self) -> Option<IdleEvent> {
        match self.session.process_new_packets() {
            Ok(state) if state.plaintext_bytes_to_read() > 0 => Some(IdleEvent::Data),
            Ok(state) if state.peer_has_closed() => Some(IdleEvent::Closed),
            Ok(_) => None,
            Err(_) => Some(IdleEvent::Closed),
        }
    }
}

impl Tls {
    pub(crate) fn new(socket: Stream, session: impl Into<Connection>) -> Self {
        Self { socket, state: RefCell::new(TlsState { session: session.into(), accepted: 0 }) }
    }

    /// The socket below.
    pub(crate) fn socket(&self) -> &Stream {
        &self.socket
    }

    /// Asks the session.
    pub(crate) fn session<T>(&self, ask: impl FnOnce(&Connection) -> T) -> T {
        ask(&self.state.borrow().session)
    }

    /// Drives the handshake to its end.
    pub(crate) fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.borrow_mut();
        loop {
            ready!(state.flush(&self.socket, cx))?;
            if !state.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(state.fill(&self.socket, cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.borrow_mut();
        loop {
            match state.session.reader().read(room) {
                Ok(n) => return Poll::Ready(Ok(n)),
                Err(error) if is_not_yet(&error) => {}
                // The peer closed without `close_notify`, which nginx accepts.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(0)),
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(state.fill(&self.socket, cx))?;
        }
    }

    /// Done when what was taken has left: nobody flushes. Until then it has to be called with the same data.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.borrow_mut();
        if state.accepted == 0 {
            ready!(state.flush(&self.socket, cx))?;
            state.accepted = state.session.writer().write(&data[..data.len().min(MOST)])?;
        }
        ready!(state.flush(&self.socket, cx))?;
        // The caller may come back with the same bytes in shorter pieces.
        let n = state.accepted.min(data.len());
        state.accepted -= n;
        Poll::Ready(Ok(n))
    }

    /// Says goodbye and closes this direction.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = self.state.get_mut();
        state.session.send_close_notify();
        ready!(state.flush(&self.socket, cx))?;
        self.socket.poll_shutdown(cx)
    }

    /// Ready when there may be something to read.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.state.borrow_mut().has_plain().is_some() {
            return Poll::Ready(Ok(()));
        }
        self.socket.poll_read_ready(cx)
    }

    /// As `Stream::poll_idle_event`; what belongs to the protocol itself (tickets) is no stir.
    pub(crate) fn poll_idle_event(&self, cx: &mut Context<'_>) -> Poll<IdleEvent> {
        let mut state = self.state.borrow_mut();
        loop {
            if let Some(stir) = state.has_plain() {
                return Poll::Ready(stir);
            }
            match ready!(state.fill(&self.socket, cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(IdleEvent::Closed),
            }
        }
    }

    /// True if the other side has said that it closes.
    pub(crate) fn is_closed_by_peer(&self) -> bool {
        self.state.borrow_mut().has_plain() == Some(IdleEvent::Closed)
    }
}

impl Drop for Tls {
    /// Says that nothing follows, if that can be said at once (`ngx_ssl_shutdown`).
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if !state.session.is_handshaking() {
            state.session.send_close_notify();
        }
        while state.session.wants_write() {
            match state.session.write_tls(&mut Io(&self.socket)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
    }
}
