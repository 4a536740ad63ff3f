//! The capacity model over whole configurations: who connects where, how much fits, what an upgrade changes.
#![allow(
    clippy::float_cmp,
    clippy::format_collect,
    clippy::unwrap_used,
    reason = "whole numbers; a test that cannot go on fails"
)]

use ngxc::catalog::NEWEST;
use ngxc::model::Config;
use ngxc::ports::capacity::Setup;
use ngxc::ports::flow::ClosingSide;
use ngxc::ports::upgrade::{Effect, effect};
use ngxc::ports::{Capacity, Host, Load, flows};
use ngxc::source::Memory;
use ngxc::version::Version;
use ngxc::{compile, syntax};

const OLD: Version = Version::new(1, 28, 0);

fn config(http: &str, version: Version) -> Config {
    let files = Memory::default().with("nginx.conf", format!("events {{}} http {{ {http} }}"));
    let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default()).unwrap();
    let options = compile::Options::new(version);
    let compiled = compile::compile(&configuration, &options);
    assert!(compiled.is_valid(), "{http}: {:?}", compiled.diagnostics);
    compiled.config
}

/// Safe new connections a second of the first flow with Linux's defaults, and requests on each.
fn safe(http: &str, version: Version) -> (f64, f64) {
    let config = config(http, version);
    let flows = flows(&config);
    let setup = Setup::new(&config, &flows[0], &Host::default(), None);
    let capacity = Capacity::of(&setup, &Load::default());
    (capacity.safe, capacity.requests)
}

#[test]
fn limits_of_configurations() {
    let one = 14_116.0 / 61.0;
    let to = |peers: &str, directives: &str| {
        format!("upstream u {{ {peers} }} server {{ location / {{ {directives} proxy_pass http://u; }} }}")
    };
    let split = "split_clients $request_id $s { 40% 10.0.0.1; 20% 10.0.0.2; 20% 10.0.0.3; * 10.0.0.4; }";
    let cases: Vec<(String, Version, f64, u32)> = vec![
        (to("server 10.1.0.1:80;", ""), OLD, one, 1),
        (to("server 10.1.0.1:80;", ""), NEWEST, one, 1000),
        (to("server 10.1.0.1:80; keepalive 8;", ""), OLD, one, 1),
        (
            to("server 10.1.0.1:80; keepalive 8;", "proxy_http_version 1.1; proxy_set_header Connection '';"),
            OLD,
            one,
            1000,
        ),
        (to("server 10.1.0.1:80; keepalive_requests 100;", ""), NEWEST, one, 100),
        (to("server 10.1.0.1:80; server 10.1.0.2:80;", ""), OLD, 2.0 * one, 1),
        (to("server 10.1.0.1:80 weight=3; server 10.1.0.2:80;", ""), OLD, one / 0.75, 1),
        (to("server 10.1.0.1:80; server 10.1.0.2:80 backup;", ""), OLD, one, 1),
        (to("server 127.0.0.1:80;", ""), OLD, 14_116.0, 1),
        (format!("{split} {}", to("server 10.1.0.1:80;", "proxy_bind $s;")), OLD, one / 0.4, 1),
        ("server { location / { proxy_pass http://10.1.0.1; } }".to_owned(), NEWEST, one, 1),
    ];
    for (http, version, expected, requests) in cases {
        let (safe, on_each) = safe(&http, version);
        assert!((safe / expected - 1.0).abs() < 1e-3, "{http} {version}: {safe} for {expected}");
        assert_eq!(on_each, f64::from(requests), "{http} {version}");
    }
}

#[test]
fn who_closes() {
    let cases = [
        ("server { location / { proxy_pass http://10.1.0.1; } }", OLD, ClosingSide::Race),
        ("server { location / { proxy_pass http://10.1.0.1; } }", NEWEST, ClosingSide::Nginx),
        (
            "server { location / { proxy_http_version 1.1; proxy_set_header Connection ''; proxy_pass http://10.1.0.1; } }",
            OLD,
            ClosingSide::Nginx,
        ),
        (
            "server { location / { proxy_set_header Connection close; proxy_pass http://10.1.0.1; } }",
            NEWEST,
            ClosingSide::Race,
        ),
        ("server { location / { grpc_pass grpc://10.1.0.1:80; } }", OLD, ClosingSide::Nginx),
        ("server { location / { fastcgi_pass 10.1.0.1:9000; } }", NEWEST, ClosingSide::Race),
        ("server { location / { uwsgi_pass 10.1.0.1:9000; } }", NEWEST, ClosingSide::Race),
    ];
    for (http, version, closer) in cases {
        let config = config(http, version);
        assert_eq!(flows(&config)[0].closer, closer, "{http} {version}");
    }
}

#[test]
fn upgrades() {
    let cases = [
        ("server { location / { proxy_pass http://10.1.0.1; } }", Effect::Worse),
        ("upstream u { server 10.1.0.1; } server { location / { proxy_pass http://u; } }", Effect::Better),
        ("server { location / { uwsgi_pass 10.1.0.1:9000; } }", Effect::Same),
    ];
    for (http, expected) in cases {
        let (old, new) = (config(http, OLD), config(http, NEWEST));
        assert_eq!(effect(&flows(&old)[0], &flows(&new)[0]), expected, "{http}");
    }
}

/// The output of `ngxc ports` for a configuration, as JSON, and its exit status.
fn ports(directory: &std::path::Path, conf: &str, arguments: &[&str]) -> (serde_json::Value, i32) {
    std::fs::write(directory.join("nginx.conf"), conf).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["ports", "nginx.conf", "--format", "json"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let answer = serde_json::from_slice(&output.stdout);
    (answer.unwrap_or_else(|_| panic!("{output:?}")), output.status.code().unwrap())
}

#[test]
fn which_nginx_is_judged() {
    const UPSTREAM: &str = "events {} http { upstream u { server 10.1.0.1:80; } server { location / { proxy_pass http://u; } } }";
    let directory = tempfile::tempdir().unwrap();
    let names = |answer: &serde_json::Value| {
        let rows = answer["flows"][0]["rows"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let load: &[&str] = &["--assume-defaults", "--rate", "300", "--latency", "10ms"];
    // Nothing says it: both sides, and the worse decides the exit status.
    let (answer, status) = ports(directory.path(), UPSTREAM, load);
    assert_eq!((status, answer["nginx_version"].as_str().unwrap()), (1, "1.28.3"));
    assert_eq!(names(&answer)[..2], ["as configured", "since nginx 1.29.7"]);
    let rows = &answer["flows"][0]["rows"];
    assert_eq!((rows[0]["verdict"].as_str(), rows[1]["verdict"].as_str()), (Some("cliff"), Some("fits")));
    assert!(answer["assumptions"][0].as_str().unwrap().contains("version unknown"));
    // The other way round: a bare host is worse with the newer.
    let bare = "events {} http { server { location / { proxy_pass http://10.1.0.1; } } }";
    let cautious = ["--active-close", "0.1"];
    let (answer, status) = ports(directory.path(), bare, &[load, &cautious].concat());
    let rows = &answer["flows"][0]["rows"];
    assert_eq!((rows[0]["verdict"].as_str(), rows[1]["verdict"].as_str()), (Some("fits"), Some("cliff")));
    assert_eq!(status, 1);
    // Only the newer takes it, so that one runs.
    let newer = UPSTREAM.replace("80; }", "80; keepalive 8 local; }");
    let (answer, _) = ports(directory.path(), &newer, load);
    assert_eq!(answer["nginx_version"], NEWEST.to_string().as_str());
    assert!(answer["nginx"].as_str().unwrap().contains("refuse this configuration"));
    // The settings file, and an option before it.
    std::fs::write(directory.path().join("ngxc.toml"), "nginx_version = \"1.22.1\"\n").unwrap();
    let (answer, status) = ports(directory.path(), UPSTREAM, load);
    assert_eq!((answer["nginx"].as_str().unwrap(), status), ("nginx 1.22.1 (ngxc.toml)", 1));
    assert!(!names(&answer).contains(&"since nginx 1.29.7".to_owned()));
    let (answer, status) = ports(directory.path(), UPSTREAM, &[load, &["--nginx-version", "1.30"]].concat());
    assert!(answer["nginx"].as_str().unwrap().starts_with("nginx 1.30."));
    assert_eq!(status, 0);
}

#[test]
fn an_upgrade_counts_idle_connections_and_names_who_is_in_danger() {
    let locations: String = (0..40).map(|n| format!("location /{n}/ {{ proxy_pass http://b; }}")).collect();
    let conf = |servers: &str, connections: u32| {
        format!(
            "worker_processes 16; events {{ worker_connections {connections}; }}
            http {{ upstream b {{ {servers} }} server {{ {locations} }} }}"
        )
    };
    let directory = tempfile::tempdir().unwrap();
    let two = "server 10.0.0.1:80; server 10.0.0.2:80 weight=3;";
    let compare = ["--assume-defaults", "--compare-versions", "1.28,1.30"];
    let (report, status) = ports(directory.path(), &conf(two, 1024), &compare);
    assert_eq!(status, 1, "connections in TIME_WAIT move to this host");
    let flows = report["flows"].as_array().unwrap();
    assert_eq!(flows.len(), 40);
    assert!(flows.iter().all(|flow| flow["effect"] == "worse"), "{flows:?}");
    assert!(flows[0]["after"].as_str().unwrap().contains("divided among too many locations"));
    let idle = &report["idle"];
    assert_eq!((&idle["each_worker_before"], &idle["each_worker_after"]), (&0.into(), &32.into()));
    let peer = |n: usize, key: &str| idle["peers"][n][key].as_f64().unwrap();
    assert_eq!([peer(0, "before"), peer(0, "after"), peer(0, "after_evenly")], [0.0, 512.0, 128.0]);
    assert_eq!(peer(1, "after_evenly"), 384.0);
    assert_eq!(report["dangers"], serde_json::json!([]));
    // The worker's own limit, and that of the backend.
    let dangers = |servers: &str, connections: u32| {
        let (report, _) = ports(directory.path(), &conf(servers, connections), &compare);
        let dangers = report["dangers"].as_array().unwrap().iter();
        dangers.map(|d| d.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let own = dangers(two, 128);
    assert!(own[0].contains("32 of the 128 worker_connections") && own.len() == 1, "{own:?}");
    let backend = dangers("server 10.0.0.1:80 max_conns=100; server 10.0.0.2:80 max_conns=1000;", 1024);
    assert!(backend[0].starts_with("10.0.0.1:80: max_conns=100") && backend.len() == 1, "{backend:?}");
    // One place: all connections are used again, with as many idle ones.
    let few = conf("server 10.0.0.1:80;", 1024).replace(&locations, "location / { proxy_pass http://b; }");
    let (report, status) = ports(directory.path(), &few, &compare);
    assert_eq!((report["flows"][0]["effect"].as_str().unwrap(), status), ("better", 0));
    assert_eq!(report["idle"]["peers"][0]["after"], 512);
}

#[test]
fn a_load_is_understood_or_refused() {
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["ports", "examples/exhausted.conf", "--nginx-version", "1.28.0", "--assume-defaults"])
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    // Said before anything else that something was assumed.
    let (_, text) = run(&["--rate", "8000"]);
    assert!(text.starts_with("Assumed: each request takes 100 ms"), "{text}");
    let (status, text) = run(&["--rate", "8000", "--solve-for", "keepalive"]);
    assert!(status == 2 && text.contains("--latency 40ms"), "{text}");
    let (_, text) = run(&["--rate", "8000", "--latency", "46ms", "--solve-for", "keepalive"]);
    assert!(text.contains("solved for keepalive: keepalive 512"), "{text}");
    assert!(text.contains("workers: 1"), "{text}");
    for bare in ["40", "1.5"] {
        let (status, text) = run(&["--rate", "8000", "--latency", bare]);
        assert!(status == 2 && text.contains(&format!("`{bare}ms` or `{bare}s`")), "{text}");
    }
}

#[test]
fn unix_sockets_need_no_ports() {
    let config = config(
        "upstream u { server unix:/run/app.sock; } server { location / { proxy_pass http://u; } }",
        OLD,
    );
    assert!(flows(&config)[0].is_unix());
}

#[test]
fn targets_of_geo_and_captures_are_found() {
    let conf = "upstream pool { server 10.0.0.1:80; } upstream api { server 10.0.0.2:80; }
        geo $to { default pool; 192.0.2.0/24 api; }
        server {
            location / { proxy_pass http://$to; }
            location ~ ^/(api|pool)/ { proxy_pass http://$1; }
            location ~ ^/n/(?<name>api|pool)/ { proxy_pass http://$name; }
            location ~ ^/x/(.+)/ { proxy_pass http://$1; }
        }";
    let config = config(conf, NEWEST);
    let names: Vec<String> =
        flows(&config).into_iter().map(|flow| format!("{} {}", flow.name, flow.passes.len())).collect();
    assert_eq!(names, ["api 3", "pool 3", "(from the request) 1"]);
}

#[test]
fn the_report_names_every_leaf_and_cause() {
    let conf = "events {}
        http {
            upstream pool { server 10.0.0.1; keepalive 8; }
            upstream none { server 10.0.0.1; }
            map $host $to { default pool; b none; c 10.9.9.9; }
            proxy_http_version 1.1;
            proxy_set_header Connection '';
            server {
                server_name a.example;
                location / { proxy_pass http://$to; }
                location /x { proxy_set_header Host $host; proxy_pass http://pool; if ($arg_a) { proxy_pass http://none; } }
                location /u { proxy_pass http://unix:/run/app.sock; }
            }
        }
        stream { server { listen 53 udp; proxy_pass 10.0.0.53:53; } }";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, conf).unwrap();
    let run = |version: &str| -> serde_json::Value {
        let ngxc = std::process::Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["ports", "--report", "--assume-defaults", "--format", "json", "--nginx-version", version])
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(ngxc.status.code(), Some(1), "{}", String::from_utf8_lossy(&ngxc.stderr));
        serde_json::from_slice(&ngxc.stdout).unwrap()
    };
    let rows = |report: &serde_json::Value| -> Vec<String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        let leaves = report["leaves"].as_array().unwrap();
        leaves
            .iter()
            .map(|leaf| {
                let verdict = &leaf["verdicts"][0];
                let line = text(&leaf["place"]).rsplit(':').next().unwrap().to_owned();
                [
                    line,
                    text(&leaf["location"]),
                    text(&leaf["target"]),
                    text(&verdict["verdict"]),
                    text(&verdict["cause"]),
                ]
                .join("|")
            })
            .collect()
    };
    let old = run("1.28.3");
    let expected = [
        "10|location /|10.9.9.9|not-reused|no upstream block",
        "10|location /|none|not-reused|no keepalive",
        "10|location /|pool|reused|-",
        "11|location /x|pool|not-reused|nginx sends Connection: close",
        "11|location /x, if|none|not-reused|no keepalive",
        "12|location /u|unix:/run/app.sock|not-reused|no upstream block",
    ];
    assert_eq!(rows(&old), expected);
    assert_eq!(old["upstreams"][0]["pools"][0]["idle_connections_at_most"], 8);
    assert!(old["upstreams"][1]["pools"][0].is_null());
    assert!(old["stream"][0].as_str().unwrap().ends_with(":15  10.0.0.53:53"), "{}", old["stream"]);
    // Since 1.29.7 nginx sends no `Connection: close`.
    assert_eq!(rows(&run("1.31.5"))[3], "11|location /x|pool|reused|-");
}
