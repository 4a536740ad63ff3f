//! Roles of tags: a placeholder for text, or a part of a statement.

use std::ops::Range;

use super::language::Language;
use super::reading::Unclosed;

/// Role of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A placeholder for text.
    Expression,
    /// Start of a statement that `End` closes.
    Open(Kind),
    /// Start of another branch.
    Else,
    /// End of a statement.
    End,
    /// Neither text nor structure.
    Other,
}

/// Kind of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its text is rendered or not.
    Condition,
    /// Its text is rendered any number of times.
    Loop,
    /// Its text is rendered elsewhere.
    Definition,
    /// Its text is rendered where it stands.
    Text,
}

pub(super) struct Tag {
    pub(super) range: Range<usize>,
    pub(super) role: Role,
}

pub(super) struct Tags {
    pub(super) tags: Vec<Tag>,
    /// The first that never closes.
    pub(super) unclosed: Option<Unclosed>,
}

/// Words that statements begin with, in Jinja, Go, ERB and Terraform's language.
const OPEN: [&[(&str, Kind)]; 4] = [
    &[
        ("if", Kind::Condition),
        ("for", Kind::Loop),
        ("macro", Kind::Definition),
        ("call", Kind::Definition),
        ("set", Kind::Definition),
        ("filter", Kind::Text),
        ("block", Kind::Text),
        ("raw", Kind::Text),
        ("with", Kind::Text),
        ("autoescape", Kind::Text),
    ],
    &[
        ("if", Kind::Condition),
        ("with", Kind::Condition),
        ("range", Kind::Loop),
        ("define", Kind::Definition),
        ("block", Kind::Text),
    ],
    &[
        ("if", Kind::Condition),
        ("unless", Kind::Condition),
        ("case", Kind::Condition),
        ("while", Kind::Loop),
        ("for", Kind::Loop),
        ("begin", Kind::Text),
    ],
    &[("if", Kind::Condition), ("for", Kind::Loop)],
];
const ELSE: [&[&str]; 4] = [&["else", "elif"], &["else"], &["else", "elsif", "when"], &["else"]];

pub(super) fn role(language: Language, content: &[u8]) -> Role {
    let row = match language {
        Language::Envsubst | Language::Jinja => 0,
        Language::Go => 1,
        Language::Erb => 2,
        Language::Terraform => 3,
    };
    let length = content.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let word = std::str::from_utf8(&content[..length]).unwrap_or_default();
    // A text has a name, a value stands behind the name.
    let is_value = word == "set" && memchr::memchr(b'=', content).is_some();
    let open = OPEN[row].iter().find(|(open, _)| *open == word).filter(|_| !is_value);
    let is_block = language == Language::Erb && (content.ends_with(b"do") || content.ends_with(b"|"));
    if let Some((_, kind)) = open {
        Role::Open(*kind)
    } else if is_block {
        Role::Open(Kind::Loop)
    } else if ELSE[row].contains(&word) {
        Role::Else
    } else if word == "end"
        || matches!(language, Language::Jinja | Language::Terraform) && word.starts_with("end")
        || content == b"}"
    {
        Role::End
    } else if language == Language::Go {
        let assigns = content.starts_with(b"$") && memchr::memchr(b'=', content).is_some();
        if assigns || content.starts_with(b"/*") || ["break", "continue"].contains(&word) {
            Role::Other
        } else {
            Role::Expression
        }
    } else if language == Language::Jinja && word == "include" {
        Role::Expression
    } else {
        Role::Other
    }
}
