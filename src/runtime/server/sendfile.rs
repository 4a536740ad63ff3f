//! Files that the kernel copies to the socket: sendfile(2) (`ngx_linux_sendfile_chain.c`).

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll, ready};

use nix::sys::sendfile::sendfile64;
use rustix::net::{SendFlags, send as send_bytes};
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

/// Sends the head and a part of a file; an error also when the file has become shorter, or the client takes nothing for too
/// long.
pub(crate) async fn send(
    c: &mut Connection,
    r: &mut Request,
    head: &[u8],
    file: &File,
    mut from: u64,
    to: u64,
) -> io::Result<()> {
    let mut rest = head;
    while !rest.is_empty() {
        // More follows: the head waits for the first bytes of the file.
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        let n = wait(c, r, |socket| Ok((send_bytes(socket, rest, flags)?, false))).await?;
        rest = &rest[n..];
    }
    let chunk = r.plan.files.sendfile_max_chunk.value;
    let mut in_turn = 0;
    while from < to {
        if chunk > 0 && in_turn >= chunk {
            in_turn = 0;
            // The other connections of the worker come first.
            tokio::task::yield_now().await;
        }
        let most = (to - from).min(if chunk > 0 { chunk - in_turn } else { MOST });
        let n = copy(c, r, file, from, most).await? as u64;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        from += n;
        // A full socket makes the response wait, and other connections have their turn meanwhile.
        in_turn = if n < most { 0 } else { in_turn + n };
    }
    Ok(())
}

/// Copies what the socket takes at once.
async fn copy(c: &mut Connection, r: &mut Request, file: &File, from: u64, most: u64) -> io::Result<usize> {
    let most = usize::try_from(most.min(MOST)).unwrap_or(usize::MAX);
    let from = i64::try_from(from).map_err(|_| io::ErrorKind::InvalidInput)?;
    let copied = wait(c, r, |socket| {
        let mut offset = from;
        let sent = sendfile64(socket, file, Some(&mut offset), most)?;
        // The socket is full, unless the file has ended: as nginx, wait until there is much room, instead of filling what
        // the client takes piece by piece.
        let is_full = sent > 0 && sent < most && file.metadata()?.len() > offset.cast_unsigned();
        Ok((sent, is_full))
    });
    copied.await
}

/// Waits until the socket takes something, and lets `write` write, no longer than `send_timeout`.
async fn wait(
    c: &mut Connection,
    r: &mut Request,
    mut write: impl FnMut(BorrowedFd<'_>) -> io::Result<(usize, bool)>,
) -> io::Result<usize> {
    let (timeout, stream) = (r.plan.core.send_timeout.value, &c.stream);
    match c.timer.limit(timeout, |cx| poll(stream, cx, &mut write)).await {
        Some(Ok(n)) => {
            r.sent += n as u64;
            Ok(n)
        }
        Some(Err(error)) => Err(error),
        None => {
            c.timed_out = true;
            Err(io::ErrorKind::TimedOut.into())
        }
    }
}

fn poll(
    stream: &Stream,
    cx: &mut Context<'_>,
    write: &mut impl FnMut(BorrowedFd<'_>) -> io::Result<(usize, bool)>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match stream.try_io(Interest::WRITABLE, &mut *write) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            sent => return Poll::Ready(sent),
        }
    }
}
