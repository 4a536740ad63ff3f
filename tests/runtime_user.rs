//! `ngxc nginx` as a process beside nginx: who serves when root starts it, what a reload can and cannot do then, and room
//! for new clients when idle ones hold all connections.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_collect,
    reason = "a failed unwrap is a failed test, and skips are said aloud"
)]

#[path = "common/nginx.rs"]
mod nginx;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nginx::port::free;

fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_root() -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !root {
        eprintln!("SKIPPED: only root can become another user");
    }
    root
}

/// The programs to compare, with nginx's command line: ours first.
fn programs() -> Vec<Command> {
    let mut ours = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    ours.arg("nginx");
    std::iter::once(ours).chain(nginx::program().map(Command::new)).collect()
}

struct Server {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

fn text(main: &str, http: &str, address: SocketAddr, directory: &Path) -> String {
    let bodies: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {}/{name};\n", directory.display()))
        .collect();
    let text = format!(
        "{main} daemon off; pid DIR/pid; error_log DIR/error.log notice;\nhttp {{ {bodies} {http} }}\n"
    );
    text.replace("DIR", &directory.display().to_string()).replace("LISTEN", &address.to_string())
}

impl Server {
    fn spawn(mut program: Command, main: &str, http: &str) -> Self {
        let (directory, address) = (tempfile::tempdir().unwrap(), free());
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(directory.path().join("n.conf"), text(main, http, address, directory.path())).unwrap();
        program.arg("-p").arg(directory.path()).args(["-e", "early.log", "-c"]);
        program.arg(directory.path().join("n.conf"));
        let child = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, address, directory }
    }

    fn start(program: Command, main: &str, http: &str) -> Self {
        let mut server = Self::spawn(program, main, http);
        let address = server.address;
        eventually("it listens", || {
            assert!(server.child.try_wait().unwrap().is_none(), "ended: {}", server.log());
            TcpStream::connect(address).is_ok()
        });
        server
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        let read = |name| std::fs::read_to_string(self.at(name)).unwrap_or_default();
        read("early.log") + &read("error.log")
    }

    fn rewrite(&self, main: &str, http: &str) {
        let text = text(main, http, self.address, self.directory.path());
        std::fs::write(self.at("n.conf"), text).unwrap();
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    fn get(&self, uri: &str) -> u16 {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {uri} HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        String::from_utf8_lossy(&all)[9..12].parse().unwrap()
    }

    /// The process that serves: a child of the master, or ours.
    fn worker(&self) -> u32 {
        let pid = self.child.id();
        let children =
            std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().next().map_or(pid, |child| child.parse().unwrap())
    }

    /// Who the process is that serves: the same lines of each of its threads.
    fn who(&self) -> Vec<String> {
        let mut all = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.worker())).unwrap() {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let lines = status.lines().filter(|line| {
                ["Uid:", "Gid:", "Groups:", "CapEff:", "CapPrm:"].iter().any(|name| line.starts_with(name))
            });
            all.push(lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n"));
        }
        all.sort();
        all.dedup();
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_some() {
            return;
        }
        // nginx's master ends its workers.
        self.signal("TERM");
        let end = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

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
fn logs_and_reloads_work_without_root() {
    if !is_root() {
        return;
    }
    let user = "user nobody nogroup; events {}";
    let server = Server::start(programs().remove(0), user, FILES);
    assert_eq!(server.get("/none"), 404);
    // The directory is root's: the log was given to the user, so a reload and USR1 find it.
    assert_ne!(std::fs::metadata(server.at("access.log")).unwrap().uid(), 0);
    server.rewrite(user, &FILES.replace("root DIR/h;", "return 201;"));
    server.signal("HUP");
    eventually("the new configuration serves", || server.get("/") == 201);
    // What only root may do is told, and what runs goes on.
    let told = |server: &Server, what: &str| {
        let end = Instant::now() + Duration::from_secs(20);
        while !server.log().contains(what) {
            assert!(Instant::now() < end, "{what}: {}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(server.get("/"), 201, "{what}");
    };
    server.rewrite("user daemon; events {}", &FILES.replace("root DIR/h;", "return 202;"));
    server.signal("HUP");
    told(&server, "\"user\" cannot become \"daemon\"");
    server.rewrite(user, &FILES.replace("access.log", "secret.log"));
    server.signal("HUP");
    told(&server, "secret.log\" failed (13: Permission denied)");
    assert!(server.log().contains("the process is root no more"), "{}", server.log());
    // A log that was moved away cannot be made again in root's directory; lines go on to the old one.
    std::fs::rename(server.at("access.log"), server.at("access.log.1")).unwrap();
    server.signal("USR1");
    told(&server, "access.log\" failed (13: Permission denied)");
    // In a directory of the user's it can.
    let directory = server.directory.path();
    assert!(Command::new("chown").arg("nobody").arg(directory).status().unwrap().success());
    server.signal("USR1");
    eventually("the log is made anew", || server.at("access.log").exists());
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
