//! Settings of `ngx_http_uwsgi_module`. All but the parameters become proxy settings.

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
    /// `ngx_http_uwsgi_module`
    pub struct UwsgiSettings {
        /// `uwsgi_param`: parameters of this level; they replace all parameters of the outer level.
        param: Vec<Param> = "uwsgi_param",
        /// `uwsgi_modifier1`: first modifier of the packet.
        modifier1: u32 = "uwsgi_modifier1",
        /// `uwsgi_modifier2`: second modifier of the packet.
        modifier2: u32 = "uwsgi_modifier2",
        /// `uwsgi_string`: text behind the parameters.
        string: String = "uwsgi_string",
        /// `uwsgi_bind`: source address.
        bind: Bind = "uwsgi_bind",
        /// `uwsgi_connect_timeout`: see `proxy_connect_timeout`.
        connect_timeout: Duration = "uwsgi_connect_timeout",
        /// `uwsgi_read_timeout`: see `proxy_read_timeout`.
        read_timeout: Duration = "uwsgi_read_timeout",
        /// `uwsgi_send_timeout`: see `proxy_send_timeout`.
        send_timeout: Duration = "uwsgi_send_timeout",
        /// `uwsgi_next_upstream`: see `proxy_next_upstream`.
        next_upstream: Words = "uwsgi_next_upstream",
        /// `uwsgi_next_upstream_tries`: see `proxy_next_upstream_tries`.
        next_upstream_tries: u32 = "uwsgi_next_upstream_tries",
        /// `uwsgi_next_upstream_timeout`: see `proxy_next_upstream_timeout`.
        next_upstream_timeout: Duration = "uwsgi_next_upstream_timeout",
        /// `uwsgi_pass_request_headers`: see `proxy_pass_request_headers`.
        pass_request_headers: bool = "uwsgi_pass_request_headers",
        /// `uwsgi_pass_request_body`: see `proxy_pass_request_body`.
        pass_request_body: bool = "uwsgi_pass_request_body",
        /// `uwsgi_request_buffering`: see `proxy_request_buffering`.
        request_buffering: bool = "uwsgi_request_buffering",
        /// `uwsgi_intercept_errors`: see `proxy_intercept_errors`.
        intercept_errors: bool = "uwsgi_intercept_errors",
        /// `uwsgi_hide_header`: see `proxy_hide_header`.
        hide_header: Vec<String> = "uwsgi_hide_header",
        /// `uwsgi_pass_header`: see `proxy_pass_header`.
        pass_header: Vec<String> = "uwsgi_pass_header",
        /// `uwsgi_ignore_headers`: see `proxy_ignore_headers`.
        ignore_headers: Words = "uwsgi_ignore_headers",
        /// `uwsgi_buffering`: see `proxy_buffering`.
        buffering: bool = "uwsgi_buffering",
        /// `uwsgi_buffer_size`: see `proxy_buffer_size`.
        buffer_size: u64 = "uwsgi_buffer_size",
        /// `uwsgi_buffers`: see `proxy_buffers`.
        buffers: Buffers = "uwsgi_buffers",
        /// `uwsgi_max_temp_file_size`: see `proxy_max_temp_file_size`.
        max_temp_file_size: u64 = "uwsgi_max_temp_file_size",
        /// `uwsgi_temp_path`: see `proxy_temp_path`.
        temp_path: TempPath = "uwsgi_temp_path",
        /// `uwsgi_limit_rate`: see `proxy_limit_rate`.
        limit_rate: ComplexValue = "uwsgi_limit_rate",
        /// `uwsgi_ignore_client_abort`: see `proxy_ignore_client_abort`.
        ignore_client_abort: bool = "uwsgi_ignore_client_abort",
        /// `uwsgi_socket_keepalive`: see `proxy_socket_keepalive`.
        socket_keepalive: bool = "uwsgi_socket_keepalive",
        /// `uwsgi_socket_rcvbuf`: see `proxy_socket_rcvbuf`.
        socket_rcvbuf: u64 = "uwsgi_socket_rcvbuf",
        /// `uwsgi_socket_sndbuf`: see `proxy_socket_sndbuf`.
        socket_sndbuf: u64 = "uwsgi_socket_sndbuf",
        /// `uwsgi_force_ranges`: see `proxy_force_ranges`.
        force_ranges: bool = "uwsgi_force_ranges",
        /// `uwsgi_cache`: see `proxy_cache`.
        cache: CacheZone = "uwsgi_cache",
        /// `uwsgi_cache_key`: see `proxy_cache_key`; there is no default.
        cache_key: Option<ComplexValue> = "uwsgi_cache_key",
        /// `uwsgi_cache_valid`: see `proxy_cache_valid`.
        cache_valid: Vec<CacheValid> = "uwsgi_cache_valid",
        /// `uwsgi_cache_bypass`: see `proxy_cache_bypass`.
        cache_bypass: Predicates = "uwsgi_cache_bypass",
        /// `uwsgi_no_cache`: see `proxy_no_cache`.
        no_cache: Predicates = "uwsgi_no_cache",
        /// `uwsgi_cache_use_stale`: see `proxy_cache_use_stale`.
        cache_use_stale: Words = "uwsgi_cache_use_stale",
        /// `uwsgi_cache_methods`: see `proxy_cache_methods`.
        cache_methods: Words = "uwsgi_cache_methods",
        /// `uwsgi_cache_min_uses`: see `proxy_cache_min_uses`.
        cache_min_uses: u32 = "uwsgi_cache_min_uses",
        /// `uwsgi_cache_lock`: see `proxy_cache_lock`.
        cache_lock: bool = "uwsgi_cache_lock",
        /// `uwsgi_cache_lock_timeout`: see `proxy_cache_lock_timeout`.
        cache_lock_timeout: Duration = "uwsgi_cache_lock_timeout",
        /// `uwsgi_cache_lock_age`: see `proxy_cache_lock_age`.
        cache_lock_age: Duration = "uwsgi_cache_lock_age",
        /// `uwsgi_cache_revalidate`: see `proxy_cache_revalidate`.
        cache_revalidate: bool = "uwsgi_cache_revalidate",
        /// `uwsgi_cache_background_update`: see `proxy_cache_background_update`.
        cache_background_update: bool = "uwsgi_cache_background_update",
        /// `uwsgi_cache_max_range_offset`: see `proxy_cache_max_range_offset`.
        cache_max_range_offset: Option<u64> = "uwsgi_cache_max_range_offset",
        /// `uwsgi_store`: see `proxy_store`.
        store: Store = "uwsgi_store",
        /// `uwsgi_store_access`: see `proxy_store_access`.
        store_access: Access = "uwsgi_store_access",
    }
}

impl UwsgiSettings {
    /// The same settings as the proxy module's groups.
    pub fn as_proxy(&self) -> (ProxySettings, PassSettings, CacheSettings) {
        as_proxy!(self, self.bind)
    }
}
