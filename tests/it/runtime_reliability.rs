//! The program as a process: reloads lose nothing, slow clients are bounded, memory and file descriptors stay. The long
//! version is benches/reliability.py.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::http::{Backend, Client, once, polite};
use crate::common::port;

struct Process {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Process {
    fn new(http: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = port::free();
        // Its directory is root's alone if root runs the test.
        let text = format!(
            "user root; worker_processes 2; pid p.pid; error_log error.log info; events {{}}\n\
             http {{ access_log off; {} }}\n",
            http.replace("LISTEN", &address.to_string())
        );
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, text).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["run", "--prefix"])
            .arg(directory.path())
            .arg("--work-dir")
            .arg(directory.path())
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let process = Self { child, address, directory };
        eventually("it starts", || process.directory.path().join("p.pid").exists());
        // The pid file is there before the workers are: what they open for themselves is no leak.
        eventually("its workers wait for events", || process.event_loops() == 3);
        std::thread::sleep(Duration::from_millis(200));
        process
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// The worker process, or the master as long as there is none.
    fn worker(&self) -> u32 {
        let pid = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        children.unwrap_or_default().split_whitespace().next().map_or(pid, |child| child.parse().unwrap())
    }

    fn opened(&self) -> impl Iterator<Item = PathBuf> {
        let entries = std::fs::read_dir(format!("/proc/{}/fd", self.worker()));
        // One that is closed meanwhile has no target.
        entries.into_iter().flatten().flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok())
    }

    fn descriptors(&self) -> usize {
        self.opened().count()
    }

    /// The main thread's and each worker's. Each has one `eventfd`.
    fn event_loops(&self) -> usize {
        self.opened().filter(|target| target.to_string_lossy().ends_with("[eventfd]")).count()
    }

    /// Resident kB.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.worker())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn a_reload_under_load_loses_no_request() {
    let backend = Backend::new(polite);
    let process = Process::new(&format!(
        "upstream u {{ server {}; keepalive 8; }} server {{ listen LISTEN; location / {{ proxy_pass http://u; }} }}",
        backend.address
    ));
    let (done, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (done, stop, address) = (Arc::clone(&done), Arc::clone(&stop), process.address);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let response = once(address, GET);
                    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response:?}");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let log = || std::fs::read_to_string(process.directory.path().join("error.log")).unwrap();
    for reload in 1..=5 {
        let before = done.load(Ordering::Relaxed);
        process.signal("HUP");
        // The kernel makes one of two signals that are waiting.
        eventually("it is loaded again", || log().matches("reconfiguring").count() == reload);
        eventually("requests go on", || done.load(Ordering::Relaxed) >= before + 40);
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
}

/// A peer that resets, one that is slow, one that is gone: each request has its answer, whatever peer it met first.
/// A request is under way: who connects now to an address that is given up is refused, and does not wait for ever.
#[test]
fn addresses_are_given_up_at_once() {
    for signal in ["QUIT", "HUP"] {
        let may_answer = Arc::new(AtomicBool::new(false));
        let may = Arc::clone(&may_answer);
        let backend = Backend::new(move |request| {
            let begun = Instant::now();
            while !may.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(5));
            }
            polite(request)
        });
        let server =
            format!("server {{ listen LISTEN; location / {{ proxy_pass http://{}; }} }}", backend.address);
        let mut process = Process::new(&server);
        let mut client = Client::new(process.address);
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        eventually("the backend is asked", || backend.requests().len() == 1);
        if signal == "HUP" {
            let elsewhere = port::free().to_string();
            let file = process.directory.path().join("nginx.conf");
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text.replace(&process.address.to_string(), &elsewhere)).unwrap();
        }
        process.signal(signal);
        eventually("new clients are refused", || TcpStream::connect(process.address).is_err());
        may_answer.store(true, Ordering::SeqCst);
        assert!(client.response().starts_with("HTTP/1.1 200"), "{signal}");
        if signal == "QUIT" {
            drop(client);
            eventually("it has ended", || process.child.try_wait().unwrap().is_some());
        }
    }
}

#[test]
fn peers_that_reset_or_are_slow_lose_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let resets = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Unread bytes would make close() a reset.
            let mut byte = [0];
            let _ = (&stream).read(&mut byte);
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 1000]);
                for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow" {
                    std::thread::sleep(Duration::from_millis(5));
                    let _ = stream.write_all(&[*byte]);
                }
            });
        }
    });
    let good = Backend::new(polite);
    for bad in [resets, slow] {
        let process = Process::new(&format!(
            "upstream u {{ server {bad} max_fails=0; server {} max_fails=0; }}\n\
             server {{ listen LISTEN; location / {{ proxy_pass http://u; }} }}",
            good.address
        ));
        for _ in 0..6 {
            let response = once(process.address, GET);
            assert!(response.ends_with("ok") || response.ends_with("slow"), "{response:?}");
        }
    }
}

#[test]
fn slow_clients_are_bounded() {
    let backend = Backend::new(|_| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n{}", "x".repeat(20_000_000))
    });
    let process = Process::new(&format!(
        "client_header_timeout 1s; client_body_timeout 1s; send_timeout 1s; keepalive_timeout 1s; lingering_close off;\n\
         server {{ listen LISTEN; location / {{ proxy_pass http://{}; }} }}",
        backend.address
    ));
    let before = process.descriptors();
    // A head byte by byte, a body that does not come, an answer that is not read, a connection without a request.
    let mut trickle = TcpStream::connect(process.address).unwrap();
    let mut promise = TcpStream::connect(process.address).unwrap();
    promise.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n").unwrap();
    let mut deaf = TcpStream::connect(process.address).unwrap();
    deaf.write_all(GET.as_bytes()).unwrap();
    let silent = TcpStream::connect(process.address).unwrap();
    let begun = Instant::now();
    for byte in GET.bytes().cycle() {
        if begun.elapsed() > Duration::from_secs(3) || trickle.write_all(&[byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    eventually("all are closed", || process.descriptors() <= before);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    drop((trickle, promise, deaf, silent));
}

#[test]
fn memory_and_descriptors_stay() {
    let backend = Backend::new(|request| {
        if request.contains("/close") {
            return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok".to_owned();
        }
        if request.contains("/cut") {
            return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 200\r\n\r\nok".to_owned();
        }
        polite(request)
    });
    let process = Process::new(&format!(
        "upstream u {{ server {}; keepalive 8; }}\n\
         server {{ listen LISTEN; location / {{ proxy_pass http://u; }} }}",
        backend.address
    ));
    let round = || {
        for path in ["/", "/close", "/cut"] {
            for _ in 0..200 {
                once(process.address, &GET.replace(" / ", &format!(" {path} ")));
            }
        }
    };
    round();
    let (descriptors, memory) = (process.descriptors(), process.memory());
    for _ in 0..4 {
        round();
    }
    eventually("descriptors are closed", || process.descriptors() <= descriptors + 8);
    let grown = process.memory().saturating_sub(memory);
    assert!(grown < 4000, "{grown} kB more than the {memory} kB before");
}
