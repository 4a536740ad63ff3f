//! Settings of `ngx_http_proxy_module` that change requests and responses, and that select the next peer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::{Buffers, TempPath, Words};
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

/// Pattern of a header rewriting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// A text.
    Text(ComplexValue),
    /// A regular expression.
    Regex {
        /// The pattern as written, without `~`.
        pattern: String,
        /// `~*`, or a header that is compared case-insensitively.
        caseless: bool,
        /// The directive.
        span: Span,
    },
}

/// One replacement of `proxy_redirect`, `proxy_cookie_domain` or `proxy_cookie_path`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// `proxy_redirect default`
    Default,
    /// Replaces the pattern by the value.
    Replace(Pattern, ComplexValue),
}

/// Rewritings of a level; `None`: `off`.
pub type Rewrites = Option<Vec<Rewrite>>;

/// One `proxy_cookie_flags`: the cookies, and the flags that they get or lose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CookieFlags {
    /// Name of the cookie.
    pub cookie: Pattern,
    /// `secure`, `nosecure`, `samesite=lax` …
    pub flags: Vec<ComplexValue>,
}

settings! {
    /// `ngx_http_proxy_module`, except addresses and timeouts.
    pub struct PassSettings {
        /// `proxy_next_upstream`: cases in which the next peer is tried.
        next_upstream: Words = "proxy_next_upstream",
        /// `proxy_next_upstream_tries`: number of peers to try; 0: all.
        next_upstream_tries: u32 = "proxy_next_upstream_tries",
        /// `proxy_next_upstream_timeout`: time in which peers are tried; zero: unlimited.
        next_upstream_timeout: Duration = "proxy_next_upstream_timeout",
        /// `proxy_set_body`: body of the upstream request; `None`: the client's.
        set_body: Option<ComplexValue> = "proxy_set_body",
        /// `proxy_pass_request_headers`: pass the client's headers on.
        pass_request_headers: bool = "proxy_pass_request_headers",
        /// `proxy_pass_request_body`: pass the client's body on.
        pass_request_body: bool = "proxy_pass_request_body",
        /// `proxy_request_buffering`: read the whole body before it is passed on.
        request_buffering: bool = "proxy_request_buffering",
        /// `proxy_redirect`: rewriting of `Location` and `Refresh`.
        redirect: Rewrites = "proxy_redirect",
        /// `proxy_cookie_domain`: rewriting of the cookies' domain.
        cookie_domain: Rewrites = "proxy_cookie_domain",
        /// `proxy_cookie_path`: rewriting of the cookies' path.
        cookie_path: Rewrites = "proxy_cookie_path",
        /// `proxy_cookie_flags`: flags that cookies get or lose.
        cookie_flags: Option<Vec<CookieFlags>> = "proxy_cookie_flags",
        /// `proxy_hide_header`: response headers that are not passed to the client.
        hide_header: Vec<String> = "proxy_hide_header",
        /// `proxy_pass_header`: response headers that are passed to the client although nginx would hide them.
        pass_header: Vec<String> = "proxy_pass_header",
        /// `proxy_ignore_headers`: response headers that are not obeyed.
        ignore_headers: Words = "proxy_ignore_headers",
        /// `proxy_buffering`: read responses ahead of the client.
        buffering: bool = "proxy_buffering",
        /// `proxy_buffer_size`: buffer for the head of a response, in bytes.
        buffer_size: u64 = "proxy_buffer_size",
        /// `proxy_buffers`: part of a response that is held in memory.
        buffers: Buffers = "proxy_buffers",
        /// `proxy_max_temp_file_size`: bytes of a response that are held in a file; 0: none.
        max_temp_file_size: u64 = "proxy_max_temp_file_size",
        /// `proxy_temp_path`: directory of the responses' files.
        temp_path: TempPath = "proxy_temp_path",
        /// `proxy_limit_rate`: bytes per second that are read of a response; 0: unlimited.
        limit_rate: ComplexValue = "proxy_limit_rate",
        /// `proxy_ignore_client_abort`: the upstream request goes on after the client has closed its connection.
        ignore_client_abort: bool = "proxy_ignore_client_abort",
        /// `proxy_socket_keepalive`: set `SO_KEEPALIVE` on upstream connections.
        socket_keepalive: bool = "proxy_socket_keepalive",
        /// `proxy_socket_rcvbuf`: receive buffer of an upstream socket in bytes; 0: the kernel's default.
        socket_rcvbuf: u64 = "proxy_socket_rcvbuf",
        /// `proxy_socket_sndbuf`: send buffer of an upstream socket in bytes; 0: the kernel's default.
        socket_sndbuf: u64 = "proxy_socket_sndbuf",
        /// `proxy_pass_trailers`: pass the trailers of a chunked response on.
        pass_trailers: bool = "proxy_pass_trailers",
        /// `proxy_force_ranges`: support byte ranges of any response.
        force_ranges: bool = "proxy_force_ranges",
    }
}
