//! Requests for other names on an open HTTP/2 connection.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a default server with `ssl_reject_handshake on` and HTTP/2 that answers requests with something else
    /// than 421.
    ///
    /// ## Why is this bad
    ///
    /// A browser uses an HTTP/2 connection for every name of its certificate. Requests for names that no server has
    /// arrive here without a handshake; 421 tells the browser to open a connection of its own.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl http2 default_server;
    ///     ssl_reject_handshake on;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 443 ssl default_server;
    ///     ssl_reject_handshake on;
    ///     return 421;
    /// }
    /// ```
    HTTP2_MISDIRECTED {
        name: "http2-misdirected",
        category: Security,
        level: Info,
        summary: "a default server that refuses handshakes answers requests on open connections",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_reject_handshake",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    if !target.levels().has("ssl_reject_handshake") {
        return;
    }
    for server in target.levels().of(Context::Server) {
        let has = |word: &str| server.own("listen").any(|l| l.args().any(|w| w.is(word)));
        // Without TLS there is no handshake to refuse.
        if !has("default_server") && !has("default") || !has("ssl") {
            continue;
        }
        let Some(reject) = server.effective("ssl_reject_handshake") else { continue };
        if !reject.arg(0).is_some_and(|w| w.is("on")) {
            continue;
        }
        let http2 = has("http2") || server.is("http2", "on");
        // 444 closes the connection, which ends it too.
        let refuses = server
            .inward()
            .into_iter()
            .any(|level| level.own("return").any(|d| d.arg(0).is_some_and(|w| w.is("421") || w.is("444"))));
        if http2 && !refuses && server.is_complete() {
            found.push(
                HTTP2_MISDIRECTED
                    .finding(
                        reject.head(),
                        "requests for unknown names on open HTTP/2 connections are answered",
                    )
                    .help("add `return 421;` to the server"),
            );
        }
    }
}
