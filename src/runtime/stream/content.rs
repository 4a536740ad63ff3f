//! `return` and `pass` (`ngx_stream_return_module.c`, `ngx_stream_pass_module.c`).

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::phases::PASSED;
use crate::model::log::Severity;
use crate::model::{ComplexValue, Endpoint};
use crate::runtime::net::stream::Stream;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

/// Time in which a client has to accept the text.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Sessions that may pass a connection on, one after the other.
const MOST_PASSES: u32 = 10;

/// Sends the text and closes.
pub(super) async fn answer(c: &mut Connection, r: &mut Request, value: &ComplexValue) -> u16 {
    let mut text = Vec::new();
    c.scope(r).evaluate(value, &mut text);
    let mut rest = &text[..];
    while !rest.is_empty() {
        let stream = &mut c.stream;
        match c.timer.limit(TIMEOUT, |cx| stream.poll_write(cx, rest)).await {
            Some(Ok(n)) if n > 0 => {
                rest = &rest[n..];
                if let Some(session) = &mut r.session {
                    session.sent += n as u64;
                }
            }
            Some(_) => return 500,
            None => {
                let message = "connection timed out (110: Connection timed out)";
                c.scope(r).log(Severity::Info, message, " while returning text");
                return 200;
            }
        }
    }
    200
}

/// Passes the connection to another listening socket.
pub(super) fn pass(c: &mut Connection, r: &mut Request, value: &ComplexValue, first: &[u8]) -> u16 {
    const ACTION: &str = " while passing connection to port";
    let mut text = Vec::new();
    c.scope(r).evaluate(value, &mut text);
    let shown = String::from_utf8_lossy(&text).into_owned();
    let fault = |message: String, c: &mut Connection, r: &mut Request| {
        c.scope(r).log(Severity::Error, &message, ACTION);
        500
    };
    if !first.is_empty() {
        return fault("cannot pass connection with preread data".to_owned(), c, r);
    }
    let wanted = match shown.strip_prefix("unix:") {
        Some(path) => Endpoint::Unix(path.to_owned()),
        None => match shown.parse::<SocketAddr>() {
            Ok(address) => Endpoint::Inet(address),
            // A port alone is one of any address.
            Err(_) => match shown.parse::<u16>() {
                Ok(port) => Endpoint::Inet(SocketAddr::from(([0, 0, 0, 0], port))),
                Err(_) if shown.parse::<std::net::IpAddr>().is_ok() => {
                    return fault(format!("no port in pass \"{shown}\""), c, r);
                }
                Err(_) => return fault(format!("no addresses in pass \"{shown}\""), c, r),
            },
        },
    };
    let passes = r.session.as_ref().map_or(0, |session| session.passes);
    if passes >= MOST_PASSES {
        return fault("stream pass cycle".to_owned(), c, r);
    }
    let found =
        c.worker.passes.borrow().iter().find(|(at, _)| matches(at, &wanted)).map(|(_, to)| Rc::clone(to));
    let Some(to) = found else {
        c.scope(r).log(Severity::Error, &format!("port not found for \"{shown}\""), ACTION);
        return 200;
    };
    let stream = std::mem::replace(&mut c.stream, Stream::Absent);
    to(stream, c.client.remote, passes + 1);
    PASSED
}

/// `ngx_stream_pass_match`
fn matches(at: &Endpoint, wanted: &Endpoint) -> bool {
    match (at, wanted) {
        (Endpoint::Inet(at), Endpoint::Inet(wanted)) if at.ip().is_unspecified() => {
            at.port() == wanted.port() && at.is_ipv4() == wanted.is_ipv4()
        }
        _ => at == wanted,
    }
}
