//! `ngxc doctor --metrics` beside a real nginx: what it serves, and that the alerts and the dashboard name nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::float_cmp,
    clippy::format_collect,
    reason = "a test that cannot go on fails; a note is all a skipped one leaves"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::http::{Backend, Client, once, polite};
use crate::common::nginx;

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // A master of nginx that is killed leaves its workers behind.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// `ngxc doctor --metrics` for a configuration, and where it serves.
fn doctor(file: &Path) -> (Ended, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["doctor", "--metrics", "127.0.0.1:0"])
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ended = Ended(child);
    let mut said = Vec::new();
    loop {
        let Some(Ok(line)) = lines.next() else { panic!("it did not start: {said:?}") };
        if let Some(place) = line.strip_prefix("metrics: http://").and_then(|l| l.strip_suffix("/metrics")) {
            return (ended, place.parse().unwrap());
        }
        said.push(line);
    }
}

fn ask(place: SocketAddr) -> String {
    let answer = once(place, "GET /metrics HTTP/1.1\r\nHost: m\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    body.to_owned()
}

/// The samples by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').map(|(name, n)| (name.to_owned(), n.parse().unwrap())).unwrap())
        .collect()
}

fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_running_nginx_is_watched() {
    let Some(program) = nginx::program() else { return };
    let backend = Backend::new(polite);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display();
    let address = nginx::port::free();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {path}/{name}; "))
        .collect();
    let conf = |size: u32| {
        format!(
            "user root; daemon off; pid {path}/nginx.pid; error_log {path}/error.log; events {{}}
            http {{ {temporary} log_format t '$msec $upstream_addr'; access_log {path}/access.log t;
                upstream api {{ server {}; keepalive {size}; }}
                server {{ listen {address}; location / {{
                    proxy_http_version 1.1; proxy_set_header Connection ''; proxy_pass http://api; }} }} }}",
            backend.address
        )
    };
    let file = directory.path().join("nginx.conf");
    fs::write(&file, conf(4)).unwrap();
    fs::write(directory.path().join("access.log"), "").unwrap();
    let server = Command::new(program)
        .arg("-p")
        .arg(directory.path())
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Ended(server.unwrap());
    // The pid is written after the sockets are bound: it is this nginx that answers.
    eventually("nginx listens", || {
        directory.path().join("nginx.pid").exists() && TcpStream::connect(address).is_ok()
    });
    let (_doctor, place) = doctor(&file);
    let mut client = Client::new(address);
    for _ in 0..20 {
        assert!(client.get("/").starts_with("HTTP/1.1 200"));
    }
    let requests = "ngxc_upstream_requests_total{upstream=\"api\"}";
    eventually("twenty requests are counted", || samples(&ask(place)).get(requests) == Some(&20.0));
    std::thread::sleep(Duration::from_millis(1100));
    let found = samples(&ask(place));
    let value = |name: &str| *found.get(name).unwrap_or_else(|| panic!("{name} in {found:#?}"));
    let tuple = format!("upstream=\"api\",src=\"127.0.0.1\",dst=\"{}\"", backend.address);
    assert!((value(&format!("ngxc_sockets{{{tuple},state=\"established\"}}")) - 1.0).abs() < 0.1);
    let (total, left) =
        (value(&format!("ngxc_ports_total{{{tuple}}}")), value(&format!("ngxc_ports_left{{{tuple}}}")));
    assert!(total - left >= 1.0 && total > left, "{total} {left}");
    assert!(value(&format!("ngxc_ports_cliff{{{tuple}}}")) < total);
    assert!(value("ngxc_active_opens_total") > 0.0 && found.contains_key("ngxc_new_connections_per_second"));
    assert!((value("ngxc_keepalive_size{upstream=\"api\"}") - 4.0).abs() < 0.1);
    let info = found.keys().find(|name| name.starts_with("ngxc_nginx_info")).unwrap();
    // The version is that of the executable of the master, which its pid file names.
    assert!(info.contains("(process "), "{info}");
    // A changed configuration is read again, a broken one is not.
    fs::write(&file, "nonsense").unwrap();
    assert!(samples(&ask(place)).contains_key("ngxc_keepalive_size{upstream=\"api\"}"));
    fs::write(&file, conf(16)).unwrap();
    eventually("the new size", || {
        samples(&ask(place))
            .get("ngxc_keepalive_size{upstream=\"api\"}")
            .is_some_and(|n| (n - 16.0).abs() < 0.1)
    });
    // Nothing but reading.
    for (request, status) in [("POST /metrics HTTP/1.1\r\n\r\n", "405"), ("GET /x HTTP/1.1\r\n\r\n", "404")] {
        assert!(once(place, request).starts_with(&format!("HTTP/1.1 {status}")));
    }
}

#[test]
fn alerts_and_dashboard_name_only_what_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nginx.conf");
    fs::write(&file, "events {} http { server { location / { proxy_pass http://10.0.0.1; } } }").unwrap();
    let (_doctor, place) = doctor(&file);
    let text = ask(place);
    let served: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    assert!(served.len() > 10);
    let mut named = BTreeSet::new();
    for name in ["docs/alerts.yaml", "docs/dashboard.json", "docs/doctor.md"] {
        let text = fs::read_to_string(name).unwrap();
        let parts = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
        let metrics: Vec<String> =
            parts.filter(|part| part.starts_with("ngxc_")).map(str::to_owned).collect();
        assert!(!metrics.is_empty(), "{name}");
        for metric in &metrics {
            assert!(served.contains(metric.as_str()), "{name}: {metric}");
        }
        named.extend(metrics);
    }
    // And the page of the documentation names them all.
    let docs = fs::read_to_string("docs/doctor.md").unwrap();
    for metric in served {
        assert!(docs.contains(metric), "{metric}");
    }
    let dashboard: serde_json::Value =
        serde_json::from_str(&fs::read_to_string("docs/dashboard.json").unwrap()).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{}", panel["title"]);
    }
}
