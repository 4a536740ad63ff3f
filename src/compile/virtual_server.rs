//! Parts of a server that `http` and `stream` share: its names, and a server without directives.

use super::directive::Directive;
use super::scope::Compiler;
use super::{listen, value};
use crate::catalog::Subsystem;
use crate::diagnostic::Diagnostic;
use crate::model::server::ServerName;
use crate::model::{HttpSettings, Location, Server};
use crate::source::Span;

/// Server around a fragment, without directives of its own.
pub(super) fn around(span: Span, locations: Vec<Location>, settings: &HttpSettings) -> Server {
    Server {
        span,
        listen: vec![listen::implied()],
        names: vec![ServerName::Exact(String::new())],
        settings: settings.clone(),
        instructions: Vec::new(),
        locations,
    }
}

/// Message about the allowed places of a wildcard.
pub(super) const WILDCARDS: &str =
    "`*` stands only at the start, `*.example.com`, or at the end, `www.example.*`";

/// Name with a `*` or two dots in a wrong place.
pub(super) struct NoWildcard {
    /// Number of the server among those of `http`.
    pub(super) server: usize,
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) includes: std::rc::Rc<[Span]>,
}

/// Names with a misplaced wildcard, which a hash cannot hold.
#[derive(Default)]
pub(super) struct NoWildcards(pub(super) Vec<NoWildcard>);

/// Parses one name of `server_name` (`ngx_http_core_server_name`).
pub(super) fn server_name(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize) -> Option<ServerName> {
    let text = directive.arg(n);
    if let Some(pattern) = text.strip_prefix(b"~") {
        if pattern.is_empty() {
            report_name(
                cx,
                directive,
                n,
                "a regular expression is expected after `~`",
                "empty regex in server name",
            );
            return None;
        }
        value::define_captures(cx, pattern, directive.arg_span(n));
        // An expression without upper-case letters is compiled as it is, others case-insensitively.
        let caseless = pattern.iter().any(u8::is_ascii_uppercase);
        super::regex::check(cx, pattern, caseless, directive.arg_span(n));
        return Some(ServerName::Regex(String::from_utf8_lossy(pattern).into_owned()));
    }
    let name = directive.text(n).to_ascii_lowercase();
    if name.starts_with('*') && (name.len() < 3 || !name.starts_with("*.")) || name == "." {
        report_name(cx, directive, n, WILDCARDS, "server name");
        return None;
    }
    if name == "$hostname" {
        return Some(ServerName::Exact(name));
    }
    if name.contains('/') {
        let message =
            "a `/` cannot be part of a name; a server is chosen by host only, paths belong in `location`";
        warn_name(cx, directive, n, message);
    }
    if !super::headers::wildcard(name.as_bytes()) {
        // nginx notices only if servers share the socket; in stream `report_stream_conflicts` looks.
        if cx.subsystem == Subsystem::Stream {
            return Some(ServerName::Exact(name));
        }
        let server = cx.http.servers.len();
        let includes = std::rc::Rc::clone(&cx.includes);
        cx.states.of::<NoWildcards>().0.push(NoWildcard {
            server,
            name: name.clone(),
            span: directive.arg_span(n),
            includes,
        });
        return Some(ServerName::Exact(name));
    }
    Some(if let Some(rest) = name.strip_prefix("*.") {
        ServerName::WildcardHead(format!(".{rest}"))
    } else if let Some(rest) = name.strip_suffix('*') {
        ServerName::WildcardTail(rest.to_owned())
    } else if let Some(rest) = name.strip_prefix('.') {
        ServerName::DotHead(rest.to_owned())
    } else {
        ServerName::Exact(name)
    })
}

fn report_name(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize, expected: &str, nginx: &str) {
    let shown = directive.text(n);
    let nginx = match nginx {
        "server name" => format!("{nginx} \"{shown}\" is invalid"),
        _ => format!("{nginx} \"{shown}\""),
    };
    cx.report(
        Diagnostic::error(
            "invalid-server-name",
            directive.arg_span(n),
            format!("`{shown}` is no server name: {expected}"),
        )
        .label("not a server name")
        .nginx(nginx),
    );
}

fn warn_name(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize, message: &str) {
    let shown = directive.text(n);
    cx.report(
        Diagnostic::warning(
            "suspicious-server-name",
            directive.arg_span(n),
            format!("`{shown}` never matches: {message}"),
        )
        .label("contains `/`")
        .nginx(format!("server name \"{shown}\" has suspicious symbols")),
    );
}
