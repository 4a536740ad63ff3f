//! Values of named groups: the expression with the value in place of the group leads to them.

use std::collections::BTreeMap;

use crate::behaviour::witness::place::regex_literal;
use crate::behaviour::witness::{Kind, Questions};

/// Most values of one group.
const MAX_VALUES: usize = 12;

/// Expressions with values in place of their named groups.
pub(super) fn patterns(
    patterns: &[(String, bool)],
    asked: &BTreeMap<String, Questions>,
) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for (name, questions) in asked {
        let texts =
            questions.witnesses(Kind::Value).texts.into_iter().filter_map(|t| String::from_utf8(t).ok());
        let written = questions.literals.iter().map(|text| String::from_utf8_lossy(text).into_owned());
        for text in written.chain(texts).filter(|text| !text.is_empty()).take(MAX_VALUES) {
            let with =
                |(pattern, caseless): &(String, bool)| Some((replaced(pattern, name, &text)?, *caseless));
            found.extend(patterns.iter().filter_map(with));
        }
    }
    found
}

/// The expression with a text in place of a group; `None` without such a group.
fn replaced(pattern: &str, name: &str, text: &str) -> Option<String> {
    let heads = [format!("(?<{name}>"), format!("(?P<{name}>")];
    let (start, inside) =
        heads.iter().find_map(|head| pattern.find(&**head).map(|at| (at, at + head.len())))?;
    let (mut depth, mut is_class, mut is_escaped) = (1, false, false);
    for (at, byte) in pattern.bytes().enumerate().skip(inside) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b']' => is_class = false,
            _ if is_class => {}
            b'[' => is_class = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(format!("{}(?:{}){}", &pattern[..start], regex_literal(text), &pattern[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn groups_become_their_values() {
        for (pattern, expected) in [
            (r"^/(?<lang>[a-z)]+)/x", Some(r"^/(?:de)/x")),
            (r"^/(?P<lang>(a|b)\))$", Some(r"^/(?:de)$")),
            (r"^/(?<other>a)", None),
        ] {
            assert_eq!(replaced(pattern, "lang", "de").as_deref(), expected, "{pattern}");
        }
    }
}
