//! Text to JSON to text to JSON: nothing is lost but the layout.

use std::path::Path;

use proptest::prelude::*;

use super::build::text_of;
use super::parse::{of_files_with, of_text};
use super::payload::{Payload, Statement};
use crate::source::Memory;

/// Statements without line numbers, which the layout changes.
fn without_lines(statements: &[Statement]) -> Vec<Statement> {
    let without = |s: &Statement| {
        let block = s.block.as_deref().map(without_lines);
        Statement { line: 0, block, ..s.clone() }
    };
    statements.iter().map(without).collect()
}

/// Builds a payload's file and reads it again.
fn again(payload: &Payload, comments: bool) -> (String, Payload) {
    let text = text_of(&payload.config[0].parsed, "    ");
    let payload = of_text(text.as_bytes(), comments);
    (text, payload)
}

fn json(text: &str) -> String {
    serde_json::to_string(&of_text(text.as_bytes(), true).config[0].parsed).unwrap()
}

#[test]
fn statements_are_those_of_crossplane() {
    let cases = [
        ("a;", r#"[{"directive":"a","line":1,"args":[]}]"#),
        ("a b 'c d' \"e\";", r#"[{"directive":"a","line":1,"args":["b","c d","e"]}]"#),
        ("\na\n b;", r#"[{"directive":"a","line":2,"args":["b"]}]"#),
        (
            "a { b; }",
            r#"[{"directive":"a","line":1,"args":[],"block":[{"directive":"b","line":1,"args":[]}]}]"#,
        ),
        (
            "a b; # c",
            r##"[{"directive":"a","line":1,"args":["b"]},{"directive":"#","line":1,"args":[],"comment":" c"}]"##,
        ),
        (
            "a # c\n b;",
            r##"[{"directive":"a","line":1,"args":["b"]},{"directive":"#","line":1,"args":[],"comment":" c"}]"##,
        ),
        ("if ($a = b) { }", r#"[{"directive":"if","line":1,"args":["$a","=","b"],"block":[]}]"#),
        ("if ( -f \"x y\" ) { }", r#"[{"directive":"if","line":1,"args":["-f","x y"],"block":[]}]"#),
        ("if ($a) { }", r#"[{"directive":"if","line":1,"args":["$a"],"block":[]}]"#),
        (
            r#"a "b\"c" 'd\"e' f\ g "\n";"#,
            r#"[{"directive":"a","line":1,"args":["b\"c","d\\\"e","f\\ g","\\n"]}]"#,
        ),
        (
            "content_by_lua_block { x = {1} }",
            r#"[{"directive":"content_by_lua_block","line":1,"args":[" x = {1} "]}]"#,
        ),
        (
            "set_by_lua_block $a { return 1 }",
            r#"[{"directive":"set_by_lua_block","line":1,"args":["$a"," return 1 "]}]"#,
        ),
        (
            "map $a $b { include x*; }",
            r#"[{"directive":"map","line":1,"args":["$a","$b"],"block":[{"directive":"include","line":1,"args":["x*"],"includes":[]}]}]"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn includes_count_in_the_order_of_crossplane() {
    let files = Memory::default()
        .with("nginx.conf", "include a.conf; b { include c/*; include a.conf; }")
        .with("a.conf", "include d.conf;")
        .with("c/1", "e;")
        .with("c/2", "f { g; }")
        .with("d.conf", "h;");
    let read = |ignore: &[&str]| serde_json::to_string(&of_files_with(&files, false, ignore).config).unwrap();
    let file = |name: &str, parsed: &str| {
        format!(r#"{{"file":"{name}","status":"ok","errors":[],"parsed":[{parsed}]}}"#)
    };
    let include = |name: &str, positions: &str| {
        format!(r#"{{"directive":"include","line":1,"args":["{name}"],"includes":[{positions}]}}"#)
    };
    let leaf = |name: &str| format!(r#"{{"directive":"{name}","line":1,"args":[]}}"#);
    let block =
        |name: &str, inner: &str| format!(r#"{{"directive":"{name}","line":1,"args":[],"block":[{inner}]}}"#);
    let inner = format!("{},{}", include("c/*", "2,3"), include("a.conf", "1"));
    let all = [
        file("nginx.conf", &format!("{},{}", include("a.conf", "1"), block("b", &inner))),
        file("a.conf", &include("d.conf", "4")),
        file("c/1", &leaf("e")),
        file("c/2", &block("f", &leaf("g"))),
        file("d.conf", &leaf("h")),
    ];
    assert_eq!(read(&[]), format!("[{}]", all.join(",")));

    let some = [
        file("nginx.conf", &include("a.conf", "1")),
        file("a.conf", &include("d.conf", "2")),
        file("d.conf", ""),
    ];
    assert_eq!(read(&["b", "h"]), format!("[{}]", some.join(",")));

    let combined = of_files_with(&files, true, &[]);
    let shown: Vec<_> =
        combined.config[0].parsed.iter().map(|s| (s.file.as_deref(), s.directive.as_str())).collect();
    assert_eq!(combined.config.len(), 1);
    assert_eq!(shown, [(Some("d.conf"), "h"), (Some("nginx.conf"), "b")]);
    let inside: Vec<_> =
        combined.config[0].parsed[1].block.iter().flatten().map(|s| s.directive.as_str()).collect();
    assert_eq!(inside, ["e", "f", "h"]);
}

#[test]
fn text_is_laid_out() {
    let text = "a{b 'x y'; # one\n# two\nc{}if ( $x = \"\" ){d;}}content_by_lua_block{ x }\n";
    let (built, _) = again(&of_text(text.as_bytes(), true), true);
    let expected = "a {\n    b 'x y'; # one\n    # two\n    c {\n    }\n    if ($x = '') {\n        d;\n    }\n}\n\
                    content_by_lua_block { x }\n";
    assert_eq!(built, expected);
}

#[test]
fn errors_have_a_file_and_a_line() {
    let payload = of_text(b"a;\n}\nb;", false);
    assert_eq!(payload.status, "failed");
    let error = &payload.errors[0];
    assert_eq!((error.file.as_str(), error.line), ("nginx.conf", Some(2)));
    assert_eq!(error.error, "unexpected \"}\" in nginx.conf:2");
    assert_eq!(payload.config[0].errors[0].error, error.error);
    assert_eq!(payload.config[0].parsed.len(), 2);
}

#[test]
fn public_configurations_survive() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/dev");
    let Ok(files) = std::fs::read_dir(&directory) else {
        println!("SKIPPED: no corpus at {}", directory.display());
        return;
    };
    let mut compared = 0;
    for file in files {
        let path = file.unwrap().path();
        let payload = of_text(&std::fs::read(&path).unwrap(), true);
        if payload.status == "ok" {
            let (text, second) = again(&payload, true);
            let (before, after) = (&payload.config[0].parsed, &second.config[0].parsed);
            assert_eq!(without_lines(before), without_lines(after), "{}\n{text}", path.display());
            compared += 1;
        }
    }
    println!("{compared} files");
    assert!(compared > 400, "{compared}");
}

fn word() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        4 => "[a-z0-9/.^$*()|=~][a-z0-9/.^*()}|=~]{0,4}",
        1 => r"\$\{[a-z]{1,3}\}[a-z]?",
        1 => r#""([a-z '{};#\n]|\\.){0,8}""#,
        1 => r#"'([a-z "{};#\n]|\\.){0,8}'"#,
        1 => r#"[a-z(]([a-z"'#}]|\\.){1,5}"#,
        1 => r"\\.[a-z]",
        1 => "[a-z\u{e9}\u{a0}]{1,3}",
    ]
}

fn configuration() -> impl Strategy<Value = String> {
    let gap = prop_oneof![6 => Just(" "), 1 => Just("\n  "), 1 => Just(" # note\n")];
    let name = prop_oneof![4 => "[a-z]{1,5}", 1 => Just("if".to_owned())];
    let head = (name, prop::collection::vec((gap, word()), 0..5))
        .prop_map(|(name, words)| words.into_iter().fold(name, |all, (gap, word)| all + gap + &word));
    let leaf = prop_oneof![
        6 => head.clone().prop_map(|head| format!("{head};\n")),
        1 => Just(" # comment { ; }\n".to_owned()),
        1 => Just("set_by_lua_block $a { x = {'}'} -- }\n }\n".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        (head.clone(), prop::collection::vec(inner, 0..6))
            .prop_map(|(head, items)| format!("{head} {{ {}}}\n", items.concat()))
    })
}

proptest! {
    #[test]
    fn built_text_parses_to_the_same(items in prop::collection::vec(configuration(), 0..6)) {
        let text = items.concat();
        let payload = of_text(text.as_bytes(), true);
        prop_assume!(payload.status == "ok");
        let (built, second) = again(&payload, true);
        prop_assert_eq!(&second.status, "ok", "{}", &built);
        prop_assert_eq!(without_lines(&payload.config[0].parsed), without_lines(&second.config[0].parsed), "{}", &built);
    }

    #[test]
    fn any_argument_survives(args in prop::collection::vec("[^\0\r\n\\\\]{0,6}", 0..4)) {
        let statement = Statement { directive: "a".to_owned(), args, ..Statement::default() };
        let text = text_of(std::slice::from_ref(&statement), "");
        let second = of_text(text.as_bytes(), true);
        prop_assert_eq!(&without_lines(&second.config[0].parsed), &[statement], "{}", &text);
    }
}
