//! Patterns of PCRE2 as trees, reduced to the ways in which they can match the same text: names of groups, the order of
//! alternatives and the contents of assertions are left out, because PCRE2 itself judges every witness.

use super::escape;
use super::set::Bytes;

/// The greatest depth of groups.
const DEEPEST: usize = 100;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Matches the empty text; also an assertion whose effect is unknown.
    Empty,
    /// One byte of a set.
    Byte(Bytes),
    /// Items in sequence.
    Row(Vec<Node>),
    /// One of several alternatives.
    Either(Vec<Node>),
    /// A repetition; without `most` unlimited.
    Repeat { body: Box<Node>, least: u32, most: Option<u32> },
    /// Group `(…)` with its number.
    Group(u32, Box<Node>),
    /// Back reference: the text of a group again.
    Again(u32),
    /// Look-ahead or look-behind: parsed, then ignored.
    Look(Box<Node>),
    /// Only at the start of the text.
    Start,
    /// Only at the end of the text, or before a line break at its end.
    End,
}

/// A parsed pattern.
#[derive(Debug)]
pub(super) struct ParsedPattern {
    pub(super) node: Node,
    /// The start of the pattern, behind `(*UTF)` and the like.
    pub(super) start: usize,
}

/// The options of a group: `(?ismxU-ismx)`.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of PCRE by itself")]
pub(super) struct Flags {
    pub(super) caseless: bool,
    pub(super) dot_all: bool,
    pub(super) lines: bool,
    pub(super) spaced: bool,
    pub(super) unnumbered: bool,
}

pub(super) struct Reader<'p> {
    pub(super) text: &'p [u8],
    pub(super) at: usize,
    groups: u32,
    names: Vec<(Vec<u8>, u32)>,
    depth: usize,
}

/// Parses a pattern; `None` for recursion, conditions, verbs and callouts, which the parser does not know.
pub(super) fn parse(text: &[u8], caseless: bool) -> Option<ParsedPattern> {
    let mut reader = Reader { text, at: 0, groups: 0, names: Vec::new(), depth: 0 };
    while reader.rest().starts_with(b"(*") {
        let end = reader.rest().iter().position(|b| *b == b')')?;
        let verb = &reader.rest()[2..end];
        let known: [&[u8]; 9] =
            [b"UTF", b"UTF8", b"UCP", b"ANYCRLF", b"CR", b"LF", b"CRLF", b"ANY", b"NO_JIT"];
        if !known.contains(&verb) {
            return None;
        }
        reader.at += end + 1;
    }
    let start = reader.at;
    let flags = Flags { caseless, dot_all: false, lines: false, spaced: false, unnumbered: false };
    let node = reader.either(flags)?;
    (reader.at == text.len()).then_some(ParsedPattern { node, start })
}

impl Reader<'_> {
    pub(super) fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        let is_next = self.rest().starts_with(text);
        self.at += if is_next { text.len() } else { 0 };
        is_next
    }

    /// Text up to a byte, which is skipped.
    pub(super) fn until(&mut self, end: u8) -> Option<Vec<u8>> {
        let length = self.rest().iter().position(|b| *b == end)?;
        let found = self.rest()[..length].to_vec();
        self.at += length + 1;
        Some(found)
    }

    /// The number of the group with a name.
    pub(super) fn named(&self, name: &[u8]) -> Option<u32> {
        self.names.iter().find(|(own, _)| own == name).map(|(_, number)| *number)
    }

    /// The number of groups that began before.
    pub(super) fn groups(&self) -> u32 {
        self.groups
    }

    /// Alternatives, up to the parenthesis that closes them.
    fn either(&mut self, mut flags: Flags) -> Option<Node> {
        let mut ways = Vec::new();
        loop {
            // `(?i)` holds for the alternatives after it too.
            ways.push(self.row(&mut flags)?);
            if !self.take(b"|") {
                break;
            }
        }
        Some(if ways.len() == 1 { ways.remove(0) } else { Node::Either(ways) })
    }

    fn row(&mut self, flags: &mut Flags) -> Option<Node> {
        let mut parts = Vec::new();
        loop {
            if flags.spaced {
                self.skip_space();
            }
            let Some(next) = self.peek().filter(|b| !matches!(b, b'|' | b')')) else { break };
            let part = match next {
                b'*' | b'+' | b'?' => return None,
                b'(' => self.group(flags)?,
                _ => self.single(*flags)?,
            };
            if flags.spaced {
                self.skip_space();
            }
            parts.push(self.repeated(part)?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Node::Row(parts) })
    }

    fn skip_space(&mut self) {
        while let Some(next) = self.peek() {
            match next {
                b' ' | b'\t'..=b'\r' => self.at += 1,
                b'#' => {
                    let rest = self.rest();
                    self.at += rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |n| n + 1);
                }
                _ => break,
            }
        }
    }

    /// An item that does not begin with a parenthesis.
    fn single(&mut self, flags: Flags) -> Option<Node> {
        let next = self.peek()?;
        self.at += 1;
        let byte = |set: Bytes| Node::Byte(if flags.caseless { set.folded() } else { set });
        Some(match next {
            b'.' if flags.dot_all => Node::Byte(Bytes::ALL),
            b'.' => Node::Byte(Bytes::ALL.without(b"\n")),
            // With `(?m)` an anchor holds at each line, so anywhere.
            b'^' | b'$' if flags.lines => Node::Empty,
            b'^' => Node::Start,
            b'$' => Node::End,
            b'[' => byte(escape::class(self)?),
            b'\\' if self.take(b"Q") => {
                let length = memchr::memmem::find(self.rest(), b"\\E");
                let text = self.rest()[..length.unwrap_or(self.rest().len())].to_vec();
                self.at += text.len() + length.map_or(0, |_| 2);
                Node::Row(text.iter().map(|b| byte(Bytes::of(&[*b]))).collect())
            }
            b'\\' => match escape::escape(self)? {
                Node::Byte(set) => byte(set),
                other => other,
            },
            literal => byte(Bytes::of(&[literal])),
        })
    }

    /// The quantifier behind an item: `*`, `+?`, `{2,5}+`.
    fn repeated(&mut self, mut part: Node) -> Option<Node> {
        loop {
            let sign = match self.peek() {
                Some(b'*') => Some((0, None)),
                Some(b'+') => Some((1, None)),
                Some(b'?') => Some((0, Some(1))),
                _ => None,
            };
            let (least, most) = match (sign, self.peek()) {
                (Some(bounds), _) => {
                    self.at += 1;
                    bounds
                }
                (None, Some(b'{')) => match self.bounds() {
                    Some(bounds) => bounds,
                    // A literal brace.
                    None => return Some(part),
                },
                _ => return Some(part),
            };
            // Lazy and possessive quantifiers are taken as greedy: PCRE2 judges the witness.
            if self.peek().is_some_and(|b| matches!(b, b'+' | b'?')) {
                self.at += 1;
            }
            part = Node::Repeat { body: Box::new(part), least, most };
        }
    }

    /// `{2}`, `{2,}`, `{2,5}`; anything else is text.
    fn bounds(&mut self) -> Option<(u32, Option<u32>)> {
        let end = self.rest().iter().position(|b| *b == b'}')?;
        let inside = std::str::from_utf8(&self.rest()[1..end]).ok()?;
        let number = |text: &str| {
            if text.bytes().all(|b| b.is_ascii_digit()) { text.parse::<u32>().ok() } else { None }
        };
        let bounds = match inside.split_once(',') {
            None => (number(inside)?, Some(number(inside)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        self.at += end + 1;
        Some(bounds)
    }

    fn group(&mut self, flags: &mut Flags) -> Option<Node> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut inner = *flags;
        let mut kind: fn(Node) -> Node = |node| node;
        let mut number = None;
        if self.take(b"?") {
            let look: fn(Node) -> Node = |node| Node::Look(Box::new(node));
            let next = self.peek()?;
            self.at += 1;
            match next {
                b'#' => {
                    self.until(b')')?;
                    self.depth -= 1;
                    return Some(Node::Empty);
                }
                b':' | b'>' | b'|' => {}
                b'=' | b'!' | b'*' => kind = look,
                b'<' if self.take(b"=") || self.take(b"!") || self.take(b"*") => kind = look,
                b'<' => number = Some(self.name(b'>')?),
                b'\'' => number = Some(self.name(b'\'')?),
                b'P' if self.take(b"<") => number = Some(self.name(b'>')?),
                b'P' if self.take(b"=") => {
                    let name = self.until(b')')?;
                    self.depth -= 1;
                    return Some(Node::Again(self.named(&name)?));
                }
                _ => {
                    self.at -= 1;
                    self.flags(&mut inner)?;
                    if self.take(b")") {
                        self.depth -= 1;
                        *flags = inner;
                        return Some(Node::Empty);
                    }
                    if !self.take(b":") {
                        return None;
                    }
                }
            }
        } else if self.peek() == Some(b'*') {
            return None;
        } else if !flags.unnumbered {
            self.groups += 1;
            number = Some(self.groups);
        }
        let inside = kind(self.either(inner)?);
        self.depth -= 1;
        if !self.take(b")") {
            return None;
        }
        Some(match number {
            Some(number) => Node::Group(number, Box::new(inside)),
            None => inside,
        })
    }

    /// Name at the start of a group.
    fn name(&mut self, end: u8) -> Option<u32> {
        let name = self.until(end)?;
        self.groups += 1;
        self.names.push((name, self.groups));
        Some(self.groups)
    }

    /// The letters of `(?i-x)`.
    fn flags(&mut self, flags: &mut Flags) -> Option<()> {
        let mut on = true;
        while let Some(next) = self.peek() {
            match next {
                b'-' => on = false,
                b'^' => {
                    *flags = Flags {
                        caseless: false,
                        dot_all: false,
                        lines: false,
                        spaced: false,
                        unnumbered: false,
                    }
                }
                b'i' => flags.caseless = on,
                b's' => flags.dot_all = on,
                b'm' => flags.lines = on,
                b'x' => flags.spaced = on,
                b'n' => flags.unnumbered = on,
                b'U' | b'J' => {}
                b')' | b':' => return Some(()),
                _ => return None,
            }
            self.at += 1;
        }
        None
    }
}
