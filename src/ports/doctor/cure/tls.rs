//! TLS handshakes with peers: versions, names, and peers that speak none.

use std::net::IpAddr;

use super::{Case, Edit, Finding};
use crate::model::Endpoint;
use crate::reuse::Leaf;

/// Message of OpenSSL for two sides without a common version.
const VERSION: &[&str] = &[
    "unsupported protocol",
    "protocol version",
    "no protocols available",
    "version too low",
    "wrong ssl version",
];

/// The same of a peer that answers without TLS.
const PLAIN: &[&str] =
    &["wrong version number", "packet length too long", "unknown protocol", "http request"];

/// The same of a peer that wants to know for which name.
const NAME: &[&str] = &["unrecognized name", "alert handshake failure", "alert internal error"];

/// Message of nginx for a certificate with another name.
const MISMATCH: &str = "upstream SSL certificate does not match";

/// The versions that a peer of these years speaks.
const VERSIONS: &str = "TLSv1.2 TLSv1.3";

pub(super) fn with_peer(case: &Case<'_>, sample: &str, targets: &[&str], mut finding: Finding) -> Finding {
    let has = |words: &[&str]| words.iter().any(|word| sample.contains(word));
    let leaves = case.leaves_to(targets);
    let leaves = || leaves.iter().filter(|leaf| leaf.is_http());
    let (edits, effect): (Vec<Edit>, _) = match () {
        () if has(VERSION) => (
            leaves().filter_map(versions).collect(),
            format!("nginx speaks {VERSIONS} with the peer; TLSv1 and TLSv1.1 are refused by peers of these years"),
        ),
        () if has(PLAIN) => (
            leaves().filter_map(|leaf| plain(case, leaf)).collect(),
            "nginx speaks without TLS with the peer, which has none on this port and is on this host or in a private network"
                .to_owned(),
        ),
        () if has(NAME) || sample.contains(MISMATCH) => {
            (leaves().filter_map(|leaf| name(case, leaf)).flatten().collect(), "the peer is told its own name".to_owned())
        }
        () => return verified(sample, finding),
    };
    for edit in edits {
        if !finding.edits.contains(&edit) {
            finding.edits.push(edit);
        }
    }
    if !finding.edits.is_empty() {
        finding.effect = Some(effect);
    }
    finding
}

/// The versions of nginx's newest releases instead of others.
fn versions(leaf: &Leaf<'_>) -> Option<Edit> {
    let set = &leaf.location.settings.tls.proxy_protocols;
    let is_so = set.value.0.len() == 2 && set.value.has("TLSv1.2") && set.value.has("TLSv1.3");
    let text = format!("proxy_ssl_protocols {VERSIONS};");
    (!is_so).then(|| Edit::set_or_before(set.origin.span(), leaf.span, text))
}

/// `http` instead of `https`, where nobody can listen on the way.
fn plain(case: &Case<'_>, leaf: &Leaf<'_>) -> Option<Edit> {
    let flow = case.flows.iter().find(|f| f.passes.iter().any(|(_, span)| *span == leaf.span))?;
    let is_near = |endpoint: &Endpoint| match endpoint {
        Endpoint::Unix(_) => true,
        Endpoint::Name(name, _) => name.eq_ignore_ascii_case("localhost"),
        Endpoint::Inet(address) => match address.ip() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
        },
    };
    let all = !flow.destinations.is_empty() && flow.destinations.iter().all(|d| is_near(&d.endpoint));
    all.then(|| Edit::Word { span: leaf.span, from: "https://".to_owned(), to: "http://".to_owned() })
}

/// SNI with the name of the peer, if its peers have one name.
fn name(case: &Case<'_>, leaf: &Leaf<'_>) -> Option<Vec<Edit>> {
    let flow = case.flows.iter().find(|f| f.passes.iter().any(|(_, span)| *span == leaf.span))?;
    let peers = flow.upstream.map(|upstream| upstream.peers.iter());
    let mut names: Vec<&str> = peers
        .into_iter()
        .flatten()
        .filter_map(|peer| {
            peer.name.rsplit_once(':').map_or(Some(peer.name.as_str()), |(name, _)| Some(name))
        })
        .collect();
    names.dedup();
    let [name] = names.as_slice() else { return None };
    if name.is_empty() || name.starts_with("unix") || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    {
        return None;
    }
    let settings = &leaf.location.settings.reuse;
    let mut edits = Vec::new();
    if !settings.proxy_ssl_server_name.value {
        let set = settings.proxy_ssl_server_name.origin.span();
        edits.push(Edit::set_or_before(set, leaf.span, "proxy_ssl_server_name on;".to_owned()));
    }
    // A bare host is asked for by its own name already.
    if flow.upstream.is_some_and(|upstream| !upstream.is_implicit()) {
        let set = settings.proxy_ssl_name.origin.span();
        edits.push(Edit::set_or_before(set, leaf.span, format!("proxy_ssl_name {name};")));
    }
    Some(edits)
}

/// Said of certificates that are not accepted, which only a person can judge.
fn verified(sample: &str, finding: Finding) -> Finding {
    let said = [
        ("(10:", "the peer's certificate has expired: renew it there"),
        ("(9:", "the peer's certificate is not valid yet: compare the clocks of both hosts"),
        (
            "(18:",
            "the peer's certificate is signed by itself: `proxy_ssl_trusted_certificate` with that certificate accepts it and \
             no other",
        ),
        (
            "(19:",
            "the certificate authority of the peer is not in `proxy_ssl_trusted_certificate`: add its certificate there",
        ),
        (
            "(2",
            "the certificate authority of the peer is not in `proxy_ssl_trusted_certificate`, or the peer does not send its \
             whole chain: `openssl s_client -connect PEER -showcerts` shows what it sends",
        ),
    ];
    let found = said.iter().find(|(code, _)| sample.contains(&format!("verify error: {code}")));
    found.map_or(finding.clone(), |(_, text)| finding.remedy(*text))
}
