//! `empty_gif`: one transparent pixel (`ngx_http_empty_gif_module.c`).

use crate::runtime::request::flow::Flow;
use crate::runtime::request::reply::BodyPart;
use crate::runtime::request::state::Request;

const PIXEL: &[u8; 43] =
    b"GIF89a\x01\x00\x01\x00\x80\x01\x00\x00\x00\x00\xff\xff\xff\x21\xf9\x04\x01\x00\x00\x01\
    \x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x4c\x01\x00\x3b";

/// Answers with the pixel.
pub(crate) fn send(r: &mut Request) -> Flow {
    if !matches!(r.method(), b"GET" | b"HEAD") {
        return Flow::Status(405);
    }
    r.status = 200;
    let reply = &mut r.reply;
    reply.clear_body();
    reply.text.extend_from_slice(PIXEL);
    reply.content_type.clear();
    reply.content_type.extend_from_slice(b"image/gif");
    reply.content_length = Some(PIXEL.len() as u64);
    // As in nginx: the date of its first version.
    reply.last_modified = Some(23_349_600);
    reply.parts.push(BodyPart::Text(0, PIXEL.len()));
    Flow::Reply
}
