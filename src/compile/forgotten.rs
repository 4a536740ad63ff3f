//! The `;` that was forgotten at a line's end.
//!
//! For nginx `listen 80⏎ server_name x;` is one directive of three arguments. An argument that begins a line and is
//! the name of a directive that may stand here gives it away.

use super::scope::Compiler;
use crate::catalog::{self, Context};
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{Edit, Fix};
use crate::source::Span;
use crate::syntax::{self, Quote};

/// If a `;` seems to be missing inside `directive`, the error that says so instead of the one nginx would give.
pub(super) fn semicolon(
    cx: &Compiler<'_>,
    directive: syntax::Directive<'_>,
    context: Context,
) -> Option<Diagnostic> {
    let (before, next) = place(cx, directive, context)?;
    let head = directive.name().span().to(before);
    let text = String::from_utf8_lossy(cx.configuration.sources.text(head)).into_owned();
    let next = String::from_utf8_lossy(cx.configuration.sources.text(next)).into_owned();
    let message = format!(
        "missing `;` after `{}`: nginx reads `{next}` as one more argument",
        super::refusal::abbreviate(&text)
    );
    Some(
        Diagnostic::error("missing-semicolon", before.after(), message)
            .label("expected `;`")
            .help("end the directive with `;`")
            .fix(Fix::safe("add `;`", vec![Edit::insert(before.after(), ";")])),
    )
}

/// Says that a `;` seems to be missing in a directive that was read. The findings since `before` are about its
/// arguments: if there are any, the missing `;` is the reason, else nginx accepts the result and this warns.
pub(super) fn explain(
    cx: &mut Compiler<'_>,
    directive: syntax::Directive<'_>,
    context: Context,
    before: usize,
) {
    // Most directives have one argument: look at the text only if there is something to find.
    if directive.args().len() < 2 {
        return;
    }
    let Some(mut diagnostic) = semicolon(cx, directive, context) else { return };
    if cx.diagnostics[before..].iter().any(|d| d.level == Level::Error) {
        diagnostic.nginx = cx.diagnostics[before].nginx.take();
        cx.diagnostics.truncate(before);
    } else {
        diagnostic.level = Level::Warning;
    }
    cx.report(diagnostic);
}

/// The word before the missing `;`, and the word after it.
fn place(cx: &Compiler<'_>, directive: syntax::Directive<'_>, context: Context) -> Option<(Span, Span)> {
    let mut previous = directive.name();
    for word in directive.args() {
        let gap = Span { start: previous.span().end, end: word.span().start, ..word.span() };
        let begins_line = memchr::memchr(b'\n', cx.configuration.sources.text(gap)).is_some();
        // Few words begin a line: only those are looked up.
        if begins_line && word.quote() == Quote::None {
            let name = word.value();
            if catalog::in_context(&name, context).is_some() && !is_parameter(directive, &name) {
                return Some((previous.span(), word.span()));
            }
        }
        previous = word;
    }
    None
}

/// Some parameters are directives too: `gzip` of `access_log`.
fn is_parameter(directive: syntax::Directive<'_>, name: &[u8]) -> bool {
    catalog::directives(&directive.name().value())
        .iter()
        .flat_map(|d| d.words)
        .any(|word| word.trim_end_matches('=').as_bytes() == name)
}
