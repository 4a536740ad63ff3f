//! An error log called off.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `error_log off`.
    ///
    /// ## Why is this bad
    ///
    /// Other than `access_log`, `error_log` cannot be switched off: nginx writes to a file `off` in its directory.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server { error_log off; }
    /// ```
    ///
    /// ```nginx good
    /// server { error_log /dev/null crit; }
    /// ```
    ERROR_LOG_OFF {
        name: "error-log-off",
        category: Correctness,
        level: Warning,
        summary: "`error_log off` writes a file named `off`",
        doc: "/en/docs/ngx_core_module.html#error_log",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, directive) in target.levels().named("error_log") {
        let Some(word) = directive.arg(0).filter(|w| w.is("off")) else { continue };
        let edit = Edit::replace(directive.span(), "error_log /dev/null crit;");
        found.push(
            ERROR_LOG_OFF
                .finding(word.span(), "errors are written to a file named `off`")
                .help("write `error_log /dev/null crit;`")
                .fix(Fix::safe("discard the errors", vec![edit])),
        );
    }
}
