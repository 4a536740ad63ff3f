//! Whatever the bytes: no panic, nothing lost, every span inside the text.

use ngxc::syntax::{Block, Item, Quote, print};
use proptest::prelude::*;

use crate::syntax::Parsed;

/// Bytes that mean something to the lexer, mostly.
fn lexical_soup() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => prop::sample::select(&b" \t\r\n;{}\"'\\$#)("[..]),
        3 => prop::sample::select(&b"ab[]-=tn0"[..]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..200)
}

/// Text with the shape of a configuration, Lua blocks, comments in odd places and errors included.
fn configuration_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z_]{1,6}",
        r"\$[a-z]{1,4}",
        r"\$\{[a-z]{1,4}\}",
        r#""[a-z $;{}#']{0,8}""#,
        r"'[a-z\\\n]{0,6}x'",
        r"\\.",
        "[a-z]\\}",
        "\"[a-z]{1,3}",
    ];
    let gap = prop_oneof![6 => Just(" "), 1 => Just("\n  "), 1 => Just("\r\n"), 1 => Just(" # note\n"), 1 => Just("\t")];
    let head = prop::collection::vec((word, gap), 1..5)
        .prop_map(|words| words.into_iter().flat_map(|(w, g)| [w, g.to_owned()]).collect::<String>());
    let simple = (head.clone(), prop_oneof![8 => Just(";"), 1 => Just(";;"), 1 => Just("")])
        .prop_map(|(head, end)| format!("{head}{end}\n"));
    let leaf = prop_oneof![
        6 => simple,
        1 => Just("# comment { ; }\n".to_owned()),
        1 => Just("content_by_lua_block { x = {'}'} -- }\n }\n".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let close = prop_oneof![9 => Just("}\n"), 1 => Just(""), 1 => Just("}}\n")];
        (head.clone(), prop::collection::vec(inner, 0..6), close)
            .prop_map(|(head, items, close)| format!("{head}{{\n{}{close}", items.concat()))
    })
}

fn check_spans(block: Block<'_>, end_of_parent: u32) {
    let mut at = block.span().start;
    for item in block.items() {
        let span = match item {
            Item::Directive(directive) => directive.span(),
            Item::Comment(comment) => comment.span(),
            Item::Skipped(span) => span,
        };
        assert!(
            at <= span.start && span.start < span.end && span.end <= end_of_parent,
            "{span:?} in {block:?}",
            block = block.span()
        );
        at = span.end;
        if let Item::Directive(directive) = item {
            assert!(directive.words().len() > 0);
            if let Some(inner) = directive.block().filter(|_| directive.lua().is_none()) {
                check_spans(inner, span.end);
            }
        }
    }
}

fn check(text: &[u8]) {
    let parsed = Parsed::new(text);
    assert_eq!(print(&parsed.tree).escape_ascii().to_string(), text.escape_ascii().to_string());
    check_spans(parsed.tree.root(), text.len() as u32);
    for error in &parsed.errors {
        let span = error.diagnostic.span;
        assert!(span.start <= span.end && span.end as usize <= text.len());
        assert!(error.nginx_place().end as usize <= text.len());
        assert!(!error.diagnostic.message.contains('\n'), "{}", error.diagnostic.message);
    }
}

/// The words of a text without errors, read one byte at a time: nginx's state machine, literally.
fn naive_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                let next = chars.next().unwrap();
                let word = word.get_or_insert_default();
                match next {
                    '"' | '\'' | '\\' => word.push(next),
                    't' => word.push('\t'),
                    'r' => word.push('\r'),
                    'n' => word.push('\n'),
                    _ => word.extend(['\\', next]),
                }
            }
            (_, Some(open)) if c == open => {
                words.push(word.take().unwrap());
                quote = None;
            }
            ('"' | '\'', None) if word.is_none() => (quote, word) = (Some(c), Some(String::new())),
            (' ' | '\n' | ';', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(text in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&text);
    }

    #[test]
    fn bytes_that_mean_something(text in lexical_soup()) {
        check(&text);
    }

    #[test]
    fn text_like_a_configuration(text in configuration_like()) {
        check(text.as_bytes());
    }

    #[test]
    fn values_equal_a_naive_reading(
        words in prop::collection::vec(
            prop_oneof![
                r#"[a-z]([a-z"'#}]|\\[a-z"'\\; {]){0,6}"#,
                r#""([a-z'; {}#\n]|\\[a-z"'\\ ]){0,6}""#,
                r#"'([a-z"; {}#\n]|\\[a-z"'\\ ]){0,6}'"#,
            ],
            1..6,
        ),
    ) {
        let text = format!("{} ;", words.join(" "));
        let parsed = Parsed::new(&text);
        prop_assert_eq!(&parsed.errors, &[]);
        let directive = parsed.tree.root().directives().next().unwrap();
        let values: Vec<String> = directive.words().map(|w| w.to_string()).collect();
        prop_assert_eq!(values, naive_words(&text));
        for (word, written) in directive.words().zip(&words) {
            prop_assert_eq!(word.raw(), written.as_bytes());
            let quote = match written.as_bytes()[0] { b'"' => Quote::Double, b'\'' => Quote::Single, _ => Quote::None };
            prop_assert_eq!(word.quote(), quote);
        }
    }
}
