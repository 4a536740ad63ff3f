//! Shares that do not add up.

use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::SplitClients;
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `split_clients` whose shares add up to less than 100% and that has no `*`. It is an error if the
    /// variable is the host of a `proxy_pass` or the like.
    ///
    /// ## Why is this bad
    ///
    /// The variable is empty for the rest of the requests. An empty host is answered with 500 (`invalid URL prefix`).
    ///
    /// The fix lets the last bucket take the rest. It is safe if at most 1% is left, as with three times 33.3%; more
    /// than that may be left out on purpose.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// split_clients $request_id $source { 33.3% 10.0.0.8; 33.3% 10.0.0.9; 33.3% 10.0.0.10; }
    /// upstream backend { server 10.0.0.1:80; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_bind $source;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// split_clients $request_id $source { 33.3% 10.0.0.8; 33.3% 10.0.0.9; * 10.0.0.10; }
    /// upstream backend { server 10.0.0.1:80; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_bind $source;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    SPLIT_CLIENTS_INCOMPLETE {
        name: "split-clients-incomplete",
        category: Correctness,
        level: Warning,
        summary: "some requests fall into no bucket of a `split_clients`",
        doc: "/en/docs/http/ngx_http_split_clients_module.html#split_clients",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for split in &target.config.http.split_clients {
        let total: u32 = split.buckets.iter().map(|b| b.percent).sum();
        if total < 10_000 && split.buckets.iter().all(|b| b.percent > 0) {
            found.push(finding(target, split, 10_000 - total));
        }
    }
}

fn finding(target: Target<'_>, split: &SplitClients, left: u32) -> Diagnostic {
    let name = &target.config.http.variables.get(split.variable).name;
    let uses = target.uses().reached(name);
    let host = uses.iter().find(|(name, directive)| is_host(*directive, name));
    let consequence = if host.is_some() { " and the request fails with 500" } else { "" };
    let share = format!("{}.{:02}%", left / 100, left % 100);
    let mut finding = SPLIT_CLIENTS_INCOMPLETE
        .finding(split.span, format!("for {share} of the requests `${name}` is empty{consequence}"))
        .label("the shares add up to less than 100%")
        .help("give the last entry `*` instead of its share");
    if let Some((_, directive)) = host {
        finding.level = Level::Error;
        finding = finding.related(directive.head(), "an empty host");
    }
    let last = split.buckets.last().and_then(|last| place::find(target.configuration, last.span));
    match last {
        Some(entry) => {
            let edits = vec![Edit::replace(entry.name().span(), "*")];
            let title = "give the last entry `*`";
            finding.fix(if left <= 100 { Fix::safe(title, edits) } else { Fix::unsafe_(title, edits) })
        }
        None => finding,
    }
}

/// True if a directive passes requests to the host that the variable names.
pub(in crate::lint) fn is_host(directive: Directive<'_>, variable: &str) -> bool {
    if !directive.name().content().ends_with(b"_pass") {
        return false;
    }
    let Some(argument) = directive.arg(0) else { return false };
    let text = String::from_utf8_lossy(argument.content()).to_ascii_lowercase();
    let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    crate::lint::uses::names(host.as_bytes()).iter().any(|name| name == variable)
}
