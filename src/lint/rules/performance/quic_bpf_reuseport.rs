//! `quic_bpf` with several workers.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::version::Version;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `quic_bpf on` with more than one worker and a `listen … quic reuseport`, for nginx before 1.31.7.
    ///
    /// ## Why is this bad
    ///
    /// With `quic_bpf` a reload makes sockets of its own for the new workers, and the packets of open connections are led to
    /// the old workers. But new connections that the kernel gives to the socket of an old worker are dropped, as long as that
    /// worker waits for its last connections.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// worker_processes auto;
    /// quic_bpf on;
    /// events { }
    /// http {
    ///     server {
    ///         listen 443 quic reuseport;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         location / { proxy_pass http://unix:/run/app.sock; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// worker_processes auto;
    /// events { }
    /// http {
    ///     server {
    ///         listen 443 quic reuseport;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         location / { proxy_pass http://unix:/run/app.sock; }
    ///     }
    /// }
    /// ```
    QUIC_BPF_REUSEPORT {
        name: "quic-bpf-reuseport",
        category: Performance,
        level: Warning,
        summary: "new QUIC connections hang after a reload, until the old workers are gone",
        doc: "/en/docs/http/ngx_http_v3_module.html#quic_bpf",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    const FIXED: Version = Version::new(1, 31, 7);
    if target.config.version >= FIXED {
        return;
    }
    let levels = target.levels();
    let on = levels.named("quic_bpf").find(|(_, d)| d.arg(0).is_some_and(|w| w.is("on")));
    let single = levels.named("worker_processes").any(|(_, d)| d.arg(0).is_some_and(|w| w.is("1")));
    let alone = single || !levels.has("worker_processes");
    let listen = levels
        .http("listen")
        .find(|(_, d)| d.args().any(|w| w.is("quic")) && d.args().any(|w| w.is("reuseport")));
    if let (Some((_, bpf)), Some((_, listen)), false) = (on, listen, alone) {
        found.push(
            QUIC_BPF_REUSEPORT
                .finding(
                    bpf.head(),
                    "after a reload, new QUIC connections can reach an old worker, which drops them",
                )
                .related(listen.head(), "listens with `reuseport`")
                .label("keeps the sockets of old workers")
                .help("set `worker_shutdown_timeout`, so that old workers are soon gone; or remove `quic_bpf`, and a reload ends open connections instead"),
        );
    }
}
