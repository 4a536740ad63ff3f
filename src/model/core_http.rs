//! Settings of `ngx_http_core_module` and of the logs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::{Buffers, TempPath, Word, Words};
use super::log::{AccessLogs, ErrorLog};
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

settings! {
    /// Settings of `ngx_http_core_module` and of the logs.
    pub struct CoreHttpSettings {
        /// Time an idle client connection is kept; zero: not at all. The second argument, a response
        /// header, is in `header`.
        keepalive_timeout: KeepaliveTimeout = "keepalive_timeout",
        /// Time an idle client connection is kept although its place is needed, or the worker stops.
        keepalive_min_timeout: Duration = "keepalive_min_timeout",
        /// Requests on one client connection.
        keepalive_requests: u32 = "keepalive_requests",
        /// Age at which a client connection is closed.
        keepalive_time: Duration = "keepalive_time",
        /// Time to read a whole request head.
        client_header_timeout: Duration = "client_header_timeout",
        /// Time between two reads of a body.
        client_body_timeout: Duration = "client_body_timeout",
        /// Largest request body in bytes; 0: any.
        client_max_body_size: u64 = "client_max_body_size",
        /// What of a request body is held in memory.
        client_body_buffer_size: u64 = "client_body_buffer_size",
        /// Whether all bodies are written to files, and whether the files stay.
        client_body_in_file_only: Word = "client_body_in_file_only",
        /// Whether a body lies in one piece; ours always does.
        client_body_in_single_buffer: bool = "client_body_in_single_buffer",
        /// Where the files are.
        client_body_temp_path: TempPath = "client_body_temp_path",
        /// Time between two writes to the client.
        send_timeout: Duration = "send_timeout",
        /// MIME type of a response that has none.
        default_type: String = "default_type",
        /// What the Server header and error pages say.
        server_tokens: ServerTokens = "server_tokens",
        /// First buffer for a request head, in bytes.
        client_header_buffer_size: u64 = "client_header_buffer_size",
        /// Number and size of the buffers for a head that does not fit into the first one.
        large_client_header_buffers: Buffers = "large_client_header_buffers",
        /// Header lines a request may have.
        max_headers: u32 = "max_headers",
        /// Whether header lines with bad names are left out instead of refused.
        ignore_invalid_headers: bool = "ignore_invalid_headers",
        /// Whether `_` is good in the name of a header.
        underscores_in_headers: bool = "underscores_in_headers",
        /// Whether slashes in a row are one.
        merge_slashes: bool = "merge_slashes",
        /// Whether only requests of nginx itself reach the location.
        internal: bool = "internal",
        /// Whether Location headers get scheme and host.
        absolute_redirect: bool = "absolute_redirect",
        /// Whether such a Location gets the port.
        port_in_redirect: bool = "port_in_redirect",
        /// Whether such a Location gets `server_name` instead of the host that was asked for.
        server_name_in_redirect: bool = "server_name_in_redirect",
        /// Pages for errors.
        error_page: Vec<ErrorPage> = "error_page",
        /// Whether an error of an error page gets its own error page.
        recursive_error_pages: bool = "recursive_error_pages",
        /// Whether a file that is not there is logged.
        log_not_found: bool = "log_not_found",
        /// Browsers that get no keepalive after a POST, or none at all.
        keepalive_disable: Words = "keepalive_disable",
        /// Bytes a second to the client; 0: any.
        limit_rate: ComplexValue = "limit_rate",
        /// Bytes before `limit_rate` holds.
        limit_rate_after: ComplexValue = "limit_rate_after",
        /// When a connection is closed slowly.
        lingering_close: Word = "lingering_close",
        /// Longest time for it.
        lingering_time: Duration = "lingering_time",
        /// Longest pause of the client in it.
        lingering_timeout: Duration = "lingering_timeout",
        /// Whether bodies of unknown length are chunked in HTTP/1.1.
        chunked_transfer_encoding: bool = "chunked_transfer_encoding",
        /// Whether `rewrite` says in the error log what it does.
        rewrite_log: bool = "rewrite_log",
        /// Whether a variable without a value is logged.
        uninitialized_variable_warn: bool = "uninitialized_variable_warn",
        /// Whether a connection that timed out is reset instead of closed.
        reset_timedout_connection: bool = "reset_timedout_connection",
        /// Whether pages of errors are made longer for clients that show short ones as their own.
        msie_padding: bool = "msie_padding",
        /// Whether old clients get a page instead of a redirection.
        msie_refresh: bool = "msie_refresh",
        /// Whether requests inside others are in the access log.
        log_subrequest: bool = "log_subrequest",
        /// What of a response is held in memory for a variable.
        subrequest_output_buffer_size: u64 = "subrequest_output_buffer_size",
        /// Access logs.
        access_log: AccessLogs = "access_log",
        /// Error logs of this level; empty: those of the main context.
        error_log: Vec<ErrorLog> = "error_log",
    }
}

/// `keepalive_timeout time [header_time];`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepaliveTimeout {
    /// Time an idle connection is kept; zero: connections are not kept.
    pub idle: Duration,
    /// Value of the `Keep-Alive: timeout=` header in seconds.
    pub header: Option<Duration>,
}

/// `server_tokens on | off | build | string;`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerTokens {
    /// `nginx/1.31.5`
    On,
    /// `nginx`
    Off,
    /// Version and build name.
    Build,
    /// NGINX Plus: a text of one's own.
    Text(ComplexValue),
}

/// One `error_page`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorPage {
    /// For which statuses.
    pub statuses: Vec<u16>,
    /// The status that is sent instead; `Some(0)` for `=` alone: that of the page.
    pub status: Option<u16>,
    /// URI of the page, `@name` of a location, or a URL to redirect to.
    pub uri: ComplexValue,
    /// The directive.
    pub span: Span,
}

impl PartialEq for ErrorPage {
    fn eq(&self, other: &Self) -> bool {
        self.statuses == other.statuses && self.status == other.status && self.uri == other.uri
    }
}

impl Eq for ErrorPage {}
