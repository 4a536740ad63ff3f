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

use crate::common::corpus;

/// nginx's verdict on a text, made of all errors of ngxc together.
struct Verdict {
    /// The words of every error.
    errors: Vec<String>,
    /// A file that the text includes is not there.
    needs_files: bool,
}

fn check(text: &[u8]) -> Verdict {
    check_among(Memory::default(), text)
}

/// Judges a main file in `/etc/nginx`.
fn check_among(files: Memory, text: &[u8]) -> Verdict {
    let main = Path::new("/etc/nginx/nginx.conf");
    let files = files.with(main, text);
    let configuration = load(&files, main, &LoadOptions::default()).unwrap();
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
    let Some(cases) = corpus::cases() else { return };
    let mut shipped = Memory::default();
    for name in
        ["mime.types", "fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params", "koi-utf", "win-utf"]
    {
        let path = Path::new("/etc/nginx").join(name);
        let text = ngxc::source::shipped::shipped(&path).unwrap();
        shipped = shipped.with(path, text);
    }
    let (mut judged, mut wrong) = (0, Vec::new());
    for case in cases {
        let files = case.empty_files.iter().fold(shipped.clone(), |files, name| files.with(name, ""));
        let verdict = check_among(files, &case.whole);
        // nginx does not see a file that is missing behind its first error.
        assert!(!verdict.needs_files || !verdict.errors.is_empty(), "{}: a file is missing", case.id);
        judged += 1;
        if verdict.errors.is_empty() != (case.verdict == "ok") {
            wrong.push((case.id, case.verdict, verdict.errors));
        }
    }
    println!("{judged} configurations judged, {} differently", wrong.len());
    assert!(judged >= 774, "{judged} judged");
    let rejected: Vec<_> = wrong.iter().filter(|(_, kind, _)| kind == "ok").collect();
    assert!(rejected.is_empty(), "nginx accepts these: {rejected:#?}");
    assert!(wrong.len() * 200 <= judged, "more than 0.5 % judged differently: {wrong:#?}");
}
