//! The statement that is being typed: its words, and the blocks around it, read from the text before the cursor. A text
//! that is being typed is rarely one that parses.

/// Statement before a cursor.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// Words of the heads of the blocks that are open, the outermost first.
    pub(super) blocks: Vec<Vec<String>>,
    /// Complete words of the statement.
    pub(super) words: Vec<String>,
    /// The word that the cursor is in, without its quote; empty behind a blank.
    pub(super) word: String,
    /// Length of `word` as written, with its quote, in bytes.
    pub(super) length: usize,
    /// The cursor is in a comment.
    pub(super) is_comment: bool,
}

impl Statement {
    /// Reads the text before the cursor.
    pub(super) fn before(text: &str) -> Self {
        let mut found = Self::default();
        let mut chars = text.char_indices().peekable();
        let mut quote: Option<char> = None;
        let mut start = None;
        let mut word = String::new();
        while let Some((at, c)) = chars.next() {
            if found.is_comment {
                found.is_comment = c != '\n';
                continue;
            }
            if let Some(open) = quote {
                match c {
                    '\\' => word.extend([c].into_iter().chain(chars.next().map(|(_, c)| c))),
                    _ if c == open => quote = None,
                    _ => word.push(c),
                }
                continue;
            }
            let is_inside = start.is_some();
            match c {
                '\\' => {
                    start.get_or_insert(at);
                    word.extend([c].into_iter().chain(chars.next().map(|(_, c)| c)));
                }
                '"' | '\'' if !is_inside => {
                    start = Some(at);
                    quote = Some(c);
                }
                '#' if !is_inside => found.is_comment = true,
                // A brace behind a dollar belongs to a variable.
                '{' if word.ends_with('$') => word.push(c),
                '}' if word.rfind("${").is_some_and(|open| !word[open..].contains('}')) => word.push(c),
                '{' | '}' | ';' => {
                    if start.take().is_some() {
                        found.words.push(std::mem::take(&mut word));
                    }
                    let words = std::mem::take(&mut found.words);
                    match c {
                        '{' => found.blocks.push(words),
                        '}' => drop(found.blocks.pop()),
                        _ => {}
                    }
                }
                _ if c.is_whitespace() => {
                    if start.take().is_some() {
                        found.words.push(std::mem::take(&mut word));
                    }
                }
                _ => {
                    start.get_or_insert(at);
                    word.push(c);
                }
            }
        }
        found.length = start.map_or(0, |start| text.len() - start);
        found.word = word;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_before_the_cursor_are_those_of_the_lexer() {
        let cases = [
            ("", "", "", ""),
            ("http { serv", "http", "", "serv"),
            (
                "http { server { listen 80; location / { proxy_pass http://a",
                "http|server|location /",
                "proxy_pass",
                "http://a",
            ),
            ("a { b c; } # x {\n d \"e f\" g", "", "d|e f", "g"),
            ("if ($x) { set $y ${x}z", "if ($x)", "set|$y", "${x}z"),
            ("set $a \"b { c", "", "set|$a", "b { c"),
            ("log_format x '$a' '$", "", "log_format|x|$a", "$"),
            ("location ~ a\\{2 { ", "location ~ a\\{2", "", ""),
        ];
        for (text, blocks, words, word) in cases {
            let found = Statement::before(text);
            let heads: Vec<String> = found.blocks.iter().map(|words| words.join(" ")).collect();
            let got = (heads.join("|"), found.words.join("|"), found.word);
            assert_eq!(got, (blocks.to_owned(), words.to_owned(), word.to_owned()), "{text}");
        }
        assert!(Statement::before("a; # b").is_comment && !Statement::before("a; # b\n").is_comment);
        assert_eq!(Statement::before("set $a \"b c").length, 4);
    }
}
