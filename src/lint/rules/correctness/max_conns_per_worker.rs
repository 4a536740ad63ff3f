//! Limits that multiply by the number of workers.

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Level};
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::Upstream;
use crate::model::core::WorkerProcesses;
use crate::model::upstream::Balancer;
use crate::syntax::{Configuration, Tree};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `max_conns` in an upstream without `zone`, when there is more than one worker; as an info, `least_conn`.
    ///
    /// ## Why is this bad
    ///
    /// Without a zone every worker counts its own connections: with four workers the server gets up to four times
    /// `max_conns`, and each worker picks the server with the fewest of its own connections.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// worker_processes auto;
    /// events { }
    /// http {
    ///     upstream backend { server 10.0.0.1:8080 max_conns=100; keepalive 16; }
    ///     server {
    ///         location / { proxy_pass http://backend; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// worker_processes auto;
    /// events { }
    /// http {
    ///     upstream backend { zone backend 64k; server 10.0.0.1:8080 max_conns=100; keepalive 16; }
    ///     server {
    ///         location / {
    ///             proxy_http_version 1.1;
    ///             proxy_set_header Connection "";
    ///             proxy_pass http://backend;
    ///         }
    ///     }
    /// }
    /// ```
    MAX_CONNS_PER_WORKER {
        name: "max-conns-per-worker",
        category: Correctness,
        level: Warning,
        summary: "a limit on connections that each worker counts alone",
        doc: "/en/docs/http/ngx_http_upstream_module.html#zone",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let one = target.config.core.worker_processes.value == WorkerProcesses::Count(1);
    if one || !target.is_whole() {
        return;
    }
    let mut taken = None;
    for upstream in target.upstreams().filter(|upstream| upstream.zone.is_none()) {
        let limited = upstream.peers.iter().find(|peer| peer.max_conns > 0);
        let name = &upstream.name;
        let mut finding = match limited {
            Some(peer) => MAX_CONNS_PER_WORKER
                .finding(peer.span, format!("every worker of `{name}` counts up to `max_conns` by itself"))
                .label(format!("{} per worker", peer.max_conns)),
            None if upstream.balancer.value == Balancer::LeastConn && upstream.peers.len() > 1 => {
                let span = upstream.balancer.origin.span().unwrap_or(upstream.span);
                MAX_CONNS_PER_WORKER
                    .finding(span, format!("every worker of `{name}` compares only its own connections"))
                    .label("the fewest connections of this worker")
            }
            None => continue,
        };
        if limited.is_none() {
            finding.level = Level::Info;
        }
        let zone = format!("zone {name} 64k;");
        let finding = finding.help(format!("add `{zone}`: all workers then count together"));
        found.push(
            match fix(target, upstream, &zone, taken.get_or_insert_with(|| zones(target.configuration))) {
                Some(fix) => finding.fix(fix),
                None => finding,
            },
        );
    }
}

/// Zone names of all `zone=` parameters in the configuration.
fn zones(configuration: &Configuration) -> HashSet<&[u8]> {
    const BEGIN: &[u8] = b"zone=";
    let texts = configuration.trees.iter().map(Tree::text);
    let names = texts.flat_map(|text| {
        memchr::memmem::find_iter(text, BEGIN).map(|at| {
            let rest = &text[at + BEGIN.len()..];
            let end = rest.iter().position(|b| b":; \t\r\n\"'".contains(b)).unwrap_or(rest.len());
            &rest[..end]
        })
    });
    names.collect()
}

/// The added `zone`; `None` if another module has a zone of the name.
fn fix(target: Target<'_>, upstream: &Upstream, zone: &str, taken: &HashSet<&[u8]>) -> Option<Fix> {
    if taken.contains(upstream.name.as_bytes()) {
        return None;
    }
    let first = upstream.peers.first()?.span;
    Some(Fix::safe(format!("add `{zone}`"), vec![place::before(target.configuration, first, zone)?]))
}
