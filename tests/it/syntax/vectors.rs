//! The token streams and verdicts of nginx 1.31.5, where the reference data is present.

use std::path::{Path, PathBuf};

use ngxc::syntax::{Block, Item, Terminator};
use serde_json::{Value, json};

use crate::syntax::Parsed;

fn reference(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("note: {} is absent, nothing compared", path.display());
    None
}

/// Bytes as the reference data writes them: one character a byte.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("one character a byte")).collect()
}

/// The stream of tokens as the reference data records it, and where the first Lua block makes the two
/// differ: plain nginx does not know Lua.
fn tokens(parsed: &Parsed) -> (Vec<Value>, Option<usize>) {
    let (mut stream, mut lua) = (Vec::new(), None);
    block_tokens(parsed, parsed.tree.root(), &mut stream, &mut lua);
    (stream, lua)
}

fn block_tokens(parsed: &Parsed, block: Block<'_>, stream: &mut Vec<Value>, lua: &mut Option<usize>) {
    let line = |span| parsed.sources.position(span).line;
    for item in block.items() {
        let Item::Directive(directive) = item else { continue };
        let term = match directive.terminator() {
            Terminator::Semicolon => ";",
            Terminator::Block => "{",
            Terminator::Missing => continue,
        };
        let args: Vec<String> = directive.words().map(|w| latin1(&w.value())).collect();
        stream.push(json!({"line": line(directive.terminator_span()), "args": args, "term": term}));
        if directive.lua().is_some() {
            lua.get_or_insert(stream.len());
        }
        if let Some(inner) = directive.block() {
            block_tokens(parsed, inner, stream, lua);
            if let Some(close) = inner.close() {
                stream.push(json!({"end": line(close)}));
            }
        }
    }
}

/// The first error that nginx's lexer knows too: it reads a byte order mark without complaint.
fn first_error(parsed: &Parsed) -> String {
    let error = parsed.errors.iter().find(|e| e.diagnostic.code != "byte-order-mark");
    error.map_or(String::new(), |e| parsed.nginx(e))
}

#[test]
fn lexer_cases() {
    let Some(path) = reference("facts/lexer-cases.jsonl") else { return };
    let cases = std::fs::read_to_string(path).unwrap();
    let mut count = 0;
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap();
        let parsed = Parsed::new(bytes(case["conf"].as_str().unwrap()));
        let (stream, lua) = tokens(&parsed);
        let expected = case["tokens"].as_array().unwrap();
        let lex_error = case["lex_error"].as_str().unwrap();
        assert_eq!(lua, None, "{name}");
        assert_eq!(first_error(&parsed), lex_error, "{name}");
        if lex_error.is_empty() {
            assert_eq!(&stream, expected, "{name}");
        } else {
            // nginx stops at the error, we go on.
            assert!(stream.starts_with(expected), "{name}\n ours: {stream:?}\nnginx: {expected:?}");
        }
        count += 1;
    }
    assert!(count >= 245, "only {count} cases");
}

#[test]
fn byte_order_marks_are_errors_nginx_reports_later() {
    let Some(path) = reference("facts/lexer-cases.jsonl") else { return };
    let cases = std::fs::read_to_string(path).unwrap();
    let mut count = 0;
    for case in cases.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let conf = bytes(case["conf"].as_str().unwrap());
        if conf.starts_with(b"\xef\xbb\xbf") {
            let parsed = Parsed::new(&conf);
            let theirs = case["nginx_error"].as_str().unwrap();
            assert_eq!(parsed.nginx(&parsed.errors[0]), theirs, "{}", case["name"]);
            count += 1;
        }
    }
    assert!(count >= 3, "only {count} cases");
}

#[test]
fn real_files() {
    let Some(directory) = reference("corpus/dev") else { return };
    let (mut count, mut failing) = (0, 0);
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let id = path.file_stem().unwrap().to_str().unwrap();
        let parsed = Parsed::new(std::fs::read(&path).unwrap());
        let records = std::fs::read_to_string(directory.join(format!("../tokens/{id}.jsonl"))).unwrap();
        let mut expected: Vec<Value> =
            records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let error = expected.pop_if(|last| last.get("error").is_some());
        let (stream, lua) = tokens(&parsed);
        match (lua, error) {
            (Some(until), _) => {
                assert!(expected.starts_with(&stream[..until]), "{id}");
            }
            (None, Some(error)) => {
                let ours = first_error(&parsed);
                let theirs = error["error"].as_str().unwrap().replace(" at:", " in CONF:");
                assert_eq!(ours, theirs, "{id}");
                assert!(stream.starts_with(&expected), "{id}\n ours: {stream:?}\nnginx: {expected:?}");
                failing += 1;
            }
            (None, None) => {
                assert_eq!(first_error(&parsed), "", "{id}");
                assert_eq!(stream, expected, "{id}");
            }
        }
        assert_eq!(ngxc::syntax::print(&parsed.tree), parsed.tree.text(), "{id}");
        count += 1;
    }
    assert!(count >= 774 && failing >= 30, "only {count} files, {failing} with errors");
}
