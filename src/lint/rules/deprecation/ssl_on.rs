//! The directive `ssl`.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::version::Version;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `ssl on` and `ssl off` for the versions of nginx that still know the directive; newer ones refuse
    /// it.
    ///
    /// ## Why is this bad
    ///
    /// The server does not start with a newer nginx. The fix adds `ssl` to every `listen` of the server, as `ssl
    /// on` covered all of them.
    ///
    /// ## Example
    ///
    /// ```nginx bad before-1.25.1
    /// server {
    ///     listen 443;
    ///     ssl on;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    ///
    /// ```nginx good before-1.25.1
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    SSL_ON {
        name: "ssl-on",
        category: Deprecation,
        level: Warning,
        summary: "`ssl on` is deprecated since 1.15.0 and an error since 1.25.1",
        doc: "/en/docs/http/ngx_http_ssl_module.html",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    const REMOVED: Version = Version::new(1, 25, 1);
    if target.config.version >= REMOVED {
        return;
    }
    for (level, directive) in target.levels().http("ssl") {
        let Some(value) = directive.arg(0) else { continue };
        let finding = SSL_ON
            .finding(directive.head(), "`ssl` is deprecated since nginx 1.15.0, and refused since 1.25.1")
            .help("write `listen … ssl`");
        let mut edits: Vec<Edit> =
            place::remove(target.configuration, directive.head()).into_iter().collect();
        if value.is("on") {
            for listen in level.own("listen") {
                if let Some(last) = listen.args().next_back().filter(|_| !listen.args().any(|w| w.is("ssl")))
                {
                    edits.push(Edit::insert(last.span().after(), " ssl"));
                }
            }
        }
        let whole = level.get("listen").is_some() && level.context() == Context::Server && !edits.is_empty();
        found.push(if whole { finding.fix(Fix::safe("write `ssl` in `listen`", edits)) } else { finding });
    }
}
