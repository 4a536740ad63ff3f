//! Traces of programs and people around the output of `nginx -T`: encodings, colours, names of containers before each
//! line, times, line numbers, indentation, fences of Markdown, and the prompt behind it.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::source::encoding::{Encoding, MARK};

/// Start of the escape sequences of a terminal.
const ESCAPE: u8 = 0x1b;

/// Longest text before each line, in bytes.
const MAX_PREFIX: usize = 200;

/// Most lines behind a dump that are no part of it.
const MOST_BEHIND: usize = 20;

/// Starts of lines that a shell, `kubectl`, `ssh` or `script` print when a command has ended.
const BEHIND: [&[u8]; 9] = [
    b"```",
    b"~~~",
    b"</pre>",
    b"</code>",
    b"exit",
    b"logout",
    b"command terminated with exit code ",
    b"Connection to ",
    b"Script done",
];

/// The text in UTF-8 and without colours, if its first `searched` bytes have them.
pub(super) fn decoded(text: &[u8], searched: usize) -> Cow<'_, [u8]> {
    let text = match Encoding::of(text).and_then(|encoding| encoding.decode(text)) {
        Some(decoded) => Cow::Owned(decoded),
        None => Cow::Borrowed(text.strip_prefix(MARK).unwrap_or(text)),
    };
    let text = with_line_feeds(text, searched);
    if memchr(ESCAPE, &text[..text.len().min(searched)]).is_none() {
        return text;
    }
    Cow::Owned(without_colours(&text))
}

/// The text of a dump without what stands before each of its lines and behind its last; `first` is the place of the first
/// heading, which `heading` recognises at the start of a line.
pub(super) fn bare(text: Cow<'_, [u8]>, first: usize, heading: fn(&[u8]) -> bool) -> Cow<'_, [u8]> {
    let start = memchr::memrchr(b'\n', &text[..first]).map_or(0, |end| end + 1);
    let prefix = &text[start..first];
    let prefix = Prefix::new(prefix).filter(|_| heading(first_line(&text[first..])));
    let bare = prefix.and_then(|prefix| prefix.remove(&text[start..])).map(Cow::Owned);
    let fence = fence(&text[..start]).map(<[u8]>::to_vec);
    let mut text = bare.unwrap_or(text);
    let end = end(&text, first.min(text.len()), fence.as_deref());
    if end < text.len() {
        text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
            Cow::Owned(mut text) => {
                text.truncate(end);
                Cow::Owned(text)
            }
        };
    }
    text
}

/// The text with LF at the end of its lines, if only CR is there: nginx would read all behind the first `#` as a comment.
fn with_line_feeds(text: Cow<'_, [u8]>, searched: usize) -> Cow<'_, [u8]> {
    let begin = &text[..text.len().min(searched)];
    if memchr(b'\r', begin).is_none() || memchr(b'\n', begin).is_some() {
        return text;
    }
    Cow::Owned(text.iter().map(|&b| if b == b'\r' { b'\n' } else { b }).collect())
}

fn without_colours(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(ESCAPE, rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let length = match rest.first() {
            Some(b'[') => rest[1..].iter().position(|b| (0x40..=0x7e).contains(b)).map(|end| end + 2),
            Some(b']') => rest.iter().position(|b| matches!(*b, 0x07 | ESCAPE)).map(|end| end + 1),
            Some(b'(' | b')') => Some(2),
            _ => Some(1),
        };
        rest = &rest[length.unwrap_or(1).min(rest.len())..];
    }
    plain.extend_from_slice(rest);
    plain
}

/// Text before each line.
struct Prefix<'t> {
    text: &'t [u8],
    /// For each byte: a digit that differs from line to line, as in times and line numbers.
    counts: Vec<bool>,
}

impl<'t> Prefix<'t> {
    /// `None` for a text that no program prints before a line.
    fn new(text: &'t [u8]) -> Option<Self> {
        // BuildKit counts its steps: `#12 0.300 `.
        let is_number = |at: usize| text.get(at + 1).is_some_and(u8::is_ascii_digit);
        let is_sign = |(at, b): (usize, &u8)| b";{}\"'".contains(b) || *b == b'#' && !is_number(at);
        let is_possible =
            !text.is_empty() && text.len() <= MAX_PREFIX && !text.iter().enumerate().any(is_sign);
        let mut counts = vec![false; text.len()];
        let mut at = 0;
        for token in text.split(|b| matches!(b, b' ' | b'\t')) {
            let colons = memchr::memchr_iter(b':', token).count();
            let number = token.strip_prefix(b"#").unwrap_or(token);
            if colons > 1 || number.first().is_some_and(u8::is_ascii_digit) {
                for (n, byte) in token.iter().enumerate() {
                    counts[at + n] = byte.is_ascii_digit();
                }
            }
            at += token.len() + 1;
        }
        is_possible.then_some(Self { text, counts })
    }

    /// The lines without it; `None` if too few lines have it. Lines of others are left out: containers print at the same
    /// time. What is only indented has nobody else's lines.
    fn remove(&self, text: &[u8]) -> Option<Vec<u8>> {
        let is_blank = self.text.iter().all(|b| matches!(b, b' ' | b'\t'));
        let mut bare = Vec::with_capacity(text.len());
        let (mut own, mut others) = (0, 0);
        for line in text.split_inclusive(|&b| b == b'\n') {
            if let Some(rest) = self.strip(line) {
                bare.extend_from_slice(rest);
                own += 1;
            } else if is_blank && !line.trim_ascii().is_empty() {
                // A closing fence or a prompt may follow; anything else says that the text is no indented dump.
                if !is_behind(line) {
                    return None;
                }
                bare.extend_from_slice(line);
            } else if !line.trim_ascii().is_empty() {
                others += 1;
            }
        }
        (own > 0 && own * 4 >= others).then_some(bare)
    }

    /// A line behind the prefix; blanks at its end may be cut from an empty line.
    fn strip<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let ends = |at: usize| matches!(line.get(at), None | Some(b'\r' | b'\n'));
        let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        let end = self.text.len() - self.text.iter().rev().take_while(|b| is_blank(Some(b))).count();
        let (mut at, mut n) = (0, 0);
        while n < self.text.len() {
            if n >= end {
                if ends(at) {
                    break;
                }
                if !is_blank(line.get(at)) {
                    return None;
                }
                (at, n) = (at + 1, n + 1);
            } else if is_blank(Some(&self.text[n])) {
                // Numbers are aligned with blanks.
                while is_blank(line.get(at)) {
                    at += 1;
                }
                while is_blank(self.text.get(n)) {
                    n += 1;
                }
            } else if self.counts[n] {
                let digits = line[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                if digits == 0 {
                    return None;
                }
                at += digits;
                while self.counts.get(n) == Some(&true) {
                    n += 1;
                }
            } else if line.get(at) == Some(&self.text[n]) {
                (at, n) = (at + 1, n + 1);
            } else {
                return None;
            }
        }
        Some(&line[at..])
    }
}

/// The fence of Markdown that the text before a dump ends with.
fn fence(before: &[u8]) -> Option<&[u8]> {
    let line = before.trim_ascii_end().rsplit(|&b| b == b'\n').next()?.trim_ascii_start();
    let mark = *line.first().filter(|b| matches!(b, b'`' | b'~'))?;
    let length = line.iter().take_while(|&&b| b == mark).count();
    (length >= 3).then(|| &line[..length])
}

/// End of a dump: at the fence that closes the one before it, and before a prompt and what shells print.
fn end(text: &[u8], first: usize, fence: Option<&[u8]>) -> usize {
    let mut end = text.len();
    if let Some(fence) = fence {
        let line = [b"\n", fence].concat();
        let closes = |at: &usize| first_line(&text[at + 1..]).trim_ascii_end() == fence;
        if let Some(at) = memmem::find_iter(&text[first..], &line).map(|at| first + at).find(closes) {
            end = at + 1;
        }
    }
    for _ in 0..MOST_BEHIND {
        let shown = text[first..end].trim_ascii_end();
        let start = first + memchr::memrchr(b'\n', shown).map_or(0, |at| at + 1);
        if start == first || !is_behind(&text[start..first + shown.len()]) {
            break;
        }
        end = start;
    }
    end
}

fn is_behind(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    BEHIND.iter().any(|known| line.starts_with(known)) && !line.ends_with(b";") || is_prompt(line)
}

/// True for the prompt of a shell, perhaps with a command behind it.
fn is_prompt(line: &[u8]) -> bool {
    let sign = line
        .iter()
        .enumerate()
        .position(|(n, byte)| b"$#%>".contains(byte) && line.get(n + 1).is_none_or(|next| *next == b' '));
    let Some(sign) = sign else { return false };
    let place = line[..sign].trim_ascii_end();
    let is_place = match place {
        [] => line[sign] != b'#',
        [b'/' | b'~' | b'[', ..] | [b'P', b'S', b' ', ..] => true,
        [drive, b':', b'\\', ..] => drive.is_ascii_alphabetic(),
        _ => place.contains(&b'@') || place.starts_with(b"bash-") || place.starts_with(b"sh-"),
    };
    is_place && !place.iter().any(|b| b";{}".contains(b))
}

fn first_line(text: &[u8]) -> &[u8] {
    &text[..memchr(b'\n', text).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_no_directives() {
        for (line, expected) in [
            ("bob@host:~$", true),
            ("bob@host:~$ exit", true),
            ("root@4f1:/# ", true),
            ("[root@web conf.d]#", true),
            ("/ #", true),
            ("PS C:\\nginx>", true),
            ("C:\\nginx>", true),
            ("bash-5.1$", true),
            ("$", true),
            ("#", false),
            ("# end of bob@host $ x", false),
            ("}", false),
            ("} # for root@web # x", false),
            ("return 200 $x;", false),
            ("map $a $b {", false),
        ] {
            assert_eq!(is_prompt(line.trim().as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_prefix_is_the_same_but_for_times_and_numbers() {
        for (first, line, expected) in [
            ("web-1  | ", "web-1  |     a;\n", Some("    a;\n")),
            ("web-1  | ", "web-1  |\n", Some("\n")),
            ("web-1  | ", "web-2  | a;\n", None),
            ("[pod/web-1/nginx] ", "[pod/web-1/nginx] a;", Some("a;")),
            ("2026-11-30T10:00:00.12Z ", "2026-12-01T10:00:00.777Z a;", Some("a;")),
            ("Nov 30 10:00:09 web nginx[7]: ", "Nov  1 10:00:10 web nginx[7]: a;", Some("a;")),
            ("     1\t", "    10\ta;", Some("a;")),
            ("9:", "10:a;", Some("a;")),
            ("#9 0.300 ", "#9 10.31 a;", Some("a;")),
            ("#9 0.300 ", "#9 0.31\n", Some("\n")),
            ("    ", "  a;", None),
            ("    ", "\n", Some("\n")),
        ] {
            let stripped = Prefix::new(first.as_bytes()).and_then(|p| p.strip(line.as_bytes()));
            assert_eq!(stripped, expected.map(str::as_bytes), "{first:?} {line:?}");
        }
    }
}
