//! `allow` alone.

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::Target;
use crate::lint::access;
use crate::lint::place;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `allow` with an address in a block that has no `deny`. The rules of outer levels do not count: a
    /// block with rules of its own inherits none. Silent with `satisfy any` and authentication, where an address
    /// replaces the password.
    ///
    /// ## Why is this bad
    ///
    /// Who matches no rule is let in.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     deny all;
    ///     location /admin { allow 10.0.0.0/8; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /admin { allow 10.0.0.0/8; deny all; }
    ///     location /open { allow all; }
    /// }
    /// ```
    ALLOW_WITHOUT_DENY {
        name: "allow-without-deny",
        category: Security,
        level: Warning,
        summary: "`allow` without any `deny` restricts nothing",
        doc: "/en/docs/http/ngx_http_access_module.html",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut last = None;
    for (level, allow) in target.levels().named("allow") {
        if last == Some(level) || !target.is_complete(level) {
            continue;
        }
        last = Some(level);
        let for_all = level.own("allow").any(|d| d.arg(0).is_some_and(|w| w.is("all")));
        if for_all || level.get("deny").is_some() || access::password_suffices(level) {
            continue;
        }
        let Some(outer) = level.own("allow").last() else { continue };
        let finding = ALLOW_WITHOUT_DENY
            .finding(allow.head(), "`allow` without `deny` restricts nothing: others are let in too")
            .label("no `deny` in this block")
            .help("end the list with `deny all;`");
        found.push(match place::after(target.configuration, outer.head(), "deny all;") {
            Some(edit) => finding.fix(Fix::unsafe_("add `deny all;`", vec![edit])),
            None => finding,
        });
    }
}
