//! Stale responses (`proxy_cache_use_stale`,
//! `proxy_cache_revalidate`, `proxy_cache_background_update`).

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::cached::{now, send};
use super::pass;
use super::request::ProxyRequest;
use crate::model::log::Severity;
use crate::runtime::net::http1::response_head::ResponseHead;
use crate::runtime::net::log::errno;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::sink::Sink;
use crate::runtime::request::state::Request;
use crate::runtime::upstream::cache::validity;

/// The stale response instead of one that failed so: a word of `proxy_cache_use_stale`.
pub(super) fn instead(p: &mut ProxyRequest<'_>, word: &str, is_failure: bool) -> Option<Flow> {
    let words = &p.plan.cache.as_ref()?.settings.use_stale.value;
    let may = words.has(word) && !words.has("off");
    let cached = p.cache.as_mut().filter(|_| p.r.cache_status == Some("EXPIRED"))?;
    let header = &cached.stored.as_ref()?.header;
    let says = is_failure && header.valid.saturating_add(header.error) >= now();
    let stored = cached.stored.take().filter(|_| may || says)?;
    send(p, stored, "STALE").ok()
}

/// The kept response if the peer says that it is still the same (`proxy_cache_revalidate`).
pub(super) fn revalidated(p: &mut ProxyRequest<'_>) -> Option<Flow> {
    let settings = &p.plan.cache.as_ref()?.settings;
    let is_same = p.r.response.status.code == 304 && p.r.cache_status == Some("EXPIRED");
    let cached = p.cache.as_mut().filter(|_| is_same && settings.revalidate.value)?;
    let stored = cached.stored.take()?;
    let mut header = stored.header.clone();
    let said = std::mem::take(&mut cached.validity);
    let (text, key) = (cached.text.clone(), cached.held.as_ref().map_or(cached.main, |held| held.key));
    let path = cached.zone.file(&key);
    let flow = send(p, stored, "REVALIDATED").ok()?;
    // The validity of the kept response counts if the new one says nothing.
    let kept = {
        let ignored = &p.plan.on_way.ignore_headers.value;
        let text = &p.r.upstream_head;
        let mut head = ResponseHead::default();
        let _ = head.advance(&[b"HTTP/1.1 ", &text[..]].concat());
        validity::of(&[b"HTTP/1.1 ", &text[..]].concat(), &head.fields, ignored, now())
    };
    let said = if said.valid != 0 { said } else { kept };
    let valid = match said.valid {
        0 => validity::configured(&settings.valid.value, p.r.response.status.code).map(|time| now() + time),
        valid => Some(valid),
    };
    if let Some(valid) = valid {
        (header.valid, header.updating, header.error) = (valid, said.updating, said.error);
        header.date = now();
        let written = File::options().write(true).open(&path);
        let written = written.and_then(|file| file.write_all_at(&header.write(&text), 0));
        if let Err(error) = written {
            let message = format!("open() \"{}\" failed{}", path.display(), errno(&error));
            p.log(Severity::Crit, &message, "");
        }
    }
    Some(flow)
}

/// Renews the kept response that the client has got (`ngx_http_upstream_cache_background_update`).
pub(crate) async fn renew(c: &mut Connection, r: &mut Request) {
    let held = r.renewal.take();
    let (status, keepalive) = (r.status, r.keepalive);
    let sink = c.sink.replace(Sink::Nothing);
    r.is_background = true;
    // The response is discarded.
    let _ = pass(c, r).await;
    r.is_background = false;
    c.sink = sink;
    (r.status, r.keepalive) = (status, keepalive);
    drop(held);
}
