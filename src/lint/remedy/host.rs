//! Hosts in `proxy_pass` without an `upstream` block, and the upstream that a repair adds.

use super::connection::line_in_location;
use crate::edit::Edit;
use crate::lint::names::looks_like_upstream;
use crate::lint::place;
use crate::lint::target::Target;
use crate::model::location::Handler;
use crate::model::{Origin, ProxyPass};
use crate::reuse::{Judged, Leaf, Reached, has_variable_host};
use crate::syntax::Directive;

/// The host without an upstream that a leaf proxies to, if its connections could be kept.
pub(in crate::lint) fn bare<'a>(target: Target<'a>, judged: &'a Judged<'a>) -> Option<&'a str> {
    let leaf = &judged.leaf;
    let could_keep = leaf.directive != "fastcgi_pass" || leaf.location.settings.reuse.fastcgi_keep_conn.value;
    if !judged.can_reuse() || !could_keep || has_variable_host(target.config, leaf.target) {
        return None;
    }
    judged.reached.iter().find_map(|(reached, _)| match reached {
        Reached::Bare(host, _) if target.is_whole() || !looks_like_upstream(host) => Some(host.as_str()),
        _ => None,
    })
}

/// The upstream that a host should have.
pub(in crate::lint) fn upstream(target: Target<'_>, host: &str) -> String {
    format!("upstream {} {{ server {host}; keepalive 16; }}", name(target, host))
}

/// True for a loopback address behind an `internal` location: an authentication daemon and the like.
pub(in crate::lint) fn is_control_endpoint(target: Target<'_>, leaf: &Leaf<'_>, host: &str) -> bool {
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
pub(super) fn edits(target: Target<'_>, host: &str, users: &[&Judged<'_>]) -> Option<(String, Vec<Edit>)> {
    let uses = target.uses();
    if !uses.complete || uses.is_read("proxy_host") || uses.is_read("proxy_port") {
        return None;
    }
    let name = name(target, host);
    let server =
        place::find(target.configuration, users[0].leaf.server.span).filter(|d| d.name().is("server"))?;
    let mut tls = None;
    let mut edits = Vec::new();
    for user in users {
        let Some(Handler::Proxy(pass)) = &user.leaf.location.handler else { return None };
        // One upstream has one port, which the scheme may imply.
        if *tls.get_or_insert(pass.tls) != pass.tls {
            return None;
        }
        for edit in of_leaf(target, &user.leaf, pass, host, &name)? {
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
    }
    let port = if tls == Some(true) && !has_port(host) { ":443" } else { "" };
    let upstream = format!("upstream {name} {{ server {host}{port}; keepalive 16; }}");
    edits.push(place::before(target.configuration, server.head(), &upstream)?);
    Some((name, edits))
}

fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

/// Edits of one leaf: the new target, the `Host` header, and the name in TLS, which the old target implied.
fn of_leaf(
    target: Target<'_>,
    leaf: &Leaf<'_>,
    pass: &ProxyPass,
    host: &str,
    name: &str,
) -> Option<Vec<Edit>> {
    let argument = place::find(target.configuration, leaf.span)?.arg(0)?;
    let text = String::from_utf8(argument.raw().to_vec()).ok()?;
    let at = text.to_lowercase().find(host)?;
    let mut edits =
        vec![Edit::replace(argument.span(), format!("{}{name}{}", &text[..at], &text[at + host.len()..]))];
    let proxy = leaf.proxy();
    let settings = &leaf.location.settings.reuse;
    let mut before = String::new();
    if proxy.header(b"host").is_none() {
        let shown = if pass.host.is_empty() { host } else { &pass.host };
        let line = format!("proxy_set_header Host {shown};");
        match proxy.set_header.origin {
            Origin::Set(_) => {
                edits.push(place::after(target.configuration, proxy.set_header.value.last()?.span, &line)?);
            }
            Origin::Default => before.push_str(&line),
            // A line here would replace all of the outer level.
            Origin::Inherited(_) => return None,
        }
    }
    if pass.tls && settings.proxy_ssl_name.origin == Origin::Default {
        let bare = if has_port(host) { host.rsplit_once(':').map_or(host, |(host, _)| host) } else { host };
        before = format!("{before}{}proxy_ssl_name {bare};", if before.is_empty() { "" } else { " " });
    }
    if !before.is_empty() {
        edits.push(place::before(target.configuration, line_in_location(leaf)?, &before)?);
    }
    Some(edits)
}
