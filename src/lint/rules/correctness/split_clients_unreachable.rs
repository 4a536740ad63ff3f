//! A bucket without a share.

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};

declare_rule! {
    /// ## What it does
    ///
    /// Reports an entry `*` of `split_clients` when the shares before it already add up to 100%, and a second `*`.
    ///
    /// ## Why is this bad
    ///
    /// No request gets the value. nginx accepts it without a word.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// split_clients $request_id $source { 50% 10.0.0.8; 50% 10.0.0.9; * 10.0.0.10; }
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
    /// ```nginx bad
    /// split_clients $request_id $source { 50% 10.0.0.8; * 10.0.0.9; * 10.0.0.10; }
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
    /// split_clients $request_id $source { 50% 10.0.0.8; * 10.0.0.9; }
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
    SPLIT_CLIENTS_UNREACHABLE {
        name: "split-clients-unreachable",
        category: Correctness,
        level: Warning,
        summary: "a bucket of a `split_clients` that no request falls into",
        doc: "/en/docs/http/ngx_http_split_clients_module.html#split_clients",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for split in &target.config.http.split_clients {
        let mut total = 0;
        for bucket in &split.buckets {
            if bucket.percent == 0 && total >= 10_000 {
                let value = String::from_utf8_lossy(&bucket.value);
                let finding = SPLIT_CLIENTS_UNREACHABLE
                    .finding(bucket.span, format!("no request gets `{value}`: the entries before take 100%"))
                    .label("nothing is left for it")
                    .related(split.span, "in this `split_clients`")
                    .help("remove the entry, or lower the shares");
                found.push(match place::remove(target.configuration, bucket.span) {
                    Some(edit) => finding.fix(Fix::safe("remove the entry", vec![edit])),
                    None => finding,
                });
            }
            total = if bucket.percent == 0 { 10_000 } else { total + bucket.percent };
        }
    }
}
