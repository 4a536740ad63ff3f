//! Tree to text, and to an outline for tests and debugging.

use std::fmt;

use super::ast::{Block, Item};
use super::lexeme::is_space;
use super::tree::{DirectiveData, ItemData, NOWHERE, Terminator, Tree};
use super::word::ShownText;

/// Text of the file, put together from the parts of the tree: words, terminators, braces, comments and skipped text.
/// Only white space is copied from the source between them, so a part that the tree lost is missing here.
pub fn print(tree: &Tree) -> Vec<u8> {
    let mut printer = Printer { tree, out: Vec::with_capacity(tree.text.len()), at: 0 };
    let mut open: Vec<&DirectiveData> = Vec::new();
    let mut index = 0;
    while index < tree.items.len() {
        while let Some(block) = open.pop_if(|block| block.next as usize <= index) {
            printer.close(block);
        }
        index = match &tree.items[index] {
            ItemData::Directive(data) => {
                let children = printer.head(index, data);
                if data.terminator == Terminator::Block {
                    open.push(data);
                }
                children as usize
            }
            ItemData::Comment { start, end } | ItemData::Skipped { start, end } => {
                printer.piece(*start as usize, *end as usize);
                index + 1
            }
        };
    }
    while let Some(block) = open.pop() {
        printer.close(block);
    }
    printer.space(tree.text.len());
    printer.out
}

struct Printer<'t> {
    tree: &'t Tree,
    out: Vec<u8>,
    /// Offset up to which the text is printed.
    at: usize,
}

impl Printer<'_> {
    /// Prints white space up to `to`.
    fn space(&mut self, to: usize) {
        let gap = self.tree.text.get(self.at..to).unwrap_or_default();
        self.out.extend(gap.iter().filter(|&&b| is_space(b)));
    }

    fn piece(&mut self, start: usize, end: usize) {
        self.space(start);
        self.out.extend_from_slice(&self.tree.text[start..end]);
        self.at = end;
    }

    fn token(&mut self, token: u8, at: u32) {
        self.space(at as usize);
        self.out.push(token);
        self.at = at as usize + 1;
    }

    /// Prints words, the comments between them, and the terminator; returns the position of the next item.
    fn head(&mut self, index: usize, data: &DirectiveData) -> u32 {
        let children = self.tree.first_child(index as u32, data);
        let mut comments =
            self.tree.items[index + 1..children as usize].iter().filter_map(|item| match item {
                ItemData::Comment { start, end } => Some((*start as usize, *end as usize)),
                ItemData::Directive(_) | ItemData::Skipped { .. } => None,
            });
        let mut comment = comments.next();
        for word in &self.tree.words[data.first_word as usize..data.end_word as usize] {
            let word = word.range();
            while let Some((start, end)) = comment.filter(|c| c.0 < word.start) {
                self.piece(start, end);
                comment = comments.next();
            }
            self.piece(word.start, word.end);
        }
        while let Some((start, end)) = comment {
            self.piece(start, end);
            comment = comments.next();
        }
        match data.terminator {
            Terminator::Semicolon => self.token(b';', data.at),
            Terminator::Block => self.token(b'{', data.at),
            Terminator::Missing => {}
        }
        children
    }

    fn close(&mut self, block: &DirectiveData) {
        if block.lua {
            let end = if block.close == NOWHERE { self.tree.text.len() } else { block.close as usize };
            self.piece(self.at, end);
        }
        if block.close != NOWHERE {
            self.token(b'}', block.close);
        }
    }
}

impl fmt::Debug for Tree {
    /// One line per item, indented by its nesting: byte range, words as written, terminator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        outline(f, self.root(), 0)
    }
}

// Recursion is bounded: the parser nests blocks no deeper than `MAX_DEPTH`.
fn outline(f: &mut fmt::Formatter<'_>, block: Block<'_>, depth: usize) -> fmt::Result {
    for item in block.items() {
        let indent = depth * 2;
        match item {
            Item::Comment(comment) => {
                let span = comment.span();
                writeln!(f, "{:indent$}{:?} comment {}", "", span.range(), ShownText(comment.raw()))?;
            }
            Item::Skipped(span) => writeln!(f, "{:indent$}{:?} skipped", "", span.range())?,
            Item::Directive(directive) => {
                write!(f, "{:indent$}{:?}", "", directive.span().range())?;
                for word in directive.words() {
                    write!(f, " {word:?}")?;
                }
                for comment in directive.comments() {
                    write!(f, " ({})", ShownText(comment.raw()))?;
                }
                match (directive.terminator(), directive.lua()) {
                    (_, Some(lua)) => writeln!(f, " lua {{{}}}", ShownText(lua))?,
                    (Terminator::Semicolon, _) => writeln!(f, " ;")?,
                    (Terminator::Missing, _) => writeln!(f, " (no terminator)")?,
                    (Terminator::Block, _) => writeln!(f, " {{")?,
                }
                if let Some(block) = directive.block() {
                    outline(f, block, depth + 1)?;
                    if block.close().is_none() {
                        writeln!(f, "{:indent$}(not closed)", "")?;
                    }
                }
            }
        }
    }
    Ok(())
}
