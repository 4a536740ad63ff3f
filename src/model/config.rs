//! The whole configuration for one nginx version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::core::CoreSettings;
use super::http::Http;
use super::serial::word::Known;
use crate::source::Span;
use crate::version::Version;

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
    #[serde(with = "super::serial::word")]
    pub safe_because: Option<Known>,
}
