//! Variables that HTTP does not have, or has otherwise (`ngx_stream_variables.c`, `ngx_stream_upstream.c`,
//! `ngx_stream_ssl_preread_module.c`).

use std::time::Duration;

use crate::runtime::net::clock;
use crate::runtime::net::text::number;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::session::{Hello, Session};
use crate::runtime::request::state::UpstreamTry;
use crate::runtime::request::variable::{Get, Getter, count, seconds, text, time};

/// The getter of a name, if HTTP's would be wrong.
pub(crate) fn find(name: &str) -> Option<Getter> {
    PLAIN.iter().find(|(plain, _)| *plain == name).map(|(_, get)| Getter::Plain(*get))
}

const PLAIN: &[(&str, Get)] = &[
    ("status", |s, out| {
        session(s).is_some_and(|session| text(out, format!("{:03}", session.status).as_bytes()))
    }),
    ("protocol", |s, out| {
        session(s).is_some_and(|session| text(out, if session.is_udp { b"UDP" } else { b"TCP" }))
    }),
    ("bytes_sent", |s, out| session(s).is_some_and(|session| count(out, session.sent))),
    ("bytes_received", |s, out| session(s).is_some_and(|session| count(out, session.received))),
    ("session_time", |s, out| {
        let elapsed = clock::since(s.client.opened);
        seconds(out, elapsed)
    }),
    ("upstream_addr", |s, out| each(s, out, |this, out| out.extend_from_slice(this.peer.as_bytes()))),
    ("upstream_bytes_sent", |s, out| each(s, out, |this, out| number(out, this.sent))),
    ("upstream_bytes_received", |s, out| each(s, out, |this, out| number(out, this.received))),
    ("upstream_connect_time", |s, out| times(s, out, |this| this.connect)),
    ("upstream_first_byte_time", |s, out| times(s, out, |this| this.header)),
    ("upstream_session_time", |s, out| times(s, out, |this| this.response)),
    // Said at start (`server::unsupported`).
    ("ssl_session_id", |_, _| false),
    ("ssl_preread_protocol", |s, out| {
        let name: &[u8] = match hello(s).map(|hello| hello.version) {
            Some([0, 2]) => b"SSLv2",
            Some([3, 0]) => b"SSLv3",
            Some([3, 1]) => b"TLSv1",
            Some([3, 2]) => b"TLSv1.1",
            Some([3, 3]) => b"TLSv1.2",
            Some([3, 4]) => b"TLSv1.3",
            None => return false,
            Some(_) => b"",
        };
        text(out, name)
    }),
    ("ssl_preread_server_name", |s, out| hello(s).is_some_and(|hello| text(out, &hello.server_name))),
    ("ssl_preread_alpn_protocols", |s, out| hello(s).is_some_and(|hello| text(out, &hello.alpn))),
];

fn session<'a>(s: &'a Scope<'_>) -> Option<&'a Session> {
    s.request.session.as_deref()
}

fn hello<'a>(s: &'a Scope<'_>) -> Option<&'a Hello> {
    session(s)?.hello.as_ref()
}

/// A value of each try, separated by commas.
fn each(s: &Scope<'_>, out: &mut Vec<u8>, put: impl Fn(&UpstreamTry, &mut Vec<u8>)) -> bool {
    for (i, this) in s.request.tries.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        put(this, out);
    }
    !s.request.tries.is_empty()
}

fn times(s: &Scope<'_>, out: &mut Vec<u8>, get: impl Fn(&UpstreamTry) -> Option<Duration>) -> bool {
    each(s, out, |this, out| time(get(this), out))
}
