//! Variables in the words of a directive, with their places.

use std::ops::Range;

/// Names of variables in a text as written, `$name` and `${name}`: the range of each name without `$` and braces.
pub(crate) fn used(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(dollar) = memchr::memchr(b'$', &text[at..]) {
        let braced = text.get(at + dollar + 1) == Some(&b'{');
        let start = at + dollar + 1 + usize::from(braced);
        let length = text[start..].iter().take_while(|byte| is_name(**byte)).count();
        let end = start + length;
        if length > 0 && (!braced || text.get(end) == Some(&b'}')) {
            found.push(start..end);
        }
        at = end.max(start);
    }
    found
}

/// Names of groups in a regular expression: `(?<name>…)`, `(?P<name>…)`, `(?'name'…)`.
pub(crate) fn groups(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(text, b"(?") {
        let mut start = at + 2;
        if text.get(start) == Some(&b'P') {
            start += 1;
        }
        let close = match text.get(start) {
            Some(b'<') => b'>',
            Some(b'\'') => b'\'',
            _ => continue,
        };
        start += 1;
        let length = text[start..].iter().take_while(|byte| is_name(**byte)).count();
        if length > 0 && text.get(start + length) == Some(&close) {
            found.push(start..start + length);
        }
    }
    found
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_behind_a_dollar_or_in_braces() {
        let names = |text: &str| {
            let found = used(text.as_bytes()).into_iter();
            found.map(|range| text[range].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("http://$host${uri}x$$1 ${open $"), ["host", "uri", "1"]);
        let text = b"~^(?<a>x)(?P<b>y)(?'c'z)(?:n)(?<!no)(?<=no)";
        let found: Vec<&[u8]> = groups(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, [b"a", b"b", b"c"]);
    }
}
