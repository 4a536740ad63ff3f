//! `msie_refresh`: a redirection as a page, for old clients (`ngx_http_send_refresh`).

use std::io::Write;

use crate::runtime::modules::browser::is_msie;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::reply::BodyPart;
use crate::runtime::request::state::Request;

/// The page, if the configuration wants it for this client and status.
pub(crate) fn page(r: &mut Request, status: u16) -> Option<Flow> {
    if !r.plan.core.msie_refresh.value || !matches!(status, 301 | 302) || !is_msie(r) {
        return None;
    }
    let location = r.reply.get(b"Location")?.to_vec();
    r.err_status = 200;
    for name in [&b"Location"[..], b"Accept-Ranges", b"Last-Modified", b"ETag"] {
        r.reply.remove(name);
    }
    let reply = &mut r.reply;
    reply.last_modified = None;
    reply.content_type.clear();
    reply.content_type.extend_from_slice(b"text/html");
    reply.text.extend_from_slice(b"<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=");
    escape(&location, &mut reply.text);
    reply.text.extend_from_slice(b"\"></head><body></body></html>\r\n");
    reply.content_length = Some(reply.text.len() as u64);
    reply.parts.push(BodyPart::Text(0, reply.text.len()));
    Some(Flow::Reply)
}

/// `NGX_ESCAPE_REFRESH`: what would end the attribute.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            0..=b' '
            | b'"'
            | b'\''
            | b'<'
            | b'>'
            | b'\\'
            | b'^'
            | b'`'
            | b'{'
            | b'|'
            | b'~'
            | 0x7f..=0xff => {
                // Writing to memory does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn escaped() {
        let mut out = Vec::new();
        super::escape(b"/a b?c=\"%\xff<", &mut out);
        assert_eq!(out, b"/a%20b?c=%22%%FF%3C");
    }
}
