//! Parameters of a `listen`, and their contradictions.

use crate::catalog;
use crate::compile::argument::{self, digits, refuse, size, time};
use crate::compile::directive::Directive;
use crate::compile::scope::Compiler;
use crate::diagnostic::Diagnostic;

/// Parsed parameters of one `listen`.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of the directive")]
pub(in crate::compile) struct Options {
    /// A parameter of the socket itself is set: only one server may do that.
    pub(in crate::compile) set: bool,
    pub(in crate::compile) default_server: bool,
    pub(in crate::compile) ssl: bool,
    pub(in crate::compile) http2: bool,
    pub(in crate::compile) quic: bool,
    pub(in crate::compile) udp: bool,
    pub(in crate::compile) proxy_protocol: bool,
    pub(in crate::compile) reuseport: bool,
    pub(in crate::compile) backlog: Option<u32>,
    pub(in crate::compile) ipv6only: Option<bool>,
    fastopen: bool,
    deferred: bool,
    multipath: bool,
    so_keepalive: bool,
}

/// The parameters of a `listen`; `None` if one is wrong, which is reported.
pub(in crate::compile) fn options(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Options> {
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

/// Reports parameters that UDP sockets cannot have.
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
