//! A pool that a server cannot hold.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::model::core::WorkerProcesses;

declare_rule! {
    /// ## What it does
    ///
    /// Reports an upstream whose `keepalive` times `worker_processes` is more than the smallest `max_conns` of its
    /// servers. With `worker_processes auto` nothing is known and nothing is reported.
    ///
    /// ## Why is this bad
    ///
    /// Every worker has a pool of its own. Idle connections count, so a few workers can hold all that the server
    /// accepts, and the others find it full.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// worker_processes 4;
    /// events { }
    /// http {
    ///     upstream backend { zone backend 64k; server 10.0.0.1:8080 max_conns=20; keepalive 16; }
    ///     server {
    ///         location / { proxy_pass http://backend; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// worker_processes 4;
    /// events { }
    /// http {
    ///     upstream backend { zone backend 64k; server 10.0.0.1:8080 max_conns=100; keepalive 16; }
    ///     server {
    ///         location / {
    ///             proxy_http_version 1.1;
    ///             proxy_set_header Connection "";
    ///             proxy_pass http://backend;
    ///         }
    ///     }
    /// }
    /// ```
    POOL_EXCEEDS_BACKEND {
        name: "pool-exceeds-backend",
        category: Reuse,
        level: Info,
        summary: "more idle connections than a server accepts",
        doc: "/en/docs/http/ngx_http_upstream_module.html#server",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let WorkerProcesses::Count(workers) = target.config.core.worker_processes.value else { return };
    if !target.is_whole() {
        return;
    }
    for upstream in target.upstreams() {
        let Some(pool) = upstream.pool() else { continue };
        let limited = upstream.peers.iter().filter(|peer| peer.max_conns > 0);
        let Some(peer) = limited.min_by_key(|peer| peer.max_conns) else { continue };
        let idle = u64::from(pool.size) * u64::from(workers);
        if idle > u64::from(peer.max_conns) {
            let message = format!(
                "{workers} workers keep up to {idle} connections to `{}`, of {} that `{}` accepts",
                upstream.name, peer.max_conns, peer.name
            );
            found.push(
                POOL_EXCEEDS_BACKEND
                    .finding(upstream.keepalive.size.origin.span().unwrap_or(upstream.span), message)
                    .label(format!("{} per worker", pool.size))
                    .related(peer.span, "the limit of the server")
                    .help("lower `keepalive`, or raise `max_conns`"),
            );
        }
    }
}
