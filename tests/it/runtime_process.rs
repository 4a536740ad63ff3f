//! The processes of `ngxc nginx` beside nginx's: workers that die, reloads, upgrades of the program, daemons, and what
//! systemd says and wants to hear.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_collect,
    reason = "a failed unwrap is a failed test, and skips are said aloud"
)]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::server;
use crate::common::server::{Server, eventually, is_root, programs};

const HTTP: &str = "access_log DIR/access.log; limit_req_zone $host zone=z:64k rate=1r/m; \
                    server { listen LISTEN; listen unix:DIR/s.sock; location / { return 204; } \
                    location /once { limit_req zone=z; root DIR; } }";

fn user() -> &'static str {
    if is_root() { "user nobody nogroup; events {}" } else { "events {}" }
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

fn lives(pid: u32) -> bool {
    // Not one that nobody has waited for.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

fn pid_in(file: &Path) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Ends a process that is no child of the test.
struct Stranger(u32);

impl Drop for Stranger {
    fn drop(&mut self) {
        if lives(self.0) {
            let _ = Command::new("kill").args(["-TERM", &self.0.to_string()]).status();
        }
    }
}

#[test]
fn a_worker_that_dies_is_started_again() {
    for program in programs() {
        let server = Server::start(program, user(), HTTP);
        assert_eq!(server.get("/"), 204);
        let mut seen = BTreeSet::new();
        for _ in 0..3 {
            let worker = server.worker();
            assert!(seen.insert(worker) && worker != server.child.id());
            signal("KILL", worker);
            eventually("its end is told", || {
                server.log().contains(&format!("worker process {worker} exited on signal 9"))
            });
            // Nobody is refused meanwhile: the master has the socket too.
            assert_eq!(server.get("/"), 204);
            eventually("there is another one", || {
                server.worker() != worker && server.worker() != server.child.id()
            });
        }
    }
}

#[test]
fn limits_hold_over_a_reload() {
    for program in programs() {
        let server = Server::start(program, user(), HTTP);
        assert_eq!([server.get("/once"), server.get("/once")], [404, 503]);
        server.rewrite(user(), &HTTP.replace("return 204", "return 201"));
        server.signal("HUP");
        eventually("the next configuration serves", || server.get("/") == 201);
        assert_eq!(server.get("/once"), 503);
    }
}

#[test]
fn a_program_takes_over_or_gives_back() {
    for program in programs() {
        let server = Server::start(program, user(), HTTP);
        let first = server.child.id();
        assert_eq!(server.get("/"), 204);
        assert_eq!(pid_in(&server.at("pid")), Some(first));
        let is_ours = server.worker_title().is_some();
        if !is_ours {
            // nginx ignores the signal as long as it is its starter's child; what follows is compared with its manual.
            continue;
        }
        // The one that comes ends again: the first has its file back.
        server.signal("USR2");
        eventually("another one serves", || pid_in(&server.at("pid")).is_some_and(|pid| pid != first));
        assert_eq!(pid_in(&server.at("pid.oldbin")), Some(first));
        let second = Stranger(pid_in(&server.at("pid")).unwrap());
        signal("QUIT", second.0);
        eventually("the first is alone", || pid_in(&server.at("pid")) == Some(first));
        assert!(!server.at("pid.oldbin").exists() && !lives(second.0));
        assert!(
            server.log().contains(&format!("new binary process {} exited with code 0", second.0)),
            "{}",
            server.log()
        );
        assert_eq!(server.get("/"), 204);
        // The next one stays, with the sockets.
        server.signal("USR2");
        eventually("another one serves", || pid_in(&server.at("pid")).is_some_and(|pid| pid != first));
        let third = Stranger(pid_in(&server.at("pid")).unwrap());
        signal("QUIT", first);
        eventually("the first has ended", || !lives(first));
        assert_eq!(server.get("/"), 204);
        assert!(server.at("s.sock").exists() && !server.at("pid.oldbin").exists());
        assert_eq!(pid_in(&server.at("pid")), Some(third.0));
        // It obeys as the first did.
        server.rewrite(user(), &HTTP.replace("return 204", "return 201"));
        signal("HUP", third.0);
        eventually("the next configuration serves", || server.get("/") == 201);
        signal("TERM", third.0);
        eventually("it ends", || !lives(third.0));
        assert!(!server.at("pid").exists());
    }
}

#[test]
fn debians_unit_starts_reloads_and_stops() {
    for program in programs() {
        // Only its files are another place's.
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let address = server::free();
        let at = |name: &str| directory.path().join(name);
        let write = |http: &str| {
            let text = server::text(&format!("{} #daemon\n", user()), http, address, directory.path());
            std::fs::write(at("n.conf"), text).unwrap();
        };
        write(HTTP);
        let call = |more: &[&str]| {
            let mut command = Command::new(program.get_program());
            command.args(program.get_args()).arg("-p").arg(directory.path()).arg("-e").arg(at("error.log"));
            command.arg("-c").arg(at("n.conf")).args(["-g", "daemon on; master_process on;"]).args(more);
            // Whoever reads its output sees the end: nothing of the daemon is open there.
            let output = command.stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        call(&["-t", "-q"]);
        call(&[]);
        let master = Stranger(pid_in(&at("pid")).unwrap());
        let get = |uri: &str| server::get(address, uri);
        assert_eq!(get("/"), 204);
        let title = std::fs::read(format!("/proc/{}/cmdline", master.0)).unwrap();
        assert!(title.starts_with(b"nginx: master process "), "{}", String::from_utf8_lossy(&title));
        // It is in a session of its own, with nothing of its starter's open.
        let session = std::fs::read_to_string(format!("/proc/{}/stat", master.0)).unwrap();
        let session: Vec<&str> = session.rsplit(") ").next().unwrap().split(' ').collect();
        assert_eq!((session[2], session[3]), (&*master.0.to_string(), &*master.0.to_string()));
        write(&HTTP.replace("return 204", "return 201"));
        call(&["-s", "reload"]);
        eventually("the next configuration serves", || get("/") == 201);
        call(&["-s", "quit"]);
        eventually("it ends", || !lives(master.0));
        assert!(!at("pid").exists() && !at("s.sock").exists());
    }
}

#[test]
fn a_daemon_that_cannot_be_is_an_exit_status() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = HTTP.replace("LISTEN", &taken.local_addr().unwrap().to_string());
    for program in programs() {
        let mut server = Server::spawn(program, &format!("{} daemon on;", user()), &http);
        let mut code = None;
        eventually("it ends", || {
            code = server.child.try_wait().unwrap();
            code.is_some()
        });
        assert_eq!(code.unwrap().code(), Some(1));
        assert!(server.log().contains("failed (98: Address already in use)"), "{}", server.log());
        assert!(!server.at("pid").exists());
    }
}

/// Accounts and capabilities of a process, and its open files below the server's directory.
fn seen(pid: u32, server: &Server) -> (Vec<String>, BTreeSet<String>) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let names = ["Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"];
    let who = status.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    let mut open = BTreeSet::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let Ok(target) = std::fs::read_link(entry.unwrap().path()) else { continue };
        if target.starts_with(server.directory.path()) {
            open.insert(target.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    (who.map(|line| line.trim_end().to_owned()).collect(), open)
}

#[test]
fn processes_are_who_nginxs_are_and_have_open_what_they_have() {
    let mut all = Vec::new();
    for program in programs() {
        let server = Server::start(program, user(), HTTP);
        // Whoever answers is there; that it listens is the master's doing.
        assert_eq!(server.get("/"), 204);
        all.push([seen(server.child.id(), &server), seen(server.worker(), &server)]);
    }
    let (ours, theirs) = (&all[0], all.last().unwrap());
    assert_eq!(ours, theirs);
    // Nothing but the logs: keys, the pid file and the configuration are closed.
    assert_eq!(ours[1].1.iter().collect::<Vec<_>>(), ["access.log", "error.log"]);
}

#[test]
fn systemd_binds_sockets_and_is_told() {
    let program = programs().remove(0);
    let directory = tempfile::tempdir().unwrap();
    let notified = UnixDatagram::bind(directory.path().join("notify")).unwrap();
    notified.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let next = || {
        let mut text = [0; 200];
        let n = notified.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..n]).into_owned()
    };
    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = bound.local_addr().unwrap();
    let http = HTTP.replace("LISTEN", &address.to_string());
    let before = format!(
        "exec 3<&0; exec </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 NOTIFY_SOCKET={}/notify;",
        directory.path().display()
    );
    // The socket stays as it was bound: to bind it anew would fail.
    let stdin = Stdio::from(std::os::fd::OwnedFd::from(bound));
    let mut server = Server::in_shell(&program, &before, user(), &http, stdin);
    server.address = address;
    let ready = next();
    assert!(
        ready.contains("READY=1") && ready.contains(&format!("MAINPID={}", server.child.id())),
        "{ready}"
    );
    assert_eq!(server.get("/"), 204);
    server.signal("HUP");
    assert!(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(next(), "READY=1");
    server.signal("QUIT");
    assert_eq!(next(), "STOPPING=1");
    eventually("it ends", || server.child.try_wait().unwrap().is_some());
}

#[test]
fn without_a_master_one_process_serves() {
    for program in programs() {
        let server = Server::start(program, &format!("{} master_process off;", user()), HTTP);
        assert_eq!(server.get("/"), 204);
        assert_eq!(server.worker(), server.child.id());
    }
}
