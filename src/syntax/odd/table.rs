//! Characters that look like one of nginx's syntax and are letters to nginx.

/// Part of the syntax that a character looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SyntaxRole {
    /// A space, a line break, or nothing.
    Blank,
    /// A quote, which matters at the start and the end of a word.
    Quote,
    /// A dash, which matters at the start of a word.
    Dash,
    /// `;`, `{`, `}`, `$` or `#`.
    Sign,
}

/// Character, its name, and the text to write instead.
pub(super) struct Odd {
    pub(super) character: char,
    pub(super) name: &'static str,
    pub(super) instead: &'static str,
    pub(super) looks: SyntaxRole,
}

const fn odd(character: char, name: &'static str, instead: &'static str, looks: SyntaxRole) -> Odd {
    Odd { character, name, instead, looks }
}

pub(super) const ODD: [Odd; 63] = [
    odd('\u{b}', "a vertical tab", " ", SyntaxRole::Blank),
    odd('\u{c}', "a form feed", "\n", SyntaxRole::Blank),
    odd('\u{85}', "a next-line character", "\n", SyntaxRole::Blank),
    odd('\u{a0}', "a no-break space", " ", SyntaxRole::Blank),
    odd('\u{ad}', "a soft hyphen", "", SyntaxRole::Blank),
    odd('\u{37e}', "a Greek question mark", ";", SyntaxRole::Sign),
    odd('\u{1680}', "an ogham space", " ", SyntaxRole::Blank),
    odd('\u{180e}', "a Mongolian vowel separator", "", SyntaxRole::Blank),
    odd('\u{2000}', "an en quad", " ", SyntaxRole::Blank),
    odd('\u{2001}', "an em quad", " ", SyntaxRole::Blank),
    odd('\u{2002}', "an en space", " ", SyntaxRole::Blank),
    odd('\u{2003}', "an em space", " ", SyntaxRole::Blank),
    odd('\u{2004}', "a third of an em space", " ", SyntaxRole::Blank),
    odd('\u{2005}', "a quarter of an em space", " ", SyntaxRole::Blank),
    odd('\u{2006}', "a sixth of an em space", " ", SyntaxRole::Blank),
    odd('\u{2007}', "a figure space", " ", SyntaxRole::Blank),
    odd('\u{2008}', "a punctuation space", " ", SyntaxRole::Blank),
    odd('\u{2009}', "a thin space", " ", SyntaxRole::Blank),
    odd('\u{200a}', "a hair space", " ", SyntaxRole::Blank),
    odd('\u{200b}', "a zero-width space", "", SyntaxRole::Blank),
    odd('\u{200c}', "a zero-width non-joiner", "", SyntaxRole::Blank),
    odd('\u{200d}', "a zero-width joiner", "", SyntaxRole::Blank),
    odd('\u{200e}', "a left-to-right mark", "", SyntaxRole::Blank),
    odd('\u{200f}', "a right-to-left mark", "", SyntaxRole::Blank),
    odd('\u{2010}', "a typographic hyphen", "-", SyntaxRole::Dash),
    odd('\u{2011}', "a no-break hyphen", "-", SyntaxRole::Dash),
    odd('\u{2013}', "an en dash", "-", SyntaxRole::Dash),
    odd('\u{2014}', "an em dash", "-", SyntaxRole::Dash),
    odd('\u{2018}', "a typographic quote", "'", SyntaxRole::Quote),
    odd('\u{2019}', "a typographic quote", "'", SyntaxRole::Quote),
    odd('\u{201a}', "a typographic quote", "'", SyntaxRole::Quote),
    odd('\u{201b}', "a typographic quote", "'", SyntaxRole::Quote),
    odd('\u{201c}', "a typographic quote", "\"", SyntaxRole::Quote),
    odd('\u{201d}', "a typographic quote", "\"", SyntaxRole::Quote),
    odd('\u{201e}', "a typographic quote", "\"", SyntaxRole::Quote),
    odd('\u{201f}', "a typographic quote", "\"", SyntaxRole::Quote),
    odd('\u{2028}', "a line separator", "\n", SyntaxRole::Blank),
    odd('\u{2029}', "a paragraph separator", "\n", SyntaxRole::Blank),
    odd('\u{202a}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{202b}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{202c}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{202d}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{202e}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{202f}', "a narrow no-break space", " ", SyntaxRole::Blank),
    odd('\u{2032}', "a prime", "'", SyntaxRole::Quote),
    odd('\u{2033}', "a double prime", "\"", SyntaxRole::Quote),
    odd('\u{205f}', "a mathematical space", " ", SyntaxRole::Blank),
    odd('\u{2060}', "a word joiner", "", SyntaxRole::Blank),
    odd('\u{2066}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{2067}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{2068}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{2069}', "a mark of the writing direction", "", SyntaxRole::Blank),
    odd('\u{2212}', "a minus sign", "-", SyntaxRole::Dash),
    odd('\u{3000}', "an ideographic space", " ", SyntaxRole::Blank),
    odd('\u{feff}', "a byte order mark", "", SyntaxRole::Blank),
    odd('\u{ff02}', "a full-width quote", "\"", SyntaxRole::Quote),
    odd('\u{ff03}', "a full-width number sign", "#", SyntaxRole::Sign),
    odd('\u{ff04}', "a full-width dollar sign", "$", SyntaxRole::Sign),
    odd('\u{ff07}', "a full-width quote", "'", SyntaxRole::Quote),
    odd('\u{ff1b}', "a full-width semicolon", ";", SyntaxRole::Sign),
    odd('\u{ff5b}', "a full-width brace", "{", SyntaxRole::Sign),
    odd('\u{ff5d}', "a full-width brace", "}", SyntaxRole::Sign),
    odd('\u{fe54}', "a small semicolon", ";", SyntaxRole::Sign),
];

/// The letters of another alphabet that look like one of ours.
const LETTERS: [(&str, &str, &str); 2] = [
    ("Cyrillic", "авсԁеһіјкӏопԛрѕтухѡАВЕЗІЈКМНОРСТУХѕ", "abcdehijklonqpstyxwABE3IJKMHOPCTYXs"),
    ("Greek", "αβγικνορτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aByikvoptuxwABEZHIKMNOPTYX"),
];

/// The alphabet of a letter, and the letter that it looks like.
pub(super) fn letter(character: char) -> Option<(&'static str, char)> {
    LETTERS.iter().find_map(|(alphabet, theirs, ours)| {
        let at = theirs.chars().position(|c| c == character)?;
        Some((*alphabet, ours.chars().nth(at)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_has_the_one_that_it_looks_like() {
        for (alphabet, theirs, ours) in LETTERS {
            assert_eq!(theirs.chars().count(), ours.chars().count(), "{alphabet}");
            assert!(ours.is_ascii() && !theirs.chars().any(|c| c.is_ascii()), "{alphabet}");
        }
        assert_eq!(letter('е'), Some(("Cyrillic", 'e')));
        assert_eq!(letter('ω'), Some(("Greek", 'w')));
        assert_eq!(letter('ж'), None);
    }

    #[test]
    fn every_character_stands_once() {
        for (n, odd) in ODD.iter().enumerate() {
            assert!(ODD[n + 1..].iter().all(|other| other.character != odd.character), "{}", odd.name);
        }
    }
}
