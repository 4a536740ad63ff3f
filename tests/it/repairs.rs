//! Diffs that `ngxc doctor` prints for causes that are no shortage of ports: in every layout of the configuration, and only
//! where nginx takes them. `tests/proofs` shows that they cure.
#![allow(clippy::unwrap_used, clippy::format_push_string, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;

use serde_json::Value;

/// The diagnosis of a block `http` and lines of its error log.
fn doctor(http: &str, lines: &[&str]) -> Value {
    doctor_with(http, lines, "")
}

/// The same with an access log, which is named `access`.
fn doctor_with(http: &str, lines: &[&str], access: &str) -> Value {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("nginx.conf"), format!("events {{}}\nhttp {{\n{http}\n}}\n")).unwrap();
    let lines = lines.iter().map(|line| format!("2026/11/22 17:46:02 [error] 8#8: *1 {line}\n"));
    fs::write(place.path().join("log"), lines.collect::<String>()).unwrap();
    fs::write(place.path().join("access"), access).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args([
            "doctor",
            "nginx.conf",
            "--error-log",
            "log",
            "--no-sockets",
            "--assume-defaults",
            "--format",
            "json",
        ])
        .args(["--nginx-version", "1.26.0"])
        .current_dir(&place)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The lines that the diff adds.
fn added(http: &str, lines: &[&str]) -> Vec<String> {
    let report = doctor(http, lines);
    let diff = report["repair"].as_str().unwrap_or_default();
    let new = diff.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++"));
    new.map(|line| line[1..].trim().to_owned()).collect()
}

const UPSTREAM: &str = "client: 192.0.2.1, server: a.example, request: \"GET / HTTP/1.1\", upstream:";

#[test]
fn the_head_of_a_response_gets_a_buffer_where_it_is_missing_or_small() {
    let big = |url: &str| {
        format!(
            "upstream sent too big header while reading response header from upstream, {UPSTREAM} \"{url}\""
        )
    };
    let http = big("http://10.0.0.1:80/");
    let bare = "server { location / { proxy_pass http://10.0.0.1:80; } }";
    assert_eq!(
        added(bare, &[&http]),
        [
            "server { location / { proxy_buffer_size 32k; proxy_buffers 8 16k; proxy_pass http://10.0.0.1:80; } }"
        ]
    );
    let set = "proxy_buffer_size 16k;\nproxy_buffers 16 64k;\nserver {\n location / {\n  proxy_pass http://10.0.0.1:80;\n }\n}";
    assert_eq!(added(set, &[&http]), ["proxy_buffer_size 64k;"]);
    let php = "server {\n location / {\n  fastcgi_pass 10.0.0.1:9000;\n }\n}";
    assert_eq!(
        added(php, &[&big("fastcgi://10.0.0.1:9000")]),
        ["fastcgi_buffer_size 32k;", "fastcgi_buffers 8 16k;"]
    );
    // Other peers of the same configuration are left alone.
    assert_eq!(added(bare, &[&big("http://10.0.0.2:80/")]), Vec::<String>::new());
}

#[test]
fn an_edit_that_nginx_would_refuse_is_not_printed_and_stops_no_other() {
    let big = format!(
        "upstream sent too big header while reading response header from upstream, {UPSTREAM} \"http://10.0.0.1:80/\""
    );
    let body = "client intended to send too large body: 3000000 bytes, client: 192.0.2.1, server: a.example";
    let http = "server {\n server_name a.example;\n client_max_body_size 1m;\n location / {\n  proxy_busy_buffers_size 8k;\n  proxy_pass http://10.0.0.1:80;\n }\n}";
    assert_eq!(added(http, &[&big, body]), ["client_max_body_size 3m;"]);
}

#[test]
fn bodies_are_allowed_in_the_servers_that_the_log_names() {
    let body = "client intended to send too large body: 2097153 bytes, client: 192.0.2.1, server: a.example, request: \"POST / HTTP/1.1\"";
    let http = "server {\n server_name a.example;\n location / { root /a; }\n}\nserver {\n server_name b.example;\n location / { root /b; }\n}";
    assert_eq!(added(http, &[body]), ["client_max_body_size 3m;"]);
    let unlimited = "client_max_body_size 0;\nserver {\n server_name a.example;\n location / { root /a; }\n location /b { client_max_body_size 1m; root /a; }\n}";
    assert_eq!(added(unlimited, &[body]), ["location /b { client_max_body_size 3m; root /a; }"]);
}

#[test]
fn peers_with_tls_get_the_version_and_the_name_that_they_want() {
    let failed = |why: &str| {
        format!(
            "SSL_do_handshake() failed (SSL: error:0A00:SSL routines::{why}) while SSL handshaking to upstream, {UPSTREAM} \"https://10.0.0.1:443/\""
        )
    };
    let http = "server {\n location / {\n  proxy_ssl_protocols TLSv1;\n  proxy_pass https://10.0.0.1;\n }\n}";
    assert_eq!(
        added(http, &[&failed("tlsv1 alert protocol version")]),
        ["proxy_ssl_protocols TLSv1.2 TLSv1.3;"]
    );
    // Nothing to prescribe: the versions are these already.
    let newest = http.replace("TLSv1;", "TLSv1.2 TLSv1.3;");
    assert_eq!(added(&newest, &[&failed("unsupported protocol")]), Vec::<String>::new());
    let named =
        "upstream app { server api.example:443; }\nserver {\n location / {\n  proxy_pass https://app;\n }\n}";
    let alert = failed("sslv3 alert handshake failure");
    assert_eq!(added(named, &[&alert]), ["proxy_ssl_server_name on;", "proxy_ssl_name api.example;"]);
    let line = failed("wrong version number");
    assert_eq!(added(http, &[&line]), ["proxy_pass http://10.0.0.1;"]);
    // Over the open network nobody is told to go without TLS.
    let public = http.replace("10.0.0.1", "198.51.100.1");
    assert_eq!(added(&public, &[&line.replace("10.0.0.1", "198.51.100.1")]), Vec::<String>::new());
    let report = doctor(
        http,
        &[&format!(
            "upstream SSL certificate verify error: (18:self-signed certificate) while SSL handshaking to upstream, {UPSTREAM} \"https://10.0.0.1:443/\""
        )],
    );
    let remedies = report["findings"][0]["remedy"].to_string();
    assert!(remedies.contains("proxy_ssl_trusted_certificate") && report["repair"].is_null(), "{remedies}");
}

#[test]
fn an_ipv6_peer_that_was_reached_in_the_same_time_lacks_ports() {
    let line = format!(
        "connect() to [2001:db8::1]:80 failed (99: Cannot assign requested address) while connecting to upstream, {UPSTREAM} \"http://[2001:db8::1]:80/\""
    );
    let http = "log_format p '[$time_local] $status $upstream_addr $upstream_status';\naccess_log access p;\nserver {\n location / {\n  proxy_pass http://[2001:db8::1]:80;\n }\n}";
    let alone = doctor(http, &[&line]);
    assert_eq!(alone["findings"][0]["name"], "ipv6-off");
    let served = "[22/Nov/2026:17:46:02 +0000] 200 [2001:db8::1]:80 200\n";
    let report = doctor_with(http, &[&line], &served.repeat(9));
    assert_eq!(report["findings"][0]["name"], "no-free-port");
    assert!(report["repair"].as_str().unwrap().contains("keepalive"), "{report}");
}

#[test]
fn a_host_that_gets_an_upstream_is_named_to_the_peer_as_before() {
    let line = |peer: &str| {
        format!(
            "connect() to {peer} failed (99: Cannot assign requested address) while connecting to upstream, {UPSTREAM} \"http://{peer}/\""
        )
    };
    let lines = |http: &str, peer: &str| added(http, &[&line(peer)]);
    let bare = "server {\n listen 80;\n location / {\n  proxy_pass http://10.0.0.1:80;\n }\n}";
    let all = lines(bare, "10.0.0.1:80");
    assert!(all.contains(&"proxy_set_header Host 10.0.0.1;".to_owned()), "{all:?}");
    // Headers of an outer level would be lost beside one here: the upstream has the name of the host instead.
    let inherited =
        "proxy_set_header X-A b;\nserver {\n listen 80;\n location / {\n  proxy_pass http://10.0.0.1;\n }\n}";
    let all = lines(inherited, "10.0.0.1:80");
    assert!(all.contains(&"upstream 10.0.0.1 {".to_owned()), "{all:?}");
    assert!(!all.iter().any(|line| line.contains("Host") || line.contains("proxy_pass")), "{all:?}");
    // A port would change what the peer is told, and there is no place to say it.
    let port = inherited.replace("10.0.0.1", "10.0.0.1:8080");
    assert_eq!(lines(&port, "10.0.0.1:8080"), Vec::<String>::new());
}

#[test]
fn each_flow_without_ports_has_a_cure_of_its_own() {
    let line = |peer: &str| {
        format!(
            "connect() to {peer} failed (99: Cannot assign requested address) while connecting to upstream, {UPSTREAM} \"http://{peer}/\""
        )
    };
    let http = "upstream app { server 10.0.0.1:80; }\nserver {\n location / { proxy_pass http://app; }\n location /u { uwsgi_pass 10.0.0.5:3031; }\n}";
    let report = doctor(http, &[&line("10.0.0.1:80"), &line("10.0.0.5:3031"), &line("10.0.0.33:3306")]);
    let findings = report["findings"].as_array().unwrap().iter();
    let mut cures: Vec<_> = findings
        .filter(|f| f["name"] == "no-free-port")
        .map(|f| {
            let has_command = !f["commands"].as_array().unwrap().is_empty();
            (
                f["title"].as_str().unwrap().rsplit('(').next().unwrap(),
                f["is_repaired_by_diff"] == true,
                has_command,
            )
        })
        .collect();
    cures.sort_unstable();
    assert_eq!(
        cures,
        [("10.0.0.1:80)", true, false), ("10.0.0.33:3306)", false, true), ("10.0.0.5:3031)", false, true)]
    );
}

/// A directory with a configuration and its logs; what doctor says of it, and what lint says of it with the diff applied.
fn linted(conf: &str, errors: &str, access: &str) -> (Value, String, Value) {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    write("nginx.conf", conf);
    write("error.log", errors);
    write("access.log", access);
    let ngxc = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
        let output = command
            .args(arguments)
            .args(["--nginx-version", "1.22.1", "--format", "json"])
            .current_dir(&place);
        serde_json::from_slice::<Value>(&output.output().unwrap().stdout).unwrap()
    };
    let report = ngxc(&["doctor", "nginx.conf", "--no-sockets", "--assume-defaults"]);
    write("patch", report["repair"].as_str().unwrap());
    let patch =
        Command::new("patch").args(["-s", "-p1", "-i", "patch"]).current_dir(&place).status().unwrap();
    assert!(patch.success());
    let text = fs::read_to_string(place.path().join("nginx.conf")).unwrap();
    (report, text, ngxc(&["lint", "nginx.conf"]))
}

fn two_upstreams(events: &str) -> String {
    format!(
        "events {{ {events} }}
http {{
    log_format p '$msec $status $request_time $upstream_addr $upstream_status $upstream_connect_time $upstream_response_time';
    access_log access.log p;
    error_log error.log;
    upstream other {{ server 10.0.0.9:80; keepalive 16; }}
    upstream app {{ server 10.0.0.1:80; server 10.0.0.2:80; }}
    server {{
        listen 127.0.0.1:8000;
        location / {{ proxy_pass http://app; }}
        location /other {{ proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_pass http://other; }}
    }}
}}
"
    )
}

/// The messages of lint that are errors.
fn lint_errors(lint: &Value) -> Vec<&str> {
    let findings = lint["findings"].as_array().unwrap().iter().filter(|f| f["level"] == "error");
    findings.map(|f| f["message"].as_str().unwrap()).collect()
}

#[test]
fn answers_of_nginx_itself_size_no_pool() {
    // Four clients without a pause: a second of good answers, then a port is missing, and no peer is asked for the rest.
    let (mut access, mut errors) = (String::new(), String::new());
    for n in 0..80 {
        access += &format!("1795369561.{:03} 200 0.040 10.0.0.1:80 200 0.001 0.040\n", 100 + n / 4 * 40);
    }
    for n in 0..9000 {
        let line = match n {
            0 | 1 => format!("502 0.000 10.0.0.{}:80 502 - 0.000", n + 1),
            n if n % 9 == 0 => "200 0.000 - - - -".to_owned(),
            _ => "502 0.000 app 502 - 0.000".to_owned(),
        };
        access += &format!("1795369562.{:03} {line}\n", n / 9);
    }
    for n in 1..=4 {
        errors += &format!(
            "2026/11/22 17:46:02 [crit] 8#8: *{n} connect() to 10.0.0.{}:80 failed (99: Cannot assign requested address) while connecting to upstream, client: 192.0.2.1, server: , request: \"GET / HTTP/1.1\", upstream: \"http://10.0.0.{}:80/\"\n",
            1 + n % 2,
            1 + n % 2
        );
    }
    let (report, text, lint) = linted(&two_upstreams(""), &errors, &access);
    assert!(text.contains("keepalive 16;") && text.matches("keepalive 16;").count() == 2, "{text}");
    let said = report.to_string();
    assert!(said.contains("40 ms each (access log), 4 at once"), "{said}");
    assert_eq!(lint_errors(&lint), Vec::<&str>::new(), "{text}");
    // Without the time that a peer takes, the whole request says it.
    let short = two_upstreams("").replace(" $upstream_connect_time $upstream_response_time", "");
    let brief: String =
        access.lines().map(|line| line.rsplitn(3, ' ').last().unwrap().to_owned() + "\n").collect();
    let (report, text, _) = linted(&short, &errors, &brief);
    assert!(report.to_string().contains("40 ms each (access log), 4 at once"), "{report}");
    assert_eq!(text.matches("keepalive 16;").count(), 2, "{text}");
}

#[test]
fn a_large_pool_gets_room_and_passes_lint() {
    // 3,000 requests/s of 300 ms each: 900 at once.
    let (mut access, mut errors) = (String::new(), String::new());
    for n in 0..12_000 {
        access += &format!(
            "{}.{:03} 200 0.300 10.0.0.1:80 200 0.001 0.300\n",
            1_795_369_560 + n / 3000,
            n % 3000 / 3
        );
    }
    errors += "2026/11/22 17:46:02 [crit] 8#8: *1 connect() to 10.0.0.1:80 failed (99: Cannot assign requested address) while connecting to upstream, client: 192.0.2.1, upstream: \"http://10.0.0.1:80/\"\n";
    for events in ["", "worker_connections 1024;", "\n    worker_connections 100000;\n"] {
        let (_, text, lint) = linted(&two_upstreams(events), &errors, &access);
        assert!(text.contains("keepalive 2048;"), "{text}");
        let has_room =
            text.contains("worker_connections 16384;") && text.contains("worker_rlimit_nofile 32768;");
        assert!(has_room != events.contains("100000"), "{text}");
        assert_eq!(lint_errors(&lint), Vec::<&str>::new(), "{text}");
    }
}
