//! Settings that the modules for FastCGI, SCGI and uwsgi share with the proxy module.

/// Settings of a module that speaks another protocol than HTTP, under names of its own, as the proxy module's groups:
/// the same code executes both. Settings without a counterpart keep their defaults.
macro_rules! as_proxy {
    ($all:expr, $bind:expr) => {{
        let all = $all;
        let proxy = $crate::model::proxy::ProxySettings {
            http_version: $crate::model::setting::Setting::default($crate::model::proxy::HttpVersion::Http11),
            set_header: $crate::model::setting::Setting::default(Vec::new()),
            bind: $bind.clone(),
            connect_timeout: all.connect_timeout.clone(),
            read_timeout: all.read_timeout.clone(),
            send_timeout: all.send_timeout.clone(),
        };
        let pass = $crate::model::pass::PassSettings {
            next_upstream: all.next_upstream.clone(),
            next_upstream_tries: all.next_upstream_tries.clone(),
            next_upstream_timeout: all.next_upstream_timeout.clone(),
            set_body: $crate::model::setting::Setting::default(None),
            pass_request_headers: all.pass_request_headers.clone(),
            pass_request_body: all.pass_request_body.clone(),
            request_buffering: all.request_buffering.clone(),
            redirect: $crate::model::setting::Setting::default(None),
            cookie_domain: $crate::model::setting::Setting::default(None),
            cookie_path: $crate::model::setting::Setting::default(None),
            cookie_flags: $crate::model::setting::Setting::default(None),
            hide_header: all.hide_header.clone(),
            pass_header: all.pass_header.clone(),
            ignore_headers: all.ignore_headers.clone(),
            buffering: all.buffering.clone(),
            buffer_size: all.buffer_size.clone(),
            buffers: all.buffers.clone(),
            max_temp_file_size: all.max_temp_file_size.clone(),
            temp_path: all.temp_path.clone(),
            limit_rate: all.limit_rate.clone(),
            ignore_client_abort: all.ignore_client_abort.clone(),
            socket_keepalive: all.socket_keepalive.clone(),
            socket_rcvbuf: all.socket_rcvbuf.clone(),
            socket_sndbuf: all.socket_sndbuf.clone(),
            pass_trailers: $crate::model::setting::Setting::default(false),
            force_ranges: all.force_ranges.clone(),
        };
        let cache = $crate::model::cache::CacheSettings {
            zone: all.cache.clone(),
            key: all.cache_key.clone(),
            valid: all.cache_valid.clone(),
            bypass: all.cache_bypass.clone(),
            no_cache: all.no_cache.clone(),
            use_stale: all.cache_use_stale.clone(),
            methods: all.cache_methods.clone(),
            min_uses: all.cache_min_uses.clone(),
            lock: all.cache_lock.clone(),
            lock_timeout: all.cache_lock_timeout.clone(),
            lock_age: all.cache_lock_age.clone(),
            revalidate: all.cache_revalidate.clone(),
            background_update: all.cache_background_update.clone(),
            convert_head: $crate::model::setting::Setting::default(false),
            max_range_offset: all.cache_max_range_offset.clone(),
            store: all.store.clone(),
            store_access: all.store_access.clone(),
        };
        (proxy, pass, cache)
    }};
}
pub(crate) use as_proxy;
