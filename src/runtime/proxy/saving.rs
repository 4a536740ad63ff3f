//! A copy of the peer's response in a file: for the cache, or for `proxy_store` (`ngx_http_upstream_send_response`,
//! `ngx_http_upstream_store`).

use std::fs::File;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::cached::{holds, now};
use super::request::ProxyRequest;
use crate::model::cache::Store;
use crate::model::log::Severity;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::log::errno;
use crate::runtime::net::{clock, path};
use crate::runtime::request::file;
use crate::runtime::upstream::cache::header::{Header, head_start};
use crate::runtime::upstream::cache::key::variant;
use crate::runtime::upstream::cache::validity;
use crate::runtime::upstream::cache::writer::Writer;
use crate::runtime::upstream::cache::zone::EntryGuard;

/// The copy so far.
pub(super) struct Copy {
    writer: Writer,
    to: To,
}

enum To {
    Cache(EntryGuard),
    File { path: PathBuf, mode: u32, modified: Option<SystemTime> },
}

impl Copy {
    /// Begins a copy of the response of which the head is in `buffer`, if there is to be one.
    pub(super) fn begin(p: &mut ProxyRequest<'_>, buffer: &Buffer) -> Option<Self> {
        if !p.is_buffering || p.is_upgraded {
            p.cache = None;
            return None;
        }
        let copy = match stored(p, buffer) {
            Some(copy) => Some(copy),
            None => kept(p, buffer),
        };
        match copy? {
            Ok(copy) => Some(copy),
            Err((path, error)) => {
                let message = format!("open() \"{}\" failed{}", path.display(), errno(&error));
                p.log(Severity::Crit, &message, "");
                None
            }
        }
    }

    /// Adds a part of the body: its place in the file.
    ///
    /// # Errors
    /// That failed, and the copy is to be given up: a message for the error log.
    pub(super) fn append(&mut self, data: &[u8]) -> Result<(&Rc<File>, u64, u64), String> {
        let from = self.writer.len();
        let written = self.writer.append(data);
        written.map_err(|error| format!("write() to a copy failed{}", errno(&error)))?;
        Ok((self.writer.file(), from, self.writer.len()))
    }

    /// The response has arrived as a whole.
    ///
    /// # Errors
    /// A message for the error log.
    pub(super) fn complete(self) -> Result<(), String> {
        let (path, result) = match self.to {
            To::Cache(held) => {
                let path = held.zone.file(&held.key);
                let result = self.writer.complete(&path).map(|size| held.saved(size));
                (path, result)
            }
            To::File { path, mode, modified } => {
                let stamped = self.writer.stamp(mode, modified);
                let result = stamped.and_then(|()| self.writer.complete(&path)).map(|_| ());
                (path, result)
            }
        };
        result.map_err(|error| format!("rename() to \"{}\" failed{}", path.display(), errno(&error)))
    }
}

type Begun = Result<Copy, (PathBuf, std::io::Error)>;

fn value<'b>(p: &ProxyRequest<'_>, buffer: &'b Buffer, known: KnownHeader) -> Option<&'b [u8]> {
    let fields = &p.r.response.fields;
    fields.iter().find(|f| f.known == known).map(|f| f.value.of(buffer.all()))
}

/// `proxy_store`: a response 200 at a path of its own.
fn stored(p: &mut ProxyRequest<'_>, buffer: &Buffer) -> Option<Begun> {
    let settings = &p.plan.kept;
    let path = match &settings.store.value {
        Store::Off => return None,
        _ if p.r.response.status.code != 200 || p.is_head => return None,
        Store::On => file::map(&mut p.scope())?.path,
        Store::Path(value) => {
            let mut path = Vec::new();
            p.scope().evaluate(value, &mut path);
            p.c.worker.absolute(path)
        }
    };
    let modified = value(p, buffer, KnownHeader::LastModified).and_then(clock::parse_http);
    let modified = modified.and_then(|time| u64::try_from(time).ok());
    let modified = modified.map(|time| SystemTime::UNIX_EPOCH + Duration::from_secs(time));
    let path = path::os(&path).to_owned();
    let mut temporary = path.clone().into_os_string();
    temporary.push(format!(".{:010}", p.c.worker.next_temporary()));
    let to = To::File { path, mode: settings.store_access.value.0, modified };
    let temporary = PathBuf::from(temporary);
    Some(match Writer::create(temporary.clone()) {
        Ok(writer) => Ok(Copy { writer, to }),
        Err(error) => Err((temporary, error)),
    })
}

/// The cache, if the response may be kept and is fresh for a time.
fn kept(p: &mut ProxyRequest<'_>, buffer: &Buffer) -> Option<Begun> {
    let plan = p.plan.cache.as_ref()?;
    let is_refused = holds(p, &plan.settings.no_cache.value);
    // A part in the cache that is not used is given back at once: others may wait for it.
    let cached = p.cache.take().filter(|cached| cached.is_cacheable && !is_refused)?;
    let status = p.r.response.status.code;
    let valid = match cached.validity.valid {
        0 => now() + validity::configured(&plan.settings.valid.value, status)?,
        valid => valid,
    };
    let text = buffer.all();
    let head = &text[p.r.response.start..p.r.response.position];
    let body = head_start(&cached.text) + head.len();
    if body > usize::from(u16::MAX) {
        return None;
    }
    let is_whole = matches!(status, 200 | 206);
    let modified = value(p, buffer, KnownHeader::LastModified).and_then(clock::parse_http);
    let etag = value(p, buffer, KnownHeader::Etag).filter(|_| is_whole);
    let vary = cached.validity.vary;
    let other =
        if vary.is_empty() { cached.main } else { variant(&cached.main, &vary, &p.r.head, p.r.buffer.all()) };
    let header = Header {
        valid,
        updating: cached.validity.updating,
        error: cached.validity.error,
        last_modified: modified.filter(|_| is_whole).unwrap_or(-1),
        date: now(),
        etag: etag.unwrap_or_default().to_vec(),
        variant: if vary.is_empty() { [0; 16] } else { other },
        vary,
        head: head_start(&cached.text),
        body,
    };
    // The entry of another variant is not replaced (`ngx_http_file_cache_update_variant`).
    let held = cached.held.filter(|held| held.key == cached.main || held.key == other);
    let held = held.unwrap_or_else(|| cached.zone.enter(cached.main, 1).0);
    let temporary = held.zone.temporary(&held.key);
    let begun = Writer::create(temporary.clone()).and_then(|mut writer| {
        writer.append(&header.write(&cached.text))?;
        writer.append(head)?;
        Ok(writer)
    });
    Some(match begun {
        Ok(writer) => Ok(Copy { writer, to: To::Cache(held) }),
        Err(error) => Err((temporary, error)),
    })
}
