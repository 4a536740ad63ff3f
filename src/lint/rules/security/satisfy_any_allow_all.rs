//! A password that nobody has to know.

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, access};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `allow all` where `satisfy any` is in force and a password or the like is asked for, unless a `deny`
    /// for everybody stands before it. `allow ::/0` is for everybody where the server listens on IPv6.
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
    let levels = target.levels();
    if !levels.has("allow") || !levels.has("satisfy") {
        return;
    }
    // An outer `allow all` holds in many levels and is reported once.
    let mut reported = Vec::new();
    for level in levels.all().filter(|level| level.is_http()) {
        let Some(allow) = access::allows_all(level) else { continue };
        if reported.contains(&allow.id()) || !access::password_suffices(level) {
            continue;
        }
        reported.push(allow.id());
        found.push(
            SATISFY_ANY_ALLOW_ALL
                .finding(allow.head(), "nobody is asked for the password: every address suffices")
                .label("is enough with `satisfy any`")
                .help("allow the addresses that need no password, and `deny all` others; or `satisfy all`"),
        );
    }
}
