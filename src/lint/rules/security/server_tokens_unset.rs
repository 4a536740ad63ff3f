//! The version in every response, by default.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a whole configuration without `server_tokens`. Off unless it is switched on.
    ///
    /// ## Why is this bad
    ///
    /// The default is on: every response says the version of nginx.
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
    /// http { server_tokens off; }
    /// ```
    SERVER_TOKENS_UNSET {
        name: "server-tokens-unset",
        category: Security,
        level: Info,
        summary: "nothing says `server_tokens off`",
        doc: "/en/docs/http/ngx_http_core_module.html#server_tokens",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let levels = target.levels();
    let replaced = levels.has("more_clear_headers") || levels.has("more_set_headers");
    let Some(http) = levels.of(Context::Http).find_map(Block::head) else { return };
    if !replaced && !levels.has("server_tokens") && target.reads_everything() {
        found.push(
            SERVER_TOKENS_UNSET
                .finding(http.head(), "nothing says `server_tokens off`: responses say the version of nginx")
                .help("add `server_tokens off;`"),
        );
    }
}
