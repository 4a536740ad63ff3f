//! Reading what a proxy in front says of the client (`listen … proxy_protocol`).

use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use crate::model::log::Severity;
use crate::runtime::net::log::errno;
use crate::runtime::net::proxy_protocol::{LONGEST, ProxyProtocol, parse};
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::Timer;
use crate::runtime::request::state::Client;
use crate::runtime::request::worker::Worker;

/// Reads the header; `None` if nothing is said about the client.
///
/// # Errors
/// The connection has to be closed: the status that a session of `stream` ends with.
pub(crate) async fn read(
    worker: &Worker,
    timer: &Timer,
    stream: &mut Stream,
    client: &Client,
    timeout: Duration,
) -> Result<Option<Rc<ProxyProtocol>>, u16> {
    let default = worker.router.listen(client.address).default_server;
    let plan = &worker.servers[default.0 as usize];
    let log = |severity: Severity, message: &str| {
        if plan.error_log.takes(severity) {
            let remote = client.remote.map_or_else(|| "unix:".to_owned(), |a| a.ip().to_string());
            let listen = &worker.router.listen(client.address).listen.endpoint;
            let place = format!("while reading PROXY protocol, client: {remote}, server: {listen}");
            plan.error_log.write(severity, Some(client.number), &format!("{message} {place}"));
        }
    };
    let ready = |cx: &mut Context<'_>| stream.poll_read_ready(cx);
    if timer.idle(timeout, ready).await.is_none() {
        log(Severity::Info, "client timed out (110: Connection timed out)");
        return Err(200);
    }
    let mut buffer = worker.buffers.take();
    let room = buffer.room();
    let most = LONGEST.min(room.len());
    let room = &mut room[..most];
    let parsed = match timer.limit(timeout, |cx| stream.poll_peek(cx, room)).await {
        Some(Ok(n)) if n > 0 => parse(&room[..n]),
        Some(Ok(_)) => Err((Severity::Info, "client closed connection".to_owned())),
        Some(Err(error)) => Err((Severity::Info, format!("recv() failed{}", errno(&error)))),
        None => Err((Severity::Info, "client timed out (110: Connection timed out)".to_owned())),
    };
    let found = match parsed {
        Ok((length, found)) => {
            // All of it is there.
            let read = timer.limit(timeout, |cx| stream.poll_read(cx, &mut room[..length])).await;
            if matches!(read, Some(Ok(n)) if n == length) { Ok(found.map(Rc::new)) } else { Err(500) }
        }
        Err((severity, message)) => {
            log(severity, &message);
            if !worker.router.listen(client.address).listen.ssl {
                // Closing a socket with unread bytes would send a reset.
                let _ = stream.try_read(room);
            }
            Err(400)
        }
    };
    worker.buffers.give(buffer);
    found
}
