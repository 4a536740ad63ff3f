//! The same condition twice.

use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, Level};
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::{Exit, Kind, exit};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a second `if` with the same condition in one block. If both have settings, such as `add_header`, those of
    /// the first are lost; if not, it is a note.
    ///
    /// ## Why is this bad
    ///
    /// An `if` is a location of its own. When two hold, the request continues in the last, and has its settings only.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / {
    ///         if ($arg_a) { add_header X-A a; }
    ///         if ($arg_a) { add_header X-B b; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location / {
    ///         if ($arg_a) { return 204; }
    ///         if ($arg_b) { return 404; }
    ///     }
    /// }
    /// ```
    IF_REPEATED {
        name: "if-repeated",
        category: Correctness,
        level: Warning,
        summary: "two `if` have the same condition: the settings of the first are lost",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#if",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut seen = None;
    for (level, _) in target.levels().http("if") {
        if seen == Some(level) {
            continue;
        }
        seen = Some(level);
        let mut first: std::collections::HashMap<Vec<u8>, Earlier<'_>> = std::collections::HashMap::new();
        for (point, code) in level.codes().iter() {
            match code.kind {
                Kind::If => {
                    let condition = words(code.directive);
                    let inner = point.inside();
                    // Nothing follows an end of the request.
                    match first.get(&condition) {
                        Some(before) => found.push(finding(level, *before, code.directive, inner)),
                        None => drop(first.insert(condition, (code.directive, inner))),
                    }
                }
                // Another value may be asked for after it.
                Kind::Set | Kind::Rewrite => first.clear(),
                Kind::Return | Kind::Break => {}
            }
            if point.inside().is_some_and(|inner| inner.get("set").is_some()) {
                first.clear();
            }
        }
    }
}

/// An `if`, and its block as a level.
type Earlier<'a> = (Directive<'a>, Option<Block<'a>>);

fn words(head: Directive<'_>) -> Vec<u8> {
    head.args().map(|word| word.value().into_owned()).collect::<Vec<_>>().join(&b' ')
}

fn finding(
    level: Block<'_>,
    (before, earlier): (Directive<'_>, Option<Block<'_>>),
    head: Directive<'_>,
    inner: Option<Block<'_>>,
) -> Diagnostic {
    let executes = ["set", "return", "rewrite", "break"];
    let setting = |d: Directive<'_>| !executes.iter().any(|name| d.name().is(name));
    let has = |block: Option<crate::syntax::Block<'_>>| {
        block.into_iter().flat_map(crate::syntax::Block::directives).any(setting)
    };
    let ends = earlier.is_some_and(|inner| matches!(exit(inner), Exit::Leaves));
    let both =
        level.context() == Context::Location && has(before.block()) && inner.is_some() && has(head.block());
    let message = if both {
        "this `if` has the condition of an earlier one, whose settings are lost"
    } else {
        "this `if` has the condition of an earlier one"
    };
    let (message, help) = if ends {
        ("this `if` never holds: an earlier one of the same condition has answered", "remove one of the two")
    } else {
        (message, "put both into one block")
    };
    let mut finding = IF_REPEATED
        .finding(head.head(), message)
        .related(before.head(), if ends { "answers such requests" } else { "has the same condition" })
        .help(help);
    if !both && !ends {
        finding.level = Level::Info;
    }
    finding
}
