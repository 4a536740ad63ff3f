//! `expires`, `add_header` and `add_trailer` (`ngx_http_headers_filter_module.c`).

use crate::model::content::Expires;
use crate::runtime::net::clock::{self, Clock};
use crate::runtime::net::text::{field, put};
use crate::runtime::request::reply::Reply;
use crate::runtime::request::scope::Scope;

/// Statuses that get headers without `always`.
fn is_safe(status: u16) -> bool {
    matches!(status, 200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308)
}

/// Adds what the configuration says.
pub(crate) fn filter(scope: &mut Scope<'_>) {
    let plan = std::rc::Rc::clone(&scope.request.plan);
    let content = &plan.content;
    let is_safe = is_safe(scope.request.status);
    if content.expires.value != Expires::Off && is_safe {
        expires(scope, &content.expires.value);
    }
    let mut value = Vec::new();
    for header in content.add_header.value.iter().filter(|h| is_safe || h.always) {
        value.clear();
        scope.evaluate(&header.value, &mut value);
        let reply = &mut scope.request.reply;
        let is_last_modified = header.name.eq_ignore_ascii_case(b"Last-Modified");
        if is_last_modified || header.name.eq_ignore_ascii_case(b"ETag") {
            if value.is_empty() {
                reply.remove(&header.name);
            } else {
                reply.remove(&header.name);
                reply.push(&header.name, &value);
            }
            if is_last_modified {
                reply.last_modified = clock::parse_http(&value);
            }
        } else if !value.is_empty() {
            reply.push(&header.name, &value);
        }
    }
    scope.request.reply.expect_trailers |= content.add_trailer.value.iter().any(|t| is_safe || t.always);
}

/// The trailers, which are evaluated when the body has been sent (`ngx_http_trailers_filter`).
pub(crate) fn trailers(scope: &mut Scope<'_>) {
    let plan = std::rc::Rc::clone(&scope.request.plan);
    let is_safe = is_safe(scope.request.status);
    let mut value = Vec::new();
    for trailer in plan.content.add_trailer.value.iter().filter(|t| is_safe || t.always) {
        value.clear();
        scope.evaluate(&trailer.value, &mut value);
        if !value.is_empty() {
            field(&mut scope.request.reply.trailers, &trailer.name, &value);
        }
    }
}

/// `ngx_http_set_expires`
fn expires(scope: &mut Scope<'_>, setting: &Expires) {
    let evaluated;
    let setting = match setting {
        Expires::Value { value, modified } => {
            let mut text = Vec::new();
            scope.evaluate(value, &mut text);
            match Expires::of(&text, *modified) {
                Some(Expires::Off) | None => return,
                Some(setting) => evaluated = setting,
            }
            &evaluated
        }
        setting => setting,
    };
    let reply = &mut scope.request.reply;
    let now = Clock::now().as_secs().cast_signed();
    let (at, age, is_past) = match setting {
        Expires::Epoch => return both(reply, "Thu, 01 Jan 1970 00:00:01 GMT", "no-cache"),
        Expires::Max => return both(reply, "Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"),
        Expires::Off | Expires::Value { .. } => return,
        Expires::Access(0) | Expires::Modified(0) => {
            return both(reply, &clock::http_date(now), "max-age=0");
        }
        Expires::Daily(second) => {
            let at = clock::next_time_of_day(now, *second);
            (at, at - now, false)
        }
        Expires::Access(seconds) => (now + seconds, *seconds, *seconds < 0),
        Expires::Modified(seconds) => match reply.modified() {
            Some(modified) => (modified + seconds, modified + seconds - now, *seconds < 0),
            None => (now + seconds, *seconds, *seconds < 0),
        },
    };
    let at = clock::http_date(at);
    if is_past || age < 0 {
        both(reply, &at, "no-cache");
    } else {
        let mut control = Vec::new();
        put(&mut control, format_args!("max-age={age}"));
        reply.set(b"Expires", at.as_bytes());
        reply.set(b"Cache-Control", &control);
    }
}

fn both(reply: &mut Reply, expires: &str, control: &str) {
    reply.set(b"Expires", expires.as_bytes());
    reply.set(b"Cache-Control", control.as_bytes());
}
