//! The `http` block: servers, upstreams, and the tables that all of them share.

use serde::{Deserialize, Serialize};

use super::cache::CachePath;
use super::content::CharsetMap;
use super::geo::Geo;
use super::http_settings::HttpSettings;
use super::limit::Zone;
use super::location::Location;
use super::log::LogFormat;
use super::map::Map;
use super::server::Server;
use super::split_clients::SplitClients;
use super::upstream::{Upstream, UpstreamId};
use super::value::Variables;
use crate::source::Span;

/// `http { … }`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Http {
    /// The block's head; `None` if the configuration has no `http`.
    pub span: Option<Span>,
    /// Settings of the http level; `None` if the configuration has no `http`.
    pub settings: Option<HttpSettings>,
    /// Virtual servers in source order.
    pub servers: Vec<Server>,
    /// `upstream` blocks, and the implicit ones of `proxy_pass` to a bare host, in order of first mention.
    pub upstreams: Vec<Upstream>,
    /// Variables defined or used.
    pub variables: Variables,
    /// `map` blocks.
    pub maps: Vec<Map>,
    /// `geo` blocks.
    pub geos: Vec<Geo>,
    /// `charset_map` blocks.
    pub charset_maps: Vec<CharsetMap>,
    /// `split_clients` blocks.
    pub split_clients: Vec<SplitClients>,
    /// `limit_req_zone`s.
    pub limit_req_zones: Vec<Zone>,
    /// `limit_conn_zone`s.
    pub limit_conn_zones: Vec<Zone>,
    /// `proxy_cache_path`s.
    pub caches: Vec<CachePath>,
    /// `log_format`s; the first is `combined`.
    pub log_formats: Vec<LogFormat>,
}

impl Http {
    /// Upstream of an id.
    pub fn upstream(&self, id: UpstreamId) -> &Upstream {
        &self.upstreams[id.0 as usize]
    }

    /// All locations, `if`s and `limit_except`s, outer before inner, each with its server.
    pub fn locations(&self) -> impl Iterator<Item = (&Server, &Location)> {
        self.servers.iter().flat_map(|server| {
            let mut all = Vec::new();
            let mut open: Vec<&Location> = server.locations.iter().rev().collect();
            while let Some(location) = open.pop() {
                all.push((server, location));
                open.extend(location.inner.iter().rev());
            }
            all
        })
    }
}
