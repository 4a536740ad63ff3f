//! `ngxc parse`: the syntax of a configuration as JSON, in crossplane's format.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::payload::{ConfigFile, FileError, Payload, PayloadError, Statement};
use super::reading::InputArgs;
use super::{Failure, Outcome, note};
use crate::diagnostic::{Class, Diagnostic};
use crate::source::{Disk, FileId, Loader, Span};
use crate::syntax::{Block, Configuration, Directive, Item, Quote, Word};

/// Arguments of `ngxc parse`.
#[derive(Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub(super) struct ParseArgs {
    /// The configurations; `-` is standard input. Each gives one JSON document.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print JSON, the only format there is.
    #[arg(long)]
    json: bool,

    /// Put what is included in place of the `include`.
    #[arg(long)]
    combine: bool,

    /// Print the first error instead of the payload.
    #[arg(long)]
    no_catch: bool,

    /// Keep comments.
    #[arg(long, visible_alias = "include-comments")]
    comments: bool,

    /// Leave these directives out.
    #[arg(long, value_name = "DIRECTIVE", value_delimiter = ',')]
    ignore: Vec<String>,

    /// Do not follow `include`.
    #[arg(long)]
    single_file: bool,

    /// Indent by this many spaces; otherwise everything is on one line.
    #[arg(long, value_name = "SPACES", value_parser = clap::value_parser!(u8).range(0..=16))]
    indent: Option<u8>,

    #[command(flatten)]
    reading: InputArgs,
}

pub(super) fn run(args: &mut ParseArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::Clean;
    args.reading.stdin.settle(args.files.iter_mut())?;
    for file in &args.files {
        let configuration = load(args, file)?;
        let payload = payload(args, &configuration);
        if let Some(first) = payload.errors.first() {
            outcome = Outcome::Findings;
            if args.no_catch {
                note(&first.error);
                continue;
            }
        }
        write(&payload, args.indent, out)?;
    }
    Ok(outcome)
}

fn load(args: &ParseArgs, file: &Path) -> Result<Configuration, Failure> {
    let mut reading = args.reading.clone();
    reading.settle(&*reading.settings.of(file)?)?;
    if args.single_file { reading.load_one(file) } else { reading.load(file, &Disk) }
}

fn write(payload: &Payload, indent: Option<u8>, out: &mut dyn Write) -> Result<(), Failure> {
    let failed = std::io::Error::from;
    match indent {
        None => serde_json::to_writer(&mut *out, payload).map_err(failed)?,
        Some(spaces) => {
            let spaces = " ".repeat(spaces.into());
            let pretty = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            payload
                .serialize(&mut serde_json::Serializer::with_formatter(&mut *out, pretty))
                .map_err(failed)?;
        }
    }
    Ok(writeln!(out)?)
}

/// The payload of one text, for tests.
#[cfg(test)]
pub(super) fn of_text(text: &[u8], comments: bool) -> Payload {
    let files = crate::source::Memory::default().with("nginx.conf", text);
    of_files(&files, &ParseArgs { comments, ..ParseArgs::default() })
}

/// The payload of `nginx.conf` and what it includes, for tests.
#[cfg(test)]
fn of_files(files: &crate::source::Memory, args: &ParseArgs) -> Payload {
    let configuration =
        crate::syntax::load(files, Path::new("nginx.conf"), &crate::syntax::LoadOptions::default());
    payload(args, &configuration.expect("the file is in memory"))
}

/// The same with options.
#[cfg(test)]
pub(super) fn of_files_with(files: &crate::source::Memory, combine: bool, ignore: &[&str]) -> Payload {
    let ignore = ignore.iter().map(|&name| name.to_owned()).collect();
    of_files(files, &ParseArgs { combine, ignore, ..ParseArgs::default() })
}

/// The payload of a configuration.
fn payload(args: &ParseArgs, configuration: &Configuration) -> Payload {
    let order = breadth_first(args, configuration);
    let positions: HashMap<FileId, usize> = order.iter().enumerate().map(|(i, &file)| (file, i)).collect();
    let reader = Reader { args, configuration, positions };
    let files: Vec<ConfigFile> = order.iter().map(|&file| reader.file(file)).collect();
    let errors = files.iter().flat_map(|file| {
        file.errors.iter().map(|e| PayloadError {
            file: file.file.clone(),
            error: e.error.clone(),
            line: e.line,
        })
    });
    let errors: Vec<PayloadError> = errors.collect();
    let status = if errors.is_empty() { "ok" } else { "failed" }.to_owned();
    let config = if args.combine { vec![combined(&files)] } else { files };
    Payload { status, errors, config }
}

/// The files in crossplane's order: those of one file before those that they include.
fn breadth_first(args: &ParseArgs, configuration: &Configuration) -> Vec<FileId> {
    let mut order = vec![configuration.main];
    let mut at = 0;
    while let Some(&file) = order.get(at) {
        at += 1;
        let mut ignored_until = 0;
        for directive in configuration.tree(file).directives() {
            if directive.span().start < ignored_until {
                continue;
            }
            if is_ignored(args, directive) {
                ignored_until = directive.span().end;
                continue;
            }
            for &included in configuration.included(directive) {
                if !order.contains(&included) {
                    order.push(included);
                }
            }
        }
    }
    order
}

fn is_ignored(args: &ParseArgs, directive: Directive<'_>) -> bool {
    !args.ignore.is_empty() && args.ignore.iter().any(|name| directive.name().is(name))
}

struct Reader<'a> {
    args: &'a ParseArgs,
    configuration: &'a Configuration,
    positions: HashMap<FileId, usize>,
}

impl Reader<'_> {
    fn file(&self, id: FileId) -> ConfigFile {
        let sources = &self.configuration.sources;
        let file = sources.file(id).name();
        let errors: Vec<FileError> = self.errors(id);
        let status = if errors.is_empty() { "ok" } else { "failed" }.to_owned();
        ConfigFile { file, status, errors, parsed: self.block(self.configuration.tree(id).root()) }
    }

    fn errors(&self, file: FileId) -> Vec<FileError> {
        let sources = &self.configuration.sources;
        let syntax = self.configuration.syntax_errors.iter().map(|e| {
            let place = e.nginx_place();
            (place, format!("{} in {}", e.nginx_message(), sources.place(place)))
        });
        let others = self.configuration.diagnostics.iter().filter(|d| d.class == Class::Environment);
        let others = others.map(|d| (d.span, unreadable(d).unwrap_or_else(|| d.message.clone())));
        let mut errors: Vec<_> = syntax.chain(others).filter(|(span, _)| span.file == file).collect();
        errors.sort_by_key(|(span, _)| span.start);
        errors.dedup();
        let error = |(span, error)| FileError { error, line: Some(sources.position(span).line) };
        errors.into_iter().map(error).collect()
    }

    // Recursion is bounded by the parser's limit on nesting.
    fn block(&self, block: Block<'_>) -> Vec<Statement> {
        let mut statements = Vec::new();
        for item in block.items() {
            match item {
                Item::Directive(directive) => self.directive(directive, &mut statements),
                Item::Comment(comment) if self.args.comments => {
                    let line = self.configuration.sources.position(comment.span()).line;
                    let file = self.file_of(comment.span());
                    statements.push(Statement { file, ..comment_of(comment.raw(), line) });
                }
                Item::Comment(_) | Item::Skipped(_) => {}
            }
        }
        statements
    }

    /// Only a combined payload says where each statement comes from.
    fn file_of(&self, span: Span) -> Option<String> {
        self.args.combine.then(|| self.configuration.sources.file(span.file).name())
    }

    fn directive(&self, directive: Directive<'_>, out: &mut Vec<Statement>) {
        if is_ignored(self.args, directive) {
            return;
        }
        let line = self.configuration.sources.position(directive.head()).line;
        let name = argument(directive.name());
        let mut args: Vec<String> = directive.args().map(argument).collect();
        if name == "if" {
            without_parentheses(&mut args);
        }
        let lua = directive.lua().map(|lua| String::from_utf8_lossy(lua).into_owned());
        let block = directive.block().filter(|_| lua.is_none()).map(|block| self.block(block));
        args.extend(lua);
        let follows = !self.args.single_file && name == "include" && block.is_none();
        let includes = follows.then(|| {
            let files = self.configuration.included(directive);
            files.iter().filter_map(|file| self.positions.get(file).copied()).collect()
        });
        let file = self.file_of(directive.head());
        out.push(Statement { file, directive: name, line, args, comment: None, includes, block });
        if self.args.comments {
            out.extend(directive.comments().map(|comment| comment_of(comment.raw(), line)));
        }
    }
}

/// An include that cannot be read, in the words of crossplane, which are Python's.
fn unreadable(diagnostic: &Diagnostic) -> Option<String> {
    let name = diagnostic.message.split('`').nth(1).filter(|_| diagnostic.class == Class::Environment)?;
    let error = Disk.read(Path::new(name)).err()?;
    let reason = error.to_string();
    let reason = reason.split(" (os error").next()?;
    Some(format!("[Errno {}] {reason}: '{name}'", error.raw_os_error()?))
}

fn comment_of(raw: &[u8], line: u32) -> Statement {
    let text = String::from_utf8_lossy(&raw[1..]).into_owned();
    Statement { directive: "#".to_owned(), line, comment: Some(text), ..Statement::default() }
}

/// A word as crossplane gives it: quotes removed, and of the backslashes only those before the same quote.
fn argument(word: Word<'_>) -> String {
    let text = String::from_utf8_lossy(word.content()).into_owned();
    let quote = match word.quote() {
        Quote::None => return text,
        Quote::Single => '\'',
        Quote::Double => '"',
    };
    if !text.contains('\\') {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let next = if c == '\\' { characters.next() } else { None };
        plain.extend((next != Some(quote)).then_some(c));
        plain.extend(next);
    }
    plain
}

/// `if ($a = b)` has the arguments `$a`, `=` and `b`.
fn without_parentheses(args: &mut Vec<String>) {
    let (Some(first), Some(last)) = (args.first(), args.last()) else { return };
    if !first.starts_with('(') || !last.ends_with(')') {
        return;
    }
    args[0].remove(0);
    if let Some(last) = args.last_mut() {
        last.pop();
    }
    if args.last().is_some_and(String::is_empty) {
        args.pop();
    }
    if args.first().is_some_and(String::is_empty) {
        args.remove(0);
    }
}

/// One file of all: each `include` replaced.
fn combined(files: &[ConfigFile]) -> ConfigFile {
    let errors: Vec<FileError> = files.iter().flat_map(|f| f.errors.clone()).collect();
    let status = if errors.is_empty() { "ok" } else { "failed" }.to_owned();
    let parsed = files.first().map(|main| included(&main.parsed, files)).unwrap_or_default();
    let file = files.first().map(|main| main.file.clone()).unwrap_or_default();
    ConfigFile { file, status, errors, parsed }
}

// Ends: `syntax::load` refuses cycles and bounds how much is included.
fn included(block: &[Statement], files: &[ConfigFile]) -> Vec<Statement> {
    let mut out = Vec::with_capacity(block.len());
    for statement in block {
        if let Some(includes) = &statement.includes {
            out.extend(
                includes.iter().filter_map(|&i| files.get(i)).flat_map(|f| included(&f.parsed, files)),
            );
            continue;
        }
        let block = statement.block.as_ref().map(|block| included(block, files));
        out.push(Statement { block, ..statement.clone() });
    }
    out
}
