//! `listen` in http, stream and mail: its parameters, and the sockets that several servers share
//! (`ngx_http_core_listen`, `ngx_http_add_addresses` and their sisters).

use std::collections::HashMap;
use std::rc::Rc;

use super::address::{self, Form};
use super::argument::{self, digits, refuse, size, time};
use super::checks::Check;
use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog::{self, Context};
use crate::diagnostic::{Diagnostic, Place, When};
use crate::model::Endpoint;
use crate::source::Span;

pub(super) const CHECKS: &[(&str, Check)] = &[("listen", unmodelled)];

/// What the parameters of one `listen` say.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of the directive")]
pub(super) struct Options {
    /// A parameter of the socket itself was given: only one server may do that.
    pub(super) set: bool,
    pub(super) default_server: bool,
    pub(super) ssl: bool,
    pub(super) http2: bool,
    pub(super) quic: bool,
    pub(super) udp: bool,
    pub(super) proxy_protocol: bool,
    pub(super) reuseport: bool,
    pub(super) backlog: Option<u32>,
    pub(super) ipv6only: Option<bool>,
    fastopen: bool,
    deferred: bool,
    multipath: bool,
    so_keepalive: bool,
}

/// Whose sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Http,
    Stream,
    Mail,
}

/// Sockets by what they are bound to.
#[derive(Default)]
pub(super) struct Sockets {
    known: HashMap<(Whose, bool, Endpoint), Socket>,
    /// The servers so far, http and stream.
    pub(super) servers: Vec<ServerCertificates>,
}

/// Whether a server can speak TLS.
pub(super) struct ServerCertificates {
    pub(super) whose: Whose,
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
}

/// The parameters of a `listen`; `None` if one is wrong, which is reported.
pub(super) fn options(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Options> {
    let mut options = Options::default();
    for (n, text) in directive.args_from(2) {
        if !parameter(cx, directive, &mut options, n, &text) {
            return None;
        }
    }
    compatible(cx, directive, &options).then_some(options)
}

#[expect(clippy::too_many_lines, reason = "one arm a parameter")]
fn parameter(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    options: &mut Options,
    n: usize,
    text: &[u8],
) -> bool {
    let shown = directive.text(n);
    let (key, value) = match text.iter().position(|&b| b == b'=') {
        Some(at) => (&text[..=at], &text[at + 1..]),
        None => (text, &b""[..]),
    };
    let module = directive.catalog.module;
    let (http, mail) = (module.starts_with("ngx_http"), module.starts_with("ngx_mail"));
    let mut socket = true;
    let fault = match key {
        b"default_server" if !mail => {
            options.default_server = true;
            socket = false;
            None
        }
        b"default" if http => {
            options.default_server = true;
            socket = false;
            None
        }
        b"ssl" => {
            options.ssl = true;
            socket = false;
            None
        }
        b"http2" if http => {
            options.http2 = true;
            socket = false;
            None
        }
        b"quic" if http => {
            options.quic = true;
            socket = false;
            None
        }
        b"udp" if !http && !mail => {
            options.udp = true;
            socket = false;
            None
        }
        b"proxy_protocol" => {
            options.proxy_protocol = true;
            socket = false;
            None
        }
        b"bind" => None,
        b"deferred" if !mail => {
            options.deferred = true;
            None
        }
        b"multipath" => {
            options.multipath = true;
            None
        }
        b"reuseport" if !mail => {
            options.reuseport = true;
            None
        }
        b"backlog=" => {
            options.backlog = digits(value).and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0);
            options.backlog.is_none().then_some("invalid backlog")
        }
        b"rcvbuf=" => size(value).is_none().then_some("invalid rcvbuf"),
        b"sndbuf=" => size(value).is_none().then_some("invalid sndbuf"),
        b"fastopen=" if !mail => {
            options.fastopen = true;
            digits(value).is_none().then_some("invalid fastopen")
        }
        b"ipv6only=" if value.starts_with(b"o") => {
            options.ipv6only = match value {
                b"on" => Some(true),
                b"off" => Some(false),
                _ => {
                    let nginx = format!("invalid ipv6only flags \"{}\"", String::from_utf8_lossy(value));
                    return refuse(cx, directive, n, "`ipv6only=on` or `ipv6only=off`", nginx);
                }
            };
            None
        }
        b"so_keepalive=" => {
            options.so_keepalive = true;
            if !so_keepalive(value) {
                let nginx = format!("invalid so_keepalive value: \"{}\"", String::from_utf8_lossy(value));
                return refuse(cx, directive, n, "`on`, `off` or `IDLE:INTERVAL:COUNT`", nginx);
            }
            None
        }
        b"accept_filter=" if !mail => {
            socket = false;
            let message = "accept filters do not exist on Linux: nginx ignores the parameter";
            cx.report(
                Diagnostic::warning("unsupported-parameter", directive.arg_span(n), message).label("ignored"),
            );
            None
        }
        b"setfib=" if !mail && !cx.options.strict_modules => None,
        _ => Some("invalid parameter"),
    };
    if let Some(fault) = fault {
        let near = catalog::closest(key, directive.catalog.words.iter().copied());
        let expected = match near {
            Some(near) if fault == "invalid parameter" => {
                format!("a parameter of `listen`; did you mean `{near}`?")
            }
            _ if fault == "invalid parameter" => {
                "a parameter of `listen`: `default_server`, `ssl`, `reuseport` …".to_owned()
            }
            _ => "a number; with `k` or `m` for a buffer".to_owned(),
        };
        return refuse(cx, directive, n, &expected, format!("{fault} \"{shown}\""));
    }
    options.set |= socket;
    argument::since(cx, directive, n, &String::from_utf8_lossy(key))
}

fn so_keepalive(value: &[u8]) -> bool {
    if matches!(value, b"on" | b"off") {
        return true;
    }
    let mut parts = value.splitn(3, |&b| b == b':');
    let seconds = |part: Option<&[u8]>| match part {
        None | Some(b"") => Some(0),
        Some(text) => time(text, true).map(|t| t.as_secs()),
    };
    let (idle, interval) = (seconds(parts.next()), seconds(parts.next()));
    let count = match parts.next() {
        None | Some(b"") => Some(0),
        Some(text) => digits(text),
    };
    matches!((idle, interval, count), (Some(i), Some(v), Some(c)) if i + v + c > 0)
}

/// What datagrams cannot have.
fn compatible(cx: &mut Compiler<'_>, directive: &Directive<'_>, options: &Options) -> bool {
    let over = match (options.quic, options.udp) {
        (true, _) => "quic",
        (_, true) => "udp",
        _ => return true,
    };
    let both = [
        ("fastopen", options.fastopen),
        ("backlog", options.backlog.is_some()),
        ("deferred", options.deferred),
        ("multipath", options.multipath),
        ("ssl", options.ssl),
        ("http2", options.http2),
        ("so_keepalive", options.so_keepalive),
        ("proxy_protocol", options.proxy_protocol),
    ];
    let Some((name, _)) = both.iter().find(|(_, given)| *given) else { return true };
    let nginx = format!("\"listen\" directive \"{name}\" parameter is incompatible with \"{over}\"");
    let n = directive.args_from(2).find(|(_, t)| t.starts_with(name.as_bytes())).map_or(1, |(n, _)| n);
    refuse(cx, directive, n, &format!("no `{name}` together with `{over}`"), nginx)
}

/// Enters a socket of a server; false if it contradicts another, which is reported. `server` is its number.
pub(super) fn add(
    cx: &mut Compiler<'_>,
    span: Option<Span>,
    endpoint: &Endpoint,
    options: &Options,
    (whose, server): (Whose, usize),
) -> bool {
    let key = (whose, options.quic || options.udp, endpoint.clone());
    let order = cx.names.sockets.known.len();
    let socket = cx.names.sockets.known.entry(key).or_insert_with(|| Socket {
        order,
        set: false,
        default: None,
        default_server: server,
        last_server: usize::MAX,
        first: span,
        servers: Vec::new(),
        ssl: false,
        quic: options.quic,
    });
    socket.ssl |= options.ssl;
    let mail = whose == Whose::Mail;
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

/// `listen` of stream and mail; that of http is compiled.
fn unmodelled<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let module = directive.catalog.module;
    if module.starts_with("ngx_http") {
        return true;
    }
    let whose = if module.starts_with("ngx_mail") { Whose::Mail } else { Whose::Stream };
    let url = match address::parse(&directive.arg(1), 0, Form::Listen) {
        Ok(url) => url,
        Err(fault) => return refuse_address(cx, directive, fault),
    };
    let Some(options) = options(cx, directive) else { return false };
    let server = cx.names.sockets.servers.len();
    let mut valid = true;
    for endpoint in endpoints(&url) {
        valid &= add(cx, Some(directive.span()), &endpoint, &options, (whose, server));
    }
    valid
}

/// A server of `stream` that listens on nothing (`ngx_stream_core_server`).
pub(super) fn merge(cx: &mut Compiler<'_>) {
    // A file that is not there may hold it.
    let Some(level) = cx.levels.last().filter(|l| l.context == Context::StreamServer && !cx.foreign_modules)
    else {
        return;
    };
    let Some(head) = level.head.filter(|_| level.find("listen").is_none()) else { return };
    cx.report(
        Diagnostic::error("missing-listen", head, "a server of `stream` needs a `listen`")
            .label("no `listen` in it")
            .help("add `listen 12345;`")
            .nginx("no \"listen\" is defined for server")
            .when(When::OfBlock),
    );
}

/// Reports what is no address to listen on.
pub(super) fn refuse_address(cx: &mut Compiler<'_>, directive: &Directive<'_>, fault: &str) -> bool {
    let nginx = format!("{fault} in \"{}\" of the \"listen\" directive", directive.text(1));
    refuse(cx, directive, 1, "an address, a port or both: `80`, `127.0.0.1:8080`, `[::]:80`", nginx)
}

/// Each address of a range of ports.
pub(super) fn endpoints(url: &address::Url) -> Vec<Endpoint> {
    match (&url.endpoint, url.last_port) {
        (Endpoint::Inet(first), Some(last)) => (first.port()..=last)
            .map(|port| Endpoint::Inet(std::net::SocketAddr::new(first.ip(), port)))
            .collect(),
        (other, _) => vec![other.clone()],
    }
}

/// Sockets with TLS whose default server has no certificate (`ngx_http_ssl_init`, `ngx_stream_ssl_init`).
pub(super) fn report_missing_certificates(cx: &mut Compiler<'_>) {
    let sockets = std::mem::take(&mut cx.names.sockets);
    let mut tls: Vec<&Socket> = sockets.known.values().filter(|s| s.ssl || s.quic).collect();
    tls.sort_by_key(|s| s.order);
    let mut reported = std::collections::HashSet::new();
    for socket in tls {
        let Some(default) = sockets.servers.get(socket.default_server) else { continue };
        if default.has_certificate || default.whose == Whose::Mail {
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
        .when(When::EndOfSubsystem { step: 250, place: Place::Directive });
        if let Some(first) = socket.first {
            diagnostic = diagnostic.related(first, "the socket");
        }
        cx.includes = Rc::clone(&server.includes);
        cx.report(diagnostic);
    }
}
