//! A password that nobody has to know.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::access;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `allow all` where `satisfy any` is in force and a password or the like is asked for, unless a `deny`
    /// for everybody stands before it.
    ///
    /// ## Why is this bad
    ///
    /// With `satisfy any` one of the two suffices, and every address is allowed: nobody is asked for the password.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /reports/ {
    ///         satisfy any;
    ///         allow all;
    ///         auth_basic reports;
    ///         auth_basic_user_file /etc/nginx/htpasswd;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /reports/ {
    ///         satisfy any;
    ///         allow 10.0.0.0/8;
    ///         deny all;
    ///         auth_basic reports;
    ///         auth_basic_user_file /etc/nginx/htpasswd;
    ///     }
    /// }
    /// ```
    SATISFY_ANY_ALLOW_ALL {
        name: "satisfy-any-allow-all",
        category: Security,
        level: Warning,
        summary: "`satisfy any` with `allow all`: nobody is asked for the password",
        doc: "/en/docs/http/ngx_http_core_module.html#satisfy",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, allow) in target.levels().http("allow") {
        let rules = access::rules(level);
        let first = rules.iter().find(|rule| access::is_for_all(rule));
        if first.is_some_and(|rule| rule.id() == allow.id()) && access::password_suffices(level) {
            found.push(
                SATISFY_ANY_ALLOW_ALL
                    .finding(allow.head(), "nobody is asked for the password: every address suffices")
                    .label("is enough with `satisfy any`")
                    .help(
                        "allow the addresses that need no password, and `deny all` others; or `satisfy all`",
                    ),
            );
        }
    }
}
