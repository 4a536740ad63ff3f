//! Error recovery of the parser: report the error, keep the text, go on.

use memchr::memchr;

use super::error;
use super::lexeme::{BUFFER, is_space};
use super::parser::{Builder, Frame, Input, first_line};
use super::tree::{DirectiveData, ESCAPES, ItemData, QUOTED, Terminator, UNTERMINATED, WordData};
use crate::source::Span;

impl<'a> Builder<'a> {
    /// Reports a word that is too long: nginx fails if it needs another byte and the buffer is full of the bytes since
    /// the word's first (the one after the quote). nginx reads one byte past the word, and a second one if the first is
    /// white space.
    pub(super) fn report_too_long(&mut self, start: usize, end: usize, flags: u32) -> bool {
        let quoted = flags & QUOTED != 0;
        let full = start + usize::from(quoted) + BUFFER;
        let after_space = self.text.get(end).is_some_and(|&b| is_space(b));
        if end + usize::from(after_space) < full || self.text.len() <= full {
            return false;
        }
        let inside = (quoted && end > full).then(|| self.text[start]);
        let place = self.span(start, start + 1);
        let text = &self.text[start + usize::from(quoted)..end - usize::from(quoted)];
        self.errors.push(place, || error::too_long_word(text, inside, place));
        true
    }

    /// Ends the word with its line; a `;` or `{` at the end of the line keeps its meaning. `found` is the text after
    /// the quote that closes the word by accident, lines below.
    pub(super) fn unterminated_quote(&mut self, input: Input<'a>, found: Option<Input<'a>>) -> Input<'a> {
        let line = first_line(input).trim_ascii_end();
        let line = line.strip_suffix(b";").or(line.strip_suffix(b"{")).unwrap_or(line).trim_ascii_end();
        let (start, length) = (self.offset(input), line.len().max(1));
        let full = start + 1 + BUFFER;
        let closed_at = found.map_or(self.text.len(), |rest| self.offset(rest) - 1);
        let too_long = closed_at >= full && self.text.len() > full;
        let (place, end) = (self.span(start, start + length), self.end());
        let found = found.map(|rest| (rest[0], self.span_at(rest, 1)));
        self.errors.push(place, || error::unterminated_quote(input[0], place, too_long, found, end));
        self.words.push(WordData::new(start, start + length, QUOTED | UNTERMINATED | ESCAPES));
        &input[length..]
    }

    /// A `;` or `{` without a directive.
    pub(super) fn stray(&mut self, input: Input<'a>) -> Input<'a> {
        if input[0] == b'{'
            && let Some(frame) = self.open.last_mut()
        {
            frame.stray += 1;
        }
        self.unexpected(input)
    }

    pub(super) fn unexpected(&mut self, input: Input<'a>) -> Input<'a> {
        let at = self.span_at(input, 1);
        self.errors.push(at, || error::unexpected(input[0], at));
        self.skipped(input, &input[1..]);
        &input[1..]
    }

    pub(super) fn skipped(&mut self, from: Input<'_>, to: Input<'_>) {
        let (from, to) = (self.offset(from) as u32, self.offset(to) as u32);
        match self.items.last_mut() {
            Some(ItemData::Skipped { end, .. }) if *end == from => *end = to,
            _ => self.items.push(ItemData::Skipped { start: from, end: to }),
        }
    }

    /// nginx finds no directive of a name that starts with the byte order mark, after it has read all words.
    pub(super) fn check_byte_order_mark(&mut self) {
        if let (true, Some(ItemData::Directive(data))) =
            (self.text.starts_with(b"\xef\xbb\xbf"), self.items.first())
        {
            let (place, stop) = (self.span(0, 3), self.span(data.at as usize, data.at as usize));
            let name = &self.text[self.words[0].range()];
            self.errors.push(place, || error::byte_order_mark(name, place, stop));
        }
    }

    /// Stores a directive that ends with its last word; later comments belong to the block.
    pub(super) fn without_terminator(&mut self, index: usize, mut data: DirectiveData) -> DirectiveData {
        data.terminator = Terminator::Missing;
        data.at = self.words.last().map_or(0, |word| word.end()) as u32;
        while let Some(ItemData::Comment { start, .. }) = self.items.get(data.next as usize - 1)
            && *start >= data.at
        {
            data.next -= 1;
        }
        self.items[index] = ItemData::Directive(data);
        data
    }

    pub(super) fn report_missing_semicolon(&mut self, data: DirectiveData, input: Input<'a>) {
        let text = self.text;
        let first = self.words[data.first_word as usize].range().start;
        let last = self.words[data.end_word as usize - 1].range();
        if last.len() >= BUFFER {
            // The excessive length has been reported, and nginx stops there.
            return;
        }
        let at = data.at as usize;
        let place = self.span(at, at);
        let found = input.first().map(|_| self.span_at(input, 1));
        let end = self.end();
        self.errors
            .push(place, || error::missing_semicolon(&text[first..at], &text[last], place, found, end));
    }

    /// Reports the blocks that are open at the end of the file as one error, at the innermost.
    pub(super) fn report_unclosed(&mut self) {
        let next = self.items.len() as u32;
        let mut blocks = Vec::new();
        while let Some(Frame { directive, .. }) = self.open.pop() {
            if let Some(ItemData::Directive(data)) = self.items.get_mut(directive as usize) {
                data.next = next;
                blocks.push((directive, *data));
            }
        }
        let Some(&(innermost, data)) = blocks.first() else { return };
        if self.end_is_reported {
            return;
        }
        let brace = |at: u32| self.span(at as usize, at as usize + 1);
        let name = &self.text[self.words[data.first_word as usize].range()];
        let around: Vec<Span> = blocks[1..].iter().map(|(_, data)| brace(data.at)).collect();
        let glued = self.glued_brace(innermost);
        let (at, end) = (brace(data.at), self.end());
        self.errors.push(at, || error::unclosed_block(name, at, &around, glued, end));
    }

    /// Brace in the block that does not mean what it seems to: the `{` of `a{2}` opens a block, the `}` of `80}` is
    /// part of the word.
    fn glued_brace(&self, block: u32) -> Option<(u8, Span)> {
        let directives = self.items[block as usize + 1..].iter().filter_map(|item| match item {
            ItemData::Directive(data) => Some(data),
            ItemData::Comment { .. } | ItemData::Skipped { .. } => None,
        });
        directives.into_iter().find_map(|data| {
            let at = data.at as usize;
            let last = self.words[data.end_word as usize - 1].range();
            if data.terminator == Terminator::Block
                && last.end == at
                && self.text.get(at + 1).is_some_and(u8::is_ascii_digit)
            {
                return Some((b'{', self.span(at, at + 1)));
            }
            self.words[data.first_word as usize..data.end_word as usize]
                .iter()
                .map(|word| word.range())
                .find_map(|word| {
                    let text = &self.text[word.clone()];
                    let glued = text.ends_with(b"}") && memchr(b'{', text).is_none();
                    glued.then(|| (b'}', self.span(word.end - 1, word.end)))
                })
        })
    }
}
