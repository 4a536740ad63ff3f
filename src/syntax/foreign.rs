//! Errors for files that are written in another language: templates and YAML.

use super::dump::{Dump, HEADING, is_message};
use super::error::{self, SyntaxError};
use super::template::{Language, Unclosed};
use super::tree::Tree;
use super::yaml::Problem;
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::source::encoding::{Encoding, not_text};
use crate::source::{FileId, Span};

/// Code of the error for a template that cannot be read as a configuration.
pub(super) const TEMPLATE: &str = "template";

/// The text is written in a template language.
pub(super) fn template(language: Language, place: Span) -> SyntaxError {
    let (name, option) = (language.name(), language.option());
    let diagnostic = Diagnostic::new(
        TEMPLATE,
        // Names that the template defines are missing in the other files.
        Class::Environment,
        Level::Error,
        place,
        format!("expected a configuration, found a template in {name}"),
    )
    .label("to be rendered")
    .help(format!(
        "render it first, {}; or say `--template {option}`: what the template fills in is then unknown, the rest is judged",
        language.render()
    ));
    SyntaxError::new(diagnostic, "unexpected \"{\"", place)
}

/// The only error of a file that is no text, or none that nginx can read.
pub(super) fn unreadable(file: FileId, text: &[u8]) -> Option<SyntaxError> {
    let place = Span::new(file, 0, text.len().min(2));
    if let Some(encoding) = Encoding::of(text) {
        return Some(error::encoding(encoding, text, place));
    }
    let kind = not_text(text)?;
    let message = format!("expected a configuration, found {}", kind.name);
    let diagnostic = Diagnostic::new("not-text", Class::Environment, Level::Error, place, message)
        .label("no configuration of nginx")
        .help(kind.help);
    Some(SyntaxError::new(diagnostic, "unknown directive", place))
}

/// Marks of template languages that are not looked through, and their names.
const LANGUAGES: [(&str, &str); 4] = [
    ("<tmpl_", "vlibTemplate, as of ISPConfig"),
    ("{{#", "Mustache or Handlebars"),
    ("{{{", "Mustache or Handlebars"),
    ("<?php", "PHP"),
];

/// The text is written in a template language that is not looked through.
pub(super) fn other_template(tree: &Tree) -> Option<SyntaxError> {
    let text = tree.text();
    let (at, mark, name) = LANGUAGES.iter().find_map(|(mark, name)| {
        let mut marks = memchr::memmem::find_iter(text, mark);
        // In a regular expression the third brace is that of a number.
        let at = marks.find(|at| {
            text.get(at + mark.len()).is_some_and(|b| b.is_ascii_alphabetic() || *mark == "<?php")
        })?;
        Some((at, mark, name))
    })?;
    let place = Span::new(tree.file(), at, at + mark.len());
    let message = format!("expected a configuration, found a template in {name}");
    let diagnostic = Diagnostic::new(TEMPLATE, Class::Environment, Level::Error, place, message)
        .label("to be rendered")
        .help("render it first, and name the file that it becomes");
    Some(SyntaxError::new(diagnostic, "unexpected \"{\"", place))
}

/// First words of the files of other programs, and names for these.
const OTHERS: [(&str, &str); 14] = [
    ("FROM ", "a Dockerfile"),
    ("ARG ", "a Dockerfile"),
    ("<VirtualHost", "a configuration of Apache"),
    ("<IfModule", "a configuration of Apache"),
    ("<Directory", "a configuration of Apache"),
    ("<Location", "a configuration of Apache"),
    ("<?php", "a program in PHP"),
    ("<", "XML or HTML"),
    ("deb ", "a list of packages"),
    ("import ", "a program"),
    ("package ", "a program"),
    ("#!", "a script"),
    ("//", "a program"),
    ("/*", "a program"),
];

/// The text is the file of another program: it is not whole, and either its first line says so or none of its directives
/// is one of nginx's.
pub(super) fn other_program(tree: &Tree, is_directive: fn(&[u8]) -> bool) -> Option<SyntaxError> {
    /// So few unknown names may be misspelt.
    const FEW: usize = 3;
    let (file, text) = (tree.file(), tree.text());
    let known = || tree.directives().any(|d| is_directive(&d.name().value()));
    let first = tree.root().directives().next()?;
    let lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let mut lines =
        lines.skip_while(|line| line.is_empty() || line.starts_with(b"#") && !line.starts_with(b"#!"));
    let mut lines = lines.by_ref().skip_while(|line| line.starts_with(b";"));
    let line = lines.next().unwrap_or_default();
    let is_section = line.starts_with(b"[") && line.ends_with(b"]");
    let named = OTHERS.iter().find(|(begin, _)| line.starts_with(begin.as_bytes())).map(|(_, name)| *name);
    let named = if is_section { Some("an INI file, as of systemd, PHP or supervisor") } else { named };
    let is_many = || {
        let first_lines = memchr::memchr_iter(b'\n', &text[first.head().range()]).count() + 1;
        tree.root().directives().count() >= FEW || first_lines >= FEW
    };
    // A comment of another language may stand in a configuration, a section or a mark of Apache may not.
    let is_certain = is_section || line.starts_with(b"<") && !is_directive(&first.name().value());
    let name = match named {
        Some(name) if is_certain || name == "a script" || !known() => name,
        _ if is_many() && !known() => {
            "the file of another program: none of its words is a directive of nginx"
        }
        _ => return None,
    };
    let start = first.head().start;
    let place = Span { file, start, end: start + first.name().value().len().min(80) as u32 };
    let message = format!("expected a configuration of nginx, found {name}");
    let diagnostic = Diagnostic::new("not-text", Class::Environment, Level::Error, place, message)
        .label("no directive of nginx")
        .help("name the configuration, as `nginx -t` prints its path; `exclude` in `ngxc.toml` leaves files out of directories");
    Some(SyntaxError::new(diagnostic, "unknown directive", place))
}

/// The text has the headings of a dump, and is none that can be taken apart: to nginx it is a comment.
pub(super) fn undeciphered(tree: &Tree) -> Option<SyntaxError> {
    let (file, text) = (tree.file(), tree.text());
    let at = memchr::memmem::find(text, HEADING).filter(|_| tree.directives().next().is_none())?;
    if Dump::read(text).is_some() {
        return None;
    }
    let place = Span::new(file, at, at + HEADING.len());
    let message = "expected the output of `nginx -T`, found its headings and no line that can be read";
    let diagnostic = Diagnostic::new("not-text", Class::Environment, Level::Error, place, message)
        .label("no heading to nginx: the line begins with something else")
        .help("take away what a program has put before each line, or print it anew: `nginx -T > nginx.txt`");
    Some(SyntaxError::new(diagnostic, "unexpected end of file, expecting \";\" or \"}\"", place))
}

/// A tag of a template never closes.
pub(super) fn unclosed(file: FileId, text: &[u8], unclosed: &Unclosed) -> SyntaxError {
    let place = Span { file, start: unclosed.range.start, end: unclosed.range.end };
    let mark = String::from_utf8_lossy(&text[place.start as usize..place.end as usize]);
    let close = unclosed.close;
    let message = format!(
        "expected `{close}` to close the tag that `{mark}` opens, found none before the next tag or the end"
    );
    let diagnostic = Diagnostic::new(TEMPLATE, Class::Environment, Level::Error, place, message)
        .label("never closed")
        .help(format!("write `{close}` at its end; the file is judged when all tags are closed"));
    SyntaxError::new(diagnostic, "unexpected \"{\"", place)
}

/// First words of what a program prints instead of a configuration.
const MESSAGES: [&[u8]; 22] = [
    b"sudo: ",
    b"bash: ",
    b"-bash: ",
    b"zsh: ",
    b"fish: ",
    b"ash: ",
    b"sh: ",
    b"cat: ",
    b"ssh: ",
    b"curl: (",
    b"docker: ",
    b"Cannot connect to the Docker daemon",
    b"Error from server",
    b"Error response from daemon",
    b"Error: ",
    b"error: ",
    b"service \"",
    b"Unable to connect to the server",
    b"The connection to the server",
    b"No resources found",
    b"OCI runtime exec failed",
    b"Permission denied",
];

/// The text is the message of a program that failed: nothing but its words came through the pipe.
pub(super) fn message(file: FileId, text: &[u8]) -> Option<SyntaxError> {
    let start = text.iter().position(|b| !b.is_ascii_whitespace())?;
    let rest = &text[start..];
    if !is_message(rest) && !MESSAGES.iter().any(|known| rest.starts_with(known)) {
        return None;
    }
    let end = start + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let place = Span::new(file, start, end);
    let shown = String::from_utf8_lossy(&text[start..end]).into_owned();
    let diagnostic = Diagnostic::new(
        "message",
        Class::Environment,
        Level::Error,
        place,
        format!("expected a configuration, found a message: {}", shown.trim_end()),
    )
    .label("printed instead of a configuration")
    .help("the command that should print the configuration failed: run it alone, and mend what it says");
    Some(SyntaxError::new(diagnostic, "unexpected end of file, expecting \";\" or \"}\"", place))
}

/// The text is YAML.
pub(super) fn yaml(place: Span) -> SyntaxError {
    let diagnostic = Diagnostic::new(
        "yaml",
        Class::Environment,
        Level::Error,
        Span { end: place.start, ..place },
        "expected a configuration, found YAML",
    )
    .label("no directive of nginx")
    .help(
        "take the configuration out of it (that of a Secret with `| base64 -d`): `kubectl get configmap NAME -o jsonpath='{.data.nginx\\.conf}' | ngxc lint -`, \
         or `nginx -T` in the container",
    );
    SyntaxError::new(diagnostic, "unexpected end of file, expecting \";\" or \"}\"", place)
}

/// The text is YAML, and no configuration in it can be judged.
pub(super) fn not_embedded(file: FileId, problem: &Problem) -> SyntaxError {
    let place = Span::new(file, problem.at, problem.at);
    let diagnostic =
        Diagnostic::new("yaml", Class::Environment, Level::Error, place, problem.message.clone())
            .label("not looked into")
            .help(problem.help.clone());
    SyntaxError::new(diagnostic, "unexpected end of file, expecting \";\" or \"}\"", place)
}
