//! `ngxc coverage` of access logs, and `ngxc route`.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn ngxc(directory: &Path, args: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that ends early closes its end.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const CONFIG: &str = r#"events {}
http {
    log_format full '$remote_addr [$time_local] "$request" $status $host "$upstream_addr" "$http_user_agent"';
    log_format bare '$remote_addr $status';
    access_log /tmp/a.log full;
    map $http_user_agent $bot { default 0; ~*bot 1; }
    upstream app { server 10.0.0.1:80; }
    server { listen 80 default_server; server_name a.test; root /srv;
        location / { try_files $uri @app; }
        location @app { proxy_pass http://app; }
        location /inner/ { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
        location /bots { if ($bot) { return 403; } return 200; }
        location ^~ /img/ { root /srv; }
        location ~ ^/img/ { return 410; }
    }
    server { listen 80; server_name b.test; return 301 http://a.test$request_uri; }
}
"#;

fn line(client: &str, request: &str, status: u16, host: &str, upstream: &str, agent: &str) -> String {
    format!(
        "{client} [10/Oct/2026:13:55:36 +0000] \"{request}\" {status} {host} \"{upstream}\" \"{agent}\"\n"
    )
}

fn log() -> String {
    [
        line("192.0.2.1", "GET /page HTTP/1.1", 200, "a.test", "-", "x"),
        line("192.0.2.1", "GET /page HTTP/1.1", 200, "a.test", "10.0.0.1:80", "x"),
        line("192.0.2.2", "GET /inner/x HTTP/1.1", 403, "a.test", "-", "x"),
        line("10.1.1.1", "GET /inner/x HTTP/1.1", 200, "a.test", "10.0.0.1:80", "x"),
        line("192.0.2.3", "GET /bots HTTP/1.1", 403, "a.test", "-", "Googlebot"),
        line("192.0.2.3", "GET /x HTTP/1.1", 301, "b.test", "-", "x"),
        line("192.0.2.3", "GET /x HTTP/1.1", 200, "unknown.test", "10.0.0.1:80", "x"),
        "what is this\n".to_owned(),
    ]
    .concat()
}

fn hits(document: &Value, name: &str) -> u64 {
    let items = document["items"].as_array().unwrap();
    let item =
        items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}: {document:#}"));
    item["hits"].as_u64().unwrap()
}

#[test]
fn logs_are_counted_by_what_they_reached() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    fs::write(directory.path().join("a.log"), log()).unwrap();
    let args = ["coverage", "nginx.conf", "--log", "a.log", "-", "--format", "json"];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(line("10.1.1.1", "GET /inner/x HTTP/1.1", 200, "a.test", "10.0.0.1:80", "x").as_bytes())
        .unwrap();
    let (status, out, err) = ngxc(directory.path(), &args, &packed.finish().unwrap());
    assert_eq!(status, 0, "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((document["requests"].as_u64(), document["foreign_lines"].as_u64()), (Some(8), Some(1)));
    assert_eq!(document["by_default_server"], 1);
    for (name, expected) in [
        ("server a.test", 7),
        ("server b.test", 1),
        ("location /", 3),
        ("location @app", 2),
        ("location /inner/", 3),
        ("if ($bot)", 1),
        ("return 403", 1),
        ("return 200", 0),
        ("upstream app", 4),
        ("$bot: ~*bot 1", 1),
        ("location ~ ^/img/", 0),
    ] {
        assert_eq!(hits(&document, name), expected, "{name}");
    }
    let (status, out, _) =
        ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log", "--html", "p.html"], b"");
    assert_eq!(status, 0);
    assert!(out.contains("shadowed") && out.contains("location ^~ /img/` takes them"), "{out}");
    assert!(out.contains("1 lines do not fit the log_format `full`\n  a.log:8: "), "{out}");
    assert!(out.contains("2026-10-10 13:55:36"), "{out}");
    assert!(fs::read_to_string(directory.path().join("p.html")).unwrap().contains("location /inner/"));
    assert_eq!(
        ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log", "--min-coverage", "99"], b"").0,
        1
    );
}

#[test]
fn a_log_that_does_not_fit_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    fs::write(directory.path().join("a.log"), "nothing like it\n").unwrap();
    let (status, _, err) = ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log"], b"");
    assert_eq!(status, 2);
    assert!(err.contains("no line fits the log_format `full`") && err.contains("--log-format NAME"), "{err}");
    let args = ["coverage", "nginx.conf", "--log", "a.log", "--log-format", "bare"];
    let (status, _, err) = ngxc(directory.path(), &args, b"");
    assert_eq!(status, 2);
    assert!(err.contains("the log_format `bare` has no request: add `\"$request\"`"), "{err}");
    let (status, _, err) = ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "none.log"], b"");
    assert_eq!(status, 2);
    assert!(err.contains("cannot read `none.log`"), "{err}");
}

#[test]
fn routes_come_line_for_line() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    let list =
        b"GET http://b.test/x\nhttp://a.test/inner/ 10.1.1.1\n/inner/ 192.0.2.1\n\nno request at all\n/bots";
    let (status, out, _) = ngxc(directory.path(), &["route", "nginx.conf", "-"], list);
    assert_eq!(status, 0);
    let expected = "b.test\t\t\t301\t\na.test\t/inner/\tapp\t\t\na.test\t/inner/\t\t403\t\n\t\t\t\t\n\t\t\t\t\na.test\t/bots\t\t200\t\n";
    assert_eq!(out, expected);
    let (_, out, _) = ngxc(directory.path(), &["route", "nginx.conf", "--format", "jsonl"], b"x y z\n");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert!(object["problem"].as_str().unwrap().contains("expected `[METHOD] URL [CLIENT]`"), "{out}");
}
