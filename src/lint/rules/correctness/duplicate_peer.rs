//! One peer, named twice.

use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::{Endpoint, Peer, Upstream};

declare_rule! {
    /// ## What it does
    ///
    /// Reports an `upstream` that names the same address and port twice.
    ///
    /// ## Why is this bad
    ///
    /// It gets twice the share of the requests, which nothing says; there are no more ports to it than before, and its
    /// failures are counted apart. `weight=` says the same openly.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend {
    ///     server 10.0.0.1:80;
    ///     server 10.0.0.2:80;
    ///     server 10.0.0.1;
    ///     keepalive 16;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend {
    ///     server 10.0.0.1:80 weight=2;
    ///     server 10.0.0.2:80;
    ///     keepalive 16;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend {
    ///     server 10.0.0.1:80;
    ///     server 10.0.0.1:81;
    ///     keepalive 16;
    /// }
    /// ```
    DUPLICATE_PEER {
        name: "duplicate-peer",
        category: Correctness,
        level: Warning,
        summary: "the same server twice in an upstream: a hidden weight",
        doc: "/en/docs/http/ngx_http_upstream_module.html#server",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams() {
        let mut seen: HashMap<(&Endpoint, bool), &Peer> = HashMap::new();
        for peer in upstream.peers.iter().filter(|peer| !peer.down) {
            match seen.get(&(&peer.endpoint, peer.backup)) {
                Some(first) => found.push(finding(target, upstream, first, peer)),
                None => {
                    seen.insert((&peer.endpoint, peer.backup), peer);
                }
            }
        }
    }
}

fn finding(target: Target<'_>, upstream: &Upstream, first: &Peer, peer: &Peer) -> Diagnostic {
    let message = format!("`{}` is named twice in `{}`: it gets a greater share", peer.name, upstream.name);
    let weight = first.weight.saturating_add(peer.weight);
    let finding = DUPLICATE_PEER
        .finding(peer.span, message)
        .label("the same address and port")
        .related(first.span, "first named here")
        .help(format!("name it once, with `weight={weight}`"));
    match fix(target, first, peer, weight) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// One line with the sum of the weights; safe if the lines differ in nothing else.
fn fix(target: Target<'_>, first: &Peer, peer: &Peer, weight: u32) -> Option<Fix> {
    let line = place::find(target.configuration, first.span)?;
    let old = line.args().find(|arg| arg.content().starts_with(b"weight="));
    let text = format!("weight={weight}");
    let edit = match old {
        Some(word) => Edit::replace(word.span(), text),
        None => Edit::insert(line.head().after(), format!(" {text}")),
    };
    let edits = vec![edit, place::remove(target.configuration, peer.span)?];
    let rest = |p: &Peer| (p.max_fails, p.fail_timeout, p.max_conns);
    let title = format!("name it once, with `weight={weight}`");
    Some(if rest(first) == rest(peer) { Fix::safe(title, edits) } else { Fix::unsafe_(title, edits) })
}
