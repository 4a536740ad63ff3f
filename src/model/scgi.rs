//! Settings of `ngx_http_scgi_module`. All but the parameters become proxy settings.

use std::time::Duration;

use super::argument::{Buffers, TempPath, Words};
use super::cache::{Access, CacheSettings, CacheValid, CacheZone, Predicates, Store};
use super::fastcgi::Param;
use super::gateway::as_proxy;
use super::pass::PassSettings;
use super::proxy::{Bind, ProxySettings};
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// `ngx_http_scgi_module`
    pub struct ScgiSettings {
        /// `scgi_param`: parameters of this level; they replace all parameters of the outer level.
        param: Vec<Param> = "scgi_param",
        /// `scgi_bind`: source address.
        bind: Bind = "scgi_bind",
        /// `scgi_connect_timeout`: see `proxy_connect_timeout`.
        connect_timeout: Duration = "scgi_connect_timeout",
        /// `scgi_read_timeout`: see `proxy_read_timeout`.
        read_timeout: Duration = "scgi_read_timeout",
        /// `scgi_send_timeout`: see `proxy_send_timeout`.
        send_timeout: Duration = "scgi_send_timeout",
        /// `scgi_next_upstream`: see `proxy_next_upstream`.
        next_upstream: Words = "scgi_next_upstream",
        /// `scgi_next_upstream_tries`: see `proxy_next_upstream_tries`.
        next_upstream_tries: u32 = "scgi_next_upstream_tries",
        /// `scgi_next_upstream_timeout`: see `proxy_next_upstream_timeout`.
        next_upstream_timeout: Duration = "scgi_next_upstream_timeout",
        /// `scgi_pass_request_headers`: see `proxy_pass_request_headers`.
        pass_request_headers: bool = "scgi_pass_request_headers",
        /// `scgi_pass_request_body`: see `proxy_pass_request_body`.
        pass_request_body: bool = "scgi_pass_request_body",
        /// `scgi_request_buffering`: see `proxy_request_buffering`.
        request_buffering: bool = "scgi_request_buffering",
        /// `scgi_intercept_errors`: see `proxy_intercept_errors`.
        intercept_errors: bool = "scgi_intercept_errors",
        /// `scgi_hide_header`: see `proxy_hide_header`.
        hide_header: Vec<String> = "scgi_hide_header",
        /// `scgi_pass_header`: see `proxy_pass_header`.
        pass_header: Vec<String> = "scgi_pass_header",
        /// `scgi_ignore_headers`: see `proxy_ignore_headers`.
        ignore_headers: Words = "scgi_ignore_headers",
        /// `scgi_buffering`: see `proxy_buffering`.
        buffering: bool = "scgi_buffering",
        /// `scgi_buffer_size`: see `proxy_buffer_size`.
        buffer_size: u64 = "scgi_buffer_size",
        /// `scgi_buffers`: see `proxy_buffers`.
        buffers: Buffers = "scgi_buffers",
        /// `scgi_max_temp_file_size`: see `proxy_max_temp_file_size`.
        max_temp_file_size: u64 = "scgi_max_temp_file_size",
        /// `scgi_temp_path`: see `proxy_temp_path`.
        temp_path: TempPath = "scgi_temp_path",
        /// `scgi_limit_rate`: see `proxy_limit_rate`.
        limit_rate: ComplexValue = "scgi_limit_rate",
        /// `scgi_ignore_client_abort`: see `proxy_ignore_client_abort`.
        ignore_client_abort: bool = "scgi_ignore_client_abort",
        /// `scgi_socket_keepalive`: see `proxy_socket_keepalive`.
        socket_keepalive: bool = "scgi_socket_keepalive",
        /// `scgi_socket_rcvbuf`: see `proxy_socket_rcvbuf`.
        socket_rcvbuf: u64 = "scgi_socket_rcvbuf",
        /// `scgi_socket_sndbuf`: see `proxy_socket_sndbuf`.
        socket_sndbuf: u64 = "scgi_socket_sndbuf",
        /// `scgi_force_ranges`: see `proxy_force_ranges`.
        force_ranges: bool = "scgi_force_ranges",
        /// `scgi_cache`: see `proxy_cache`.
        cache: CacheZone = "scgi_cache",
        /// `scgi_cache_key`: see `proxy_cache_key`; there is no default.
        cache_key: Option<ComplexValue> = "scgi_cache_key",
        /// `scgi_cache_valid`: see `proxy_cache_valid`.
        cache_valid: Vec<CacheValid> = "scgi_cache_valid",
        /// `scgi_cache_bypass`: see `proxy_cache_bypass`.
        cache_bypass: Predicates = "scgi_cache_bypass",
        /// `scgi_no_cache`: see `proxy_no_cache`.
        no_cache: Predicates = "scgi_no_cache",
        /// `scgi_cache_use_stale`: see `proxy_cache_use_stale`.
        cache_use_stale: Words = "scgi_cache_use_stale",
        /// `scgi_cache_methods`: see `proxy_cache_methods`.
        cache_methods: Words = "scgi_cache_methods",
        /// `scgi_cache_min_uses`: see `proxy_cache_min_uses`.
        cache_min_uses: u32 = "scgi_cache_min_uses",
        /// `scgi_cache_lock`: see `proxy_cache_lock`.
        cache_lock: bool = "scgi_cache_lock",
        /// `scgi_cache_lock_timeout`: see `proxy_cache_lock_timeout`.
        cache_lock_timeout: Duration = "scgi_cache_lock_timeout",
        /// `scgi_cache_lock_age`: see `proxy_cache_lock_age`.
        cache_lock_age: Duration = "scgi_cache_lock_age",
        /// `scgi_cache_revalidate`: see `proxy_cache_revalidate`.
        cache_revalidate: bool = "scgi_cache_revalidate",
        /// `scgi_cache_background_update`: see `proxy_cache_background_update`.
        cache_background_update: bool = "scgi_cache_background_update",
        /// `scgi_cache_max_range_offset`: see `proxy_cache_max_range_offset`.
        cache_max_range_offset: Option<u64> = "scgi_cache_max_range_offset",
        /// `scgi_store`: see `proxy_store`.
        store: Store = "scgi_store",
        /// `scgi_store_access`: see `proxy_store_access`.
        store_access: Access = "scgi_store_access",
    }
}

impl ScgiSettings {
    /// The same settings as the proxy module's groups.
    pub fn as_proxy(&self) -> (ProxySettings, PassSettings, CacheSettings) {
        as_proxy!(self, self.bind)
    }
}
