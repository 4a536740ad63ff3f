//! Ciphers that should not be offered.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reads `ssl_ciphers` as OpenSSL does, with `!`, `-`, `+` and `A+B`, and reports what stays enabled of NULL,
    /// anonymous, export, DES, 3DES, RC4 and MD5 suites. Silent where only TLSv1.3 is spoken: the list does not
    /// touch it.
    ///
    /// ## Why is this bad
    ///
    /// They encrypt badly, not at all, or to nobody in particular.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:RC4-SHA:!aNULL;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// server {
    ///     listen 8443 ssl;
    ///     ssl_ciphers HIGH:!aNULL:!MD5;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    WEAK_TLS_CIPHERS {
        name: "weak-tls-ciphers",
        category: Security,
        level: Warning,
        summary: "broken ciphers stay enabled",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_ciphers",
    }
}

/// A weakness: its name, the words of suites that belong to it, the words that forbid it.
const WEAK: &[(&str, &[&str], &[&str])] = &[
    ("no encryption", &["NULL", "eNULL"], &["NULL", "eNULL"]),
    ("no authentication", &["aNULL", "ADH", "AECDH"], &["aNULL", "ADH", "AECDH"]),
    ("export ciphers", &["EXP", "EXPORT", "EXPORT40", "EXPORT56"], &["EXP", "EXPORT", "LOW"]),
    ("DES", &["DES", "LOW"], &["DES", "LOW"]),
    ("3DES", &["3DES", "CBC3"], &["3DES", "DES-CBC3-SHA", "MEDIUM"]),
    ("RC4", &["RC4", "RC2"], &["RC4"]),
    ("MD5", &["MD5"], &["MD5"]),
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, directive) in target.levels().named("ssl_ciphers") {
        let Some(list) = directive.arg(0) else { continue };
        let only_13 = level.effective("ssl_protocols").is_some_and(|d| d.args().all(|w| w.is("TLSv1.3")));
        let weak = enabled(&list.to_string());
        if only_13 || weak.is_empty() {
            continue;
        }
        found.push(
            WEAK_TLS_CIPHERS
                .finding(list.span(), format!("still enabled: {}", weak.join(", ")))
                .label("is offered to clients")
                .help("leave them out, or write `HIGH:!aNULL:!MD5`"),
        );
    }
}

/// The weak families that a list leaves enabled.
fn enabled(list: &str) -> Vec<&'static str> {
    let items: Vec<&str> = list.split([':', ',', ' ']).map(str::trim).filter(|i| !i.is_empty()).collect();
    let forbidden: Vec<&str> = items.iter().filter_map(|i| i.strip_prefix(['!', '-'])).collect();
    let forbids = |words: &[&str]| forbidden.iter().any(|f| words.contains(f));
    let is_named = |words: &[&str]| {
        let added = items.iter().filter(|i| !i.starts_with(['!', '-', '+', '@', '$']));
        added.into_iter().any(|item| {
            // `RC4+RSA` and `RC4-SHA` are what they name; a suite with `DES-CBC3` is 3DES.
            let parts: Vec<&str> = item.split(['+', '-']).collect();
            let triple = parts.contains(&"CBC3");
            parts.iter().any(|part| words.contains(part) && !(triple && *part == "DES"))
        })
    };
    WEAK.iter()
        .filter(|(_, words, _)| is_named(words))
        .filter(|(_, _, exclusions)| !forbids(exclusions))
        .map(|(name, ..)| *name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_openssl_reads_them() {
        let cases: &[(&str, &[&str])] = &[
            ("HIGH:!aNULL:!MD5", &[]),
            ("ECDHE-RSA-AES128-GCM-SHA256:!RC4", &[]),
            ("RC4:HIGH:!aNULL:!MD5", &["RC4"]),
            ("ALL:!ADH:!EXPORT56:RC4+RSA:+HIGH", &["RC4"]),
            ("DES-CBC3-SHA:!DES", &["3DES"]),
            ("EECDH+3DES:!MD5:!DSS", &["3DES"]),
            ("ECDHE-RSA-DES-CBC3-SHA:!3DES", &[]),
            ("NULL-MD5", &["no encryption", "MD5"]),
        ];
        for (list, expected) in cases {
            assert_eq!(enabled(list), *expected, "{list}");
        }
    }
}
