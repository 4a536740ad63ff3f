//! The default error log.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a whole configuration without `error_log`. Off unless it is switched on.
    ///
    /// ## Why is this bad
    ///
    /// Errors go to a path that was chosen when nginx was built.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http { }
    /// ```
    ///
    /// ```nginx good main
    /// error_log /var/log/nginx/error.log warn;
    /// events { }
    /// http { }
    /// ```
    ERROR_LOG_MISSING {
        name: "error-log-missing",
        category: Correctness,
        level: Info,
        summary: "nothing says where errors are logged",
        doc: "/en/docs/ngx_core_module.html#error_log",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let levels = target.levels();
    let Some(http) = levels.of(Context::Http).find_map(Block::head) else { return };
    if !levels.has("error_log") && target.reads_everything() {
        found.push(
            ERROR_LOG_MISSING
                .finding(http.head(), "nothing says where errors are logged")
                .help("set `error_log`"),
        );
    }
}
