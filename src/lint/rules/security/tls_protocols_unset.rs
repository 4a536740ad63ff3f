//! The default of `ssl_protocols`.

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, tls};
use crate::version::Version;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a TLS server for which nothing sets `ssl_protocols`, for nginx before 1.27.3. Off unless it is
    /// switched on.
    ///
    /// ## Why is this bad
    ///
    /// Until then the default included `TLSv1` and `TLSv1.1`; since then it is `TLSv1.2` and `TLSv1.3`.
    ///
    /// ## Example
    ///
    /// ```nginx bad before-1.27.3
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
    ///     ssl_protocols TLSv1.2 TLSv1.3;
    /// }
    /// ```
    TLS_PROTOCOLS_UNSET {
        name: "tls-protocols-unset",
        category: Security,
        level: Info,
        summary: "a TLS server takes the default protocols of an old nginx",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_protocols",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    const STRONG_DEFAULT: Version = Version::new(1, 27, 3);
    if target.config.version >= STRONG_DEFAULT {
        return;
    }
    for (server, listen) in tls::servers(target) {
        if server.effective("ssl_protocols").is_none() && server.is_complete() {
            found.push(
                TLS_PROTOCOLS_UNSET
                    .finding(
                        listen.head(),
                        "nothing sets `ssl_protocols`: the default includes TLSv1 and TLSv1.1",
                    )
                    .help("add `ssl_protocols TLSv1.2 TLSv1.3;`"),
            );
        }
    }
}
