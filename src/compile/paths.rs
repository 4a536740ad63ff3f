//! Directories of caches and temporary files: a cache's directory belongs to it alone, other directories need the same
//! levels (`ngx_add_path`).

use std::collections::HashMap;

use super::directive::Directive;
use super::scope::{Check, Compiler};
use crate::diagnostic::Diagnostic;
use crate::model::time::digits;
use crate::source::Span;

pub(super) const CHECKS: &[(&str, Check)] =
    &[("*_temp_path", temporary), ("client_body_temp_path", temporary)];

/// Directory that a directive names.
struct NamedDirectory {
    is_cache: bool,
    levels: Vec<u64>,
    span: Span,
}

/// Directories by name.
#[derive(Default)]
struct Paths(HashMap<Vec<u8>, NamedDirectory>);

fn temporary<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let levels = directive.args_from(2).filter_map(|(_, text)| digits(&text)).collect();
    add(cx, directive, levels, false)
}

/// Adds the directory of a cache.
pub(super) fn cache(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    add(cx, directive, Vec::new(), true)
}

/// Adds a directory; false if another directive uses it differently, which is reported.
fn add(cx: &mut Compiler<'_>, directive: &Directive<'_>, levels: Vec<u64>, is_cache: bool) -> bool {
    let name = directive.arg(1);
    let name = name.strip_suffix(b"/").unwrap_or(&name).to_vec();
    let span = directive.span();
    let paths = &mut cx.states.of::<Paths>().0;
    let Some(known) = paths.get(&name) else {
        paths.insert(name, NamedDirectory { is_cache, levels, span });
        return true;
    };
    let (why, nginx) = if is_cache || known.is_cache {
        ("a cache shares its directory with nothing", "the same path name \"{path}\" used in {place} and")
    } else if known.levels == levels {
        return true;
    } else {
        let nginx = "the same path name \"{path}\" in {place} has the different levels than";
        ("the levels of the two differ", nginx)
    };
    let first = known.span;
    let shown = String::from_utf8_lossy(&name).into_owned();
    cx.report(
        Diagnostic::error("conflicting-path", span, format!("the directory `{shown}` is in use: {why}"))
            .label("named again here")
            .related(first, "first named here")
            .help("choose another directory")
            .nginx(nginx),
    );
    false
}
