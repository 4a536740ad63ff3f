//! Addresses of `ngxc run`: IPv6, unix sockets, several workers. Loopback only.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use ngxc::compile::{Options, compile};
use ngxc::runtime::{RunOptions, Running, Stop, start};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::port;

fn run(text: &str, directory: &Path) -> Running {
    std::fs::create_dir(directory.join("logs")).unwrap();
    let loaded = load(&Memory::default().with("n", text), Path::new("n"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    start(Arc::new(compiled.config), &RunOptions { prefix: directory.to_owned(), ..RunOptions::default() })
        .unwrap()
}

/// The body of the answer to one GET.
fn ask(mut stream: impl Read + Write) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

#[test]
fn unix_sockets() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("a.sock");
    let text = format!(
        "events {{}} http {{ access_log logs/a.log; server {{ listen unix:{};\n\
         allow unix:; deny all; location / {{ return 200 $remote_addr,$server_addr,$server_port; }} }} }}",
        socket.display()
    );
    let running = run(&text, directory.path());
    assert_eq!(ask(UnixStream::connect(&socket).unwrap()), format!("unix:,unix:{},", socket.display()));
    running.stop(Stop::Fast);
    assert!(UnixStream::connect(&socket).is_err());
    let log = std::fs::read_to_string(directory.path().join("logs/a.log")).unwrap();
    assert!(log.starts_with("unix: - - ["), "{log}");
}

#[test]
fn ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("not run: no IPv6 here");
        return;
    }
    let port = port::number();
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "events {{}} http {{ access_log off; geo $net {{ default far; ::1/128 near; }}\n\
         server {{ listen [::1]:{port}; location / {{ return 200 $remote_addr,$server_addr,$net; }} }} }}"
    );
    let running = run(&text, directory.path());
    let address: SocketAddr = format!("[::1]:{port}").parse().unwrap();
    assert_eq!(running.addresses(), [address]);
    assert_eq!(ask(TcpStream::connect(address).unwrap()), "::1,::1,near");
    running.stop(Stop::Fast);
}

#[test]
fn several_workers_count_connections_together() {
    for parameter in ["", " reuseport"] {
        let port = port::number();
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "worker_processes 3; events {{}} http {{ access_log off;\n\
             server {{ listen 127.0.0.1:{port}{parameter}; location / {{ return 200 $connection; }} }} }}"
        );
        let running = run(&text, directory.path());
        let ask = || ask(TcpStream::connect(("127.0.0.1", port)).unwrap()).parse::<u64>().unwrap();
        let asked = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| (0..25).map(|_| ask()).collect::<Vec<u64>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<BTreeSet<u64>>()
        });
        // Whichever worker takes a connection, none has the number of another.
        assert_eq!(asked.len(), 200, "{parameter}");
        running.stop(Stop::Graceful);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
