//! Cookies in the lines of a request and of a peer's response (`ngx_http_parse_multi_header_lines`,
//! `ngx_http_parse_set_cookie_lines`).

use crate::runtime::request::state::Request;

/// The line with the cookie, and its value.
pub(crate) fn find_line<'r>(request: &'r Request, name: &[u8]) -> Option<(&'r [u8], &'r [u8])> {
    let buffer = request.buffer.all();
    let cookies = request.head.fields.iter().filter(|f| f.name.of(buffer).eq_ignore_ascii_case(b"cookie"));
    let mut lines = cookies.map(|f| f.value.of(buffer));
    lines.find_map(|line| Some((line, find(line, name)?)))
}

/// Spaces are read over, tabs are not.
fn find<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let mut rest = line;
    loop {
        if rest.len() >= name.len() && rest[..name.len()].eq_ignore_ascii_case(name) {
            let after = after_spaces(&rest[name.len()..]);
            if let Some(value) = after.strip_prefix(b"=") {
                let value = after_spaces(value);
                let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
                return Some(&value[..end]);
            }
        }
        let next = memchr::memchr(b';', rest)?;
        rest = after_spaces(&rest[next + 1..]);
    }
}

/// The value of a cookie that an upstream sets (`ngx_http_parse_set_cookie_lines`).
pub(crate) fn set_value<'v>(line: &'v [u8], name: &str) -> Option<&'v [u8]> {
    let is_it = line.len() >= name.len() && line[..name.len()].eq_ignore_ascii_case(name.as_bytes());
    let value = is_it.then(|| after_spaces(&line[name.len()..]).strip_prefix(b"="))??;
    let value = after_spaces(value);
    Some(&value[..memchr::memchr(b';', value).unwrap_or(value.len())])
}

fn after_spaces(text: &[u8]) -> &[u8] {
    &text[text.iter().position(|b| *b != b' ').unwrap_or(text.len())..]
}
