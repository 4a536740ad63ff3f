//! Conditions of the request on the state of the file (`ngx_http_not_modified_header_filter`).

use crate::runtime::net::clock;
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::request::state::Request;

/// Makes the response a 304 if the client has it already.
///
/// # Errors
/// 412 if a condition does not hold.
pub(crate) fn filter(request: &mut Request) -> Result<(), u16> {
    if request.status != 200 || request.reply.is_proxied {
        return Ok(());
    }
    let buffer = request.buffer.all();
    let head = &request.head;
    let value = |known| head.value(known, buffer);
    let reply = &request.reply;
    let asks = [KnownHeader::IfUnmodifiedSince, KnownHeader::IfModifiedSince];
    let modified = if asks.iter().any(|known| value(*known).is_some()) { reply.modified() } else { None };
    let etag = reply.get(b"ETag");
    if let Some(since) = value(KnownHeader::IfUnmodifiedSince) {
        let holds = modified.is_some_and(|m| clock::parse_http(since).unwrap_or(-1) >= m);
        if !holds {
            request.reply.clear();
            return Err(412);
        }
    }
    if value(KnownHeader::IfMatch).is_some_and(|list| !matches(list, etag, false)) {
        request.reply.clear();
        return Err(412);
    }
    let (since, none) = (value(KnownHeader::IfModifiedSince), value(KnownHeader::IfNoneMatch));
    if since.is_none() && none.is_none() {
        return Ok(());
    }
    let how = request.plan.content.if_modified_since.value.0;
    if since.is_some_and(|since| is_modified(since, modified, how))
        || none.is_some_and(|list| !matches(list, etag, true))
    {
        return Ok(());
    }
    request.status = 304;
    let reply = &mut request.reply;
    reply.line.clear();
    reply.content_type.clear();
    reply.content_length = None;
    reply.allow_ranges = false;
    reply.remove(b"Accept-Ranges");
    reply.remove(b"Content-Encoding");
    Ok(())
}

fn is_modified(since: &[u8], modified: Option<i64>, how: &str) -> bool {
    let Some(modified) = modified.filter(|_| how != "off") else { return true };
    let since = clock::parse_http(since).unwrap_or(-1);
    since != modified && (how == "exact" || since < modified)
}

/// True if the list has the tag (`ngx_http_test_if_match`).
fn matches(list: &[u8], etag: Option<&[u8]>, weak: bool) -> bool {
    if list == b"*" {
        return true;
    }
    let strong = |tag| if weak { strip_weak(tag) } else { tag };
    let Some(etag) = etag.map(strong) else { return false };
    let mut rest = list;
    while !rest.is_empty() {
        let tag = strong(rest);
        if etag.len() > tag.len() {
            return false;
        }
        if let Some(after) = tag.strip_prefix(etag) {
            let after = after.trim_ascii_start();
            if after.is_empty() || after[0] == b',' {
                return true;
            }
        }
        let comma = rest.iter().position(|b| *b == b',').unwrap_or(rest.len());
        let next = rest[comma..].iter().position(|b| !matches!(b, b' ' | b'\t' | b','));
        rest = next.map_or(&[][..], |next| &rest[comma + next..]);
    }
    false
}

fn strip_weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").filter(|rest| !rest.is_empty()).unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use crate::runtime::filters::not_modified::matches;

    #[test]
    fn tags() {
        for (list, etag, strong, weak) in [
            ("*", None, true, true),
            ("\"a\"", None, false, false),
            ("\"a\"", Some("\"a\""), true, true),
            ("\"x\", \"a\" , \"b\"", Some("\"a\""), true, true),
            ("\"x\",\"ab\"", Some("\"a\""), false, false),
            ("W/\"a\"", Some("\"a\""), false, true),
            ("\"a\"", Some("W/\"a\""), false, true),
            ("\"\\\"a", Some("\"a\""), false, false),
        ] {
            let etag = etag.map(str::as_bytes);
            assert_eq!(matches(list.as_bytes(), etag, false), strong, "{list}");
            assert_eq!(matches(list.as_bytes(), etag, true), weak, "{list} weak");
        }
    }
}
