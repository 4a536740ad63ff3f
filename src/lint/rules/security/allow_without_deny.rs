//! `allow` alone.

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, access, place};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `allow` with an address after which the block has no `deny`, if no rule of it is for everybody. The
    /// rules of outer levels do not count: a block with rules of its own inherits none. Silent with `satisfy any` and authentication, where an address
    /// replaces the password.
    ///
    /// ## Why is this bad
    ///
    /// A client that matches no rule is let in.
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
    for (level, _) in target.levels().named("allow") {
        if last == Some(level) || !level.is_complete() {
            continue;
        }
        last = Some(level);
        let rules = access::rules(level);
        let ends = rules.iter().any(access::is_for_all);
        // An `allow` before a `deny` exempts its clients from the `deny`.
        let Some(idle) = rules.iter().rev().take_while(|rule| rule.name().is("allow")).last() else {
            continue;
        };
        if ends || access::password_suffices(level) {
            continue;
        }
        let Some(outer) = level.own("allow").last() else { continue };
        let finding = ALLOW_WITHOUT_DENY
            .finding(idle.head(), "this `allow` restricts nothing: others are let in too")
            .label("no `deny` follows in this block")
            .help("end the list with `deny all;`");
        found.push(match place::after(target.configuration, outer.head(), "deny all;") {
            Some(edit) => finding.fix(Fix::unsafe_("add `deny all;`", vec![edit])),
            None => finding,
        });
    }
}
