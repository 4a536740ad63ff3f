//! Broken text: every message in full, nginx's beside it, and what is left of the tree.

use crate::syntax::Parsed;

/// Text, our errors, nginx's error, the tree.
type Case = (&'static str, &'static [&'static str], &'static str, &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("listen 80",
     &["1:10: expected `;` after `listen 80`, found the end of the file"],
     "unexpected end of file, expecting \";\" or \"}\" in CONF:1",
     "0..9 `listen` `80` (no terminator)\n"),
    ("server {\n    listen 80\n}\nuser a;\n",
     &["2:14: expected `;` after `listen 80`, found `}`"],
     "unexpected \"}\" in CONF:3",
     "0..24 `server` {\n  13..22 `listen` `80` (no terminator)\n25..32 `user` `a` ;\n"),
    ("server { listen 80}\n}\nuser a;",
     &["1:20: expected `;` after `listen 80}`, found `}`"],
     "unexpected \"}\" in CONF:2",
     "0..21 `server` {\n  9..19 `listen` `80}` (no terminator)\n22..29 `user` `a` ;\n"),
    ("server { listen \"80\"}\nuser a;",
     &["1:21: expected `;` after `listen \"80\"`, found `}`"],
     "unexpected \"}\" in CONF:1",
     "0..21 `server` {\n  9..20 `listen` `\"80\"` (no terminator)\n22..29 `user` `a` ;\n"),
    ("a b; # c\nd e # f\n",
     &["2:4: expected `;` after `d e`, found the end of the file"],
     "unexpected end of file, expecting \";\" or \"}\" in CONF:3",
     "0..4 `a` `b` ;\n5..8 comment # c\n9..12 `d` `e` (no terminator)\n13..16 comment # f\n"),
    ("a;; b;",
     &["1:3: unexpected `;`: expected a directive"],
     "unexpected \";\" in CONF:1",
     "0..2 `a` ;\n2..3 skipped\n4..6 `b` ;\n"),
    ("}\nuser a;\n",
     &["1:1: unexpected `}`: no block is open"],
     "unexpected \"}\" in CONF:1",
     "0..1 skipped\n2..9 `user` `a` ;\n"),
    ("{ a; }\nb;\n",
     &["1:1: unexpected `{`: expected the name of a directive before it"],
     "unexpected \"{\" in CONF:1",
     "0..1 skipped\n2..4 `a` ;\n5..6 skipped\n7..9 `b` ;\n"),
    ("http {\n  server {\n    listen 80;\n  }\n",
     &["1:6: expected `}` to close `http`, found the end of the file"],
     "unexpected end of file, expecting \"}\" in CONF:5",
     "0..37 `http` {\n  9..36 `server` {\n    22..32 `listen` `80` ;\n(not closed)\n"),
    ("http {\n  server {\n    listen 80;\n",
     &["2:10: expected `}` to close `server`, found the end of the file"],
     "unexpected end of file, expecting \"}\" in CONF:4",
     "0..33 `http` {\n  9..33 `server` {\n    22..32 `listen` `80` ;\n  (not closed)\n(not closed)\n"),
    ("http {\n  location ~ ^/a{2}/ { }\n}\n",
     &["1:6: expected `}` to close `http`, found the end of the file"],
     "unexpected end of file, expecting \"}\" in CONF:4",
     "0..34 `http` {\n  9..33 `location` `~` `^/a` {\n    24..31 `2}/` {\n(not closed)\n"),
    ("http {\n  server { listen 80}\n  server { }\n",
     &["2:10: expected `}` to close `server`, found the end of the file"],
     "unexpected end of file, expecting \"}\" in CONF:4",
     "0..42 `http` {\n  9..42 `server` {\n    18..41 `listen` `80}` `server` {\n  (not closed)\n(not closed)\n"),
    ("http {\n  server { listen 80; server_name x}\n  server_name y; }\n",
     &["1:6: expected `}` to close `http`, found the end of the file"],
     "unexpected end of file, expecting \"}\" in CONF:4",
     "0..63 `http` {\n  9..62 `server` {\n    18..28 `listen` `80` ;\n    29..60 `server_name` `x}` `server_name` `y` ;\n(not closed)\n"),
    ("add_header A \"b;\nadd_header C \"d\";\nuser e;\n",
     &["1:14: expected a closing `\"`, found the end of the line"],
     "unexpected \"d\" in CONF:2",
     "0..16 `add_header` `A` `\"b` ;\n17..34 `add_header` `C` `\"d\"` ;\n35..42 `user` `e` ;\n"),
    ("if ($a = 'b) {\n  c;\n}\nd;\n",
     &["1:10: expected a closing `'`, found the end of the line"],
     "unexpected end of file, expecting \";\" or \"}\" in CONF:5",
     "0..21 `if` `($a` `=` `'b)` {\n  17..19 `c` ;\n22..24 `d` ;\n"),
    ("return 200 \"never closed\nuser a",
     &["1:12: expected a closing `\"`, found the end of the line", "2:7: expected `;` after `return 200 \"never closed…`, found the end of the file"],
     "unexpected end of file, expecting \";\" or \"}\" in CONF:2",
     "0..31 `return` `200` `\"never closed` `user` `a` (no terminator)\n"),
    ("a \"b\"c d;\n",
     &["1:6: expected a space, `;` or `{` after the closing quote of `\"b\"`, found `c`"],
     "unexpected \"c\" in CONF:1",
     "0..9 `a` `\"b\"` `c` `d` ;\n"),
    ("a \"b\"\"c\";\n",
     &["1:6: expected a space, `;` or `{` after the closing quote of `\"b\"`, found `\"`"],
     "unexpected \"\"\" in CONF:1",
     "0..9 `a` `\"b\"` `\"c\"` ;\n"),
    ("a 'b'#c\n;\n",
     &["1:6: expected a space, `;` or `{` after the closing quote of `'b'`, found `#`"],
     "unexpected \"#\" in CONF:1",
     "0..9 `a` `'b'` (#c) ;\n"),
    ("a \"b\"é;\n",
     &["1:6: expected a space, `;` or `{` after the closing quote of `\"b\"`, found `é`"],
     "unexpected \"\u{fffd}\" in CONF:1",
     "0..8 `a` `\"b\"` `é` ;\n"),
    ("\u{feff}user a;\nb;\n",
     &["1:1: expected a directive or a comment, found a byte order mark (EF BB BF), which nginx takes as part of the first word"],
     "unknown directive \"\u{feff}user\" in CONF:1",
     "0..10 `\\u{feff}user` `a` ;\n11..13 `b` ;\n"),
    ("\u{feff}# note\nuser a;\n",
     &["1:1: expected a directive or a comment, found a byte order mark (EF BB BF), which nginx takes as part of the first word"],
     "unknown directive \"\u{feff}#\" in CONF:2",
     "0..17 `\\u{feff}#` `note` `user` `a` ;\n"),
    ("content_by_lua_block { if x then {\n}\nb;\n",
     &["1:22: expected `}` to close `content_by_lua_block`, found the end of the file"],
     "unexpected end of file, expecting \"}\" in CONF:4",
     "0..40 `content_by_lua_block` lua { if x then {\\n}\\nb;\\n}\n(not closed)\n"),
    ("a { b {\n c\n}\n}}\nd",
     &["2:3: expected `;` after `c`, found `}`", "4:2: unexpected `}`: no block is open", "5:2: expected `;` after `d`, found the end of the file"],
     "unexpected \"}\" in CONF:3",
     "0..14 `a` {\n  4..12 `b` {\n    9..10 `c` (no terminator)\n14..15 skipped\n16..17 `d` (no terminator)\n"),
];

#[test]
fn every_error_is_found_and_the_rest_is_read() {
    for &(text, ours, nginx, tree) in CASES {
        let parsed = Parsed::new(text);
        let messages: Vec<String> = parsed.errors.iter().map(|e| parsed.ours(e)).collect();
        assert_eq!(messages, ours, "{text}");
        assert_eq!(parsed.nginx(&parsed.errors[0]), nginx, "{text}");
        assert_eq!(format!("{:?}", parsed.tree), tree, "{text}");
    }
}

/// Text, the help of its first error, and what its further places cover and say.
type Hint = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

#[rustfmt::skip]
const HINTS: &[Hint] = &[
    ("server { listen 80 }", "write `80;`", &[("}", "nginx stops here")]),
    ("server { listen 80}\n}", "`}` is part of the word `80}`: write `80; }`", &[]),
    ("http {\n location ~ ^/a{2}/ { }\n}\n", "put a regular expression that contains `{` into quotes", &[("{", "opens a block")]),
    ("http { server { listen 80}\n server { }\n", "write `; }` to end the directive and the block",
     &[("{", "nor is this closed"), ("}", "part of the word before it")]),
    ("a {\n b {", "add `}` where the block should end", &[("{", "nor is this closed")]),
    ("a \"b;\nc \"d\";\n", "close it with `\"`, or write `\\\"` for a literal quote", &[("d", "nginx reads the quoted text up to here")]),
    ("a \"b\"c;", "put the whole word into the quotes, or a space after them", &[]),
    ("\u{feff}a;", "save the file as UTF-8 without BOM", &[]),
];

#[test]
fn errors_say_what_to_type() {
    for &(text, help, related) in HINTS {
        let parsed = Parsed::new(text);
        let diagnostic = &parsed.errors[0].diagnostic;
        assert_eq!(diagnostic.help.as_deref(), Some(help), "{text}");
        let places: Vec<(&str, &str)> = diagnostic
            .related
            .iter()
            .map(|label| (std::str::from_utf8(parsed.sources.text(label.span)).unwrap(), label.text.as_str()))
            .collect();
        assert_eq!(places, related, "{text}");
    }
}

#[test]
fn words_that_fill_the_buffer() {
    // (text before, bytes of filling, text after, nginx's error): every line checked with nginx 1.31.5.
    let cases = [
        ("a ", 4095, ";", ""),
        ("a ", 4096, ";", "too long parameter \"xxxxxxxxxx...\" started in CONF:1"),
        ("a ", 4095, " ;", "too long parameter \"xxxxxxxxxx...\" started in CONF:1"),
        ("a \"", 4094, "\";", ""),
        ("a \"", 4095, "\";", "too long parameter \"xxxxxxxxxx...\" started in CONF:1"),
        ("a \"", 4096, "\";", "too long parameter, probably missing terminating \"\"\" character in CONF:1"),
        ("a '", 4094, "' ;", "too long parameter \"xxxxxxxxxx...\" started in CONF:1"),
        ("\n#", 4094, "\na;", ""),
        ("\n#", 4095, "\na;", "too long parameter \"#xxxxxxxxx...\" started in CONF:2"),
        ("\n#", 4095, "", ""),
    ];
    for (before, length, after, nginx) in cases {
        let parsed = Parsed::new(format!("{before}{}{after}", "x".repeat(length)));
        let error = parsed.errors.first().map_or(String::new(), |e| parsed.nginx(e));
        assert_eq!(error, nginx, "{before}{length}{after}");
        assert!(parsed.errors.len() <= 1);
    }
}
