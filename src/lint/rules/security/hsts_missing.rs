//! TLS without HSTS.

use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, tls};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a TLS server of a whole configuration in which no level sends `Strict-Transport-Security`. Silent if
    /// the server passes requests on, since the backend may send it, if it only answers with `return`, if it
    /// refuses handshakes, or if a module sends it.
    ///
    /// ## Why is this bad
    ///
    /// The first request of a browser can go out in the clear, and somebody in between can keep it there.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     server {
    ///         listen 443 ssl;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         root /srv/www;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     server {
    ///         listen 443 ssl;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         root /srv/www;
    ///         add_header Strict-Transport-Security "max-age=31536000" always;
    ///     }
    /// }
    /// ```
    HSTS_MISSING {
        name: "hsts-missing",
        category: Security,
        level: Info,
        summary: "a TLS server does not tell browsers to stay with TLS",
        doc: "/en/docs/http/ngx_http_headers_module.html#add_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    if !target.is_whole() || !target.reads_everything() {
        return;
    }
    for (server, listen) in tls::servers(target) {
        let silent = server.is("ssl_reject_handshake", "on")
            || server.is("security_headers", "on")
            || server.get("return").is_some()
            || !server.is_http()
            || server.list("add_header").into_iter().any(is_hsts)
            || server.list("more_set_headers").iter().any(|d| d.args().any(|w| contains_hsts(&w.value())));
        if silent || server.inward().into_iter().any(may_send) {
            continue;
        }
        found.push(
            HSTS_MISSING.finding(listen.head(), "browsers are not told to stay with TLS").help(
                "add `add_header Strict-Transport-Security \"max-age=31536000\" always;` to the server",
            ),
        );
    }
}

/// A level that sends it, or whose backend may.
fn may_send(level: Block<'_>) -> bool {
    let passes = ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"];
    passes.iter().any(|name| level.get(name).is_some()) || level.own("add_header").any(is_hsts)
}

fn is_hsts(line: Directive<'_>) -> bool {
    line.arg(0).is_some_and(|w| contains_hsts(&w.value()))
}

fn contains_hsts(text: &[u8]) -> bool {
    memchr::memmem::find(&text.to_ascii_lowercase(), b"strict-transport-security").is_some()
}
