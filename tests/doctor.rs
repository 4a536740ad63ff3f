//! The diagnosis over literal logs, socket tables and settings: each finding is found, and nothing else is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use ngxc::catalog::NEWEST;
use ngxc::model::Config;
use ngxc::ports::access_log::AccessLog;
use ngxc::ports::counters::Counters;
use ngxc::ports::doctor::{Evidence, Severity, diagnose};
use ngxc::ports::error_log::ErrorLog;
use ngxc::ports::sysctl::Sysctls;
use ngxc::ports::{Host, flows, sockets};
use ngxc::source::Memory;
use ngxc::version::Version;
use ngxc::{compile, syntax};

const POOLED: &str =
    "upstream app { server 10.0.0.100:1234; } server { location / { proxy_pass http://app; } }";
const BARE: &str = "server { location / { proxy_pass http://10.0.0.100:1234; } }";
const BOUND: &str = "upstream app { server 10.0.0.100:1234; } server { location / { proxy_bind 10.0.0.9; proxy_pass http://app; } }";
const LOCAL: &str =
    "upstream app { server 127.0.0.1:40000; } server { location / { proxy_pass http://app; } }";
const FORMAT: &str = "log_format p '[$time_local] $status $upstream_addr $upstream_status $upstream_connect_time $upstream_response_time'; access_log a p;";

fn config(http: &str, version: Version) -> Config {
    let files = Memory::default().with("nginx.conf", format!("events {{}} http {{ {http} }}"));
    let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default()).unwrap();
    let options = compile::Options::new(version);
    let compiled = compile::compile(&configuration, &options);
    assert!(compiled.is_valid(), "{http}: {:?}", compiled.diagnostics);
    compiled.config
}

fn evidence(sysctls: &str) -> Evidence {
    let sysctls = Sysctls::parse(sysctls);
    Evidence { host: Host::read(&sysctls).unwrap(), sysctls, ..Evidence::default() }
}

fn with_errors(mut evidence: Evidence, lines: &[&str]) -> Evidence {
    let mut log = ErrorLog::default();
    for (second, line) in lines.iter().enumerate() {
        log.add(format!("2026/11/22 17:46:{second:02} [crit] 8#8: *1 {line} while connecting to upstream, client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"").as_bytes());
    }
    evidence.errors = Some(log);
    evidence
}

/// A table of `count` connections from 10.0.0.9 to 10.0.0.100:1234 in a state.
fn table(first: u16, step: u16, count: u16, state: &str) -> String {
    let mut text = String::new();
    for i in 0..count {
        let port = first + i * step;
        writeln!(text, "{i}: 0900000A:{port:04X} 6400000A:04D2 {state} 0:0 00:0 0 0 0 0").unwrap();
    }
    text
}

/// Names of what is found at warning or above, and of what is only info.
fn names(http: &str, version: Version, evidence: &Evidence) -> (Vec<&'static str>, Vec<&'static str>) {
    let config = config(http, version);
    let flows = flows(&config);
    let findings = diagnose(&config, &flows, evidence);
    let (info, bad): (Vec<_>, Vec<_>) = findings.iter().partition(|f| f.severity == Severity::Info);
    (bad.iter().map(|f| f.name).collect(), info.iter().map(|f| f.name).collect())
}

#[test]
fn a_healthy_host_has_no_findings() {
    assert_eq!(names(POOLED, NEWEST, &evidence("")), (vec![], vec![]));
}

#[test]
fn every_message_of_the_error_log() {
    let cases: &[(&str, &str)] = &[
        ("connect() to 10.0.0.100:1234 failed (99: Cannot assign requested address)", "no-free-port"),
        ("bind(10.0.0.9) failed (98: Address already in use)", "bind-in-use"),
        ("bind(10.0.0.9) failed (99: Cannot assign requested address)", "bind-address-missing"),
        ("bind([::1]) failed (97: Address family not supported by protocol)", "bind-family"),
        ("bind(10.0.0.9) failed (13: Permission denied)", "bind-forbidden"),
        ("connect() to 10.0.0.100:1234 failed (22: Invalid argument)", "connect-invalid"),
        ("invalid local address \"$arg_x\"", "invalid-local-address"),
        ("connect() to 10.0.0.100:53 failed (11: Resource temporarily unavailable)", "udp-no-free-port"),
        ("bind() to 0.0.0.0:40001 failed (98: Address already in use)", "listen-in-use"),
        ("no live upstreams", "no-live-upstreams"),
        ("1024 worker_connections are not enough", "worker-connections"),
        ("socket() failed (24: Too many open files)", "open-files"),
    ];
    for (message, name) in cases {
        assert_eq!(names(BOUND, NEWEST, &with_errors(evidence(""), &[message])).0, [*name], "{message}");
    }
    // The rest of a line decides too: the phase, the family of the peer, a unix socket.
    let whole: &[(&str, &str)] = &[
        ("connect() to [::1]:80 failed (99: Address not available) while connecting to upstream", "ipv6-off"),
        (
            "connect() to [2001:db8::1]:80 failed (101: Network unreachable) while connecting to upstream",
            "ipv6-off",
        ),
        (
            "connect() to unix:/s failed (11: Resource temporarily unavailable) while connecting to upstream",
            "unix-listen-queue-full",
        ),
        (
            "connect() to unix:/s failed (2: No such file or directory) while connecting to upstream",
            "unix-socket-missing",
        ),
        (
            "connect() to unix:/s failed (13: Permission denied) while connecting to upstream",
            "unix-socket-forbidden",
        ),
        (
            "connect() to 10.0.0.100:1234 failed (13: Permission denied) while connecting to upstream",
            "connect-forbidden",
        ),
        (
            "connect() to 10.0.0.100:1234 failed (1: Operation not permitted) while connecting to upstream",
            "dropped-on-this-host",
        ),
        ("connect() failed (113: No route to host) while connecting to upstream", "unreachable"),
        ("bind() to 10.0.0.77:80 failed (99: Cannot assign requested address)", "listen-address-missing"),
        ("bind() to 0.0.0.0:80 failed (13: Permission denied)", "listen-forbidden"),
        ("socket() [::]:80 failed (97: Address family not supported by protocol)", "listen-ipv6-off"),
        ("connect() failed (111: Connection refused) while connecting to upstream", "refused"),
        ("upstream timed out (110: Connection timed out) while connecting to upstream", "timed-out"),
        (
            "upstream timed out (110: Connection timed out) while SSL handshaking to upstream",
            "timed-out-in-tls",
        ),
        (
            "upstream timed out (110: Connection timed out) while sending request to upstream",
            "timed-out-in-sending",
        ),
        (
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
            "timed-out-in-response",
        ),
        (
            "SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream",
            "tls-with-peer",
        ),
        ("upstream sent too big header while reading response header from upstream", "header-too-big"),
        (
            "upstream sent no valid HTTP/1.0 header while reading response header from upstream",
            "invalid-response",
        ),
        ("client intended to send too large body: 9 bytes", "body-too-large"),
        ("no resolver defined to resolve app.example", "no-resolver"),
        ("app.example could not be resolved (3: Host not found)", "host-not-found"),
        ("host not found in upstream \"app\" in /etc/nginx/nginx.conf:9", "host-not-found"),
        (
            "upstream prematurely closed connection while reading response header from upstream",
            "closed-by-peer",
        ),
        ("upstream prematurely closed connection while reading upstream", "cut-response"),
        (
            "recv() failed (104: Connection reset by peer) while reading response header from upstream",
            "reset-by-peer",
        ),
        ("writev() failed (32: Broken pipe) while sending request to upstream", "reset-by-peer"),
    ];
    for (message, name) in whole {
        let mut log = ErrorLog::default();
        log.add(format!("2026/11/22 17:46:02 [error] 8#8: *1 {message}, client: 192.0.2.1, request: \"GET /connect() to unix:/x failed (11: x) HTTP/1.1\", upstream: \"http://10.0.0.100:1234/\"").as_bytes());
        let mut found = evidence("");
        found.errors = Some(log);
        assert_eq!(names(BARE_OF_UNIX, NEWEST, &found).0, [*name], "{message}");
    }
}

/// A flow that has nothing to do with the peers of the logs.
const BARE_OF_UNIX: &str = "server { location / { proxy_pass http://unix:/t; } }";

#[test]
fn errors_are_counted_dated_and_none_is_passed_over() {
    let config = config(POOLED, NEWEST);
    let flows = flows(&config);
    let mut log = ErrorLog::new(10);
    for (day, message) in [
        (21, "upstream prematurely closed connection while reading response header from upstream"),
        (22, "upstream prematurely closed connection while reading response header from upstream"),
        (22, "connect() failed (111: Connection refused) while connecting to upstream"),
        (22, "open() \"/x\" failed (2: No such file or directory)"),
    ] {
        log.add(format!("2026/11/{day} 17:46:02 [error] 8#8: *1 {message}, client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"").as_bytes());
    }
    let found = Evidence { errors: Some(log), ..evidence("") };
    let findings = diagnose(&config, &flows, &found);
    let names: Vec<&str> = findings.iter().map(|f| f.name).collect();
    assert_eq!(names, ["refused", "closed-while-kept", "other-errors"]);
    // A kept connection: the pool's own limit is named, with the line that passes requests on.
    let race = &findings[1];
    assert!(
        race.evidence[0].starts_with(
            "2 × in the error log (50 % of its errors), 2026-11-21 17:46:02 to 2026-11-22 17:46:02"
        ),
        "{race:?}"
    );
    assert!(race.evidence.iter().any(|e| e.contains("keepalive_timeout = 60 s")), "{race:?}");
    assert!(race.fault.is_some() && race.title.ends_with("(10.0.0.100:1234)"), "{race:?}");
}

#[test]
fn no_live_upstreams_are_traced_to_their_cause() {
    let config = config(POOLED, NEWEST);
    let flows = flows(&config);
    let missing = "connect() to 10.0.0.100:1234 failed (99: Cannot assign requested address)";
    let evidence = with_errors(evidence(""), &[missing, "no live upstreams", "no live upstreams"]);
    let findings = diagnose(&config, &flows, &evidence);
    let finding = findings.iter().find(|f| f.name == "no-live-upstreams").unwrap();
    assert!(
        finding.title.starts_with("2 × \"no live upstreams\" were caused by a missing port"),
        "{}",
        finding.title
    );
    // The flow at fault is named, and as its connections are kept it needs no other configuration.
    let cause = findings.iter().find(|f| f.name == "no-free-port").unwrap();
    assert!(cause.fault.is_some() && cause.repair.is_none());
}

#[test]
fn how_full_a_tuple_is() {
    let range = "net.ipv4.ip_local_port_range = 20000 20063\n";
    let at = |first: u16, step: u16, count: u16, more: &str| {
        let mut found = evidence(&format!("{range}{more}"));
        found.sockets = Some(sockets::group(&[&table(first, step, count, "06")], &found.host));
        names(BARE, NEWEST, &found).0
    };
    // The configuration itself is a warning unless its flow is blamed already.
    let config = "every-request-leaves-time-wait";
    assert_eq!(at(20000, 2, 25, ""), [config]);
    assert_eq!(at(20000, 2, 26, ""), ["near-the-cliff"]);
    assert_eq!(at(20000, 2, 32, ""), ["past-the-cliff"]);
    assert_eq!(at(20000, 1, 64, ""), ["ports-exhausted"]);
    assert_eq!(at(30000, 1, 64, ""), [config], "ports outside the range are no ephemeral ports");
    assert_eq!(at(20000, 1, 64, "net.ipv4.tcp_tw_reuse = 1"), [config], "they are used again after a second");
}

#[test]
fn settings_and_counters() {
    let with = |http: &str, version: Version, sysctls: &str| names(http, version, &evidence(sysctls));
    assert_eq!(with(LOCAL, NEWEST, "").0, ["peer-in-range"]);
    assert_eq!(with(LOCAL, NEWEST, "net.ipv4.ip_local_reserved_ports = 40000").0, [""; 0]);
    assert_eq!(
        with(POOLED, NEWEST, "net.ipv4.tcp_tw_reuse = 1\nnet.ipv4.tcp_timestamps = 0").0,
        ["reuse-without-timestamps"]
    );
    assert_eq!(with(POOLED, NEWEST, "net.ipv4.tcp_fin_timeout = 5").1, ["fin-timeout"]);
    let conntrack = "net.netfilter.nf_conntrack_count = 96\nnet.netfilter.nf_conntrack_max = 100";
    assert_eq!(with(POOLED, NEWEST, conntrack).0, ["conntrack-full"]);
    assert_eq!(with(BOUND, Version::new(1, 10, 0), "").0, ["bind-reserves-ports"]);
    let mut old_kernel = evidence("");
    old_kernel.kernel = Some((3, 10));
    assert_eq!(names(BOUND, NEWEST, &old_kernel).0, ["bind-reserves-ports"]);
    let mut overflow = evidence("");
    overflow.counters = Some(Counters::parse("TcpExt: TCPTimeWaitOverflow\nTcpExt: 3\n"));
    overflow.insert_failed = 7;
    assert_eq!(
        names(POOLED, NEWEST, &overflow),
        (vec!["conntrack-insert-failed"], vec!["time-wait-overflow"])
    );
    let mut listening = evidence("");
    listening.host.listening.insert(40000);
    assert_eq!(names(POOLED, NEWEST, &listening).0, ["listening-in-range"]);
}

#[test]
fn bursts_in_the_access_log() {
    let http = format!("{FORMAT} {POOLED}");
    let config = config(&http, NEWEST);
    let format = config.http.log_formats.iter().find(|f| f.name == "p").unwrap();
    let read = |lines: &[(u32, &str)]| {
        let mut log = AccessLog::new(&config, format);
        for (second, rest) in lines {
            log.add(format!("[22/Nov/2026:17:46:{second:02} +0000] {rest}").as_bytes());
        }
        log
    };
    let ok = "200 10.0.0.100:1234 200 0.000 0.010";
    let no_port = "502 10.0.0.100:1234 502 - 0.000";
    let log = read(&[
        (1, ok),
        (2, no_port),
        (2, "502 10.0.0.1:80, 10.0.0.2:80 502, 502 -, - 0.000, 0.000"),
        (3, "502 app 502 - 0.000"),
        (3, "500 - - - -"),
        (9, ok),
    ]);
    assert_eq!((log.requests, log.errors, log.no_port, log.no_live, log.bind_failed), (6, 4, 2, 1, 1));
    let (first, last, errors) = log.burst().unwrap();
    assert_eq!((last - first, errors), (1, 4));
    assert!(log.missing().is_empty());
    let found = Evidence { access: Some(log), ..evidence("") };
    assert_eq!(names(&http, NEWEST, &found).0, ["burst-of-errors"]);
    let healthy = Evidence { access: Some(read(&[(1, ok), (2, ok)])), ..evidence("") };
    assert_eq!(names(&http, NEWEST, &healthy), (vec![], vec![]));
    let mut foreign = read(&[]);
    foreign.add(b"something else \xff");
    foreign.add(&vec![b'x'; 100_000]);
    assert_eq!((foreign.requests, foreign.foreign), (0, 2));
}
