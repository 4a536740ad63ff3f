//! `ngxc nginx` as a process beside nginx: who serves when root starts it, what a reload can and cannot do then, and room
//! for new clients when idle ones hold all connections.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_collect,
    reason = "a failed unwrap is a failed test, and skips are said aloud"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use crate::common::server;
use crate::common::server::{Server, eventually, free, is_root, programs};

const FILES: &str = "access_log DIR/access.log; server { listen LISTEN; listen unix:DIR/s.sock; root DIR/h; \
                     location /body { client_max_body_size 1m; client_body_in_file_only clean; return 204; } }";

#[test]
fn who_serves_is_whom_nginx_has() {
    if !is_root() {
        return;
    }
    let cases = [
        ("user nobody nogroup; events {}", "", 403),
        ("user daemon; events {}", "", 403),
        ("user root; events {}", "", 200),
        // Nobody is named.
        ("events {}", "", 403),
        (
            "user nobody nogroup; events {}",
            "server { listen unix:DIR/t.sock; location / { proxy_bind 127.0.0.9 transparent; proxy_pass http://127.0.0.1:1; } }",
            403,
        ),
    ];
    for (main, more, status) in cases {
        let mut answers = Vec::new();
        for program in programs() {
            let server = Server::start(program, main, &format!("{FILES} {more}"));
            std::fs::create_dir(server.at("h")).unwrap();
            std::fs::write(server.at("h/secret"), "root's").unwrap();
            std::fs::set_permissions(server.at("h/secret"), PermissionsExt::from_mode(0o600)).unwrap();
            assert_eq!(server.get("/secret"), status, "{main} {more}");
            let owner = |name: &str| {
                let info = std::fs::metadata(server.at(name)).unwrap();
                format!("{name} {} {:o}", info.uid(), info.mode())
            };
            // The only change of nginx's groups would be those of root that it did not give up.
            answers.push((server.who(), owner("client_body"), owner("s.sock")));
        }
        let (ours, theirs) = (&answers[0], answers.last().unwrap());
        assert_eq!(ours, theirs, "{main} {more}");
        assert_eq!(ours.0.len(), 1, "not all threads are the same: {:?}", ours.0);
        if status != 200 {
            assert!(!ours.0[0].contains("Uid:\t0"), "{:?}", ours.0);
        }
        if !more.is_empty() {
            assert!(ours.0[0].contains("CapEff:\t0000000000002000"), "{:?}", ours.0);
        }
    }
}

#[test]
fn an_account_that_is_missing_is_refused() {
    if !is_root() {
        return;
    }
    for (user, call) in [
        ("nobody-here", "getpwnam(\"nobody-here\") failed"),
        ("nobody no-group", "getgrnam(\"no-group\") failed"),
        ("nobody", "getgrnam(\"nobody\") failed"),
    ] {
        if user == "nobody" && std::fs::read_to_string("/etc/group").unwrap().contains("\nnobody:") {
            continue;
        }
        for program in programs() {
            let mut server = Server::spawn(program, &format!("user {user}; events {{}}"), FILES);
            let mut code = None;
            eventually("it ends", || {
                code = server.child.try_wait().unwrap();
                code.is_some()
            });
            assert!(!code.unwrap().success(), "{user}");
            assert!(server.log().contains(call), "{user}: {}", server.log());
        }
    }
}

#[test]
fn logs_and_reloads_work_although_the_workers_are_not_root() {
    if !is_root() {
        return;
    }
    let user = "user nobody nogroup; events {}";
    for program in programs() {
        let server = Server::start(program, user, FILES);
        assert_eq!(server.get("/none"), 404);
        let owner = |name: &str| {
            let info = std::fs::metadata(server.at(name)).unwrap();
            (info.uid(), info.mode() & 0o777)
        };
        let nobody = std::fs::metadata(server.at("client_body")).unwrap().uid();
        assert_ne!(nobody, 0);
        // Until they are opened again they are root's.
        assert_eq!(owner("access.log"), (0, 0o644));
        // Logs, keys and a port that only root has are there for what is configured later.
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        std::fs::write(server.at("certificate.pem"), made.cert.pem()).unwrap();
        std::fs::write(server.at("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(server.at("key.pem"), PermissionsExt::from_mode(0o600)).unwrap();
        let low = server::free_low();
        let more = format!(
            "{} server {{ listen {low} ssl; ssl_certificate DIR/certificate.pem; ssl_certificate_key DIR/key.pem; \
             access_log DIR/tls.log; }}",
            FILES.replace("root DIR/h;", "return 201;")
        );
        server.rewrite(user, &more);
        server.signal("HUP");
        eventually("the new configuration serves", || server.get("/") == 201);
        assert!(TcpStream::connect(low).is_ok());
        assert_eq!(owner("tls.log"), (0, 0o644));
        // A log that was moved away is made again in root's directory, and is the user's; lines go there.
        std::fs::rename(server.at("access.log"), server.at("access.log.1")).unwrap();
        server.signal("USR1");
        eventually("the log is made anew", || {
            server.at("access.log").exists() && owner("access.log").0 == nobody
        });
        eventually("lines are in the new log", || {
            assert_eq!(server.get("/moved"), 201);
            std::fs::read_to_string(server.at("access.log")).unwrap().contains("/moved")
        });
        // Another account is another process.
        let before = server.worker();
        server.rewrite("user daemon; events {}", &FILES.replace("root DIR/h;", "return 202;"));
        server.signal("HUP");
        eventually("another worker serves", || server.get("/") == 202 && server.worker() != before);
        // A configuration with a fault changes nothing.
        server.rewrite("user no-such-user; events {}", FILES);
        server.signal("HUP");
        eventually("the fault is told", || server.log().contains("getpwnam(\"no-such-user\") failed"));
        assert_eq!(server.get("/"), 202);
    }
}

#[test]
fn nothing_in_an_included_directory_ends_the_server() {
    let user = if is_root() { "user root; events {}" } else { "events {}" };
    let server =
        Server::start(programs().remove(0), user, "include DIR/c/*; server { listen LISTEN; return 204; }");
    let c = server.at("c");
    std::fs::create_dir(&c).unwrap();
    std::fs::write(c.join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "map $uri $x { default 1; }\n").unwrap();
    server.signal("HUP");
    eventually("it has tried", || server.log().contains("signal 1 (SIGHUP) received"));
    for _ in 0..10 {
        assert_eq!(server.get("/"), 204);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn idle_clients_make_room() {
    const LIMIT: usize = 64;
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    // Preface, an empty SETTINGS; no request.
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    for (first, http2) in [(request, ""), (Vec::new(), ""), (preface, "http2")] {
        for program in programs() {
            let main = "worker_processes 1; events { worker_connections 64; }";
            let user = if is_root() { "user root;" } else { "" };
            let listen = match http2 {
                "" => "",
                _ => "server { listen LISTEN http2; return 200 ok; }",
            };
            let plain = free();
            let http = format!("access_log off; {listen} server {{ listen {plain}; return 200 ok; }}");
            let mut server = Server::spawn(program, &format!("{user} {main}"), &http);
            let to = if http2.is_empty() { plain } else { server.address };
            eventually("it listens", || {
                assert!(server.child.try_wait().unwrap().is_none(), "ended: {}", server.log());
                TcpStream::connect(to).is_ok()
            });
            let idle: Vec<_> = (0..LIMIT * 3 / 2)
                .map(|_| {
                    let mut stream = TcpStream::connect(to).unwrap();
                    let _ = stream.write_all(&first);
                    std::thread::sleep(Duration::from_millis(2));
                    stream
                })
                .collect();
            for i in 0..10 {
                let mut stream = TcpStream::connect(plain).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("HTTP/1.1 200"), "{i} {http2}: {answer}");
            }
            drop(idle);
            let log = server.log();
            assert!(log.contains("[warn]"), "{log}");
            assert!(log.contains("64 worker_connections are not enough, reusing connections"), "{log}");
            // Each of them found room.
            assert!(!log.contains("64 worker_connections are not enough\n"), "{log}");
        }
    }
}
