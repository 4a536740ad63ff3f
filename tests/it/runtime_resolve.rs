//! `server name resolve`: peers follow the answers of a name server.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::http::once;
use crate::common::port;
use crate::common::proxy::Proxy;

/// Addresses of the only name in the zone; `None`: the name server fails.
type Zone = Arc<Mutex<Option<Vec<[u8; 4]>>>>;

/// A name server whose answers hold for a second.
fn name_server() -> (SocketAddr, Zone) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let zone = Zone::default();
    let answers = Arc::clone(&zone);
    std::thread::spawn(move || {
        let mut data = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut data) {
            let question = &data[12..length];
            let is_a = question[question.len() - 3] == 1;
            let zone = answers.lock().unwrap().clone();
            let code = if zone.is_some() { 0 } else { 2 };
            let list = if is_a { zone.unwrap_or_default() } else { Vec::new() };
            let mut out = vec![data[0], data[1], 0x81, 0x80 | code, 0, 1, 0, list.len() as u8, 0, 0, 0, 0];
            out.extend_from_slice(question);
            for ip in list {
                out.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
                out.extend_from_slice(&ip);
            }
            socket.send_to(&out, from).unwrap();
        }
    });
    (address, zone)
}

#[test]
fn peers_follow_the_name() {
    let port = port::number();
    let (server, zone) = name_server();
    *zone.lock().unwrap() = Some(vec![[127, 0, 0, 2]]);
    let proxy = Proxy::new(&format!(
        "resolver {server} ipv6=off; resolver_timeout 1s;\n\
         upstream u {{ zone z 64k; server a.test:{port} resolve max_fails=0; }}\n\
         server {{ listen 127.0.0.1:9; add_header X-Tried $upstream_addr always;\n\
         location / {{ proxy_pass http://u; }} }}"
    ));
    let tried = || {
        let response = once(proxy.address, "GET / HTTP/1.0\r\n\r\n");
        let line = response.lines().find_map(|line| line.strip_prefix("X-Tried: ")).unwrap().to_owned();
        line.replace(&format!(":{port}"), "")
    };
    let becomes = |expected: &[&str]| {
        let begun = Instant::now();
        while !expected.contains(&tried().as_str()) {
            assert!(begun.elapsed() < Duration::from_secs(8), "{} is not {expected:?}", tried());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    becomes(&["127.0.0.2"]);
    *zone.lock().unwrap() = Some(vec![[127, 0, 0, 2], [127, 0, 0, 3]]);
    becomes(&["127.0.0.2, 127.0.0.3", "127.0.0.3, 127.0.0.2"]);
    // A failure changes nothing, and is logged.
    *zone.lock().unwrap() = None;
    let begun = Instant::now();
    while !proxy.log().contains("a.test could not be resolved (2: Server failure)") {
        assert!(begun.elapsed() < Duration::from_secs(8), "{}", proxy.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(tried().contains("127.0.0.3"));
    *zone.lock().unwrap() = Some(Vec::new());
    becomes(&["u"]);
}
