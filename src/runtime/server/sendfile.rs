//! Files that the kernel copies to the socket: sendfile(2) (`ngx_linux_sendfile_chain.c`).

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use nix::sys::sendfile::sendfile64;
use tokio::io::Interest;

use crate::runtime::net::stream::Stream;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

/// Most bytes that one call copies (`NGX_SENDFILE_MAXSIZE`).
const MOST: u64 = 2_147_483_647 - 4096;

/// True if the request's file can go this way: nothing looks at its bytes, and the socket takes it.
pub(crate) fn is_possible(c: &Connection, r: &Request) -> bool {
    r.plan.files.sendfile.value
        && c.sink.is_none()
        && !r.reply.is_filtered()
        && matches!(c.stream, Stream::Tcp(_) | Stream::Unix(_))
}

/// Sends a part of a file; an error also when it has become shorter, or the client takes nothing for too long.
pub(crate) async fn send(
    c: &mut Connection,
    r: &mut Request,
    file: &File,
    mut from: u64,
    to: u64,
) -> io::Result<()> {
    let timeout = r.plan.core.send_timeout.value;
    let chunk = r.plan.files.sendfile_max_chunk.value;
    let mut in_turn = 0;
    while from < to {
        if chunk > 0 && in_turn >= chunk {
            in_turn = 0;
            // The other connections of the worker come first.
            tokio::task::yield_now().await;
        }
        let most = (to - from).min(if chunk > 0 { chunk - in_turn } else { MOST });
        let stream = &c.stream;
        match c.timer.limit(timeout, |cx| poll(stream, cx, file, from, most)).await {
            Some(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(Ok(n)) => {
                from += n as u64;
                in_turn += n as u64;
                r.sent += n as u64;
            }
            Some(Err(error)) => return Err(error),
            None => {
                c.timed_out = true;
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
    Ok(())
}

fn poll(stream: &Stream, cx: &mut Context<'_>, file: &File, from: u64, most: u64) -> Poll<io::Result<usize>> {
    let most = usize::try_from(most.min(MOST)).unwrap_or(usize::MAX);
    let from = i64::try_from(from).map_err(|_| io::ErrorKind::InvalidInput)?;
    let short = Cell::new(0);
    let copy = |socket: std::os::fd::BorrowedFd<'_>| {
        let mut offset = from;
        let sent = sendfile64(socket, file, Some(&mut offset), most)?;
        // The socket is full, unless the file has ended: as nginx, wait until there is much room, instead of filling what
        // the client takes piece by piece.
        let is_full = sent > 0 && sent < most && file.metadata()?.len() > offset.cast_unsigned();
        if is_full {
            short.set(sent);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(sent)
    };
    loop {
        ready!(stream.poll_write_ready(cx))?;
        let sent = match stream {
            Stream::Tcp(s) => s.try_io(Interest::WRITABLE, || copy(s.as_fd())),
            Stream::Unix(s) => s.try_io(Interest::WRITABLE, || copy(s.as_fd())),
            Stream::Tls(_) | Stream::Http2(_) => return Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        };
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && short.get() > 0 => {
                return Poll::Ready(Ok(short.get()));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            sent => return Poll::Ready(sent),
        }
    }
}
