//! Directives that mean something else on loopback, as data.

/// Beginnings of names of directives that are left out: they depend on this host, write where the caller does not
/// expect it, or count requests over time.
pub(super) const LEFT_OUT: &[&str] = &[
    // Logs and processes: those of the session take their place.
    "access_log",
    "daemon",
    "error_log",
    "lock_file",
    "log_subrequest",
    "master_process",
    "open_file_cache",
    "open_log_file_cache",
    "pid",
    "user",
    "worker_",
    // Sockets and certificates.
    "http2",
    "http3",
    "listen",
    "quic",
    "ssl_",
    "proxy_ssl_",
    "fastcgi_ssl_",
    "proxy_bind",
    "fastcgi_bind",
    "resolver",
    // Directories that nginx writes to.
    "client_body_temp_path",
    "fastcgi_temp_path",
    "proxy_store",
    "fastcgi_store",
    "proxy_temp_path",
    "scgi_temp_path",
    "uwsgi_temp_path",
    // A case is one request: it is within each limit, and no response is kept for the next one.
    "auth_delay",
    "fastcgi_cache_bypass",
    "fastcgi_no_cache",
    "limit_conn ",
    "limit_rate",
    "limit_req ",
    "proxy_cache_bypass",
    "proxy_no_cache",
    // Copies would be taken for the request.
    "mirror",
    // Modules that only compress, and that many programs lack.
    "brotli",
    "zstd",
];

/// Blocks at the top that are left out; a session has an `events` of its own.
pub(super) const BLOCKS: &[&str] = &["events", "mail", "stream"];

/// Directives whose first argument is a directory or file that the session moves.
pub(super) const PATHS: &[&str] = &["alias", "root"];

/// Directives whose first argument is the path of a cache.
pub(super) const CACHES: &[&str] =
    &["fastcgi_cache_path", "proxy_cache_path", "scgi_cache_path", "uwsgi_cache_path"];

/// Directives that pass a request on, and true if their argument is a URL with a scheme.
pub(super) const PASSES: &[(&str, bool)] = &[
    ("fastcgi_pass", false),
    ("grpc_pass", true),
    ("memcached_pass", false),
    ("proxy_pass", true),
    ("scgi_pass", false),
    ("uwsgi_pass", false),
];

/// Those of them that the stubs answer.
pub(super) const ANSWERED: &[&str] = &["fastcgi_pass", "proxy_pass"];

/// Blocks whose entries are no directives.
pub(super) const ENTRIES: &[&str] = &["charset_map", "geo", "map", "split_clients", "types"];

/// True if a directive is left out.
pub(super) fn is_left_out(name: &str) -> bool {
    // Nobody answers there: a case that needs it is not asked.
    let is_unanswered = PASSES.iter().any(|(pass, _)| *pass == name) && !ANSWERED.contains(&name);
    is_unanswered
        || LEFT_OUT.iter().any(|begin| match begin.strip_suffix(' ') {
            Some(whole) => name == whole,
            None => name.starts_with(begin),
        })
}
