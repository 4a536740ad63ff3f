//! The charset of a response, and recoding to it (`ngx_http_charset_filter_module.c`).

use super::request::Scope;
use crate::model::content::CharsetMap;

/// Says the charset, and has the body recoded if there is a table from its own.
pub(crate) fn filter(scope: &mut Scope<'_>) {
    let plan = std::rc::Rc::clone(&scope.request.plan);
    let content = &plan.content;
    let reply = &scope.request.reply;
    let is_off = content.charset.value.constant() == Some(b"off");
    if is_off || reply.content_type.is_empty() || reply.content_type.contains(&b';') {
        return;
    }
    if reply.get(b"Content-Encoding").is_some() || !content.charset_types.value.has(&reply.content_type) {
        return;
    }
    let mut charset = Vec::new();
    scope.evaluate(&content.charset.value, &mut charset);
    let mut source = Vec::new();
    scope.evaluate(&content.source_charset.value, &mut source);
    let worker = scope.worker;
    let reply = &mut scope.request.reply;
    reply.charset.clone_from(&charset);
    if source.is_empty() || source == b"off" || source.eq_ignore_ascii_case(&charset) {
        return;
    }
    reply.recode = worker.recoders.iter().position(|recoder| recoder.fits(&source, &charset));
}

/// A table that recodes byte by byte.
#[derive(Debug)]
pub(crate) struct Recoder {
    from: String,
    to: String,
    pub(crate) table: Box<[u8; 256]>,
}

impl Recoder {
    /// The two directions of a `charset_map`; `None` if it is one to UTF-8.
    pub(crate) fn both(map: &CharsetMap) -> Option<[Self; 2]> {
        let mut tables = [Box::new([b'?'; 256]), Box::new([b'?'; 256])];
        for i in 0..128u8 {
            tables[0][usize::from(i)] = i;
            tables[1][usize::from(i)] = i;
        }
        for (left, right) in &map.entries {
            let [right] = right[..] else { return None };
            tables[0][usize::from(*left)] = right;
            tables[1][usize::from(right)] = *left;
        }
        let [there, back] = tables;
        Some([
            Self { from: map.from.clone(), to: map.to.clone(), table: there },
            Self { from: map.to.clone(), to: map.from.clone(), table: back },
        ])
    }

    fn fits(&self, from: &[u8], to: &[u8]) -> bool {
        self.from.as_bytes().eq_ignore_ascii_case(from) && self.to.as_bytes().eq_ignore_ascii_case(to)
    }

    /// Recodes in place.
    pub(crate) fn recode(&self, data: &mut [u8]) {
        for byte in data {
            *byte = self.table[usize::from(*byte)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceMap, Span};

    #[test]
    fn both_directions() {
        let map = |entries| CharsetMap {
            from: "B".into(),
            to: "A".into(),
            entries,
            span: Span::new(SourceMap::default().add("a", *b"a"), 0, 0),
        };
        let [there, back] = Recoder::both(&map(vec![(0x58, vec![0x59])])).unwrap();
        assert!(there.fits(b"b", b"a") && back.fits(b"A", b"B") && !there.fits(b"a", b"b"));
        let mut text = *b"aXY\xff";
        there.recode(&mut text);
        assert_eq!(&text, b"aYY?");
        back.recode(&mut text);
        assert_eq!(&text, b"aXX?");
        assert!(Recoder::both(&map(vec![(0x80, vec![0xe2, 0x82, 0xac])])).is_none());
    }
}
