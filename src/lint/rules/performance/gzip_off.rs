//! No compression.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a whole configuration without `gzip`, `brotli` or `zstd`. Off unless it is switched on.
    ///
    /// ## Why is this bad
    ///
    /// Text is sent at three to five times its compressed size.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http { }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http { gzip on; }
    /// ```
    GZIP_OFF {
        name: "gzip-off",
        category: Performance,
        level: Info,
        summary: "nothing is compressed",
        doc: "/en/docs/http/ngx_http_gzip_module.html#gzip",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let levels = target.levels();
    let Some(http) = levels.of(Context::Http).find_map(Block::head) else { return };
    let compresses = ["gzip", "brotli", "zstd", "gzip_static"].iter().any(|name| levels.has(name));
    if !compresses && target.reads_everything() {
        found.push(GZIP_OFF.finding(http.head(), "nothing is compressed").help("add `gzip on;`"));
    }
}
