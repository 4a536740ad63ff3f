//! The caches that a location may use (`proxy_cache`).

use std::sync::Arc;

use crate::model::cache::CacheSettings;
use crate::runtime::upstream::cache::zone::Zone;

/// The caches that a location may use.
#[derive(Debug)]
pub(crate) struct CachePlan {
    pub(crate) settings: Arc<CacheSettings>,
    pub(crate) zones: Vec<(String, Arc<Zone>)>,
}
