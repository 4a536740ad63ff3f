//! `syntax::format`: the layout, and that it changes nothing but white space.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use std::path::Path;

use ngxc::source::SourceMap;
use ngxc::syntax::{Block, Item, Tree, format, parse};
use proptest::prelude::*;

fn tree(text: &[u8]) -> Option<Tree> {
    let mut sources = SourceMap::default();
    let file = sources.add("nginx.conf", text);
    let (tree, errors) = parse(file, sources.file(file).text.clone());
    errors.is_empty().then_some(tree)
}

fn formatted(text: &str) -> String {
    String::from_utf8(format(&tree(text.as_bytes()).expect(text))).unwrap()
}

/// Words as written, terminators, braces, comments without trailing spaces, Lua.
fn tokens(block: Block<'_>, out: &mut Vec<Vec<u8>>) {
    for item in block.items() {
        match item {
            Item::Comment(comment) => out.push(comment.raw().trim_ascii_end().to_vec()),
            Item::Skipped(_) => panic!("the text is valid"),
            Item::Directive(directive) => {
                let mut head: Vec<(u32, Vec<u8>)> =
                    directive.words().map(|w| (w.span().start, w.raw().to_vec())).collect();
                head.extend(
                    directive.comments().map(|c| (c.span().start, c.raw().trim_ascii_end().to_vec())),
                );
                head.sort();
                out.extend(head.into_iter().map(|(_, text)| text));
                out.push(directive.tree().text()[directive.terminator_span().range()].to_vec());
                out.extend(directive.lua().map(<[u8]>::to_vec));
                if let Some(block) = directive.block() {
                    tokens(block, out);
                    out.push(b"}".to_vec());
                }
            }
        }
    }
}

fn check(text: &[u8]) -> Option<()> {
    let before = tree(text)?;
    let once = format(&before);
    let shown = String::from_utf8_lossy(&once).into_owned();
    let after = tree(&once).unwrap_or_else(|| panic!("no longer valid:\n{shown}"));
    let (mut old, mut new) = (Vec::new(), Vec::new());
    tokens(before.root(), &mut old);
    tokens(after.root(), &mut new);
    assert_eq!(old, new, "{shown}");
    assert_eq!(String::from_utf8_lossy(&format(&after)), shown, "formatted twice");
    Some(())
}

#[test]
fn layout() {
    let cases = [
        ("", ""),
        ("\n\n", ""),
        ("a  b\t c ;", "a b c;\n"),
        ("a;b;", "a;\nb;\n"),
        ("\n\na;\n\n\n\nb;\n", "a;\n\nb;\n"),
        ("a{b;}", "a {\n    b;\n}\n"),
        ("a\n{\n\n  b;\n\n}", "a {\n    b;\n}\n"),
        ("a {}", "a {}\n"),
        ("a {\n\n}", "a {}\n"),
        ("a{b{c;}}d;", "a {\n    b {\n        c;\n    }\n}\nd;\n"),
        ("a 'x  y'  \"z\";", "a 'x  y' \"z\";\n"),
        ("a;\r\nb;\r\n", "a;\r\nb;\r\n"),
        ("\r\n\"s\nt\";", "\"s\nt\";\n"),
        ("\"s\nt\";\r\n", "\"s\nt\";\r\n"),
        ("a; # one\n# two\nb;", "a; # one\n# two\nb;\n"),
        ("# one  \n\n\n# two", "# one\n\n# two\n"),
        ("a { # one\nb; }# two", "a { # one\n    b;\n} # two\n"),
        ("a {\n# one\n}", "a {\n    # one\n}\n"),
        ("a { # one\n}", "a { # one\n}\n"),
        ("a b # one\n c;", "a b # one\n    c;\n"),
        ("a # one\n;", "a # one\n;\n"),
        ("a\n# one\n{ b; }", "a\n    # one\n{\n    b;\n}\n"),
        ("log_format x 'a'\n'b'\n        'c';", "log_format x 'a'\n    'b'\n    'c';\n"),
        ("s { log_format x 'a'\n'b'; }", "s {\n    log_format x 'a'\n        'b';\n}\n"),
        ("a 'x\n  y';", "a 'x\n  y';\n"),
        ("if ($a = \"b\") { c; }", "if ($a = \"b\") {\n    c;\n}\n"),
        ("if ( $a ) { c; }", "if ( $a ) {\n    c;\n}\n"),
        ("content_by_lua_block{\n  x =  {1}\n  }", "content_by_lua_block {\n  x =  {1}\n  }\n"),
        ("a;\r\n\r\n\r\nb{c;}\r\n", "a;\r\n\r\nb {\r\n    c;\r\n}\r\n"),
        ("a\\  b;", "a\\  b;\n"),
    ];
    for (text, expected) in cases {
        assert_eq!(formatted(text), expected, "{text:?}");
    }
}

#[test]
fn public_configurations_keep_their_tokens() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/dev");
    let Ok(files) = std::fs::read_dir(&directory) else {
        eprintln!("SKIPPED: no corpus at {}", directory.display());
        return;
    };
    let texts = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let checked = texts.filter_map(|text| check(&text)).count();
    eprintln!("{checked} files");
    assert!(checked > 400, "{checked}");
}

fn lexical_soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![" ", "\n", "\r\n", "\t", ";", ";\n", " {", "}\n"]),
        3 => prop::sample::select(vec!["a", "b1", "$x", "${y}", "'q r'", "\"s\nt\"", "\\ ", "\\;", "(", ")"]),
        1 => prop::sample::select(vec![" # c\n", "#d \n", "set_by_lua_block $a { '}' }\n", "\u{e9}"]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Blocks that are closed, so that most texts are valid.
fn configuration() -> impl Strategy<Value = String> {
    let gap = prop_oneof![5 => Just(" "), 1 => Just("\n\n "), 1 => Just(" # c \n"), 1 => Just("\r\n"), 1 => Just("\t")];
    let word = prop::sample::select(vec!["a", "$x", "${y}", "'q  r'", "\"s\nt\"", "\\ ", "b\\;", "(x", "c}"]);
    let head = prop::collection::vec((word, gap.clone()), 1..5)
        .prop_map(|words| words.into_iter().fold("d ".to_owned(), |all, (w, g)| all + w + g));
    let leaf = prop_oneof![
        6 => (head, gap.clone()).prop_map(|(head, gap)| format!("{head};{gap}")),
        1 => Just("# e { ; }\n".to_owned()),
        1 => Just("set_by_lua_block $a{ x = {'}'} -- }\n }".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        (gap.clone(), prop::collection::vec(inner, 0..6))
            .prop_map(|(gap, items)| format!("f {{{gap}{}}}", items.concat()))
    })
}

proptest! {
    #[test]
    fn tokens_stay_and_twice_is_once(items in prop::collection::vec(configuration(), 0..6)) {
        prop_assert!(check(items.concat().as_bytes()).is_some(), "{}", items.concat());
    }

    #[test]
    fn odd_texts_too(text in lexical_soup()) {
        check(&text);
    }
}
