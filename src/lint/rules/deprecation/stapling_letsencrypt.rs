//! Stapling of Let's Encrypt's certificates.

use std::collections::HashSet;

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place, tls};

declare_rule! {
    /// ## What it does
    ///
    /// Reports effective `ssl_stapling on` in a server whose certificate lies below `/etc/letsencrypt/`.
    ///
    /// ## Why is this bad
    ///
    /// Let's Encrypt switched OCSP off on 2025-08-06; its certificates name no responder. nginx warns at every
    /// start.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate /etc/letsencrypt/live/a.example/fullchain.pem;
    ///     ssl_certificate_key /etc/letsencrypt/live/a.example/privkey.pem;
    ///     ssl_stapling on;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate /etc/letsencrypt/live/a.example/fullchain.pem;
    ///     ssl_certificate_key /etc/letsencrypt/live/a.example/privkey.pem;
    /// }
    /// ```
    STAPLING_LETSENCRYPT {
        name: "stapling-letsencrypt",
        category: Deprecation,
        level: Info,
        summary: "OCSP stapling for certificates that name no responder any more",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_stapling",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    let levels = target.levels();
    for (level, _) in levels.named("ssl_certificate").chain(levels.named("ssl_stapling")) {
        let Some(certificate) = level.effective("ssl_certificate") else { continue };
        let theirs = certificate.arg(0).is_some_and(|w| w.content().starts_with(b"/etc/letsencrypt/"));
        let Some(stapling) = level.effective("ssl_stapling").filter(|d| d.arg(0).is_some_and(|w| w.is("on")))
        else {
            continue;
        };
        // Without TLS nothing is stapled, and nginx does not warn. `listen` may be in a file that is missing.
        let plain = level.around(Context::Server).is_some_and(|server| {
            server.get("listen").is_some() && server.is_complete() && !tls::speaks(server)
        });
        if theirs && !plain && seen.insert(stapling.head()) {
            let finding = STAPLING_LETSENCRYPT
                .finding(stapling.head(), "Let's Encrypt has no OCSP responder any more: nothing is stapled")
                .related(certificate.head(), "is theirs")
                .help("remove it, with `ssl_stapling_verify`");
            let own = level.get("ssl_stapling").is_some();
            let edits: Vec<Edit> = ["ssl_stapling", "ssl_stapling_verify"]
                .iter()
                .filter_map(|name| level.get(name))
                .filter_map(|d| place::remove(target.configuration, d.head()))
                .collect();
            // On one line the blank between the two would be taken twice.
            let apart = edits
                .windows(2)
                .all(|e| e[0].span.end <= e[1].span.start || e[1].span.end <= e[0].span.start);
            found.push(if own && apart { finding.fix(Fix::safe("remove it", edits)) } else { finding });
        }
    }
}
