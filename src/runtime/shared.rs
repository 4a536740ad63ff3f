//! What workers share besides logs and counters: zones, which are found again after a reload.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::balancer::Balancer;
use super::cache;
use super::limit::{ConnZone, ReqZone};
use super::live::Live;
use crate::model::cache::CachePath;
use crate::model::limit::Zone;

/// A balancer that all workers ask (`zone`), or one of a worker alone.
pub(crate) type SharedBalancer = Arc<Mutex<Box<dyn Balancer + Send>>>;

type Named<T> = Mutex<HashMap<(String, u64), Arc<T>>>;

/// What names of peers stood for, by upstream and name: known from the start after a reload.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<(String, String), Vec<IpAddr>>>);

impl Names {
    pub(crate) fn known(&self, upstream: &str, host: &str) -> Vec<IpAddr> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&(upstream.to_owned(), host.to_owned())).cloned().unwrap_or_default()
    }

    pub(crate) fn learn(&self, upstream: &str, host: &str, addresses: &[IpAddr]) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert((upstream.to_owned(), host.to_owned()), addresses.to_vec());
    }
}

/// Keys zones of caches by name, and where their files are.
type Caches = HashMap<(String, Vec<u8>), Arc<cache::Zone>>;

/// Zones by name and size, as `ngx_init_cycle` finds them again; balancers by configuration and position.
#[derive(Default)]
pub(crate) struct Shared {
    req: Named<ReqZone>,
    conn: Named<ConnZone>,
    caches: Mutex<Caches>,
    pub(crate) names: Names,
    live: Mutex<HashMap<(usize, usize), Weak<Live>>>,
    #[expect(clippy::type_complexity, reason = "spelled out once")]
    balancers: Mutex<HashMap<(usize, usize), Weak<Mutex<Box<dyn Balancer + Send>>>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// The zone of a `limit_req_zone`.
    pub(crate) fn req(&self, zone: &Zone) -> Arc<ReqZone> {
        named(&self.req, zone, ReqZone::new)
    }

    /// The zone of a `limit_conn_zone`.
    pub(crate) fn conn(&self, zone: &Zone) -> Arc<ConnZone> {
        named(&self.conn, zone, ConnZone::new)
    }

    /// The cache of a `proxy_cache_path`.
    pub(crate) fn cache(&self, settings: &CachePath, prefix: &[u8]) -> Arc<cache::Zone> {
        let path = match settings.path.as_bytes() {
            path if path.starts_with(b"/") => path.to_vec(),
            path => [prefix, path].concat(),
        };
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || cache::Zone::new(settings, super::file::os(&path).to_owned());
        Arc::clone(caches.entry((settings.name.clone(), path.clone())).or_insert_with(make))
    }

    /// The changing peers of the upstream at a position of a configuration.
    pub(crate) fn live(&self, key: (usize, usize), make: impl FnOnce() -> Live) -> Arc<Live> {
        let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, live| live.strong_count() > 0);
        if let Some(live) = all.get(&key).and_then(Weak::upgrade) {
            return live;
        }
        let live = Arc::new(make());
        all.insert(key, Arc::downgrade(&live));
        live
    }

    /// The balancer of the upstream at a position of a configuration, made by the first worker.
    pub(crate) fn balancer(
        &self,
        key: (usize, usize),
        make: impl FnOnce() -> Box<dyn Balancer + Send>,
    ) -> SharedBalancer {
        let mut all = self.balancers.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, balancer| balancer.strong_count() > 0);
        if let Some(balancer) = all.get(&key).and_then(Weak::upgrade) {
            return balancer;
        }
        let balancer = Arc::new(Mutex::new(make()));
        all.insert(key, Arc::downgrade(&balancer));
        balancer
    }
}

fn named<T>(zones: &Named<T>, zone: &Zone, make: impl FnOnce(u64) -> T) -> Arc<T> {
    let mut zones = zones.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (zone.name.clone(), zone.size);
    Arc::clone(zones.entry(key).or_insert_with(|| Arc::new(make(zone.size))))
}
