//! The pages that commands write, in a real browser: nothing is lost at any width, light or dark.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "a test that cannot go on fails; a note is all a skipped one leaves"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::browser::{chromium, lost};

/// The page that a command writes; `None` where namespaces are not allowed.
fn page(arguments: &[&str], file: &Path) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc")).args(arguments).arg(file).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if error.contains("network namespace") {
        println!("not run: {error}");
        return None;
    }
    Some(fs::read_to_string(file).unwrap_or_else(|e| panic!("{e}: {error}")))
}

#[test]
fn the_page_of_split_loses_nothing() {
    if !chromium() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let conf = directory.path().join("nginx.conf");
    // Long values, a long key, and a population.
    let address = "2001:db8:1234:5678:9abc:def0:1234:5678";
    fs::write(
        &conf,
        format!(
            "events {{}} http {{ split_clients \"${{remote_addr}}${{remote_port}}${{request_id}}$http_user_agent\" $v {{
                0.5% {address}; 33.33% a-value-that-is-as-long-as-values-get.backend.example.com; * \"\"; }} }}"
        ),
    )
    .unwrap();
    let keys = directory.path().join("keys");
    fs::write(&keys, (0..5000).map(|n| format!("key{n}\n")).collect::<String>()).unwrap();
    let (conf, keys) = (conf.to_str().unwrap(), keys.to_str().unwrap());
    let html =
        page(&["split", conf, "--keys", keys, "--html"], &directory.path().join("split.html")).unwrap();
    assert!(html.contains("share of requests") && html.contains(address));
    assert_eq!(lost(&html, ""), Vec::<String>::new());
}

#[test]
fn the_page_of_coverage_loses_nothing() {
    if !chromium() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (conf, log) = (directory.path().join("nginx.conf"), directory.path().join("access.log"));
    let long = "a-name-that-is-as-long-as-names-get.backend.example.com";
    fs::write(
        &conf,
        format!(
            "events {{}} http {{ upstream {long} {{ server 127.0.0.1:80; }} map $uri $x {{ ~^/{long}/[a-z]+/[0-9]+$ {long}; }}
             server {{ listen 80; server_name {long} {long}.org; location /{long}/ {{ location /{long}/{long}/ {{ return 200 $x; }}
             proxy_pass http://{long}; }} if ($arg_x) {{ return 301 https://{long}$request_uri; }} }} }}"
        ),
    )
    .unwrap();
    let line = |path: &str| {
        format!("192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] \"GET {path} HTTP/1.1\" 200 5 \"-\" \"x\"\n")
    };
    fs::write(&log, [line("/"), line("/x"), line(&format!("/{long}/{long}/"))].concat()).unwrap();
    let (conf, log) = (conf.to_str().unwrap(), log.to_str().unwrap());
    let html = page(&["coverage", conf, "--log", log, "--html"], &directory.path().join("c.html")).unwrap();
    assert!(html.contains("<th>last</th>") && html.contains("2026-10-10 13:55:36") && html.contains("never"));
    assert_eq!(lost(&html, ""), Vec::<String>::new());
}

#[test]
fn the_page_of_the_demo_loses_nothing() {
    if !chromium() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "demo",
        "--requests",
        "80",
        "--case",
        "half-configured",
        "--case",
        "cliff",
        "--nginx-version",
        "1.28.0",
        "--html",
    ];
    let Some(html) = page(&arguments, &directory.path().join("demo.html")) else { return };
    for unit in ["requests answered (200)", "ports in TIME_WAIT", "ports in use: half", "µs"] {
        assert!(html.contains(unit), "{unit}");
    }
    assert_eq!(lost(&html, ""), Vec::<String>::new());
}

#[test]
fn what_a_page_loses_is_found() {
    if !chromium() {
        return;
    }
    let head = "<!doctype html><title>t</title><style>body { background: #fff; color: #000 }</style>";
    let words = "<p>one</p><p>two</p><p>three</p><p>four</p><p>five</p>";
    assert_eq!(lost(&format!("{head}{words}"), ""), Vec::<String>::new());
    let parts = [
        ("<div style='width:500px'>wide</div>", "360 px, light: the page scrolls"),
        (
            "<div style='overflow:auto;width:90px'><div style='width:200px'>far</div></div>",
            "is cut off or scrolls",
        ),
        ("<svg width='90' height='9'><rect width='180' height='9'/></svg>", "cut off in its image"),
        ("<p style='font-size:6px'>tiny</p>", "letters of 6px"),
        ("<p style='color:#ddd'>pale</p>", "too pale"),
        (
            "<table><thead style='display:none'><tr><th>a</th></tr></thead><tr><td>1</td></tr></table>",
            "no head and no label",
        ),
    ];
    // All of them in one page: a browser takes seconds to start.
    let all: String = parts.iter().map(|(part, _)| *part).collect();
    let found = lost(&format!("{head}{words}{all}"), "");
    for (part, expected) in parts {
        assert!(found.iter().any(|line| line.contains(expected)), "{part}: {found:?}");
    }
}
