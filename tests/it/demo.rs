//! The demo from end to end: what `ngxc ports` predicts is what happens, with our runtime and with a real nginx.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; a note is all a skipped one leaves"
)]

use std::process::Command;

/// Runs the demo; `None` where namespaces are not allowed.
fn demo(args: &[&str]) -> Option<(i32, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc")).arg("demo").args(args).output().unwrap();
    let (code, text) = (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap());
    let error = String::from_utf8(output.stderr).unwrap();
    if code == 2 && error.contains("network namespace") {
        println!("not run: {error}");
        return None;
    }
    println!("{text}{error}");
    Some((code, text))
}

/// The numbers of a case: predicted, 200, 502, connections, `TIME_WAIT`.
fn numbers(text: &str, case: &str) -> Vec<u32> {
    let line = text.lines().find(|l| l.split_whitespace().next() == Some(case)).unwrap();
    line.split_whitespace().skip(1).take(5).map(|n| n.parse().unwrap()).collect()
}

const CASES: [&str; 10] = [
    "--case",
    "default",
    "--case",
    "half-configured",
    "--case",
    "keepalive",
    "--case",
    "split",
    "--case",
    "implicit",
];

#[test]
fn predictions_come_true_before_and_since_connections_are_kept() {
    for (version, default, implicit) in [("1.31.5", 1, 64), ("1.28.0", 500, 500)] {
        let args: Vec<&str> = ["--nginx-version", version].into_iter().chain(CASES).collect();
        let Some((code, text)) = demo(&args) else { return };
        assert_eq!(code, 0, "{text}");
        assert_eq!(numbers(&text, "default")[1..4], [500, 0, default]);
        assert_eq!(numbers(&text, "half-configured")[1..], [64, 436, 64, 64]);
        assert_eq!(numbers(&text, "keepalive")[1..4], [500, 0, 1]);
        assert!((230..=256).contains(&numbers(&text, "split")[1]));
        assert_eq!(numbers(&text, "implicit")[1], implicit);
        assert!(text.contains("failed (99: Cannot assign requested address)"));
    }
}

#[test]
fn the_settings_file_says_which_nginx_is_shown_else_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    let shown = |version: &str| {
        std::fs::write(directory.path().join("ngxc.toml"), version).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
        command.args(["demo", "--case", "default", "--requests", "60"]).current_dir(&directory);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        println!("{text}");
        (!text.contains("network namespace")).then_some(text)
    };
    let Some(old) = shown("nginx_version = \"1.22.1\"\n") else { return };
    assert!(old.contains("ngxc run as nginx 1.22.1 (ngxc.toml)"));
    // The defaults of that nginx: each request opens a connection.
    assert_eq!(numbers(&old, "default")[1..4], [60, 0, 60]);
    let Some(new) = shown("nginx_version = \"1.30\"\n") else { return };
    assert_eq!(numbers(&new, "default")[1..4], [60, 0, 1]);
}

#[test]
fn a_real_nginx_does_the_same() {
    let nginx = std::env::var("NGINX").unwrap_or_else(|_| "/usr/sbin/nginx".to_owned());
    if !std::path::Path::new(&nginx).exists() {
        println!("not run: no nginx at {nginx}");
        return;
    }
    let args: Vec<&str> = ["--nginx", &nginx].into_iter().chain(CASES).collect();
    let Some((code, text)) = demo(&args) else { return };
    assert_eq!(code, 0, "{text}");
    assert_eq!(numbers(&text, "half-configured")[1..], [64, 436, 64, 64]);
    assert_eq!(numbers(&text, "keepalive")[1..4], [500, 0, 1]);
}
