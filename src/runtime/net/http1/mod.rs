//! The HTTP/1 codec: heads parsed in place with nginx's rules, bodies framed and unframed.
//!
//! The rules are those of `ngx_http_parse.c`, byte by byte: which names are ignored, that a bare LF ends a
//! line and a bare CR never does, what is 400 and what is 505. No generic parser has them, and two opinions
//! on where a message ends are what request smuggling lives on.

pub(crate) mod piece;

pub(crate) mod base64;
pub(crate) mod field;
pub(crate) mod request_line;

pub(crate) mod head;

pub(crate) mod chunked;
pub(crate) mod response_head;
pub(crate) mod status_line;
