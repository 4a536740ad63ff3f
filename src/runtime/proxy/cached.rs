//! `proxy_cache`: a kept response instead of the peer's, and what becomes of the peer's (`ngx_http_upstream_cache`).

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::request::ProxyRequest;
use super::{fastcgi, head, response};
use crate::model::Config;
use crate::model::cache::{CachePath, CacheSettings, CacheZone, Predicates};
use crate::model::log::Severity;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::clock::Clock;
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::http1::response_head::Progress;
use crate::runtime::net::log::errno;
use crate::runtime::net::path::os;
use crate::runtime::net::shared::Shared;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::plan::cache::CachePlan;
use crate::runtime::upstream::cache::header::{Header, head_start};
use crate::runtime::upstream::cache::key::{Key, sum, variant};
use crate::runtime::upstream::cache::validity::{self, Validity};
use crate::runtime::upstream::cache::zone::{EntryGuard, EntryState, Zone};

/// Interval in which a request looks for the response that another one fetches.
const LOOK: Duration = Duration::from_millis(50);

/// The zone of a `proxy_cache_path`, found again by its name and the path of its files.
fn cache_zone(settings: &CachePath, shared: &Shared, prefix: &[u8]) -> Arc<Zone> {
    let path = match settings.path.as_bytes() {
        path if path.starts_with(b"/") => path.to_vec(),
        path => [prefix, path].concat(),
    };
    let key = [settings.name.as_bytes(), b"\0", &path].concat();
    shared.kept(key, || Zone::new(settings, os(&path).to_owned()))
}

impl CachePlan {
    /// The caches that a location's settings name; `None` if there are none.
    pub(crate) fn new(
        settings: &Arc<CacheSettings>,
        config: &Config,
        shared: &Shared,
        prefix: &[u8],
    ) -> Option<Self> {
        let is_used = |name: &str| match &settings.zone.value {
            CacheZone::Off => false,
            CacheZone::Named(zone) => zone == name,
            CacheZone::Value(_) => true,
        };
        let zones = config.http.caches.iter().filter(|cache| is_used(&cache.name));
        let zones: Vec<_> =
            zones.map(|cache| (cache.name.clone(), cache_zone(cache, shared, prefix))).collect();
        (!zones.is_empty()).then(|| Self { settings: Arc::clone(settings), zones })
    }
}

/// A response in a file.
#[derive(Debug)]
pub(super) struct StoredResponse {
    file: File,
    pub(super) header: Header,
    /// The response's head.
    head: Vec<u8>,
    length: u64,
}

/// A request's part in a cache.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(super) zone: Arc<Zone>,
    pub(super) text: Vec<u8>,
    pub(super) main: Key,
    pub(super) held: Option<EntryGuard>,
    /// A response that is not fresh any more.
    pub(super) stored: Option<StoredResponse>,
    pub(super) is_cacheable: bool,
    /// The validity by the peer's response.
    pub(super) validity: Validity,
}

enum CacheLookup {
    Error(u16),
    Nothing(EntryGuard),
    Scarce,
    Stored(EntryGuard, Box<StoredResponse>),
}

pub(super) fn now() -> i64 {
    i64::try_from(Clock::now().as_secs()).unwrap_or(i64::MAX)
}

/// True if one of the values is neither empty nor `0`.
pub(super) fn holds(p: &mut ProxyRequest<'_>, predicates: &Predicates) -> bool {
    let mut text = Vec::new();
    predicates.0.iter().any(|value| {
        text.clear();
        p.scope().evaluate(value, &mut text);
        !text.is_empty() && text != b"0"
    })
}

/// Looks for a kept response; what answers the request, if the peer need not be asked.
pub(super) async fn open(p: &mut ProxyRequest<'_>) -> Option<Flow> {
    let plan = p.plan.cache.as_ref()?;
    let settings = &plan.settings;
    let is_meant = match p.r.method() {
        b"GET" | b"HEAD" => true,
        b"POST" => settings.methods.value.has("POST"),
        _ => false,
    };
    if !is_meant {
        return None;
    }
    let zone = match zone(p, plan) {
        Ok(zone) => zone?,
        Err(status) => return Some(Flow::Status(status)),
    };
    let text = key(p, settings);
    if head_start(&text) as u64 + 256 > p.plan.on_way.buffer_size.value {
        p.log(Severity::Error, "proxy_buffer_size is not enough for cache key", "");
        return None;
    }
    let main = sum(&text);
    p.cache = Some(Box::new(Cached {
        zone,
        text,
        main,
        held: None,
        stored: None,
        is_cacheable: true,
        validity: Validity::default(),
    }));
    let flow = if holds(p, &settings.bypass.value) {
        p.r.cache_status = Some("BYPASS");
        None
    } else {
        p.r.cache_status = Some("MISS");
        look(p, settings).await
    };
    if flow.is_none() && is_far(p, settings.max_range_offset.value) {
        uncacheable(p);
    }
    flow
}

fn zone(p: &mut ProxyRequest<'_>, plan: &CachePlan) -> Result<Option<Arc<Zone>>, u16> {
    let CacheZone::Value(value) = &plan.settings.zone.value else {
        return Ok(plan.zones.first().map(|(_, zone)| Arc::clone(zone)));
    };
    let mut name = Vec::new();
    p.scope().evaluate(value, &mut name);
    if name.is_empty() || name == b"off" {
        return Ok(None);
    }
    if let Some((_, zone)) = plan.zones.iter().find(|(other, _)| other.as_bytes() == name) {
        return Ok(Some(Arc::clone(zone)));
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    p.log(Severity::Error, &format!("cache \"{name}\" not found"), "");
    Err(500)
}

/// `proxy_cache_key`, else the URL that the peer is asked for (`ngx_http_proxy_create_key`).
fn key(p: &mut ProxyRequest<'_>, settings: &CacheSettings) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(value) = &settings.key.value {
        p.scope().evaluate(value, &mut text);
    } else {
        text.extend_from_slice(if p.r.upstream_is_tls { b"https://" } else { b"http://" });
        text.extend_from_slice(&p.r.proxy_host);
        head::uri(p, &mut text);
    }
    text
}

async fn look(p: &mut ProxyRequest<'_>, settings: &CacheSettings) -> Option<Flow> {
    let begun = Instant::now();
    let may_update = |header: &Header, now: i64| {
        settings.use_stale.value.has("updating") || header.valid.saturating_add(header.updating) >= now
    };
    loop {
        match find(p, settings.min_uses.value) {
            CacheLookup::Error(status) => {
                p.r.cache_status = Some("HIT");
                return Some(Flow::Status(status));
            }
            CacheLookup::Scarce => {
                uncacheable(p);
                return None;
            }
            CacheLookup::Stored(_, stored) if stored.header.valid >= now() => {
                let sent = send(p, *stored, "HIT").ok();
                if sent.is_none() {
                    // As if it were not there.
                    p.r.cache_status = Some("MISS");
                }
                return sent;
            }
            CacheLookup::Stored(mut held, stored) => {
                let is_first = held.lock(None);
                if may_update(&stored.header, now()) && !p.r.is_background && p.r.depth == 0 {
                    let status = if !is_first {
                        "UPDATING"
                    } else if settings.background_update.value {
                        p.r.renewal = Some(held);
                        "STALE"
                    } else {
                        return expired(p, held, *stored, settings);
                    };
                    return send(p, *stored, status).ok();
                }
                return expired(p, held, *stored, settings);
            }
            CacheLookup::Nothing(mut held) => {
                if !settings.lock.value || held.lock(Some(settings.lock_age.value)) {
                    if let Some(cached) = &mut p.cache {
                        cached.held = Some(held);
                    }
                    return None;
                }
                drop(held);
                if begun.elapsed() >= settings.lock_timeout.value {
                    p.log(Severity::Info, "cache lock timeout", "");
                    uncacheable(p);
                    return None;
                }
                if p.c.pause(LOOK).await.is_err() {
                    p.r.status = 499;
                    return Some(Flow::Abort);
                }
            }
        }
    }
}

/// The peer is asked; the response that is there may still be of use.
fn expired(
    p: &mut ProxyRequest<'_>,
    held: EntryGuard,
    stored: StoredResponse,
    settings: &CacheSettings,
) -> Option<Flow> {
    p.r.cache_status = Some("EXPIRED");
    if settings.revalidate.value {
        p.r.validators = (stored.header.last_modified, stored.header.etag.clone());
    }
    if let Some(cached) = &mut p.cache {
        cached.held = Some(held);
        cached.stored = Some(stored);
    }
    None
}

/// The response is not kept, and the peer is asked as without a cache.
pub(super) fn uncacheable(p: &mut ProxyRequest<'_>) {
    if let Some(cached) = &mut p.cache {
        cached.is_cacheable = false;
    }
}

/// True if a range is asked for that begins far behind (`ngx_http_upstream_cache_check_range`).
fn is_far(p: &ProxyRequest<'_>, most: Option<u64>) -> bool {
    let Some(most) = most else { return false };
    let Some(range) = p.r.head.value(KnownHeader::Range, p.r.buffer.all()) else { return false };
    if most == 0 {
        return true;
    }
    let Some(range) = range.get(6..).filter(|_| range[..6].eq_ignore_ascii_case(b"bytes=")) else {
        return false;
    };
    let start = range.trim_ascii_start();
    let digits = start.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = std::str::from_utf8(&start[..digits]).ok().and_then(|text| text.parse::<u64>().ok());
    start.first() == Some(&b'-') || number.is_none_or(|number| number >= most)
}

/// Opens the file of the request's key, or of its variant.
fn find(p: &mut ProxyRequest<'_>, min_uses: u32) -> CacheLookup {
    let Some(cached) = &p.cache else { return CacheLookup::Scarce };
    let (zone, main) = (Arc::clone(&cached.zone), cached.main);
    let mut key = main;
    loop {
        let (held, seen) = zone.enter(key, min_uses);
        match seen {
            EntryState::Error(status) => return CacheLookup::Error(status),
            EntryState::Scarce => return CacheLookup::Scarce,
            EntryState::Nothing => return CacheLookup::Nothing(held),
            EntryState::File => {}
        }
        let nothing = |held: EntryGuard| {
            if held.is_scarce(min_uses) { CacheLookup::Scarce } else { CacheLookup::Nothing(held) }
        };
        let path = zone.file(&key);
        let text = p.cache.as_ref().map(|cached| &cached.text[..]).unwrap_or_default();
        let stored = match read(&path, text) {
            Ok(Ok(stored)) => stored,
            Ok(Err(fault)) => {
                let severity = if fault == "version mismatch" { Severity::Info } else { Severity::Crit };
                p.log(severity, &format!("cache file \"{}\" {fault}", path.display()), "");
                return nothing(held);
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    let message = format!("open() \"{}\" failed{}", path.display(), errno(&error));
                    p.log(Severity::Crit, &message, "");
                }
                return nothing(held);
            }
        };
        if stored.header.vary.is_empty() {
            return CacheLookup::Stored(held, Box::new(stored));
        }
        let other = variant(&main, &stored.header.vary, &p.r.head, p.r.buffer.all());
        if other == stored.header.variant {
            return CacheLookup::Stored(held, Box::new(stored));
        }
        if key != main {
            let message = format!("cache file \"{}\" has incorrect vary hash", path.display());
            p.log(Severity::Crit, &message, "");
            return CacheLookup::Nothing(held);
        }
        key = other;
    }
}

fn read(path: &Path, key: &[u8]) -> io::Result<Result<StoredResponse, &'static str>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // No head begins or ends behind what 16 bits count.
    let mut data = Vec::new();
    (&mut file).take(u64::from(u16::MAX) + 1).read_to_end(&mut data)?;
    Ok(Header::read(&data, key).map(|header| {
        let head = data[header.head..header.body].to_vec();
        StoredResponse { file, header, head, length }
    }))
}

/// Answers with a kept response (`ngx_http_upstream_cache_send`).
pub(super) fn send(
    p: &mut ProxyRequest<'_>,
    stored: StoredResponse,
    status: &'static str,
) -> Result<Flow, ()> {
    p.r.cache_status = Some(status);
    let mut buffer = p.c.worker.buffers.take();
    buffer.append(&stored.head);
    fastcgi::reset(p, &buffer);
    if p.r.response.advance(buffer.all()) != Progress::Done {
        p.log(Severity::Crit, "cache file contains invalid header", "");
        p.c.worker.buffers.give(buffer);
        return Err(());
    }
    let flow = response::redirect(p, &buffer).unwrap_or_else(|| {
        let is_bodyless = p.r.is_head() || matches!(p.r.response.status.code, 100..=199 | 204 | 304);
        let body = (Rc::new(stored.file), stored.header.body as u64, stored.length);
        match response::begin(p, &buffer, is_bodyless, Some(body)) {
            Ok(_) => Flow::Answer,
            Err(status) => Flow::Status(status),
        }
    });
    p.c.worker.buffers.give(buffer);
    Ok(flow)
}

/// Notes what the peer's response says of itself.
pub(super) fn judge(p: &mut ProxyRequest<'_>, buffer: &Buffer) {
    let ignored = &p.plan.on_way.ignore_headers.value;
    let Some(cached) = &mut p.cache else { return };
    cached.validity = validity::of(buffer.all(), &p.r.response.fields, ignored, now());
    cached.is_cacheable &= !cached.validity.is_refused;
}

/// Keeps the status itself: of a failure, or of a page of one's own.
pub(super) fn failed(p: &mut ProxyRequest<'_>, status: u16) {
    let Some(plan) = &p.plan.cache else { return };
    let Some(cached) = p.cache.as_mut().filter(|cached| cached.is_cacheable) else { return };
    let until = match cached.validity.valid {
        0 => validity::configured(&plan.settings.valid.value, status).map(|time| now() + time),
        until => Some(until),
    };
    if let (Some(until), Some(held)) = (until, &cached.held) {
        held.failed(status, until);
    }
}
