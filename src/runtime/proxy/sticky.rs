//! `sticky`: requests of a session go to one peer (`ngx_http_upstream_sticky_module.c`).

use std::rc::Rc;

use md5::{Digest, Md5};

use super::request::ProxyRequest;
use crate::model::ComplexValue;
use crate::model::log::Severity;
use crate::model::sticky::{CookieExpires, Sticky, StickyCookie};
use crate::runtime::net::clock::{Clock, cookie_date};
use crate::runtime::net::text::{field, put};
use crate::runtime::request::cookies;
use crate::runtime::upstream::sticky::StickyRequest;

/// Finds the peer or the session that the client names.
pub(super) fn begin(p: &mut ProxyRequest<'_>) -> Option<Box<StickyRequest>> {
    let state = Rc::clone(p.state.sticky.as_ref()?);
    let id = match &state.settings {
        Sticky::Cookie(cookie) => {
            let found = cookies::find_line(p.r, cookie.name.as_bytes());
            found.map(|(_, value)| value.to_vec()).unwrap_or_default()
        }
        Sticky::Route(values) => first(p, values),
        Sticky::Learn(learn) => first(p, &learn.lookup),
    };
    Some(Box::new(StickyRequest { state, id, peer: Box::default(), line: Vec::new(), is_learned: false }))
}

/// The first value that is not empty.
fn first(p: &mut ProxyRequest<'_>, values: &[ComplexValue]) -> Vec<u8> {
    let mut text = Vec::new();
    for value in values {
        p.scope().evaluate(value, &mut text);
        if !text.is_empty() {
            break;
        }
    }
    text
}

fn session(id: &[u8]) -> [u8; 16] {
    Md5::digest(id).into()
}

/// Name of the peer that is asked for.
pub(super) fn hint(p: &ProxyRequest<'_>) -> Option<Box<[u8]>> {
    let sticky = p.sticky.as_ref().filter(|sticky| !sticky.id.is_empty())?;
    match (&sticky.state.settings, &sticky.state.sessions) {
        (Sticky::Learn(learn), Some(sessions)) => sessions.find(&session(&sticky.id), learn.timeout),
        _ => Some(sticky.id.as_slice().into()),
    }
}

/// A peer was chosen: the client is told its name.
pub(super) fn chosen(p: &mut ProxyRequest<'_>, peer: Box<[u8]>) {
    let Some(mut sticky) = p.sticky.take() else { return };
    sticky.peer = peer;
    if let Sticky::Cookie(settings) = &sticky.state.settings {
        let value = cookie(p, settings, &sticky.peer);
        let mut line = Vec::new();
        field(&mut line, b"Set-Cookie", &value);
        let lines = &mut p.r.reply.lines;
        let before = memchr::memmem::find(lines, &sticky.line).filter(|_| !sticky.line.is_empty());
        match before {
            Some(at) => {
                lines.splice(at..at + sticky.line.len(), line.iter().copied());
            }
            None => lines.extend_from_slice(&line),
        }
        sticky.line = line;
    }
    p.sticky = Some(sticky);
}

/// `ngx_http_upstream_sticky_cookie_insert`
fn cookie(p: &mut ProxyRequest<'_>, settings: &StickyCookie, peer: &[u8]) -> Vec<u8> {
    let mut evaluated = |value: &Option<ComplexValue>| {
        let mut text = Vec::new();
        if let Some(value) = value {
            p.scope().evaluate(value, &mut text);
        }
        text
    };
    let (domain, mut samesite) = (evaluated(&settings.domain), evaluated(&settings.samesite));
    let is_known =
        ["strict", "lax", "none"].iter().any(|word| samesite.eq_ignore_ascii_case(word.as_bytes()));
    if !samesite.is_empty() && !is_known {
        samesite = b"strict".to_vec();
    }
    let mut out = [settings.name.as_bytes(), b"=", peer].concat();
    match settings.expires {
        None => {}
        Some(CookieExpires::Max) => {
            out.extend_from_slice(b"; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000");
        }
        Some(CookieExpires::Seconds(seconds)) => {
            let until = Clock::now().as_secs().saturating_add(seconds).cast_signed();
            put(&mut out, format_args!("; expires={}; max-age={seconds}", cookie_date(until)));
        }
    }
    let mut add = |name: &[u8], value: &[u8]| {
        if !value.is_empty() {
            out.extend_from_slice(name);
            out.extend_from_slice(value);
        }
    };
    add(b"; domain=", &domain);
    add(b"; ", if settings.httponly { b"httponly" } else { b"" });
    add(b"; ", if settings.secure { b"secure" } else { b"" });
    add(b"; samesite=", &samesite);
    add(b"; path=", settings.path.as_deref().unwrap_or_default().as_bytes());
    out
}

/// The peer has answered: learns whose session it is. `is_over`: the whole response has come.
pub(super) fn learn(p: &mut ProxyRequest<'_>, is_over: bool) {
    let Some(mut sticky) = p.sticky.take() else { return };
    let state = Rc::clone(&sticky.state);
    if let (Sticky::Learn(settings), Some(sessions)) = (&state.settings, &state.sessions)
        && settings.header != is_over
        && !std::mem::replace(&mut sticky.is_learned, true)
    {
        let created = first(p, &settings.create);
        let creates = !created.is_empty();
        let id = if creates { &created } else { &sticky.id };
        if !id.is_empty() && sessions.learn(session(id), &sticky.peer, creates, settings.timeout) {
            let zone = &settings.zone;
            let message = format!(
                "could not allocate node in sticky session zone \"{zone}\", expiring least recently used session"
            );
            p.log(Severity::Warn, &message, "");
        }
    }
    p.sticky = Some(sticky);
}
