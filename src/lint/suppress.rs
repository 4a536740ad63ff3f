//! `# ngxc: allow(rule) reason`: a comment that takes back findings of the line it ends, or of the line below.

use std::collections::HashMap;

use super::{Category, RULES};
use crate::catalog::closest;
use crate::diagnostic::{Class, Diagnostic, Level, names};
use crate::source::{FileId, SourceFile, Span};
use crate::syntax::Configuration;

/// Findings that a comment allows on a line, or in a file.
struct Allow {
    /// The name of a rule, of a category, or of another diagnostic.
    name: String,
    /// The name in the comment.
    span: Span,
    used: bool,
}

/// True if a name, of a rule, a category or another diagnostic, speaks of a finding.
pub fn covers(name: &str, code: &str) -> bool {
    name == code || category(code).is_some_and(|category| category == name)
}

/// Allowed names by file, and by line; the line 0 stands for the whole file.
type Allows = HashMap<(FileId, u32), Vec<Allow>>;

/// Takes out the findings that comments allow; reports comments that name what does not exist, that are misspelt, or that
/// allow nothing. `known` are the rules that were run: a comment for another one is not unused.
pub fn suppress(configuration: &Configuration, findings: Vec<Diagnostic>, known: &[&str]) -> Vec<Diagnostic> {
    let mut left = Vec::new();
    let mut allows = all(configuration, &mut left);
    if allows.is_empty() {
        left.extend(findings);
        return left;
    }
    for finding in findings {
        let line = configuration.sources.position(finding.span).line;
        let mut is_allowed = false;
        for line in [line, 0] {
            let here = allows.get_mut(&(finding.span.file, line)).into_iter().flatten();
            for allow in here.filter(|allow| covers(&allow.name, finding.code)) {
                (allow.used, is_allowed) = (true, true);
            }
        }
        if !is_allowed {
            left.push(finding);
        }
    }
    let was_judged = |a: &Allow| {
        known.contains(&a.name.as_str())
            || names::named(&a.name).is_some()
            || known.iter().any(|rule| category(rule).is_some_and(|category| category == a.name))
    };
    let unused = allows.into_values().flatten().filter(|a| !a.used && was_judged(a));
    left.extend(unused.map(|allow| {
        let message = format!("`{}` is allowed here, but reports nothing", allow.name);
        Diagnostic::new("unused-allow", Class::Rule, Level::Warning, allow.span, message)
            .label("allows nothing")
            .help("remove the comment")
    }));
    left
}

/// The category of a rule.
fn category(rule: &str) -> Option<&'static str> {
    RULES.binary_search_by_key(&rule, |r| r.name).ok().map(|at| RULES[at].category.name())
}

/// Words of which one is in every file with such a comment, also a misspelt one.
const LIKELY: [&[u8]; 4] = [b"ngxc", b"nxgc", b"ngcx", b"NGXC"];

/// Findings that comments allow.
fn all(configuration: &Configuration, problems: &mut Vec<Diagnostic>) -> Allows {
    let mut found = Allows::new();
    for (id, file) in configuration.sources.files() {
        // Most files have none: look before walking the tree.
        if !LIKELY.iter().any(|word| memchr::memmem::find(&file.text, word).is_some()) {
            continue;
        }
        for comment in configuration.tree(id).comments() {
            let (line, names) = match read(comment.raw()) {
                Comment::Other => continue,
                Comment::Wrong => {
                    problems.push(misspelt(comment.span()));
                    continue;
                }
                Comment::Allow(names) => (target_line(file, comment.span()), names),
                Comment::AllowFile(names) => (0, names),
            };
            for (name, offset) in names {
                let start = comment.span().start as usize + offset;
                let span = Span::new(id, start, start + name.len());
                if let Some(problem) = unknown(&name, span) {
                    problems.push(problem);
                } else {
                    found.entry((id, line)).or_default().push(Allow { name, span, used: false });
                }
            }
        }
    }
    found
}

/// The words of a comment to this program.
#[derive(Debug, PartialEq, Eq)]
enum Comment {
    /// Nothing, or something else.
    Other,
    /// A malformed suppression.
    Wrong,
    /// Names with their offsets in the comment.
    Allow(Vec<(String, usize)>),
    /// The same for the file.
    AllowFile(Vec<(String, usize)>),
}

/// Reads `# ngxc: allow(a, b) reason`.
fn read(comment: &[u8]) -> Comment {
    let Ok(text) = std::str::from_utf8(comment) else { return Comment::Other };
    let said = text.trim_start_matches('#').trim_start();
    let Some(rest) = said.strip_prefix("ngxc:") else {
        return if is_nearly_ours(said) { Comment::Wrong } else { Comment::Other };
    };
    let rest = rest.trim_start();
    if rest.starts_with("context(") {
        return Comment::Other;
    }
    let (word, list) = match rest.split_once('(') {
        Some((word, list)) if list.contains(')') => (word.trim_end(), list),
        _ => return Comment::Wrong,
    };
    let mut at = text.len() - list.len();
    let mut names = Vec::new();
    for part in list.split(')').next().unwrap_or_default().split(',') {
        let lead = part.len() - part.trim_start().len();
        names.push((part.trim().to_owned(), at + lead));
        at += part.len() + 1;
    }
    match word {
        "allow" => Comment::Allow(names),
        "allow-file" => Comment::AllowFile(names),
        _ => Comment::Wrong,
    }
}

/// True if a comment was probably meant for ngxc: its name with a letter wrong or without the `:`, and a word with `(`
/// that is nearly one of those that it knows.
fn is_nearly_ours(comment: &str) -> bool {
    let Some((before, _)) = comment.split_once('(') else { return false };
    let mut words = before.split([':', ' ', '\t']).filter(|word| !word.is_empty());
    let (Some(name), Some(word), None) = (words.next(), words.next(), words.next()) else { return false };
    let is_near = |word: &str, known: &[&'static str]| {
        let lower = word.to_ascii_lowercase();
        known.contains(&lower.as_str()) || closest(lower.as_bytes(), known.iter().copied()).is_some()
    };
    name.len() < 8 && is_near(name, &["ngxc"]) && is_near(word, &["allow", "allow-file", "context"])
}

fn misspelt(span: Span) -> Diagnostic {
    let message = "the comment is addressed to ngxc, which does not understand it: it takes nothing back";
    Diagnostic::new("unknown-suppression", Class::Rule, Level::Warning, span, message)
        .label("not understood")
        .help("write `# ngxc: allow(name) reason`, `# ngxc: allow-file(name)` or `# ngxc: context(http,server)`")
}

/// The line a comment speaks of: its own if something stands before it, else the next one with a directive.
fn target_line(file: &SourceFile, comment: Span) -> u32 {
    let at = file.position(comment.start);
    let before = &file.text[file.line_start(at.line)..comment.start as usize];
    if !before.iter().all(u8::is_ascii_whitespace) {
        return at.line;
    }
    let is_filler = |line: &[u8]| {
        let text = line.trim_ascii_start();
        text.is_empty() || text.starts_with(b"#")
    };
    let last = file.position(file.text.len() as u32).line;
    (at.line + 1..=last).find(|&line| !is_filler(file.line(line))).unwrap_or(at.line)
}

fn unknown(name: &str, span: Span) -> Option<Diagnostic> {
    let categories = || Category::ALL.iter().map(|c| c.name());
    let known =
        || RULES.iter().map(|r| r.name).chain(categories()).chain(names::NAMES.iter().map(|(name, _)| *name));
    if known().any(|known| known == name) {
        return None;
    }
    let message = format!("no rule is called `{name}`");
    let diagnostic =
        Diagnostic::new("unknown-rule", Class::Rule, Level::Warning, span, message).label("not a rule");
    Some(match closest(name.as_bytes(), known()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help("`ngxc rules` lists them"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::source::Memory;
    use crate::syntax::{LoadOptions, load};

    fn lint(text: &str) -> Vec<(&'static str, u32)> {
        let files = Memory::default().with("x", text);
        let configuration = load(&files, "x".as_ref(), &LoadOptions::default()).unwrap();
        let options = Options::new(super::super::BEFORE_DEFAULT_KEEPALIVE);
        let config = compile(&configuration, &options).config;
        let rules: Vec<_> = RULES.iter().copied().filter(|r| r.name == "upstream-not-pooled").collect();
        let found = crate::lint::lint(&configuration, &config, &rules);
        let found = suppress(&configuration, found, &["upstream-not-pooled"]);
        found.iter().map(|d| (d.code, configuration.sources.position(d.span).line)).collect()
    }

    #[test]
    fn comments_take_back_findings_of_their_line_or_the_next() {
        let cases: &[(&str, &[(&str, u32)])] = &[
            ("upstream u { server a; }", &[("upstream-not-pooled", 2)]),
            ("upstream u { server a; } # ngxc: allow(upstream-not-pooled) a test", &[]),
            ("# ngxc: allow(upstream-not-pooled) a test\n\n# more\nupstream u { server a; }", &[]),
            (
                "# ngxc: allow(upstream-not-poled)\nupstream u { server a; }",
                &[("unknown-rule", 2), ("upstream-not-pooled", 3)],
            ),
            (
                "upstream u { server a; keepalive 2; } # ngxc: allow(upstream-not-pooled)",
                &[("unused-allow", 2)],
            ),
            ("# ngxc: allow( upstream-not-pooled , connection-header-lost )\nupstream u { server a; }", &[]),
            ("log_format x '# ngxc: allow(upstream-not-pooled)';", &[]),
            (
                "# ngxc allow(x)\n# nxgc: allow(x)\n# NGXC: alow(x)",
                &[("unknown-suppression", 2), ("unknown-suppression", 3), ("unknown-suppression", 4)],
            ),
            ("# ngxc (the linter) allows it; the next line: allow(x)\n# nginx allow(x)", &[]),
        ];
        for (text, expected) in cases {
            let text = format!(
                "events {{}} http {{\n{text}\nserver {{ location / {{ proxy_pass http://u; }} }} }}\n"
            );
            assert_eq!(lint(&text), *expected, "{text}");
        }
    }
}
