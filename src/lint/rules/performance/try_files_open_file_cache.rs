//! `try_files` without a cache.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `try_files` without an effective `open_file_cache`. Off unless it is switched on.
    ///
    /// ## Why is this bad
    ///
    /// Each name costs a system call. On a local file system that is hardly measurable.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { try_files $uri =404; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// open_file_cache max=1000;
    /// server {
    ///     location / { try_files $uri =404; }
    /// }
    /// ```
    TRY_FILES_OPEN_FILE_CACHE {
        name: "try-files-open-file-cache",
        category: Performance,
        level: Info,
        summary: "`try_files` asks the file system for every request",
        doc: "/en/docs/http/ngx_http_core_module.html#open_file_cache",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, files) in target.levels().http("try_files") {
        if level.effective("open_file_cache").is_none_or(|d| d.arg(0).is_some_and(|w| w.is("off"))) {
            found.push(
                TRY_FILES_OPEN_FILE_CACHE
                    .finding(files.head(), "every request asks the file system")
                    .help("add `open_file_cache max=1000;`"),
            );
        }
    }
}
