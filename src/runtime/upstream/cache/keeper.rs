//! Loads a cache's directory at start, and removes inactive entries and those over `max_size`
//! (`ngx_http_file_cache_loader`, `ngx_http_file_cache_manager`).

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::runtime::net::clock::Clock;
use crate::runtime::upstream::cache::key::{self, Key};
use crate::runtime::upstream::cache::zone::{Nodes, Zone};

/// Interval of the search for entries that have to go.
const PERIOD: Duration = Duration::from_secs(1);
/// Keys that are tried when one has to go: some may be in use.
const TRIED: usize = 20;

/// Starts the thread of a cache; it ends with the cache.
pub(super) fn start(zone: &Arc<Zone>) {
    let weak = Arc::downgrade(zone);
    let thread = std::thread::Builder::new().name("cache".to_owned());
    // Without it files are still found one by one, but none is removed.
    let _ = thread.spawn(move || keep(&weak));
}

fn keep(weak: &Weak<Zone>) {
    if let Some(zone) = weak.upgrade() {
        load(&zone, &zone.path, zone.levels.len());
        zone.is_loaded.store(true, Ordering::Relaxed);
    }
    while let Some(zone) = weak.upgrade() {
        clean(&zone);
        drop(zone);
        std::thread::sleep(PERIOD);
    }
}

fn load(zone: &Zone, directory: &Path, levels: usize) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_dir() && levels > 0 {
            load(zone, &entry.path(), levels - 1);
        } else if kind.is_file()
            && let Some(key) = key::of_name(&name)
        {
            let size = entry.metadata().map_or(0, |meta| meta.len());
            zone.found(key, size);
        }
        // An incomplete file is left alone, as a request may be writing it (`ngx_http_file_cache_add_file`).
    }
}

fn clean(zone: &Zone) {
    let now = i64::try_from(Clock::now().as_secs()).unwrap_or(i64::MAX);
    loop {
        let mut nodes = zone.nodes();
        let is_too_much = zone.max_size.is_some_and(|most| nodes.size > most);
        let Some(key) = oldest(&nodes, |expire| is_too_much || expire < now) else { return };
        remove(zone, &mut nodes, &key);
    }
}

/// The least recently used key without requests.
fn oldest(nodes: &Nodes, may: impl Fn(i64) -> bool) -> Option<Key> {
    let keys = nodes.order.values().take(TRIED);
    let mut unused = keys.filter(|key| nodes.map.get(*key).is_some_and(|n| n.count == 0 && may(n.expire)));
    unused.next().copied()
}

fn remove(zone: &Zone, nodes: &mut Nodes, key: &Key) {
    if nodes.map.get(key).is_some_and(|node| node.exists) {
        // If the file was removed before, the remover has counted it.
        let _ = std::fs::remove_file(zone.file(key));
    }
    nodes.remove(key);
}

/// The zone is full (`ngx_http_file_cache_forced_expire`).
pub(super) fn make_room(zone: &Zone, nodes: &mut Nodes) {
    if let Some(key) = oldest(nodes, |_| true) {
        remove(zone, nodes, &key);
    }
}
