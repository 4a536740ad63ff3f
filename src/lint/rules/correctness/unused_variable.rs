//! A variable that nobody reads.

use std::collections::BTreeMap;

use crate::catalog::{self, Subsystem};
use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Rule, Target, place};
use crate::model::VariableSource;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `split_clients` and `set` whose variable nothing in the configuration reads. Silent for fragments, and where
    /// scripts or SSI could read it. For `map` and `geo` there is `unused-map`.
    ///
    /// ## Why is this bad
    ///
    /// Its purpose is not fulfilled: often a `proxy_bind` or `proxy_set_header` that was forgotten, or a
    /// name that is spelled differently.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     split_clients $request_id $source { 50% 10.0.0.8; * 10.0.0.9; }
    ///     upstream backend { server 10.0.0.1:80; keepalive 16; }
    ///     server {
    ///         location / { proxy_pass http://backend; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     split_clients $request_id $source { 50% 10.0.0.8; * 10.0.0.9; }
    ///     upstream backend { server 10.0.0.1:80; keepalive 16; }
    ///     server {
    ///         location / {
    ///             proxy_http_version 1.1;
    ///             proxy_set_header Connection "";
    ///             proxy_bind $source;
    ///             proxy_pass http://backend;
    ///         }
    ///     }
    /// }
    /// ```
    UNUSED_VARIABLE {
        name: "unused-variable",
        category: Correctness,
        level: Info,
        summary: "a variable is defined and never read",
        doc: "/en/docs/http/ngx_http_map_module.html#map",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let wanted =
        |source: &VariableSource| matches!(source, VariableSource::SplitClients(_) | VariableSource::Set);
    for (span, name) in unused(target, wanted) {
        found.push(report(target, &UNUSED_VARIABLE, span, name, Fix::safe));
    }
}

/// The variables of a kind that nothing reads, with the directives that define them.
pub(in crate::lint) fn unused(
    target: Target<'_>,
    wanted: fn(&VariableSource) -> bool,
) -> BTreeMap<Span, &str> {
    let mut unused = BTreeMap::new();
    if !target.is_whole() {
        return unused;
    }
    for (_, variable) in target.config.http.variables.iter() {
        if let Some(span) = variable.defined.filter(|_| wanted(&variable.source))
            // One that a module reads, such as `$memcached_key` and `$limit_rate`.
            && catalog::variable(Subsystem::Http, variable.name.as_bytes()).is_none()
            && target.uses().complete
            && !target.uses().is_read(&variable.name)
        {
            unused.insert(span, variable.name.as_str());
        }
    }
    unused
}

/// Says so, and removes the block.
pub(in crate::lint) fn report(
    target: Target<'_>,
    rule: &Rule,
    span: Span,
    name: &str,
    fix: fn(String, Vec<Edit>) -> Fix,
) -> Diagnostic {
    let directive = place::find(target.configuration, span);
    let what = directive.map_or_else(String::new, |d| d.name().to_string());
    let finding = rule
        .finding(span, format!("nothing reads `${name}`, which this `{what}` defines"))
        .label("has no effect")
        .help("use it, or remove it");
    let block = directive.is_some_and(|d| d.block().is_some());
    match place::remove(target.configuration, span).filter(|_| block) {
        Some(edit) => finding.fix(fix(format!("remove the `{what}`"), vec![edit])),
        None => finding,
    }
}
