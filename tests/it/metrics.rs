//! `ngxc run --metrics` and `--improve`: the ledger against what a backend counted itself.
#![allow(
    clippy::float_cmp,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "counts are whole numbers; a test that cannot go on fails; a note is all a skipped one leaves"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::browser::{chromium, lost};
use crate::common::http::{Backend, Client, once, polite};
use crate::common::port::free;

/// `ngxc run` as a process of its own.
struct Proxy {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
    address: SocketAddr,
    metrics: SocketAddr,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

fn text(http: &str, address: SocketAddr) -> String {
    // The directory of the test is root's alone if root runs it.
    format!(
        "user root; worker_processes 1; error_log stderr crit; events {{}}\nhttp {{ access_log off;\n{} }}\n",
        http.replace("LISTEN", &format!("listen {address};"))
    )
}

impl Proxy {
    fn start(http: &str, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (address, file) = (free(), directory.path().join("nginx.conf"));
        std::fs::write(&file, text(http, address)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["run", "--metrics", "127.0.0.1:0", "--work-dir"])
            .arg(directory.path())
            .args(options)
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let metrics = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it did not start: {said}");
            said.push_str(&line);
            if let Some(place) = line.trim().strip_prefix("metrics: http://") {
                break place.trim_end_matches('/').parse().unwrap();
            }
        };
        let proxy = Self { child, stderr, said, address, metrics, file, _directory: directory };
        eventually("it listens", || TcpStream::connect(address).is_ok());
        proxy
    }

    /// The body of a path of the metrics server.
    fn ask(&self, path: &str) -> String {
        let answer = once(self.metrics, &format!("GET {path} HTTP/1.1\r\nHost: m\r\n\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        body.to_owned()
    }

    fn samples(&self) -> BTreeMap<String, f64> {
        check(&self.ask("/metrics"))
    }

    fn get(&self, times: usize) {
        let mut client = Client::new(self.address);
        for _ in 0..times {
            assert!(client.get("/").starts_with("HTTP/1.1 200"));
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Checks each line of the exposition format: help and type before the samples of a name, names and labels of the
/// right letters, numbers. Returns the samples by name and labels.
fn check(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut helped, mut typed) = (String::new(), String::new());
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty());
            name.clone_into(&mut helped);
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, helped);
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            rest.clone_into(&mut typed);
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let number: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        let (family, kind) = typed.split_once(' ').unwrap();
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(suffixes.iter().any(|s| name == format!("{family}{s}")), "{line} after {typed}");
        assert!(kind != "counter" || name.ends_with("_total"), "{line}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
        labelled(labels).unwrap_or_else(|| panic!("labels: {line}"));
        assert!(samples.insert(series.to_owned(), number).is_none(), "twice: {series}");
    }
    samples
}

/// `name="value",…` with `\\`, `\"` and `\n` in values.
fn labelled(mut rest: &str) -> Option<()> {
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"")?;
        (!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')).then_some(())?;
        let mut escaped = false;
        let end = value.find(|c| {
            let is_end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            is_end
        })?;
        rest = &value[end + 1..];
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?;
        }
    }
    Some(())
}

/// A backend to whose port no socket leads yet: the port may have been that of a client whose connection is in `TIME_WAIT`.
fn fresh() -> Backend {
    let is_unknown = |backend: &Backend| {
        let remote = format!("0100007F:{:04X}", backend.address.port());
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        !sockets.lines().any(|line| line.split_whitespace().nth(2) == Some(&remote))
    };
    (0..100).map(|_| Backend::new(polite)).find(is_unknown).unwrap()
}

fn upstream(backend: &Backend, inside: &str, location: &str) -> String {
    format!(
        "upstream b {{ server {}; {inside} }}\nserver {{ LISTEN location / {{ proxy_pass http://b; {location} }} }}",
        backend.address
    )
}

#[test]
fn counts_are_those_of_the_backend() {
    for (keepalive, new) in [("keepalive 4;", 1.0), ("keepalive 0;", 20.0)] {
        let backend = fresh();
        let proxy = Proxy::start(&upstream(&backend, keepalive, ""), &[]);
        proxy.get(20);
        eventually("twenty requests", || backend.requests().len() == 20);
        let samples = proxy.samples();
        let value = |name: &str| *samples.get(name).unwrap_or_else(|| panic!("{name} in {samples:#?}"));
        assert_eq!(f64::from(u32::try_from(backend.connections()).unwrap()), new);
        assert_eq!(value("ngxc_connects_total{result=\"new\"}"), new);
        assert_eq!(value("ngxc_connects_total{result=\"reused\"}"), 20.0 - new);
        for result in ["eaddrnotavail", "eaddrinuse", "refused", "timeout", "other"] {
            assert_eq!(value(&format!("ngxc_connects_total{{result=\"{result}\"}}")), 0.0, "{result}");
        }
        assert_eq!(value("ngxc_upstream_connects_total{upstream=\"b\",result=\"new\"}"), new);
        assert_eq!(value("ngxc_reuse_ratio{upstream=\"b\"}"), (20.0 - new) / 20.0);
        assert_eq!(value("ngxc_connect_syscall_seconds_count"), new);
        assert_eq!(value("ngxc_connect_syscall_seconds_bucket{le=\"+Inf\"}"), new);
        assert!(value("ngxc_connect_syscall_seconds_sum") > 0.0);
        let tuple = format!("src=\"127.0.0.1\",dst=\"{}\"", backend.address);
        assert_eq!(value(&format!("ngxc_connections_opened_total{{upstream=\"b\",{tuple}}}")), new);
        let is_kept = new == 1.0;
        assert_eq!(
            value("ngxc_keepalive_idle{upstream=\"b\",worker=\"0\"}"),
            if is_kept { 1.0 } else { 0.0 }
        );
        // Kept open for further requests and closed after one: by us.
        let closed = if is_kept { 0.0 } else { 20.0 };
        assert_eq!(value("ngxc_closed_first_total{by=\"proxy\"}"), closed);
        assert_eq!(value("ngxc_closed_first_total{by=\"backend\"}"), 0.0);
        let established = value(&format!("ngxc_sockets{{{tuple},state=\"established\"}}"));
        assert_eq!(established, if is_kept { 1.0 } else { 0.0 });
        let waiting = value(&format!("ngxc_sockets{{{tuple},state=\"time_wait\"}}"));
        // A port in TIME_WAIT over loopback may be taken again, but not within the second.
        assert_eq!(waiting, closed);
        let (total, left) =
            (value(&format!("ngxc_ports_total{{{tuple}}}")), value(&format!("ngxc_ports_left{{{tuple}}}")));
        assert_eq!(total - left, new);
    }
}

#[test]
fn refused_evicted_and_closed_by_the_backend_are_told_apart() {
    let nobody = free();
    let closing = Backend::new(|_| "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nok".to_owned());
    let http = format!(
        "upstream a {{ server {nobody}; }}\nupstream b {{ server {}; }}\n\
         server {{ LISTEN location /a {{ proxy_pass http://a; }} location / {{ proxy_pass http://b; }} }}",
        closing.address
    );
    let proxy = Proxy::start(&http, &[]);
    assert!(Client::new(proxy.address).get("/a").starts_with("HTTP/1.1 502"));
    let answer = once(proxy.address, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let samples = proxy.samples();
    assert_eq!(samples["ngxc_connects_total{result=\"refused\"}"], 1.0);
    assert_eq!(samples["ngxc_connects_total{result=\"new\"}"], 1.0);
    assert_eq!(samples["ngxc_closed_first_total{by=\"backend\"}"], 1.0);
    assert_eq!(samples["ngxc_closed_first_total{by=\"proxy\"}"], 0.0);
    assert_eq!(samples["ngxc_reuse_ratio{upstream=\"b\"}"], 0.0);
    assert!(!samples.contains_key("ngxc_reuse_ratio{upstream=\"a\"}"), "nothing to divide by");
}

#[test]
fn values_of_split_clients_are_counted_and_a_reload_keeps_counting() {
    let backend = fresh();
    let http = "split_clients $request_id $source { 50% 127.0.0.2; * 127.0.0.3; }\n".to_owned()
        + &upstream(&backend, "keepalive 0;", "proxy_bind $source;");
    let proxy = Proxy::start(&http, &[]);
    proxy.get(20);
    let given =
        |value: &str| proxy.samples()[&format!("ngxc_split_total{{variable=\"source\",value=\"{value}\"}}")];
    assert_eq!(given("127.0.0.2") + given("127.0.0.3"), 20.0);
    let from = |ip: &str| backend.requests().iter().filter(|(at, _)| at.ip().to_string() == ip).count();
    assert_eq!(given("127.0.0.2"), f64::from(u32::try_from(from("127.0.0.2")).unwrap()));
    let before = backend.connections();
    // The new configuration answers with a header that the old one does not send.
    let changed = http.replace("proxy_pass", "add_header X-New 1; proxy_pass");
    std::fs::write(&proxy.file, text(&changed, proxy.address)).unwrap();
    proxy.signal("-HUP");
    eventually("the new configuration", || Client::new(proxy.address).get("/").contains("X-New: 1"));
    proxy.get(20);
    let after = backend.connections();
    assert!(after >= before + 21);
    let new = proxy.samples()["ngxc_connects_total{result=\"new\"}"];
    assert_eq!(new, f64::from(u32::try_from(after).unwrap()));
}

#[test]
fn a_place_that_is_taken_is_refused() {
    let backend = fresh();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nginx.conf");
    std::fs::write(&file, text(&upstream(&backend, "", ""), free())).unwrap();
    let place = backend.address.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["run", "--metrics", &place])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("`--metrics {place}` on the command line: bind()")), "{error}");
}

#[test]
fn bad_requests_to_the_metrics_do_no_harm() {
    let backend = fresh();
    let proxy = Proxy::start(&upstream(&backend, "", ""), &[]);
    for (request, status) in [
        ("GET /nothing HTTP/1.1\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\n\r\n", "405"),
        ("\r\n\r\n", "405"),
        ("GET /?x=1 HTTP/1.1\r\n\r\n", "200"),
    ] {
        let answer = once(proxy.metrics, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {answer}");
    }
    assert_eq!(once(proxy.metrics, &"x".repeat(64 << 10)), "", "too long");
    let idle: Vec<_> = (0..40).map(|_| TcpStream::connect(proxy.metrics).unwrap()).collect();
    drop(idle);
    eventually("it answers again", || {
        once(proxy.metrics, "HEAD /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200")
    });
}

/// The text of the cells of a table's rows, by the name of the cell.
fn cells(page: &str, table: &str) -> Vec<BTreeMap<String, String>> {
    let start = page.find(&format!("<table id=\"{table}\"")).unwrap();
    let table = page[start..].split("</table>").next().unwrap();
    let body = table.split("<tbody>").nth(1).unwrap();
    let row = |row: &str| {
        let cells = row.split("<td ").skip(1).map(|cell| {
            let name = cell.split("data-of=\"").nth(1).unwrap().split('"').next().unwrap();
            let (_, text) = cell.split_once('>').unwrap();
            (name.to_owned(), text.split("</td>").next().unwrap().to_owned())
        });
        cells.collect()
    };
    body.split("<tr>").skip(1).map(row).collect()
}

#[test]
fn the_page_shows_the_figures_in_a_real_browser() {
    if !chromium() {
        return;
    }
    let backend = fresh();
    let proxy = Proxy::start(&upstream(&backend, "keepalive 4;", ""), &[]);
    proxy.get(20);
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("http://{}/", proxy.metrics))
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(page.contains("</html>"), "{}", String::from_utf8_lossy(&output.stderr));
    let tuples = cells(&page, "tuples");
    assert_eq!(tuples.len(), 1, "{page}");
    let row = &tuples[0];
    let shown = |name: &str| row.get(name).unwrap_or_else(|| panic!("{name} in {row:?}")).as_str();
    assert_eq!(shown("source"), "127.0.0.1");
    assert_eq!(shown("peer"), backend.address.to_string());
    assert_eq!(
        (shown("used"), shown("established"), shown("time_wait"), shown("opened")),
        ("1", "1", "0", "1")
    );
    let json: serde_json::Value = serde_json::from_str(&proxy.ask("/ledger.json")).unwrap();
    for name in ["total", "cliff"] {
        // Other tests listen on ports of the range, more or fewer of them since the page was made.
        let (now, then) = (json["tuples"][0][name].as_i64().unwrap(), shown(name).parse::<i64>().unwrap());
        assert!((now - then).abs() < 200, "{name}: {then} is not {now}");
    }
    assert!(shown("ports").contains("class=\"cliff\"") && shown("spark").contains("polyline"), "{row:?}");
    // A second poll has come: there is a rate.
    assert_eq!(shown("rate"), "0.0");
    let upstreams = cells(&page, "upstreams");
    assert_eq!(upstreams[0]["upstream"], "b");
    assert_eq!((upstreams[0]["new"].as_str(), upstreams[0]["reused"].as_str()), ("1", "19"));
    assert_eq!((upstreams[0]["reuse"].as_str(), upstreams[0]["idle"].as_str()), ("95.0 %", "1"));
    assert_eq!(cells(&page, "connects")[0]["new"], "1");
    assert!(page.contains("a port in TIME_WAIT is held for"), "{page}");
}

#[test]
fn the_page_loses_nothing_at_any_width() {
    if !chromium() {
        return;
    }
    let backend = fresh();
    let proxy = Proxy::start(&upstream(&backend, "", ""), &[]);
    let page = proxy.ask("/");
    // Figures as large as they get, and addresses as long; the page asks for them again and again.
    let (source, peer) =
        ("2001:db8:1234:5678:9abc:def0:1234:5678", "[2001:db8:1234:5678:9abc:def0:1234:5679]:65535");
    let tuple = |source: &str, peer: &str| {
        serde_json::json!({ "source": source, "peer": peer, "opened": 1_234_567_890_u64, "established": 12_345, "time_wait": 14_116,
            "syn_sent": 0, "fin_wait2": 0, "used": 28_232, "total": 28_232, "left": 0, "first_parity_left": 0, "cliff": 14_116, "held": 61.0 })
    };
    let data = serde_json::json!({
        "tuples": [tuple(source, peer), tuple("10.0.0.210", "10.0.0.100:1234")],
        "upstreams": [{ "name": "a-backend-with-a-name-as-long-as-people-write.them.example.com", "new": 1_234_567_890, "reused": 1_234_567_890_u64,
            "reuse_ratio": 0.999, "idle": [32, 32], "evicted": 123_456 }],
        "connects": { "new": 1_234_567_890, "reused": 1_234_567_890, "eaddrnotavail": 12_345, "eaddrinuse": 0, "refused": 1, "timeout": 0, "other": 0 },
        "closed_first": { "proxy": 1_234_567, "backend": 1_234_567 },
        "split": [{ "variable": "source_address", "value": source, "given": 1_234_567_890 }],
        "range": [32_768, 60_999],
    });
    let script = format!("window.fetch = async () => ({{ json: async () => ({data}) }});");
    assert_eq!(lost(&page, &script), Vec::<String>::new());
    for unit in ["used, ports", "new, connections/s", "reuse, % of requests", "share, % of times"] {
        assert!(page.contains(unit), "{unit}");
    }
}

#[test]
fn improvements_are_said_at_start_and_idle_connections_keep_their_source() {
    let backend = fresh();
    let http = "map $arg_s $source { default 127.0.0.2; 3 127.0.0.3; }\n".to_owned()
        + &upstream(&backend, "keepalive 8;", "proxy_bind $source;");
    for (options, connections) in [(&[][..], 1), (&["--improve"][..], 2)] {
        let before = backend.connections();
        let mut proxy = Proxy::start(&http, options);
        if !options.is_empty() {
            for _ in 0..3 {
                proxy.stderr.read_line(&mut proxy.said).unwrap();
            }
            assert_eq!(
                proxy.said.lines().filter(|l| l.starts_with("improve: ")).count(),
                3,
                "{}",
                proxy.said
            );
        }
        let mut client = Client::new(proxy.address);
        for path in ["/?s=2", "/?s=3", "/?s=2", "/?s=3"] {
            assert!(client.get(path).starts_with("HTTP/1.1 200"));
        }
        assert_eq!(backend.connections() - before, connections, "{options:?}");
    }
}
