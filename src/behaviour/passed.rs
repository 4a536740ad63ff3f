//! The request as the upstream gets it (`ngx_http_proxy_create_request`).

use super::outcome::{Knowable, Missing, Outcome};
use crate::eval::uri::escape;
use crate::model::location::Handler;
use crate::model::proxy::{HttpVersion, REPLACED_HEADERS};
use crate::model::{ComplexValue, ProxyPass};
use crate::version::Version;

/// Conditions of the client about its own copy, which are not passed on for a response that is cached.
const CONDITIONS: [&[u8]; 6] =
    [b"If-Modified-Since", b"If-Unmodified-Since", b"If-None-Match", b"If-Match", b"Range", b"If-Range"];

fn pass<'g>(outcome: &Outcome<'g>) -> Knowable<&'g ProxyPass> {
    match outcome.handler() {
        Some(Handler::Proxy(pass)) if outcome.destination().is_some() => Ok(pass),
        _ => Err(Missing::Outside("the request is not passed on by `proxy_pass`")),
    }
}

/// URI that the upstream is asked for.
///
/// # Errors
/// If the request is not passed on by `proxy_pass`.
pub fn uri(outcome: &Outcome<'_>) -> Knowable<Vec<u8>> {
    let pass = pass(outcome)?;
    let request = &outcome.request;
    if let Some(uri) = outcome.destination().and_then(|destination| destination.uri.clone()) {
        return Ok(uri);
    }
    let mut out = Vec::new();
    let mut from = 0;
    match pass.uri.as_ref().and_then(ComplexValue::constant) {
        None if request.is_unchanged => return Ok(request.asked().target.clone()),
        None => {}
        Some(written) if request.is_in_location => {
            out.extend_from_slice(written);
            from = pass.prefix.len().min(request.uri.len());
        }
        Some(_) => {}
    }
    let target = &request.asked().target;
    let path = &target[..memchr::memchr(b'?', target).unwrap_or(target.len())];
    if path.contains(&b'%') || request.is_internal {
        escape(&request.uri[from..], &mut out);
    } else {
        out.extend_from_slice(&request.uri[from..]);
    }
    if !request.args.is_empty() {
        out.push(b'?');
        out.extend_from_slice(&request.args);
    }
    Ok(out)
}

/// Key in the cache: `proxy_cache_key`, else scheme, host and URI of the upstream request.
///
/// # Errors
/// If a variable is unknown.
pub fn cache_key(outcome: &mut Outcome<'_>) -> Knowable<Vec<u8>> {
    if let Some(key) = &outcome.settings().cache.key.value {
        return outcome.value(key);
    }
    let (tls, host) = match outcome.destination() {
        Some(destination) => (destination.tls, destination.host.clone()),
        None => (false, Vec::new()),
    };
    let scheme = if tls { &b"https://"[..] } else { b"http://" };
    Ok([scheme, &host, &uri(outcome)?].concat())
}

/// Method that the upstream is asked with.
///
/// # Errors
/// If the request is not passed on by `proxy_pass`, or a variable is unknown.
pub fn method(outcome: &mut Outcome<'_>) -> Knowable<Vec<u8>> {
    pass(outcome)?;
    let settings = outcome.settings();
    let method = outcome.value(&settings.reuse.proxy_method.value)?;
    if !method.is_empty() {
        return Ok(method);
    }
    let is_cached = outcome.cache()?.is_some();
    let is_converted = is_cached && outcome.request.method == "HEAD" && settings.cache.convert_head.value;
    Ok(if is_converted { b"GET".to_vec() } else { outcome.request.method.clone().into_bytes() })
}

/// Header lines that the upstream gets; of each the value, if it is known.
///
/// # Errors
/// If the request is not passed on by `proxy_pass`.
pub fn headers(outcome: &mut Outcome<'_>) -> Knowable<Vec<(String, Knowable<Vec<u8>>)>> {
    pass(outcome)?;
    let settings = outcome.settings();
    let version = outcome.config().version;
    let proxy_host = outcome.destination().map(|d| d.host.clone()).unwrap_or_default();
    let set = &settings.proxy.set_header.value;
    let is_set = |name: &[u8]| set.iter().any(|header| header.name.eq_ignore_ascii_case(name));
    let is_host = |name: &[u8]| name.eq_ignore_ascii_case(b"host");
    let host_first = version >= Version::new(1, 31, 4);
    let mut lines: Vec<(String, Knowable<Vec<u8>>)> = Vec::new();
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    if host_first {
        let own = set.iter().rev().find(|header| is_host(&header.name));
        let value = own.map_or(Ok(proxy_host.clone()), |header| outcome.value(&header.value));
        let fills = settings.proxy.http_version.value == HttpVersion::Http11;
        let value = value.map(|value| if value.is_empty() && fills { proxy_host.clone() } else { value });
        lines.push(("Host".to_owned(), value));
    }
    for header in set.iter().filter(|header| !(host_first && is_host(&header.name))) {
        lines.push((name(&header.name), outcome.value(&header.value)));
    }
    if !host_first && !is_set(b"Host") {
        lines.push(("Host".to_owned(), Ok(proxy_host)));
    }
    if version < Version::new(1, 29, 7) && !is_set(b"Connection") {
        lines.push(("Connection".to_owned(), Ok(b"close".to_vec())));
    }
    if !is_set(b"Content-Length") {
        let body = outcome.request.asked().facts.as_ref().and_then(|facts| facts.body);
        let own = settings.pass.set_body.value.as_ref().map(|value| outcome.value(value).map(|v| v.len()));
        let length = match (own, body) {
            (Some(own), _) => own.map(|length| length.to_string().into_bytes()),
            (None, Some(length)) => Ok(length.to_string().into_bytes()),
            (None, None) => Ok(Vec::new()),
        };
        lines.push(("Content-Length".to_owned(), length));
    }
    // An empty value is not sent.
    lines.retain(|(_, value)| !value.as_ref().is_ok_and(Vec::is_empty));
    if settings.pass.pass_request_headers.value {
        let is_cached = outcome.cache()?.is_some();
        for (own, value) in &outcome.request.asked().headers {
            let is = |other: &[u8]| other.eq_ignore_ascii_case(own.as_bytes());
            let is_replaced = REPLACED_HEADERS.into_iter().any(is)
                || is(b"Proxy-Connection") && version >= Version::new(1, 31, 0)
                || is_cached && CONDITIONS.into_iter().any(is)
                || is_set(own.as_bytes())
                || outcome.request.headers(own).is_empty();
            if !is_replaced {
                lines.push((own.clone(), Ok(value.clone())));
            }
        }
    }
    Ok(lines)
}
