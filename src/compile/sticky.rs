//! The three forms of `sticky` (`ngx_http_upstream_sticky_module.c`).

use std::time::Duration;

use super::argument::{refuse, size, time};
use super::directive::Directive;
use super::scope::Compiler;
use super::value;
use super::zone::{self, PAGE};
use crate::model::sticky::{CookieExpires, Sticky, StickyCookie, StickyLearn};

/// Time that a session is kept unless `timeout=` is given.
const TIMEOUT: Duration = Duration::from_secs(600);

/// `sticky cookie name [expires=] [domain=] [path=] …`
pub(super) fn cookie(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    if directive.arg(2).is_empty() {
        return fault(cx, directive, 2, "empty cookie name");
    }
    let mut seen: Vec<&str> = Vec::new();
    for (n, text) in directive.args_from(3) {
        let (key, value) = split(&text);
        let known = ["domain=", "path=", "expires=", "httponly", "secure", "samesite="];
        let Some(key) = known.into_iter().find(|k| k.as_bytes() == key) else {
            return unknown(cx, directive, n);
        };
        let name = key.trim_end_matches('=');
        if seen.contains(&key) {
            return fault(cx, directive, n, &format!("parameter \"{name}\" is duplicate"));
        }
        seen.push(key);
        let same_site = [&b"strict"[..], b"lax", b"none"].iter().any(|w| value.eq_ignore_ascii_case(w));
        let wrong = match key {
            "domain=" | "path=" if value.is_empty() => Some(format!("no value for \"{name}\"")),
            "expires=" if value != b"max" && time(value, true).is_none() => {
                Some("invalid \"expires\" parameter value".to_owned())
            }
            "samesite=" if !same_site && !value.contains(&b'$') => {
                Some("invalid \"samesite\" parameter value".to_owned())
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            return fault(cx, directive, n, &wrong);
        }
        if matches!(key, "domain=" | "samesite=") {
            value::text(cx, value, directive.arg_span(n));
        }
    }
    true
}

/// `sticky route $variable …`
pub(super) fn route(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    for (n, text) in directive.args_from(2) {
        if text.first() != Some(&b'$') {
            let nginx = format!("invalid variable name \"{}\"", directive.text(n));
            return refuse(cx, directive, n, "a variable", nginx);
        }
    }
    true
}

/// `sticky learn create= lookup= zone= [timeout=] [header]`
pub(super) fn learn(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let (mut create, mut lookup, mut timeout) = (false, false, false);
    let mut zone = None;
    for (n, text) in directive.args_from(2) {
        let (key, value) = split(&text);
        let wrong = match key {
            b"zone=" if zone.is_some() => Some("duplicate zone"),
            b"zone=" => {
                let colon = value.iter().position(|&b| b == b':');
                let bytes = colon.map(|at| size(&value[at + 1..]));
                zone = colon.zip(bytes.flatten()).map(|(at, bytes)| (value[..at].to_vec(), bytes));
                match (colon, bytes) {
                    (None, _) => Some("zone size is not specified"),
                    (Some(0), _) => Some("zone name is not specified"),
                    (_, Some(None)) => Some("invalid zone size"),
                    (_, Some(Some(bytes))) if bytes < 8 * PAGE => Some("zone is too small"),
                    _ => None,
                }
            }
            b"timeout=" if timeout => Some("duplicate timeout"),
            b"timeout=" => {
                timeout = true;
                time(value, false).is_none().then_some("invalid timeout")
            }
            b"create=" => {
                create = true;
                (value.first() != Some(&b'$')).then_some("missing variable in the \"create\" parameter")
            }
            b"lookup=" => {
                lookup = true;
                (value.first() != Some(&b'$')).then_some("missing variable in the \"lookup\" parameter")
            }
            b"header" => None,
            _ => return unknown(cx, directive, n),
        };
        if let Some(wrong) = wrong {
            return fault(cx, directive, n, wrong);
        }
    }
    if !lookup {
        return fault(cx, directive, 1, "\"lookup\" parameter is not specified");
    }
    if !create {
        return fault(cx, directive, 1, "\"create\" parameter is not specified");
    }
    match zone {
        None => fault(cx, directive, 1, "\"zone\" parameter is not specified"),
        Some((name, bytes)) => {
            let upstream = cx.levels.last().and_then(|level| level.head);
            let upstream = upstream.map(|head| cx.configuration.sources.text(head)).unwrap_or_default();
            let upstream = String::from_utf8_lossy(upstream)
                .split_ascii_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            zone::add(cx, directive, &name, bytes, "sticky") && zone::bind(cx, directive, &name, upstream)
        }
    }
}

/// The settings of a `sticky` whose form has been checked.
pub(super) fn of(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Sticky> {
    let args: Vec<_> = directive.args_from(2).map(|(n, text)| (n, text.to_vec())).collect();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match &*directive.arg(1) {
        b"cookie" => {
            let mut cookie = StickyCookie {
                name: directive.text(2),
                expires: None,
                domain: None,
                path: None,
                samesite: None,
                httponly: false,
                secure: false,
            };
            for (n, arg) in &args[1..] {
                let (key, value) = split(arg);
                let span = directive.arg_span(*n);
                match key {
                    b"expires=" if value == b"max" => cookie.expires = Some(CookieExpires::Max),
                    b"expires=" => {
                        cookie.expires = time(value, true).map(|time| CookieExpires::Seconds(time.as_secs()));
                    }
                    b"domain=" => cookie.domain = Some(value::text(cx, value, span)),
                    b"samesite=" => cookie.samesite = Some(value::text(cx, value, span)),
                    b"path=" => cookie.path = Some(text(value)),
                    b"httponly" => cookie.httponly = true,
                    b"secure" => cookie.secure = true,
                    _ => {}
                }
            }
            Some(Sticky::Cookie(cookie))
        }
        b"route" => {
            let values = args.iter().map(|(n, arg)| value::text(cx, arg, directive.arg_span(*n)));
            Some(Sticky::Route(values.collect()))
        }
        b"learn" => {
            let mut learn = StickyLearn {
                create: Vec::new(),
                lookup: Vec::new(),
                zone: String::new(),
                size: 0,
                timeout: TIMEOUT,
                header: false,
            };
            for (n, arg) in &args {
                let (key, value) = split(arg);
                let span = directive.arg_span(*n);
                match key {
                    b"create=" => learn.create.push(value::text(cx, value, span)),
                    b"lookup=" => learn.lookup.push(value::text(cx, value, span)),
                    b"timeout=" => learn.timeout = time(value, false).unwrap_or(TIMEOUT),
                    b"header" => learn.header = true,
                    b"zone=" => {
                        let (name, size) = zone::name_and_size(value)?;
                        (learn.zone, learn.size) = (text(name), size);
                    }
                    _ => {}
                }
            }
            Some(Sticky::Learn(learn))
        }
        _ => None,
    }
}

fn split(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|&b| b == b'=') {
        Some(at) => text.split_at(at + 1),
        None => (text, b""),
    }
}

fn unknown(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize) -> bool {
    let nginx = format!("unknown parameter \"{}\"", directive.text(n));
    refuse(cx, directive, n, "a parameter of this form of `sticky`", nginx)
}

fn fault(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize, what: &str) -> bool {
    let nginx = format!("\"sticky\" directive {what}");
    refuse(cx, directive, n, "what this form of `sticky` takes", nginx)
}
