//! Patterns that backtrack without end.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Level as Severity};
use crate::lint::redos::{CostlyPattern, Growth, Text, judge, shown};
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::Point;
use crate::lint::{Target, client_text, sources, text};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports patterns for which a client can send a text that costs PCRE more than 10,000,000 steps, and gives that
    /// text: patterns of `location`, `server_name`, `if`, `rewrite` and `map`, where what is matched comes from the
    /// client. Each text was tried: PCRE2 itself counted its steps. As a warning where every repetition multiplies
    /// the steps, such as `(a+)+$`; as an info where they grow as a power of the length, so that it takes a request
    /// of some kilobytes. Patterns with recursion, conditions and verbs are passed over.
    ///
    /// ## Why is this bad
    ///
    /// PCRE tries all ways to divide the text before it gives up: each such request occupies a worker for a third of
    /// a second or more, and gets 500 once PCRE's limit is reached. A few clients stop the server.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/([a-z]+)+\.html$ { return 204; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/(.*)/(.*)/x$ { return 204; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ ^/([a-z]+/)+[a-z]+\.html$ { return 204; }
    ///     location ~ ^/(a+)+ { return 204; }
    ///     location ~ ^/([^/]*)/([^/]*)/x$ { return 204; }
    /// }
    /// ```
    REDOS {
        name: "redos",
        category: Security,
        level: Warning,
        summary: "a pattern for which a client can send a text that takes PCRE very long",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
    }
}

/// The patterns that were judged: an estate repeats a few thousands of times.
type Judged = HashMap<(Vec<u8>, bool, Text), Option<CostlyPattern>>;

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut judged = Judged::new();
    let mut report = |directive: Directive<'_>, pattern: &[u8], caseless: bool, texts: Vec<Text>| {
        let costly = texts.into_iter().find_map(|text| {
            let key = (pattern.to_vec(), caseless, text);
            if let Some(known) = judged.get(&key) {
                return known.clone();
            }
            let costly = std::str::from_utf8(pattern).ok().and_then(|own| judge(own, caseless, &key.2));
            judged.insert(key, costly.clone());
            costly
        });
        found.extend(costly.map(|costly| finding(directive, &costly)));
    };
    let may_cost = |pattern: &[u8]| pattern.iter().any(|b| matches!(b, b'*' | b'+' | b'{'));
    for (level, head) in target.levels().http("location") {
        if let Some((pattern, caseless)) = sources::regex_of_location(head).filter(|(p, _)| may_cost(p)) {
            report(head, &pattern, caseless, client_text::path(level).into_iter().collect());
        }
    }
    for (level, head) in target.levels().http("if") {
        if let Some((operator, pattern)) = sources::condition(head).filter(|(_, p)| may_cost(p)) {
            let value = head.arg(0).map(|word| word.value().into_owned()).unwrap_or_default();
            let value = value.strip_prefix(b"(").unwrap_or(&value);
            let value = if value.is_empty() {
                head.arg(1).map(|word| word.value().into_owned()).unwrap_or_default()
            } else {
                value.to_vec()
            };
            report(
                head,
                &pattern,
                operator.ends_with(b"*"),
                client_text::value(target, Point::of(level, head), &value),
            );
        }
    }
    for (level, directive) in target.levels().http("rewrite") {
        if let Some(pattern) = directive.arg(0).map(crate::syntax::Word::value).filter(|p| may_cost(p)) {
            report(directive, &pattern, false, client_text::path(level).into_iter().collect());
        }
    }
    for (level, directive) in target.levels().http("server_name") {
        for word in directive.args() {
            if let Some(pattern) = word.value().strip_prefix(b"~").filter(|p| may_cost(p)) {
                report(directive, pattern, true, vec![client_text::host(level)]);
            }
        }
    }
    for (level, map) in target.levels().http("map") {
        let (Some(source), Some(name)) = (map.arg(0), map.arg(1)) else { continue };
        let is_read = text::variables(&name.value()).any(|name| target.uses().is_read(&name));
        if !is_read && target.uses().complete {
            continue;
        }
        let texts = client_text::value(target, Point::last(level), &source.value());
        if texts.is_empty() {
            continue;
        }
        for entry in target.levels().entries(map) {
            let key = entry.name().value();
            let Some(pattern) = key.strip_prefix(b"~").filter(|p| may_cost(p)) else { continue };
            let (pattern, caseless) = pattern.strip_prefix(b"*").map_or((pattern, false), |p| (p, true));
            report(entry, pattern, caseless, texts.clone());
        }
    }
}

fn finding(directive: Directive<'_>, costly: &CostlyPattern) -> Diagnostic {
    let witness = &costly.witness;
    let parts = [&witness.start, &witness.end].map(|part| (!part.is_empty()).then(|| shown(part)));
    let [start, end] = parts;
    let middle = format!("{} times {}", costly.pumps, shown(&witness.pump));
    let text: Vec<String> = start.into_iter().chain([middle]).chain(end).collect();
    let (message, label) = match costly.growth {
        Growth::Exponential => (
            "a client can send a text for which this pattern takes exponential time",
            "every repetition doubles the steps",
        ),
        Growth::Power(_) => (
            "a client can send a text for which this pattern takes time that grows with a power of its length",
            "can divide a text in many ways",
        ),
    };
    let mut finding = REDOS.finding(directive.head(), message).label(label).help(format!(
        "{} costs PCRE more than 10,000,000 steps: let each repetition exclude the byte that follows it",
        text.join(", then ")
    ));
    if costly.growth != Growth::Exponential {
        finding.level = Severity::Info;
    }
    finding
}
