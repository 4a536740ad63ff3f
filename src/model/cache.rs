//! `proxy_cache` and `proxy_store`: responses that are kept in files.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::Words;
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

/// `proxy_cache_path`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachePath {
    /// Name of the keys zone.
    pub name: String,
    /// Size of the keys zone in bytes.
    pub size: u64,
    /// Directory, as written.
    pub path: String,
    /// Lengths of the subdirectories' names.
    pub levels: Vec<usize>,
    /// Entries unused for this time are removed.
    pub inactive: Duration,
    /// Size limit of all files in bytes; `None`: unlimited.
    pub max_size: Option<u64>,
    /// The directive.
    pub span: Span,
}

/// `proxy_cache`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CacheZone {
    /// No cache.
    Off,
    /// The zone of this name.
    Named(String),
    /// Name of the zone, evaluated per request; empty: no cache.
    Value(ComplexValue),
}

/// One `proxy_cache_valid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheValid {
    /// Response statuses; empty: any.
    pub statuses: Vec<u16>,
    /// Freshness of a response without freshness headers of its own.
    pub time: Duration,
}

/// Conditions: true if one value is neither empty nor `0` (`ngx_http_test_predicates`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicates(pub Vec<ComplexValue>);

/// `proxy_store`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Store {
    /// Nothing is stored.
    Off,
    /// At the path that `root` or `alias` gives.
    On,
    /// At this path.
    Path(ComplexValue),
}

/// Permissions of stored files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access(pub u32);

settings! {
    /// Cache and store of `ngx_http_proxy_module`.
    pub struct CacheSettings {
        /// `proxy_cache`: zone of the cache.
        zone: CacheZone = "proxy_cache",
        /// `proxy_cache_key`; `None`: the URL of the upstream request.
        key: Option<ComplexValue> = "proxy_cache_key",
        /// `proxy_cache_valid`: freshness of responses without freshness headers of their own.
        valid: Vec<CacheValid> = "proxy_cache_valid",
        /// `proxy_cache_bypass`: conditions to take the response from the upstream instead of the cache.
        bypass: Predicates = "proxy_cache_bypass",
        /// `proxy_no_cache`: conditions not to save a response.
        no_cache: Predicates = "proxy_no_cache",
        /// `proxy_cache_use_stale`: cases in which a stale response is used.
        use_stale: Words = "proxy_cache_use_stale",
        /// `proxy_cache_methods`: cached methods besides GET and HEAD.
        methods: Words = "proxy_cache_methods",
        /// `proxy_cache_min_uses`: requests after which a response is cached.
        min_uses: u32 = "proxy_cache_min_uses",
        /// `proxy_cache_lock`: only one request at a time fills an entry.
        lock: bool = "proxy_cache_lock",
        /// `proxy_cache_lock_timeout`: longest wait of the other requests.
        lock_timeout: Duration = "proxy_cache_lock_timeout",
        /// `proxy_cache_lock_age`: time after which another request may fill the entry.
        lock_age: Duration = "proxy_cache_lock_age",
        /// `proxy_cache_revalidate`: expired entries are revalidated with conditional requests.
        revalidate: bool = "proxy_cache_revalidate",
        /// `proxy_cache_background_update`: stale entries are renewed in a background subrequest.
        background_update: bool = "proxy_cache_background_update",
        /// `proxy_cache_convert_head`: HEAD becomes GET for the upstream.
        convert_head: bool = "proxy_cache_convert_head",
        /// `proxy_cache_max_range_offset`: largest start of a range for which the whole response is fetched; `None`:
        /// any.
        max_range_offset: Option<u64> = "proxy_cache_max_range_offset",
        /// `proxy_store`: path of the copies of responses.
        store: Store = "proxy_store",
        /// `proxy_store_access`: permissions of the copies.
        store_access: Access = "proxy_store_access",
    }
}
