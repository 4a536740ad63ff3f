//! Directives that nginx refuses or warns of only together: `ngxc nginx -t` prints the same lines.
//!
//! The lines were recorded from nginx 1.31.5 (`tests/fixtures/together.jsonl`).

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

/// The lines of a finding, with `F` for the file and `P` for the prefix.
fn lines(directory: &Path, text: &str) -> Vec<String> {
    let file = directory.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["nginx", "-t", "-p"])
        .arg(directory)
        .arg("-c")
        .arg(&file)
        .env("NGXC_OFFLINE", "1")
        .env("NGXC_NGINX_VERSION", "1.31.5")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    let (file, prefix) = (file.display().to_string(), format!("{}/", directory.display()));
    let findings = printed.lines().filter_map(|line| {
        let at = line.find("[emerg]").or_else(|| line.find("[warn]"))?;
        let line = line[at..].replace(&file, "F").replace(&prefix, "P/");
        // The log has a process number there.
        let (level, rest) = line.split_once(' ')?;
        let rest = rest.split_once(": ").filter(|(n, _)| n.contains('#')).map_or(rest, |(_, rest)| rest);
        Some(format!("{level} {rest}"))
    });
    findings.collect()
}

#[test]
fn the_lines_are_those_of_nginx() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("logs")).unwrap();
    let recorded = include_str!("../fixtures/together.jsonl");
    let (mut refused, mut warned, mut taken) = (0, 0, 0);
    for line in recorded.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let (name, text) = (case["name"].as_str().unwrap(), case["text"].as_str().unwrap());
        let expected: Vec<String> = serde_json::from_value(case["nginx"].clone()).unwrap();
        assert_eq!(lines(directory.path(), text), expected, "{name}:\n{text}");
        match expected.last() {
            None => taken += 1,
            Some(line) if line.starts_with("[emerg]") => refused += 1,
            Some(_) => warned += 1,
        }
    }
    assert!(
        refused > 60 && warned >= 10 && taken > 15,
        "{refused} refused, {warned} warned of, {taken} taken"
    );
}
