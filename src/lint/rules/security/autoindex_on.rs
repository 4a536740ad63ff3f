//! Listings of directories.

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, access};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `autoindex on`, unless the listing is behind a password, access rules or `internal`.
    ///
    /// ## Why is this bad
    ///
    /// Files that no page links to are found: backups, keys, drafts. For a download area it is meant so.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { autoindex on; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /files/ { autoindex on; auth_basic files; auth_basic_user_file users; }
    /// }
    /// ```
    AUTOINDEX_ON {
        name: "autoindex-on",
        category: Security,
        level: Info,
        summary: "directories are listed",
        doc: "/en/docs/http/ngx_http_autoindex_module.html#autoindex",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, directive) in target.levels().http("autoindex") {
        let on = directive.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"on"));
        let closed = access::asks_password(level)
            || access::denies_others(level)
            || level.outward().any(|l| l.get("internal").is_some());
        if on && !closed && level.is_complete() {
            found.push(
                AUTOINDEX_ON
                    .finding(directive.head(), "everybody can list the directory")
                    .help("remove it, unless this is a download area"),
            );
        }
    }
}
