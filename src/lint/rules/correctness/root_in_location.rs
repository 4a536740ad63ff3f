//! `root` in a location.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `root` inside a location whose server has none. Off unless it is switched on.
    ///
    /// ## Why is this bad
    ///
    /// Other locations then look for files in nginx's own directory.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { root /srv/www; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     root /srv/www;
    ///     location / { try_files $uri =404; }
    /// }
    /// ```
    ROOT_IN_LOCATION {
        name: "root-in-location",
        category: Correctness,
        level: Info,
        summary: "`root` in a location",
        doc: "/en/docs/http/ngx_http_core_module.html#root",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, root) in target.levels().http("root") {
        let outer = level.outer().and_then(|outer| outer.holder("root"));
        if level.context() == Context::Location && outer.is_none() {
            found.push(
                ROOT_IN_LOCATION
                    .finding(root.head(), "only this location has a `root`")
                    .help("say it in the server"),
            );
        }
    }
}
