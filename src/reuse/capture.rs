//! Captures with known texts: groups of a regular expression that only list alternatives, `^/(api|www)/`.

/// Alternatives of a numbered capture, if its group is only a list of plain texts.
pub(super) fn numbered(pattern: &str, number: usize) -> Option<Vec<String>> {
    let group = groups(pattern)?.into_iter().nth(number.checked_sub(1)?)?;
    alternatives(pattern, &group)
}

/// Alternatives of a named capture, if its group is only a list of plain texts.
pub(super) fn named(pattern: &str, name: &str) -> Option<Vec<String>> {
    let group = groups(pattern)?.into_iter().find(|group| group.name.as_deref() == Some(name))?;
    alternatives(pattern, &group)
}

/// Capturing group: its name and the start of its content.
struct Group {
    name: Option<String>,
    start: usize,
}

/// Capturing groups in order; `None` if the pattern has a construct unknown to this parser.
fn groups(pattern: &str) -> Option<Vec<Group>> {
    let bytes = pattern.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut in_class) = (0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'(' if !in_class => {
                let rest = &pattern[at + 1..];
                if let Some(special) = rest.strip_prefix('?') {
                    let name = ["P<", "<", "'"].iter().find_map(|open| special.strip_prefix(open));
                    match name.filter(|name| !name.starts_with(['=', '!'])) {
                        Some(named) => {
                            let length = named.find(['>', '\''])?;
                            let start = pattern.len() - named.len() + length + 1;
                            found.push(Group { name: Some(named[..length].to_owned()), start });
                        }
                        // Branch resets and conditions number groups differently.
                        None if special.starts_with([':', '=', '!', '<']) => {}
                        None => return None,
                    }
                } else if rest.starts_with('*') {
                    return None;
                } else {
                    found.push(Group { name: None, start: at + 1 });
                }
            }
            _ => {}
        }
        at += 1;
    }
    Some(found)
}

fn alternatives(pattern: &str, group: &Group) -> Option<Vec<String>> {
    let mut list = vec![String::new()];
    let mut rest = pattern.get(group.start..)?.chars();
    loop {
        match rest.next()? {
            ')' => break,
            '|' => list.push(String::new()),
            '\\' => {
                let escaped = rest.next().filter(char::is_ascii_punctuation)?;
                list.last_mut()?.push(escaped);
            }
            plain if plain.is_ascii_alphanumeric() || "-_/,:@%&=~".contains(plain) => {
                list.last_mut()?.push(plain);
            }
            _ => return None,
        }
    }
    // A group that can be missing or repeated has other texts too.
    (!rest.as_str().starts_with(['?', '*', '+', '{'])).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_texts_are_known_and_nothing_else() {
        let cases: [(&str, usize, Option<&[&str]>); 11] = [
            ("^/(api|www)/", 1, Some(&["api", "www"])),
            ("^/(?:x|y)/(a-1|b\\.c)$", 1, Some(&["a-1", "b.c"])),
            ("^/([ab])(c|d)", 2, Some(&["c", "d"])),
            ("^/(?<app>one|two)/(.*)$", 1, Some(&["one", "two"])),
            ("^/(?<app>one|two)/(.*)$", 2, None),
            ("^/(a|b)?", 1, None),
            ("^/(a|b)+", 1, None),
            ("^/(a.c)", 1, None),
            ("^/(a|(b))", 1, None),
            ("^/(?|(a)|(b))", 1, None),
            ("^/(a|b", 1, None),
        ];
        for (pattern, number, expected) in cases {
            let expected = expected.map(|list| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
            assert_eq!(numbered(pattern, number), expected, "{pattern} {number}");
        }
        assert_eq!(named("^/(?<app>one|two)/", "app"), Some(vec!["one".to_owned(), "two".to_owned()]));
        assert_eq!(named("^/(?<app>one|two)/", "b"), None);
    }
}
