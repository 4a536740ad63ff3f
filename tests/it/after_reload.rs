//! Ports and errors from before the last reload, bursts on both sides of it, and repairs of what is broken alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ngxc::model::Config;
use ngxc::ports::access_log::AccessLog;
use ngxc::ports::doctor::load::load;
use ngxc::ports::doctor::{Evidence, Finding, Severity, diagnose};
use ngxc::ports::error_log::{ErrorLog, Reload};
use ngxc::ports::sysctl::Sysctls;
use ngxc::ports::{Host, flows, sockets};
use ngxc::source::Memory;
use ngxc::version::Version;
use ngxc::{compile, syntax};

/// 2026-11-22 17:46:00, and the reload ten seconds later.
const START: i64 = 1_795_369_560;
const RELOAD: i64 = START + 10;

const FORMAT: &str = "log_format p '[$time_local] $status $upstream_addr $upstream_status'; access_log a p;";
const CURED: &str = "upstream app { server 10.0.0.100:1234; keepalive 64; } server { proxy_http_version 1.1; \
                     proxy_set_header Connection \"\"; location / { proxy_pass http://app; } }";
const BROKEN: &str =
    "upstream app { server 10.0.0.100:1234; } server { location / { proxy_pass http://app; } }";

fn config(http: &str) -> Config {
    let files = Memory::default().with("nginx.conf", format!("events {{}} http {{ {FORMAT} {http} }}"));
    let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default()).unwrap();
    let compiled = compile::compile(&configuration, &compile::Options::new(Version::new(1, 22, 1)));
    assert!(compiled.is_valid(), "{http}: {:?}", compiled.diagnostics);
    compiled.config
}

/// So many sockets from 10.0.0.9 to 10.0.0.100:1234, in `TIME_WAIT` for so many seconds; `None`: open.
fn table(ports: std::ops::Range<u16>, age: Option<u32>) -> String {
    let mut text = String::new();
    for port in ports {
        let (state, timer) =
            age.map_or(("01", "00:0".to_owned()), |age| ("06", format!("03:{:X}", (60 - age) * 100)));
        writeln!(text, "0: 0900000A:{port:04X} 6400000A:04D2 {state} 0:0 {timer} 0 0 0 0").unwrap();
    }
    text
}

/// The evidence of second `now`: 64 ports, of which some were closed before the reload, some since, and some are open; seconds
/// in which a connection failed for want of a port.
fn evidence(now: i64, before: u16, since: u16, open: u16, failures: &[i64]) -> Evidence {
    let host = Host::read(&Sysctls::parse("net.ipv4.ip_local_port_range = 20000 20063")).unwrap();
    let ages = [u32::try_from(now - 5).unwrap().min(59), 1];
    let at = [20_000, 20_000 + before, 20_000 + before + since];
    let text = [
        table(at[0]..at[1], Some(ages[0])),
        table(at[1]..at[2], Some(ages[1])),
        table(at[2]..at[2] + open, None),
    ];
    let mut errors = ErrorLog::new(10);
    errors.reload = Some(Reload::new(RELOAD, [12]));
    for second in failures {
        let pid = if START + second < RELOAD { 11 } else { 12 };
        errors.add(format!("{} [crit] {pid}#{pid}: *1 connect() to 10.0.0.100:1234 failed (99: x) while connecting to upstream, client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"", stamp(*second)).as_bytes());
    }
    let sockets = Some(sockets::group(&[&text.concat()], &host));
    let (reloaded, now) = (Some((START + now, RELOAD)), Some(START + now));
    Evidence { host, sockets, errors: Some(errors), reloaded, now, ..Evidence::default() }
}

fn stamp(second: i64) -> String {
    format!("2026/11/22 17:{:02}:{:02}", 46 + second / 60, second % 60)
}

/// The findings that are no forecast.
fn found(http: &str, evidence: &Evidence) -> Vec<Finding> {
    let config = config(http);
    diagnose(&config, &flows(&config), evidence).into_iter().filter(|f| !f.is_forecast).collect()
}

fn one<'f>(findings: &'f [Finding], name: &str) -> &'f Finding {
    let list: Vec<&str> = findings.iter().map(|f| f.name).collect();
    findings.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{name} is not in {list:?}"))
}

#[test]
fn ports_from_before_the_reload_are_waited_for() {
    // Twenty seconds after the reload: forty ports of before, nothing has failed.
    let findings = found(CURED, &evidence(30, 40, 0, 2, &[1]));
    let draining = one(&findings, "ports-draining");
    assert_eq!((draining.severity, draining.over_at), (Severity::Info, Some(RELOAD + 61)));
    assert!(
        draining.title.ends_with("40 ports closed before the reload are free at 17:47:11"),
        "{}",
        draining.title
    );
    assert!(findings.iter().all(|f| f.severity == Severity::Info), "{findings:?}");
    // All ports: a request would fail, though none has.
    let findings = found(CURED, &evidence(30, 64, 0, 0, &[1]));
    let draining = one(&findings, "ports-draining");
    assert_eq!(draining.severity, Severity::Warning);
    assert!(
        draining.remedy[0].starts_with("wait until 17:47:11: nothing has to be changed"),
        "{:?}",
        draining.remedy
    );
    // They fill up by what nginx does since, or the configuration still lacks the pool.
    one(&found(CURED, &evidence(12, 30, 20, 2, &[1])), "past-the-cliff");
    one(&found(BROKEN, &evidence(30, 40, 0, 2, &[1])), "past-the-cliff");
}

#[test]
fn requests_that_failed_for_ports_of_before_say_nothing_of_the_new_configuration() {
    let of = |now: i64, failures: &[i64]| {
        // The kernel forgets ports a minute after they were closed.
        let before = if now > 71 { 0 } else { 64 };
        let findings = found(CURED, &evidence(now, before, 0, 0, failures));
        let missing = one(&findings, "no-free-port").clone();
        (missing.severity, missing.title, missing.remedy.join("; "))
    };
    let (severity, title, remedy) = of(30, &[1, 25]);
    assert_eq!(severity, Severity::Critical);
    assert!(
        title.ends_with("the ports were closed before the reload at 17:46:10 and are free at 17:47:11"),
        "{title}"
    );
    assert!(remedy.starts_with("wait until 17:47:11") && !remedy.contains("`upstream` block"), "{remedy}");
    // The last failure was a while ago.
    assert_eq!(of(50, &[1, 25]).0, Severity::Warning);
    // The minute is over.
    let (severity, title, _) = of(80, &[1, 25]);
    assert_eq!(severity, Severity::Info, "{title}");
    // A failure after it is one of the new configuration.
    let (severity, _, remedy) = of(80, &[1, 25, 75]);
    assert_eq!(severity, Severity::Critical);
    assert!(remedy.contains("the pool of each worker has to hold"), "{remedy}");
}

#[test]
fn a_cause_that_is_left_is_a_warning_while_nothing_fails() {
    let findings = found(BROKEN, &evidence(30, 0, 0, 0, &[1]));
    let missing = one(&findings, "no-free-port");
    assert_eq!((missing.severity, missing.repair), (Severity::Warning, Some(0)));
}

#[test]
fn the_worst_burst_is_told_and_none_spans_a_reload() {
    let config = config(BROKEN);
    let mut log = AccessLog::new(&config, config.http.log_formats.iter().find(|f| f.name == "p").unwrap());
    let mut add = |second: i64, count: usize| {
        let time = stamp(second).replacen("2026/11/22 ", "22/Nov/2026:", 1);
        for _ in 0..count {
            log.add(format!("[{time} +0000] 502 10.0.0.100:1234 502").as_bytes());
        }
    };
    for (second, count) in [(1, 30), (9, 5), (10, 5), (11, 5), (12, 5), (40, 3)] {
        add(second, count);
    }
    let errors: Vec<u64> = log.bursts(Some(RELOAD)).iter().map(|burst| burst.errors).collect();
    assert_eq!(errors, [30, 10, 10, 3]);
    assert_eq!(log.bursts(None).len(), 3);
    let mut evidence = evidence(50, 0, 0, 0, &[1]);
    evidence.access = Some(log);
    let findings = diagnose(&config, &flows(&config), &evidence);
    let burst = one(&findings, "burst-of-errors");
    assert!(burst.title.starts_with("a burst of 10 failed requests, 2026-11-22 17:46:11"), "{}", burst.title);
    let others = burst.evidence.iter().find(|text| text.contains("more, the worst")).unwrap();
    assert!(others.starts_with("3 more, the worst: 2026-11-22 17:46:01 (30 failed)"), "{others}");
}

#[test]
fn what_is_under_way_comes_from_the_sockets() {
    let config = config(BROKEN);
    let flows = flows(&config);
    // A thousand requests a second, whose time no log tells; four connections are open.
    let mut log = AccessLog::new(&config, config.http.log_formats.iter().find(|f| f.name == "p").unwrap());
    for _ in 0..1000 {
        log.add(b"[22/Nov/2026:17:46:40 +0000] 200 10.0.0.100:1234 200");
    }
    let mut known = evidence(50, 0, 20, 4, &[]);
    known.access = Some(log);
    let (at_sockets, text) = load(&config, &flows[0], &known);
    assert_eq!(at_sockets.concurrency, Some(4.0), "{text}");
    assert!(text.contains("4 at once (open sockets)"), "{text}");
    // Nobody looked at sockets: a time that is assumed says nothing of many requests.
    known.sockets = None;
    let (assumed, text) = load(&config, &flows[0], &known);
    assert_eq!(assumed.concurrency, Some(25.0), "{text}");
    assert!(text.contains("25 at once (assumed"), "{text}");
}

#[test]
fn one_rate_by_the_time_in_which_connections_were_closed() {
    let findings = found(BROKEN, &evidence(50, 30, 10, 0, &[]));
    let full = one(&findings, "past-the-cliff");
    let rate = full.evidence.iter().find(|text| text.contains("connections/s")).unwrap();
    assert!(rate.contains("about 0.9 connections/s (40 closed in 44 s"), "{rate}");
    // Forty ports of 64, all of the parity that is tried first but a few: only then is that half searched in vain.
    let searched = full.evidence.iter().any(|text| text.contains("searches half of the range in vain"));
    assert!(!searched, "{:?}", full.evidence);
}

#[test]
fn a_pool_that_only_the_model_thinks_small_is_no_cause() {
    let small = CURED.replace("keepalive 64", "keepalive 2");
    let of = |now: i64, before: u16, failures: &[i64]| {
        let findings = found(&small, &evidence(now, before, 0, 8, failures));
        let repairs = findings.iter().filter(|f| f.repair.is_some()).count();
        (findings.first().unwrap().severity, repairs, findings)
    };
    // No failure since the reload, while its minute lasts and after it: nothing more to be edited.
    for (now, before) in [(12, 56), (30, 40), (80, 0)] {
        let (severity, repairs, findings) = of(now, before, &[1]);
        assert!(severity <= Severity::Warning && repairs == 0, "{now}: {findings:?}");
    }
    assert_eq!(one(&of(30, 56, &[1]).2, "ports-draining").over_at, Some(RELOAD + 61));
    // Failures within the minute, which is over.
    let (severity, repairs, findings) = of(90, 0, &[1, 25]);
    assert_eq!((severity, repairs), (Severity::Info, 0), "{findings:?}");
    let missing = one(&findings, "no-free-port");
    assert!(missing.evidence.iter().any(|text| text.contains("the model thinks the pool small")));
    // A failure after it is the new configuration's.
    let (severity, repairs, findings) = of(90, 0, &[1, 25, 85]);
    assert_eq!((severity, repairs), (Severity::Critical, 1), "{findings:?}");
}

#[test]
fn a_host_that_has_the_ports_by_now_is_well_though_the_log_has_old_lines() {
    let of = |settings: &str, now: i64| {
        let mut known = evidence(now, 0, 0, 0, &[1, 2]);
        // nginx was started before the failures, and not since.
        known.reloaded = Some((START + now, START - 300));
        let format_of = config(BROKEN);
        let mut access =
            AccessLog::new(&format_of, format_of.http.log_formats.iter().find(|f| f.name == "p").unwrap());
        for second in [1, 1, 2, 2] {
            access.add(format!("[22/Nov/2026:17:46:0{second} +0000] 502 10.0.0.100:1234 502").as_bytes());
        }
        known.access = Some(access);
        let log = known.errors.as_mut().unwrap();
        (log.reload, log.seen) = (None, std::mem::take(&mut log.before));
        known.host = Host::read(&Sysctls::parse(settings)).unwrap();
        let config = config(BROKEN);
        diagnose(&config, &flows(&config), &known)
    };
    let enough =
        "net.ipv4.ip_local_port_range = 15000 65000\nnet.ipv4.tcp_tw_reuse = 1\nnet.ipv4.tcp_timestamps = 1";
    let findings = of(enough, 40);
    let missing = one(&findings, "no-free-port");
    assert!(findings.iter().all(|f| f.severity == Severity::Info), "{findings:?}");
    assert!(missing.evidence.iter().any(|text| text.contains("until it is rotated")), "{missing:?}");
    // Too early, or nothing was changed: the shortage is told to whoever looks later.
    assert_eq!(one(&of(enough, 5), "no-free-port").severity, Severity::Critical);
    let as_it_was = of("net.ipv4.ip_local_port_range = 20000 20063", 300);
    assert_eq!(one(&as_it_was, "no-free-port").severity, Severity::Critical);
}

#[test]
fn an_attempt_that_the_next_server_made_good_reached_no_client() {
    let http = BROKEN.replace("1234;", "1234; server 10.0.0.7:80;");
    let config = config(&http);
    let effect = |line: &str| {
        let format = config.http.log_formats.iter().find(|f| f.name == "p").unwrap();
        let mut log = AccessLog::new(&config, format);
        log.add(format!("[22/Nov/2026:17:46:40 +0000] {line}").as_bytes());
        let mut known = evidence(50, 0, 0, 0, &[40]);
        known.access = Some(log);
        let findings = diagnose(&config, &flows(&config), &known);
        one(&findings, "no-free-port").evidence.join(" ")
    };
    let rescued = "an attempt failed, and the next server answered";
    let good = effect("200 10.0.0.100:1234, 10.0.0.7:80 502, 200");
    assert!(good.contains(rescued) && !good.contains("clients got"), "{good}");
    let bad = effect("502 10.0.0.100:1234 502");
    assert!(bad.contains("clients got 502") && !bad.contains(rescued), "{bad}");
}

#[test]
fn a_size_that_only_an_outage_tells_is_a_lower_bound() {
    let place = tempfile::tempdir().unwrap();
    two_upstreams(place.path());
    let line = |status: u16| {
        format!("192.0.2.1 - - [22/Nov/2026:17:46:02 +0000] \"GET /a HTTP/1.1\" {status} 0 \"-\" \"-\"\n")
    };
    fs::write(place.path().join("access.log"), line(200).repeat(9) + &line(502).repeat(9)).unwrap();
    let arguments =
        ["doctor", "nginx.conf", "--error-log", "error.log", "--access-log", "access.log", "--no-sockets"];
    let text = out(&ngxc(place.path(), &arguments));
    assert!(text.contains("is a lower bound") && !text.contains("cures it"), "{text}");
}

fn ngxc(place: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ngxc")).args(arguments).current_dir(place).output().unwrap()
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A configuration with two upstreams, of which the first runs out of ports.
fn two_upstreams(place: &Path) {
    let text = "events {}\nhttp {\n    upstream a { server 10.0.0.100:1234; }\n    upstream b { server 10.0.0.7:80; }\n    \
                server {\n        location /a { proxy_pass http://a; }\n        location /b { proxy_pass http://b; }\n        \
                location /c { proxy_pass http://10.0.0.8; }\n    }\n}\n";
    fs::write(place.join("nginx.conf"), text).unwrap();
    let line = "2026/11/22 17:46:02 [crit] 8#8: *1 connect() to 10.0.0.100:1234 failed (99: x) while connecting to upstream, \
                client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"\n";
    fs::write(place.join("error.log"), line.repeat(3)).unwrap();
}

#[test]
fn only_what_is_broken_is_edited() {
    let place = tempfile::tempdir().unwrap();
    two_upstreams(place.path());
    let arguments = ["doctor", "nginx.conf", "--error-log", "error.log", "--no-sockets", "--assume-defaults"];
    for version in [&["--nginx-version", "1.22.1"][..], &[]] {
        let text = out(&ngxc(place.path(), &[&arguments[..], version].concat()));
        let edited: Vec<&str> =
            text.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++")).collect();
        let edited = edited.join("\n");
        assert!(edited.contains("upstream a {") && edited.contains("location /a {"), "{text}");
        assert!(
            !edited.contains("upstream b {")
                && !edited.contains("location /b")
                && !edited.contains("10.0.0.8"),
            "{text}"
        );
    }
}

#[test]
fn nothing_that_the_host_has_already_is_advised() {
    let place = tempfile::tempdir().unwrap();
    two_upstreams(place.path());
    let settings =
        "net.ipv4.tcp_tw_reuse = 1\nnet.ipv4.tcp_timestamps = 1\nnet.ipv4.ip_local_port_range = 1024 65000\n";
    fs::write(place.path().join("sysctl"), settings).unwrap();
    let arguments = ["doctor", "nginx.conf", "--error-log", "error.log", "--sysctl", "sysctl"];
    let text = out(&ngxc(place.path(), &arguments));
    assert!(!text.contains("sysctl -w") && !text.contains("tcp_tw_reuse=1"), "{text}");
}

#[test]
fn a_look_that_is_kept_is_not_overwritten() {
    let place = tempfile::tempdir().unwrap();
    two_upstreams(place.path());
    let collect = ["doctor", "nginx.conf", "--collect", "before"];
    assert_eq!(ngxc(place.path(), &collect).status.code(), Some(0));
    let first = fs::read(place.path().join("before")).unwrap();
    let again = ngxc(place.path(), &collect);
    assert_eq!(again.status.code(), Some(2));
    assert!(out(&again).contains("`before` exists, and is kept"), "{}", out(&again));
    assert_eq!(fs::read(place.path().join("before")).unwrap(), first);
    let piped = ngxc(place.path(), &["doctor", "nginx.conf", "--collect", "-"]);
    assert!(piped.stdout.starts_with(b"ngxc-evidence 1\n"));
}

#[test]
fn a_diff_for_something_else_is_no_next_step() {
    let place = tempfile::tempdir().unwrap();
    two_upstreams(place.path());
    let line = "2026/11/22 17:46:02 [error] 8#8: *1 connect() failed (111: Connection refused) while connecting to upstream, \
                client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"\n";
    fs::write(place.path().join("error.log"), line.repeat(3)).unwrap();
    let text =
        out(&ngxc(place.path(), &["doctor", "nginx.conf", "--error-log", "error.log", "--no-sockets"]));
    assert!(
        text.contains("[refused]") && !text.contains("apply the diff") && !text.contains("no edit"),
        "{text}"
    );
}
