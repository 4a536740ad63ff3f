//! Request headers of an outer level that an inner one replaces.

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, lost};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `server` or `location` with `proxy_set_header` of its own that does not repeat all names of the
    /// outer level, if requests are passed on from there. `Connection` and `Upgrade` have rules of their own; a
    /// line that says what nginx does anyway is no loss.
    ///
    /// ## Why is this bad
    ///
    /// The directive is inherited as a whole. The backend then sees the proxy's address instead of the client's, or
    /// a header that the outer level takes away. If neither is lost, the finding is only a note.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     proxy_set_header Host $host;
    ///     proxy_set_header X-Real-IP $remote_addr;
    ///     location / {
    ///         proxy_set_header X-Request-ID $request_id;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     proxy_set_header Host $host;
    ///     location / {
    ///         proxy_set_header Host $host;
    ///         proxy_set_header X-Request-ID $request_id;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    ///     location /static/ {
    ///         proxy_set_header X-Unused "nothing is passed on from here";
    ///     }
    /// }
    /// ```
    PROXY_SET_HEADER_REDEFINITION {
        name: "proxy-set-header-redefinition",
        category: Security,
        level: Warning,
        summary: "an inner `proxy_set_header` drops the headers of the outer level",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

const NAME: &str = "proxy_set_header";

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let passing = target.levels().http("proxy_pass").filter_map(|(level, _)| level.holder(NAME));
    let passing: HashSet<u32> = passing.map(Block::position).collect();
    for level in lost::levels_with(target, NAME) {
        // Only where requests are passed on with exactly this list.
        if !passing.contains(&level.position()) {
            continue;
        }
        let mut gone = all_lost(level, &passing);
        gone.retain(is_loss);
        if gone.is_empty() {
            continue;
        }
        let Some(first) = level.get(NAME) else { continue };
        let message =
            format!("this `{NAME}` replaces those of the outer level: {} not sent", lost::names(&gone));
        let mut finding = PROXY_SET_HEADER_REDEFINITION.finding(first.head(), message);
        if !gone.iter().any(matters) {
            finding.level = Level::Info;
        }
        found.push(lost::explain(target, finding, level, NAME, &gone));
    }
}

/// Lines that the outer levels set and this one does not; also those that a level between has lost that passes nothing on itself.
fn all_lost<'a>(level: Block<'a>, passing: &HashSet<u32>) -> Vec<Directive<'a>> {
    let mut gone = lost::lines(level, NAME, lost::Keys::Caseless);
    let mut between = level.outer().and_then(|outer| outer.holder(NAME));
    while let Some(outer) = between {
        if passing.contains(&outer.position()) {
            break;
        }
        for line in lost::lines(outer, NAME, lost::Keys::Caseless) {
            let same = |own: &Directive<'_>| {
                let name = |d: &Directive<'_>| d.arg(0).map(|w| w.value().to_ascii_lowercase());
                name(own) == name(&line)
            };
            if !level.own(NAME).any(|own| same(&own)) && !gone.iter().any(same) {
                gone.push(line);
            }
        }
        between = outer.outer().and_then(|outer| outer.holder(NAME));
    }
    gone
}

fn words(line: &Directive<'_>) -> (String, String) {
    let word = |n| line.arg(n).map(|w| w.to_string().to_ascii_lowercase()).unwrap_or_default();
    (word(0), word(1))
}

/// Not what nginx does anyway, and not what other rules speak of.
fn is_loss(line: &Directive<'_>) -> bool {
    let (name, value) = words(line);
    let by_default = match name.as_str() {
        "connection" | "upgrade" => true,
        "host" => value == "$proxy_host",
        "te" | "keep-alive" | "expect" => value.is_empty(),
        _ => false,
    };
    !by_default
}

/// The client's address, who is asked, who asks; or a header that is taken away.
fn matters(line: &Directive<'_>) -> bool {
    let (name, value) = words(line);
    value.is_empty()
        || name.starts_with("x-forwarded-")
        || ["host", "x-real-ip", "forwarded", "authorization", "proxy"].contains(&name.as_str())
}
