//! `listen` in http, stream and mail: its parameters, and the sockets that several servers share
//! (`ngx_http_core_listen`, `ngx_http_add_addresses` and their sisters).

mod options;

use std::collections::HashMap;
use std::rc::Rc;

use super::address::{self, Form};
use super::argument::refuse;
use super::directive::Directive;
use super::protocols::{self, Protocols};
use super::scope::{Check, Compiler};
use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::Endpoint;
use crate::source::Span;

pub(super) use options::{Options, options};

pub(super) const CHECKS: &[(&str, Check)] = &[("listen", unmodelled)];

/// Subsystem of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SocketSubsystem {
    Http,
    Stream,
    Mail,
}

/// Sockets, by bound address.
#[derive(Default)]
pub(super) struct Sockets {
    known: HashMap<(SocketSubsystem, bool, Endpoint), Socket>,
    /// Servers compiled so far, http and stream.
    pub(super) servers: Vec<ServerCertificates>,
}

impl Sockets {
    /// Sockets of `stream`, each with its servers in their order.
    pub(super) fn of_stream(&self) -> Vec<(&Endpoint, &[usize])> {
        let mut found: Vec<_> =
            self.known.iter().filter(|((whose, ..), _)| *whose == SocketSubsystem::Stream).collect();
        found.sort_by_key(|(_, socket)| socket.order);
        found.into_iter().map(|((_, _, endpoint), socket)| (endpoint, socket.servers.as_slice())).collect()
    }
}

/// Certificate of a server, which decides if the server can speak TLS.
pub(super) struct ServerCertificates {
    pub(super) whose: SocketSubsystem,
    pub(super) has_certificate: bool,
    pub(super) rejects: bool,
    pub(super) head: Option<Span>,
    pub(super) includes: Rc<[Span]>,
}

struct Socket {
    order: usize,
    set: bool,
    default: Option<Span>,
    default_server: usize,
    last_server: usize,
    first: Option<Span>,
    servers: Vec<usize>,
    ssl: bool,
    quic: bool,
    protocols: Protocols,
}

/// Adds a socket of a server; false if the socket contradicts another, which is reported. `server` is the server's
/// number.
pub(super) fn add(
    cx: &mut Compiler<'_>,
    span: Option<Span>,
    endpoint: &Endpoint,
    options: &Options,
    (whose, server): (SocketSubsystem, usize),
) -> bool {
    let key = (whose, options.quic || options.udp, endpoint.clone());
    let order = cx.states.of::<Sockets>().known.len();
    let socket = cx.states.of::<Sockets>().known.entry(key).or_insert_with(|| Socket {
        order,
        set: false,
        default: None,
        default_server: server,
        last_server: usize::MAX,
        first: span,
        servers: Vec::new(),
        ssl: false,
        quic: options.quic,
        protocols: Protocols::new(options),
    });
    socket.ssl |= options.ssl;
    let redefined =
        whose != SocketSubsystem::Mail && !socket.servers.is_empty() && socket.protocols.redefines(options);
    let mail = whose == SocketSubsystem::Mail;
    let conflict = if socket.last_server == server || mail && !socket.servers.is_empty() {
        let nginx = if mail { "duplicate \"{}\" address and port pair" } else { "a duplicate listen {}" };
        Some(("duplicate-listen", "this server listens on `{}` twice", nginx, socket.first))
    } else if options.set && socket.set {
        let message = "the socket `{}` has its options from another `listen`; they belong in one place";
        Some(("duplicate-listen-options", message, "duplicate listen options for {}", socket.first))
    } else if options.default_server && socket.default.is_some() {
        let message = "`{}` has two default servers";
        Some(("duplicate-default-server", message, "a duplicate default server for {}", socket.default))
    } else {
        None
    };
    socket.last_server = server;
    socket.servers.push(server);
    socket.set |= options.set;
    if options.default_server {
        socket.default = socket.default.or(span);
        socket.default_server = server;
    }
    let first = socket.first;
    if let (true, None, Some(span)) = (redefined, &conflict, span) {
        protocols::warn(cx, whose, span, first, endpoint);
    }
    let Some((code, message, nginx, first)) = conflict else { return true };
    let Some(span) = span else { return false };
    let shown = endpoint.to_string();
    let mut diagnostic = Diagnostic::error(code, span, message.replace("{}", &shown))
        .label("the second")
        .help("remove one of the two")
        .nginx(nginx.replace("{}", &shown));
    if let Some(first) = first {
        diagnostic = diagnostic.related(first, "the first");
    }
    cx.report(diagnostic);
    false
}

/// `listen` of mail; the model has that of http and stream.
fn unmodelled<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if !directive.catalog.module.starts_with("ngx_mail") {
        return true;
    }
    let url = match address::parse_resolved(&directive.arg(1), 0, Form::Listen) {
        Ok(url) => url,
        Err(fault) => return refuse_address(cx, directive, fault),
    };
    let Some(options) = options(cx, directive) else { return false };
    let server = cx.states.of::<Sockets>().servers.len();
    let mut valid = true;
    for endpoint in endpoints(&url) {
        valid &= add(cx, Some(directive.span()), &endpoint, &options, (SocketSubsystem::Mail, server));
    }
    valid
}

/// Reports a server of `stream` or `mail` without `listen` (`ngx_stream_core_server`, `ngx_mail_core_server`).
pub(super) fn merge(cx: &mut Compiler<'_>) {
    // A missing file may have the `listen`.
    let Some(level) = cx.levels.last().filter(|_| !cx.foreign_modules) else { return };
    let (subsystem, example) = match level.context {
        Context::StreamServer => ("stream", "12345"),
        Context::MailServer => ("mail", "143"),
        _ => return,
    };
    let Some(head) = level.head.filter(|_| level.find("listen").is_none()) else { return };
    cx.report(
        Diagnostic::error("missing-listen", head, format!("a server of `{subsystem}` needs a `listen`"))
            .label("no `listen` in it")
            .help(format!("add `listen {example};`"))
            .nginx("no \"listen\" is defined for server")
            .when(FaultPhase::OfBlock),
    );
}

/// Reports a malformed address of a `listen`.
pub(super) fn refuse_address(cx: &mut Compiler<'_>, directive: &Directive<'_>, fault: &str) -> bool {
    let nginx = format!("{fault} in \"{}\" of the \"listen\" directive", directive.text(1));
    refuse(cx, directive, 1, "an address, a port or both: `80`, `127.0.0.1:8080`, `[::]:80`", nginx)
}

/// Addresses of a range of ports.
pub(super) fn endpoints(url: &address::Url) -> Vec<Endpoint> {
    match (&url.endpoint, url.last_port) {
        (Endpoint::Inet(first), Some(last)) => (first.port()..=last)
            .map(|port| Endpoint::Inet(std::net::SocketAddr::new(first.ip(), port)))
            .collect(),
        (other, _) => vec![other.clone()],
    }
}

/// Reports TLS sockets whose default server has no certificate (`ngx_http_ssl_init`, `ngx_stream_ssl_init`).
pub(super) fn report_missing_certificates(cx: &mut Compiler<'_>) {
    let sockets = cx.states.take::<Sockets>();
    let mut tls: Vec<&Socket> = sockets.known.values().filter(|s| s.ssl || s.quic).collect();
    tls.sort_by_key(|s| s.order);
    let mut reported = std::collections::HashSet::new();
    for socket in tls {
        let Some(default) = sockets.servers.get(socket.default_server) else { continue };
        if default.has_certificate || default.whose == SocketSubsystem::Mail {
            continue;
        }
        let others = || socket.servers.iter().filter(|&&s| s != socket.default_server).copied();
        let missing = if default.rejects {
            others().find(|&s| sockets.servers.get(s).is_some_and(|s| !s.has_certificate && !s.rejects))
        } else {
            Some(socket.default_server)
        };
        let Some(server) = missing.filter(|&s| reported.insert(s)).and_then(|s| sockets.servers.get(s))
        else {
            continue;
        };
        let Some(head) = server.head else { continue };
        let parameter = if socket.ssl { "ssl" } else { "quic" };
        let mut diagnostic = Diagnostic::error(
            "missing-certificate",
            head,
            format!(
                "this server has no `ssl_certificate`, but its socket speaks TLS (`listen … {parameter}`)"
            ),
        )
        .label("no certificate")
        .help("add `ssl_certificate …;` and `ssl_certificate_key …;`, or `ssl_reject_handshake on;`")
        .nginx(format!("no \"ssl_certificate\" is defined for the \"listen ... {parameter}\" directive"))
        .when(FaultPhase::EndOfSubsystem { step: 250, place: Place::Directive });
        if let Some(first) = socket.first {
            diagnostic = diagnostic.related(first, "the socket");
        }
        cx.includes = Rc::clone(&server.includes);
        cx.report(diagnostic);
    }
}
