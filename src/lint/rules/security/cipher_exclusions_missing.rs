//! Cipher families without exclusions.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `ssl_ciphers` that names a family (`HIGH`, `ALL`, `MEDIUM`, `kEECDH` …) and does not exclude `aNULL`
    /// and `MD5`. Lists of suites need no exclusions. Off unless it is switched on.
    ///
    /// ## Why is this bad
    ///
    /// The content of a family depends on the OpenSSL at hand.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     ssl_ciphers HIGH;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     ssl_ciphers HIGH:!aNULL:!MD5;
    /// }
    /// ```
    CIPHER_EXCLUSIONS_MISSING {
        name: "cipher-exclusions-missing",
        category: Security,
        level: Info,
        summary: "a list of cipher families without the usual exclusions",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_ciphers",
        recommended: false,
    }
}

const FAMILIES: [&str; 6] = ["HIGH", "ALL", "MEDIUM", "COMPLEMENTOFDEFAULT", "EECDH", "EDH"];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, directive) in target.levels().named("ssl_ciphers") {
        let Some(list) = directive.arg(0) else { continue };
        let text = list.to_string();
        let items: Vec<&str> = text.split([':', ',', ' ']).collect();
        let missing: Vec<&str> =
            ["!aNULL", "!MD5"].into_iter().filter(|exclusion| !items.contains(exclusion)).collect();
        if missing.is_empty() || !items.iter().any(|item| FAMILIES.contains(item)) {
            continue;
        }
        found.push(
            CIPHER_EXCLUSIONS_MISSING
                .finding(list.span(), format!("a family of ciphers without `{}`", missing.join(":")))
                .help(format!("append `:{}`", missing.join(":"))),
        );
    }
}
