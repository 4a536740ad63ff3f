//! nginx's variables: one table from name to getter. A variable without getter is refused at start.

use std::net::IpAddr;

use crate::model::Endpoint;
use crate::runtime::fastcgi::script;
use crate::runtime::filters::ssi::value;
use crate::runtime::filters::{gzip, userid};
use crate::runtime::modules::{auth_basic, browser, proxy_protocol, referer, secure_link, tls};
use crate::runtime::net::clock::{self, Clock};
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::path;
use crate::runtime::net::text::{is_named, number, padded};
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::UpstreamTry;
use crate::runtime::request::variable::{
    Get, GetNamed, Getter, address, all, argument, count, display, joined, known, lines, seconds, text, time,
};
use crate::runtime::request::{cookies, file, reply};
use crate::runtime::server::http2;

/// The getter of a name.
pub(crate) fn find(name: &str) -> Option<Getter> {
    let tables = [PLAIN, tls::PLAIN, http2::PLAIN, proxy_protocol::PLAIN];
    if let Some((_, get)) = tables.into_iter().flatten().find(|(plain, _)| *plain == name) {
        return Some(Getter::Plain(*get));
    }
    let (prefix, get) = PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix))?;
    Some(Getter::Named(prefix.len(), *get))
}

const PREFIXES: &[(&str, GetNamed)] = &[
    ("proxy_protocol_tlv_", proxy_protocol::value),
    ("http_", |s, name, out| joined(s, name, b", ", out)),
    ("arg_", |s, name, out| argument(s.request, name, out)),
    ("cookie_", cookie),
    ("sent_http_", sent),
    ("sent_trailer_", |s, name, out| all(reply::values(&s.request.reply.trailers, name), out)),
    ("upstream_cookie_", |s, name, out| {
        let head = &s.request.upstream_head;
        let after = memchr::memchr(b'\n', head).map_or(head.len(), |lf| lf + 1);
        let mut cookies = reply::values(&head[after..], "set_cookie");
        cookies.find_map(|value| cookies::set_value(value, name)).is_some_and(|value| text(out, value))
    }),
    ("upstream_trailer_", |s, name, out| all(reply::values(&s.request.upstream_trailers, name), out)),
    ("upstream_http_", |s, name, out| lines(&s.request.upstream_head, name, b", ", out)),
];

const PLAIN: &[(&str, Get)] = &[
    ("http_cookie", |s, out| joined(s, "cookie", b"; ", out)),
    ("http_host", |s, out| known(s, KnownHeader::Host, out)),
    ("content_length", |s, out| {
        let r = &*s.request;
        // As it was sent; of a chunked body what was read, unless it is passed on while it is read
        // (`ngx_http_variable_content_length`).
        match (r.head.value(KnownHeader::ContentLength, r.buffer.all()), r.head.content_length) {
            (Some(length), Some(_)) => text(out, length),
            (None, Some(length)) => count(out, length),
            (_, None) if r.head.chunked && r.has_body && r.streamed == 0 => count(out, r.body_length()),
            (_, None) => r.discards.is_some_and(|length| count(out, length)),
        }
    }),
    ("content_type", |s, out| joined(s, "content_type", b", ", out)),
    ("host", |s, out| {
        if s.request.head.server.is_empty() {
            return text(out, s.worker.server_name(s.request.server).as_bytes());
        }
        text(out, &s.request.head.server)
    }),
    ("hostname", |s, out| text(out, s.worker.hostname.as_bytes())),
    ("remote_addr", |s, out| address(s.client.remote, out)),
    ("remote_port", |s, out| s.client.remote.is_none_or(|a| a.port() == 0 || count(out, a.port()))),
    ("binary_remote_addr", |s, out| match s.client.remote.map(|a| a.ip()) {
        Some(IpAddr::V4(ip)) => text(out, &ip.octets()),
        Some(IpAddr::V6(ip)) => text(out, &ip.octets()),
        None => text(out, b"unix:"),
    }),
    ("remote_user", remote_user),
    ("server_addr", |s, out| match &s.worker.router.listen(s.client.address).listen.endpoint {
        Endpoint::Unix(path) => display(out, format_args!("unix:{path}")),
        _ => address(s.client.local, out),
    }),
    ("server_port", |s, out| s.client.local.is_none_or(|a| count(out, a.port()))),
    ("server_name", |s, out| text(out, s.worker.server_name(s.request.server).as_bytes())),
    ("server_protocol", |s, out| text(out, s.request.head.line.protocol.of(s.request.buffer.all()))),
    ("request_method", |s, out| text(out, s.request.main_method())),
    ("request_uri", |s, out| text(out, s.request.head.line.target.of(s.request.buffer.all()))),
    ("request", |s, out| {
        let line = s.request.head.line.line;
        !line.is_empty() && text(out, line.of(s.request.buffer.all()))
    }),
    ("request_port", |s, out| {
        let port = s.request.head.port;
        port != 0 && count(out, port)
    }),
    ("is_request_port", |s, out| s.request.head.port == 0 || text(out, b":")),
    ("document_root", |s, out| {
        let root = file::document_root(s);
        text(out, &root)
    }),
    ("realpath_root", |s, out| {
        use std::os::unix::ffi::OsStrExt;
        let root = file::document_root(s);
        let real = std::fs::canonicalize(path::os(&root));
        real.is_ok_and(|real| text(out, real.as_os_str().as_bytes()))
    }),
    ("request_filename", |s, out| file::map(s).is_some_and(|mapped| text(out, &mapped.path))),
    ("request_body", |s, out| {
        let body = &s.request.body;
        !body.is_empty() && text(out, body)
    }),
    ("limit_req_status", |s, out| s.request.limit_req_status.is_some_and(|t| text(out, t.as_bytes()))),
    ("limit_conn_status", |s, out| s.request.limit_conn_status.is_some_and(|t| text(out, t.as_bytes()))),
    ("request_body_file", |s, out| match &s.request.body_file {
        Some(file) => text(out, file.path()),
        None => false,
    }),
    ("limit_rate", |s, out| {
        let rate = s.limit_rate();
        count(out, rate)
    }),
    ("realip_remote_addr", |s, out| address(s.request.real.unwrap_or(s.client.remote), out)),
    ("realip_remote_port", |s, out| {
        s.request.real.unwrap_or(s.client.remote).is_none_or(|a| count(out, a.port()))
    }),
    ("connections_active", |s, out| count(out, s.worker.counters.totals().active)),
    ("connections_reading", |s, out| count(out, s.worker.counters.totals().reading)),
    ("connections_writing", |s, out| count(out, s.worker.counters.totals().writing)),
    ("connections_waiting", |s, out| count(out, s.worker.counters.totals().waiting())),
    ("invalid_referer", referer::variable),
    ("modern_browser", |s, out| browser::variable(s, true, out)),
    ("ancient_browser", |s, out| browser::variable(s, false, out)),
    ("msie", |s, out| !browser::is_msie(s.request) || text(out, b"1")),
    ("uid_got", userid::got),
    ("uid_set", userid::set),
    ("uid_reset", |_, _| true),
    ("uri", uri),
    ("document_uri", uri),
    ("args", args),
    ("query_string", args),
    ("is_args", |s, out| s.request.args.is_empty() || text(out, b"?")),
    ("request_length", |s, out| count(out, s.request.length())),
    ("request_time", |s, out| seconds(out, Clock::now().saturating_sub(s.request.started))),
    ("request_id", |s, out| {
        let id = s.request.id.get_or_insert_with(|| s.worker.random.id());
        text(out, id.as_bytes())
    }),
    // A subrequest ends and is never complete, as `request_complete` of nginx is set for the main request alone.
    ("request_completion", |s, out| !s.request.is_complete || s.request.depth > 0 || text(out, b"OK")),
    ("status", status),
    ("bytes_sent", |s, out| count(out, s.request.bytes_sent())),
    ("body_bytes_sent", |s, out| count(out, s.request.body_bytes_sent())),
    ("connection", |s, out| count(out, s.client.number)),
    ("connection_requests", |s, out| count(out, s.client.requests)),
    ("connection_time", |s, out| seconds(out, clock::since(s.client.opened))),
    ("msec", |_, out| seconds(out, Clock::now())),
    ("time_local", |s, out| {
        s.worker.clock.local(out);
        true
    }),
    ("time_iso8601", |s, out| {
        s.worker.clock.iso8601(out);
        true
    }),
    ("pid", |_, out| count(out, std::process::id())),
    ("nginx_version", |s, out| display(out, s.worker.config.version)),
    ("pipe", |s, out| text(out, if s.request.pipelined { b"p" } else { b"." })),
    ("gzip_ratio", gzip::ratio),
    ("date_local", |_, out| value::plain_date(out, true)),
    ("date_gmt", |_, out| value::plain_date(out, false)),
    // QUIC is refused at start.
    ("http3", |_, _| false),
    ("secure_link", secure_link::verdict),
    ("secure_link_expires", secure_link::expires),
    ("fastcgi_script_name", script::script_name),
    ("fastcgi_path_info", script::path_info),
    ("proxy_host", |s, out| !s.request.proxy_host.is_empty() && text(out, &s.request.proxy_host)),
    ("proxy_port", |s, out| {
        let host = String::from_utf8_lossy(&s.request.proxy_host).into_owned();
        !host.is_empty() && text(out, port(&host).as_bytes())
    }),
    ("proxy_add_x_forwarded_for", |s, out| {
        if joined(s, "x_forwarded_for", b", ", out) {
            out.extend_from_slice(b", ");
        }
        address(s.client.remote, out)
    }),
    ("upstream_cache_status", |s, out| s.request.cache_status.is_some_and(|t| text(out, t.as_bytes()))),
    ("upstream_cache_last_modified", |s, out| {
        let time = s.request.validators.0;
        time != -1 && text(out, clock::http_date(time).as_bytes())
    }),
    ("upstream_cache_etag", |s, out| {
        let tag = &s.request.validators.1;
        !tag.is_empty() && text(out, tag)
    }),
    ("upstream_addr", |s, out| tries(s, out, |t, out| out.extend_from_slice(t.peer.as_bytes()))),
    ("upstream_status", |s, out| {
        tries(s, out, |t, out| match t.status {
            0 => out.push(b'-'),
            status => number(out, u64::from(status)),
        })
    }),
    ("upstream_bytes_received", |s, out| tries(s, out, |t, out| number(out, t.received))),
    ("upstream_bytes_sent", |s, out| tries(s, out, |t, out| number(out, t.sent))),
    ("upstream_response_length", |s, out| tries(s, out, |t, out| number(out, t.length))),
    ("upstream_response_time", |s, out| tries(s, out, |t, out| time(t.response, out))),
    ("upstream_connect_time", |s, out| tries(s, out, |t, out| time(t.connect, out))),
    ("upstream_header_time", |s, out| tries(s, out, |t, out| time(t.header, out))),
];

/// `$sent_http_name`: of the head as it was written, or as it is so far.
fn sent(s: &mut Scope<'_>, name: &str, out: &mut Vec<u8>) -> bool {
    let r = &*s.request;
    if let Some(head) = r.out.get(..r.head_length).filter(|head| !head.is_empty()) {
        return lines(head, name, b", ", out);
    }
    if let Some(head) = &r.http2_head {
        let fields = head.fields().filter(|(field, _)| is_named(field, name));
        return all(fields.map(|(_, value)| value), out);
    }
    let reply = &r.reply;
    match name {
        "content_type" if !reply.content_type.is_empty() => {
            out.extend_from_slice(&reply.content_type);
            if !reply.charset.is_empty() {
                out.extend_from_slice(b"; charset=");
                out.extend_from_slice(&reply.charset);
            }
            true
        }
        "content_length" => reply.content_length.is_some_and(|n| count(out, n)),
        "last_modified" if reply.get(b"Last-Modified").is_none() => {
            reply.last_modified.is_some_and(|time| text(out, clock::http_date(time).as_bytes()))
        }
        "connection" => text(out, if r.keepalive { b"keep-alive" } else { b"close" }),
        "keep_alive" => {
            let header = r.plan.core.keepalive_timeout.value.header;
            header.is_some_and(|header| {
                r.keepalive && text(out, format!("timeout={}", header.as_secs()).as_bytes())
            })
        }
        "transfer_encoding" => reply.chunked && text(out, b"chunked"),
        _ => all(reply::values(&reply.lines, name), out),
    }
}

/// `$uri`; a request line that could not be read has none.
fn uri(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    (s.request.head.has_line() || !s.request.uri.is_empty()) && text(out, &s.request.uri)
}

fn args(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    !s.request.args.is_empty() && text(out, &s.request.args)
}

/// `ngx_http_parse_multi_header_lines`
fn cookie(s: &mut Scope<'_>, name: &str, out: &mut Vec<u8>) -> bool {
    cookies::find_line(s.request, name.as_bytes()).is_some_and(|(_, value)| text(out, value))
}

/// The name in `Authorization: Basic` (`ngx_http_auth_basic_user`).
fn remote_user(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    auth_basic::credentials(s.request).is_some_and(|(name, _)| text(out, &name))
}

/// The port in the host of `proxy_pass`.
pub(crate) fn port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => port,
        _ => "80",
    }
}

/// The status of an error, from when its page is looked for; else of the response (`ngx_http_variable_status`).
fn status(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let r = &*s.request;
    let status = match (r.err_status, r.status) {
        (0, 0) if r.head.has_line() && r.head.line.version == 9 => 9,
        (0, status) => status,
        (error, _) => error,
    };
    padded(out, u64::from(status), 3);
    true
}

/// Appends a value for each try of an upstream, separated like in nginx: ` : ` separates the tries before an internal
/// redirect from those after it, the first of which has no peer (`ngx_http_upstream_addr_variable`).
fn tries(s: &Scope<'_>, out: &mut Vec<u8>, mut one: impl FnMut(&UpstreamTry, &mut Vec<u8>)) -> bool {
    let tries = &s.request.tries;
    let mut rest = tries.iter().peekable();
    while let Some(this) = rest.next() {
        one(this, out);
        match rest.peek() {
            None => break,
            Some(next) if !next.peer.is_empty() => out.extend_from_slice(b", "),
            Some(_) => {
                out.extend_from_slice(b" : ");
                rest.next();
            }
        }
    }
    !tries.is_empty()
}
