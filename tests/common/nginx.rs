//! A real nginx on loopback, in a directory of its own; stopped when dropped.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stderr,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "not every test needs all of it; who runs a test shall see what was skipped"
)]

pub use super::port;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ngxc::version::Version;

pub struct Nginx {
    child: Child,
    pub address: SocketAddr,
    pub version: Version,
    directory: tempfile::TempDir,
}

/// The nginx to compare with: `NGINX`, else `/usr/sbin/nginx`; says so if there is none.
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("NGINX").map_or_else(|| PathBuf::from("/usr/sbin/nginx"), PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    assert!(
        std::env::var_os("NGXC_REQUIRE_NGINX").is_none(),
        "no nginx at {}, and NGXC_REQUIRE_NGINX forbids to skip",
        path.display()
    );
    eprintln!("SKIPPED: no nginx at {}; name one with NGINX=/path/to/nginx", path.display());
    None
}

impl Nginx {
    /// Starts it with what the `http` block shall hold; `PORT` stands for its address.
    pub fn start(http: &str) -> Option<Self> {
        let program = program()?;
        let output = Command::new(&program).arg("-v").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let number = text.split('/').nth(1).and_then(|t| t.split_whitespace().next());
        let version = number.and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("no version in {text}"));
        let directory = tempfile::tempdir().unwrap();
        let address = port::free();
        let path = directory.path();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {}/{name};\n", path.display()))
            .collect();
        let user = if ngxc_is_root() { "user root;" } else { "" };
        let config = format!(
            "{user} daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;\n\
             events {{ worker_connections 64; }}\nhttp {{ access_log off; {temporary}\n{http}\n}}\n",
            dir = path.display(),
            http = http.replace("PORT", &address.to_string()),
        );
        let file = path.join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let child = Command::new(&program)
            .arg("-p")
            .arg(path)
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(path.join("error.log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut nginx = Self { child, address, version, directory };
        let end = Instant::now() + Duration::from_secs(10);
        // nginx writes its pid after it has bound its sockets: from then on it is this nginx that answers.
        while !nginx.listens() {
            if nginx.child.try_wait().unwrap().is_some() || Instant::now() > end {
                let log = std::fs::read_to_string(nginx.directory.path().join("error.log"));
                panic!("nginx did not start: {log:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(nginx)
    }

    fn listens(&self) -> bool {
        let pid = std::fs::read_to_string(self.directory.path().join("pid")).unwrap_or_default();
        pid.trim() == self.child.id().to_string() && TcpStream::connect(self.address).is_ok()
    }

    /// Status and body of the answers to requests, sent over one connection.
    pub fn get(&self, uris: &[String], host: &str) -> Vec<(u16, Vec<u8>)> {
        uris.chunks(50).flat_map(|uris| self.get_some(uris, host)).collect()
    }

    fn get_some(&self, uris: &[String], host: &str) -> Vec<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut requests = String::new();
        for (i, uri) in uris.iter().enumerate() {
            let connection = if i + 1 == uris.len() { "close" } else { "keep-alive" };
            requests
                .push_str(&format!("GET {uri} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n"));
        }
        stream.write_all(requests.as_bytes()).unwrap();
        let mut all = Vec::new();
        stream.take(1 << 20).read_to_end(&mut all).unwrap();
        let mut answers = Vec::new();
        let mut rest = &all[..];
        while !rest.is_empty() {
            let head_end = rest.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            let head = String::from_utf8_lossy(&rest[..head_end]).to_ascii_lowercase();
            let length: usize = head
                .split("content-length: ")
                .nth(1)
                .and_then(|t| t.split("\r\n").next())
                .map_or(0, |n| n.parse().unwrap());
            let status = head[9..12].parse().unwrap();
            answers.push((status, rest[head_end..head_end + length].to_vec()));
            rest = &rest[head_end + length..];
        }
        assert_eq!(answers.len(), uris.len());
        answers
    }
}

fn ngxc_is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n")
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
