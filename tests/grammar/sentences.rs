//! The grammar is the parser's: every sentence of `grammar/nginx.ebnf` parses to what it was made of, and every text that
//! parses is a sentence.

use std::sync::LazyLock;

use ngxc::source::SourceMap;
use ngxc::syntax::{SyntaxError, Tree, parse, print};
use proptest::prelude::*;

use crate::ebnf::{Expression, Grammar};

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::read(include_str!("../../grammar/nginx.ebnf")));

fn parsed(text: &[u8]) -> (Tree, Vec<SyntaxError>) {
    let mut sources = SourceMap::default();
    let file = sources.add("CONF", text);
    parse(file, sources.file(file).text.clone())
}

/// A sentence in the making. Every decision takes a number from `choices`; without numbers it is the shortest one, so
/// that sentences end, and shrink.
#[derive(Default)]
struct Sentence<'c> {
    choices: &'c [u8],
    text: Vec<u8>,
    directives: usize,
    words: usize,
    comments: usize,
    /// The text ends with a word; true: the word is quoted.
    word: Option<bool>,
    /// The next word begins with `)`, directly after a quoted one.
    needs_parenthesis: bool,
}

impl Sentence<'_> {
    fn of(production: &str, choices: &[u8]) -> (Vec<u8>, [usize; 3]) {
        let mut sentence = Sentence { choices, ..Sentence::default() };
        sentence.production(production);
        (sentence.text, [sentence.directives, sentence.words, sentence.comments])
    }

    fn draw(&mut self) -> usize {
        let Some((first, rest)) = self.choices.split_first() else { return 0 };
        self.choices = rest;
        usize::from(*first)
    }

    /// A byte of a class: every other one is a byte with a meaning, if the class has any.
    fn byte(&mut self, class: &[u8], except: &[u8]) {
        let number = self.draw();
        let class: Vec<u8> = class.iter().copied().filter(|byte| !except.contains(byte)).collect();
        let special: Vec<u8> =
            class.iter().copied().filter(|b| b" \t\r\n;{}\"'\\$#)(=[]-".contains(b)).collect();
        let from = if number % 2 == 1 && !special.is_empty() { &special } else { &class };
        self.text.push(from[number / 2 % from.len()]);
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Literal(literal) => self.text.extend(literal),
            Expression::Class(class) => self.byte(class, b""),
            Expression::Name(name) => self.production(name),
            Expression::Sequence(parts) => parts.iter().for_each(|part| self.expression(part)),
            Expression::Choice(alternatives) => {
                let number = self.draw() % alternatives.len();
                self.expression(&alternatives[number]);
            }
            Expression::Repeat(inner, least, most) => {
                let mut count = 0;
                while count < *least || count < *most && !self.draw().is_multiple_of(4) {
                    self.expression(inner);
                    count += 1;
                }
            }
        }
    }

    /// A sentence of a production, with what the comments of the grammar demand beside the notation.
    fn production(&mut self, name: &str) {
        let expression = GRAMMAR.get(name);
        match name {
            "directive" => self.directive(expression),
            "separator" => self.separator(expression),
            "word" => self.word(expression),
            "comment" => self.comment(expression),
            "space" => {
                self.expression(expression);
                self.word = None;
            }
            "block" => {
                let takes_brace = self.word == Some(false) && matches!(self.text.last(), Some(b'$' | b'{'));
                if takes_brace {
                    self.text.push(b' ');
                }
                self.word = None;
                self.expression(expression);
            }
            "lua_token" => self.lua_token(expression),
            "lua_comment" => self.lua_comment(),
            "lua_long_bracket" => self.lua_long_bracket(),
            _ => self.expression(expression),
        }
    }

    /// Without Lua, which the name of a directive decides.
    fn directive(&mut self, expression: &Expression) {
        let Expression::Sequence(parts) = expression else { panic!("{expression:?}") };
        let (last, parts) = parts.split_last().expect("a terminator");
        let Expression::Choice(ends) = last else { panic!("{last:?}") };
        self.directives += 1;
        for part in parts {
            self.expression(part);
        }
        let is_lua = |end: &&Expression| format!("{end:?}").contains("lua_block");
        let ends: Vec<_> = ends.iter().filter(|end| !is_lua(end)).collect();
        assert_eq!(ends.len(), 2);
        let number = self.draw() % ends.len();
        self.expression(ends[number]);
        self.word = None;
    }

    /// Nothing only between a quoted word and one that starts with `)`.
    fn separator(&mut self, expression: &Expression) {
        let Expression::Choice(alternatives) = expression else { panic!("{expression:?}") };
        if self.word == Some(true) && self.draw() % 4 == 3 {
            self.needs_parenthesis = true;
        } else {
            self.expression(&alternatives[0]);
        }
    }

    fn word(&mut self, expression: &Expression) {
        self.words += 1;
        let start = self.text.len();
        if std::mem::take(&mut self.needs_parenthesis) {
            let Expression::Sequence(parts) = GRAMMAR.get("unquoted_word") else { panic!("{expression:?}") };
            self.text.push(b')');
            parts[1..].iter().for_each(|part| self.expression(part));
        } else {
            self.expression(expression);
        }
        self.word = Some(matches!(self.text[start], b'"' | b'\''));
    }

    /// Only where a word could start, and up to the end of its line.
    fn comment(&mut self, expression: &Expression) {
        if self.word.is_some() {
            self.text.push(b' ');
        }
        self.comments += 1;
        self.expression(expression);
        self.text.push(b'\n');
    }

    /// The last alternative is a byte that begins no other token.
    fn lua_token(&mut self, expression: &Expression) {
        let Expression::Choice(alternatives) = expression else { panic!("{expression:?}") };
        let number = self.draw() % alternatives.len();
        match alternatives.last() {
            Some(Expression::Sequence(last)) if number + 1 == alternatives.len() => {
                let [Expression::Class(class)] = &last[..] else { panic!("{last:?}") };
                self.byte(class, b"\"'-[");
            }
            _ => self.expression(&alternatives[number]),
        }
    }

    /// Up to the end of its line, unless a long bracket follows `--`.
    fn lua_comment(&mut self) {
        self.text.extend(b"--");
        if self.draw() % 2 == 1 {
            return self.lua_long_bracket();
        }
        while !self.draw().is_multiple_of(4) {
            let all: Vec<u8> = (0..=255).collect();
            self.byte(&all, b"\n[");
        }
        self.text.push(b'\n');
    }

    /// As many `=` at the end as at the start.
    fn lua_long_bracket(&mut self) {
        let equals = "=".repeat(self.draw() % 3);
        self.text.extend(format!("[{equals}[").bytes());
        while !self.draw().is_multiple_of(4) {
            let all: Vec<u8> = (0..=255).collect();
            self.byte(&all, b"]");
        }
        self.text.extend(format!("]{equals}]").bytes());
    }
}

fn choices(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sentences_parse_to_what_they_are_made_of(choices in choices(400)) {
        let (text, counts) = Sentence::of("configuration", &choices);
        let (tree, errors) = parsed(&text);
        prop_assert!(errors.is_empty(), "{}\n{errors:?}", text.escape_ascii());
        prop_assert_eq!(print(&tree), &text[..]);
        let words = tree.directives().map(|directive| directive.words().count()).sum();
        prop_assert_eq!([tree.directives().count(), words, tree.comments().count()], counts, "{}", text.escape_ascii());
        // The time of the recogniser grows with the cube of the length.
        let is_sentence = text.len() > 50 || GRAMMAR.recognises("configuration", &text);
        prop_assert!(is_sentence, "{}", text.escape_ascii());
    }

    #[test]
    fn lua_blocks_end_where_the_grammar_says(choices in choices(200)) {
        let (block, _) = Sentence::of("lua_block", &choices);
        let text = [b"content_by_lua_block ", &block[..], b"a;"].concat();
        let (tree, errors) = parsed(&text);
        prop_assert!(errors.is_empty(), "{}\n{errors:?}", text.escape_ascii());
        prop_assert_eq!(print(&tree), &text[..]);
        let lua = tree.directives().next().and_then(ngxc::syntax::Directive::lua);
        prop_assert_eq!(lua, Some(&block[1..block.len() - 1]), "{}", text.escape_ascii());
        let is_sentence = block.len() > 50 || GRAMMAR.recognises("lua_block", &block);
        prop_assert!(is_sentence, "{}", text.escape_ascii());
    }

    #[test]
    fn what_parses_is_a_sentence(
        text in prop::collection::vec(prop::sample::select(&b"aa;;  \n{}\"'\\$#)"[..]), 0..14)
    ) {
        let (tree, errors) = parsed(&text);
        for word in tree.directives().flat_map(ngxc::syntax::Directive::words).filter(|_| errors.is_empty()) {
            prop_assert!(GRAMMAR.recognises("word", word.raw()), "{}", word.raw().escape_ascii());
        }
        let is_sentence = GRAMMAR.recognises("configuration", &text);
        prop_assert!(is_sentence || !errors.is_empty(), "{}", text.escape_ascii());
    }
}

#[test]
fn the_notation_is_read() {
    let grammar =
        Grammar::read("list ::= item ( ',' item )* [#x0A;]? /* | */\nitem ::= [^,;#x0A\\]+ | '-' \"'\"");
    for (text, is_list) in
        [("a", true), ("a,bc;", true), ("-',a\n", true), ("", false), ("a,", false), ("\\", false)]
    {
        assert_eq!(grammar.recognises("list", text.as_bytes()), is_list, "{text:?}");
    }
    for text in ["a b;", "a 'b' { c d; }", "a \"b\")c; # d", "a ${b}c{}"] {
        assert!(GRAMMAR.recognises("configuration", text.as_bytes()), "{text}");
    }
    for text in ["a b", "a 'b;", "a { b; ", "{ }", "a; }", "}"] {
        assert!(!GRAMMAR.recognises("configuration", text.as_bytes()), "{text}");
    }
}
