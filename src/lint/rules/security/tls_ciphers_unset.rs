//! The default of `ssl_ciphers`.

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, tls};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a TLS server for which nothing sets `ssl_ciphers` and that speaks more than TLSv1.3. Off unless it
    /// is switched on.
    ///
    /// ## Why is this bad
    ///
    /// The default is `HIGH:!aNULL:!MD5`, which is sound but includes suites without forward secrecy.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     ssl_protocols TLSv1.3;
    /// }
    /// ```
    TLS_CIPHERS_UNSET {
        name: "tls-ciphers-unset",
        category: Security,
        level: Info,
        summary: "a TLS server takes the default ciphers",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_ciphers",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (server, listen) in tls::servers(target) {
        let only_13 = server.effective("ssl_protocols").is_some_and(|d| d.args().all(|w| w.is("TLSv1.3")));
        if server.effective("ssl_ciphers").is_none() && !only_13 && server.is_complete() {
            found.push(
                TLS_CIPHERS_UNSET
                    .finding(
                        listen.head(),
                        "nothing sets `ssl_ciphers`: suites without forward secrecy are offered",
                    )
                    .help("choose suites with `ssl_ciphers`"),
            );
        }
    }
}
