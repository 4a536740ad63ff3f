//! Shaking hands with a client (`ngx_http_ssl_handshake`, `ngx_http_ssl_servername`).

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::server::{Acceptor, ClientHello};
use rustls::{HandshakeKind, NamedGroup};

use crate::eval::select::{ServerId, ServerStep, host};
use crate::model::log::Severity;
use crate::runtime::net::log::errno;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::Timer;
use crate::runtime::net::tls::server::ServerTls;
use crate::runtime::net::tls::stream::{Io, Tls};
use crate::runtime::net::tls::verify::{self, Purpose, Verdict};
use crate::runtime::net::tls::{ClientTls, Info, cipher, failure};
use crate::runtime::request::state::Client;
use crate::runtime::request::worker::Worker;

/// `unrecognized_name`, fatal.
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 112];

/// The connection after the handshake.
pub(crate) enum Accepted {
    /// With what is known of it, and whether HTTP/2 was agreed on.
    Tls(Stream, ClientTls, bool),
    /// The client speaks HTTP where it should not.
    Plain(Stream),
    Closed,
}

/// Shakes hands, if the client does.
pub(crate) async fn accept(worker: &Worker, timer: &Timer, stream: Stream, client: &Client) -> Accepted {
    let default = worker.router.listen(client.address).default_server;
    let timeout = worker.servers[default.0 as usize].core.client_header_timeout.value;
    let mut first = [0];
    match timer.idle(timeout, |cx| stream.poll_peek(cx, &mut first)).await {
        None => {
            log(worker, client, default, Severity::Info, "client timed out (110: Connection timed out)");
            return Accepted::Closed;
        }
        Some(Ok(1..)) if matches!(first[0], 0x16 | 0x80..) => {}
        Some(Ok(1..)) => return Accepted::Plain(stream),
        Some(Ok(0)) => {
            log(worker, client, default, Severity::Info, "client closed connection");
            return Accepted::Closed;
        }
        Some(Err(error)) => {
            log(worker, client, default, Severity::Info, &format!("recv() failed{}", errno(&error)));
            return Accepted::Closed;
        }
    }
    // Boxed: idle connections are small.
    let shaken = Box::pin(shake(worker, timer, stream, client, timeout)).await;
    match shaken {
        Ok((stream, info)) => {
            let is_http2 = info.alpn == b"h2";
            Accepted::Tls(Stream::Tls(Box::new(stream)), ClientTls::Tls(Rc::new(info)), is_http2)
        }
        Err((server, message)) => {
            log(worker, client, server, Severity::Info, &message);
            Accepted::Closed
        }
    }
}

pub(crate) fn log(worker: &Worker, client: &Client, server: ServerId, severity: Severity, message: &str) {
    let logs = &worker.servers[server.0 as usize].error_log;
    if logs.takes(severity) {
        let remote = client.remote.map_or_else(|| "unix:".to_owned(), |a| a.ip().to_string());
        let listen = &worker.router.listen(client.address).listen.endpoint;
        let line = format!("{message} while SSL handshaking, client: {remote}, server: {listen}");
        logs.write(severity, Some(client.number), &line);
    }
}

/// The server whose log has the message, and the message.
pub(crate) type Failed = (ServerId, String);

/// Shakes hands with a client that has begun to.
///
/// # Errors
/// The failure, to be logged with [`log`].
pub(crate) async fn shake(
    worker: &Worker,
    timer: &Timer,
    stream: Stream,
    client: &Client,
    timeout: std::time::Duration,
) -> Result<(Tls, Info), Failed> {
    let default = worker.router.listen(client.address).default_server;
    let timed_out = || "client timed out (110: Connection timed out)".to_owned();
    let mut acceptor = Acceptor::default();
    let hello = timer.limit(timeout, |cx| poll_hello(cx, &stream, &mut acceptor)).await;
    let accepted = match hello {
        None => return Err((default, timed_out())),
        Some(Err(error)) => return Err((default, failure(&error))),
        Some(Ok(accepted)) => accepted,
    };
    let hello = accepted.client_hello();
    let server_name = hello.server_name().map(str::to_owned);
    let curves = curves(&hello);
    let named = server_name.as_ref().and_then(|name| named(worker, client, name));
    let server = named.unwrap_or(default);
    let settings = &worker.config.http.servers[server.0 as usize].settings.tls;
    if settings.reject_handshake.value {
        let _ = stream.try_write(&UNRECOGNIZED_NAME);
        return Err((server, "SSL_do_handshake() failed (SSL: the handshake was rejected)".to_owned()));
    }
    // A server without certificates has those of the default one.
    let of = |id| worker.tls.servers.get(id).map(|tls| (id, tls));
    let Some((config_of, tls)) = of(server).or_else(|| of(default)) else {
        let _ = stream.try_write(&UNRECOGNIZED_NAME);
        return Err((server, "SSL_do_handshake() failed (SSL: no certificate)".to_owned()));
    };
    let is_http2 = worker.config.http.servers[server.0 as usize].settings.tls.http2.value
        || worker.router.listen(client.address).listen.http2;
    let config = if is_http2 { &tls.http2 } else { &tls.http1 };
    let session = match accepted.into_connection(Arc::clone(config)) {
        Ok(session) => session,
        Err((error, mut alert)) => {
            let _ = alert.write_all(&mut Io(&stream));
            return Err((server, format!("SSL_do_handshake() failed (SSL: {error})")));
        }
    };
    let stream = Tls::new(stream, session);
    match timer.limit(timeout, |cx| stream.poll_handshake(cx)).await {
        None => return Err((server, timed_out())),
        Some(Err(error)) => return Err((server, failure(&error))),
        Some(Ok(())) => {}
    }
    let mut info = info(&stream, tls);
    info.server_name = server_name;
    info.named = named;
    info.server = config_of;
    info.curves = curves;
    Ok((stream, info))
}

fn poll_hello(
    cx: &mut Context<'_>,
    stream: &Stream,
    acceptor: &mut Acceptor,
) -> Poll<io::Result<rustls::server::Accepted>> {
    loop {
        ready!(stream.poll_read_ready(cx))?;
        match acceptor.read_tls(&mut Io(stream)) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => match acceptor.accept() {
                Ok(Some(accepted)) => return Poll::Ready(Ok(accepted)),
                Ok(None) => {}
                Err((error, mut alert)) => {
                    let _ = alert.write_all(&mut Io(stream));
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

/// The server of the name in SNI, if it is not the default server.
fn named(worker: &Worker, client: &Client, name: &str) -> Option<ServerId> {
    let mut normal = Vec::new();
    host::normalize(name.as_bytes(), &mut normal).ok()?;
    let mut steps = Vec::new();
    let (server, _) = worker.router.trace_server(client.address, &normal, &mut steps).ok()?;
    (!matches!(steps.last(), Some(ServerStep::Default(_)))).then_some(server)
}

/// `$ssl_curves`
fn curves(hello: &ClientHello<'_>) -> String {
    let name = |group: &NamedGroup| {
        cipher::group_name(*group).map_or_else(|| format!("0x{:04x}", u16::from(*group)), str::to_owned)
    };
    hello
        .named_groups()
        .map_or_else(String::new, |groups| groups.iter().map(name).collect::<Vec<_>>().join(":"))
}

fn info(stream: &Tls, tls: &ServerTls) -> Info {
    stream.session(|session| {
        let chain = session.peer_certificates().unwrap_or_default();
        let verdict = match chain {
            [] => Verdict(0, "ok"),
            chain => verify::chain(chain, &tls.trust, Purpose::Client),
        };
        let suite = session.negotiated_cipher_suite();
        let group = session.negotiated_key_exchange_group();
        Info {
            server_name: None,
            named: None,
            server: ServerId(0),
            protocol: cipher::version_name(session.protocol_version()),
            cipher: suite.map_or_else(String::new, |suite| cipher::name(suite.suite())),
            curve: group.and_then(|group| cipher::group_name(group.name())).unwrap_or_default(),
            curves: String::new(),
            alpn: session.alpn_protocol().unwrap_or_default().to_vec(),
            is_reused: session.handshake_kind() == Some(HandshakeKind::Resumed),
            certificate: chain.first().map(|der| der.clone().into_owned()),
            verdict,
        }
    })
}
