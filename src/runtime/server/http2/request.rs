//! The head of a request as HTTP/1 would have sent it (`ngx_http_v2_construct_request_line` and what follows it).

use h2_http::header::{COOKIE, HOST};
use h2_http::request::Parts;

/// The text; it says HTTP/1.1 until it has been parsed.
pub(crate) fn text(parts: &Parts) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let authority = parts.uri.authority().map(h2_http::uri::Authority::as_str);
    let target = parts.uri.path_and_query().map(h2_http::uri::PathAndQuery::as_str);
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.or(authority).unwrap_or("/").as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut line = |name: &[u8], value: &[u8]| {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    if let Some(authority) = authority {
        line(b"Host", authority.as_bytes());
    }
    for (name, value) in &parts.headers {
        let is_same = |authority: &str| value.as_bytes().eq_ignore_ascii_case(authority.as_bytes());
        // One that differs is refused as a second `Host`.
        if name == HOST && authority.is_some_and(is_same) || name == COOKIE {
            continue;
        }
        line(name.as_str().as_bytes(), value.as_bytes());
    }
    // Clients send cookies in pieces (`ngx_http_v2_construct_cookie_header`).
    let cookies: Vec<&[u8]> =
        parts.headers.get_all(COOKIE).iter().map(h2_http::HeaderValue::as_bytes).collect();
    if !cookies.is_empty() {
        line(b"cookie", &cookies.join(&b"; "[..]));
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let request = h2_http::Request::builder()
            .method("POST")
            .uri("https://a.test/x?y=1")
            .header("host", "A.test")
            .header("cookie", "a=1")
            .header("x-other", "2")
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let expected = "POST /x?y=1 HTTP/1.1\r\nHost: a.test\r\nx-other: 2\r\ncookie: a=1; b=2\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&text(&parts)), expected);
    }
}
