//! Sessions of `stream`: each takes a port for as long as it lasts, and `ports`, `doctor`, `split` and `show` know it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use ngxc::model::Config;
use ngxc::ports::capacity::{Capacity, Load, Setup, outcome};
use ngxc::ports::plan::{Solution, Unknown, rows, solve};
use ngxc::ports::sysctl::Sysctls;
use ngxc::ports::{Host, session};
use ngxc::source::Memory;
use ngxc::{catalog, compile, syntax};
use serde_json::Value;

const STREAM: &str = "events {}\nstream {\n    split_clients $remote_addr $source {\n        50% 10.0.0.11;\n        * 10.0.0.12;\n    }\n    \
                      upstream db {\n        server 10.0.0.1:5432 weight=3;\n        server 10.0.0.2:5432;\n    }\n    server {\n        \
                      listen 6000;\n        proxy_bind $source;\n        proxy_pass db;\n    }\n    server {\n        listen 6001 udp;\n        \
                      proxy_timeout 20s;\n        proxy_pass 10.0.0.3:53;\n    }\n    server {\n        listen 6002 udp;\n        \
                      proxy_responses 1;\n        proxy_pass db;\n    }\n}\n";

fn config(text: &str) -> Config {
    let files = Memory::default().with("nginx.conf", text);
    let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default()).unwrap();
    let compiled = compile::compile(&configuration, &compile::Options::new(catalog::NEWEST));
    assert!(compiled.is_valid(), "{:?}", compiled.diagnostics);
    compiled.config
}

fn tiny() -> Host {
    Host::read(&Sysctls::parse("net.ipv4.ip_local_port_range = 20000 20063")).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-6
}

#[test]
fn each_session_of_tcp_takes_a_port_until_it_is_closed_and_a_minute_more() {
    let config = config(STREAM);
    let flows = session::flows(&config);
    assert_eq!(flows.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["db", "10.0.0.3:53", "db"]);
    let tcp = Setup::new(&config, &flows[0], &tiny(), None);
    assert_eq!((tcp.sources, tcp.destinations, tcp.is_udp()), (2, 2, false));
    // Ten seconds each: 64 ports to a destination, of which the heaviest pair gets half of three quarters.
    let load = Load { rate: 1.0, latency: 10.0, concurrency: None };
    let capacity = Capacity::of(&tcp, &load);
    assert!(
        near(capacity.hard, 64.0 / 71.0 / 0.375) && near(capacity.safe, 32.0 / 71.0 / 0.375),
        "{capacity:?}"
    );
    // No pool keeps a session's connection.
    assert!(rows(&tcp, &load).iter().all(|row| !row.name.contains("keepalive")));
    let busy = Load { rate: 100.0, ..load };
    assert!(matches!(solve(&tcp, &busy, Unknown::Keepalive), Solution::Impossible(_)));
    assert!(outcome(&tcp, &busy).1.is_bad());
}

#[test]
fn ports_of_udp_are_taken_for_all_destinations_until_the_timeout() {
    let config = config(STREAM);
    let flows = session::flows(&config);
    let udp = Setup::new(&config, &flows[1], &tiny(), None);
    let load = Load { rate: 1.0, latency: 0.0, concurrency: None };
    // nginx 1.31.5 served 64 sessions of 100 with these ports; the others failed with 11 (EAGAIN).
    assert!(near(Capacity::of(&udp, &load).hard, 64.0 / 20.0));
    assert_eq!((udp.ports().all, udp.ports().first_parity), (64, 64));
    assert!(udp.time_wait().abs() < f64::EPSILON && near(udp.open(&load), 20.0));
    // The response ends a session; two destinations share the ports.
    let answered = Setup::new(&config, &flows[2], &tiny(), None);
    let load = Load { latency: 0.5, ..load };
    assert!(near(Capacity::of(&answered, &load).hard, 64.0 / 0.5));
}

fn ngxc(place: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ngxc")).args(arguments).current_dir(place).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn commands_know_sessions() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("nginx.conf"), STREAM).unwrap();
    let plan = ["ports", "nginx.conf", "--assume-defaults", "--nginx-version", "1.26.0", "--latency", "10s"];
    let text = ngxc(place.path(), &[&plan[..], &["--rate", "100"]].concat());
    assert!(
        text.contains("a connection for each session of stream (TCP)") && text.contains("sessions/s"),
        "{text}"
    );
    assert!(text.contains("a port of UDP is taken for all destinations"), "{text}");
    assert!(!text.contains("keepalive") && !text.contains("requests/s"), "{text}");
    let json: Value =
        serde_json::from_str(&ngxc(place.path(), &[&plan[..], &["--format", "json"]].concat())).unwrap();
    let protocols: Vec<_> = json["flows"].as_array().unwrap().iter().map(|f| f["protocol"].clone()).collect();
    assert_eq!(protocols, ["tcp", "udp", "udp"]);
    let report = ngxc(place.path(), &["ports", "nginx.conf", "--report"]);
    assert!(report.contains("10.0.0.3:53: a connection for each session of stream"), "{report}");
    let split = ngxc(place.path(), &["split", "nginx.conf"]);
    assert!(split.contains("$source") && split.contains("10.0.0.12"), "{split}");
    let show = ngxc(place.path(), &["show", "nginx.conf"]);
    assert!(show.contains("server (stream)") && show.contains("proxy_pass 10.0.0.3:53"), "{show}");
}

#[test]
fn missing_ports_of_sessions_are_no_502_and_no_pool_is_advised() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("nginx.conf"), STREAM).unwrap();
    let line = |level: &str, peer: &str, error: &str, client: &str| {
        format!(
            "2026/11/22 17:46:02 [{level}] 8#8: *7 connect() to {peer} failed ({error}) while connecting to upstream, {client}: \
                 192.0.2.1, server: 0.0.0.0:6000, upstream: \"{peer}\", bytes from/to client:0/0, bytes from/to upstream:0/0\n"
        )
    };
    let tcp = line("crit", "10.0.0.1:5432", "99: Cannot assign requested address", "client");
    let udp = line("error", "10.0.0.3:53", "11: Resource temporarily unavailable", "udp client");
    fs::write(place.path().join("error.log"), tcp.repeat(2) + &udp).unwrap();
    let arguments = ["doctor", "nginx.conf", "--error-log", "error.log", "--no-sockets", "--assume-defaults"];
    let text = ngxc(place.path(), &arguments);
    assert!(!text.contains("502") && !text.contains("`keepalive`"), "{text}");
    assert!(text.contains("[no-free-port]") && text.contains("nginx.conf:14  proxy_pass db;"), "{text}");
    assert!(text.contains("run   sysctl -w net.ipv4.tcp_tw_reuse=1"), "{text}");
    assert!(
        text.contains("[udp-no-free-port]") && text.contains("nginx.conf:19  proxy_pass 10.0.0.3:53;"),
        "{text}"
    );
    let explained = ngxc(place.path(), &["doctor", "--explain", tcp.trim_end()]);
    assert!(
        !explained.contains("502") && explained.contains("the sessions of clients are closed"),
        "{explained}"
    );
}

/// Sessions of one server to one peer.
const ONE: &str =
    "events {}\nstream {\n    server {\n        listen 3306;\n        proxy_pass 10.0.0.3:3306;\n    }\n}\n";

#[test]
fn solved_sources_are_lines_that_stream_takes() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("nginx.conf"), ONE).unwrap();
    let plan = [
        "ports",
        "nginx.conf",
        "--assume-defaults",
        "--nginx-version",
        "1.26.0",
        "--rate",
        "3000",
        "--latency",
        "40ms",
    ];
    let text = ngxc(place.path(), &[&plan[..], &["--solve-for", "sources"]].concat());
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.contains("split_clients"))
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(lines.len() > 4 && text.contains("proxy_bind $source;"), "{text}");
    let solved = ONE.replace("stream {", &format!("stream {{\n{}", lines.join("\n")));
    let config = config(&solved);
    let sources = &session::flows(&config)[0].sources.list;
    assert_eq!(sources.len(), lines.len() - 3, "{solved}");
    assert!(!text.contains("--latency says"), "{text}");
    let untold = ngxc(place.path(), &["ports", "nginx.conf", "--assume-defaults"]);
    assert!(untold.contains("--latency says how long one lasts"), "{untold}");
    let upgrade =
        ngxc(place.path(), &["ports", "nginx.conf", "--assume-defaults", "--compare-versions", "1.26,1.30"]);
    assert!(upgrade.contains("sessions of `stream` need as many connections as before"), "{upgrade}");
}

#[test]
fn settings_that_the_host_has_are_not_advised_for_sessions() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("nginx.conf"), ONE).unwrap();
    // A time to come: failures that are past would only be told.
    let line = "2099/11/22 17:46:02 [crit] 8#8: *7 connect() to 10.0.0.3:3306 failed (99: Cannot assign requested address) while \
                connecting to upstream, client: 192.0.2.1, server: 0.0.0.0:3306, upstream: \"10.0.0.3:3306\", bytes from/to \
                client:0/0, bytes from/to upstream:0/0\n";
    fs::write(place.path().join("error.log"), line.repeat(3)).unwrap();
    let told = |settings: &str| {
        fs::write(place.path().join("sysctl.txt"), settings).unwrap();
        ngxc(
            place.path(),
            &["doctor", "nginx.conf", "--error-log", "error.log", "--no-sockets", "--sysctl", "sysctl.txt"],
        )
    };
    let (reuse, range) = ("tcp_tw_reuse=1", "ip_local_port_range='15000 65000'");
    let narrow = told("net.ipv4.tcp_tw_reuse = 2\nnet.ipv4.ip_local_port_range = 32768 60999\n");
    assert!(narrow.contains(reuse) && narrow.contains(range), "{narrow}");
    // Nothing tells how many sessions come: more ports need not be enough.
    assert!(narrow.contains("(`run`) widen the") && !narrow.contains("cure it"), "{narrow}");
    let reused = told("net.ipv4.tcp_tw_reuse = 1\nnet.ipv4.ip_local_port_range = 32768 60999\n");
    assert!(!reused.contains(reuse) && reused.contains(range), "{reused}");
    let wide = told("net.ipv4.tcp_tw_reuse = 1\nnet.ipv4.ip_local_port_range = 1024 65535\n");
    assert!(!wide.contains("sysctl -w") && !wide.contains("widen"), "{wide}");
    assert!(wide.contains("more source addresses"), "{wide}");
}

#[test]
fn a_backup_beside_unix_sockets_is_planned() {
    let place = tempfile::tempdir().unwrap();
    let text = |peers: &str| {
        let http = format!(
            "events {{}}\nhttp {{\n    upstream b {{ {peers} }}\n    server {{ location / {{ proxy_pass http://b; }} }}\n}}\n"
        );
        fs::write(place.path().join("nginx.conf"), http).unwrap();
        ngxc(place.path(), &["ports", "nginx.conf", "--assume-defaults", "--nginx-version", "1.26.0"])
    };
    let spare = text("server unix:/run/x.sock; server 10.0.0.9:80 backup;");
    assert!(spare.contains("10.0.0.9:80") && spare.contains("numbers are those of the `backup`"), "{spare}");
    let none = text("server unix:/run/x.sock; server unix:/run/y.sock backup;");
    assert!(none.contains("unix sockets need no ports\n") && !none.contains("backup"), "{none}");
}
