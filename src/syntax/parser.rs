//! Text to tree: the productions of `grammar/nginx.ebnf` as nom functions, and what to do when one fails.
//!
//! The lexical productions are plain nom. Those of the structure push onto a [`Builder`] and never fail:
//! the first byte decides what follows, an error is reported past that point and parsing goes on. Blocks
//! nest on an explicit stack, not on ours.

use std::sync::Arc;

use memchr::{memchr, memchr2};
use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_while};
use nom::combinator::recognize;
use nom::multi::many0_count;
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};

use super::ast::{DirectiveData, ItemData, NOWHERE, Terminator, Tree};
use super::error::{self, Errors, SyntaxError};
use super::lexeme::{BUFFER, is_plain, is_space, lua_end};
use super::word::{ESCAPES, QUOTED, UNTERMINATED, WordData};
use crate::source::{FileId, MAX_FILE_SIZE, Span};

/// Blocks within each other; what is nested deeper is reported and skipped.
pub const MAX_DEPTH: usize = 128;

type Input<'a> = &'a [u8];
type Lexed<'a, T = Input<'a>> = IResult<Input<'a>, T>;

/// Parses one file. Never fails: whatever the bytes are, there is a tree, and all errors are returned in
/// the order in which nginx would meet them.
pub fn parse(file: FileId, text: Arc<[u8]>) -> (Tree, Vec<SyntaxError>) {
    let mut builder = Builder {
        file,
        text: &text,
        words: Vec::with_capacity(text.len() / 12),
        items: Vec::with_capacity(text.len() / 32),
        open: vec![Frame { directive: NOWHERE, stray: 0 }],
        end_is_reported: false,
        errors: Errors::default(),
    };
    if text.len() as u64 > MAX_FILE_SIZE {
        let place = builder.span(0, 0);
        builder.errors.push(place, || error::too_large(MAX_FILE_SIZE, place));
        builder.items.push(ItemData::Skipped { start: 0, end: u32::try_from(text.len()).unwrap_or(NOWHERE) });
    } else {
        configuration(&mut builder, &text);
    }
    let Builder { words, items, errors, .. } = builder;
    (Tree { file, text, words, items }, errors.finish())
}

// ---- Words ----------------------------------------------------------------------------------------

fn space(input: Input<'_>) -> Lexed<'_> {
    take_while(is_space)(input)
}

/// `#` to the end of the line; the line end is not part of it.
fn comment(input: Input<'_>) -> Lexed<'_> {
    preceded(tag("#"), |rest| {
        let line = memchr(b'\n', rest).unwrap_or(rest.len());
        take(line - usize::from(rest[..line].ends_with(b"\r")))(rest)
    })
    .parse(input)
}

/// A backslash protects the next byte, whatever it is.
fn escape(input: Input<'_>) -> Lexed<'_> {
    recognize(pair(tag("\\"), take(1_usize))).parse(input)
}

/// `{` directly after `$` does not end a word, however often it is repeated.
fn dollar(input: Input<'_>) -> Lexed<'_> {
    recognize(pair(tag("$"), take_while(|b| b == b'{'))).parse(input)
}

/// The flags of the word.
fn word(input: Input<'_>) -> Lexed<'_, u32> {
    match input.first() {
        Some(b'"') => double_quoted_word(input),
        Some(b'\'') => single_quoted_word(input),
        _ => unquoted_word(input),
    }
}

fn unquoted_word(input: Input<'_>) -> Lexed<'_, u32> {
    let (rest, _) = take_while(is_plain)(input)?;
    if !matches!(rest.first(), Some(b'$' | b'\\')) {
        return Ok((rest, 0));
    }
    // A backslash that ends the file protects nothing.
    let piece = alt((dollar, escape, tag("\\")));
    let (rest, _) = many0_count(pair(piece, take_while(is_plain))).parse(rest)?;
    let length = input.len() - rest.len();
    Ok((rest, if memchr(b'\\', &input[..length]).is_some() { ESCAPES } else { 0 }))
}

fn double_quoted_word(input: Input<'_>) -> Lexed<'_, u32> {
    preceded(tag("\""), |rest| quoted(b'"', rest)).parse(input)
}

fn single_quoted_word(input: Input<'_>) -> Lexed<'_, u32> {
    preceded(tag("'"), |rest| quoted(b'\'', rest)).parse(input)
}

/// Up to and including the closing quote; fails if there is none.
fn quoted(quote: u8, mut input: Input<'_>) -> Lexed<'_, u32> {
    let mut flags = QUOTED;
    loop {
        let stop = memchr2(quote, b'\\', input).unwrap_or(input.len());
        let (at_stop, _) = take(stop)(input)?;
        if at_stop.first() != Some(&b'\\') {
            return take(1_usize)(at_stop).map(|(rest, _)| (rest, flags));
        }
        (input, _) = escape(at_stop)?;
        flags |= ESCAPES;
    }
}

/// The Lua source after `{`, as far as the `}` that ends it.
fn lua_block(input: Input<'_>) -> Lexed<'_> {
    take(lua_end(input).unwrap_or(usize::MAX))(input)
}

// ---- Structure ------------------------------------------------------------------------------------

/// A block that is open.
struct Frame {
    /// Position of its directive, [`NOWHERE`] for the file itself.
    directive: u32,
    /// `{` without a directive that were skipped in it: as many `}` are skipped without another error.
    stray: u32,
}

struct Builder<'a> {
    file: FileId,
    text: &'a [u8],
    words: Vec<WordData>,
    items: Vec<ItemData>,
    open: Vec<Frame>,
    /// An error that swallowed the rest of the file explains why blocks are not closed.
    end_is_reported: bool,
    errors: Errors,
}

fn configuration<'a>(b: &mut Builder<'a>, mut input: Input<'a>) {
    loop {
        input = skip_space(input);
        input = match input.first() {
            None => break,
            Some(b'#') => b.comment(input),
            Some(b'}') => b.close(input),
            Some(b';' | b'{') => b.stray(input),
            Some(_) => {
                let first = input.len() == b.text.len();
                let rest = directive(b, input);
                if first {
                    b.check_byte_order_mark();
                }
                rest
            }
        };
    }
    b.report_unclosed();
}

/// Words and their terminator; a block is entered, its items are left to [`configuration`].
fn directive<'a>(b: &mut Builder<'a>, mut input: Input<'a>) -> Input<'a> {
    let index = b.items.len();
    let first_word = b.words.len() as u32;
    let data = |b: &Builder<'_>, at: usize, terminator| DirectiveData {
        first_word,
        end_word: b.words.len() as u32,
        at: at as u32,
        close: NOWHERE,
        next: b.items.len() as u32,
        terminator,
        lua: false,
    };
    b.items.push(ItemData::Directive(data(b, 0, Terminator::Missing)));
    loop {
        match input.first() {
            Some(b';') => {
                b.items[index] = ItemData::Directive(data(b, b.offset(input), Terminator::Semicolon));
                return &input[1..];
            }
            Some(b'{') => {
                let data = data(b, b.offset(input), Terminator::Block);
                return block(b, index, data, input);
            }
            None | Some(b'}') => {
                let data = b.without_terminator(index, data(b, 0, Terminator::Missing));
                b.report_missing_semicolon(data, input);
                return input;
            }
            Some(b'#') => input = b.comment(input),
            Some(_) => input = b.word(input),
        }
        input = skip_space(input);
    }
}

/// Enters the block of the directive at `index`: of what stands in it, only Lua source is consumed here.
fn block<'a>(b: &mut Builder<'a>, index: usize, mut data: DirectiveData, input: Input<'a>) -> Input<'a> {
    let brace = b.span_at(input, 1);
    if b.open.len() > MAX_DEPTH {
        b.errors.push(brace, || error::too_deep(MAX_DEPTH, brace));
        b.without_terminator(index, data);
        let (rest, closed) = skip_block(&input[1..]);
        b.end_is_reported |= !closed;
        b.skipped(input, rest);
        return rest;
    }
    let name = &b.text[b.words[data.first_word as usize].range()];
    if name.strip_suffix(b"\"").unwrap_or(name).ends_with(b"_by_lua_block") {
        data.lua = true;
        let inside = &input[1..];
        let rest = if let Ok((rest, _)) = lua_block(inside) {
            data.close = b.offset(rest) as u32;
            &rest[1..]
        } else {
            let end = b.end();
            b.errors.push(brace, || error::unclosed_lua(name, brace, end));
            b.end_is_reported = true;
            &[]
        };
        b.items[index] = ItemData::Directive(data);
        return rest;
    }
    b.items[index] = ItemData::Directive(data);
    b.open.push(Frame { directive: index as u32, stray: 0 });
    &input[1..]
}

/// Past the `}` that ends the block `input` starts in, and whether there is one; nothing is stored.
fn skip_block(mut input: Input<'_>) -> (Input<'_>, bool) {
    let mut depth = 1_usize;
    while depth > 0 {
        input = skip_space(input);
        let Some(&byte) = input.first() else { return (input, false) };
        input = match byte {
            b'#' => comment(input).map_or(&[][..], |(rest, _)| rest),
            b'{' | b'}' | b';' => {
                depth = if byte == b'{' { depth + 1 } else { depth - usize::from(byte == b'}') };
                &input[1..]
            }
            _ => word(input).map_or_else(|_| &input[first_line(input).len()..], |(rest, _)| rest),
        };
    }
    (input, true)
}

/// [`space`] cannot fail.
fn skip_space(input: Input<'_>) -> Input<'_> {
    space(input).map_or(input, |(rest, _)| rest)
}

fn first_line(input: Input<'_>) -> Input<'_> {
    &input[..memchr(b'\n', input).unwrap_or(input.len())]
}

impl<'a> Builder<'a> {
    /// How far `rest`, which is always a tail of the text, has got.
    fn offset(&self, rest: Input<'_>) -> usize {
        self.text.len() - rest.len()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    fn span_at(&self, rest: Input<'_>, length: usize) -> Span {
        let start = self.offset(rest);
        self.span(start, start + length)
    }

    fn end(&self) -> Span {
        self.span(self.text.len(), self.text.len())
    }

    fn comment(&mut self, input: Input<'a>) -> Input<'a> {
        let (rest, _) = comment(input).unwrap_or((&[], input));
        let (start, end) = (self.offset(input), self.offset(rest));
        self.items.push(ItemData::Comment { start: start as u32, end: end as u32 });
        // The carriage return is no part of the comment but fills the buffer like it.
        let line = end + usize::from(self.text[end..].starts_with(b"\r\n"));
        if line - start >= BUFFER && self.text.len() > start + BUFFER {
            let place = self.span(start, start + 1);
            let text = &self.text[start..line];
            self.errors.push(place, || error::too_long_comment(text, place));
        }
        rest
    }

    /// One word and what must follow it.
    fn word(&mut self, input: Input<'a>) -> Input<'a> {
        let Ok((rest, flags)) = word(input) else {
            return self.unterminated_quote(input, None);
        };
        let (start, end) = (self.offset(input), self.offset(rest));
        let touching = flags & QUOTED != 0
            && !matches!(rest.first(), None | Some(b' ' | b';' | b'\n' | b'{' | b'\t' | b'\r' | b')' | b'}'));
        // With the quote as the buffer's last byte nginx complains of the length, whatever follows.
        let fills_buffer = end - start == BUFFER + 1;
        if touching && !fills_buffer && memchr(b'\n', &self.text[start..end]).is_some() {
            return self.unterminated_quote(input, Some(rest));
        }
        self.words.push(WordData::new(start, end, flags));
        if end - start >= BUFFER - 2 && self.report_too_long(start, end, flags) {
            return rest;
        }
        if touching {
            let place = self.span(end, end + 1);
            let quoted = &self.text[start..end];
            self.errors.push(place, || error::text_after_quote(quoted, rest, place));
        }
        rest
    }

    /// Whether the word does not fit: nginx fails when it needs another byte and the buffer is full of
    /// the bytes since the word's first (the one after the quote). It reads one byte past the word, and
    /// a second one if the first is white space.
    fn report_too_long(&mut self, start: usize, end: usize, flags: u32) -> bool {
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

    /// Ends the word with its line; a `;` or `{` at the end of the line keeps its meaning. `found` is the
    /// text after the quote that closes it by accident, lines below.
    fn unterminated_quote(&mut self, input: Input<'a>, found: Option<Input<'a>>) -> Input<'a> {
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
    fn stray(&mut self, input: Input<'a>) -> Input<'a> {
        if input[0] == b'{'
            && let Some(frame) = self.open.last_mut()
        {
            frame.stray += 1;
        }
        self.unexpected(input)
    }

    fn unexpected(&mut self, input: Input<'a>) -> Input<'a> {
        let at = self.span_at(input, 1);
        self.errors.push(at, || error::unexpected(input[0], at));
        self.skipped(input, &input[1..]);
        &input[1..]
    }

    fn skipped(&mut self, from: Input<'_>, to: Input<'_>) {
        let (from, to) = (self.offset(from) as u32, self.offset(to) as u32);
        match self.items.last_mut() {
            Some(ItemData::Skipped { end, .. }) if *end == from => *end = to,
            _ => self.items.push(ItemData::Skipped { start: from, end: to }),
        }
    }

    /// A `}`.
    fn close(&mut self, input: Input<'a>) -> Input<'a> {
        let rest = &input[1..];
        match self.open.last_mut() {
            Some(frame) if frame.stray > 0 => {
                frame.stray -= 1;
                self.skipped(input, rest);
                rest
            }
            Some(&mut Frame { directive, .. }) if directive != NOWHERE => {
                self.open.pop();
                let (close, next) = (self.offset(input) as u32, self.items.len() as u32);
                if let ItemData::Directive(data) = &mut self.items[directive as usize] {
                    (data.close, data.next) = (close, next);
                }
                rest
            }
            _ => self.unexpected(input),
        }
    }

    /// nginx finds no directive of the name that starts with the mark, once it has read all its words.
    fn check_byte_order_mark(&mut self) {
        if let (true, Some(ItemData::Directive(data))) =
            (self.text.starts_with(b"\xef\xbb\xbf"), self.items.first())
        {
            let (place, stop) = (self.span(0, 3), self.span(data.at as usize, data.at as usize));
            let name = &self.text[self.words[0].range()];
            self.errors.push(place, || error::byte_order_mark(name, place, stop));
        }
    }

    /// Stores a directive that ends with its last word; comments past it belong to the block.
    fn without_terminator(&mut self, index: usize, mut data: DirectiveData) -> DirectiveData {
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

    fn report_missing_semicolon(&mut self, data: DirectiveData, input: Input<'a>) {
        let text = self.text;
        let first = self.words[data.first_word as usize].range().start;
        let last = self.words[data.end_word as usize - 1].range();
        let at = data.at as usize;
        let place = self.span(at, at);
        let found = input.first().map(|_| self.span_at(input, 1));
        let end = self.end();
        self.errors
            .push(place, || error::missing_semicolon(&text[first..at], &text[last], place, found, end));
    }

    /// The blocks still open at the end of the file are one error, reported at the innermost.
    fn report_unclosed(&mut self) {
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

    /// A brace in the block that nginx takes otherwise than it looks: the `{` of `a{2}` opens a block, the
    /// `}` of `80}` is part of the word.
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
