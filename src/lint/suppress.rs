//! `# ngxc: allow(rule) reason`: a comment that takes back findings of the line it ends, or of the line below.

use std::collections::HashMap;

use super::RULES;
use crate::catalog::closest;
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::source::{FileId, SourceFile, Span};
use crate::syntax::Configuration;

/// A rule that a comment allows on a line.
struct Allow {
    rule: String,
    /// The name in the comment.
    span: Span,
    used: bool,
}

/// Takes out the findings that comments allow; reports names that are no rules, and comments that allow nothing.
/// `known` are the rules that were run: a comment for another one is not unused.
pub fn suppress(configuration: &Configuration, findings: Vec<Diagnostic>, known: &[&str]) -> Vec<Diagnostic> {
    let mut left = Vec::new();
    let mut allows = all(configuration, &mut left);
    if allows.is_empty() {
        left.extend(findings);
        return left;
    }
    for finding in findings {
        let line = configuration.sources.position(finding.span).line;
        let here = allows.get_mut(&(finding.span.file, line));
        let allow = here.and_then(|list| list.iter_mut().find(|a| a.rule == finding.code));
        match allow {
            Some(allow) if finding.class == Class::Rule => allow.used = true,
            _ => left.push(finding),
        }
    }
    let unused = allows.into_values().flatten().filter(|a| !a.used && known.contains(&a.rule.as_str()));
    left.extend(unused.map(|allow| {
        let message = format!("`{}` is allowed here, but reports nothing", allow.rule);
        Diagnostic::new("unused-allow", Class::Rule, Level::Warning, allow.span, message)
            .label("allows nothing")
            .help("remove the comment")
    }));
    left
}

/// The rules that comments allow, by file and line.
fn all(configuration: &Configuration, problems: &mut Vec<Diagnostic>) -> HashMap<(FileId, u32), Vec<Allow>> {
    let mut found: HashMap<(FileId, u32), Vec<Allow>> = HashMap::new();
    for (id, file) in configuration.sources.files() {
        // Most files have none: look before walking the tree.
        if memchr::memmem::find(&file.text, b"ngxc: allow(").is_none() {
            continue;
        }
        for comment in configuration.tree(id).comments() {
            let Some(names) = names(comment.raw()) else { continue };
            let line = target_line(file, comment.span());
            for (rule, offset) in names {
                let start = comment.span().start as usize + offset;
                let span = Span::new(id, start, start + rule.len());
                if let Some(problem) = unknown(&rule, span) {
                    problems.push(problem);
                } else {
                    found.entry((id, line)).or_default().push(Allow { rule, span, used: false });
                }
            }
        }
    }
    found
}

/// The names in `# ngxc: allow(a, b) reason`, with their offsets in the comment.
fn names(comment: &[u8]) -> Option<Vec<(String, usize)>> {
    let text = std::str::from_utf8(comment).ok()?;
    let rest = text.trim_start_matches('#').trim_start().strip_prefix("ngxc: allow(")?;
    let list = rest.split(')').next()?;
    let mut at = text.len() - rest.len();
    let mut names = Vec::new();
    for part in list.split(',') {
        let lead = part.len() - part.trim_start().len();
        names.push((part.trim().to_owned(), at + lead));
        at += part.len() + 1;
    }
    Some(names)
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
    if RULES.iter().any(|r| r.name == name) {
        return None;
    }
    let diagnostic = Diagnostic::new(
        "unknown-rule",
        Class::Rule,
        Level::Warning,
        span,
        format!("no rule is called `{name}`"),
    )
    .label("not a rule");
    Some(match closest(name.as_bytes(), RULES.iter().map(|r| r.name)) {
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
        let options = Options {
            version: super::super::BEFORE_DEFAULT_KEEPALIVE,
            contexts: Vec::new(),
            strict_modules: false,
        };
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
        ];
        for (text, expected) in cases {
            let text = format!(
                "events {{}} http {{\n{text}\nserver {{ location / {{ proxy_pass http://u; }} }} }}\n"
            );
            assert_eq!(lint(&text), *expected, "{text}");
        }
    }
}
