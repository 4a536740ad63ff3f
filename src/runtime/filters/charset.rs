//! The charset of a response, and recoding to it (`ngx_http_charset_filter_module.c`).

use std::rc::Rc;

use crate::model::log::Severity;
use crate::runtime::net::recoder::Recoder;
use crate::runtime::request::filter::BodyFilter;
use crate::runtime::request::scope::Scope;

/// Says the charset, and has the body recoded if there is a table from its own (`ngx_http_charset_header_filter`).
pub(crate) fn filter(scope: &mut Scope<'_>) {
    let plan = Rc::clone(&scope.request.plan);
    let filter = &plan.filter;
    let is_off = filter.charset.value.constant() == Some(b"off");
    let content_type = &scope.request.reply.content_type;
    let is_overridden = !scope.request.reply.override_charset.is_empty();
    if is_off && !is_overridden || content_type.is_empty() {
        return;
    }
    // The charset in the type of the peer's response.
    let own = said(content_type);
    if is_overridden {
        // Types do not matter then (`ngx_http_destination_charset`).
    } else if own.is_some() && !filter.override_charset.value
        || own.is_none() && (content_type.contains(&b';') || !filter.charset_types.value.has(content_type))
    {
        return;
    }
    let mut charset = std::mem::take(&mut scope.request.reply.override_charset);
    if is_overridden {
        let is_known = |recoder: &Rc<Recoder>| recoder.from.as_bytes().eq_ignore_ascii_case(&charset);
        if !scope.worker.recoders.iter().any(is_known) {
            let name = String::from_utf8_lossy(&charset).into_owned();
            return scope.log(Severity::Error, &format!("unknown charset \"{name}\" to override"), "");
        }
    } else {
        scope.evaluate(&filter.charset.value, &mut charset);
    }
    let mut source = Vec::new();
    match &own {
        Some((_, own)) => source.extend_from_slice(own),
        None => scope.evaluate(&filter.source_charset.value, &mut source),
    }
    let is_same = source.is_empty() || source == b"off" || source.eq_ignore_ascii_case(&charset);
    let mut table = None;
    if !is_same {
        table = scope.worker.recoders.iter().position(|recoder| recoder.fits(&source, &charset));
        if table.is_none() {
            let name = |name| String::from_utf8_lossy(name).into_owned();
            let (from, to) = (name(&source), name(&charset));
            let message = format!("no \"charset_map\" between the charsets \"{from}\" and \"{to}\"");
            return scope.log(Severity::Error, &message, "");
        }
        if scope.request.reply.get(b"Content-Encoding").is_some_and(|value| !value.is_empty()) {
            return;
        }
    }
    let recoder = table.map(|table| Rc::clone(&scope.worker.recoders[table]));
    let changes_length = recoder.as_ref().is_some_and(|recoder| recoder.changes_length());
    let request = &mut *scope.request;
    let reply = &mut request.reply;
    if let Some((at, _)) = own {
        reply.content_type.truncate(at);
    }
    // A client might take it for the charset of where it is sent to.
    reply.charset = if matches!(request.status, 301 | 302) { Vec::new() } else { charset };
    if changes_length {
        reply.content_length = None;
        reply.remove(b"Content-Length");
    }
    if let Some(recoder) = recoder {
        reply.add_filter(Recoding { recoder, rest: Vec::new() });
    }
}

/// A body that is recoded.
#[derive(Debug)]
struct Recoding {
    recoder: Rc<Recoder>,
    /// The bytes of a character that is not complete yet.
    rest: Vec<u8>,
}

impl BodyFilter for Recoding {
    fn push(&mut self, data: &[u8], _: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
        self.recoder.recode(data, &mut self.rest, out);
        Ok(())
    }
}

/// Offset of a type's parameters, and its charset (`ngx_http_upstream_copy_content_type`).
fn said(content_type: &[u8]) -> Option<(usize, Vec<u8>)> {
    let at = memchr::memchr(b';', content_type)?;
    let parameter = content_type[at + 1..].trim_ascii_start();
    let name = parameter.get(..8).filter(|name| name.eq_ignore_ascii_case(b"charset="))?;
    let value = &parameter[name.len()..];
    let value = value.strip_prefix(b"\"").map_or(value, |v| v.strip_suffix(b"\"").unwrap_or(v));
    Some((at, value.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charset_of_a_type() {
        for (text, expected) in [
            ("text/html", None),
            ("text/html; charset=koi8-r", Some((9, "koi8-r"))),
            ("text/html;Charset=\"A\"", Some((9, "A"))),
            ("text/html; a=b", None),
        ] {
            let found = said(text.as_bytes());
            assert_eq!(found, expected.map(|(at, name)| (at, name.as_bytes().to_vec())), "{text}");
        }
    }
}
