//! A server as a process of its own, ours or nginx's, with nginx's command line; stopped when dropped.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::print_stderr,
    reason = "not every test needs all of it"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::nginx;
pub use super::nginx::port::free;

pub fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn is_root() -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !root {
        eprintln!("SKIPPED: only root can become another user");
    }
    root
}

/// The programs to compare, with nginx's command line: ours first.
pub fn programs() -> Vec<Command> {
    let mut ours = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    ours.arg("nginx");
    std::iter::once(ours).chain(nginx::program().map(Command::new)).collect()
}

/// An address with a free port that only root may bind.
pub fn free_low() -> SocketAddr {
    let addresses = (600..1024).rev().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    addresses.into_iter().find(|address| TcpListener::bind(address).is_ok()).unwrap()
}

/// The status of an answer.
pub fn get(address: SocketAddr, uri: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {uri} HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    String::from_utf8_lossy(&all)[9..12].parse().unwrap()
}

pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
    pub directory: tempfile::TempDir,
}

pub fn text(main: &str, http: &str, address: SocketAddr, directory: &Path) -> String {
    let bodies: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {}/{name};\n", directory.display()))
        .collect();
    let daemon = if main.contains("daemon on;") || main.contains("#daemon") { "" } else { "daemon off;" };
    let text =
        format!("{main} {daemon} pid DIR/pid; error_log DIR/error.log notice;\nhttp {{ {bodies} {http} }}\n");
    text.replace("DIR", &directory.display().to_string()).replace("LISTEN", &address.to_string())
}

impl Server {
    pub fn spawn(program: Command, main: &str, http: &str) -> Self {
        Self::spawn_with(program, main, http, Stdio::null())
    }

    fn spawn_with(mut program: Command, main: &str, http: &str, stdin: Stdio) -> Self {
        let (directory, address) = (tempfile::tempdir().unwrap(), free());
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(directory.path().join("n.conf"), text(main, http, address, directory.path())).unwrap();
        program.arg("-p").arg(directory.path()).args(["-e", "early.log", "-c"]);
        program.arg(directory.path().join("n.conf"));
        let child = program.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, address, directory }
    }

    pub fn start(program: Command, main: &str, http: &str) -> Self {
        let mut server = Self::spawn(program, main, http);
        let address = server.address;
        eventually("it listens", || {
            assert!(server.child.try_wait().unwrap().is_none(), "ended: {}", server.log());
            TcpStream::connect(address).is_ok()
        });
        server
    }

    /// Starts it with a command line around the program's: variables, descriptors.
    pub fn in_shell(program: &Command, before: &str, main: &str, http: &str, stdin: Stdio) -> Self {
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let words: Vec<_> = words.map(|word| word.to_str().unwrap()).collect();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{before} exec {} \"$@\"", words.join(" ")), "sh"]);
        Self::spawn_with(shell, main, http, stdin)
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn log(&self) -> String {
        let read = |name| std::fs::read_to_string(self.at(name)).unwrap_or_default();
        read("early.log") + &read("error.log")
    }

    pub fn rewrite(&self, main: &str, http: &str) {
        let text = text(main, http, self.address, self.directory.path());
        std::fs::write(self.at("n.conf"), text).unwrap();
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    pub fn get(&self, uri: &str) -> u16 {
        get(self.address, uri)
    }

    /// The process that serves: a child of the master, or ours.
    pub fn worker(&self) -> u32 {
        let pid = self.child.id();
        let children =
            std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().next().map_or(pid, |child| child.parse().unwrap())
    }

    /// The title of our worker process; `None`: it is nginx's.
    pub fn worker_title(&self) -> Option<String> {
        let program = std::fs::read_link(format!("/proc/{}/exe", self.child.id())).unwrap();
        let title = std::fs::read_to_string(format!("/proc/{}/cmdline", self.worker())).unwrap();
        (program == Path::new(env!("CARGO_BIN_EXE_ngxc"))).then_some(title)
    }

    /// Accounts and capabilities of the serving process: the same lines of each of its threads.
    pub fn who(&self) -> Vec<String> {
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
