//! The preread phase: the client's first bytes, before it is known where they go (`ngx_stream_core_preread_phase`).

use std::io;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use nix::sys::socket::{MsgFlags, recv};
use tokio::io::Interest;

use super::hello::{Look, look};
use crate::eval::select::{ServerStep, host};
use crate::model::log::Severity;
use crate::runtime::net::log::errno;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

/// Reason why there was nothing to read.
enum Ended {
    Closed,
    Full,
    Failed(io::Error),
}

/// `ssl_preread`; returns bytes that were taken from the connection.
///
/// # Errors
/// The status that the session ends with.
pub(super) async fn read(c: &mut Connection, r: &mut Request) -> Result<Vec<u8>, u16> {
    let settings = &c.worker.sessions[r.server.0 as usize].settings;
    if !settings.ssl_preread.value {
        return Ok(Vec::new());
    }
    let size = usize::try_from(settings.preread_buffer_size.value).unwrap_or(1 << 20).clamp(1, 1 << 20);
    let timeout = settings.preread_timeout.value;
    let mut buffer = vec![0; size];
    let mut filled = 0;
    let stream = &mut c.stream;
    let found = c.timer.limit(timeout, |cx| poll(cx, stream, &mut buffer, &mut filled)).await;
    let is_tls = matches!(c.stream, Stream::Tls(_));
    match found {
        None | Some(Err(Ended::Closed)) => return Err(200),
        Some(Err(Ended::Full)) => {
            c.scope(r).log(Severity::Error, "preread buffer full", " while prereading client data");
            return Err(400);
        }
        Some(Err(Ended::Failed(error))) => {
            let message = format!("recv() failed{}", errno(&error));
            c.scope(r).log(Severity::Info, &message, " while prereading client data");
            return Err(200);
        }
        Some(Ok(Look::Found(hello))) => {
            choose(c, r, &hello.server_name);
            if let Some(session) = &mut r.session {
                session.hello = Some(hello);
            }
        }
        Some(Ok(Look::Other | Look::Incomplete)) => {}
    }
    buffer.truncate(if is_tls { filled } else { 0 });
    if let Some(session) = &mut r.session {
        session.received += buffer.len() as u64;
    }
    Ok(buffer)
}

/// Peeks into a socket; what TLS has decrypted is taken.
fn poll(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    buffer: &mut [u8],
    filled: &mut usize,
) -> Poll<Result<Look, Ended>> {
    loop {
        let n = match stream {
            Stream::Tls(_) => {
                let n = ready!(stream.poll_read(cx, &mut buffer[*filled..])).map_err(Ended::Failed)?;
                if n == 0 {
                    return Poll::Ready(Err(Ended::Closed));
                }
                *filled + n
            }
            _ => match ready!(stream.poll_peek(cx, buffer)).map_err(Ended::Failed)? {
                0 => return Poll::Ready(Err(Ended::Closed)),
                n => n,
            },
        };
        let is_more = n > *filled;
        *filled = n;
        match look(&buffer[..n]) {
            Look::Incomplete if n == buffer.len() => return Poll::Ready(Err(Ended::Full)),
            Look::Incomplete => {}
            done => return Poll::Ready(Ok(done)),
        }
        if !matches!(stream, Stream::Tls(_)) {
            // Nothing new: wait for the next event, and not for what is there already.
            let mut byte = [0];
            let _ = stream.try_io(Interest::READABLE, |fd| {
                Ok((recv(fd.as_raw_fd(), &mut byte, MsgFlags::MSG_PEEK)?, true))
            });
            if !is_more && stream.is_read_closed() {
                return Poll::Ready(Err(Ended::Closed));
            }
        }
    }
}

/// Makes the server of a name in a `ClientHello` that of the session (`ngx_stream_ssl_preread_servername`,
/// `ngx_stream_ssl_servername`).
pub(super) fn choose(c: &Connection, r: &mut Request, name: &[u8]) {
    let mut normal = Vec::new();
    if name.is_empty() || host::normalize(name, &mut normal).is_err() {
        return;
    }
    let mut steps = Vec::new();
    let Ok((server, captures)) = c.worker.router.trace_server(c.client.address, &normal, &mut steps) else {
        return;
    };
    if matches!(steps.last(), Some(ServerStep::Default(_))) {
        return;
    }
    if let Some(captures) = captures {
        crate::eval::Request::set_captures(&mut c.scope(r), captures);
    }
    super::phases::enter(c, r, server);
}
