//! Handles of the tree for good input, and inputs that nobody writes.

use std::time::{Duration, Instant};

use ngxc::syntax::{Comment, Item, MAX_DEPTH, MAX_ERRORS, Quote, Terminator, Word, print};

use crate::syntax::Parsed;

const SMALL: &str = r#"# main
user www-data; # who

http {
    log_format main '$remote_addr "$request"'
                    # the rest
                    "a\tb\$c" # last
                    ;
    server { listen 80; return 200 ok\n; }
    content_by_lua_block {
        ngx.say("}") -- }
    }
}
"#;

#[test]
fn outline_of_a_small_tree() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/syntax"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("small_tree", format!("{:?}", Parsed::new(SMALL).tree)));
}

#[test]
fn handles() {
    let parsed = Parsed::new(SMALL);
    assert_eq!(parsed.errors, []);
    let text = |span| std::str::from_utf8(parsed.sources.text(span)).unwrap();
    let root = parsed.tree.root();
    assert_eq!((root.open(), root.close(), text(root.span())), (None, None, SMALL));
    let kinds: String = root
        .items()
        .map(|item| match item {
            Item::Directive(_) => 'd',
            Item::Comment(_) => 'c',
            Item::Skipped(_) => 's',
        })
        .collect();
    assert_eq!(kinds, "cdcd");

    let http = root.directives().nth(1).unwrap();
    assert_eq!((http.args().len(), http.terminator(), text(http.head())), (0, Terminator::Block, "http"));
    assert!(text(http.span()).starts_with("http {\n") && text(http.span()).ends_with("}\n}"));
    let block = http.block().unwrap();
    assert_eq!((text(block.open().unwrap()), text(block.close().unwrap())), ("{", "}"));
    assert!(text(block.span()).starts_with("\n    log_format"));
    assert!(http.lua().is_none());

    let format = block.directives().next().unwrap();
    assert_eq!(format.arg(1).unwrap().raw(), br#"'$remote_addr "$request"'"#);
    assert_eq!(format.arg(1).unwrap().value(), &br#"$remote_addr "$request""#[..]);
    assert_eq!(format.arg(2).unwrap().value(), &b"a\tb\\$c"[..]);
    assert_eq!(format.arg(2).unwrap().content(), br"a\tb\$c");
    assert!(format.arg(3).is_none());
    let quotes: Vec<Quote> = format.words().map(Word::quote).collect();
    assert_eq!(quotes, [Quote::None, Quote::None, Quote::Single, Quote::Double]);
    let comments: Vec<&[u8]> = format.comments().map(Comment::raw).collect();
    assert_eq!(comments, [&b"# the rest"[..], b"# last"]);
    assert_eq!(text(format.terminator_span()), ";");

    let lua = block.directives().nth(2).unwrap();
    assert_eq!(lua.lua().unwrap(), b"\n        ngx.say(\"}\") -- }\n    ");
    assert_eq!(lua.block().unwrap().items().count(), 0);
    let names: Vec<String> = parsed.tree.directives().map(|d| d.name().to_string()).collect();
    assert_eq!(names, ["user", "http", "log_format", "server", "listen", "return", "content_by_lua_block"]);
    for directive in parsed.tree.directives() {
        assert_eq!(parsed.tree.directive(directive.id().index).unwrap().span(), directive.span());
    }
}

#[test]
fn escapes_convert_alike_in_all_forms() {
    let cases = [
        (r"a\nb", "a\nb"),
        (r"\t\r", "\t\r"),
        (r"C:\new", "C:\new"),
        (r"\\n", r"\n"),
        (r"a\.b", r"a\.b"),
        (r"\$x", r"\$x"),
        (r#"\"\'"#, r#""'"#),
        (r"a\;\{", r"a\;\{"),
        (r"\\\\", r"\\"),
    ];
    for (written, value) in cases {
        for form in [written.to_owned(), format!("'{written}'"), format!("\"{written}\"")] {
            let parsed = Parsed::new(format!("x {form};"));
            assert_eq!(parsed.errors, [], "{form}");
            let word = parsed.tree.root().directives().next().unwrap().arg(0).unwrap();
            assert_eq!(word.value(), value.as_bytes(), "{form}");
            assert!(word.is(value) && word.has_escapes());
        }
    }
}

#[test]
fn empty_and_odd_files() {
    for text in [
        &b""[..],
        b"\n",
        b" \t\r\n",
        b"#",
        b"# caf\xe9",
        b"a \x00b;",
        b"a b\x0bc;",
        b"a\xff;",
        b"a;\r\n# b\r\n",
    ] {
        let parsed = Parsed::new(text);
        assert_eq!(parsed.errors, [], "{text:?}");
        assert_eq!(print(&parsed.tree), text);
    }
}

#[test]
fn an_outline_fails_to_print_what_the_tree_lost() {
    // The printer takes only white space from between the pieces, so a tree that skipped text would not
    // print it: a `{` without a directive is printed only because it is an item.
    let parsed = Parsed::new("{ }");
    assert_eq!(parsed.tree.root().items().filter(|i| matches!(i, Item::Skipped(_))).count(), 2);
    assert_eq!(print(&parsed.tree), b"{ }");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "a {\n".repeat(depth), "}\n".repeat(depth));
    assert_eq!(Parsed::new(nested(MAX_DEPTH)).errors, []);
    for depth in [MAX_DEPTH + 1, 100_000] {
        let parsed = Parsed::new(format!("{}last;", nested(depth)));
        let messages: Vec<String> = parsed.errors.iter().map(|e| parsed.ours(e)).collect();
        assert_eq!(messages, ["129:3: expected at most 128 blocks within each other, found one more"]);
        assert_eq!(parsed.tree.directives().last().unwrap().name().to_string(), "last");
        assert_eq!(print(&parsed.tree), parsed.tree.text());
    }
    let parsed = Parsed::new("a{".repeat(100_000));
    assert_eq!(parsed.errors.len(), 1);
    assert_eq!(print(&parsed.tree), parsed.tree.text());
}

#[test]
fn errors_are_bounded() {
    let parsed = Parsed::new("} ".repeat(1000));
    assert_eq!(parsed.errors.len(), MAX_ERRORS + 1);
    assert_eq!(parsed.ours(&parsed.errors[MAX_ERRORS]), "1:201: and 900 more syntax errors");
    let parsed = Parsed::new("} ".repeat(MAX_ERRORS));
    assert_eq!(parsed.errors.len(), MAX_ERRORS);
}

#[test]
fn hostile_texts_take_linear_time() {
    const SIZE: usize = 8 << 20;
    let start = Instant::now();
    for piece in ["x", "\"x", "#", "aaaaaa ", "a \"b;\n", "\"\\\"", "a \"x\n'y", "\"a\"", "{", "a{b}"] {
        let parsed = Parsed::new(piece.repeat(SIZE / piece.len()));
        assert!(parsed.errors.len() <= MAX_ERRORS + 1, "{piece}");
    }
    let lua = Parsed::new(format!("content_by_lua_block {{{}", "\"\\\"".repeat(SIZE / 3)));
    assert_eq!(lua.errors.len(), 1);
    // Quadratic time would be hours; this leaves room for a debug build on a busy machine.
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}
