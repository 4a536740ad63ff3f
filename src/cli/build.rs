//! `ngxc build`: configuration files from the JSON of `ngxc parse` or of crossplane.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::payload::{Payload, Statement, is_lua};
use super::write::{self, Readers};
use super::{Failure, Outcome, note};
use crate::source::{Disk, Loader};

/// Arguments of `ngxc build`.
#[derive(Args)]
pub(super) struct BuildArgs {
    /// The JSON; `-` is standard input.
    #[arg(value_name = "FILE.json")]
    file: PathBuf,

    /// Write the files below this directory, absolute names too; otherwise print them.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Replace files that are there.
    #[arg(long, requires = "dir")]
    force: bool,

    /// Indent blocks by this many spaces.
    #[arg(long, value_name = "SPACES", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=16))]
    indent: u8,

    /// Indent blocks with tabs.
    #[arg(long, conflicts_with = "indent")]
    tabs: bool,
}

pub(super) fn run(args: &BuildArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let name = args.file.display();
    let text =
        Disk.read(&args.file).map_err(|error| Failure::new(format!("cannot read `{name}`: {error}")))?;
    let payload: Payload = serde_json::from_slice(&text).map_err(|error| {
        Failure::new(format!("`{name}` is no payload: {error}")).help("`ngxc parse FILE` prints one")
    })?;
    let indent = if args.tabs { "\t".to_owned() } else { " ".repeat(args.indent.into()) };
    let files = payload.config.iter().map(|file| (file.file.as_str(), text_of(&file.parsed, &indent)));
    match &args.dir {
        Some(dir) => write_all(&files.collect::<Vec<_>>(), dir, args.force, &args.file)?,
        None => {
            for (name, text) in files {
                if payload.config.len() > 1 {
                    writeln!(out, "# {name}")?;
                }
                out.write_all(text.as_bytes())?;
            }
        }
    }
    Ok(Outcome::Clean)
}

fn write_all(files: &[(&str, String)], dir: &Path, force: bool, input: &Path) -> Result<(), Failure> {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| below(dir, name)).collect::<Result<_, _>>()?;
    // Existing outputs are refused before the first one is written.
    if let Some(there) = paths.iter().find(|path| !force && path.exists()) {
        return Err(
            Failure::new(format!("`{}` is already there", there.display())).help("`--force` replaces it")
        );
    }
    for ((_, text), path) in files.iter().zip(&paths) {
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
            write::output(path, text.as_bytes(), Readers::Everybody, [input])
        };
        write().map_err(|error| Failure::new(format!("cannot write `{}`: {error}", path.display())))?;
        note(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// A name from the JSON, kept below the directory: who writes the JSON must not choose any file of the disk.
fn below(dir: &Path, name: &str) -> Result<PathBuf, Failure> {
    let mut path = dir.to_owned();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::ParentDir => {
                return Err(Failure::new(format!("`{name}` leads out of `{}`", dir.display())));
            }
        }
    }
    if path == dir { Err(Failure::new(format!("`{name}` names no file"))) } else { Ok(path) }
}

/// The text of a file.
pub(super) fn text_of(statements: &[Statement], indent: &str) -> String {
    let mut text = String::new();
    block(&mut text, statements, indent, 0, None);
    let mut text = text.trim_start_matches('\n').to_owned();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Statements, each on a new line; a comment of the line before goes to its end. Recursion is bounded by the
/// limit on nesting in JSON.
fn block(
    out: &mut String,
    statements: &[Statement],
    indent: &str,
    depth: usize,
    mut line_before: Option<u32>,
) {
    for statement in statements {
        if let Some(comment) = statement.comment.as_deref().filter(|_| statement.directive == "#") {
            // Nothing could follow it there: the next comment begins a line.
            if line_before == Some(statement.line) {
                out.push(' ');
            } else {
                new_line(out, indent, depth);
            }
            line_before = None;
            out.push('#');
            // A comment ends where the line does.
            out.push_str(&comment.replace(['\n', '\r'], " "));
            continue;
        }
        new_line(out, indent, depth);
        directive(out, statement);
        match &statement.block {
            None if is_lua(&statement.directive) => {}
            None => out.push(';'),
            Some(inner) => {
                out.push_str(" {");
                block(out, inner, indent, depth + 1, Some(statement.line));
                new_line(out, indent, depth);
                out.push('}');
            }
        }
        line_before = Some(statement.line);
    }
}

fn new_line(out: &mut String, indent: &str, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str(indent);
    }
}

fn directive(out: &mut String, statement: &Statement) {
    out.push_str(&quoted(&statement.directive));
    let mut args = statement.args.as_slice();
    let mut lua = None;
    if statement.block.is_none() && is_lua(&statement.directive) {
        let (last, others) =
            args.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
        (lua, args) = (Some(last), others);
    }
    if statement.directive == "if" && statement.block.is_some() {
        out.push_str(" (");
        for (i, arg) in args.iter().enumerate() {
            let word = quoted(arg);
            // After the parenthesis a quote would be part of the word.
            if i > 0 || word != *arg {
                out.push(' ');
            }
            out.push_str(&word);
        }
        out.push(')');
    } else {
        for arg in args {
            out.push(' ');
            out.push_str(&quoted(arg));
        }
    }
    if let Some(lua) = lua {
        out.push_str(" {");
        out.push_str(lua);
        out.push('}');
    }
}

/// An argument as it has to be written: quoted where crossplane would, or where nginx would read it otherwise.
pub(super) fn quoted(arg: &str) -> String {
    let Shape { needs_quotes, breaks, single, double } = shape(arg);
    if !needs_quotes {
        return arg.to_owned();
    }
    let quote = match (single, double) {
        (QuoteOccurrence::No, _) => '\'',
        (_, QuoteOccurrence::No) => '"',
        (QuoteOccurrence::Plain, _) => '\'',
        (_, QuoteOccurrence::Plain) => '"',
        // Both quotes are escaped in it: between quotes one of them would lose its backslash.
        _ if !breaks => return arg.to_owned(),
        _ => '\'',
    };
    let mut out = String::from(quote);
    let mut characters = arg.chars();
    while let Some(c) = characters.next() {
        if c == quote {
            out.push('\\');
        }
        out.push(c);
        if c == '\\' {
            // A backslash at the end would escape the quote.
            out.push(characters.next().unwrap_or('\\'));
        }
    }
    out.push(quote);
    out
}

/// Occurrence of a kind of quote in an argument.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum QuoteOccurrence {
    No,
    Plain,
    Escaped,
}

struct Shape {
    /// crossplane quotes it.
    needs_quotes: bool,
    /// Without quotes nginx reads something else.
    breaks: bool,
    single: QuoteOccurrence,
    double: QuoteOccurrence,
}

fn shape(arg: &str) -> Shape {
    let breaks = arg.is_empty() || arg.starts_with(['{', '}', ';', '"', '\'', '#']);
    let mut shape =
        Shape { needs_quotes: breaks, breaks, single: QuoteOccurrence::No, double: QuoteOccurrence::No };
    let mut characters = arg.chars().peekable();
    let mut expanding = false;
    let mut start = true;
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('\'') => shape.single = QuoteOccurrence::Escaped,
                Some('"') => shape.double = QuoteOccurrence::Escaped,
                Some(_) => {}
                None => (shape.needs_quotes, shape.breaks) = (true, true),
            },
            '$' if characters.peek() == Some(&'{') => {
                characters.next();
                shape.needs_quotes |= start || expanding;
                expanding = true;
            }
            '$' => shape.needs_quotes |= characters.peek().is_none(),
            '}' => {
                shape.needs_quotes |= !expanding;
                expanding = false;
            }
            '\'' => {
                shape.single = shape.single.max(QuoteOccurrence::Plain);
                shape.needs_quotes = true;
            }
            '"' => {
                shape.double = shape.double.max(QuoteOccurrence::Plain);
                shape.needs_quotes = true;
            }
            '{' | ';' => (shape.needs_quotes, shape.breaks) = (true, true),
            _ if c.is_whitespace() => {
                shape.needs_quotes = true;
                shape.breaks |= matches!(c, ' ' | '\t' | '\r' | '\n');
            }
            _ => {}
        }
        start = false;
    }
    shape.needs_quotes |= expanding;
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_where_they_are_needed() {
        let cases = [
            ("a", "a"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "\"it's\""),
            ("say \"it's\"", "'say \"it\\'s\"'"),
            ("${a}b", "'${a}b'"),
            ("b${a}", "b${a}"),
            ("^/a$", "'^/a$'"),
            ("a{2}", "'a{2}'"),
            ("a;", "'a;'"),
            ("#a", "'#a'"),
            (r"a\ b", r"a\ b"),
            (r"a\", r"'a\\'"),
            (r"\'\x", r"\'\x"),
            (r#"\'\"x"y"#, r#"\'\"x"y"#),
            (r#"\' x"y"#, r#""\' x\"y""#),
        ];
        for (arg, written) in cases {
            assert_eq!(quoted(arg), written, "{arg}");
        }
    }

    #[test]
    fn names_stay_below_the_directory() {
        let below = |name| below(Path::new("d"), name).map_err(|f| f.message);
        assert_eq!(below("/etc/nginx.conf").as_deref(), Ok(Path::new("d/etc/nginx.conf")));
        assert!(below("../x").is_err());
        assert!(below("a/../../x").is_err());
        assert!(below("/").is_err());
    }
}
