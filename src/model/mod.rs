//! The compiled configuration: typed, merged, owned. No syntax, no lifetimes; each value knows where it came from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::source::Span;
use crate::version::Version;

mod intact;
mod serial;
pub mod setting;
pub mod time;
pub mod value;

pub mod access;
pub mod cache;
pub mod client;
pub mod content;
pub mod core;
pub mod fastcgi;
pub mod files;
pub mod filter;
pub mod geo;
pub mod http;
pub mod limit;
pub mod listen;
pub mod location;
pub mod log;
pub mod map;
pub mod pass;
pub mod proxy;
pub mod rewrite;
pub mod server;
pub mod split_clients;
pub mod tls;
pub mod upstream;

pub use self::core::CoreSettings;
pub use access::AccessSettings;
pub use cache::CacheSettings;
pub use client::ClientSettings;
pub use content::ContentSettings;
pub use fastcgi::{FastcgiProxySettings, FastcgiSettings};
pub use files::FileSettings;
pub use filter::{FilterSettings, GzipSettings};
pub use geo::Geo;
pub use http::Http;
pub use intact::{Broken, check};
pub use limit::LimitSettings;
pub use listen::{Endpoint, Listen};
pub use location::{HttpSettings, Location, LocationKind};
pub use map::Map;
pub use pass::PassSettings;
pub use proxy::{ProxyPass, ProxySettings, Target};
pub use serial::{load, store};
pub use server::Server;
pub use setting::{Origin, Setting};
pub use split_clients::SplitClients;
pub use tls::TlsSettings;
pub use upstream::{Peer, Upstream, UpstreamId};
pub use value::{ComplexValue, Segment, Variable, VariableId, VariableSource};

/// A whole configuration for one nginx version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The nginx it is meant for: decides defaults and behaviour.
    pub version: Version,
    /// `worker_processes`, `events { … }` and the like.
    pub core: CoreSettings,
    /// `http { … }`; empty if the configuration has none.
    pub http: Http,
    /// Directives that nginx obeys and our runtime does not, in source order.
    pub unsupported: Vec<Unsupported>,
    /// What is in files that the configuration names, by path as written: such a file is not opened. Only a compiled
    /// file has it (`ngxc compile --embed-secrets`).
    pub embedded: BTreeMap<String, Vec<u8>>,
}

/// A directive that `ngxc run` does not execute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsupported {
    /// Its name, or what of it is not executed ("`listen … quic`").
    pub what: String,
    /// Where it stands.
    pub span: Span,
    /// Why it is safe to go on without it; `None` if it is not, and the runtime must refuse.
    #[serde(with = "serial::word")]
    pub safe_because: Option<serial::Known>,
}
