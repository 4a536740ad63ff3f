//! The condition of an `if`, and what is known of a variable once it held or did not.

use std::rc::Rc;

use super::levels::Level;
use super::pattern::Pattern;
use crate::source::Span;
use crate::syntax::Directive;

/// `if ($variable …)`
pub(crate) struct Condition {
    /// The variable in lower case, without `$`.
    pub(crate) variable: String,
    /// The question.
    pub(crate) test: Test,
    /// `!=`, `!~`, `!~*`
    pub(crate) negated: bool,
}

/// The question of an `if` to its variable.
pub(crate) enum Test {
    /// Not empty, and not `0`.
    True,
    /// Equal to a text.
    Equals(Vec<u8>),
    /// A pattern; `None` for one that is not understood.
    Matches(Option<Rc<Pattern>>),
}

/// Something that is known of a variable.
#[derive(Clone)]
pub(crate) struct Fact {
    pub(crate) kind: FactKind,
    /// The condition that says so.
    pub(crate) span: Span,
}

/// The kind of knowledge.
#[derive(Clone)]
pub(crate) enum FactKind {
    Equals(Vec<u8>),
    /// Not empty.
    Filled,
    Matches(Rc<Pattern>),
    /// Does not match.
    Avoids(Rc<Pattern>),
    /// The escaped form does not match.
    AvoidsEscaped(Rc<Pattern>),
    /// A pattern that is not understood has matched, or has not.
    Unread,
}

/// Takes an `if` apart; `None` for a test of a file and for what is not understood.
pub(crate) fn of(level: Level<'_>, head: Directive<'_>) -> Option<Condition> {
    let mut words: Vec<Vec<u8>> = head.args().map(|word| word.value().into_owned()).collect();
    let first = words.first_mut().filter(|first| first.starts_with(b"("))?;
    first.remove(0);
    let last = words.last_mut().filter(|last| last.ends_with(b")"))?;
    last.pop();
    // A quoted text can be empty; the parentheses alone are no words.
    if words.first().is_some_and(Vec::is_empty) {
        words.remove(0);
    }
    if words.len() != 3 && words.last().is_some_and(Vec::is_empty) {
        words.pop();
    }
    let variable = String::from_utf8_lossy(words.first()?.strip_prefix(b"$")?).to_ascii_lowercase();
    let variable = variable.trim_start_matches('{').trim_end_matches('}').to_owned();
    let (test, negated) = match words.as_slice() {
        [_] => (Test::True, false),
        [_, operator, text] => match operator.as_slice() {
            b"=" => (Test::Equals(text.clone()), false),
            b"!=" => (Test::Equals(text.clone()), true),
            b"~" | b"~*" | b"!~" | b"!~*" => {
                (Test::Matches(level.pattern(text, operator.ends_with(b"*"))), operator.starts_with(b"!"))
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(Condition { variable, test, negated })
}

impl Condition {
    /// The knowledge of the variable if the condition held, or did not.
    pub(crate) fn fact(&self, held: bool, span: Span) -> Option<Fact> {
        let kind = match (&self.test, held != self.negated) {
            (Test::True, true) => FactKind::Filled,
            (Test::Equals(text), false) if text.is_empty() => FactKind::Filled,
            (Test::Equals(text), true) if !text.contains(&b'$') => FactKind::Equals(text.clone()),
            (Test::Matches(Some(pattern)), true) => FactKind::Matches(pattern.clone()),
            (Test::Matches(Some(pattern)), false) => FactKind::Avoids(pattern.clone()),
            (Test::Matches(None), _) => FactKind::Unread,
            _ => return None,
        };
        Some(Fact { kind, span })
    }

    /// The pattern whose groups hold if the condition had that outcome.
    pub(crate) fn groups(&self, held: bool) -> Option<&Option<Rc<Pattern>>> {
        match &self.test {
            Test::Matches(pattern) if held != self.negated => Some(pattern),
            _ => None,
        }
    }
}
