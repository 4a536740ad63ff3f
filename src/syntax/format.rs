//! Canonical layout of a tree: the same words, terminators and comments, other white space.
//!
//! One directive per line, four spaces per level, `{` on the line of its directive, at most one blank line. A line
//! break between two arguments is kept, so that long lists remain readable; the following lines of a directive are
//! indented by four more spaces.

use super::ast::{Block, Comment, Directive, Item};
use super::tree::Tree;
use crate::source::Span;

const INDENT: &[u8] = b"    ";

/// Formats a tree without syntax errors; text that could not be parsed would be lost.
pub fn format(tree: &Tree) -> Vec<u8> {
    let text = tree.text();
    // In formatted text the last line break is between words; the first may be inside a word.
    let crlf = memchr::memrchr(b'\n', text).is_some_and(|end| end > 0 && text[end - 1] == b'\r');
    let line_end: &[u8] = if crlf { b"\r\n" } else { b"\n" };
    let mut formatter = Formatter { text, line_end, out: Vec::with_capacity(text.len()), at: 0 };
    formatter.block(tree.root(), 0);
    if !formatter.out.is_empty() {
        formatter.out.extend_from_slice(line_end);
    }
    formatter.out
}

struct Formatter<'t> {
    text: &'t [u8],
    line_end: &'static [u8],
    out: Vec<u8>,
    /// End of the last written text, in the source.
    at: usize,
}

impl<'t> Formatter<'t> {
    // Recursion is bounded: the parser nests blocks no deeper than `MAX_DEPTH`.
    fn block(&mut self, block: Block<'t>, depth: usize) {
        let mut first = true;
        for item in block.items() {
            let span = match item {
                Item::Directive(directive) => directive.head(),
                Item::Comment(comment) => comment.span(),
                Item::Skipped(_) => continue,
            };
            let breaks = self.line_breaks(span);
            let begins_file = first && block.owner().is_none();
            if let (Item::Comment(comment), 0, false) = (item, breaks, begins_file) {
                self.out.push(b' ');
                self.comment(comment);
            } else {
                if !begins_file {
                    self.new_line(depth, breaks > 1 && !first);
                }
                match item {
                    Item::Directive(directive) => self.directive(directive, depth),
                    Item::Comment(comment) => self.comment(comment),
                    Item::Skipped(_) => {}
                }
            }
            first = false;
        }
    }

    fn directive(&mut self, directive: Directive<'t>, depth: usize) {
        let mut comments = directive.comments().peekable();
        let mut begun = false;
        let mut after_comment = false;
        for word in directive.words() {
            let span = word.span();
            while let Some(comment) = comments.next_if(|c| c.span().start < span.start) {
                self.inner_comment(comment, depth);
                after_comment = true;
            }
            if after_comment || (begun && self.line_breaks(span) > 0) {
                self.new_line(depth + 1, false);
            } else if begun && self.at < span.start as usize {
                self.out.push(b' ');
            }
            self.out.extend_from_slice(word.raw());
            self.at = span.end as usize;
            (begun, after_comment) = (true, false);
        }
        for comment in comments {
            self.inner_comment(comment, depth);
            after_comment = true;
        }
        if after_comment {
            self.new_line(depth, false);
        } else if directive.block().is_some() {
            self.out.push(b' ');
        }
        let terminator = directive.terminator_span();
        self.out.extend_from_slice(&self.text[terminator.range()]);
        self.at = terminator.end as usize;
        if let Some(block) = directive.block() {
            self.braces(directive, block, depth);
        }
    }

    fn braces(&mut self, directive: Directive<'t>, block: Block<'t>, depth: usize) {
        if let Some(lua) = directive.lua() {
            self.out.extend_from_slice(lua);
        } else if block.items().next().is_some() {
            self.block(block, depth + 1);
            self.new_line(depth, false);
        }
        if let Some(close) = block.close() {
            self.out.push(b'}');
            self.at = close.end as usize;
        }
    }

    /// Writes a comment between words; the next word begins a line.
    fn inner_comment(&mut self, comment: Comment<'t>, depth: usize) {
        if self.line_breaks(comment.span()) == 0 {
            self.out.push(b' ');
        } else {
            self.new_line(depth + 1, false);
        }
        self.comment(comment);
    }

    fn comment(&mut self, comment: Comment<'t>) {
        self.out.extend_from_slice(comment.raw().trim_ascii_end());
        self.at = comment.span().end as usize;
    }

    /// Line breaks between the last written text and `next`.
    fn line_breaks(&self, next: Span) -> usize {
        let gap = self.text.get(self.at..next.start as usize).unwrap_or_default();
        memchr::memchr_iter(b'\n', gap).count()
    }

    fn new_line(&mut self, depth: usize, blank: bool) {
        if blank {
            self.out.extend_from_slice(self.line_end);
        }
        self.out.extend_from_slice(self.line_end);
        for _ in 0..depth {
            self.out.extend_from_slice(INDENT);
        }
    }
}
