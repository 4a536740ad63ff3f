//! A map that nobody reads.

use super::unused_variable::{report, unused};
use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::model::VariableSource;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `map` and `geo` whose variable nothing in the configuration reads. Silent for fragments, and where
    /// scripts or SSI could read it.
    ///
    /// ## Why is this bad
    ///
    /// Its purpose is not fulfilled. Off by default: a map that is not read costs nothing, and sets of
    /// ready-made files define maps for files that are included where they are wanted.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     map $http_upgrade $upgrade { default upgrade; "" ""; }
    ///     server { listen 80; }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     map $http_user_agent $is_probe { default 0; ~*probe 1; }
    ///     server {
    ///         if ($is_probe) { return 204; }
    ///     }
    /// }
    /// ```
    UNUSED_MAP {
        name: "unused-map",
        category: Correctness,
        level: Info,
        summary: "a `map` or `geo` whose variable is never read",
        doc: "/en/docs/http/ngx_http_map_module.html#map",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let wanted = |source: &VariableSource| match source {
        VariableSource::Map(_) => true,
        VariableSource::Other(by) => *by == "geo",
        _ => false,
    };
    for (span, name) in unused(target, wanted) {
        found.push(report(target, &UNUSED_MAP, span, name, Fix::unsafe_));
    }
}
