//! The choice of cipher.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `ssl_prefer_server_ciphers on` without `ssl_conf_command Options PrioritizeChaCha`. Off unless it is
    /// switched on.
    ///
    /// ## Why is this bad
    ///
    /// Phones without instructions for AES encrypt `ChaCha20` several times as fast.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     ssl_prefer_server_ciphers on;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     ssl_prefer_server_ciphers off;
    /// }
    /// ```
    PREFER_SERVER_CIPHERS {
        name: "prefer-server-ciphers",
        category: Performance,
        level: Info,
        summary: "the server chooses AES for clients that are faster with ChaCha20",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_prefer_server_ciphers",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, directive) in target.levels().named("ssl_prefer_server_ciphers") {
        let on = directive.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"on"));
        let prioritized = level
            .list("ssl_conf_command")
            .iter()
            .any(|d| d.arg(1).is_some_and(|w| w.to_string().contains("PrioritizeChaCha")));
        if on && !prioritized {
            found.push(
                PREFER_SERVER_CIPHERS
                    .finding(directive.head(), "clients that are faster with ChaCha20 get AES")
                    .help("write `ssl_prefer_server_ciphers off;`, or prioritize ChaCha20"),
            );
        }
    }
}
