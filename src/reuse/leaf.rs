//! Leaves: the places that pass requests on, with their settings in force.

use std::sync::Arc;

use crate::model::location::Handler;
use crate::model::proxy::Bind;
use crate::model::{Config, HttpSettings, Location, LocationKind, ProxySettings, Server, Setting, Target};
use crate::source::Span;

/// A location, `if` or `limit_except` that passes requests on.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    /// The virtual server.
    pub server: &'a Server,
    /// The enclosing locations, outermost first.
    pub outer: Vec<&'a Location>,
    /// The location itself.
    pub location: &'a Location,
    /// `proxy_pass`, `fastcgi_pass` …
    pub directive: &'static str,
    /// Target of the requests, as written.
    pub target: &'a Target,
    /// The directive.
    pub span: Span,
}

impl<'a> Leaf<'a> {
    /// True if the leaf speaks HTTP/1 to the peer.
    pub fn is_http(&self) -> bool {
        self.directive == "proxy_pass"
    }

    /// The settings of `ngx_http_proxy_module` in force.
    pub fn proxy(&self) -> &'a ProxySettings {
        &self.location.settings.proxy
    }

    /// Source address of the leaf's connections: the `…_bind` of its protocol, if there is one.
    pub fn bind(&self) -> Option<&'a Setting<Bind>> {
        let settings = &self.location.settings;
        match self.directive {
            "proxy_pass" => Some(&settings.proxy.bind),
            "fastcgi_pass" => Some(&settings.reuse.fastcgi_bind),
            "grpc_pass" => Some(&settings.reuse.grpc_bind),
            "memcached_pass" => Some(&settings.reuse.memcached_bind),
            _ => None,
        }
    }

    /// Settings in force at the levels around the leaf, innermost first: locations, server, http.
    pub fn around(&self, config: &'a Config) -> Vec<&'a HttpSettings> {
        let locations = self.outer.iter().rev().map(|l| &l.settings);
        locations.chain([&self.server.settings]).chain(config.http.settings.iter()).collect()
    }

    /// Location with a name: the one around an `if` or `limit_except`, else the leaf's own.
    pub fn named_location(&self) -> &'a Location {
        let named = |l: &&Location| !matches!(l.kind, LocationKind::If | LocationKind::LimitExcept(_));
        let all = [self.location].into_iter().chain(self.outer.iter().rev().copied());
        all.into_iter().find(named).unwrap_or(self.location)
    }

    /// True if only upgraded connections go through the leaf: `Connection` is the constant `upgrade`, and the path or
    /// the timeouts indicate it. Such a connection is never used again, with any configuration.
    pub fn is_websocket_only(&self) -> bool {
        let proxy = self.proxy();
        let upgrades = proxy
            .header(b"connection")
            .and_then(|h| h.value.constant())
            .is_some_and(|v| v.eq_ignore_ascii_case(b"upgrade"));
        if !upgrades {
            return false;
        }
        let path = match &self.location.kind {
            LocationKind::Exact(uri) | LocationKind::Prefix { uri, .. } => {
                String::from_utf8_lossy(uri).into_owned()
            }
            LocationKind::Regex { pattern, .. } => pattern.clone(),
            _ => String::new(),
        };
        let path = path.to_ascii_lowercase();
        let named = ["/ws", "socket", "/cable", "/live", "/hub"].iter().any(|part| path.contains(part));
        let patient = proxy.read_timeout.value >= std::time::Duration::from_secs(600);
        named || patient && proxy.header(b"upgrade").is_some()
    }
}

/// All leaves in source order. An `if` or `limit_except` that only repeats its location is left out.
pub fn leaves(config: &Config) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    for server in &config.http.servers {
        let mut open: Vec<(&Location, Vec<&Location>)> =
            server.locations.iter().rev().map(|l| (l, Vec::new())).collect();
        while let Some((location, outer)) = open.pop() {
            if !location.inner.is_empty() {
                let path: Vec<&Location> = outer.iter().copied().chain([location]).collect();
                open.extend(location.inner.iter().rev().map(|l| (l, path.clone())));
            }
            let Some(handler) = &location.handler else { continue };
            let Some((directive, target)) = handler.target() else { continue };
            if !repeats(location, handler, outer.last().copied()) {
                let span = handler.span();
                found.push(Leaf { server, outer, location, directive, target, span });
            }
        }
    }
    found
}

fn repeats(location: &Location, handler: &Handler, outer: Option<&Location>) -> bool {
    let nameless = matches!(location.kind, LocationKind::If | LocationKind::LimitExcept(_));
    nameless
        && outer.is_some_and(|outer| {
            outer.handler.as_ref() == Some(handler)
                && Arc::ptr_eq(&outer.settings.proxy, &location.settings.proxy)
        })
}
