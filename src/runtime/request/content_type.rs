//! The type of a response by the URI of its request.

use std::rc::Rc;

use crate::runtime::request::state::Request;

/// The type by the URI's extension in `types`, else `default_type` (`ngx_http_set_content_type`).
pub(crate) fn content_type(request: &mut Request) {
    if request.reply.keeps_type && !request.reply.content_type.is_empty() {
        return;
    }
    let plan = Rc::clone(&request.plan);
    let name = memchr::memrchr(b'/', &request.uri).map_or(0, |slash| slash + 1);
    let name = &request.uri[name..];
    let dot = memchr::memrchr(b'.', name).filter(|dot| *dot > 0);
    let types = &plan.content.types.value.0;
    let known = dot.and_then(|dot| {
        let extension = &name[dot + 1..];
        match types.get(extension) {
            None if extension.iter().any(u8::is_ascii_uppercase) => {
                types.get(&*extension.to_ascii_lowercase())
            }
            found => found,
        }
    });
    let content_type = &mut request.reply.content_type;
    content_type.clear();
    content_type.extend_from_slice(known.map_or(plan.core.default_type.value.as_bytes(), |t| &**t));
}
