//! `ngxc show --value`: what a value can be at a place, for people and for programs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;

const TEXT: &str = "events { }
http {
    map $arg_kind $backend { default 10.0.0.1; b 10.0.0.2; }
    server {
        listen 8080;
        server_name a.example;
        location / { proxy_pass http://$backend$request_uri; }
        location ~ ^/p/([a-z]+)$ { return 200 $1; }
        location @late { return 200 $uri; }
    }
}
";

/// Status, standard output and standard error of `ngxc show --value`.
fn show(value: &str, place: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), TEXT).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    command.args(["show", "--value", value, "nginx.conf", place]).args(more).current_dir(directory.path());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_value_is_shown_where_a_request_ends() {
    let (status, said, error) = show("$backend", "http://a.example:8080/x", &[]);
    assert_eq!(status, Some(0), "{error}");
    assert!(said.starts_with("`$backend` in `location /`  nginx.conf:7\n"), "{said}");
    for address in ["10.0.0.1", "10.0.0.2"] {
        assert!(said.contains(&format!("  {address}\n    always this text\n")), "{said}");
    }
    let (_, said, _) = show("http://$backend$request_uri", "http://a.example:8080/x", &[]);
    assert!(said.contains("  http://10.0.0.1$request_uri\n"), "{said}");
    assert!(said.contains("the client chooses `$request_uri`"), "{said}");
}

#[test]
fn a_value_is_shown_in_a_block_by_its_name() {
    let (_, said, _) = show("$1", "location ~ ^/p/([a-z]+)$", &[]);
    assert!(said.contains("`$1` in `location ~ ^/p/([a-z]+)$`  nginx.conf:8"), "{said}");
    assert!(said.contains("bytes: `a-z`; never empty"), "{said}");
    let (_, said, _) = show("$uri", "@late", &[]);
    assert!(said.contains("nginx.conf:9") && said.contains("begins with `/`"), "{said}");
    assert!(said.contains("the client chooses `$uri`, with its escapes decoded"), "{said}");
    let (_, said, _) = show("$backend", "server a.example", &[]);
    assert!(said.contains("nginx.conf:4"), "{said}");
}

#[test]
fn programs_get_the_same_and_mistakes_are_said() {
    let (status, text, _) = show("$1", "~ ^/p/([a-z]+)$", &["--format", "json"]);
    assert_eq!(status, Some(0));
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["schema"], &found["value"]), (&1.into(), &"$1".into()));
    let way = &found["places"][0]["ways"][0];
    assert_eq!(
        (&way["bytes"], &way["empty"], &way["client"]),
        (&"`a-z`".into(), &false.into(), &true.into())
    );
    assert!(way["reason"][0]["text"].is_string());
    let (status, _, error) = show("$nothing", "/", &[]);
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("unknown variable `$nothing`"), "{error}");
    let (status, _, error) = show("$uri", "location /nowhere", &[]);
    assert_eq!(status, Some(2));
    assert!(error.contains("location /nowhere"), "{error}");
}
