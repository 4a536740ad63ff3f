//! Early hints of a peer (103), which the client gets before the response
//! (`ngx_http_upstream_process_early_hints`, `ngx_http_early_hints_filter`).

use super::cached::holds;
use super::request::ProxyRequest;
use super::response;
use crate::model::log::Severity;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::http2::head::ResponseHead;
use crate::runtime::net::stream::Stream;

/// Passes the head in `p.r.response` on, if `early_hints` wants it; all heads of the kind have `length` bytes.
pub(super) async fn pass(p: &mut ProxyRequest<'_>, buffer: &Buffer, length: usize) {
    if length as u64 > p.plan.on_way.buffer_size.value {
        p.log(Severity::Info, "upstream sent too big early hints", "");
        return;
    }
    let plan = std::rc::Rc::clone(&p.r.plan);
    let is_wanted = p.r.depth == 0 && !p.r.is_background && p.r.head.line.version >= 1001;
    if !is_wanted || !holds(p, &plan.filter.early_hints.value) {
        return;
    }
    let text = buffer.all();
    let fields = p.r.response.fields.iter().filter(|f| !response::is_hidden(p.plan, f, f.name.of(text)));
    if let Stream::Http2(stream) = &mut p.c.stream {
        let mut head = ResponseHead::new(103);
        fields.for_each(|field| head.push(field.name.of(text), field.value.of(text)));
        if head.length > 0 && p.c.sink.is_none() && stream.inform(&head).is_ok() {
            p.r.sent += head.length;
        }
        return;
    }
    let mut out = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
    let before = out.len();
    fields.for_each(|field| field.copy(text, &mut out));
    if out.len() == before {
        return;
    }
    out.extend_from_slice(b"\r\n");
    // A closed connection of the client is noticed when the response is sent.
    if p.c.write(&out, plan.core.send_timeout.value).await.is_ok() {
        p.r.sent += out.len() as u64;
    }
}
