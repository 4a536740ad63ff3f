//! Answers of nginx 1.31.5, kept as bundles: they prove the newer side where only an older nginx is at hand.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::cases::{CASES, Case, Cure};
use super::host::Host;

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/proofs")
}

fn file_name(case: &Case, look: &str) -> String {
    format!("{}.{look}", case.name.replace(' ', "-"))
}

/// The parts of a bundle: names and texts.
fn parts(bundle: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut rest = bundle.strip_prefix(b"ngxc-evidence 1\n").unwrap();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').unwrap();
        let head = String::from_utf8_lossy(&rest[2..end]).into_owned();
        let (length, name) = head.split_once(' ').unwrap();
        let length: usize = length.parse().unwrap();
        found.push((name.to_owned(), rest[end + 1..][..length].to_vec()));
        rest = &rest[end + 1 + length + 1..];
    }
    found
}

/// Keeps both looks of a host that was cured, without what a diagnosis does not read.
pub fn keep(case: &Case, host: &Host, directory: &Path) {
    for look in ["before", "after"] {
        let mut out = b"ngxc-evidence 1\n".to_vec();
        for (name, mut text) in parts(&fs::read(host.path(look)).unwrap()) {
            if name == "kernel" {
                text = b"6.18.0\n".to_vec();
            }
            out.extend(format!("@ {} {name}\n", text.len()).bytes());
            out.extend(text);
            out.push(b'\n');
        }
        fs::write(directory.join(file_name(case, look)), out).unwrap();
    }
}

fn doctor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .arg("doctor")
        .args(arguments)
        .current_dir(directory())
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn what_is_printed_for_a_newer_nginx_is_what_cured_it() {
    let mut seen = 0;
    for case in CASES {
        let (before, after) = (file_name(case, "before"), file_name(case, "after"));
        if !directory().join(&before).exists() {
            continue;
        }
        seen += 1;
        let report = json(&doctor(&["--from", &before, "--format", "json"]));
        assert_eq!(report["nginx_version"], "1.31.5");
        let names: Vec<&str> =
            report["findings"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
        assert!(names.contains(&case.finding), "{}: {names:?}", case.name);
        let conf = |bundle: &str| {
            let parts = parts(&fs::read(directory().join(bundle)).unwrap());
            parts.into_iter().find(|(name, _)| name == "conf:nginx.conf").unwrap().1
        };
        if case.cure == Cure::Configuration {
            let place = tempfile::tempdir().unwrap();
            fs::write(place.path().join("nginx.conf"), conf(&before)).unwrap();
            fs::write(place.path().join("output"), doctor(&["--from", &before]).stdout).unwrap();
            let patch = Command::new("patch")
                .args(["-s", "-p1", "-i", "output"])
                .current_dir(&place)
                .output()
                .unwrap();
            assert!(patch.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&patch.stdout));
            let patched = fs::read(place.path().join("nginx.conf")).unwrap();
            assert_eq!(
                String::from_utf8_lossy(&patched),
                String::from_utf8_lossy(&conf(&after)),
                "{}",
                case.name
            );
        }
        let cured = doctor(&["--from", &after, "--since", &before, "--format", "json"]);
        assert_eq!(
            (cured.status.code(), json(&cured)["verdict"].as_str()),
            (Some(0), Some("cured")),
            "{}",
            case.name
        );
        let same = doctor(&["--from", &before, "--since", &before]);
        assert_eq!(same.status.code(), Some(2), "{}: nothing has happened since", case.name);
    }
    assert!(seen >= 3, "only {seen} recorded cases");
}
