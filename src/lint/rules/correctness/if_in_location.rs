//! Traps of `if` in a location.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports an `if` in a location with `try_files`, if the request goes on after the `if`; and two `if`s that
    /// can both hold, both set the same directive, and both let the request go on. An `if` that ends with `return`,
    /// or with a `rewrite` that leaves the location, is no finding, nor is `set` where there is no `try_files`.
    ///
    /// ## Why is this bad
    ///
    /// Where the condition holds, the request continues in a location of its own, that of the `if`: it inherits the
    /// handler but not `try_files`. Of several such `if`s only the last one that holds counts.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / {
    ///         if ($arg_plain) { set $plain 1; }
    ///         try_files $uri /index.html;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location / {
    ///         if ($arg_a) { add_header X-A a; }
    ///         if ($arg_b) { add_header X-B b; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location / {
    ///         if ($arg_old) { return 301 /new; }
    ///         if ($request_method = POST) { add_header X-A a; }
    ///         if ($request_method = PUT) { add_header X-A b; }
    ///     }
    ///     location /x {
    ///         if ($arg_plain) { set $plain 1; }
    ///     }
    /// }
    /// ```
    IF_IN_LOCATION {
        name: "if-in-location",
        category: Correctness,
        level: Warning,
        summary: "an `if` that takes away what its location does",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#if",
    }
}

const REWRITE: [&str; 7] =
    ["set", "rewrite", "return", "break", "if", "rewrite_log", "uninitialized_variable_warn"];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut seen: Vec<Block<'_>> = Vec::new();
    for (location, _) in target.levels().http("if") {
        if location.context() != Context::Location || seen.last() == Some(&location) {
            continue;
        }
        seen.push(location);
        let going_on: Vec<Block<'_>> = location
            .inner()
            .filter(|l| l.context() == Context::IfInLocation && !ends(*l) && l.is_complete())
            .collect();
        if let Some(try_files) = location.get("try_files") {
            found.extend(going_on.iter().filter_map(|l| l.head()).map(|head| {
                IF_IN_LOCATION
                    .finding(head.head(), "where this `if` holds, `try_files` of the location does not apply")
                    .label("is a location of its own")
                    .related(try_files.head(), "is not inherited")
                    .help("choose with `map`, or move `try_files` into a location of its own")
            }));
            continue;
        }
        for (at, second) in going_on.iter().enumerate() {
            let both = going_on[..at].iter().rev().find_map(|first| {
                let name = settings(*first).find(|name| settings(*second).any(|other| other == *name))?;
                (!exclude(*first, *second)).then_some((first, name))
            });
            if let (Some((first, name)), Some(head)) = (both, second.head()) {
                let name = String::from_utf8_lossy(name);
                let mut finding = IF_IN_LOCATION
                    .finding(
                        head.head(),
                        format!("where both `if`s hold, `{name}` of the first has no effect"),
                    )
                    .help("choose the value with `map`");
                if let Some(first) = first.head() {
                    finding = finding.related(first.head(), "sets it too");
                }
                found.push(finding);
            }
        }
    }
}

/// The directives of an `if` beside those of the rewrite module.
fn settings(level: Block<'_>) -> impl Iterator<Item = &[u8]> {
    let names = level.directives().iter().map(|d| d.name().content());
    names.filter(|name| !REWRITE.iter().any(|rewrite| rewrite.as_bytes() == *name))
}

/// True if the request leaves the location.
fn ends(level: Block<'_>) -> bool {
    level.directives().iter().any(|d| {
        let flag = d.arg(2).map(|w| w.to_string()).unwrap_or_default();
        let absolute = d.arg(1).is_some_and(|w| w.content().starts_with(b"http"));
        d.name().is("return")
            || d.name().is("rewrite")
                && (absolute || ["last", "redirect", "permanent"].contains(&flag.as_str()))
            || d.name().is("proxy_pass")
            || d.name().is("fastcgi_pass")
    })
}

/// Two conditions on the same variable with `=` cannot both hold.
fn exclude(first: Block<'_>, second: Block<'_>) -> bool {
    let condition = |level: Block<'_>| {
        level.head().map(|head| head.args().map(|w| w.to_string()).collect::<Vec<_>>()).unwrap_or_default()
    };
    let (first, second) = (condition(first), condition(second));
    match (first.as_slice(), second.as_slice()) {
        ([a, x, ..], [b, y, ..]) if a == b => {
            (x == "=" && y == "=")
                || (x == "=") != (y == "=") && (x == "!=" || y == "!=")
                || x.starts_with('~') && y.starts_with('~')
        }
        _ => first.len() < 2 && second.len() < 2 && first == second,
    }
}
