//! Findings of each rule in the examples of its documentation, and the texts after its fixes: one file a rule under
//! `snapshots/rules/`. `INSTA_UPDATE=always cargo test --test it rule_snapshots::` writes them anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ngxc::edit;
use ngxc::lint::{RULES, Rule};

use crate::common::examples::{Example, examples, lint};

fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/rules")
}

/// The report of a rule's findings in an example, as a person reads it.
fn rendered(directory: &Path, rule: &Rule, example: &Example) -> String {
    fs::write(directory.join("example.conf"), &example.text).unwrap();
    let version = example.versions.last().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    command.args(["lint", "--all", "--select", rule.name, "--nginx-version", &version, "example.conf"]);
    command.current_dir(directory).env("NO_COLOR", "1").env("COLUMNS", "100");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{}: {said}", rule.name);
    let text = String::from_utf8(output.stdout).unwrap();
    // A blank at the end of a line is nothing that anybody sees.
    let lines: Vec<&str> = text.lines().map(str::trim_end).chain([""]).collect();
    lines.join("\n")
}

/// The example after the fixes of the rule alone.
fn fixed(rule: &Rule, example: &Example) -> Option<String> {
    let (configuration, found) = lint(&example.text, example.main, *example.versions.last().unwrap());
    let own = found.iter().filter(|finding| finding.code == rule.name);
    let fixes = edit::select(own.filter_map(|finding| finding.fix.as_ref()));
    if fixes.is_empty() {
        return None;
    }
    let text = edit::apply(&[configuration.main], example.text.as_bytes(), &fixes);
    Some(String::from_utf8(text).unwrap())
}

#[test]
fn every_rule_says_and_repairs_what_it_did() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(snapshots());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for rule in RULES {
        let mut text = String::new();
        for (number, example) in examples(rule).iter().enumerate() {
            let kind = if example.bad { "bad" } else { "good" };
            let version = example.versions.last().unwrap();
            writeln!(text, "=== example {}, {kind}, nginx {version}", number + 1).unwrap();
            text.push_str(&rendered(directory.path(), rule, example));
            match fixed(rule, example) {
                Some(fixed) => writeln!(text, "--- fixed\n{fixed}").unwrap(),
                None => text.push('\n'),
            }
        }
        settings.bind(|| insta::assert_snapshot!(rule.name, text));
    }
}

/// No rule is without a snapshot, and no snapshot without a rule.
#[test]
fn snapshots_are_those_of_the_rules() {
    let rules: BTreeSet<String> = RULES.iter().map(|rule| format!("{}.snap", rule.name)).collect();
    let files = fs::read_dir(snapshots()).unwrap();
    let found: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, rules);
}
