//! `try_files` and `proxy_pass` in one location.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `try_files` that looks for `$uri` in a location with `proxy_pass`. With `=404` alone it can be meant
    /// as a condition, and is no finding.
    ///
    /// ## Why is this bad
    ///
    /// `try_files` only chooses the path; the handler of the location answers, which is the proxy. The files are
    /// never read.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / {
    ///         try_files $uri /index.html;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location / { try_files $uri @app; }
    ///     location @app { proxy_pass http://unix:/run/app.sock; }
    /// }
    /// ```
    TRY_FILES_WITH_PROXY {
        name: "try-files-with-proxy",
        category: Correctness,
        level: Warning,
        summary: "files that `try_files` finds are passed to the backend, not served",
        doc: "/en/docs/http/ngx_http_core_module.html#try_files",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, files) in target.levels().http("try_files") {
        let Some(pass) = level.get("proxy_pass") else { continue };
        let looks = files.args().any(|w| memchr::memmem::find(w.content(), b"$uri").is_some());
        let last = files.args().next_back();
        if !looks || last.is_some_and(|w| w.content().starts_with(b"=")) {
            continue;
        }
        found.push(
            TRY_FILES_WITH_PROXY
                .finding(files.head(), "files that are found are passed to the backend, not served")
                .related(pass.head(), "answers all requests of the location")
                .help("write `try_files $uri @app;` and put `proxy_pass` into `location @app`"),
        );
    }
}
