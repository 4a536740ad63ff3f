//! Stapling without a name server.

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, text, tls};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a TLS server with effective `ssl_stapling on` and no `resolver` in force, in whole configurations.
    /// With `ssl_stapling_file`, or a responder given by its address, none is needed.
    ///
    /// ## Why is this bad
    ///
    /// nginx finds the responder's name in the certificate and cannot resolve it: nothing is stapled, and the error
    /// log says so once.
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
    ///         ssl_stapling on;
    ///         location / { proxy_pass http://unix:/run/app.sock; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     resolver 127.0.0.53;
    ///     server {
    ///         listen 443 ssl;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         ssl_stapling on;
    ///         location / { proxy_pass http://unix:/run/app.sock; }
    ///     }
    /// }
    /// ```
    STAPLING_WITHOUT_RESOLVER {
        name: "stapling-without-resolver",
        category: Performance,
        level: Info,
        summary: "OCSP stapling that cannot ask the responder",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_stapling",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    if !target.is_whole() || !target.reads_everything() {
        return;
    }
    let mut seen = HashSet::new();
    for (server, _) in tls::servers(target) {
        let Some(stapling) =
            server.effective("ssl_stapling").filter(|d| d.arg(0).is_some_and(|w| w.is("on")))
        else {
            continue;
        };
        let by_address = server.effective("ssl_stapling_responder").is_some_and(|d| {
            d.arg(0).is_some_and(|w| !text::is_name(&text::without_port(&text::url(&w.value()).host)))
        });
        let asks = server.effective("ssl_stapling_file").is_none() && !by_address;
        if asks && server.effective("resolver").is_none() && seen.insert(stapling.head()) {
            found.push(
                STAPLING_WITHOUT_RESOLVER
                    .finding(
                        stapling.head(),
                        "the name of the OCSP responder cannot be resolved: nothing is stapled",
                    )
                    .help("add `resolver`"),
            );
        }
    }
}
