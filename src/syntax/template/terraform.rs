//! Tags of `templatefile`: `${…}` for a value and `%{…}` for a statement, each with braces and quoted texts inside. `$${` and
//! `%%{` stand for the signs themselves.

use memchr::memchr2_iter;

use super::language::Language;
use super::reading::Unclosed;
use super::role::{Role, Tag, Tags, role};

/// Longest tag, in bytes: what is longer never closes.
const MAX_TAG: usize = 4096;

/// Tags of a text, at most `most`.
pub(super) fn tags(text: &[u8], most: usize) -> Tags {
    let mut found = Tags { tags: Vec::new(), unclosed: None };
    let mut read = 0;
    for start in memchr2_iter(b'$', b'%', text) {
        if start < read || text.get(start + 1) != Some(&b'{') {
            continue;
        }
        // The sign twice is the text itself, which has a variable of nginx behind it: it is unknown too.
        let is_escaped = start > read && text[start - 1] == text[start];
        let Some(end) = end(&text[start + 2..]).map(|length| start + 2 + length) else {
            let range = start as u32..start as u32 + 2;
            found.unclosed.get_or_insert(Unclosed { range, close: "}" });
            read = start + 2;
            continue;
        };
        let is_statement = text[start] == b'%' && !is_escaped;
        let role = if is_statement {
            role(Language::Terraform, content(&text[start + 2..end]))
        } else {
            Role::Expression
        };
        found.tags.push(Tag { range: start - usize::from(is_escaped)..end, role });
        read = end;
        if found.tags.len() >= most {
            break;
        }
    }
    found
}

/// Content of a statement behind its mark, without the signs that trim space.
pub(super) fn content(inside: &[u8]) -> &[u8] {
    let inside = inside.strip_suffix(b"}").unwrap_or(inside);
    let inside = inside.strip_prefix(b"~").unwrap_or(inside);
    inside.strip_suffix(b"~").unwrap_or(inside).trim_ascii()
}

/// Length of a tag behind its mark, up to the brace that closes it.
fn end(inside: &[u8]) -> Option<usize> {
    let inside = &inside[..inside.len().min(MAX_TAG)];
    let (mut depth, mut quoted, mut at) = (0_usize, false, 0);
    while let Some(&byte) = inside.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            // Another tag begins: the first was never closed.
            b'$' | b'%' if inside.get(at + 1) == Some(&b'{') => return None,
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at + 1),
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::role::Kind;
    use super::*;

    #[test]
    fn tags_end_at_their_own_brace() {
        let text = br#"%{ for h in ["}", "a"] ~} server ${h.name}:${ { a = "}" }["a"] }; %{ endfor } %%{ x } $${host} ${"#;
        let found = tags(text, 100);
        let all: Vec<(&[u8], Role)> = found.tags.iter().map(|t| (&text[t.range.clone()], t.role)).collect();
        assert_eq!(
            all,
            [
                (&br#"%{ for h in ["}", "a"] ~}"#[..], Role::Open(Kind::Loop)),
                (b"${h.name}", Role::Expression),
                (br#"${ { a = "}" }["a"] }"#, Role::Expression),
                (b"%{ endfor }", Role::End),
                (b"%%{ x }", Role::Expression),
                (b"$${host}", Role::Expression),
            ]
        );
        assert_eq!(found.unclosed.map(|u| u.range.start as usize), Some(text.len() - 2));
    }
}
