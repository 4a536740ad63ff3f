//! Errors after a reload: those of new workers count, those of workers that are still ending do not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::ports::access_log::AccessLog;
use ngxc::ports::doctor::Evidence;
use ngxc::ports::doctor::since::{Comparison, HostSnapshot, Verdict, compare};
use ngxc::ports::error_log::ErrorLog;
use ngxc::source::Memory;
use ngxc::{catalog, compile, syntax};

/// 2026-11-22 17:46:00.
const START: i64 = 1_795_369_560;

fn access_log() -> AccessLog {
    let text = "events {} http { log_format p '[$time_local] $status $upstream_addr $upstream_status'; access_log a p; \
                server { location / { proxy_pass http://10.0.0.100:1234; } } }";
    let files = Memory::default().with("nginx.conf", text);
    let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default()).unwrap();
    let config = compile::compile(&configuration, &compile::Options::new(catalog::NEWEST)).config;
    AccessLog::new(&config, config.http.log_formats.last().unwrap())
}

/// A look at second `at` with these error lines (second, process, message) and requests (second, how many, failed).
fn look(
    at: i64,
    workers: &[u32],
    errors: &[(i64, u32, &str)],
    requests: &[(i64, usize, usize)],
) -> HostSnapshot {
    let (mut log, mut access) = (ErrorLog::new(10), access_log());
    for (second, pid, message) in errors {
        log.add(format!("2026/11/22 17:46:{second:02} [error] {pid}#{pid}: {message}").as_bytes());
    }
    for (second, all, failed) in requests {
        for n in 0..*all {
            let status = if n < *failed { "504 10.0.0.100:1234 504" } else { "200 10.0.0.100:1234 200" };
            access.add(format!("[22/Nov/2026:17:46:{second:02} +0000] {status}").as_bytes());
        }
    }
    let evidence = Evidence { errors: Some(log), access: Some(access), ..Evidence::default() };
    HostSnapshot { evidence, at: START + at, workers: workers.to_vec(), ..HostSnapshot::default() }
}

const LATE: &str = "*7 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 192.0.2.1, upstream: \"http://10.0.0.100:1234/\"";

/// Half of the requests failed before; nginx was reloaded in second 10.
fn after(workers: &[u32], pid: u32, reloaded: Option<i64>, more: &[(i64, u32, &str)]) -> Comparison {
    let was = [(1, 11, LATE), (2, 11, LATE)];
    let before = look(5, &[11], &was, &[(1, 2, 1), (2, 2, 1)]);
    let errors = [&was[..], more, &[(20, pid, LATE)]].concat();
    let mut now = look(30, workers, &errors, &[(1, 2, 1), (2, 2, 1), (20, 40, 1)]);
    now.reloaded = reloaded.map(|at| START + at);
    compare(&before, &now)
}

#[test]
fn a_worker_that_was_still_ending_is_not_the_new_configuration() {
    let found = after(&[12], 11, Some(10), &[]);
    assert_eq!((found.verdict, found.after.of_ending), (Verdict::Cured, 1), "{:?}", found.reasons);
    // The same error of a new worker is one of the new configuration.
    let found = after(&[12], 12, Some(10), &[]);
    assert_eq!((found.verdict, found.after.of_ending), (Verdict::NotCured, 0), "{:?}", found.reasons);
    // So is that of a worker nobody knows: one that came after the reload and died.
    assert_eq!(after(&[12], 13, Some(10), &[]).verdict, Verdict::NotCured);
    // A container that starts again numbers its processes as before.
    assert_eq!(after(&[11], 11, Some(10), &[]).verdict, Verdict::NotCured);
}

#[test]
fn without_a_reload_the_workers_are_those_of_before() {
    assert_eq!(after(&[11], 11, Some(0), &[]).verdict, Verdict::NotCured);
    assert_eq!(after(&[], 11, None, &[]).verdict, Verdict::NotCured);
}

#[test]
fn the_log_tells_of_the_reload_too() {
    let told =
        [(10, 9, "reconfiguring"), (10, 9, "start worker process 12"), (10, 11, "gracefully shutting down")];
    let found = after(&[], 11, None, &told);
    assert_eq!((found.verdict, found.is_reloaded), (Verdict::Cured, Some(true)), "{:?}", found.reasons);
    assert_eq!(after(&[], 12, None, &told).verdict, Verdict::NotCured);
    let again = [(10, 9, "reconfiguring"), (10, 9, "start worker process 11")];
    assert_eq!(after(&[], 11, None, &again).verdict, Verdict::NotCured);
}

#[test]
fn rotated_logs_are_named() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
    write(
        "nginx.conf",
        "events {} http { access_log access.log; error_log error.log; server { location / { proxy_pass http://10.0.0.100:1234; } } }",
    );
    write("access.log", "192.0.2.1 - - [22/Nov/2026:17:46:02 +0000] \"GET / HTTP/1.1\" 502 0 \"-\" \"-\"\n");
    write(
        "error.log",
        "2026/11/22 17:46:02 [crit] 8#8: *1 connect() to 10.0.0.100:1234 failed (99: x) while connecting to upstream\n",
    );
    let doctor = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ngxc"));
        let output =
            command.args(["doctor", "nginx.conf"]).args(arguments).current_dir(&place).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    doctor(&["--collect", "before"]);
    // The error log of `http` is one too.
    let (_, text) = doctor(&["--no-sockets"]);
    assert!(text.contains("no-free-port") && text.contains("error.log: 1 lines"), "{text}");
    // logrotate moves the log away and lets nginx make a new one.
    std::fs::rename(place.path().join("access.log"), place.path().join("access.log.1")).unwrap();
    write("access.log", "");
    let hint =
        "`access.log` is empty: rotated? Older lines are in `access.log.1`; add `--access-log access.log.1`";
    // Logs have whole seconds: the one of the first look is over.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (status, text) = doctor(&["--since", "before", "--no-sockets"]);
    assert!(status == Some(2) && text.contains("could not tell") && text.contains(hint), "{text}");
    let (_, text) = doctor(&["--no-sockets"]);
    assert!(text.contains(hint), "{text}");
    // Rotated after the first look: the lines of that time are in both.
    let now = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    std::fs::File::options()
        .write(true)
        .open(place.path().join("access.log.1"))
        .unwrap()
        .set_modified(now)
        .unwrap();
    let (status, text) = doctor(&["--since", "before", "--no-sockets"]);
    assert!(
        status == Some(2) && text.contains("was rotated since then: add `--access-log access.log.1"),
        "{text}"
    );
}
