//! Places of unknown text: a directive, some or none may stand there, or a word, or a part of one.

use std::ops::Range;

use super::reading::blank;

/// An unknown text.
pub(super) struct Place {
    pub(super) range: Range<usize>,
    /// Number that stands for the text in a word.
    pub(super) number: usize,
}

/// The places as the parser sees them.
#[derive(Default)]
pub(super) struct FilledPlaces {
    /// The places, each with the `;` that belongs to it.
    pub(super) holes: Vec<Range<usize>>,
    /// Starts of the places that may hold directives.
    pub(super) directives: Vec<u32>,
}

/// Puts blanks in the place of unknown directives, and numbers in the place of unknown words. In YAML a text alone on its
/// line may be anything.
pub(super) fn fill(parsed: &mut [u8], places: &[Place], is_yaml: bool) -> FilledPlaces {
    let mut filled = FilledPlaces::default();
    let mut reader = Reader::default();
    let mut n = 0;
    while let Some(place) = places.get(n) {
        let range = place.range.clone();
        reader.go(parsed, range.start);
        let run = if reader.is_at_directive() { run(parsed, &places[n..]) } else { None };
        let alone = || (is_yaml && is_alone(parsed, &range)).then_some((1, range.end));
        let Some((count, end)) = run.or_else(alone) else {
            put_number(parsed, range.clone(), place.number);
            filled.holes.push(range);
            n += 1;
            continue;
        };
        for (i, one) in places[n..n + count].iter().enumerate() {
            let end = if i + 1 == count { end } else { one.range.end };
            blank(&mut parsed[one.range.start..end]);
            filled.holes.push(one.range.start..end);
            filled.directives.push(one.range.start as u32);
        }
        n += count;
    }
    filled
}

/// The number of places with nothing between them that stand for directives, and where their text ends: at the end of the
/// line or the block, or with a `;`.
fn run(text: &[u8], places: &[Place]) -> Option<(usize, usize)> {
    for (n, place) in places.iter().enumerate() {
        let end = place.range.end;
        let next = next(text, end);
        match text.get(next) {
            None | Some(b'\n' | b'#' | b'}') => return Some((n + 1, end)),
            Some(b';') => return Some((n + 1, next + 1)),
            Some(_) if places.get(n + 1).is_some_and(|place| place.range.start == next) => {}
            Some(_) => return None,
        }
    }
    None
}

/// True if nothing else stands on the line of a place.
fn is_alone(text: &[u8], range: &Range<usize>) -> bool {
    begins_line(text, range.start) && matches!(text.get(next(text, range.end)), None | Some(b'\n'))
}

/// True if only blanks stand before an offset on its line.
pub(super) fn begins_line(text: &[u8], at: usize) -> bool {
    let before = text[..at].iter().rev().find(|b| !matches!(b, b' ' | b'\t'));
    matches!(before, None | Some(b'\n'))
}

/// Replaces unknown text by a number of the same length; its line breaks stay.
fn put_number(parsed: &mut [u8], range: Range<usize>, number: usize) {
    let digits = number.to_string();
    let line = memchr::memchr(b'\n', &parsed[range.clone()]).unwrap_or(range.len());
    let (own, rest) = parsed[range].split_at_mut(line);
    let digits = &digits.as_bytes()[digits.len().saturating_sub(own.len())..];
    let zeros = own.len() - digits.len();
    own[..zeros].fill(b'0');
    own[zeros..].copy_from_slice(digits);
    blank(rest);
}

/// Offset of the next byte on the line that is no blank, or of the line break.
pub(super) fn next(text: &[u8], from: usize) -> usize {
    from + text[from..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count()
}

/// Reads a text forwards, as nginx's lexer does.
#[derive(Default)]
pub(super) struct Reader {
    at: usize,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// A directive may begin.
    #[default]
    Directive,
    /// Between the words of a directive.
    Words,
    Word,
    Quoted(u8),
    /// With what the next line is in.
    Comment {
        of_directive: bool,
    },
}

impl Reader {
    /// Reads on to an offset.
    pub(super) fn go(&mut self, text: &[u8], to: usize) {
        while self.at < to {
            let byte = text[self.at];
            let between = matches!(self.state, State::Directive | State::Words);
            self.state = match (self.state, byte) {
                (State::Comment { of_directive }, b'\n') => {
                    if of_directive {
                        State::Words
                    } else {
                        State::Directive
                    }
                }
                (State::Comment { .. }, _) => self.state,
                (State::Quoted(_) | State::Word, b'\\') => {
                    self.at += 1;
                    self.state
                }
                (State::Quoted(quote), _) => {
                    if byte == quote {
                        State::Word
                    } else {
                        self.state
                    }
                }
                (State::Word, b'{') if self.at > 0 && text[self.at - 1] == b'$' => State::Word,
                (_, b';' | b'{') => State::Directive,
                (_, b'}') if between => State::Directive,
                (State::Word, b' ' | b'\t' | b'\r' | b'\n') => State::Words,
                (_, b' ' | b'\t' | b'\r' | b'\n') => self.state,
                (_, b'#') if between => State::Comment { of_directive: self.state == State::Words },
                (_, b'"' | b'\'') if between => State::Quoted(byte),
                _ => State::Word,
            };
            self.at += 1;
        }
    }

    /// True if a directive may begin here.
    pub(super) fn is_at_directive(&self) -> bool {
        self.state == State::Directive
    }
}
