//! `ngxc run --improve` where ports are few: a user and network namespace with sixteen of them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; a note is all a skipped one leaves"
)]

mod common;

#[path = "../src/cli/demo/namespace.rs"]
mod namespace;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ngxc::compile::{Options, compile};
use ngxc::runtime::{Counts, Ledger, RunOptions, Stop, start};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};

use crate::common::http::{Backend, Client, polite};

/// Set for the process that goes into the namespace.
const INSIDE: &str = "NGXC_TEST_INSIDE";
const PORTS: u16 = 16;
const REQUESTS: usize = 80;

#[test]
fn ports_run_out_without_and_with_improvements() {
    // A process with threads may not enter a user namespace, and the test harness has some.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "inside", "--ignored", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    assert!(output.status.success(), "{text}");
    assert!(text.contains("DONE") || text.contains("SKIPPED"), "nothing ran: {text}");
}

#[test]
#[ignore = "run by the other test, in a process of its own"]
fn inside() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    if let Err(why) = namespace::enter() {
        println!("SKIPPED: no namespace: {why}");
        return;
    }
    namespace::addresses(&[]).unwrap();
    // Over loopback a port in TIME_WAIT would be free again after a second.
    std::fs::write("/proc/sys/net/ipv4/tcp_tw_reuse", "0").unwrap();

    let (faithful, log, sources) = exhaust(false);
    // Two peers and the one source that the split gives.
    assert_eq!(faithful.connects[0], u64::from(2 * PORTS));
    assert_eq!(faithful.connects[2], 2, "one for each peer, then neither was asked any more");
    assert!(
        log.contains("upstream server temporarily disabled") && log.contains("no live upstreams"),
        "{log}"
    );
    assert!(sources.iter().all(|(ip, _)| ip == "127.0.0.11"));
    let first: Vec<u16> = sources.iter().take(usize::from(PORTS)).map(|(_, port)| port % 2).collect();
    assert!(first.iter().all(|parity| *parity == first[0]), "one parity first: {first:?}");

    let (improved, log, sources) = exhaust(true);
    assert_eq!(improved.connects[0], u64::from(4 * PORTS), "two peers, two sources");
    let tried_in_vain = improved.connects[2];
    assert!(tried_in_vain >= u64::from(2 * PORTS), "{tried_in_vain}");
    assert!(!log.contains("temporarily disabled") && !log.contains("no live upstreams"), "{log}");
    assert!(log.contains("(99: Cannot assign requested address)"), "the end is still said: {log}");
    let from = |ip: &str| sources.iter().filter(|(source, _)| source == ip).count();
    assert_eq!((from("127.0.0.11"), from("127.0.0.12")), (usize::from(2 * PORTS), usize::from(2 * PORTS)));
    if kernel() >= (6, 8) {
        let even = sources.iter().take(usize::from(PORTS)).filter(|(_, port)| port % 2 == 0).count();
        assert!(even > 0 && even < usize::from(PORTS), "{even} of {PORTS} even: one parity was tried first");
    }
    println!("DONE");
}

/// Linux's version.
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Sends more requests than there are ports; the counts, the error log, and where the backends were asked from.
fn exhaust(improve: bool) -> (Counts, String, Vec<(String, u16)>) {
    namespace::port_range((30_000, 40_000)).unwrap();
    let backends = [Backend::new(polite), Backend::new(polite)];
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let [a, b] = [backends[0].address, backends[1].address];
    let text = format!(
        "worker_processes 1; error_log error.log warn; events {{}}\n\
         http {{ access_log off; split_clients $request_id $source {{ 100% 127.0.0.11; * 127.0.0.12; }}\n\
         upstream two {{ server {a}; server {b}; keepalive 0; }}\n\
         server {{ listen {listen}; location / {{ proxy_bind $source; proxy_pass http://two; }} }} }}\n"
    );
    let files = Memory::default().with("nginx.conf", text);
    let loaded = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
    let options = Options::new(ngxc::catalog::NEWEST);
    let compiled = compile(&loaded, &options);
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    let directory = tempfile::tempdir().unwrap();
    let ledger: Arc<Ledger> = Arc::default();
    let options = RunOptions {
        prefix: directory.path().to_owned(),
        ledger: Some(Arc::clone(&ledger)),
        improve,
        metrics: None,
    };
    let running = start(Arc::new(compiled.config), &options).unwrap();
    let mut client = Client::new(listen);
    namespace::port_range((20_000, 20_000 + PORTS - 1)).unwrap();
    let answers: Vec<String> = (0..REQUESTS).map(|_| client.get("/")).collect();
    let good = answers.iter().filter(|a| a.starts_with("HTTP/1.1 200")).count();
    assert!(answers.iter().all(|a| a.starts_with("HTTP/1.1 200") || a.starts_with("HTTP/1.1 502")));
    running.stop(Stop::Fast);
    let counts = ledger.counts();
    assert_eq!(counts.connects[0], good as u64);
    let log = std::fs::read_to_string(directory.path().join("error.log")).unwrap();
    let requests = backends.iter().flat_map(Backend::requests);
    (counts, log, requests.map(|(from, _)| (from.ip().to_string(), from.port())).collect())
}
