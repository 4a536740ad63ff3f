//! `split_clients` (`ngx_conf_split_clients_block`).

use super::argument::fixed_point;
use super::directive::Directive;
use super::scope::Compiler;
use super::value;
use crate::diagnostic::{Diagnostic, Level};
use crate::model::split_clients::{Bucket, SplitClients};
use crate::model::value::VariableSource;
use crate::source::Span;
use crate::syntax::{self, Block, Terminator};

/// Hundredths of a percent in the whole.
const WHOLE: u64 = 10_000;

/// Compiles a block.
pub(super) fn split_clients<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let key = value::argument(cx, directive, 1);
    let position = cx.http.split_clients.len();
    let variable = value::define(cx, directive, 2, VariableSource::SplitClients(position));
    let Some(buckets) = body(cx, block, Some(directive.span())) else { return };
    if let Some(variable) = variable {
        cx.http.split_clients.push(SplitClients { key, variable, buckets, span: directive.span() });
    }
}

/// Checks a file that holds entries of `split_clients`.
pub(super) fn fragment<'t>(cx: &mut Compiler<'t>, block: Block<'t>) {
    body(cx, block, None);
}

/// Entries of the block; `None` if their sum exceeds the whole.
fn body<'t>(cx: &mut Compiler<'t>, block: Block<'t>, owner: Option<Span>) -> Option<Vec<Bucket>> {
    let mut buckets = Vec::new();
    let mut total: u64 = 0;
    for entry in block.directives() {
        let Some(bucket) = bucket(cx, entry) else { continue };
        // A `*` takes the rest, so any entry after it exceeds the whole.
        total = if bucket.percent == 0 { WHOLE.max(total) } else { total + u64::from(bucket.percent) };
        if total > WHOLE {
            report_total(cx, owner, entry, total, &buckets);
            return None;
        }
        buckets.push(bucket);
    }
    Some(buckets)
}

fn bucket(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>) -> Option<Bucket> {
    let share = entry.name();
    let text = share.value();
    if entry.terminator() == Terminator::Block {
        cx.report(
            Diagnostic::error(
                "invalid-entry",
                entry.head(),
                "an entry of `split_clients` is a share and a value, not a block",
            )
            .label("expected `;`")
            .nginx("unexpected \"{\""),
        );
        return None;
    }
    let percent = match text.strip_suffix(b"%") {
        _ if *text == *b"*" => 0,
        Some(number) => match fixed_point(number, 2) {
            Some(n @ 1..=0xffff_ffff) => n as u32,
            _ => return report_percent(cx, share),
        },
        None => return report_percent(cx, share),
    };
    let Some(value) = entry.arg(0) else {
        cx.report(
            Diagnostic::error(
                "missing-value",
                entry.head(),
                "this entry of `split_clients` has no value (nginx accepts it and reads past the end)",
            )
            .label("expected a value after the share"),
        );
        return None;
    };
    if let Some(extra) = entry.arg(1) {
        let mut diagnostic = Diagnostic::warning(
            "extra-words",
            extra.span(),
            "an entry of `split_clients` is a share and one value; nginx ignores the rest",
        )
        .label("ignored");
        diagnostic.level = Level::Warning;
        cx.report(diagnostic);
    }
    Some(Bucket { percent, value: value.value().into(), span: entry.head() })
}

fn report_percent(cx: &mut Compiler<'_>, share: syntax::Word<'_>) -> Option<Bucket> {
    let text = share.value();
    let shown = String::from_utf8_lossy(&text).into_owned();
    let diagnostic = Diagnostic::error(
        "invalid-percent",
        share.span(),
        format!(
            "`{shown}` is no share; expected a percentage with at most two decimals, or `*` for the rest"
        ),
    )
    .label("expected for example `12.5%` or `*`")
    .nginx(format!("invalid percent value \"{shown}\""));
    cx.report(match shown.as_str() {
        "include" => diagnostic.help("`include` does not work inside `split_clients`"),
        text if fixed_point(text.as_bytes(), 2).is_some() => diagnostic.help(format!("write `{text}%`")),
        _ => diagnostic,
    });
    None
}

fn report_total(
    cx: &mut Compiler<'_>,
    owner: Option<Span>,
    entry: syntax::Directive<'_>,
    total: u64,
    buckets: &[Bucket],
) {
    let rest = buckets.iter().find(|b| b.percent == 0);
    let message = match rest {
        Some(_) => {
            "an entry after `*` gets nothing: `*` takes the rest, so the shares exceed 100%".to_owned()
        }
        None => format!("the shares add up to {} with this entry; expected at most 100%", percent(total)),
    };
    let mut diagnostic = Diagnostic::error("percent-total", entry.head(), message)
        .label(if rest.is_some() { "after `*`" } else { "more than 100% from here on" })
        .help("let the shares add up to less than 100% and give the last entry `*`")
        .nginx("percent total is greater than 100%");
    if let Some(owner) = owner {
        diagnostic = diagnostic.related(owner, "in this `split_clients`");
    }
    if let Some(rest) = rest {
        diagnostic = diagnostic.related(rest.span, "`*` takes the rest");
    }
    cx.report(diagnostic);
}

/// Hundredths as written in a configuration.
fn percent(hundredths: u64) -> String {
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => format!("{whole}%"),
        (whole, rest) => format!("{whole}.{rest:02}%"),
    }
}
