//! Detection of a `;` that is missing at a line's end.
//!
//! nginx reads `listen 80⏎ server_name x;` as one directive of three arguments. An argument that begins a line and is
//! the name of a directive allowed in this block shows the mistake.

use super::scope::Compiler;
use crate::catalog::{self, Context};
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{Edit, Fix};
use crate::source::Span;
use crate::syntax::{self, Quote};

/// Error about a `;` that seems to be missing inside `directive`, in place of nginx's own error.
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
        super::wording::abbreviate(&text)
    );
    Some(
        Diagnostic::error("missing-semicolon", before.after(), message)
            .label("expected `;`")
            .help("end the directive with `;`")
            .fix(Fix::safe("add `;`", vec![Edit::insert(before.after(), ";")])),
    )
}

/// Reports a `;` that seems to be missing in a directive that was read. The findings since `before` concern its
/// arguments: if there are any, the missing `;` is their cause; else nginx accepts the result and this is a warning.
pub(super) fn explain(
    cx: &mut Compiler<'_>,
    directive: syntax::Directive<'_>,
    context: Context,
    before: usize,
) {
    // Most directives have one argument: the text is read only if there can be a finding.
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

/// Word before the missing `;`, and the word after it.
fn place(cx: &Compiler<'_>, directive: syntax::Directive<'_>, context: Context) -> Option<(Span, Span)> {
    let mut previous = directive.name();
    for word in directive.args() {
        let gap = Span { start: previous.span().end, end: word.span().start, ..word.span() };
        let begins_line = memchr::memchr(b'\n', cx.configuration.sources.text(gap)).is_some();
        // Few words begin a line: only these are looked up.
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

/// True for a parameter that has the name of a directive: `gzip` of `access_log`.
fn is_parameter(directive: syntax::Directive<'_>, name: &[u8]) -> bool {
    catalog::directives(&directive.name().value())
        .iter()
        .flat_map(|d| d.words)
        .any(|word| word.trim_end_matches('=').as_bytes() == name)
}
