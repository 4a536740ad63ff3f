//! Groups that older libraries do not know.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `ssl_ecdh_curve` that names an MLKEM or Kyber group without `?` before it.
    ///
    /// ## Why is this bad
    ///
    /// OpenSSL before 3.5 does not know these groups and refuses the whole list: nginx does not start. With `?` an
    /// unknown group is skipped.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     ssl_ecdh_curve X25519MLKEM768:X25519;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     ssl_ecdh_curve ?X25519MLKEM768:X25519;
    /// }
    /// ```
    ECDH_PQ_GROUP {
        name: "ecdh-pq-group",
        category: Deprecation,
        level: Warning,
        summary: "one unknown group, and OpenSSL refuses the whole list",
        doc: "/en/docs/http/ngx_http_ssl_module.html#ssl_ecdh_curve",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, directive) in target.levels().named("ssl_ecdh_curve") {
        let Some(list) = directive.arg(0) else { continue };
        let text = list.to_string();
        let is_new = |group: &&str| {
            let upper = group.to_ascii_uppercase();
            !group.starts_with('?') && (upper.contains("MLKEM") || upper.contains("KYBER"))
        };
        let Some(group) = text.split(':').find(is_new) else { continue };
        let quoted: Vec<String> =
            text.split(':').map(|g| if is_new(&g) { format!("?{g}") } else { g.to_owned() }).collect();
        found.push(
            ECDH_PQ_GROUP
                .finding(
                    list.span(),
                    format!("OpenSSL before 3.5 does not know `{group}` and refuses the list"),
                )
                .help(format!("write `?{group}`"))
                .fix(Fix::unsafe_("mark it with `?`", vec![Edit::replace(list.span(), quoted.join(":"))])),
        );
    }
}
