//! Text to tree: the productions of `grammar/nginx.ebnf` as nom functions, with error recovery.
//!
//! The lexical productions are plain nom. The structural productions push onto a [`Builder`] and never fail: the first
//! byte decides, an error is reported, and parsing goes on after it. Blocks nest on an explicit stack, not on the
//! thread's.

use std::sync::Arc;

use memchr::{memchr, memchr2};
use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_while};
use nom::combinator::recognize;
use nom::multi::many0_count;
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};

use super::error::{self, Errors, SyntaxError};
use super::lexeme::{BUFFER, is_plain, is_space, lua_end};
use super::tree::{DirectiveData, ESCAPES, ItemData, NOWHERE, QUOTED, Terminator, Tree, WordData};
use crate::source::{FileId, MAX_FILE_SIZE, SourceMap, Span};

/// Deepest nesting of blocks; deeper blocks are reported and skipped.
pub const MAX_DEPTH: usize = 128;

pub(super) type Input<'a> = &'a [u8];
type Lexed<'a, T = Input<'a>> = IResult<Input<'a>, T>;

/// Parses one file. Never fails: any bytes give a tree, and the errors are returned in the order in which nginx would
/// meet them.
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

/// True if a text has no syntax error.
pub(super) fn is_whole(text: &[u8]) -> bool {
    let mut sources = SourceMap::default();
    let file = sources.add("", text);
    parse(file, sources.file(file).text.clone()).1.is_empty()
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

/// A backslash escapes the next byte, any byte.
fn escape(input: Input<'_>) -> Lexed<'_> {
    recognize(pair(tag("\\"), take(1_usize))).parse(input)
}

/// A `{` directly after `$` does not end a word, however often it is repeated.
fn dollar(input: Input<'_>) -> Lexed<'_> {
    recognize(pair(tag("$"), take_while(|b| b == b'{'))).parse(input)
}

/// Parses a word and returns its flags.
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
    // A backslash at the end of the file escapes nothing.
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

/// Parses up to and including the closing quote; fails if there is none.
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

/// Parses the Lua source after `{`, up to the `}` that ends the block.
fn lua_block(input: Input<'_>) -> Lexed<'_> {
    take(lua_end(input).unwrap_or(usize::MAX))(input)
}

// ---- Structure ------------------------------------------------------------------------------------

/// Open block.
pub(super) struct Frame {
    /// Position of the block's directive, [`NOWHERE`] for the file itself.
    pub(super) directive: u32,
    /// Skipped `{` without a directive in the block: the same number of `}` is skipped without another error.
    pub(super) stray: u32,
}

pub(super) struct Builder<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a [u8],
    pub(super) words: Vec<WordData>,
    pub(super) items: Vec<ItemData>,
    pub(super) open: Vec<Frame>,
    /// An error that swallowed the rest of the file already explains the unclosed blocks.
    pub(super) end_is_reported: bool,
    pub(super) errors: Errors,
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

/// Parses words and their terminator; a block is entered, and [`configuration`] parses its items.
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

/// Enters the block of the directive at `index`; of its content, only Lua source is consumed here.
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

/// Skips to the `}` that ends the block of `input`; false if there is none. Nothing is stored.
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

pub(super) fn first_line(input: Input<'_>) -> Input<'_> {
    &input[..memchr(b'\n', input).unwrap_or(input.len())]
}

impl<'a> Builder<'a> {
    /// Offset of `rest`, which is always a tail of the text.
    pub(super) fn offset(&self, rest: Input<'_>) -> usize {
        self.text.len() - rest.len()
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    pub(super) fn span_at(&self, rest: Input<'_>, length: usize) -> Span {
        let start = self.offset(rest);
        self.span(start, start + length)
    }

    pub(super) fn end(&self) -> Span {
        self.span(self.text.len(), self.text.len())
    }

    fn comment(&mut self, input: Input<'a>) -> Input<'a> {
        let (rest, _) = comment(input).unwrap_or((&[], input));
        let (start, end) = (self.offset(input), self.offset(rest));
        self.items.push(ItemData::Comment { start: start as u32, end: end as u32 });
        // The carriage return is not part of the comment, but takes space in the buffer.
        let line = end + usize::from(self.text[end..].starts_with(b"\r\n"));
        if line - start >= BUFFER && self.text.len() > start + BUFFER {
            let place = self.span(start, start + 1);
            let text = &self.text[start..line];
            self.errors.push(place, || error::too_long_comment(text, place));
        }
        rest
    }

    /// Parses one word, and checks the text that follows.
    fn word(&mut self, input: Input<'a>) -> Input<'a> {
        let Ok((rest, flags)) = word(input) else {
            return self.unterminated_quote(input, None);
        };
        let (start, end) = (self.offset(input), self.offset(rest));
        let touching = flags & QUOTED != 0
            && !matches!(rest.first(), None | Some(b' ' | b';' | b'\n' | b'{' | b'\t' | b'\r' | b')' | b'}'));
        // With the quote as the buffer's last byte, nginx complains about the length, whatever follows.
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

    /// Closes a block at a `}`.
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
}
