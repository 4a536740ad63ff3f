//! Patterns that backtrack without end.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::pattern::Pattern;
use crate::lint::pattern::bare;
use crate::lint::pattern::bytes;
use crate::lint::pattern::can_be_empty;
use crate::lint::pattern::is_unbounded;
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::syntax::Block;
use crate::syntax::Directive;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::Repetition;

declare_rule! {
    /// ## What it does
    ///
    /// Reports patterns of `location`, `server_name`, `if`, `rewrite` and `map` in which a repetition contains
    /// another one that can match the same text, such as `(a+)+$`, and something after it that can fail. Patterns
    /// that use what only PCRE knows are passed over.
    ///
    /// ## Why is this bad
    ///
    /// PCRE tries all ways to divide the text before it gives up: a few dozen characters in a URL occupy a worker,
    /// up to the limit that PCRE sets.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/([a-z]+)+\.html$ { return 204; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ ^/([a-z]+/)+[a-z]+\.html$ { return 204; }
    ///     location ~ ^/(a+)+ { return 204; }
    /// }
    /// ```
    REDOS {
        name: "redos",
        category: Security,
        level: Warning,
        summary: "a pattern that takes time exponential in the length of the request",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, head) in target.levels().http("location") {
        if level.is_http()
            && let Some((pattern, caseless)) = sources::regex_of_location(head)
        {
            report(head, &pattern, caseless, found);
        }
    }
    for (_, head) in target.levels().http("if") {
        if let Some((operator, pattern)) = sources::condition(head) {
            report(head, &pattern, operator.ends_with(b"*"), found);
        }
    }
    for (_, directive) in target.levels().http("rewrite") {
        if let Some(pattern) = directive.arg(0) {
            report(directive, &pattern.value(), false, found);
        }
    }
    for (_, directive) in target.levels().http("server_name") {
        for word in directive.args() {
            if let Some(pattern) = word.value().strip_prefix(b"~") {
                report(directive, pattern, true, found);
            }
        }
    }
    for (_, map) in target.levels().http("map") {
        for entry in map.block().into_iter().flat_map(Block::directives) {
            let key = entry.name().value();
            match (key.strip_prefix(b"~*"), key.strip_prefix(b"~")) {
                (Some(pattern), _) => report(entry, pattern, true, found),
                (None, Some(pattern)) => report(entry, pattern, false, found),
                (None, None) => {}
            }
        }
    }
}

fn report(directive: Directive<'_>, text: &[u8], caseless: bool, found: &mut Vec<Diagnostic>) {
    // Two repetitions, or there is nothing to find.
    let many = text.iter().filter(|b| matches!(b, b'*' | b'+' | b'{')).count();
    if many < 2 || !text.windows(2).any(|w| w[0] == b')' && matches!(w[1], b'*' | b'+' | b'{')) {
        return;
    }
    let Some(pattern) = Pattern::new(text, caseless) else { return };
    if explodes(pattern.hir(), false) {
        found.push(
            REDOS
                .finding(directive.head(), "the pattern can divide the same text in exponentially many ways")
                .label("a repetition in a repetition")
                .help("let the inner repetition exclude what separates the outer one"),
        );
    }
}

/// `fails`: what follows can fail to match.
fn explodes(hir: &Hir, fails: bool) -> bool {
    match hir.kind() {
        HirKind::Capture(group) => explodes(&group.sub, fails),
        HirKind::Alternation(parts) => parts.iter().any(|part| explodes(part, fails)),
        HirKind::Concat(parts) => parts.iter().enumerate().any(|(at, part)| {
            let after =
                parts[at + 1..].iter().any(|p| !can_be_empty(p) || matches!(p.kind(), HirKind::Look(_)));
            explodes(part, fails || after)
        }),
        HirKind::Repetition(repetition) => {
            let ambiguous = fails && is_unbounded(repetition) && divides(bare(&repetition.sub));
            ambiguous || explodes(&repetition.sub, fails)
        }
        _ => false,
    }
}

/// Whether a repeated body can match what two of it match: it has an unbounded repetition, and all around that can
/// be empty or be part of it.
fn divides(body: &Hir) -> bool {
    match body.kind() {
        HirKind::Repetition(inner) => is_unbounded(inner) && !can_be_empty_only(inner),
        HirKind::Alternation(parts) => parts.iter().any(|part| divides(bare(part))),
        HirKind::Concat(parts) => parts.iter().enumerate().any(|(at, part)| {
            let HirKind::Repetition(inner) = bare(part).kind() else { return false };
            if !is_unbounded(inner) {
                return false;
            }
            let own = bytes(&inner.sub);
            let mut others = parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, p)| p);
            others.all(|other| {
                let set = bytes(other);
                can_be_empty(other) && !matches!(other.kind(), HirKind::Look(_))
                    || (0..256).all(|b| !set[b] || own[b]) && !matches!(other.kind(), HirKind::Look(_))
            })
        }),
        _ => false,
    }
}

fn can_be_empty_only(inner: &Repetition) -> bool {
    inner.sub.properties().maximum_len() == Some(0)
}
