//! Lines of error logs of every kind, in every wrapping, and what they are taken for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::ports::error_log::{ErrorLog, Line, bare};
use ngxc::ports::signal::{Signal, classify, meaning, meanings};

const TAIL: &str =
    ", client: 192.0.2.7, server: a, request: \"GET / HTTP/1.1\", upstream: \"http://10.0.0.1:80/\"";

fn name(line: &str) -> &'static str {
    let text = bare(line);
    let message = Line::read(&text).map_or("", |line| line.message);
    meaning(classify(message)).map_or("", |meaning| meaning.name)
}

#[test]
fn by_call_number_family_and_phase() {
    let reading = "while reading response header from upstream";
    for (message, expected) in [
        (
            "connect() to 10.0.0.1:80 failed (99: Address not available) while connecting to upstream",
            "no-free-port",
        ),
        (
            "connect() to 10.0.0.1:80 failed (105: No buffer space available) while connecting",
            "neighbour-table-full",
        ),
        (
            "connect() to 10.0.0.1:80 failed (71: Protocol error) while connecting to upstream",
            "connect-failed",
        ),
        ("connect() to [fe80::1]:80 failed (22: Invalid argument) while connecting", "link-local-peer"),
        ("connect() to unix:/a/b failed (20: Not a directory) while connecting", "unix-socket-missing"),
        ("connect() to unix:/a/b failed (111: Connection refused) while connecting", "refused"),
        (
            "socket() failed (97: Address family not supported by protocol) while connecting to upstream",
            "ipv6-off",
        ),
        ("bind(10.0.0.9) failed (71: Protocol error) while connecting", "bind-failed"),
        (
            "setsockopt(IPV6_TRANSPARENT) failed (1: Operation not permitted) while connecting",
            "bind-forbidden",
        ),
        ("bind() to unix:/run/a/x failed (2: No such file or directory)", "listen-directory-missing"),
        ("bind() to 0.0.0.0:80 failed (71: Protocol error)", "listen-failed"),
        ("socket() [::]:80 failed (97: Address family not supported by protocol)", "listen-ipv6-off"),
        // BSD, macOS, Windows.
        ("connect() failed (61: Connection refused) while connecting to upstream", "refused"),
        (
            "connect() to 10.0.0.1:80 failed (49: Can't assign requested address) while connecting",
            "no-free-port",
        ),
        ("upstream timed out (60: Operation timed out) while connecting to upstream", "timed-out"),
        (
            "recv() failed (10054: An existing connection was forcibly closed) while reading response header from upstream",
            "reset-by-peer",
        ),
        ("connect() to 10.0.0.1:80 failed (10055: no buffer space) while connecting", "no-free-port"),
        ("connect() failed (10061: actively refused) while connecting to upstream", "refused"),
        (
            "recv() failed (111: Connection refused) while resolving, resolver: 127.0.0.11:53",
            "resolver-unreachable",
        ),
        ("recv() failed (110: Connection timed out) while reading upstream", "timed-out-in-response"),
        ("sendmsg() failed (32: Broken pipe) while sending request to upstream", "reset-by-peer"),
        (
            "peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking to upstream",
            "tls-with-peer",
        ),
        ("upstream SSL certificate does not match \"a\" while SSL handshaking to upstream", "tls-with-peer"),
        (
            "SSL_do_handshake() failed (SSL: error:0A00006C:bad key share) while SSL handshaking",
            "tls-with-client",
        ),
        (
            "upstream sent duplicate header line: \"Date: x\", previous value: \"Date: y\", ignored while reading response header from upstream",
            "response-header-ignored",
        ),
        ("open() \"/a/failed (28: x)\" failed (13: Permission denied)", "file-forbidden"),
        (
            "open() \"/c/proxy_temp/1/02/0000000021\" failed (13: Permission denied) while reading upstream",
            "temporary-file-forbidden",
        ),
        ("pwritev() \"/c/1\" failed (28: No space left on device) while reading upstream", "disk-full"),
        ("limiting requests, excess: 5.600 by zone \"one\"", "requests-limited"),
        ("limiting connections by zone \"one\"", "connections-limited"),
        ("rewrite or internal redirection cycle while internally redirecting to \"/x\"", "redirection-cycle"),
        ("worker process 91 exited on signal 11 (core dumped)", "worker-died"),
        ("ngx_slab_alloc() failed: no memory in cache keys zone \"c\"", "zone-full"),
        ("invalid URL prefix in \"app\"", "invalid-peer-value"),
        ("auth request unexpected status: 502 while sending to client", "auth-request-failed"),
        ("access forbidden by rule", "denied"),
        ("client closed connection while waiting for request", ""),
    ] {
        for severity in ["error", "crit"] {
            let line = format!("2026/11/22 17:46:02 [{severity}] 8#8: *1 {message}{TAIL}");
            assert_eq!(name(&line), expected, "{line}");
        }
    }
    for kind in ["stream", "FastCGI stdout", "FastCGI request", "connection"] {
        let line = format!("upstream prematurely closed {kind} {reading}");
        assert_eq!(name(&line), "closed-by-peer", "{line}");
        assert_eq!(
            name(&format!("upstream prematurely closed {kind} while reading upstream")),
            "cut-response"
        );
    }
}

#[test]
fn what_others_wrote_decides_nothing() {
    for (message, expected) in [
        (
            "FastCGI sent in stderr: \"PHP message: connect() to 10.0.0.1:80 failed (99: x)\" while reading",
            "application-stderr",
        ),
        (
            "FastCGI sent in stderr: \"Primary script unknown\" while reading response header",
            "script-unknown",
        ),
        ("open() \"/no live upstreams\" failed (2: No such file or directory)", "file-missing"),
        (
            "upstream sent invalid header: \"bind(1) failed (99: x)\" while reading response header",
            "invalid-response",
        ),
    ] {
        assert_eq!(
            name(&format!("2026/11/22 17:46:02 [error] 8#8: *1 {message}{TAIL}")),
            expected,
            "{message}"
        );
    }
}

#[test]
fn in_whatever_they_come() {
    let line = format!(
        "2026/11/22 17:46:02 [error] 8#8: *1 connect() failed (111: Connection refused) while connecting to upstream{TAIL}"
    );
    let escaped = line.replace('"', "\\\"");
    let mut log = ErrorLog::default();
    let wrapped = [
        line.clone(),
        format!("<187>Nov 22 17:46:02 web1 nginx: {line}"),
        format!("Nov 22 17:46:02 web1 nginx[8]: {line}"),
        format!("web-1  | {line}"),
        format!("2026-11-22T17:46:02.123456789Z stderr F {line}"),
        format!("[pod/web-7c9/nginx] {line}"),
        format!("  > {line}"),
        format!("\u{1b}[31m{line}\u{1b}[0m"),
        format!("{{\"log\":\"{escaped}\\n\",\"stream\":\"stderr\"}}"),
    ];
    for text in &wrapped {
        log.add(text.as_bytes());
    }
    let seen = log.get(Signal::Refused).unwrap();
    assert_eq!((seen.count, log.foreign), (wrapped.len() as u64, 0), "{:?}", log.foreign_samples);
    assert_eq!(seen.targets.get("10.0.0.1:80"), Some(&seen.count));
    assert_eq!(seen.times.0, seen.times.1);
}

#[test]
fn without_date_as_a_terminal_an_article_or_the_kernel_has_them() {
    for (line, expected) in [
        ("nginx: [emerg] bind() to [::]:80 failed (98: Address in use)", "listen-in-use"),
        (
            "Nov 22 17:46:02 web1 nginx[8]: nginx: [emerg] host not found in upstream \"app\" in /a:3",
            "host-not-found",
        ),
        (
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
            "timed-out-in-response",
        ),
        (
            "[error] 1#1: *3 upstream sent too big header while reading response header from upstream",
            "header-too-big",
        ),
        ("client intended to send too large body: 9 bytes", "body-too-large"),
        ("no resolver defined to resolve app.example", "no-resolver"),
        ("app.example could not be resolved (3: Host not found)", "host-not-found"),
        ("1024 worker_connections are not enough", "worker-connections"),
        (
            "SSL_do_handshake() failed (SSL: error:1:wrong version number) while SSL handshaking to upstream",
            "tls-with-peer",
        ),
        ("[12345.678901] nf_conntrack: nf_conntrack: table full, dropping packet", "conntrack-full"),
        (
            "Nov 22 17:46:02 web1 kernel: neighbour: arp_cache: neighbor table overflow!",
            "neighbour-table-full",
        ),
        (
            "[12.5] TCP: request_sock_TCP: Possible SYN flooding on port 8080. Sending cookies.",
            "listen-queue-of-host-full",
        ),
        ("[12.5] Out of memory: Killed process 91 (nginx) total-vm:1kB", "killed-for-memory"),
        ("the application says: upstream timed out", ""),
        ("[note] bind() to x", ""),
    ] {
        assert_eq!(name(line), expected, "{line}");
    }
    let missing =
        Line::read("app.example could not be resolved (3: Host not found), client: 1.2.3.4").unwrap();
    assert_eq!(missing.target(), Some("app.example"));
}

#[test]
fn each_kind_has_a_name_of_its_own_and_says_what_to_do() {
    let mut names: Vec<&str> = meanings().map(|meaning| meaning.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for meaning in meanings() {
        assert!(
            !meaning.remedy.is_empty() && !meaning.cause.is_empty() && !meaning.status.is_empty(),
            "{meaning:?}"
        );
    }
}
