//! A source address that does not work.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::proxy_bind_fixed_port::address;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::model::proxy::Bind;
use crate::model::{Endpoint, Upstream};
use crate::reuse::{JudgedLeaf, ReachedTarget};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a value of `proxy_bind` (and the like) that is no address, is of another family than a literal peer, or
    /// is a loopback address while a literal peer is none. Values of `split_clients`, `map` and `set` are followed.
    ///
    /// ## Why is this bad
    ///
    /// A value that is no address is ignored for each request, and written to the error log. A wrong family or a loopback
    /// address makes every such request fail with 500.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { proxy_bind ::1; proxy_pass http://10.0.0.1; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// split_clients $request_id $source { 50% 10.0.0.8; * ten.0.0.9; }
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
    PROXY_BIND_UNUSABLE {
        name: "proxy-bind-unusable",
        category: Correctness,
        level: Error,
        summary: "a source address that connections cannot have",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_bind",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<(Span, String), Vec<Span>> = BTreeMap::new();
    for judged in &target.reuse.leaves {
        let Some(bind) = judged.leaf.bind() else { continue };
        let Some(directive) = bind.origin.span() else { continue };
        let values = match &bind.value {
            Bind::Off => continue,
            Bind::Address { address, .. } => vec![(Some(*address), address.ip().to_string(), None)],
            Bind::Value { value, .. } => {
                let known = target.reuse.fold(&judged.leaf, value).known;
                let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
                known.into_iter().map(|(text, span)| (address(&text), shown(&text), span)).collect()
            }
        };
        for (address, text, entry) in values {
            if let Some(fault) = fault(target, judged, address, &text) {
                places.entry((entry.unwrap_or(directive), fault)).or_default().push(judged.leaf.span);
            }
        }
    }
    for ((span, fault), users) in places {
        let finding = PROXY_BIND_UNUSABLE
            .finding(span, fault)
            .label("connections cannot come from here")
            .help("name an address of this host, of the family of the peers");
        found.push(affected(finding, users.into_iter().filter(|user| *user != span), "used here"));
    }
}

fn fault(
    target: Target<'_>,
    judged: &JudgedLeaf<'_>,
    address: Option<SocketAddr>,
    text: &str,
) -> Option<String> {
    let Some(address) = address else {
        // An empty value binds to nothing, on purpose.
        return (!text.is_empty())
            .then(|| format!("`{text}` is no address: nginx ignores it for each request"));
    };
    let peers = peers(target, judged);
    let peer = peers.iter().find(|peer| peer.is_ipv4() != address.is_ipv4());
    if let Some(peer) = peer {
        return Some(format!(
            "`{text}` and the peer `{peer}` are of different families: requests fail with 500"
        ));
    }
    let remote = peers.iter().find(|peer| !peer.ip().is_loopback() && !peer.ip().is_unspecified());
    match remote {
        Some(peer) if address.ip().is_loopback() => Some(format!(
            "`{text}` is a loopback address, from which nothing reaches `{peer}`: requests fail with 500"
        )),
        _ => None,
    }
}

/// The peers of a leaf that are addresses.
fn peers(target: Target<'_>, judged: &JudgedLeaf<'_>) -> Vec<SocketAddr> {
    let bare = match judged.leaf.target {
        crate::model::Target::Upstream(id) => Some(target.config.http.upstream(*id)),
        crate::model::Target::Value(_) => None,
    };
    let mut found: Vec<SocketAddr> = bare.into_iter().chain(judged.upstreams()).flat_map(literal).collect();
    found.extend(judged.reached.iter().filter_map(|(reached, _)| match reached {
        ReachedTarget::Bare(host, _) => address(host.as_bytes()),
        _ => None,
    }));
    found
}

fn literal(upstream: &Upstream) -> impl Iterator<Item = SocketAddr> + '_ {
    upstream.peers.iter().filter(|peer| !peer.down).filter_map(|peer| match peer.endpoint {
        Endpoint::Inet(address) => Some(address),
        _ => None,
    })
}
