//! Placeholders that another program should have filled in, in a file that is read as it stands.

/// A placeholder in a text.
pub(super) struct Placeholder {
    text: String,
    /// Name that `--define` can fill in; `None` for a form that it does not know.
    name: Option<String>,
}

/// Forms of placeholders: the signs around a name in capitals, and whether `envsubst` fills it in.
const FORMS: [(&str, &str, bool); 6] = [
    ("${", "}", true),
    ("@", "@", true),
    ("__", "__", true),
    ("%%", "%%", true),
    ("%", "%", true),
    ("<", ">", false),
];

/// Longest name and sign that are looked for, in characters.
const LONGEST: usize = 80;

impl Placeholder {
    /// The text to type.
    pub(super) fn help(&self) -> String {
        let text = &self.text;
        match &self.name {
            Some(name) => format!(
                "`{text}` looks like a placeholder, which nginx does not fill in: `--template envsubst` reads the file as a \
                 template, `--define {name}=…` says what it is"
            ),
            None => format!(
                "`{text}` looks like a placeholder that another program fills in: name the file that it makes of this one"
            ),
        }
    }
}

/// The first placeholder of a text.
pub(super) fn find(text: &[u8]) -> Option<Placeholder> {
    let text = std::str::from_utf8(text).ok()?;
    let all = FORMS.iter().filter_map(|&(open, close, is_known)| {
        let (at, name) = in_form(text, open, close)?;
        let name = name.to_owned();
        let text = format!("{open}{name}{close}");
        Some((at, Placeholder { text, name: is_known.then_some(name) }))
    });
    all.min_by_key(|(at, _)| *at).map(|(_, placeholder)| placeholder)
}

/// A name in capitals between two signs.
fn in_form<'t>(text: &'t str, open: &str, close: &str) -> Option<(usize, &'t str)> {
    text.match_indices(open).find_map(|(at, _)| {
        let rest = &text[at + open.len()..];
        // The whole rest would be searched for each of many signs.
        let rest = &rest[..rest.char_indices().nth(LONGEST).map_or(rest.len(), |(end, _)| end)];
        let length = rest.find(close)?;
        let name = &rest[..length];
        // Two letters are a byte in an address: `%C3%A4`.
        let is_lower = matches!(open, "%" | "<");
        let is_letter =
            |b: u8| if is_lower { b.is_ascii_lowercase() || b == b'-' } else { b.is_ascii_uppercase() };
        let is_name = name.bytes().next().is_some_and(is_letter)
            && (name.len() > 2 || name == "ip")
            && name.bytes().all(|b| is_letter(b) || b.is_ascii_digit() || b == b'_')
            && !text[..at].ends_with(['?', 'P', '%']);
        is_name.then_some((at, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stand_between_signs() {
        for (text, expected) in [
            ("listen ${PORT}", Some("${PORT}")),
            ("listen __PORT__", Some("__PORT__")),
            ("listen @HTTP_PORT@", Some("@HTTP_PORT@")),
            ("proxy_pass http://%%HOST%%:80", Some("%%HOST%%")),
            ("listen ${port}", None),
            ("return 200 a@b@c", None),
            ("rewrite ^/%C3%A4 /a", None),
            ("listen %ip%:%web_port%", Some("%ip%")),
            ("listen <port>", Some("<port>")),
            ("location ~ (?<name>a)", None),
            ("listen 80", None),
        ] {
            assert_eq!(find(text.as_bytes()).map(|p| p.text).as_deref(), expected, "{text}");
        }
    }
}
