//! Access rules that a `return` does not wait for.

use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, Level};
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, access};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `return` with content or a redirect, and a `rewrite` of a location that redirects, where `deny` is in force. Refusals (400 and above), redirects in an
    /// `if`, `internal` and named locations are no finding; a redirect of a whole server, and a location that only
    /// inherits the rules, are a note.
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
    /// ```nginx bad
    /// server {
    ///     location /plans {
    ///         deny all;
    ///         rewrite ^ https://example.test/secret permanent;
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

/// A file cannot redirect.
const REDIRECT: &str = "let `geo` say who may come, and redirect or refuse in an `if` on its variable";

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, rewrite) in target.levels().http("rewrite") {
        let flag = rewrite.arg(2).is_some_and(|w| w.is("redirect") || w.is("permanent"));
        let to = rewrite.arg(1).map(|w| w.value().into_owned()).unwrap_or_default();
        let redirects = flag || [&b"http://"[..], b"https://", b"$scheme"].iter().any(|p| to.starts_with(p));
        // A redirect in an `if`, and one that only inherits the rules, may be meant for everybody.
        if level.context() != Context::Location || !redirects || level.get("internal").is_some() {
            continue;
        }
        if let Some(deny) = level.get("deny") {
            found.push(
                RETURN_BYPASSES_ACL
                    .finding(
                        rewrite.head(),
                        "everybody is redirected: `rewrite` comes before `allow` and `deny`",
                    )
                    .label("does not wait for access rules")
                    .related(deny.head(), "is not asked")
                    .help(REDIRECT),
            );
        }
    }
    through_error_pages(target, found);
    for (level, answer) in target.levels().http("return") {
        let rules = access::rules(level);
        let Some(deny) = rules.iter().find(|rule| rule.name().is("deny")) else { continue };
        let code = answer.arg(0).map(|w| w.to_string()).unwrap_or_default();
        let answers = code.parse::<u16>().map_or(true, |code| (200..400).contains(&code));
        let named = level.head().and_then(|h| h.arg(0)).is_some_and(|w| w.content().starts_with(b"@"));
        let conditional = matches!(level.context(), Context::IfInLocation | Context::IfInServer);
        let redirects = code.starts_with('3') || answer.args().len() == 1 && code.parse::<u16>().is_err();
        // Another location leads here, and may have asked; rules beside the answer are for nothing all the same.
        let inner = (named || level.get("internal").is_some()) && level.get("deny").is_none();
        if !answers || inner || conditional && redirects {
            continue;
        }
        let mut finding = RETURN_BYPASSES_ACL
            .finding(answer.head(), "everybody gets this answer: `return` comes before `allow` and `deny`")
            .label("does not wait for access rules")
            .related(deny.head(), "is not asked")
            .help(if redirects {
                REDIRECT
            } else {
                "answer with a file and `try_files`, or choose with `geo` and `if`"
            });
        // A redirect to https is no secret, and what only inherits the rules may be meant for everybody.
        if redirects && level.context() == Context::Server || level.get("deny").is_none() {
            finding.level = Level::Info;
        }
        found.push(finding);
    }
}

/// The most locations among which an error page is sought.
const MOST: usize = 1000;

/// `return 418` with an `error_page` for it: who is refused goes to the error page too, before `deny` is asked.
fn through_error_pages(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, answer) in target.levels().http("return") {
        let rules = access::rules(level);
        let deny = rules.iter().find(|rule| rule.name().is("deny")).filter(|_| answer.args().len() == 1);
        let Some(deny) = deny else { continue };
        let Some(code) = answer.arg(0).filter(|code| code.content().starts_with(b"4")) else { continue };
        let page = level.list("error_page").into_iter().find_map(|page| {
            let (to, codes) =
                page.args().collect::<Vec<_>>().split_last().map(|(to, codes)| (*to, codes.to_vec()))?;
            codes.iter().any(|own| own.content() == code.content()).then_some(to)
        });
        let Some(to) = page else { continue };
        let same = |l: &Block<'_>| {
            l.head().and_then(|head| head.args().next_back()).is_some_and(|own| own.value() == to.value())
        };
        let server = level.around(Context::Server);
        let Some(page) = server.into_iter().flat_map(|server| server.inner().take(MOST)).find(same) else {
            continue;
        };
        let own = level.get("deny").is_some();
        let answers = page.own("return").any(|d| {
            d.arg(0).is_some_and(|code| code.content().starts_with(b"2") || code.content().starts_with(b"3"))
        });
        // A block that only inherits the rules is reported if the page answers at once, whatever the rules are.
        if !answers && (!own || access::rules(page).iter().any(|rule| rule.name().is("deny"))) {
            continue;
        }
        let mut finding = RETURN_BYPASSES_ACL
            .finding(
                answer.head(),
                format!("everybody gets the error page `{to}`: `return` comes before `allow` and `deny`"),
            )
            .label("does not wait for access rules")
            .related(deny.head(), "is not asked")
            .help("let `deny` give the error page: `error_page 403 …`, without `return`");
        if !own {
            finding.level = Level::Info;
        }
        found.push(finding);
    }
}
