//! What `ngx_http_proxy_module` changes of requests and responses on their way, and when it tries another peer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::{Buffers, Words};
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

/// What a rewriting of headers looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// This text.
    Text(ComplexValue),
    /// A match of the regular expression.
    Regex {
        /// The pattern as written, without `~`.
        pattern: String,
        /// `~*`, or the header is compared so.
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
    /// The first by the second.
    Replace(Pattern, ComplexValue),
}

/// The rewritings of a level; `None`: `off`.
pub type Rewrites = Option<Vec<Rewrite>>;

/// One `proxy_cookie_flags`: which cookie, and the flags it gets or loses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CookieFlags {
    /// The cookie's name.
    pub cookie: Pattern,
    /// `secure`, `nosecure`, `samesite=lax` …
    pub flags: Vec<ComplexValue>,
}

settings! {
    /// What is merged of `ngx_http_proxy_module` besides addresses and timeouts.
    pub struct PassSettings {
        /// When the next peer is tried.
        next_upstream: Words = "proxy_next_upstream",
        /// How many peers are tried; 0: all.
        next_upstream_tries: u32 = "proxy_next_upstream_tries",
        /// How long peers are tried; zero: any time.
        next_upstream_timeout: Duration = "proxy_next_upstream_timeout",
        /// Body of the requests to the peer; `None`: the client's.
        set_body: Option<ComplexValue> = "proxy_set_body",
        /// Whether the client's headers are passed on.
        pass_request_headers: bool = "proxy_pass_request_headers",
        /// Whether the client's body is passed on.
        pass_request_body: bool = "proxy_pass_request_body",
        /// Whether a body is read before it is passed on.
        request_buffering: bool = "proxy_request_buffering",
        /// How `Location` and `Refresh` are rewritten.
        redirect: Rewrites = "proxy_redirect",
        /// How the domain of cookies is rewritten.
        cookie_domain: Rewrites = "proxy_cookie_domain",
        /// How the path of cookies is rewritten.
        cookie_path: Rewrites = "proxy_cookie_path",
        /// Flags that cookies get or lose.
        cookie_flags: Option<Vec<CookieFlags>> = "proxy_cookie_flags",
        /// Headers of the response that the client does not get.
        hide_header: Vec<String> = "proxy_hide_header",
        /// Headers of the response that the client gets though nginx would hide them.
        pass_header: Vec<String> = "proxy_pass_header",
        /// Headers of the response that are not obeyed.
        ignore_headers: Words = "proxy_ignore_headers",
        /// Whether responses are read ahead of the client.
        buffering: bool = "proxy_buffering",
        /// Longest head of a response.
        buffer_size: u64 = "proxy_buffer_size",
        /// What of a response is held in memory.
        buffers: Buffers = "proxy_buffers",
        /// What of a response is held in a file; 0: nothing.
        max_temp_file_size: u64 = "proxy_max_temp_file_size",
        /// Bytes a second that are read of a response; 0: any.
        limit_rate: ComplexValue = "proxy_limit_rate",
        /// Whether the request to the peer goes on when the client is gone.
        ignore_client_abort: bool = "proxy_ignore_client_abort",
        /// Whether `SO_KEEPALIVE` is set.
        socket_keepalive: bool = "proxy_socket_keepalive",
        /// Size of a socket's receive buffer in bytes; 0: as the kernel has it.
        socket_rcvbuf: u64 = "proxy_socket_rcvbuf",
        /// Size of its send buffer.
        socket_sndbuf: u64 = "proxy_socket_sndbuf",
        /// Whether trailers of a chunked response are passed on.
        pass_trailers: bool = "proxy_pass_trailers",
        /// Whether ranges are cut out of every response.
        force_ranges: bool = "proxy_force_ranges",
    }
}
