//! The request as a FastCGI, SCGI or uwsgi server gets it (`ngx_http_fastcgi_create_request`).

use super::CgiPlan;
use super::records::{self, Kind, stdin};
use crate::runtime::net::http1::field::Field;
use crate::runtime::request::plan::fastcgi::Protocol;
use crate::runtime::request::scope::Scope;

/// Most bytes of all parameters.
const MOST: usize = 65_535;

/// Parameters of a request whose response is to be kept, whatever the client asked for
/// (`ngx_http_fastcgi_cache_headers`).
const CONDITIONS: [(&[u8], &[u8], &str); 6] = [
    (b"HTTP_IF_MODIFIED_SINCE", b"if_modified_since", "upstream_cache_last_modified"),
    (b"HTTP_IF_UNMODIFIED_SINCE", b"if_unmodified_since", ""),
    (b"HTTP_IF_NONE_MATCH", b"if_none_match", "upstream_cache_etag"),
    (b"HTTP_IF_MATCH", b"if_match", ""),
    (b"HTTP_RANGE", b"range", ""),
    (b"HTTP_IF_RANGE", b"if_range", ""),
];

/// Appends what stands before the body; `length`: bytes of the body, as far as they are known.
///
/// # Errors
/// The parameters do not fit into a record or packet: so many bytes.
pub(crate) fn write(
    plan: &CgiPlan,
    scope: &mut Scope<'_>,
    is_cacheable: bool,
    length: u64,
    out: &mut Vec<u8>,
) -> Result<(), usize> {
    let mut content = Vec::new();
    if let Protocol::Scgi = plan.protocol {
        put(plan, &[b"CONTENT_LENGTH"], length.to_string().as_bytes(), &mut content);
    }
    own(plan, scope, is_cacheable, &mut content);
    if plan.passes_headers {
        headers(plan, scope, is_cacheable, &mut content);
    }
    if let Protocol::Uwsgi { string, .. } = &plan.protocol {
        content.extend_from_slice(string);
    }
    if content.len() > MOST && !matches!(plan.protocol, Protocol::Scgi) {
        return Err(content.len());
    }
    match &plan.protocol {
        Protocol::Fastcgi { keep_conn, .. } => {
            records::begin(out, *keep_conn);
            records::record(out, Kind::Params, &content);
            records::record(out, Kind::Params, b"");
        }
        // A netstring.
        Protocol::Scgi => {
            out.extend_from_slice(format!("{}:", content.len()).as_bytes());
            out.extend_from_slice(&content);
            out.push(b',');
        }
        Protocol::Uwsgi { modifiers: (first, second), .. } => {
            let [low, high] = (content.len() as u16).to_le_bytes();
            out.extend_from_slice(&[*first, low, high, *second]);
            out.extend_from_slice(&content);
        }
    }
    Ok(())
}

/// Appends a parameter.
fn put(plan: &CgiPlan, name: &[&[u8]], value: &[u8], out: &mut Vec<u8>) {
    match plan.protocol {
        Protocol::Fastcgi { .. } => records::param(out, name, value),
        Protocol::Scgi => {
            name.iter().for_each(|part| out.extend_from_slice(part));
            out.push(0);
            out.extend_from_slice(value);
            out.push(0);
        }
        Protocol::Uwsgi { .. } => {
            let length: usize = name.iter().map(|part| part.len()).sum();
            out.extend_from_slice(&(length as u16).to_le_bytes());
            name.iter().for_each(|part| out.extend_from_slice(part));
            out.extend_from_slice(&(value.len() as u16).to_le_bytes());
            out.extend_from_slice(value);
        }
    }
}

/// `fastcgi_param`, and what nginx adds.
fn own(plan: &CgiPlan, scope: &mut Scope<'_>, is_cacheable: bool, out: &mut Vec<u8>) {
    let mut value = Vec::new();
    for param in &plan.params {
        let header = param.name.strip_prefix(b"HTTP_");
        // A header without a value is only left out.
        if header.is_some_and(|name| !name.is_empty()) && param.value.constant() == Some(b"") {
            continue;
        }
        value.clear();
        scope.evaluate(&param.value, &mut value);
        if !(param.skips_empty && value.is_empty()) {
            put(plan, &[&param.name], &value, out);
        }
    }
    if plan.sends_host {
        added(plan, scope, b"HTTP_HOST", &["host", "is_request_port", "request_port"], out);
    }
    for (name, header, variable) in CONDITIONS.iter().filter(|_| is_cacheable) {
        if !variable.is_empty() && !plan.replaced.contains(*header) {
            added(plan, scope, name, &[variable], out);
        }
    }
}

/// A parameter of nginx's own; nothing without a value.
fn added(plan: &CgiPlan, scope: &mut Scope<'_>, name: &[u8], variables: &[&str], out: &mut Vec<u8>) {
    let mut value = Vec::new();
    for variable in variables {
        if let Some(getter) = (scope.worker.server.variable)(variable) {
            getter.get(scope, variable, &mut value);
        }
    }
    if !value.is_empty() {
        put(plan, &[name], &value, out);
    }
}

/// The client's headers, as `HTTP_…`.
fn headers(plan: &CgiPlan, scope: &Scope<'_>, is_cacheable: bool, out: &mut Vec<u8>) {
    let buffer = scope.request.buffer.all();
    let fields = &scope.request.head.fields;
    let mut value = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        let name = field.name.of(buffer);
        let is_same = |other: &&Field| other.name.of(buffer).eq_ignore_ascii_case(name);
        let key: Vec<u8> =
            name.iter().map(|b| if *b == b'-' { b'_' } else { b.to_ascii_lowercase() }).collect();
        let is_condition = is_cacheable && CONDITIONS.iter().any(|(_, header, _)| *header == key);
        let is_again = plan.joins && fields[..i].iter().any(|other| is_same(&other));
        if is_condition || is_again || plan.replaced.contains(&key[..]) {
            continue;
        }
        value.clear();
        value.extend_from_slice(field.value.of(buffer));
        let separator: &[u8] = if key == b"cookie" { b"; " } else { b", " };
        for other in fields[i + 1..].iter().filter(|other| plan.joins && is_same(other)) {
            value.extend_from_slice(separator);
            value.extend_from_slice(other.value.of(buffer));
        }
        put(plan, &[b"HTTP_", &key.to_ascii_uppercase()], &value, out);
    }
}

/// Appends a body that is there as a whole.
pub(crate) fn body(out: &mut Vec<u8>, data: &[u8]) {
    stdin(out, data);
    records::stdin_end(out);
}
