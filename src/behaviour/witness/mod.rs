//! Witnesses: for all texts that a configuration distinguishes, one text of each kind.
//!
//! A configuration asks questions of a text, such as the path of a URI: is it this one, does it begin with this, does this
//! expression match? Texts with the same answers are treated alike. The search follows the automata of all questions at
//! once, shortest texts first, and keeps the first text for each set of answers.

mod pattern;
pub mod place;
mod trie;

use std::collections::{HashSet, VecDeque};

pub use pattern::Pattern;
use trie::Trie;

/// Texts of a part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Normalised path of a URI.
    Path,
    /// Name of a host, in lower case.
    Host,
    /// Value of a header or argument.
    Value,
}

/// Questions that a configuration asks of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// Literals: is it this text, and does it begin with this text?
    pub literals: Vec<Vec<u8>>,
    /// Expressions, and true for each that ignores case.
    pub patterns: Vec<(String, bool)>,
}

/// One text for each set of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witnesses {
    /// The texts, shortest first.
    pub texts: Vec<Vec<u8>>,
    /// Expressions that no automaton decides: they look around or refer back.
    pub undecided: Vec<String>,
    /// False if the search ended at its bounds.
    pub is_complete: bool,
}

/// Most states that a search visits.
const MAX_STATES: usize = 40_000;
/// Most texts that a search returns.
const MAX_TEXTS: usize = 4_000;
/// Longest text beyond the longest literal, in bytes.
const MAX_MORE: usize = 64;

/// State of the search: where each automaton is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// Place among the literals.
    trie: trie::Place,
    /// Bytes that a path may go on with.
    path: PathState,
    /// State of each expression; `None`: it matches whatever follows.
    patterns: Vec<Option<pattern::State>>,
}

/// Segments `.` and `..`, and adjacent slashes, are not in a normalised path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum PathState {
    Usual,
    Slash,
    Dot,
    DotDot,
}

/// Answers to all questions.
type Answers = (Option<usize>, Option<usize>, Vec<bool>);

impl Questions {
    /// Adds the questions of another set.
    pub fn extend(&mut self, other: Questions) {
        self.literals.extend(other.literals);
        self.patterns.extend(other.patterns);
    }

    /// One text of the kind for each set of answers.
    pub fn witnesses(&self, kind: Kind) -> Witnesses {
        let mut found = Witnesses { is_complete: true, ..Witnesses::default() };
        let mut patterns = Vec::new();
        let mut seen = HashSet::new();
        for (text, caseless) in self.patterns.iter().filter(|pattern| seen.insert((*pattern).clone())) {
            match Pattern::new(text, *caseless) {
                Some(pattern) => patterns.push(pattern),
                None => found.undecided.push(text.clone()),
            }
        }
        let mut literals: Vec<&[u8]> = self.literals.iter().map(Vec::as_slice).collect();
        literals.sort_unstable();
        literals.dedup();
        let trie = Trie::new(&literals);
        let longest = literals.iter().map(|literal| literal.len()).max().unwrap_or(0) + MAX_MORE;
        let search = Search { trie, patterns, kind, longest, alphabet: alphabet(kind, &literals) };
        search.run(&mut found);
        found
    }
}

/// Bytes that texts are made of, in order of preference.
fn alphabet(kind: Kind, literals: &[&[u8]]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (b'a'..=b'z').collect();
    bytes.extend(b'0'..=b'9');
    match kind {
        Kind::Host => bytes.extend(b".-_"),
        Kind::Path => {
            bytes.extend(b"/.-_");
            bytes.extend(b'A'..=b'Z');
            bytes.extend((0x21..=0x7e).filter(|b: &u8| !b.is_ascii_alphanumeric() && !b"/.-_".contains(b)));
            bytes.extend([b' ', 0xc3]);
        }
        Kind::Value => {
            bytes.extend(b'A'..=b'Z');
            bytes.extend((0x20..=0x7e).filter(|b: &u8| !b.is_ascii_alphanumeric()));
        }
    }
    for byte in literals.iter().flat_map(|literal| literal.iter()) {
        if *byte > 0x20 && !bytes.contains(byte) && !(kind == Kind::Host && byte.is_ascii_uppercase()) {
            bytes.push(*byte);
        }
    }
    bytes
}

struct Search<'l> {
    trie: Trie<'l>,
    patterns: Vec<Pattern>,
    kind: Kind,
    longest: usize,
    alphabet: Vec<u8>,
}

impl Search<'_> {
    fn run(&self, found: &mut Witnesses) {
        let mut start = State {
            trie: self.trie.start(),
            path: PathState::Usual,
            patterns: self.patterns.iter().map(Pattern::start).collect(),
        };
        let mut text = Vec::new();
        if self.kind == Kind::Path {
            let Some(next) = self.step(&start, b'/') else { return };
            start = next;
            text.push(b'/');
        }
        let mut answers: HashSet<Answers> = HashSet::new();
        // States with the state before and the byte between, to tell the text.
        let mut known: Vec<(State, usize, u8, usize)> = vec![(start.clone(), 0, 0, text.len())];
        let mut seen: HashSet<State> = HashSet::from([start]);
        let mut open = VecDeque::from([0]);
        while let Some(at) = open.pop_front() {
            let (state, _, _, length) = known[at].clone();
            let is_end = !matches!(state.path, PathState::Dot | PathState::DotDot);
            if is_end && answers.insert(self.answers(&state)) {
                found.texts.push(spell(&known, at, &text));
                if found.texts.len() >= MAX_TEXTS {
                    found.is_complete = false;
                    return;
                }
            }
            if length >= self.longest {
                found.is_complete = false;
                continue;
            }
            for byte in self.bytes(&state) {
                let Some(next) = self.step(&state, byte) else { continue };
                if seen.insert(next.clone()) {
                    if known.len() >= MAX_STATES {
                        found.is_complete = false;
                        return;
                    }
                    open.push_back(known.len());
                    known.push((next, at, byte, length + 1));
                }
            }
        }
    }

    /// One byte for each class of bytes that no automaton distinguishes here.
    fn bytes(&self, state: &State) -> Vec<u8> {
        let mut classes = HashSet::new();
        let is_special = |byte: u8| self.kind == Kind::Path && matches!(byte, b'/' | b'.');
        let mut is_new = |byte: u8| {
            let class: Vec<u8> = self.patterns.iter().map(|pattern| pattern.class(byte)).collect();
            let special = is_special(byte).then_some(byte);
            classes.insert((self.trie.step(state.trie, byte), special, class))
        };
        self.alphabet.iter().copied().filter(|byte| is_new(*byte)).collect()
    }

    fn step(&self, state: &State, byte: u8) -> Option<State> {
        let path = match (self.kind, state.path, byte) {
            (Kind::Path, PathState::Slash | PathState::Dot | PathState::DotDot, b'/') => return None,
            (Kind::Path, _, b'/') => PathState::Slash,
            (Kind::Path, PathState::Slash, b'.') => PathState::Dot,
            (Kind::Path, PathState::Dot, b'.') => PathState::DotDot,
            _ => PathState::Usual,
        };
        let patterns = self.patterns.iter().zip(&state.patterns);
        let patterns = patterns.map(|(pattern, state)| state.and_then(|state| pattern.step(state, byte)));
        Some(State { trie: self.trie.step(state.trie, byte), path, patterns: patterns.collect() })
    }

    fn answers(&self, state: &State) -> Answers {
        let patterns = self.patterns.iter().zip(&state.patterns);
        let matched = patterns.map(|(pattern, state)| state.is_none_or(|state| pattern.ends(state)));
        (self.trie.exact(state.trie), Trie::longest(state.trie), matched.collect())
    }
}

/// The text that led to a state.
fn spell(known: &[(State, usize, u8, usize)], mut at: usize, start: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    while at != 0 {
        let (_, before, byte, _) = &known[at];
        text.push(*byte);
        at = *before;
    }
    text.extend(start.iter().rev());
    text.reverse();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(kind: Kind, literals: &[&str], patterns: &[(&str, bool)]) -> (Vec<String>, Witnesses) {
        let questions = Questions {
            literals: literals.iter().map(|l| l.as_bytes().to_vec()).collect(),
            patterns: patterns.iter().map(|(p, c)| ((*p).to_owned(), *c)).collect(),
        };
        let found = questions.witnesses(kind);
        (found.texts.iter().map(|t| String::from_utf8_lossy(t).into_owned()).collect(), found)
    }

    #[test]
    fn one_text_for_each_set_of_answers() {
        let (found, all) = texts(Kind::Path, &["/", "/a/", "/a/b"], &[(r"\.php$", false)]);
        assert!(all.is_complete && all.undecided.is_empty(), "{all:?}");
        for expected in ["/", "/a/", "/a/b", "/.php", "/a/.php", "/a/b.php", "/b"] {
            let has = found.iter().any(|text| text == expected);
            assert!(has || !["/", "/a/", "/a/b"].contains(&expected), "{expected}: {found:?}");
        }
        // Below each of the three prefixes: itself, more, and both kinds of ends.
        assert_eq!(found.iter().filter(|text| text.strip_suffix(".php").is_some()).count(), 3, "{found:?}");
    }

    #[test]
    fn widened_expressions_differ_in_a_text() {
        let narrow = regex(r"^/img/[a-z]+\.png$");
        let wide = regex(r"^/img/[a-z0-9]+\.png$");
        let (found, _) =
            texts(Kind::Path, &["/"], &[(r"^/img/[a-z]+\.png$", false), (r"^/img/[a-z0-9]+\.png$", false)]);
        assert!(found.iter().any(|text| wide.ends_after(text) && !narrow.ends_after(text)), "{found:?}");
    }

    fn regex(text: &str) -> Matcher {
        Matcher(Pattern::new(text, false).unwrap())
    }

    struct Matcher(Pattern);

    impl Matcher {
        fn ends_after(&self, text: &str) -> bool {
            let mut state = self.0.start();
            for byte in text.bytes() {
                state = state.and_then(|state| self.0.step(state, byte));
            }
            state.is_none_or(|state| self.0.ends(state))
        }
    }

    #[test]
    fn what_looks_around_is_undecided() {
        let (_, all) = texts(Kind::Path, &["/"], &[(r"^/(?!api)", false)]);
        assert_eq!(all.undecided, [r"^/(?!api)"]);
    }

    #[test]
    fn hosts_have_no_upper_case() {
        let (found, _) = texts(Kind::Host, &["www.example.com"], &[(r"^(?<name>.+)\.example\.org$", true)]);
        assert!(found.iter().any(|text| text.ends_with(".example.org")), "{found:?}");
        assert!(found.contains(&"www.example.com".to_owned()), "{found:?}");
    }
}
