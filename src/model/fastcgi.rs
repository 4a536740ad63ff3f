//! Settings of `ngx_http_fastcgi_module`. The settings that the module shares with the proxy module, under `fastcgi_*`
//! names, become proxy settings: the same code executes both.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::{Buffers, TempPath, Words};
use super::cache::{Access, CacheSettings, CacheValid, CacheZone, Predicates, Store};
use super::gateway::as_proxy;
use super::pass::PassSettings;
use super::proxy::ProxySettings;
use super::reuse::ReuseSettings;
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

/// One `fastcgi_param`. Two are equal if name, value and condition are equal, wherever they stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Param {
    /// Name.
    #[serde(with = "super::serial::text")]
    pub name: Box<[u8]>,
    /// Value.
    pub value: ComplexValue,
    /// `if_not_empty`: an empty value is not sent.
    pub skips_empty: bool,
    /// The directive.
    pub span: Span,
}

impl PartialEq for Param {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value && self.skips_empty == other.skips_empty
    }
}

impl Eq for Param {}

settings! {
    /// Settings of `ngx_http_fastcgi_module` without a counterpart in the proxy module.
    pub struct FastcgiSettings {
        /// `fastcgi_param`: parameters of this level; they replace all parameters of the outer level.
        param: Vec<Param> = "fastcgi_param",
        /// `fastcgi_index`: file name that is added to a script name ending in a slash.
        index: String = "fastcgi_index",
        /// `fastcgi_split_path_info`: regular expression that splits a URI into script name and path info; empty: all
        /// is the script name.
        split_path_info: String = "fastcgi_split_path_info",
        /// `fastcgi_catch_stderr`: texts on the error stream that make the response invalid, so that the next peer is
        /// tried.
        catch_stderr: Vec<String> = "fastcgi_catch_stderr",
    }
}

settings! {
    /// Settings of `ngx_http_fastcgi_module` with a counterpart in the proxy module, except `fastcgi_keep_conn` and
    /// `fastcgi_bind`, which are in [`ReuseSettings`]. A group apart from the parameters, which many levels set.
    pub struct FastcgiProxySettings {
        /// `fastcgi_connect_timeout`: see `proxy_connect_timeout`.
        connect_timeout: Duration = "fastcgi_connect_timeout",
        /// `fastcgi_read_timeout`: see `proxy_read_timeout`.
        read_timeout: Duration = "fastcgi_read_timeout",
        /// `fastcgi_send_timeout`: see `proxy_send_timeout`.
        send_timeout: Duration = "fastcgi_send_timeout",
        /// `fastcgi_next_upstream`: see `proxy_next_upstream`.
        next_upstream: Words = "fastcgi_next_upstream",
        /// `fastcgi_next_upstream_tries`: see `proxy_next_upstream_tries`.
        next_upstream_tries: u32 = "fastcgi_next_upstream_tries",
        /// `fastcgi_next_upstream_timeout`: see `proxy_next_upstream_timeout`.
        next_upstream_timeout: Duration = "fastcgi_next_upstream_timeout",
        /// `fastcgi_pass_request_headers`: see `proxy_pass_request_headers`.
        pass_request_headers: bool = "fastcgi_pass_request_headers",
        /// `fastcgi_pass_request_body`: see `proxy_pass_request_body`.
        pass_request_body: bool = "fastcgi_pass_request_body",
        /// `fastcgi_request_buffering`: see `proxy_request_buffering`.
        request_buffering: bool = "fastcgi_request_buffering",
        /// `fastcgi_intercept_errors`: see `proxy_intercept_errors`.
        intercept_errors: bool = "fastcgi_intercept_errors",
        /// `fastcgi_hide_header`: see `proxy_hide_header`.
        hide_header: Vec<String> = "fastcgi_hide_header",
        /// `fastcgi_pass_header`: see `proxy_pass_header`.
        pass_header: Vec<String> = "fastcgi_pass_header",
        /// `fastcgi_ignore_headers`: see `proxy_ignore_headers`.
        ignore_headers: Words = "fastcgi_ignore_headers",
        /// `fastcgi_buffering`: see `proxy_buffering`.
        buffering: bool = "fastcgi_buffering",
        /// `fastcgi_buffer_size`: see `proxy_buffer_size`.
        buffer_size: u64 = "fastcgi_buffer_size",
        /// `fastcgi_buffers`: see `proxy_buffers`.
        buffers: Buffers = "fastcgi_buffers",
        /// `fastcgi_max_temp_file_size`: see `proxy_max_temp_file_size`.
        max_temp_file_size: u64 = "fastcgi_max_temp_file_size",
        /// `fastcgi_temp_path`: see `proxy_temp_path`.
        temp_path: TempPath = "fastcgi_temp_path",
        /// `fastcgi_limit_rate`: see `proxy_limit_rate`.
        limit_rate: ComplexValue = "fastcgi_limit_rate",
        /// `fastcgi_ignore_client_abort`: see `proxy_ignore_client_abort`.
        ignore_client_abort: bool = "fastcgi_ignore_client_abort",
        /// `fastcgi_socket_keepalive`: see `proxy_socket_keepalive`.
        socket_keepalive: bool = "fastcgi_socket_keepalive",
        /// `fastcgi_socket_rcvbuf`: see `proxy_socket_rcvbuf`.
        socket_rcvbuf: u64 = "fastcgi_socket_rcvbuf",
        /// `fastcgi_socket_sndbuf`: see `proxy_socket_sndbuf`.
        socket_sndbuf: u64 = "fastcgi_socket_sndbuf",
        /// `fastcgi_force_ranges`: see `proxy_force_ranges`.
        force_ranges: bool = "fastcgi_force_ranges",
        /// `fastcgi_cache`: see `proxy_cache`.
        cache: CacheZone = "fastcgi_cache",
        /// `fastcgi_cache_key`: see `proxy_cache_key`; there is no default.
        cache_key: Option<ComplexValue> = "fastcgi_cache_key",
        /// `fastcgi_cache_valid`: see `proxy_cache_valid`.
        cache_valid: Vec<CacheValid> = "fastcgi_cache_valid",
        /// `fastcgi_cache_bypass`: see `proxy_cache_bypass`.
        cache_bypass: Predicates = "fastcgi_cache_bypass",
        /// `fastcgi_no_cache`: see `proxy_no_cache`.
        no_cache: Predicates = "fastcgi_no_cache",
        /// `fastcgi_cache_use_stale`: see `proxy_cache_use_stale`.
        cache_use_stale: Words = "fastcgi_cache_use_stale",
        /// `fastcgi_cache_methods`: see `proxy_cache_methods`.
        cache_methods: Words = "fastcgi_cache_methods",
        /// `fastcgi_cache_min_uses`: see `proxy_cache_min_uses`.
        cache_min_uses: u32 = "fastcgi_cache_min_uses",
        /// `fastcgi_cache_lock`: see `proxy_cache_lock`.
        cache_lock: bool = "fastcgi_cache_lock",
        /// `fastcgi_cache_lock_timeout`: see `proxy_cache_lock_timeout`.
        cache_lock_timeout: Duration = "fastcgi_cache_lock_timeout",
        /// `fastcgi_cache_lock_age`: see `proxy_cache_lock_age`.
        cache_lock_age: Duration = "fastcgi_cache_lock_age",
        /// `fastcgi_cache_revalidate`: see `proxy_cache_revalidate`.
        cache_revalidate: bool = "fastcgi_cache_revalidate",
        /// `fastcgi_cache_background_update`: see `proxy_cache_background_update`.
        cache_background_update: bool = "fastcgi_cache_background_update",
        /// `fastcgi_cache_max_range_offset`: see `proxy_cache_max_range_offset`.
        cache_max_range_offset: Option<u64> = "fastcgi_cache_max_range_offset",
        /// `fastcgi_store`: see `proxy_store`.
        store: Store = "fastcgi_store",
        /// `fastcgi_store_access`: see `proxy_store_access`.
        store_access: Access = "fastcgi_store_access",
    }
}

impl FastcgiProxySettings {
    /// The same settings as the proxy module's groups.
    pub fn as_proxy(&self, reuse: &ReuseSettings) -> (ProxySettings, PassSettings, CacheSettings) {
        as_proxy!(self, reuse.fastcgi_bind)
    }
}
