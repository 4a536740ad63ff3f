//! Headers of the response as the client gets it, as far as configuration and facts decide them.

use super::outcome::{Knowable, Missing, Outcome};
use crate::eval::regex::Regex;
use crate::eval::uri::escape;
use crate::model::content::Expires;
use crate::model::location::Handler;
use crate::model::pass::{Pattern, Rewrite};
use crate::model::{HttpSettings, ProxyPass};
use crate::simulate::facts::Response;
use crate::simulate::walk::End;

/// Header lines with their values, if these are known.
pub type Lines = Vec<(String, Knowable<Vec<u8>>)>;

/// Statuses that get headers without `always` (`ngx_http_headers_filter`).
fn is_safe(status: u16) -> bool {
    matches!(status, 200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308)
}

/// Response headers of an upstream that nginx makes itself or never passes on.
const NEVER: [&str; 6] =
    ["Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade"];
/// Response headers of an upstream that are hidden unless `proxy_pass_header` names them.
const HIDDEN: [&str; 8] = [
    "Date",
    "Server",
    "X-Pad",
    "X-Accel-Expires",
    "X-Accel-Redirect",
    "X-Accel-Limit-Rate",
    "X-Accel-Buffering",
    "X-Accel-Charset",
];

/// `Location` of the response; `None`: it has none.
///
/// # Errors
/// If a fact is missing.
pub fn location(outcome: &mut Outcome<'_>) -> Knowable<Option<Vec<u8>>> {
    let lines = headers(outcome)?;
    let line = lines.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("Location"));
    line.map(|(_, value)| value).transpose()
}

/// Text of the response, if `return` answers with one; `None`: another body.
///
/// # Errors
/// If a variable in it is unknown.
pub fn body(outcome: &Outcome<'_>) -> Knowable<Option<Vec<u8>>> {
    let status = outcome.status()?;
    match &outcome.walk.end {
        End::Answer(_, _, Some(text)) if status < 300 || status >= 400 && !text.is_empty() => {
            Ok(Some(text.clone()))
        }
        End::Answer(_, _, None) => Err(Missing::Outside("the text of `return` has unknown variables")),
        _ => Ok(None),
    }
}

/// Header lines of the response, except those that depend on the time, the length of the body and the connection.
///
/// # Errors
/// If the status is unknown.
pub fn headers(outcome: &mut Outcome<'_>) -> Knowable<Lines> {
    let status = outcome.status()?;
    let settings = outcome.settings();
    let mut lines = Lines::new();
    let end = outcome.walk.end.clone();
    match &end {
        End::Slash => {
            let mut target = Vec::new();
            escape(&outcome.walk.uri, &mut target);
            target.push(b'/');
            if !outcome.request.args.is_empty() {
                target.push(b'?');
                target.extend_from_slice(&outcome.request.args);
            }
            lines.push(("Location".to_owned(), Ok(absolute(outcome, target))));
            page(&mut lines);
        }
        End::Answer(_, own @ (301 | 302 | 303 | 307 | 308), text) if status == *own => {
            let text = text.clone().ok_or(Missing::Outside("the target of the redirect is unknown"));
            let target = text.map(|text| absolute(outcome, text));
            lines.push(("Location".to_owned(), target));
            page(&mut lines);
        }
        End::Answer(_, _, Some(text)) if text.is_empty() && status >= 400 => page(&mut lines),
        End::Answer(..) | End::File(_) => content_type(outcome, &mut lines),
        End::List(_) => lines.push(("Content-Type".to_owned(), Ok(b"text/html".to_vec()))),
        End::Status(..) => {
            page(&mut lines);
            if status == 401 {
                challenge(outcome, &mut lines);
            }
        }
        End::Content(_) => match outcome.request.asked().facts.as_ref().and_then(|f| f.upstream.as_ref()) {
            Some(response) if outcome.destination().is_some() => passed(outcome, response, &mut lines),
            _ => {}
        },
        End::Unknown(..) | End::Needs(..) => {}
    }
    if status == 204 {
        lines.retain(|(name, _)| !name.eq_ignore_ascii_case("Content-Type"));
    }
    charset(outcome, settings, &mut lines);
    if is_safe(status) {
        expires(outcome, settings, &mut lines)?;
    }
    for header in settings.content.add_header.value.iter().filter(|header| header.always || is_safe(status)) {
        let name = String::from_utf8_lossy(&header.name).into_owned();
        let value = outcome.value(&header.value);
        let is_single = ["Last-Modified", "ETag"].iter().any(|own| own.eq_ignore_ascii_case(&name));
        if is_single {
            lines.retain(|(own, _)| !own.eq_ignore_ascii_case(&name));
        }
        if !value.as_ref().is_ok_and(Vec::is_empty) {
            lines.push((name, value));
        }
    }
    Ok(lines)
}

/// nginx's own page.
fn page(lines: &mut Lines) {
    lines.push(("Content-Type".to_owned(), Ok(b"text/html".to_vec())));
}

/// The URL in place of a `Location` that is only a path (`absolute_redirect`).
fn absolute(outcome: &Outcome<'_>, target: Vec<u8>) -> Vec<u8> {
    let core = &outcome.settings().core;
    let asked = outcome.request.asked();
    if !core.absolute_redirect.value || !target.starts_with(b"/") {
        return target;
    }
    let mut url = format!("{}://", asked.scheme).into_bytes();
    if core.server_name_in_redirect.value || asked.name.is_empty() {
        url.extend(outcome.request.server_name().bytes());
    } else {
        url.extend_from_slice(&asked.name);
    }
    let port = match &asked.endpoint {
        crate::model::Endpoint::Inet(address) => Some(address.port()),
        crate::model::Endpoint::Name(_, port) => Some(*port),
        crate::model::Endpoint::Unix(_) => None,
    };
    let default = if asked.scheme == "https" { 443 } else { 80 };
    if let Some(port) = port.filter(|port| *port != default && core.port_in_redirect.value) {
        url.extend(format!(":{port}").bytes());
    }
    url.extend(target);
    url
}

/// `ngx_http_set_content_type`
fn content_type(outcome: &Outcome<'_>, lines: &mut Lines) {
    let settings = outcome.settings();
    let uri = &outcome.request.uri;
    let name = &uri[memchr::memrchr(b'/', uri).map_or(0, |slash| slash + 1)..];
    let extension = memchr::memrchr(b'.', name).filter(|dot| *dot > 0).map(|dot| &name[dot + 1..]);
    let types = &settings.content.types.value.0;
    let known = extension.and_then(|e| types.get(e).or_else(|| types.get(&*e.to_ascii_lowercase())));
    let value = known.map_or(settings.core.default_type.value.as_bytes(), |found| found);
    if !value.is_empty() {
        lines.push(("Content-Type".to_owned(), Ok(value.to_vec())));
    }
}

/// `charset`, for the types that it is for.
fn charset(outcome: &mut Outcome<'_>, settings: &HttpSettings, lines: &mut Lines) {
    let setting = &settings.filter.charset.value;
    if setting.constant() == Some(b"off") {
        return;
    }
    let Some((_, Ok(value))) = lines.iter_mut().find(|(name, _)| name == "Content-Type") else { return };
    let kind = value.split(|byte| *byte == b';').next().unwrap_or_default();
    if value.contains(&b';') || !settings.filter.charset_types.value.has(kind) {
        return;
    }
    let charset = outcome.value(setting);
    let Some((_, line)) = lines.iter_mut().find(|(name, _)| name == "Content-Type") else { return };
    *line = match (std::mem::replace(line, Ok(Vec::new())), charset) {
        (Ok(kind), Ok(charset)) if charset.is_empty() => Ok(kind),
        (Ok(kind), Ok(charset)) => Ok([&kind[..], b"; charset=", &charset].concat()),
        (_, Err(missing)) | (Err(missing), _) => Err(missing),
    };
}

fn challenge(outcome: &mut Outcome<'_>, lines: &mut Lines) {
    let realm = &outcome.settings().access.auth_basic.value;
    if realm.constant() == Some(b"off") {
        return;
    }
    let realm = outcome.value(realm);
    let value = realm.map(|realm| [b"Basic realm=\"", &realm[..], b"\""].concat());
    lines.push(("WWW-Authenticate".to_owned(), value));
}

/// `ngx_http_set_expires`, as far as it does not depend on the time.
fn expires(outcome: &mut Outcome<'_>, settings: &HttpSettings, lines: &mut Lines) -> Knowable<()> {
    let setting = match &settings.content.expires.value {
        Expires::Value { value, modified } => Expires::of(&outcome.value(value)?, *modified),
        other => Some(other.clone()),
    };
    let now = || Err(Missing::Outside("it depends on the time of the request"));
    let (at, control) = match setting {
        None | Some(Expires::Off | Expires::Value { .. }) => return Ok(()),
        Some(Expires::Epoch) => (Ok("Thu, 01 Jan 1970 00:00:01 GMT"), Ok("no-cache".to_owned())),
        Some(Expires::Max) => (Ok("Thu, 31 Dec 2037 23:55:55 GMT"), Ok("max-age=315360000".to_owned())),
        Some(Expires::Access(0) | Expires::Modified(0)) => (now(), Ok("max-age=0".to_owned())),
        Some(Expires::Access(seconds)) if seconds < 0 => (now(), Ok("no-cache".to_owned())),
        Some(Expires::Access(seconds)) => (now(), Ok(format!("max-age={seconds}"))),
        Some(Expires::Modified(_) | Expires::Daily(_)) => (now(), now().map(str::to_owned)),
    };
    for name in ["Expires", "Cache-Control"] {
        lines.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }
    lines.push(("Expires".to_owned(), at.map(|at| at.as_bytes().to_vec())));
    lines.push(("Cache-Control".to_owned(), control.map(String::into_bytes)));
    Ok(())
}

/// Headers of the upstream that reach the client (`ngx_http_upstream_process_headers`).
fn passed(outcome: &mut Outcome<'_>, response: &Response, lines: &mut Lines) {
    let Some(Handler::Proxy(pass)) = outcome.handler() else { return };
    let settings = &outcome.settings().pass;
    let is_in = |list: &[String], name: &str| list.iter().any(|own| own.eq_ignore_ascii_case(name));
    let is_one = |list: &[&str], name: &str| list.iter().any(|own| own.eq_ignore_ascii_case(name));
    for (name, value) in &response.headers {
        let is_type = name.eq_ignore_ascii_case("Content-Type");
        let is_hidden = is_in(&settings.hide_header.value, name)
            || is_one(&NEVER, name) && !is_type
            || is_one(&HIDDEN, name) && !is_in(&settings.pass_header.value, name);
        if is_hidden {
            continue;
        }
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let value = if is("Location") {
            // A target that was not replaced stays as the upstream sent it.
            let new = redirected(outcome, pass, value);
            new.map(|new| if new == *value { new } else { absolute(outcome, new) })
        } else if is("Set-Cookie") && rewrites_cookies(outcome.settings()) {
            Err(Missing::Outside("`proxy_cookie_…` rewrites cookies, which the simulator does not follow"))
        } else {
            Ok(value.clone())
        };
        lines.push((name.clone(), value));
    }
}

fn rewrites_cookies(settings: &HttpSettings) -> bool {
    let pass = &settings.pass;
    pass.cookie_domain.value.is_some()
        || pass.cookie_path.value.is_some()
        || pass.cookie_flags.value.is_some()
}

/// `proxy_redirect` (`ngx_http_proxy_rewrite_redirect`)
fn redirected(outcome: &mut Outcome<'_>, pass: &ProxyPass, value: &[u8]) -> Knowable<Vec<u8>> {
    let settings = outcome.settings();
    for rewrite in settings.pass.redirect.value.iter().flatten() {
        let found = match rewrite {
            Rewrite::Default => pass
                .default_redirect()
                .and_then(|(from, to)| Some([&to[..], value.strip_prefix(&from[..])?].concat())),
            Rewrite::Replace(Pattern::Text(text), new) => {
                let text = outcome.value(text)?;
                match value.strip_prefix(&text[..]) {
                    Some(rest) => Some([&outcome.value(new)?[..], rest].concat()),
                    None => None,
                }
            }
            Rewrite::Replace(Pattern::Regex { pattern, caseless, span }, new) => {
                let regex = Regex::new(pattern, *caseless, *span, outcome.config()).ok();
                match regex.and_then(|regex| regex.exec(value).ok().flatten()) {
                    Some(captures) => {
                        crate::eval::Request::set_captures(&mut outcome.request, captures);
                        Some(outcome.value(new)?)
                    }
                    None => None,
                }
            }
        };
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Ok(value.to_vec())
}
