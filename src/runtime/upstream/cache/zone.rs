//! The keys of a cache (`ngx_http_file_cache_node_t`): shared by all workers, found again after a reload.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::cache::CachePath;
use crate::runtime::net::clock::Clock;
use crate::runtime::upstream::cache::keeper;
use crate::runtime::upstream::cache::key::{self, Key};

/// Memory that nginx takes for a key: the zone's size bounds their number.
const NODE: u64 = 128;

/// The state of a key.
#[derive(Debug, Default)]
pub(super) struct Node {
    uses: u32,
    /// Requests that look at it.
    pub(super) count: u32,
    pub(super) exists: bool,
    /// Time at which the request that renews the entry began.
    updating: Option<Instant>,
    /// A failure that is kept, and until when.
    error: Option<(u16, i64)>,
    /// Time at which an entry without requests is removed (`inactive`); seconds since 1970.
    pub(super) expire: i64,
    /// Bytes of its file.
    pub(super) size: u64,
    /// Place of the entry in the order of use.
    turn: u64,
}

/// All that changes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) map: HashMap<Key, Node>,
    /// Keys by their last use.
    pub(super) order: BTreeMap<u64, Key>,
    turn: u64,
    pub(super) size: u64,
}

/// A cache.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(super) path: PathBuf,
    pub(super) levels: Vec<usize>,
    inactive: i64,
    pub(super) max_size: Option<u64>,
    most: usize,
    nodes: Mutex<Nodes>,
    /// The directory has been looked through.
    pub(super) is_loaded: AtomicBool,
    temporary: AtomicU64,
}

/// State of a cache entry for a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EntryState {
    /// The cache keeps a failure with this status.
    Error(u16),
    /// The cache has a file for the key, or may have one.
    File,
    /// The cache has no file: the request makes one.
    Nothing,
    /// The key has had fewer requests than `proxy_cache_min_uses`.
    Scarce,
}

/// Guard of a request's use of a cache entry; its drop ends the use.
#[derive(Debug)]
pub(crate) struct EntryGuard {
    pub(crate) zone: Arc<Zone>,
    pub(crate) key: Key,
    /// Time at which this request began to renew the entry.
    updating: Option<Instant>,
    is_lasting: bool,
    /// True if it has been given back.
    is_done: bool,
}

fn now() -> i64 {
    i64::try_from(Clock::now().as_secs()).unwrap_or(i64::MAX)
}

impl Nodes {
    /// Makes a key the last one used.
    fn touch(&mut self, key: &Key, expire: i64) {
        self.turn += 1;
        if let Some(node) = self.map.get_mut(key) {
            self.order.remove(&node.turn);
            node.turn = self.turn;
            node.expire = expire;
            self.order.insert(self.turn, *key);
        }
    }

    /// Forgets a key.
    pub(super) fn remove(&mut self, key: &Key) {
        if let Some(node) = self.map.remove(key) {
            self.order.remove(&node.turn);
            self.size = self.size.saturating_sub(node.size);
        }
    }
}

impl Zone {
    /// A cache with its directory; what is there already is looked through by a thread of its own.
    pub(crate) fn new(settings: &CachePath, path: PathBuf) -> Arc<Self> {
        // Files that cannot be made later are logged then.
        let _ = std::fs::create_dir_all(&path);
        let zone = Arc::new(Self {
            path,
            levels: settings.levels.clone(),
            inactive: i64::try_from(settings.inactive.as_secs()).unwrap_or(i64::MAX / 2),
            max_size: settings.max_size,
            most: usize::try_from(settings.size / NODE).unwrap_or(usize::MAX).max(1),
            nodes: Mutex::default(),
            is_loaded: AtomicBool::new(false),
            temporary: AtomicU64::new(0),
        });
        keeper::start(&zone);
        zone
    }

    pub(super) fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a key.
    pub(crate) fn file(&self, key: &Key) -> PathBuf {
        key::path(&self.path, &self.levels, key)
    }

    /// The name of a file before it is complete.
    pub(crate) fn temporary(&self, key: &Key) -> PathBuf {
        let mut name = self.file(key).into_os_string();
        name.push(format!(".{:010}", self.temporary.fetch_add(1, Ordering::Relaxed)));
        name.into()
    }

    /// A request asks for a key (`ngx_http_file_cache_exists`).
    pub(crate) fn enter(self: &Arc<Self>, key: Key, min_uses: u32) -> (EntryGuard, EntryState) {
        let mut nodes = self.nodes();
        if !nodes.map.contains_key(&key) && nodes.map.len() >= self.most {
            keeper::make_room(self, &mut nodes);
        }
        let node = nodes.map.entry(key).or_default();
        node.uses = node.uses.saturating_add(1);
        node.count += 1;
        let seen = match node.error {
            Some((status, until)) if until >= now() => EntryState::Error(status),
            Some(_) => {
                node.error = None;
                node.exists = false;
                EntryState::Nothing
            }
            None if node.exists => EntryState::File,
            None if !self.is_loaded.load(Ordering::Relaxed) => EntryState::File,
            None if node.uses >= min_uses => EntryState::Nothing,
            None => EntryState::Scarce,
        };
        nodes.touch(&key, now().saturating_add(self.inactive));
        let is_lasting = min_uses > 1;
        (EntryGuard { zone: Arc::clone(self), key, updating: None, is_lasting, is_done: false }, seen)
    }

    /// A file was found when the directory was looked through.
    pub(super) fn found(&self, key: Key, size: u64) {
        let mut nodes = self.nodes();
        if nodes.map.get(&key).is_some_and(|node| node.exists) || nodes.map.len() >= self.most {
            return;
        }
        let node = nodes.map.entry(key).or_default();
        node.exists = true;
        node.size = size;
        nodes.size += size;
        nodes.touch(&key, now().saturating_add(self.inactive));
    }
}

impl EntryGuard {
    /// True if there is no file although one may be expected.
    pub(crate) fn is_scarce(&self, min_uses: u32) -> bool {
        self.zone.nodes().map.get(&self.key).is_some_and(|node| node.uses < min_uses)
    }

    /// Takes the task to fetch the response; false if another request has it (`ngx_http_file_cache_lock`).
    pub(crate) fn lock(&mut self, age: Option<Duration>) -> bool {
        let now = Instant::now();
        let mut nodes = self.zone.nodes();
        let node = nodes.map.entry(self.key).or_default();
        let is_free = node.updating.is_none_or(|since| age.is_some_and(|age| now >= since + age));
        if is_free {
            node.updating = Some(now);
            self.updating = node.updating;
        }
        is_free
    }

    /// The file has its place.
    pub(crate) fn saved(mut self, size: u64) {
        let zone = Arc::clone(&self.zone);
        let mut nodes = zone.nodes();
        self.is_done = true;
        let node = nodes.map.entry(self.key).or_default();
        let old = std::mem::replace(&mut node.size, size);
        node.count = node.count.saturating_sub(1);
        node.exists = true;
        node.error = None;
        node.updating = None;
        nodes.size = nodes.size.saturating_sub(old) + size;
        nodes.touch(&self.key, now().saturating_add(zone.inactive));
    }

    /// Keeps a failure until then.
    pub(crate) fn failed(&self, status: u16, until: i64) {
        if let Some(node) = self.zone.nodes().map.get_mut(&self.key) {
            node.error = Some((status, until));
        }
    }
}

impl Drop for EntryGuard {
    /// `ngx_http_file_cache_free`
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut nodes = self.zone.nodes();
        let Some(node) = nodes.map.get_mut(&self.key) else { return };
        node.count = node.count.saturating_sub(1);
        if self.updating.is_some() && node.updating == self.updating {
            node.updating = None;
        }
        let is_empty = !node.exists && node.error.is_none() && node.count == 0 && !self.is_lasting;
        if is_empty {
            nodes.remove(&self.key);
        }
    }
}
