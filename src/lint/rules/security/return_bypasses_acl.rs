//! Access rules that a `return` does not wait for.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location or server with `deny` and, in the same block, a `return` with content or a redirect.
    /// Refusals (400 and above), `internal` and named locations are no finding.
    ///
    /// ## Why is this bad
    ///
    /// `return` runs in the rewrite phase, access rules in a later one: everybody gets the answer.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /status {
    ///         allow 10.0.0.0/8;
    ///         deny all;
    ///         return 200 "build 17";
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /status {
    ///         allow 10.0.0.0/8;
    ///         deny all;
    ///         try_files /build.txt =404;
    ///     }
    ///     location /closed { deny all; return 404; }
    /// }
    /// ```
    RETURN_BYPASSES_ACL {
        name: "return-bypasses-acl",
        category: Security,
        level: Warning,
        summary: "`return` answers before `allow` and `deny` are asked",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#return",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, answer) in target.levels().http("return") {
        let Some(deny) = level.get("deny") else { continue };
        let code = answer.arg(0).map(|w| w.to_string()).unwrap_or_default();
        let answers = code.parse::<u16>().map_or(true, |code| (200..400).contains(&code));
        let named = level.head().and_then(|h| h.arg(0)).is_some_and(|w| w.content().starts_with(b"@"));
        if !answers || named || level.get("internal").is_some() {
            continue;
        }
        found.push(
            RETURN_BYPASSES_ACL
                .finding(
                    answer.head(),
                    "everybody gets this answer: `return` comes before `allow` and `deny`",
                )
                .label("does not wait for access rules")
                .related(deny.head(), "is not asked")
                .help("answer with a file and `try_files`, or choose with `geo` and `if`"),
        );
    }
}
