//! Parity with a real nginx: recorded verdicts of nginx 1.31.5 on mutants of small configurations, and, where the
//! reference data lies beside the project, configurations that nginx started with and configurations from the wild.
//!
//! `benches/parity.py` runs the full comparison against an nginx, and records `tests/fixtures/parity.jsonl`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and says what it did"
)]

use std::fs;
use std::path::{Path, PathBuf};

use ngxc::catalog::NEWEST;
use ngxc::compile::{Options, compile};
use ngxc::diagnostic::{Class, Level};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};

/// What nginx would be told by all errors together: its words for each.
struct Verdict {
    /// The words of every error.
    errors: Vec<String>,
    /// A file that the text includes is not there.
    needs_files: bool,
}

fn check(text: &[u8]) -> Verdict {
    let files = Memory::default().with("nginx.conf", text);
    let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
    let options = Options { strict_modules: true, ..Options::new(NEWEST) };
    let compiled = compile(&configuration, &options);
    let needs_files = configuration.diagnostics.iter().any(|d| d.class == Class::Environment);
    let syntax = configuration.syntax_errors.iter().map(ngxc::syntax::SyntaxError::nginx_message);
    let others =
        compiled.diagnostics.iter().filter(|d| d.level == Level::Error && d.class != Class::Environment);
    let others = others.map(|d| d.nginx.clone().unwrap_or_else(|| d.message.clone()));
    Verdict { errors: syntax.chain(others).collect(), needs_files }
}

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("{} is not there: nothing compared", path.display());
    None
}

/// The sentence without the words of the user.
fn class(message: &str) -> String {
    let mut class = String::new();
    for (i, part) in message.split('"').enumerate() {
        let kept = if i % 2 == 0 { part } else { "*" };
        class.extend(kept.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }));
    }
    class
}

#[test]
fn mutants_are_judged_as_nginx_judged_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity.jsonl");
    let recorded = fs::read_to_string(path).unwrap();
    let (mut all, mut rejected, mut missed, mut said) = (0, 0, Vec::new(), 0);
    for line in recorded.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let (text, nginx) = (case["text"].as_str().unwrap(), case["nginx"].as_str().unwrap());
        let verdict = check(text.as_bytes());
        all += 1;
        if nginx.is_empty() {
            assert!(verdict.errors.is_empty(), "nginx accepts this:\n{text}\nwe say {:?}", verdict.errors);
            continue;
        }
        rejected += 1;
        if verdict.errors.is_empty() {
            missed.push(format!("{nginx}\n{text}"));
        }
        said += usize::from(verdict.errors.iter().any(|e| class(e) == class(nginx)));
    }
    println!("{all} mutants, {rejected} refused by nginx: {} missed, {said} with its words", missed.len());
    assert!(all > 1_000 && rejected > 500, "{all} recorded, {rejected} refused");
    assert!(missed.len() * 200 <= all, "more than 0.5 % missed: {missed:#?}");
    assert!(said * 100 >= rejected * 97, "fewer than 97 % with nginx's words: {said} of {rejected}");
}

#[test]
fn what_nginx_started_with_is_accepted() {
    let Some(folder) = shared("conformance/accepted") else { return };
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("nginx.conf");
        let verdict = check(&fs::read(&path).unwrap());
        count += 1;
        // Where a file is missing, what it would define is missing too.
        let errors: Vec<_> =
            verdict.errors.iter().filter(|e| !verdict.needs_files || !e.starts_with("unknown \"")).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
    assert!(count >= 400, "{count} configurations");
}

#[test]
fn configurations_from_the_wild_are_judged_as_nginx_judged_them() {
    let Some(folder) = shared("corpus") else { return };
    let wraps: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("wraps.json")).unwrap()).unwrap();
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    let header: Vec<&str> = index.lines().next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|&h| h == name).unwrap();
    let (id, wrap, kind, stubs) = (column("id"), column("wrap"), column("class"), column("stubs"));
    let (mut judged, mut wrong) = (0, Vec::new());
    for row in index.lines().skip(1) {
        let row: Vec<&str> = row.split('\t').collect();
        // Modules and hosts were taken out or replaced before nginx was asked.
        if row[kind] == "environment" || row[stubs].contains("load_module") || row[stubs].contains("host ") {
            continue;
        }
        let around = match row[wrap] {
            "main+events" => ("events{} ".to_owned(), String::new()),
            name => {
                let part = |which: &str| wraps[name][which].as_str().unwrap().to_owned();
                (part("prefix"), part("suffix"))
            }
        };
        let text = fs::read(folder.join("dev").join(format!("{}.conf", row[id]))).unwrap();
        let verdict = check(&[around.0.as_bytes(), &text, around.1.as_bytes()].concat());
        if verdict.needs_files {
            continue;
        }
        judged += 1;
        if verdict.errors.is_empty() != (row[kind] == "ok") {
            wrong.push((row[id].to_owned(), row[kind].to_owned(), verdict.errors));
        }
    }
    println!("{judged} configurations judged, {} differently", wrong.len());
    assert!(judged > 300, "{judged} judged");
    let rejected: Vec<_> = wrong.iter().filter(|(_, kind, _)| kind == "ok").collect();
    assert!(rejected.is_empty(), "nginx accepts these: {rejected:#?}");
    assert!(wrong.len() * 200 <= judged, "more than 0.5 % judged differently: {wrong:#?}");
}
