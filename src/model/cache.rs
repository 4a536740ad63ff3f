//! `proxy_cache` and `proxy_store`: which responses are kept in files, and when they are used.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::Words;
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

/// `proxy_cache_path`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachePath {
    /// Name of its keys zone.
    pub name: String,
    /// Bytes of the keys zone.
    pub size: u64,
    /// The directory, as written.
    pub path: String,
    /// How many characters of a name each level of directories takes.
    pub levels: Vec<usize>,
    /// What nobody asks for so long is removed.
    pub inactive: Duration,
    /// Bytes of all files; `None`: any.
    pub max_size: Option<u64>,
    /// The directive.
    pub span: Span,
}

/// `proxy_cache`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheZone {
    /// Nothing is kept.
    Off,
    /// The zone of this name.
    Named(String),
    /// A zone, or none, that is known per request.
    Value(ComplexValue),
}

/// One `proxy_cache_valid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheValid {
    /// For which statuses; empty: any.
    pub statuses: Vec<u16>,
    /// How long a response is fresh that does not say so itself.
    pub time: Duration,
}

/// Values of which one that is neither empty nor `0` decides (`ngx_http_test_predicates`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicates(pub Vec<ComplexValue>);

/// `proxy_store`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// Nothing is stored.
    Off,
    /// Where `root` or `alias` leads.
    On,
    /// At this path.
    Path(ComplexValue),
}

/// Permissions of stored files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access(pub u32);

settings! {
    /// What is merged of `ngx_http_proxy_module` about files with responses.
    pub struct CacheSettings {
        /// Where responses are kept.
        zone: CacheZone = "proxy_cache",
        /// What responses are told apart by; `None`: the URL of the request to the peer.
        key: Option<ComplexValue> = "proxy_cache_key",
        /// How long responses are fresh that do not say so themselves.
        valid: Vec<CacheValid> = "proxy_cache_valid",
        /// When the peer is asked in any case.
        bypass: Predicates = "proxy_cache_bypass",
        /// When a response is not kept.
        no_cache: Predicates = "proxy_no_cache",
        /// When a response is used that is not fresh any more.
        use_stale: Words = "proxy_cache_use_stale",
        /// Methods besides GET and HEAD.
        methods: Words = "proxy_cache_methods",
        /// Requests after which a response is kept.
        min_uses: u32 = "proxy_cache_min_uses",
        /// Whether only one request at a time fetches a response.
        lock: bool = "proxy_cache_lock",
        /// How long the others wait.
        lock_timeout: Duration = "proxy_cache_lock_timeout",
        /// After which time another one may fetch it.
        lock_age: Duration = "proxy_cache_lock_age",
        /// Whether the peer is asked if a response is still the same.
        revalidate: bool = "proxy_cache_revalidate",
        /// Whether a stale response is renewed after it was sent.
        background_update: bool = "proxy_cache_background_update",
        /// Whether the peer is asked with GET for HEAD.
        convert_head: bool = "proxy_cache_convert_head",
        /// Where a range may begin for which the whole response is fetched; `None`: anywhere.
        max_range_offset: Option<u64> = "proxy_cache_max_range_offset",
        /// Where copies of responses are stored.
        store: Store = "proxy_store",
        /// Permissions of the copies.
        store_access: Access = "proxy_store_access",
    }
}
