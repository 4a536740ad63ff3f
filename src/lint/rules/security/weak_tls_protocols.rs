//! SSL and early TLS.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `ssl_protocols` with `SSLv2`, `SSLv3`, `TLSv1` or `TLSv1.1`, in `http`, `stream` and `mail`.
    ///
    /// ## Why is this bad
    ///
    /// They are broken or rest on broken hash functions; no current client needs them. The fix leaves the others,
    /// or writes `TLSv1.2 TLSv1.3` if none is left.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     ssl_protocols TLSv1.2 TLSv1.3;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    WEAK_TLS_PROTOCOLS {
        name: "weak-tls-protocols",
        category: Security,
        level: Warning,
        summary: "broken versions of TLS are accepted",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_protocols",
    }
}

const WEAK: [&str; 4] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, directive) in target.levels().named("ssl_protocols") {
        let is_weak = |w: &Word<'_>| WEAK.iter().any(|weak| w.value().eq_ignore_ascii_case(weak.as_bytes()));
        let (weak, strong): (Vec<Word<'_>>, Vec<Word<'_>>) = directive.args().partition(is_weak);
        if weak.is_empty() {
            continue;
        }
        let names: Vec<String> = weak.iter().map(|w| format!("`{w}`")).collect();
        let mut left: Vec<String> = strong.iter().map(ToString::to_string).collect();
        if left.is_empty() {
            left = vec!["TLSv1.2".to_owned(), "TLSv1.3".to_owned()];
        }
        let text = format!("ssl_protocols {};", left.join(" "));
        let verb = if names.len() == 1 { "is" } else { "are" };
        let finding = WEAK_TLS_PROTOCOLS
            .finding(directive.head(), format!("{} {verb} broken, and enabled here", names.join(", ")))
            .label("OpenSSL 3 refuses them at its usual security level, older libraries do not")
            .help(if left.iter().any(|name| name.eq_ignore_ascii_case("TLSv1.3")) {
                format!("write `{text}`")
            } else {
                format!("write `{} TLSv1.3;`: the newest version is missing too", text.trim_end_matches(';'))
            });
        found.push(
            finding.fix(Fix::safe("leave out what is broken", vec![Edit::replace(directive.span(), text)])),
        );
    }
}
