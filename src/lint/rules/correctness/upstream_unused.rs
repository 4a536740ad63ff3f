//! An upstream without users.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::model::Upstream;
use crate::reuse::ReachedTarget;

declare_rule! {
    /// ## What it does
    ///
    /// Reports an `upstream` that no location can reach and no other directive names. Silent for fragments, and where a
    /// variable or script may name it.
    ///
    /// ## Why is this bad
    ///
    /// Somebody tunes it, and it changes nothing: often `proxy_pass` names the host itself, or a name that is spelled
    /// differently.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     upstream backend { server 10.0.0.1:8080; keepalive 16; }
    ///     server {
    ///         location / { proxy_pass http://10.0.0.1:8080; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     upstream backend { server 10.0.0.1:8080; keepalive 16; }
    ///     server {
    ///         location / {
    ///             proxy_http_version 1.1;
    ///             proxy_set_header Connection "";
    ///             proxy_pass http://backend;
    ///         }
    ///     }
    /// }
    /// ```
    UPSTREAM_UNUSED {
        name: "upstream-unused",
        category: Correctness,
        level: Info,
        summary: "nothing passes requests to an upstream",
        doc: "/en/docs/http/ngx_http_upstream_module.html#upstream",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let unused: Vec<&Upstream> =
        target.all_upstreams().filter(|upstream| target.reuse.users(upstream).next().is_none()).collect();
    let mut reached = target.reuse.leaves.iter().flat_map(|judged| &judged.reached);
    if unused.is_empty()
        || !target.is_whole()
        || !target.uses().complete
        || target.has_empty_mask()
        || reached.any(|(reached, _)| matches!(reached, ReachedTarget::Unknown))
    {
        return;
    }
    let words = named(target);
    for upstream in unused {
        if !words.iter().any(|word| contains(word, &upstream.name)) {
            let message = format!("nothing passes requests to `{}`", upstream.name);
            found.push(
                UPSTREAM_UNUSED
                    .finding(upstream.span, message)
                    .label("never used")
                    .help("use it, or remove it"),
            );
        }
    }
}

/// The arguments of every directive but `upstream` itself: modules that we do not know may name one.
fn named(target: Target<'_>) -> Vec<&[u8]> {
    let directives = target.configuration.trees.iter().flat_map(crate::syntax::Tree::directives);
    let others = directives.filter(|d| !d.name().is("upstream") && !d.name().is("server_name"));
    others.flat_map(|d| d.args().map(crate::syntax::Word::content)).collect()
}

fn contains(word: &[u8], name: &str) -> bool {
    memchr::memmem::find(&word.to_ascii_lowercase(), name.to_ascii_lowercase().as_bytes()).is_some()
}
