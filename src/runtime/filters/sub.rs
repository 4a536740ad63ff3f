//! Texts of a response replaced while it passes (`ngx_http_sub_filter_module.c`).

use crate::runtime::filters::gzip;
use crate::runtime::request::filter::BodyFilter;
use crate::runtime::request::scope::Scope;

/// The text that is looked for, in lower case, and its replacement.
#[derive(Debug)]
struct SearchedText {
    find: Vec<u8>,
    new: Vec<u8>,
    /// Found before, and to be replaced once only.
    is_done: bool,
}

/// A response in which texts are replaced.
#[derive(Debug)]
pub(crate) struct Substitution {
    pairs: Vec<SearchedText>,
    once: bool,
    /// True if a match may begin with this byte.
    first: Box<[bool; 256]>,
    /// The end of what has passed: it may be the beginning of a match.
    rest: Vec<u8>,
}

enum Match {
    None,
    /// More of the body has to come to know it.
    Open,
    Pair(usize),
}

impl Substitution {
    fn new(pairs: impl Iterator<Item = (Vec<u8>, Vec<u8>)>, once: bool) -> Self {
        let pairs = pairs.filter(|(find, _)| !find.is_empty());
        let pairs: Vec<_> = pairs
            .map(|(find, new)| SearchedText { find: find.to_ascii_lowercase(), new, is_done: false })
            .collect();
        let mut first = Box::new([false; 256]);
        for pair in &pairs {
            first[usize::from(pair.find[0])] = true;
            first[usize::from(pair.find[0].to_ascii_uppercase())] = true;
        }
        Self { pairs, once, first, rest: Vec::new() }
    }

    /// The first pair in the order of the configuration that the text begins with.
    fn matches(&self, text: &[u8], is_last: bool) -> Match {
        for (n, pair) in self.pairs.iter().enumerate().filter(|(_, pair)| !pair.is_done) {
            let length = pair.find.len().min(text.len());
            if text[..length].eq_ignore_ascii_case(&pair.find[..length]) {
                if length == pair.find.len() {
                    return Match::Pair(n);
                }
                if !is_last {
                    return Match::Open;
                }
            }
        }
        Match::None
    }
}

impl BodyFilter for Substitution {
    fn push(&mut self, data: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let joined;
        let mut data = data;
        if !self.rest.is_empty() {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(data);
            joined = rest;
            data = &joined;
        }
        let mut copied = 0;
        let mut at = 0;
        while at < data.len() {
            if !self.first[usize::from(data[at])] {
                at += 1;
                continue;
            }
            match self.matches(&data[at..], is_last) {
                Match::None => at += 1,
                Match::Open => break,
                Match::Pair(n) => {
                    out.extend_from_slice(&data[copied..at]);
                    let pair = &mut self.pairs[n];
                    out.extend_from_slice(&pair.new);
                    at += pair.find.len();
                    copied = at;
                    pair.is_done = self.once;
                }
            }
        }
        out.extend_from_slice(&data[copied..at]);
        self.rest.extend_from_slice(&data[at..]);
        Ok(())
    }
}

/// Has texts of the body replaced if the configuration wants it (`ngx_http_sub_header_filter`).
pub(crate) fn filter(scope: &mut Scope<'_>) {
    let plan = std::rc::Rc::clone(&scope.request.plan);
    let filter = &plan.filter;
    if filter.sub_filter.value.is_empty() {
        return;
    }
    let reply = &scope.request.reply;
    let kind = reply.content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    if reply.content_length == Some(0) || !filter.sub_filter_types.value.has(kind) {
        return;
    }
    let pairs = filter.sub_filter.value.iter().map(|pair| {
        let (mut find, mut new) = (Vec::new(), Vec::new());
        scope.evaluate(&pair.find, &mut find);
        scope.evaluate(&pair.new, &mut new);
        (find, new)
    });
    let substitution = Substitution::new(pairs, filter.sub_filter_once.value);
    if substitution.pairs.is_empty() {
        return;
    }
    let reply = &mut scope.request.reply;
    reply.add_filter(substitution);
    if scope.request.depth > 0 {
        return;
    }
    reply.content_length = None;
    reply.allow_ranges = false;
    reply.remove(b"Accept-Ranges");
    if filter.sub_filter_last_modified.value {
        gzip::weaken(reply);
    } else {
        reply.last_modified = None;
        reply.remove(b"Last-Modified");
        reply.remove(b"ETag");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(pairs: &[(&str, &str)], once: bool, text: &str, step: usize) -> String {
        let pairs = pairs.iter().map(|(find, new)| (find.as_bytes().to_vec(), new.as_bytes().to_vec()));
        let mut substitution = Substitution::new(pairs, once);
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(step) {
            substitution.push(piece, false, &mut out).unwrap();
        }
        substitution.push(b"", true, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_replaced_however_they_arrive() {
        let many: &[(&str, &str)] = &[("foo", "1"), ("food", "2"), ("bar", "")];
        for (pairs, once, text, expected) in [
            (&many[..1], true, "a foo FOO foo", "a 1 FOO foo"),
            (&many[..1], false, "a fofoo FOOfo", "a fo1 1fo"),
            (many, false, "food bar food", "1d  1d"),
            (&[("food", "2"), ("foo", "1")], false, "food foo foo", "2 1 1"),
            (&[("aab", "x")], false, "aaab aab aa", "ax x aa"),
            (many, true, "foo bar foo bar food", "1  foo bar 2"),
            (&[("", "x")], false, "abc", "abc"),
        ] {
            for step in 1..10 {
                assert_eq!(replaced(pairs, once, text, step), expected, "{text:?} by {step}");
            }
        }
    }
}
