//! The whole configuration for one nginx version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::core::CoreSettings;
use super::http::Http;
use super::serial::word::AcceptedWord;
use super::stream::Stream;
use crate::source::Span;
use crate::version::Version;

/// A whole configuration for one nginx version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Version of nginx that the configuration is meant for: decides defaults and behaviour.
    pub version: Version,
    /// `worker_processes`, `events { … }` and the like.
    pub core: CoreSettings,
    /// `http { … }`; empty if the configuration has none.
    pub http: Http,
    /// `stream { … }`, if the configuration has one.
    pub stream: Option<Stream>,
    /// Directives that nginx executes and our runtime does not, in source order.
    pub unsupported: Vec<Unsupported>,
    /// Contents of files that the configuration names, by path as written: such a file is not opened. Only a compiled
    /// file has contents (`ngxc compile --embed-secrets`).
    pub embedded: BTreeMap<String, Vec<u8>>,
}

impl Config {
    /// Configuration whose `http` is what `stream` shares with it: whoever evaluates values, or chooses servers and
    /// peers of `http`, does the same for `stream` with it. `None` without a `stream` block.
    pub fn of_stream(&self) -> Option<Config> {
        let stream = self.stream.as_ref()?;
        Some(Config {
            version: self.version,
            core: self.core.clone(),
            http: stream.shared.clone(),
            stream: None,
            unsupported: Vec::new(),
            embedded: self.embedded.clone(),
        })
    }
}

/// A directive that `ngxc run` does not execute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsupported {
    /// Name of the directive, or of the part that is not executed ("`listen … quic`").
    pub what: String,
    /// Place of the directive.
    pub span: Span,
    /// Reason why ignoring the directive is safe; `None` if the runtime must refuse.
    #[serde(with = "super::serial::word")]
    pub safe_because: Option<AcceptedWord>,
}
