//! Settings of `ngx_http_core_module` and of the logs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::{Buffers, TempPath, Word, Words};
use super::log::{AccessLogs, ErrorLog};
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

settings! {
    /// `ngx_http_core_module` and the logs.
    pub struct CoreHttpSettings {
        /// `keepalive_timeout`: time that an idle client connection is kept; zero: no keepalive. The second argument, a
        /// response header, is in `header`.
        keepalive_timeout: KeepaliveTimeout = "keepalive_timeout",
        /// `keepalive_min_timeout`: time that an idle client connection is kept even if connections are scarce or the
        /// worker shuts down.
        keepalive_min_timeout: Duration = "keepalive_min_timeout",
        /// `keepalive_requests`: requests on one client connection.
        keepalive_requests: u32 = "keepalive_requests",
        /// `keepalive_time`: age at which a client connection is closed.
        keepalive_time: Duration = "keepalive_time",
        /// `client_header_timeout`: time to read a whole request head.
        client_header_timeout: Duration = "client_header_timeout",
        /// `client_body_timeout`: time between two reads of a request body.
        client_body_timeout: Duration = "client_body_timeout",
        /// `client_max_body_size`: largest request body in bytes; 0: unlimited.
        client_max_body_size: u64 = "client_max_body_size",
        /// `client_body_buffer_size`: bytes of a request body that are held in memory.
        client_body_buffer_size: u64 = "client_body_buffer_size",
        /// `client_body_in_file_only`: write every body to a file, and remove or keep the file.
        client_body_in_file_only: Word = "client_body_in_file_only",
        /// `client_body_in_single_buffer`: one buffer per body; our runtime always uses one.
        client_body_in_single_buffer: bool = "client_body_in_single_buffer",
        /// `client_body_temp_path`: directory of the bodies' files.
        client_body_temp_path: TempPath = "client_body_temp_path",
        /// `send_timeout`: time between two writes to the client.
        send_timeout: Duration = "send_timeout",
        /// `default_type`: MIME type of a response that has none.
        default_type: String = "default_type",
        /// `server_tokens`: text of the Server header and of error pages.
        server_tokens: ServerTokens = "server_tokens",
        /// `client_header_buffer_size`: first buffer for a request head, in bytes.
        client_header_buffer_size: u64 = "client_header_buffer_size",
        /// `large_client_header_buffers`: buffers for a head that does not fit into the first one.
        large_client_header_buffers: Buffers = "large_client_header_buffers",
        /// `max_headers`: header lines that a request may have.
        max_headers: u32 = "max_headers",
        /// `ignore_invalid_headers`: ignore headers with invalid names instead of rejecting the request.
        ignore_invalid_headers: bool = "ignore_invalid_headers",
        /// `underscores_in_headers`: `_` is valid in header names.
        underscores_in_headers: bool = "underscores_in_headers",
        /// `merge_slashes`: adjacent slashes of a URI become one.
        merge_slashes: bool = "merge_slashes",
        /// `internal`: the location is for internal requests only.
        internal: bool = "internal",
        /// `absolute_redirect`: Location headers get scheme and host.
        absolute_redirect: bool = "absolute_redirect",
        /// `port_in_redirect`: an absolute Location gets the port.
        port_in_redirect: bool = "port_in_redirect",
        /// `server_name_in_redirect`: an absolute Location gets the `server_name` instead of the request's host.
        server_name_in_redirect: bool = "server_name_in_redirect",
        /// `error_page`: error pages by status.
        error_page: Vec<ErrorPage> = "error_page",
        /// `recursive_error_pages`: an error of an error page gets an error page too.
        recursive_error_pages: bool = "recursive_error_pages",
        /// `log_not_found`: log missing files to the error log.
        log_not_found: bool = "log_not_found",
        /// `keepalive_disable`: browsers without keepalive, after a POST or at all.
        keepalive_disable: Words = "keepalive_disable",
        /// `limit_rate`: bytes per second to the client; 0: unlimited.
        limit_rate: ComplexValue = "limit_rate",
        /// `limit_rate_after`: bytes that are sent before `limit_rate` applies.
        limit_rate_after: ComplexValue = "limit_rate_after",
        /// `lingering_close`: read the rest of the client's data before a close.
        lingering_close: Word = "lingering_close",
        /// `lingering_time`: longest lingering close.
        lingering_time: Duration = "lingering_time",
        /// `lingering_timeout`: longest pause of the client in a lingering close.
        lingering_timeout: Duration = "lingering_timeout",
        /// `chunked_transfer_encoding`: chunked bodies in HTTP/1.1 when the length is unknown.
        chunked_transfer_encoding: bool = "chunked_transfer_encoding",
        /// `rewrite_log`: log `rewrite` instructions to the error log.
        rewrite_log: bool = "rewrite_log",
        /// `uninitialized_variable_warn`: log the use of variables without a value.
        uninitialized_variable_warn: bool = "uninitialized_variable_warn",
        /// `reset_timedout_connection`: reset connections that timed out instead of closing them.
        reset_timedout_connection: bool = "reset_timedout_connection",
        /// `msie_padding`: pad error pages so that MSIE does not replace them.
        msie_padding: bool = "msie_padding",
        /// `msie_refresh`: refresh pages instead of redirects for MSIE.
        msie_refresh: bool = "msie_refresh",
        /// `log_subrequest`: log subrequests to the access log.
        log_subrequest: bool = "log_subrequest",
        /// `subrequest_output_buffer_size`: bytes of a subrequest's response that are held in memory for a variable.
        subrequest_output_buffer_size: u64 = "subrequest_output_buffer_size",
        /// `access_log`: access logs.
        access_log: AccessLogs = "access_log",
        /// `error_log` of this level; empty: those of the main context.
        error_log: Vec<ErrorLog> = "error_log",
    }
}

/// `keepalive_timeout time [header_time];`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepaliveTimeout {
    /// Time that an idle connection is kept; zero: no keepalive.
    pub idle: Duration,
    /// Seconds in the `Keep-Alive: timeout=` header.
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
    /// NGINX Plus: a custom text.
    Text(ComplexValue),
}

/// One `error_page`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorPage {
    /// Statuses that the page is for.
    pub statuses: Vec<u16>,
    /// Status to send instead; `Some(0)` for `=` alone: the page's own status.
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
