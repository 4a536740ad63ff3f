//! `ngxc audit` for programs: what every vulnerability means for a configuration, with the reason.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The document for a configuration, and the exit status.
fn document(text: &str, version: &str, format: &str) -> (Option<i32>, Value) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    command.args(["audit", "--nginx-version", version, "--format", format, "nginx.conf"]);
    let output =
        command.current_dir(directory.path()).env("SOURCE_DATE_EPOCH", "1796000000").output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

const MP4: &str = "events { }\nhttp { server { listen 80;\n location /v/ { mp4; } } }\n";

#[test]
fn openvex_says_why_a_configuration_is_not_affected() {
    let (status, found) = document(MP4, "1.26.1", "openvex");
    assert_eq!(status, Some(1));
    assert_eq!(found["@context"], "https://openvex.dev/ns/v0.2.0");
    assert!(found["@id"].as_str().unwrap().starts_with("urn:uuid:"));
    assert_eq!(found["timestamp"], "2026-11-30T00:53:20Z");
    let statements = found["statements"].as_array().unwrap();
    let of = |name: &str| statements.iter().find(|s| s["vulnerability"]["name"] == name).unwrap();
    let affected = of("CVE-2026-32647");
    assert_eq!(affected["status"], "affected");
    assert_eq!(affected["status_notes"], "exposed at nginx.conf:3");
    assert!(affected["action_statement"].as_str().unwrap().starts_with("update to nginx 1."));
    assert_eq!(affected["products"][0]["@id"], "pkg:generic/nginx@1.26.1");
    // The code is there and not used; the code came later; the code is repaired; nobody knows.
    let absent = of("CVE-2025-53859");
    assert_eq!(absent["justification"], "vulnerable_code_not_in_execute_path");
    let why = absent["impact_statement"].as_str().unwrap();
    assert!(why.starts_with("Not affected because the configuration has no `smtp_auth none`"), "{why}");
    assert_eq!(of("CVE-2026-42530")["justification"], "vulnerable_code_not_present");
    assert_eq!(of("CVE-2021-23017")["status"], "fixed");
    assert_eq!(of("CVE-2026-125283")["status"], "under_investigation");
    for statement in statements {
        let is_reasoned = match statement["status"].as_str().unwrap() {
            "not_affected" => {
                statement["impact_statement"].is_string() && statement["justification"].is_string()
            }
            "affected" => statement["action_statement"].is_string(),
            "fixed" | "under_investigation" => statement["status_notes"].is_string(),
            other => panic!("{other}"),
        };
        assert!(is_reasoned, "{statement}");
    }
    // The same again is the same document.
    assert_eq!(document(MP4, "1.26.1", "openvex").1, found);
}

#[test]
fn what_was_not_read_may_expose_it() {
    let text = "events { }\nhttp { include missing.conf; }\n";
    let (_, found) = document(text, "1.26.1", "openvex");
    let statements = found["statements"].as_array().unwrap();
    let mp4 = statements.iter().find(|s| s["vulnerability"]["name"] == "CVE-2026-32647").unwrap();
    assert_eq!(mp4["status"], "under_investigation");
    assert!(mp4["status_notes"].as_str().unwrap().contains("was not read"));
}

#[test]
fn cyclonedx_has_the_same_verdicts() {
    let (status, found) = document(MP4, "1.26.1", "cyclonedx");
    assert_eq!(
        (status, &found["bomFormat"], &found["specVersion"]),
        (Some(1), &"CycloneDX".into(), &"1.6".into())
    );
    assert_eq!(found["metadata"]["component"]["purl"], "pkg:generic/nginx@1.26.1");
    let all = found["vulnerabilities"].as_array().unwrap();
    let analysis = |name: &str| &all.iter().find(|v| v["id"] == name).unwrap()["analysis"];
    assert_eq!(analysis("CVE-2026-32647")["state"], "exploitable");
    assert_eq!(analysis("CVE-2026-32647")["response"][0], "update");
    assert_eq!(analysis("CVE-2025-53859")["justification"], "requires_configuration");
    assert_eq!(analysis("CVE-2026-42530")["justification"], "code_not_present");
    assert_eq!(analysis("CVE-2021-23017")["state"], "resolved");
    assert_eq!(analysis("CVE-2026-125283")["state"], "in_triage");
    let (status, found) = document("events { }\nhttp { }\n", "1.31.9", "cyclonedx");
    assert_eq!(status, Some(0));
    let states =
        found["vulnerabilities"].as_array().unwrap().iter().map(|v| v["analysis"]["state"].as_str().unwrap());
    assert!(states.clone().all(|state| state != "exploitable") && states.count() > 40);
}

/// A script ends at `break`, and a pattern is no value: neither exposes anything.
#[test]
fn triggers_are_exact() {
    let rewrite =
        |inside: &str| format!("events {{ }}\nhttp {{ server {{ location /a {{ {inside} }} }} }}\n");
    let cases = [
        ("rewrite ^/a/(.*)$ /b?x=$1; set $c $1;", true),
        ("rewrite ^/a/(.*)$ /b?x=$1; break; set $c $1;", false),
        ("rewrite ^/a/(.*)$ /b?x=$1; return 204; set $c $1;", false),
        ("rewrite ^/a/(.*)$ /b?x=$1 break; set $c $1;", false),
        ("if ($arg_a) { rewrite ^/a/(.*)$ /b?x=$1; } set $c $1;", true),
    ];
    for (inside, expected) in cases {
        let (_, found) = document(&rewrite(inside), "1.30.0", "openvex");
        let all = found["statements"].as_array().unwrap();
        let own = all.iter().find(|s| s["vulnerability"]["name"] == "CVE-2026-42945").unwrap();
        assert_eq!(own["status"] == "affected", expected, "{inside}: {own}");
    }
}

/// The script that compares nginx's page with the table, on a page of our own making.
#[test]
fn the_page_of_advisories_is_compared_with_the_table() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar/newer_advisories.py");
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let item = |name: &str, bad: &str, good: &str| {
        format!(
            "<li><p>A fault in something<br>Severity: medium<br>\n<a href=\"http://a.example/{name}\">{name}</a><br>\
             Not vulnerable: {good}<br>Vulnerable: {bad}</p></li>"
        )
    };
    let known = item("CVE-2026-42530", "1.31.0-1.31.1", "1.31.2+");
    let compare = |items: &str| {
        let page = directory.path().join("page.html");
        fs::write(&page, format!("<html><ul>{items}</ul></html>")).unwrap();
        let output = Command::new("python3").arg(&script).arg(&page).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(compare(&known), (Some(0), String::new()));
    let (status, said) =
        compare(&(known.clone() + &item("CVE-2027-1000", "1.0.0-1.33.0", "1.33.1+, 1.32.2+")));
    assert_eq!(status, Some(1));
    assert!(said.contains("CVE-2027-1000: missing: A fault in something"), "{said}");
    assert!(said.contains("good = ['1.32.2', '1.33.1']"), "{said}");
    let (_, said) = compare(&item("CVE-2026-42530", "1.31.0-1.31.3", "1.31.4+"));
    assert!(said.contains("`vulnerable` lacks 1.31.0-1.31.3"), "{said}");
    assert_eq!(compare("").0, Some(2));
}
