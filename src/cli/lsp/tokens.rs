//! Semantic tokens: directives, blocks, variables, numbers, strings, expressions and comments.

use lsp_types::{
    SemanticToken, SemanticTokenType, SemanticTokens, SemanticTokensLegend, SemanticTokensParams,
    SemanticTokensResult,
};

use super::index::variables_of;
use super::state::State;
use super::{documents, position};
use crate::catalog;
use crate::source::{SourceFile, Span};
use crate::syntax::{Directive, Quote, Terminator};

/// Types in the order of their numbers.
const TYPES: [SemanticTokenType; 8] = [
    SemanticTokenType::KEYWORD,
    SemanticTokenType::NAMESPACE,
    SemanticTokenType::VARIABLE,
    SemanticTokenType::NUMBER,
    SemanticTokenType::STRING,
    SemanticTokenType::REGEXP,
    SemanticTokenType::COMMENT,
    SemanticTokenType::ENUM_MEMBER,
];

/// Numbers of [`TYPES`].
#[derive(Clone, Copy)]
enum Type {
    Directive,
    Block,
    Variable,
    Number,
    String,
    Expression,
    Comment,
    Word,
}

pub(super) fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend { token_types: TYPES.to_vec(), token_modifiers: Vec::new() }
}

/// Tokens of a whole document.
pub(super) fn tokens(server: &State<'_>, params: &SemanticTokensParams) -> Option<SemanticTokensResult> {
    let path = documents::path(&params.text_document.uri)?;
    let (analysed, file) = server.analysis.of(&path).next()?;
    let source = analysed.configuration().sources.file(file);
    // Offsets of a template with filled-in values are not those of the document.
    if source.is_filled() {
        return None;
    }
    let tree = analysed.configuration().tree(file);
    let mut found: Vec<(u32, u32, Type)> = Vec::new();
    for directive in tree.directives() {
        of_directive(directive, &mut found);
    }
    found.extend(tree.comments().map(|comment| (comment.span().start, comment.span().end, Type::Comment)));
    found.sort_unstable_by_key(|(start, end, _)| (*start, *end));
    let mut data = Vec::new();
    let mut last = lsp_types::Position::new(0, 0);
    for (start, end, kind) in found {
        for (start, end) in lines(source, start, end) {
            let (from, to) = (position::of_offset(source, start), position::of_offset(source, end));
            let delta_line = from.line - last.line;
            let delta_start = if delta_line == 0 { from.character - last.character } else { from.character };
            data.push(SemanticToken {
                delta_line,
                delta_start,
                length: to.character - from.character,
                token_type: kind as u32,
                token_modifiers_bitset: 0,
            });
            last = from;
        }
    }
    Some(SemanticTokensResult::Tokens(SemanticTokens { result_id: None, data }))
}

/// A token has no line break: the parts of a text in its lines.
fn lines(source: &SourceFile, start: u32, end: u32) -> Vec<(u32, u32)> {
    let text = &source.text[start as usize..end as usize];
    let mut parts = Vec::new();
    let mut from = start;
    for line in text.split(|byte| *byte == b'\n') {
        let length = line.strip_suffix(b"\r").unwrap_or(line).len() as u32;
        if length > 0 {
            parts.push((from, from + length));
        }
        from += line.len() as u32 + 1;
    }
    parts
}

fn of_directive(directive: Directive<'_>, found: &mut Vec<(u32, u32, Type)>) {
    let name = directive.name();
    let is_block = directive.terminator() == Terminator::Block;
    let is_known = !catalog::directives(&name.value()).is_empty();
    // An entry of a map is no directive.
    if is_known {
        let kind = if is_block { Type::Block } else { Type::Directive };
        found.push((name.span().start, name.span().end, kind));
    }
    let mut is_expression = false;
    for (at, word) in directive.words().enumerate() {
        let raw = word.raw();
        if at == 0 && is_known {
            continue;
        }
        let span: Span = word.span();
        let kind = if is_expression || (raw.starts_with(b"~") && raw.len() > 2) {
            Some(Type::Expression)
        } else if word.quote() != Quote::None {
            Some(Type::String)
        } else if is_number(raw) {
            Some(Type::Number)
        } else if matches!(raw, b"on" | b"off" | b"default") {
            Some(Type::Word)
        } else {
            None
        };
        is_expression = matches!(raw, b"~" | b"~*" | b"!~" | b"!~*");
        // Variables divide the word around them.
        let mut from = span.start;
        for name in variables_of(raw) {
            let braces = usize::from(raw.get(name.start.wrapping_sub(1)) == Some(&b'{'));
            let (start, end) =
                (span.start + (name.start - 1 - braces) as u32, span.start + (name.end + braces) as u32);
            if let Some(kind) = kind.filter(|_| from < start) {
                found.push((from, start, kind));
            }
            found.push((start, end, Type::Variable));
            from = end;
        }
        if let Some(kind) = kind.filter(|_| from < span.end) {
            found.push((from, span.end, kind));
        }
    }
}

/// A number, with a unit.
fn is_number(raw: &[u8]) -> bool {
    let digits = raw.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    digits > 0
        && raw[0].is_ascii_digit()
        && raw.len() - digits <= 2
        && raw[digits..].iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'%')
}
