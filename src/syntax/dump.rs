//! Output of `nginx -T`: all files of a configuration in one text, each below its own heading.
//!
//! nginx prints `# configuration file PATH:`, the file, and a line feed, for each file in reading order (`main` of
//! `src/core/nginx.c`). nginx prints only a configuration that it accepts, so each file is complete: a heading is never
//! inside a block or quotes. A comment that merely looks like a heading names a file that no `include` leads to.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use super::ast::Item;
use super::include::named::{drive, full_name, includes, is_pattern};
use super::parser::parse;
use super::printed;
use super::tree::Tree;
use crate::source::{Loader, Memory, SourceMap, os_path};

/// Start of a heading; the path and a colon follow.
pub(super) const HEADING: &[u8] = b"# configuration file ";

/// Longest text before a dump, in bytes, unless lines of nginx itself come first.
const PREAMBLE: usize = 4096;

/// Most headings that are read; a dump with more of them ends in its last file. The same limit as for the files of a
/// configuration.
const MAX_FILES: usize = 10_000;

/// Most distinct patterns of `include` that headings are compared with. With more of them every heading counts.
const MAX_PATTERNS: usize = 500;

/// Starts of the lines that `nginx -t` prints besides a dump.
const MESSAGES: [&[u8]; 8] = [
    b"nginx: the configuration file ",
    b"nginx: configuration file ",
    b"nginx: [",
    b"angie: the configuration file ",
    b"angie: configuration file ",
    b"angie: [",
    b"Defaulted container ",
    b"Unable to use a TTY ",
];

/// File of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpedFile {
    /// Path in the heading.
    pub path: PathBuf,
    /// Bytes of the file, whether or not they end with a line feed.
    pub text: Vec<u8>,
}

/// Files of a dump, and the [`Loader`] that serves them to `include`.
#[derive(Clone, Debug)]
pub struct Dump {
    main: PathBuf,
    order: Vec<PathBuf>,
    files: Memory,
    /// Files with two different texts in the dump: the first text is taken.
    pub ambiguous: Vec<PathBuf>,
}

impl Dump {
    /// Splits a text at its headings; `None` if the text is not a dump. A text that does not begin like a dump is not
    /// searched.
    pub fn read(text: &[u8]) -> Option<Self> {
        let text = printed::decoded(text, PREAMBLE);
        let first = memmem::find(preamble(&text), HEADING)?;
        let text = printed::bare(text, first, |line| heading(line).is_some());
        let first = begin(&text)?;
        let text = clean(&text[first..]);
        let tree = parse_alone(&text);
        let headings = headings(&text, &tree);
        let (main, _) = headings.first()?;
        let main = main.clone();
        let reached = reached(&main, &tree, &headings);
        let is_file =
            |path: &PathBuf| *path == main || reached.as_ref().is_none_or(|names| names.contains(path));
        let real: Vec<&(PathBuf, usize)> = headings.iter().filter(|(path, _)| is_file(path)).collect();
        let mut dump =
            Self { main: main.clone(), order: Vec::new(), files: Memory::default(), ambiguous: Vec::new() };
        for (n, (path, start)) in real.iter().enumerate() {
            let end = real.get(n + 1).map_or(text.len(), |(_, next)| *next);
            dump.add(path, body(&text[*start..end]));
        }
        Some(dump)
    }

    fn add(&mut self, path: &Path, text: &[u8]) {
        match self.files.read(path) {
            Err(_) => {
                self.files = std::mem::take(&mut self.files).with(path, text);
                self.order.push(path.to_owned());
            }
            Ok(known) if known != text && !self.ambiguous.iter().any(|p| p == path) => {
                self.ambiguous.push(path.to_owned());
            }
            Ok(_) => {}
        }
    }

    /// Path of the main file: nginx prints it first.
    pub fn main(&self) -> &Path {
        &self.main
    }

    /// Files in the order of the dump, each once.
    pub fn files(&self) -> impl Iterator<Item = DumpedFile> + '_ {
        self.order
            .iter()
            .map(|path| DumpedFile { path: path.clone(), text: self.files.read(path).unwrap_or_default() })
    }
}

impl Loader for Dump {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.read(path)
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        self.files.glob(pattern)
    }
}

/// Offset of the first heading: at the start, or after comments and lines that nginx, `kubectl` or a shell print.
fn begin(text: &[u8]) -> Option<usize> {
    if text.starts_with(HEADING) && heading(first_line(text)).is_some() {
        return Some(0);
    }
    let searched = preamble(text);
    let mut at = 0;
    while at < searched.len() {
        let line = first_line(&text[at..]);
        if heading(line).is_some() {
            return Some(at);
        }
        let is_configuration = !line.starts_with(b"#")
            && !is_message(line)
            && matches!(trim(line).last(), Some(b';' | b'{' | b'}'));
        if is_configuration {
            return None;
        }
        at += line.len() + 1;
    }
    None
}

/// The part of a text in which the first heading of a dump stands.
fn preamble(text: &[u8]) -> &[u8] {
    if is_message(text) { text } else { &text[..text.len().min(PREAMBLE)] }
}

/// Path in a heading; `None` for other lines.
fn heading(line: &[u8]) -> Option<PathBuf> {
    let path = line.strip_prefix(HEADING)?.trim_ascii_end().strip_suffix(b":")?;
    // nginx prints absolute paths; a sentence in a comment has spaces and no directory.
    let is_path =
        path.starts_with(b"/") || path.get(1) == Some(&b':') || path.contains(&b'/') && !path.contains(&b' ');
    (is_path && !path.ends_with(b"/")).then(|| os_path(&with_slashes(path)))
}

/// A path of Windows with `/` only: nginx takes both, and patterns take `\` for an escape.
fn with_slashes(path: &[u8]) -> Cow<'_, [u8]> {
    if drive(path).is_none() || !path.contains(&b'\\') {
        return Cow::Borrowed(path);
    }
    Cow::Owned(path.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect())
}

/// Text without the lines that nginx and `kubectl` print to the other stream, and with the line ends of the files: a
/// terminal turns each LF into CR LF.
fn clean(text: &[u8]) -> Cow<'_, [u8]> {
    let has_message =
        memmem::find(text, b" [").is_some() || MESSAGES.iter().any(|m| memmem::find(text, m).is_some());
    let terminal = first_line(text).ends_with(b"\r");
    if !has_message && !terminal {
        return Cow::Borrowed(text);
    }
    let mut clean = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&b| b == b'\n') {
        if is_message(line) {
            continue;
        }
        match line.strip_suffix(b"\r\n") {
            Some(line) if terminal => {
                clean.extend_from_slice(line);
                clean.push(b'\n');
            }
            _ => clean.extend_from_slice(line),
        }
    }
    Cow::Owned(clean)
}

/// True for a line that nginx prints besides a dump; with a log on standard error it begins with the time.
pub(super) fn is_message(line: &[u8]) -> bool {
    const TIME: &[u8] = b"0000/00/00 00:00:00 [";
    let is_timed = line.len() > TIME.len()
        && line.iter().zip(TIME).all(|(b, form)| if *form == b'0' { b.is_ascii_digit() } else { b == form });
    is_timed || MESSAGES.iter().any(|m| line.starts_with(m))
}

fn parse_alone(text: &[u8]) -> Tree {
    let mut sources = SourceMap::default();
    let text: Arc<[u8]> = text.into();
    let file = sources.add("", text.clone());
    parse(file, text).0
}

/// Paths and places of the comments that look like headings and are not inside a block.
fn headings(text: &[u8], tree: &Tree) -> Vec<(PathBuf, usize)> {
    let mut found = Vec::new();
    let mut directive_end = 0;
    for item in tree.root().items() {
        match item {
            Item::Directive(directive) => {
                directive_end = directive.span().end;
                // A block that is never closed extends to the end: such a text was put together by hand.
                if directive.block().is_some_and(|b| b.close().is_none()) {
                    after_empty_lines(text, directive.head().end as usize, &mut found);
                    return found;
                }
            }
            Item::Comment(comment) => {
                let start = comment.span().start as usize;
                let is_line = start == 0 || text[start - 1] == b'\n';
                let is_between = is_line && comment.span().start >= directive_end;
                if let Some(path) = heading(comment.raw()).filter(|_| is_between) {
                    found.push((path, start));
                }
            }
            Item::Skipped(_) => {}
        }
        if found.len() >= MAX_FILES {
            break;
        }
    }
    found
}

/// Headings after `from` that follow an empty line, as after a file that ends with a line feed.
fn after_empty_lines(text: &[u8], from: usize, found: &mut Vec<(PathBuf, usize)>) {
    let finder = memmem::Finder::new(b"\n\n# configuration file ");
    for at in finder.find_iter(&text[from..]).take(MAX_FILES) {
        let start = from + at + 2;
        found.extend(heading(first_line(&text[start..])).map(|path| (path, start)));
    }
}

/// Files that the `include` directives of a dump lead to.
fn reached(main: &Path, tree: &Tree, headings: &[(PathBuf, usize)]) -> Option<HashSet<PathBuf>> {
    let prefix = main.parent().unwrap_or(Path::new(""));
    let mut names = HashSet::new();
    let mut patterns = HashSet::new();
    for include in includes(tree) {
        let path = full_name(prefix, &include.name);
        let kind = if is_pattern(&path) { &mut patterns } else { &mut names };
        kind.insert(path);
    }
    if patterns.len() > MAX_PATTERNS {
        return None;
    }
    let all = headings.iter().fold(Memory::default(), |all, (path, _)| all.with(path, ""));
    for pattern in patterns {
        names.extend(all.glob(&pattern).unwrap_or_else(|_| vec![pattern]));
    }
    Some(names)
}

/// File of the dump: the text after the heading, without the line feed that nginx adds.
fn body(part: &[u8]) -> &[u8] {
    let body = part.get(first_line(part).len() + 1..).unwrap_or_default();
    body.strip_suffix(b"\n").unwrap_or(body)
}

fn first_line(text: &[u8]) -> &[u8] {
    &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())]
}

fn trim(line: &[u8]) -> &[u8] {
    line.trim_ascii()
}
