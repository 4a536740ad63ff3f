//! The instructions of the rewrite module, and the order in which nginx has executed them when it comes to a place.

use std::collections::HashMap;
use std::rc::Rc;

use super::levels::Level;
use super::sources;
use crate::catalog::Context;
use crate::syntax::{Directive, DirectiveId};

/// The most instructions that are looked at on the way back from a place.
const FARTHEST: usize = 256;

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Set,
    If,
    Rewrite,
    Return,
    Break,
}

/// An instruction of a block.
#[derive(Clone, Copy)]
pub(crate) struct Code<'a> {
    pub(crate) kind: Kind,
    pub(crate) directive: Directive<'a>,
    /// The block of an `if`, as its position among the levels.
    pub(super) inner: Option<u32>,
}

/// The instructions of a block in the order of the file, without the block.
#[derive(Default)]
pub(super) struct Index {
    list: Vec<(Kind, u32, Option<u32>)>,
    /// Positions by directive; empty for a short list, which is searched.
    positions: HashMap<DirectiveId, usize>,
}

/// The longest list of instructions that is searched.
const SHORT: usize = 8;

impl Index {
    /// `inner`: the blocks in it, with their positions.
    pub(super) fn new(directives: &[Directive<'_>], inner: impl Iterator<Item = (DirectiveId, u32)>) -> Self {
        let kind = |d: &Directive<'_>| match d.name().content() {
            b"set" => Some(Kind::Set),
            b"if" => Some(Kind::If),
            b"rewrite" => Some(Kind::Rewrite),
            b"return" => Some(Kind::Return),
            b"break" => Some(Kind::Break),
            _ => None,
        };
        let mut index = Self::default();
        for (at, directive) in directives.iter().enumerate() {
            let Some(kind) = kind(directive) else { continue };
            index.list.push((kind, at as u32, None));
        }
        index.list.shrink_to_fit();
        if index.list.len() > SHORT {
            for (position, (_, at, _)) in index.list.iter().enumerate() {
                index.positions.entry(directives[*at as usize].id()).or_insert(position);
            }
        }
        if index.list.iter().any(|(kind, ..)| *kind == Kind::If) {
            for (id, block) in inner {
                if let Some(at) = index.position(directives, id) {
                    index.list[at].2 = Some(block);
                }
            }
        }
        index
    }

    /// True if the block has no instructions.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn position(&self, directives: &[Directive<'_>], id: DirectiveId) -> Option<usize> {
        if self.positions.is_empty() {
            return self.list.iter().position(|(_, at, _)| directives[*at as usize].id() == id);
        }
        self.positions.get(&id).copied()
    }
}

/// The instructions of a block in the order of the file.
pub(crate) struct Codes<'a> {
    pub(super) level: Level<'a>,
    pub(super) index: Rc<Index>,
}

impl<'a> Codes<'a> {
    /// The position of a directive.
    pub(crate) fn position(&self, directive: Directive<'_>) -> Option<usize> {
        self.index.position(self.level.directives(), directive.id())
    }

    /// The number of them.
    pub(crate) fn len(&self) -> usize {
        self.index.list.len()
    }

    /// The one at a position.
    pub(crate) fn get(&self, position: usize) -> Option<Code<'a>> {
        let (kind, at, inner) = *self.index.list.get(position)?;
        let directive = *self.level.directives().get(at as usize)?;
        Some(Code { kind, directive, inner })
    }

    /// All instructions, each with its moment.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Point<'a>, Code<'a>)> + '_ {
        let level = self.level;
        (0..self.len()).filter_map(move |at| Some((Point { level, before: Some(at) }, self.get(at)?)))
    }
}

/// The way in which the instructions of a block leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The instructions behind the block follow.
    Falls,
    /// `break`: no other instruction of the location follows.
    Breaks,
    /// The request is answered, or goes to another location.
    Leaves,
}

/// The way in which everything that enters a block leaves it.
pub(crate) fn exit(level: Level<'_>) -> Exit {
    let codes = level.codes();
    let of_code = |code: Code<'_>| match code.kind {
        Kind::Return => Some(Exit::Leaves),
        Kind::Break => Some(Exit::Breaks),
        Kind::Rewrite if sources::matches_always(level, code.directive) => match flag(code.directive) {
            Flag::None => None,
            Flag::Break => Some(Exit::Breaks),
            Flag::Last | Flag::Redirect => Some(Exit::Leaves),
        },
        _ => None,
    };
    codes.iter().find_map(|(_, code)| of_code(code)).unwrap_or(Exit::Falls)
}

/// The continuation of a `rewrite` that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    None,
    Break,
    Last,
    /// A redirect, by its flag or because the new URI is a URL.
    Redirect,
}

/// The flag of a `rewrite`.
pub(crate) fn flag(rewrite: Directive<'_>) -> Flag {
    let url = |to: &[u8]| [&b"http://"[..], b"https://", b"$scheme"].iter().any(|p| to.starts_with(p));
    if rewrite.arg(1).is_some_and(|to| url(&to.value())) {
        return Flag::Redirect;
    }
    match rewrite.arg(2).map(crate::syntax::Word::value).as_deref() {
        Some(b"break") => Flag::Break,
        Some(b"last") => Flag::Last,
        Some(b"redirect" | b"permanent") => Flag::Redirect,
        _ => Flag::None,
    }
}

/// A moment: before an instruction of a block, or after all that are executed for it.
#[derive(Clone, Copy)]
pub(crate) struct Point<'a> {
    pub(crate) level: Level<'a>,
    pub(crate) before: Option<usize>,
}

impl<'a> Point<'a> {
    /// After all instructions: when a request is passed on, a file chosen, a header added.
    pub(crate) fn last(level: Level<'a>) -> Self {
        Self { level, before: None }
    }

    /// The moment when nginx comes to a directive.
    pub(crate) fn of(level: Level<'a>, directive: Directive<'a>) -> Self {
        Self { level, before: level.codes().position(directive) }
    }

    /// The block of the `if` that comes next.
    pub(crate) fn inside(self) -> Option<Level<'a>> {
        self.level.inside(self.level.codes().get(self.before?)?)
    }

    /// True if the moment is after all instructions.
    pub(crate) fn is_last(self) -> bool {
        self.before.is_none()
    }
}

/// A step before a moment.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    /// An instruction of a block, and where it stands; an `if` is one whose block may have been executed.
    Code(Point<'a>, Code<'a>),
    /// The block of an `if` was entered.
    Entered(Level<'a>, Directive<'a>),
    /// A location was chosen.
    Location(Level<'a>, Directive<'a>),
    /// A server was chosen.
    Server(Level<'a>),
}

/// Goes back from a moment, the latest step first, as long as `see` says to go on; whether it came to the server.
pub(crate) fn back<'a>(point: Point<'a>, see: &mut dyn FnMut(Step<'a>) -> bool) -> bool {
    let mut left = FARTHEST;
    let mut codes = |level: Level<'a>, from: usize, to: usize, see: &mut dyn FnMut(Step<'a>) -> bool| {
        let codes = level.codes();
        (from..to.min(codes.len())).rev().filter_map(|at| Some((at, codes.get(at)?))).all(|(at, code)| {
            left = left.saturating_sub(1);
            left > 0 && see(Step::Code(Point { level, before: Some(at) }, code))
        })
    };
    let mut level = point.level;
    let mut before = point.before.unwrap_or(usize::MAX);
    let mut in_location = false;
    loop {
        match level.context() {
            Context::IfInLocation | Context::IfInServer => {
                let (Some(head), Some(outer)) = (level.head(), level.outer()) else { return false };
                let own = outer.codes().position(head).unwrap_or(0);
                if before == usize::MAX
                    && exit(level) == Exit::Falls
                    && !codes(outer, own + 1, usize::MAX, see)
                {
                    return false;
                }
                if !codes(level, 0, before, see) || !see(Step::Entered(level, head)) {
                    return false;
                }
                before = own;
            }
            Context::Location => {
                let Some(head) = level.head() else { return false };
                // A location around this one has run none of its instructions.
                if !in_location && !codes(level, 0, before, see) || !see(Step::Location(level, head)) {
                    return false;
                }
                (before, in_location) = (usize::MAX, true);
            }
            Context::Server => return codes(level, 0, before, see) && see(Step::Server(level)),
            _ => {}
        }
        let Some(outer) = level.outer() else { return false };
        level = outer;
    }
}
