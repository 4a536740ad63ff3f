//! Hosts in `proxy_pass` without an `upstream` block, and the upstream that a repair adds.

use std::collections::HashSet;

use super::connection::line_in_location;
use crate::edit::Edit;
use crate::lint::place;
use crate::lint::target::Target;
use crate::model::Origin;
use crate::model::location::Handler;
use crate::reuse::{JudgedLeaf, Leaf, ReachedTarget, has_variable_host};
use crate::syntax::Directive;

/// The host without an upstream that a leaf proxies to, if its connections could be kept.
pub(crate) fn bare<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>) -> Option<&'a str> {
    let leaf = &judged.leaf;
    let could_keep = leaf.directive != "fastcgi_pass" || leaf.location.settings.reuse.fastcgi_keep_conn.value;
    if !judged.can_reuse() || !could_keep || has_variable_host(target.config, leaf.target) {
        return None;
    }
    judged.reached.iter().find_map(|(reached, _)| match reached {
        ReachedTarget::Bare(host, _) if !target.may_be_upstream(leaf, host) => Some(host.as_str()),
        _ => None,
    })
}

/// The upstream that a host should have.
pub(crate) fn upstream(target: Target<'_>, host: &str, users: &[&JudgedLeaf<'_>]) -> String {
    let tls =
        users.iter().any(|user| matches!(&user.leaf.location.handler, Some(Handler::Proxy(p)) if p.tls));
    format!("upstream {} {{ server {host}{}; keepalive 16; }}", name(target, host), port(host, tls))
}

/// The port that `https` implies, where none is written: that of an upstream is 80.
fn port(host: &str, tls: bool) -> &'static str {
    if tls && !has_port(host) { ":443" } else { "" }
}

/// The name alone.
pub(super) fn without_port(host: &str) -> &str {
    if has_port(host) { host.rsplit_once(':').map_or(host, |(host, _)| host) } else { host }
}

/// The lines that keep what the peer sees when an upstream takes the place of a host.
pub(super) fn implied(leaf: &Leaf<'_>, host: &str) -> Vec<String> {
    let Some(Handler::Proxy(pass)) = &leaf.location.handler else { return Vec::new() };
    let mut lines = Vec::new();
    if leaf.proxy().header(b"host").is_none() {
        let shown = if pass.host.is_empty() { host } else { &pass.host };
        lines.push(format!("proxy_set_header Host {shown};"));
    }
    if pass.tls && leaf.location.settings.reuse.proxy_ssl_name.origin == Origin::Default {
        lines.push(format!("proxy_ssl_name {};", without_port(host)));
    }
    lines
}

/// True for a loopback address behind an `internal` location: an authentication daemon and the like.
pub(crate) fn is_control_endpoint(target: Target<'_>, leaf: &Leaf<'_>, host: &str) -> bool {
    let loopback = host.starts_with("127.") || host.starts_with("[::1]") || host.starts_with("localhost");
    let location = place::find(target.configuration, leaf.named_location().span).and_then(Directive::block);
    loopback && location.is_some_and(|block| block.directives().any(|d| d.name().is("internal")))
}

/// An unused name for the new upstream.
fn name(target: Target<'_>, host: &str) -> String {
    let plain: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mut name = format!("to_{}", plain.trim_matches('_'));
    while target.config.http.upstreams.iter().any(|u| u.name.eq_ignore_ascii_case(&name)) {
        name.push('_');
    }
    name
}

/// Name of the new upstream, and the edits: the block, and each target that now names it.
pub(super) fn edits(
    target: Target<'_>,
    host: &str,
    users: &[&JudgedLeaf<'_>],
) -> Option<(String, Vec<Edit>)> {
    let uses = target.uses();
    if !uses.complete || uses.is_read("proxy_host") || uses.is_read("proxy_port") {
        return None;
    }
    let name = name(target, host);
    let server =
        place::find(target.configuration, users[0].leaf.server.span).filter(|d| d.name().is("server"))?;
    let mut tls = None;
    let mut edits = Vec::new();
    // Thousands of locations may name the host.
    let mut known = HashSet::new();
    for user in users {
        let Some(Handler::Proxy(pass)) = &user.leaf.location.handler else { return None };
        // One upstream has one port, which the scheme may imply.
        if *tls.get_or_insert(pass.tls) != pass.tls {
            return None;
        }
        for edit in of_leaf(target, &user.leaf, host, &name)? {
            if known.insert(edit.clone()) {
                edits.push(edit);
            }
        }
    }
    let port = port(host, tls == Some(true));
    let upstream = format!("upstream {name} {{ server {host}{port}; keepalive 16; }}");
    edits.push(place::before(target.configuration, server.head(), &upstream)?);
    Some((name, edits))
}

fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

/// Edits of one leaf: the new target, the `Host` header, and the name in TLS, which the old target implied.
fn of_leaf(target: Target<'_>, leaf: &Leaf<'_>, host: &str, name: &str) -> Option<Vec<Edit>> {
    let argument = place::find(target.configuration, leaf.span)?.arg(0)?;
    let text = String::from_utf8(argument.raw().to_vec()).ok()?;
    let at = text.to_lowercase().find(host)?;
    let mut edits =
        vec![Edit::replace(argument.span(), format!("{}{name}{}", &text[..at], &text[at + host.len()..]))];
    let proxy = leaf.proxy();
    let mut before: Vec<String> = Vec::new();
    for line in implied(leaf, host) {
        match proxy.set_header.origin {
            _ if !line.starts_with("proxy_set_header") => before.push(line),
            Origin::Set(_) => {
                edits.push(place::after(target.configuration, proxy.set_header.value.last()?.span, &line)?);
            }
            Origin::Default => before.push(line),
            // A line here would replace all of the outer level.
            Origin::Inherited(_) => return None,
        }
    }
    let before = before.join(" ");
    if !before.is_empty() {
        edits.push(place::before(target.configuration, line_in_location(leaf)?, &before)?);
    }
    Some(edits)
}
