//! The diagnosis over literal logs, socket tables and settings: each finding is found, and nothing else is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use ngxc::catalog::NEWEST;
use ngxc::model::Config;
use ngxc::ports::access_log::AccessLog;
use ngxc::ports::addresses::Addresses;
use ngxc::ports::counters::Counters;
use ngxc::ports::doctor::since::{HostSnapshot, Verdict, compare, peers};
use ngxc::ports::doctor::{Evidence, Severity, diagnose};
use ngxc::ports::error_log::{ErrorLog, Reload};
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
        (22, "something \"/x\" is 17 new"),
        (22, "something \"/yy\" is 4 new"),
        (22, "nobody has seen this"),
    ] {
        log.add(format!("2026/11/{day} 17:46:02 [error] 8#8: *1 {message}, client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"").as_bytes());
    }
    let found = Evidence { errors: Some(log), ..evidence("") };
    let findings = diagnose(&config, &flows, &found);
    let names: Vec<&str> = findings.iter().map(|f| f.name).collect();
    assert_eq!(names, ["closed-while-kept", "refused", "other-errors"]);
    // Messages of one form are one kind.
    let other = &findings[2];
    assert_eq!(other.title, "other errors");
    assert!(
        other.evidence.iter().any(|e| e == "something \"…\" is … new twice, nobody has seen this once"),
        "{other:?}"
    );
    // A kept connection: the pool's own limit is named, with the line that passes requests on.
    let race = &findings[0];
    assert!(
        race.evidence[0].starts_with(
            "twice in the error log (33 % of its errors), 2026-11-21 17:46:02 to 2026-11-22 17:46:02"
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
        finding.title.starts_with("\"no live upstreams\", twice, was caused by a missing port"),
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
    let burst = log.bursts(None)[0];
    assert_eq!((burst.last - burst.first, burst.errors, burst.requests), (1, 4, 4));
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

/// Requests of one second, so many well and so many not, and a line of the error log for each of those.
fn second(log: &mut AccessLog, errors: &mut ErrorLog, at: u32, well: u32, failed: u32) {
    for n in 0..well + failed {
        let rest =
            if n < well { "200 10.0.0.100:1234 200 0.000 0.010" } else { "502 10.0.0.100:1234 502 - 0.000" };
        log.add(format!("[22/Nov/2026:17:{:02}:{:02} +0000] {rest}", at / 60, at % 60).as_bytes());
    }
    for _ in 0..failed {
        errors.add(format!("2026/11/22 17:{:02}:{:02} [crit] 8#8: *1 connect() to 10.0.0.100:1234 failed (99: x) while connecting to upstream, client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"", at / 60, at % 60).as_bytes());
    }
}

#[test]
fn cured_not_cured_or_too_early() {
    let config = config(&format!("{FORMAT} {POOLED}"), NEWEST);
    let flows = flows(&config);
    let format = config.http.log_formats.iter().find(|f| f.name == "p").unwrap();
    let midnight = ngxc::ports::dates::seconds((2026, 11, 22), (17, 0, 0));
    // Half fails for ten seconds; the reload is at 20, the second look at 60.
    let look = |at: i64, after: &[(u32, u32, u32)], table: &str| {
        let (mut access, mut errors) = (AccessLog::new(&config, format), ErrorLog::default());
        for at in 0..10 {
            second(&mut access, &mut errors, at, 5, 5);
        }
        for (at, well, failed) in after {
            second(&mut access, &mut errors, *at, *well, *failed);
        }
        let mut evidence = evidence("net.ipv4.ip_local_port_range = 20000 20063");
        evidence.sockets = Some(sockets::group(&[table], &evidence.host));
        (evidence.access, evidence.errors) = (Some(access), Some(errors));
        let reloaded = (at > 10).then_some(midnight + 20);
        HostSnapshot {
            peers: peers(&flows),
            evidence,
            at: midnight + at,
            reloaded,
            ..HostSnapshot::default()
        }
    };
    let before = look(10, &[], &table(20000, 1, 64, "06"));
    let verdict = |after: &[(u32, u32, u32)], table: &str| {
        let found = compare(&before, &look(60, after, table));
        (found.verdict, found.reasons.join("; "), found.after.connections_per_request)
    };
    let (cured, why, connections) = verdict(&[(30, 50, 0)], &table(20000, 1, 2, "01"));
    assert_eq!((cured, connections), (Verdict::Cured, Some(0.04)), "{why}");
    let (few, why, _) = verdict(&[(30, 3, 0)], "");
    assert_eq!(few, Verdict::Unknown, "{why}");
    assert!(why.contains("only 3 requests since the reload; at least 6 are needed"), "{why}");
    // Errors logged in the second of the reload belong to the workers before it.
    assert_eq!(verdict(&[(20, 0, 9), (30, 50, 0)], "").0, Verdict::Cured);
    // Ports that were closed before the reload are in TIME_WAIT for a minute more, whatever the new configuration does.
    let (early, why, _) = verdict(&[(30, 50, 1)], "");
    assert_eq!(early, Verdict::Unknown);
    assert!(why.contains("free again in 22 s: look again then"), "{why}");
    assert_eq!(compare(&before, &look(100, &[(30, 50, 1), (90, 50, 0)], "")).verdict, Verdict::Cured);
    let still = compare(&before, &look(100, &[(90, 50, 1)], ""));
    assert_eq!(still.verdict, Verdict::NotCured);
    let why = still.reasons.join("; ");
    assert!(why.starts_with("no-free-port once since then (50 times before)"), "{why}");
    // Nothing has failed yet, but each request leaves a port for a minute: closed 10 s ago, 50 s are left.
    let closed = table(20000, 1, 30, "06").replace("00:0 0", "03:00001388 0");
    let (full, why, _) = verdict(&[(50, 30, 0)], &closed);
    assert_eq!(full, Verdict::NotCured);
    assert!(why.contains("fills up: 0.8 connections/s are closed by this host"), "{why}");
    // The same sockets, closed before the reload: 45 s ago.
    let old = table(20000, 1, 30, "06").replace("00:0 0", "03:000005DC 0");
    assert_eq!(verdict(&[(50, 30, 0)], &old).0, Verdict::Cured);
    // Without an access log the time without an error tells, if connections were made in it.
    let blind = |at: i64, table: &str, failed: u32| {
        let mut first = before.clone();
        let mut look = look(at, &[(30, 0, failed)], table);
        (first.evidence.access, look.evidence.access) = (None, None);
        let found = compare(&first, &look);
        (found.verdict, found.reasons.join("; "))
    };
    let open = table(20000, 1, 2, "01");
    let (verdict, why) = blind(60, &open, 0);
    assert_eq!(verdict, Verdict::Cured, "{why}");
    assert!(
        why.starts_with("no error in 40 s, with 2 connections to peers; there is no access log"),
        "{why}"
    );
    let (verdict, why) = blind(60, "", 0);
    assert_eq!(verdict, Verdict::Unknown);
    assert!(why.contains("nobody sent a request"), "{why}");
    let (verdict, why) = blind(25, &open, 0);
    assert_eq!(verdict, Verdict::Unknown);
    assert!(why.contains("10 s without an error are needed to judge, and 5 s have passed"), "{why}");
    assert_eq!(blind(100, &open, 0).0, Verdict::Cured);
}

#[test]
fn only_the_host_can_cure_these_and_the_commands_are_named() {
    let with = |http: &str, sysctls: &str, message: &str| {
        let config = config(http, NEWEST);
        let flows = flows(&config);
        let mut found = with_errors(evidence(sysctls), &[message]);
        let trie = "Local:\n     |-- 10.0.0.9\n        /32 host LOCAL\n";
        found.addresses =
            Some(Addresses::parse(trie, "", "Iface\neth0 0000000A 00000000 0001 0 0 0 000000FF 0 0 0\n"));
        diagnose(&config, &flows, &found).swap_remove(0).commands
    };
    let bind = "bind(10.0.0.77) failed (99: Cannot assign requested address)";
    assert_eq!(with(BOUND, "", bind), ["ip addr add 10.0.0.77/32 dev eth0"]);
    assert_eq!(with(BOUND, "", "bind(10.0.0.9) failed (99: Cannot assign requested address)"), [""; 0]);
    assert_eq!(
        with(BOUND, "", "bind() to 10.0.0.77:80 failed (99: Cannot assign requested address)"),
        ["ip addr add 10.0.0.77/32 dev eth0"]
    );
    let full = "connect() to unix:/s failed (11: Resource temporarily unavailable)";
    assert_eq!(with(BARE, "net.core.somaxconn = 128", full), ["sysctl -w net.core.somaxconn=4096"]);
    assert_eq!(with(BARE, "net.core.somaxconn = 4096", full), [""; 0], "the queue is the backend's own");
    let ipv6 = "connect() to [2001:db8::1]:80 failed (99: Cannot assign requested address)";
    let off = "net.ipv6.conf.all.disable_ipv6 = 1";
    // Loopback gets its address back; another interface has lost its own.
    let local = ipv6.replace("[2001:db8::1]", "[::1]");
    assert_eq!(with(BARE, off, &local), ["sysctl -w net.ipv6.conf.all.disable_ipv6=0"]);
    assert_eq!(with(BARE, off, ipv6), [""; 0]);
    assert_eq!(with(BARE, "", ipv6), [""; 0]);
}

#[test]
fn the_largest_body_is_named() {
    let config = config(POOLED, NEWEST);
    let found = with_errors(
        evidence(""),
        &[
            "client intended to send too large body: 3000000 bytes",
            "client intended to send too large chunked body: 8192+1 bytes",
        ],
    );
    let findings = diagnose(&config, &flows(&config), &found);
    assert!(
        findings[0].evidence.iter().any(|e| e.contains("3000000 bytes: `client_max_body_size 3m`")),
        "{findings:?}"
    );
}

#[test]
fn a_single_failure_and_one_peer_of_many_are_told() {
    let http = format!("{FORMAT} {POOLED}");
    let config = config(&http, NEWEST);
    let format = config.http.log_formats.iter().find(|f| f.name == "p").unwrap();
    let read = |failing: &str| {
        let mut log = AccessLog::new(&config, format);
        for n in 0..600 {
            let (at, peer) = (n / 60, n % 20);
            let rest = if n < 590 || peer != 11 { "200 0.000 0.010" } else { failing };
            let (status, times) = rest.split_once(' ').unwrap();
            log.add(
                format!("[22/Nov/2026:17:46:{at:02} +0000] {status} 10.0.0.{peer}:80 {status} {times}")
                    .as_bytes(),
            );
        }
        Evidence { access: Some(log), ..evidence("") }
    };
    assert_eq!(names(&http, NEWEST, &read("502 - 0.000")).0, ["answered-5xx"]);
    assert_eq!(names(&http, NEWEST, &read("503 0.000 0.010")), (vec![], vec!["answered-5xx"]));
    let mut log = AccessLog::new(&config, format);
    for n in 0..600 {
        let (at, peer) = (n / 60, n % 20);
        let rest = if peer == 11 {
            "502 10.0.0.11:80 502 - 0.000".to_owned()
        } else {
            format!("200 10.0.0.{peer}:80 200 0.000 0.010")
        };
        log.add(format!("[22/Nov/2026:17:46:{at:02} +0000] {rest}").as_bytes());
    }
    let findings = diagnose(&config, &flows(&config), &Evidence { access: Some(log), ..evidence("") });
    assert_eq!(findings[0].name, "burst-of-errors");
    assert_eq!(
        findings[0].title,
        "a burst of 30 failed requests of 10.0.0.11:80, 2026-11-22 17:46:00 to 17:46:09"
    );
    assert!(findings[0].evidence[0].starts_with("30 of 30 attempts at this peer failed then (100 %)"));
}

#[test]
fn pasted_sockets_are_those_of_the_kernel() {
    let host = evidence("net.ipv4.ip_local_port_range = 20000 20063").host;
    let (mut ss, mut netstat) =
        (String::from("State Recv-Q Send-Q Local Address:Port Peer Address:Port\n"), String::new());
    for port in 20000..20040 {
        writeln!(ss, "TIME-WAIT 0 0 10.0.0.9:{port} 10.0.0.100:1234").unwrap();
        writeln!(netstat, "tcp 0 0 10.0.0.9:{port} 10.0.0.100:1234 TIME_WAIT").unwrap();
    }
    let kernel = sockets::group(&[&table(20000, 1, 40, "06")], &host);
    for text in [ss, netstat] {
        let pasted = sockets::group(&[&text], &host);
        assert_eq!((pasted.outgoing, pasted.foreign), (kernel.outgoing.clone(), 0));
    }
}

/// 2026-11-22 17:46:00.
const START: i64 = 1_795_369_560;

/// The findings of lines (second, process, message) where nginx was reloaded in second 10 and has worker 12 since.
fn since_reload(http: &str, lines: &[(i64, u32, &str)]) -> Vec<(String, Severity)> {
    let config = config(http, Version::new(1, 22, 1));
    let mut log = ErrorLog::new(10);
    log.reload = Some(Reload::new(START + 10, [12]));
    for (second, pid, message) in lines {
        log.add(format!("2026/11/22 17:46:{second:02} [error] {pid}#{pid}: {message}, client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"").as_bytes());
    }
    let reloaded = log.reload.as_ref().map(|reload| (START + 30, reload.at));
    let found = Evidence { errors: Some(log), reloaded, ..evidence("") };
    let findings = diagnose(&config, &flows(&config), &found);
    let of_log = findings.into_iter().filter(|f| !f.is_forecast);
    of_log
        .map(|f| (format!("{} {}", f.name, f.title.starts_with("before the last reload, ")), f.severity))
        .collect()
}

const CURED: &str = "upstream app { server 10.0.0.100:1234; keepalive 64; } server { proxy_http_version 1.1; \
                     proxy_set_header Connection \"\"; location / { proxy_pass http://app; } }";

#[test]
fn lines_from_before_the_last_reload_keep_nothing_critical() {
    let missing = "*1 connect() to 10.0.0.100:1234 failed (99: Cannot assign requested address) while connecting to upstream";
    let refused = "*1 connect() failed (111: Connection refused) while connecting to upstream";
    let before = |name: &str| (format!("{name} true"), Severity::Info);
    assert_eq!(since_reload(CURED, &[(1, 11, missing)]), [before("no-free-port")]);
    assert_eq!(since_reload(POOLED, &[(1, 11, refused)]), [before("refused")]);
    // The second of the reload has lines of both, and a worker that ends writes lines later; the number of the process tells them apart.
    assert_eq!(
        since_reload(CURED, &[(1, 11, missing), (10, 11, missing), (20, 11, missing)]),
        [before("no-free-port")]
    );
    for (second, pid) in [(10, 12), (20, 12), (20, 13)] {
        let found = since_reload(CURED, &[(1, 11, missing), (second, pid, missing)]);
        // The last failure was twenty seconds ago, or ten.
        let severity = if second == 10 { Severity::Warning } else { Severity::Critical };
        assert_eq!(found, [("no-free-port false".to_owned(), severity)], "{second} {pid}");
    }
    // A worker's own line, of no connection.
    let full = "8 worker_connections are not enough";
    assert_eq!(since_reload(CURED, &[(10, 11, full)]), [before("worker-connections")]);
    assert_eq!(
        since_reload(CURED, &[(10, 12, full)]),
        [("worker-connections false".to_owned(), Severity::Warning)]
    );
    // A reload that cured nothing, and nothing has failed yet: the cause is still in the configuration.
    assert_eq!(
        since_reload(POOLED, &[(1, 11, missing)]),
        [("no-free-port false".to_owned(), Severity::Warning)]
    );
    // The workers are new because the old one died: that is no reload.
    let found = since_reload(CURED, &[(1, 11, missing), (9, 1, "worker process 11 exited on signal 9")]);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["no-free-port false", "worker-died false"]);
}

#[test]
fn failures_in_the_access_log_before_the_last_reload_are_only_info() {
    let config = config(&format!("{FORMAT} {CURED}"), NEWEST);
    let format = config.http.log_formats.iter().find(|f| f.name == "p").unwrap();
    let judge = |lines: &[(u32, &str)]| {
        let mut log = AccessLog::new(&config, format);
        for (second, rest) in lines {
            log.add(format!("[22/Nov/2026:17:46:{second:02} +0000] {rest}").as_bytes());
        }
        let found = Evidence { access: Some(log), reloaded: Some((START + 30, START + 10)), ..evidence("") };
        let findings = diagnose(&config, &flows(&config), &found);
        findings.iter().map(|f| (f.name, f.severity)).collect::<Vec<_>>()
    };
    let (good, bad) = ("200 10.0.0.100:1234 200 0.000 0.010", "502 10.0.0.100:1234 502 - 0.000");
    let old = [(1, bad), (1, bad), (20, good)];
    assert_eq!(judge(&old), [("burst-of-errors", Severity::Info)]);
    assert_eq!(
        judge(&[&old[..], &[(20, bad), (20, bad)]].concat()),
        [("burst-of-errors", Severity::Warning)]
    );
    assert_eq!(judge(&[(1, bad), (20, good)]), [("answered-5xx", Severity::Info)]);
}

#[test]
fn docs_name_every_finding() {
    use ngxc::ports::doctor::names::named;
    let path = "docs/doctor.md";
    let docs = std::fs::read_to_string(path).unwrap();
    let (before, rest) = docs.split_once("## Findings\n\n").unwrap();
    let (table, after) = rest.split_once("\n\n").unwrap();
    let mut expected = String::from("| finding | severity | seen in |\n|---|---|---|");
    let mut names = std::collections::BTreeSet::new();
    for finding in named() {
        assert!(names.insert(finding.name), "{} is there twice", finding.name);
        assert!(!finding.cause.is_empty() && !finding.remedy.is_empty(), "{}", finding.name);
        write!(
            expected,
            "\n| `{}` | {} | {}: {} |",
            finding.name, finding.severity, finding.seen_in, finding.summary
        )
        .unwrap();
    }
    if std::env::var_os("NGXC_UPDATE").is_some() {
        std::fs::write(path, format!("{before}## Findings\n\n{expected}\n\n{after}")).unwrap();
        return;
    }
    assert_eq!(table, expected, "NGXC_UPDATE=1 writes it");
    // And every finding that code makes is one of them.
    for entry in std::fs::read_dir("src/ports/doctor").unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for (at, _) in text.match_indices("Finding::new(") {
            let literal = text[at + 13..].trim_start().strip_prefix('"');
            if let Some(name) = literal.and_then(|rest| rest.split('"').next()) {
                assert!(names.contains(name), "{}: {name}", path.display());
            }
        }
    }
}
