//! `userid`: a cookie by which a client is known again (`ngx_http_userid_filter_module.c`).

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use crate::model::client::{ClientSettings, CookieAge};
use crate::model::log::Severity;
use crate::runtime::net::clock::{self, Clock};
use crate::runtime::net::http1::base64;
use crate::runtime::net::text::put;
use crate::runtime::request::cookies;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::uid::Uid;

fn is_there(uid: &[u8; 16]) -> bool {
    uid[12..] != [0; 4]
}

/// Characters of the cookie that are the number; behind them may be a mark.
const DIGITS: usize = 22;

static SEQUENCE_V1: AtomicU32 = AtomicU32::new(1);
static SEQUENCE_V2: AtomicU32 = AtomicU32::new(0x0303_0302);

/// Different for each start of the program (`ngx_http_userid_init_worker`).
fn start_value() -> u32 {
    static VALUE: OnceLock<u32> = OnceLock::new();
    *VALUE.get_or_init(|| (Clock::now().subsec_micros() / 20) << 16 | std::process::id())
}

/// Takes the cookie of the request apart, once (`ngx_http_userid_get_uid`).
#[expect(clippy::unnecessary_box_returns, reason = "the request keeps it boxed, as most have none")]
fn get(s: &mut Scope<'_>, settings: &ClientSettings) -> Box<Uid> {
    if let Some(known) = s.request.uid.take() {
        return known;
    }
    let mut uid = Box::<Uid>::default();
    let found = cookies::find_line(s.request, settings.userid_name.value.as_bytes());
    let Some((line, value)) = found.map(|(line, value)| (line.to_vec(), value.to_vec())) else { return uid };
    uid.cookie = value;
    let wrong = match uid.cookie.get(..DIGITS) {
        None => "short",
        Some(digits) => match base64::decode(digits) {
            Some(bytes) => {
                uid.got[..bytes.len()].copy_from_slice(&bytes);
                return uid;
            }
            None => "invalid",
        },
    };
    let which = if wrong == "short" { "too short" } else { wrong };
    let line = String::from_utf8_lossy(&line).into_owned();
    s.log(Severity::Error, &format!("client sent {which} userid cookie \"{line}\""), "");
    uid
}

/// Decides whether the client gets a new cookie (`ngx_http_userid_create_uid`).
fn create(s: &mut Scope<'_>, uid: &mut Uid, settings: &ClientSettings) {
    if is_there(&uid.set) || uid.asks {
        return;
    }
    if is_there(&uid.got) {
        let mut reset = Vec::new();
        if let Some(id) = s.worker.config.http.variables.find("uid_reset") {
            let asking = Uid { got: uid.got, asks: true, ..Uid::default() };
            s.request.uid = Some(Box::new(asking));
            s.worker.program.variable(id, s, &mut reset);
            s.request.uid = None;
        }
        if matches!(&*reset, b"" | b"0") {
            let mark = mark(settings);
            let is_marked = |mark| uid.cookie.len() > 23 && uid.cookie[DIGITS..24] == [mark, b'='];
            if mark.is_some_and(|mark| !is_marked(mark)) {
                uid.set = uid.got;
            }
            return;
        }
        uid.reset = true;
        if reset == b"log" {
            let was = text(&settings.userid_name.value, &uid.got);
            s.log(Severity::Notice, &format!("userid cookie \"{was}\" was reset"), "");
        }
    }
    let now = Clock::now().as_secs() as u32;
    let service = settings.userid_service.value;
    let words = if settings.userid.value.0 == "v1" {
        let number = SEQUENCE_V1.fetch_add(0x100, Relaxed);
        [service.unwrap_or(0), now, start_value(), number].map(u32::to_ne_bytes)
    } else {
        let number = SEQUENCE_V2.fetch_add(0x100, Relaxed);
        if number.wrapping_add(0x100) < 0x0303_0302 {
            SEQUENCE_V2.store(0x0303_0302, Relaxed);
        }
        let first = match (service, s.client.local.map(|a| a.ip())) {
            (Some(service), _) => service.to_be_bytes(),
            (None, Some(IpAddr::V4(ip))) => ip.octets(),
            (None, Some(IpAddr::V6(ip))) => {
                let last = ip.to_bits() as u32;
                last.to_be_bytes()
            }
            (None, None) => [0; 4],
        };
        [first, now.to_be_bytes(), start_value().to_be_bytes(), number.to_be_bytes()]
    };
    for (to, from) in uid.set.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&from);
    }
}

fn mark(settings: &ClientSettings) -> Option<u8> {
    match settings.userid_mark.value.as_bytes() {
        [mark] => Some(*mark),
        _ => None,
    }
}

/// `name=` and the four numbers as this machine has them (`ngx_http_userid_variable`).
fn text(name: &str, uid: &[u8; 16]) -> String {
    use std::fmt::Write;
    let mut text = format!("{name}=");
    for word in uid.chunks_exact(4) {
        let word = word.try_into().map_or(0, u32::from_ne_bytes);
        let _ = write!(text, "{word:08X}");
    }
    text
}

/// Sets the cookie, if the client needs one (`ngx_http_userid_set_uid`).
pub(crate) fn filter(s: &mut Scope<'_>) {
    if !matches!(s.request.plan.client.userid.value.0, "on" | "v1") {
        return;
    }
    let plan = Rc::clone(&s.request.plan);
    let settings = &plan.client;
    let mut uid = get(s, settings);
    create(s, &mut uid, settings);
    if is_there(&uid.set) {
        let value = cookie(&uid, settings);
        s.request.reply.push(b"Set-Cookie", &value);
        match settings.userid_p3p.value.as_str() {
            "none" | "" => {}
            policy => s.request.reply.push(b"P3P", policy.as_bytes()),
        }
    }
    s.request.uid = Some(uid);
}

fn cookie(uid: &Uid, settings: &ClientSettings) -> Vec<u8> {
    let mut out = settings.userid_name.value.as_bytes().to_vec();
    out.push(b'=');
    let mark = mark(settings);
    if !is_there(&uid.got) || uid.reset {
        out.extend_from_slice(base64::encode(&uid.set).as_bytes());
        if let Some(mark) = mark {
            let at = out.len() - 2;
            out[at] = mark;
        }
    } else {
        out.extend_from_slice(&uid.cookie[..DIGITS]);
        out.push(mark.unwrap_or(0));
        out.push(b'=');
    }
    match settings.userid_expires.value {
        CookieAge::Session | CookieAge::Seconds(0) => {}
        CookieAge::Max => out.extend_from_slice(b"; expires=Thu, 31-Dec-37 23:55:55 GMT"),
        CookieAge::Seconds(seconds) => {
            let at = Clock::now().as_secs().saturating_add(seconds).min(1 << 37).cast_signed();
            put(&mut out, format_args!("; expires={}", clock::cookie_date(at)));
        }
    }
    match settings.userid_domain.value.as_str() {
        "none" => {}
        domain => put(&mut out, format_args!("; domain={domain}")),
    }
    put(&mut out, format_args!("; path={}", settings.userid_path.value));
    for flag in ["secure", "httponly", "samesite=strict", "samesite=lax", "samesite=none"] {
        if settings.userid_flags.value.has(flag) {
            put(&mut out, format_args!("; {flag}"));
        }
    }
    out
}

/// `$uid_got`
pub(crate) fn got(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let plan = Rc::clone(&s.request.plan);
    let settings = &plan.client;
    if settings.userid.value.0 == "off" {
        return false;
    }
    let uid = get(s, settings);
    let found = is_there(&uid.got);
    if found {
        out.extend_from_slice(text(&settings.userid_name.value, &uid.got).as_bytes());
    }
    s.request.uid = Some(uid);
    found
}

/// `$uid_set`
pub(crate) fn set(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let plan = Rc::clone(&s.request.plan);
    let settings = &plan.client;
    if !matches!(settings.userid.value.0, "on" | "v1") {
        return false;
    }
    let mut uid = get(s, settings);
    create(s, &mut uid, settings);
    let found = is_there(&uid.set);
    if found {
        out.extend_from_slice(text(&settings.userid_name.value, &uid.set).as_bytes());
    }
    s.request.uid = Some(uid);
    found
}
