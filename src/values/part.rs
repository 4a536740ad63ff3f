//! A value as a row of known text and of open parts.

use std::rc::Rc;

use super::pattern::{Bytes, Pattern};
use crate::source::Span;

/// A possible value.
#[derive(Clone, Default)]
pub(crate) struct Row {
    /// Parts of the value, in order.
    pub(crate) parts: Vec<ValuePart>,
    /// Origins of the value, the nearest first.
    pub(super) why: Vec<ValueStep>,
}

/// A part of a value.
#[derive(Clone)]
pub(crate) enum ValuePart {
    /// Known text.
    Text(Vec<u8>),
    /// Text that only the request decides.
    Open(Open),
}

/// The knowledge of an open part.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own; a part can have any of them"
)]
pub(crate) struct Open {
    /// The variable as the directive writes it, with `$`.
    pub(crate) name: String,
    /// The variable of nginx that it is taken from, without `$`; empty if there are several or none.
    pub(crate) of: String,
    /// With which bytes it can begin.
    pub(crate) first: Box<Bytes>,
    /// The bytes that it can contain.
    pub(crate) bytes: Box<Bytes>,
    /// The part can be empty.
    pub(crate) empty: bool,
    /// The client chooses it.
    pub(crate) client: bool,
    /// A link chooses it: it is in the URI or the arguments.
    pub(crate) link: bool,
    /// Escapes of the URI were decoded.
    pub(crate) decoded: bool,
    /// The part is one byte at most.
    pub(crate) single: bool,
    /// Every value ends in a domain that is written out.
    pub(crate) domain: bool,
    /// A pattern that is not understood has matched it, or has not: fewer values can be left than are known here.
    pub(crate) unread: bool,
    /// Patterns that it, or what it is taken from, has matched.
    pub(crate) checked: Vec<Rc<Pattern>>,
}

/// A step on the way to a value: what it was, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValueStep {
    pub(super) step: Origin,
    pub(super) span: Option<Span>,
}

/// The giver of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Set,
    Entry,
    Default,
    NoDefault,
    Bucket,
    Group,
    Rewrite,
    Fact,
    NeverSet,
    NoGroup,
}

impl Open {
    /// A part that can be anything of these bytes.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            name: String::new(),
            of: String::new(),
            first: Box::new(bytes),
            bytes: Box::new(bytes),
            empty: true,
            client: false,
            link: false,
            decoded: false,
            single: false,
            domain: false,
            unread: false,
            checked: Vec::new(),
        }
    }

    /// True if the part can contain a byte.
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)]
    }

    /// True if the part can begin with a byte.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        self.first[usize::from(byte)]
    }

    /// True if the part can contain a line feed and something more, which breaks a request line.
    pub(crate) fn has_line_feed(&self) -> bool {
        self.has(b'\n') && !self.single
    }

    /// True if the part can contain a line feed and letters: without letters no other header follows.
    pub(crate) fn has_header(&self) -> bool {
        self.has_line_feed() && (b'A'..=b'z').any(|byte| byte.is_ascii_alphabetic() && self.has(byte))
    }

    /// A group that `set` reads: nginx escapes what was decoded (`e->quote`, `NGX_ESCAPE_ARGS`). Only a URI with escapes
    /// has the bytes that are escaped.
    pub(super) fn escape(&mut self) {
        if !self.decoded {
            return;
        }
        let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"!$'()*,-./:=@[]_~".contains(&byte);
        for set in [&mut self.bytes, &mut self.first] {
            let escaped = (0..=255_u8).any(|byte| set[usize::from(byte)] && !kept(byte));
            (0..=255_u8).for_each(|byte| set[usize::from(byte)] &= kept(byte));
            set[usize::from(b'%')] = escaped;
        }
        if self.has(b'%') {
            (b'0'..=b'9').chain(b'A'..=b'F').for_each(|digit| self.bytes[usize::from(digit)] = true);
        }
        self.decoded = false;
    }

    /// Only what is in `bytes` remains.
    pub(super) fn keep(&mut self, bytes: &Bytes) {
        self.bytes.iter_mut().zip(bytes).for_each(|(own, kept)| *own &= kept);
        self.first.iter_mut().zip(bytes).for_each(|(own, kept)| *own &= kept);
    }

    /// Removes `bytes` from the part.
    pub(super) fn drop(&mut self, bytes: &Bytes) {
        self.bytes.iter_mut().zip(bytes).for_each(|(own, gone)| *own &= !gone);
        self.first.iter_mut().zip(bytes).for_each(|(own, gone)| *own &= !gone);
    }
}

impl Row {
    /// Known text.
    pub(super) fn text(text: &[u8]) -> Self {
        let parts = if text.is_empty() { Vec::new() } else { vec![ValuePart::Text(text.to_vec())] };
        Self { parts, why: Vec::new() }
    }

    /// A row of one open part.
    pub(super) fn open(open: Open) -> Self {
        Self { parts: vec![ValuePart::Open(open)], why: Vec::new() }
    }

    /// Adds where it comes from.
    pub(super) fn because(mut self, step: Origin, span: impl Into<Option<Span>>) -> Self {
        let why = ValueStep { step, span: span.into() };
        if !self.why.contains(&why) {
            self.why.insert(0, why);
        }
        self
    }

    /// The open parts.
    pub(crate) fn opens(&self) -> impl Iterator<Item = &Open> {
        self.parts.iter().filter_map(|part| match part {
            ValuePart::Open(open) => Some(open),
            ValuePart::Text(_) => None,
        })
    }

    pub(super) fn opens_mut(&mut self) -> impl Iterator<Item = &mut Open> {
        self.parts.iter_mut().filter_map(|part| match part {
            ValuePart::Open(open) => Some(open),
            ValuePart::Text(_) => None,
        })
    }

    /// The whole, if all of it is known.
    pub(crate) fn known(&self) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        for part in &self.parts {
            match part {
                ValuePart::Text(text) => all.extend_from_slice(text),
                ValuePart::Open(_) => return None,
            }
        }
        Some(all)
    }

    /// The text that every value begins with.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        let known = self.parts.iter().map_while(|part| match part {
            ValuePart::Text(text) => Some(text.as_slice()),
            ValuePart::Open(_) => None,
        });
        known.collect::<Vec<_>>().concat()
    }

    /// Joins two rows.
    pub(super) fn join(&self, tail: &Self) -> Self {
        let mut why = self.why.clone();
        why.extend(tail.why.iter().filter(|step| !self.why.contains(step)));
        let mut parts = self.parts.clone();
        for part in &tail.parts {
            match (parts.last_mut(), part) {
                (Some(ValuePart::Text(text)), ValuePart::Text(more)) => text.extend_from_slice(more),
                _ => parts.push(part.clone()),
            }
        }
        Self { parts, why }
    }
}
