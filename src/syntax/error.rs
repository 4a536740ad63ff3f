//! Syntax errors: our message for people, nginx's message for programs that parse it.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::source::Span;
use crate::source::encoding::Encoding;

/// Most errors that are reported for one file; the others are counted.
pub const MAX_ERRORS: usize = 100;

/// Syntax error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyntaxError {
    /// Error for people.
    pub diagnostic: Diagnostic,
    nginx: String,
    nginx_at: Span,
}

impl SyntaxError {
    pub(super) fn new(diagnostic: Diagnostic, nginx: impl Into<String>, nginx_at: Span) -> Self {
        Self { diagnostic, nginx: nginx.into(), nginx_at: Span { end: nginx_at.start, ..nginx_at } }
    }

    /// Message of `ngx_conf_read_token` or `ngx_conf_parse`, without ` in FILE:LINE`.
    pub fn nginx_message(&self) -> String {
        self.nginx.clone()
    }

    /// Place in nginx's message after ` in `: print it with [`SourceMap::place`](crate::source::SourceMap::place).
    pub fn nginx_place(&self) -> Span {
        self.nginx_at
    }
}

impl From<SyntaxError> for Diagnostic {
    fn from(error: SyntaxError) -> Self {
        error.diagnostic
    }
}

/// Errors of one file in order: the first [`MAX_ERRORS`] are built, later ones cost nothing.
#[derive(Default)]
pub(super) struct Errors {
    list: Vec<SyntaxError>,
    more: Option<(usize, Span)>,
}

impl Errors {
    pub(super) fn push(&mut self, at: Span, error: impl FnOnce() -> SyntaxError) {
        if self.list.len() < MAX_ERRORS {
            self.list.push(error());
        } else {
            self.more.get_or_insert((0, at)).0 += 1;
        }
    }

    pub(super) fn finish(mut self) -> Vec<SyntaxError> {
        if let Some((count, at)) = self.more {
            let noun = if count == 1 { "error" } else { "errors" };
            let diagnostic =
                Diagnostic::syntax("too-many-errors", at, format!("and {count} more syntax {noun}"))
                    .label("the next one");
            self.list.push(SyntaxError::new(diagnostic, "too many errors", at));
        }
        self.list
    }
}

const END_OF_FILE: &str = "unexpected end of file, expecting \";\" or \"}\"";

/// `listen 80 }`, or the file ends before the `;`.
pub(super) fn missing_semicolon(
    head: &[u8],
    last: &[u8],
    place: Span,
    found: Option<Span>,
    end: Span,
) -> SyntaxError {
    let (head, last) = (excerpt(head), excerpt(last));
    let what = if found.is_some() { "`}`" } else { "the end of the file" };
    let mut diagnostic =
        Diagnostic::syntax("missing-semicolon", place, format!("expected `;` after `{head}`, found {what}"))
            .label("`;` is missing here");
    diagnostic = match (last.strip_suffix('}'), found) {
        (Some(word), _) if !word.contains('{') => {
            diagnostic.help(format!("`}}` is part of the word `{last}`: write `{word}; }}`"))
        }
        (_, Some(brace)) if last == ")" => diagnostic
            .related(brace, "nginx stops here")
            .help("`(` and `)` are no braces: write `{` where the block begins and `}` where it ends"),
        (_, Some(brace)) => diagnostic.related(brace, "nginx stops here").help(format!("write `{last};`")),
        (_, None) => diagnostic.help(format!("write `{last};`")),
    };
    let nginx = if found.is_some() { "unexpected \"}\"" } else { END_OF_FILE };
    SyntaxError::new(diagnostic, nginx, found.unwrap_or(end))
}

/// A `;`, `{` or `}` in place of a directive or the end of the file.
pub(super) fn unexpected(found: u8, at: Span) -> SyntaxError {
    let found = char::from(found);
    let (why, label, help) = match found {
        '}' => ("no block is open", "closes nothing", "remove it, or look for a `{` missing above"),
        '{' => (
            "expected the name of a directive before it",
            "belongs to no directive",
            "write its name, such as `server {`",
        ),
        _ => ("expected a directive", "ends nothing", "remove it"),
    };
    let diagnostic = Diagnostic::syntax("unexpected-token", at, format!("unexpected `{found}`: {why}"))
        .label(label)
        .help(help);
    SyntaxError::new(diagnostic, format!("unexpected \"{found}\""), at)
}

/// A quote that is never closed, or that a quote on a later line closes by accident (then `found` is the text that
/// nginx stumbles over there).
pub(super) fn unterminated_quote(
    quote: u8,
    place: Span,
    too_long: bool,
    found: Option<(u8, Span)>,
    end: Span,
) -> SyntaxError {
    let quote = char::from(quote);
    let mut diagnostic = Diagnostic::syntax(
        "unterminated-quote",
        place,
        format!("expected a closing `{quote}`, found the end of the line"),
    )
    .label("opened here")
    .help(format!("close it with `{quote}`, or write `\\{quote}` for a literal quote"));
    if let Some((_, span)) = found {
        diagnostic = diagnostic.related(span, "nginx reads the quoted text up to here");
    }
    match found {
        _ if too_long => SyntaxError::new(diagnostic, missing_terminator(quote), place),
        Some((byte, at)) => SyntaxError::new(diagnostic, format!("unexpected \"{}\"", lossy(&[byte])), at),
        None => SyntaxError::new(diagnostic, END_OF_FILE, end),
    }
}

/// `"a"b`: the word must end after the closing quote.
pub(super) fn text_after_quote(quoted: &[u8], after: &[u8], at: Span) -> SyntaxError {
    // A few characters are enough: the text may be the rest of the file.
    let after = &after[..after.len().min(4)];
    let (quoted, first) = (excerpt(quoted), after.first().map_or(&[][..], std::slice::from_ref));
    let character = after.utf8_chunks().next().and_then(|c| c.valid().chars().next());
    let found = character.map_or_else(|| format!("\\x{:02x}", first.first().unwrap_or(&0)), String::from);
    let diagnostic = Diagnostic::syntax(
        "text-after-quote",
        at,
        format!("expected a space, `;` or `{{` after the closing quote of `{quoted}`, found `{found}`"),
    )
    .label("must not touch the quote")
    .help("put the whole word into the quotes, or a space after them");
    SyntaxError::new(diagnostic, format!("unexpected \"{}\"", lossy(first)), at)
}

/// A word longer than nginx's buffer; `inside` is the quote that is still open where the buffer is full.
pub(super) fn too_long_word(text: &[u8], inside: Option<u8>, place: Span) -> SyntaxError {
    let diagnostic = Diagnostic::syntax(
        "too-long-parameter",
        place,
        format!("`{}` is {} bytes long, nginx reads at most 4095 in one word", excerpt(text), text.len()),
    )
    .label("starts here");
    let nginx = match inside {
        Some(quote) => missing_terminator(char::from(quote)),
        None => started(text),
    };
    let help = "shorten it, or split it into several words or included files";
    SyntaxError::new(diagnostic.help(help), nginx, place)
}

/// A comment longer than nginx's buffer.
pub(super) fn too_long_comment(text: &[u8], place: Span) -> SyntaxError {
    let diagnostic = Diagnostic::syntax(
        "too-long-parameter",
        place,
        format!("the comment is {} bytes long, nginx reads at most 4095 in one line", text.len()),
    )
    .label("starts here")
    .help("break it into several lines");
    SyntaxError::new(diagnostic, started(text), place)
}

fn missing_terminator(quote: char) -> String {
    format!("too long parameter, probably missing terminating \"{quote}\" character")
}

fn started(text: &[u8]) -> String {
    format!("too long parameter \"{}...\" started", lossy(&text[..text.len().min(10)]))
}

/// The file ends inside blocks: the innermost is `name`; `glued` is a brace that may be the cause.
pub(super) fn unclosed_block(
    name: &[u8],
    brace: Span,
    around: &[Span],
    glued: Option<(u8, Span)>,
    end: Span,
) -> SyntaxError {
    let mut diagnostic = Diagnostic::syntax(
        "unclosed-block",
        brace,
        format!("expected `}}` to close `{}`, found the end of the file", excerpt(name)),
    )
    .label("opened here");
    for &outer in around.iter().take(5) {
        diagnostic = diagnostic.related(outer, "nor is this closed");
    }
    diagnostic = match glued {
        Some((b'{', at)) => diagnostic
            .related(at, "opens a block")
            .help("put a regular expression that contains `{` into quotes"),
        Some((_, at)) => diagnostic
            .related(at, "part of the word before it")
            .help("write `; }` to end the directive and the block"),
        None => diagnostic.help("add `}` where the block should end"),
    };
    SyntaxError::new(diagnostic, "unexpected end of file, expecting \"}\"", end)
}

/// The braces of a Lua block do not balance.
pub(super) fn unclosed_lua(name: &[u8], brace: Span, end: Span) -> SyntaxError {
    let mut error = unclosed_block(name, brace, &[], None, end);
    error.diagnostic =
        error.diagnostic.help("braces, strings and long brackets of the Lua code must balance");
    error
}

/// More than [`MAX_DEPTH`](super::MAX_DEPTH) blocks within each other.
pub(super) fn too_deep(limit: usize, brace: Span) -> SyntaxError {
    let diagnostic = Diagnostic::syntax(
        "nesting-too-deep",
        brace,
        format!("expected at most {limit} blocks within each other, found one more"),
    )
    .label("this block and what it contains are left out")
    .help("look for a `}` missing above");
    SyntaxError::new(diagnostic, "unexpected \"{\"", brace)
}

/// The file starts with EF BB BF.
pub(super) fn byte_order_mark(word: &[u8], place: Span, stop: Span) -> SyntaxError {
    let diagnostic = Diagnostic::syntax(
        "byte-order-mark",
        place,
        "expected a directive or a comment, found a byte order mark (EF BB BF), which nginx takes as part of the first word",
    )
    .label("invisible bytes")
    .help("save the file as UTF-8 without BOM")
    .fix(Fix::safe("remove the byte order mark", vec![Edit::replace(place, "")]));
    SyntaxError::new(diagnostic, format!("unknown directive \"{}\"", lossy(word)), stop)
}

/// The text has an encoding of two or four bytes for a character.
pub(super) fn encoding(encoding: Encoding, text: &[u8], place: Span) -> SyntaxError {
    /// Largest text that is converted, in bytes: an edit is kept with its finding.
    const MAX_CONVERTED: usize = 16 << 20;
    let mut diagnostic = Diagnostic::syntax(
        "encoding",
        place,
        format!("expected a text in UTF-8, found {}, which nginx takes for single bytes", encoding.name()),
    )
    .label("starts here")
    .help(format!(
        "save the file as UTF-8 without BOM: `iconv -f {} -t UTF-8 FILE`; PowerShell writes UTF-8 with \
         `| Out-File -Encoding utf8`",
        encoding.iconv()
    ));
    let converted = (text.len() <= MAX_CONVERTED).then(|| encoding.decode(text)).flatten();
    if let Some(text_in_utf8) = converted.and_then(|text| String::from_utf8(text).ok()) {
        let whole = Span::new(place.file, 0, text.len());
        diagnostic =
            diagnostic.fix(Fix::safe("convert the file to UTF-8", vec![Edit::replace(whole, text_in_utf8)]));
    }
    SyntaxError::new(diagnostic, "unknown directive", place)
}

/// The file is too large for `u32` offsets; a [`Loader`](crate::source::Loader) refuses such a file already.
pub(super) fn too_large(limit: u64, place: Span) -> SyntaxError {
    let diagnostic = Diagnostic::syntax(
        "file-too-large",
        place,
        format!("expected at most {} MiB in one file, found more", limit >> 20),
    )
    .help("split it into included files");
    SyntaxError::new(diagnostic, "file too large", place)
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Start of the user's text, on one line.
fn excerpt(text: &[u8]) -> String {
    const MAX: usize = 40;
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    let shown = lossy(&line[..line.len().min(4 * MAX)]);
    let cut: String = shown.chars().take(MAX).collect();
    if cut.len() < shown.len() || line.len() < text.len() { format!("{}…", cut.trim_end()) } else { cut }
}
