//! Leaves: the locations that send requests to an upstream, with what holds around them.

use crate::model::location::Handler;
use crate::model::{Config, Location, LocationKind, ProxyPass, ProxySettings, Server, Target, Upstream};

/// A location, `if` or `limit_except` that proxies to a known upstream.
pub(super) struct Leaf<'a> {
    /// The virtual server.
    pub(super) server: &'a Server,
    /// The enclosing locations, outermost first.
    pub(super) outer: Vec<&'a Location>,
    /// The location itself.
    pub(super) location: &'a Location,
    /// Its `proxy_pass`.
    pub(super) pass: &'a ProxyPass,
    /// Where it goes.
    pub(super) upstream: &'a Upstream,
    /// The settings in force.
    pub(super) proxy: &'a ProxySettings,
}

impl<'a> Leaf<'a> {
    /// What holds at the levels around the leaf, innermost first: locations, server, http.
    pub(super) fn outer_settings(&self, config: &'a Config) -> impl Iterator<Item = &'a ProxySettings> {
        self.outer
            .iter()
            .rev()
            .map(|l| &*l.settings.proxy)
            .chain([&*self.server.settings.proxy])
            .chain(config.http.settings.iter().map(|s| &*s.proxy))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// Every leaf whose target is known at load, in source order. An `if` that only inherits the handler of its location
/// is not reported beside it.
pub(super) fn leaves(config: &Config) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    for server in &config.http.servers {
        let mut open: Vec<(&Location, Vec<&Location>)> =
            server.locations.iter().rev().map(|l| (l, Vec::new())).collect();
        while let Some((location, outer)) = open.pop() {
            let inner_path: Vec<&Location> = outer.iter().copied().chain([location]).collect();
            open.extend(location.inner.iter().rev().map(|l| (l, inner_path.clone())));
            let Some(Handler::Proxy(pass)) = &location.handler else { continue };
            let Target::Upstream(id) = pass.target else { continue };
            if is_shadow(location, &outer) {
                continue;
            }
            let upstream = config.http.upstream(id);
            found.push(Leaf { server, outer, location, pass, upstream, proxy: &location.settings.proxy });
        }
    }
    found
}

/// An `if` or `limit_except` that does what its location does.
fn is_shadow(location: &Location, outer: &[&Location]) -> bool {
    let nameless = matches!(location.kind, LocationKind::If | LocationKind::LimitExcept(_));
    nameless
        && outer.last().is_some_and(|o| {
            o.handler == location.handler
                && std::sync::Arc::ptr_eq(&o.settings.proxy, &location.settings.proxy)
        })
}
