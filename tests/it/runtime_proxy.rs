//! Peers that fail, and the choice of a peer: no idempotent request is lost, and the sequences are nginx's.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::fmt::Write;
use std::net::SocketAddr;

use crate::common::http::{Backend, once};
use crate::common::nginx;
use crate::common::proxy::Proxy;

fn get(to: SocketAddr, uri: &str) -> String {
    once(to, &format!("GET {uri} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
}

fn answer(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

#[test]
fn no_idempotent_request_is_lost() {
    let hanging = Backend::new(|_| {
        std::thread::sleep(std::time::Duration::from_secs(2));
        String::new()
    });
    let closing = Backend::new(|_| String::new());
    let garbage = Backend::new(|_| "this is no HTTP\r\n\r\nConnection: close".to_owned());
    let failing =
        Backend::new(|_| "HTTP/1.1 503 Sorry\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned());
    let (hangs, closes) = (hanging.address, closing.address);
    for (bad, words, logged) in [
        (nginx::port::free(), "error", "111: Connection refused"),
        (hangs, "timeout", "upstream timed out"),
        (closes, "error", "upstream prematurely closed connection"),
        (garbage.address, "invalid_header", "upstream sent no valid HTTP/1.0 header"),
        (failing.address, "http_503", ""),
    ] {
        let good = Backend::new(|_| answer("good"));
        let proxy = Proxy::new(&format!(
            "upstream u {{ server {bad} max_fails=0; server {}; }}\n\
             server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://u; proxy_next_upstream {words};\n\
             proxy_read_timeout 200ms; }} }}",
            good.address
        ));
        for n in 0..6 {
            let response = get(proxy.address, "/");
            assert!(response.ends_with("\r\n\r\ngood"), "{words} {n}: {response}");
        }
        assert!(proxy.log().contains(logged), "{words}: {}", proxy.log());
    }
}

#[test]
fn what_is_not_idempotent_is_sent_once() {
    for (words, tries, expected) in [("error", 1, "502"), ("error non_idempotent", 2, "200")] {
        let bad = Backend::new(|_| String::new());
        let good = Backend::new(|_| answer("good"));
        let proxy = Proxy::new(&format!(
            "upstream u {{ server {} max_fails=0; server {} backup; }}\n\
             server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://u; proxy_next_upstream {words}; }} }}",
            bad.address, good.address
        ));
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
        let response = once(proxy.address, request);
        assert!(response.starts_with(&format!("HTTP/1.1 {expected} ")), "{response}");
        assert_eq!(bad.requests().len() + good.requests().len(), tries, "{words}");
    }
}

/// Peers that nginx and ngxc choose, for the same requests in the same order.
#[test]
fn the_choice_is_that_of_nginx() {
    let backends: Vec<Backend> = (0..3).map(|n| Backend::new(move |_| answer(&n.to_string()))).collect();
    for (method, parameters) in [
        ("", ["weight=3", "weight=2", ""]),
        ("least_conn;", ["weight=3", "", ""]),
        ("hash $uri;", ["", "weight=2", ""]),
        ("hash $uri consistent;", ["", "weight=2", ""]),
        ("hash $uri;", ["", "down", ""]),
        ("ip_hash;", ["", "weight=2", ""]),
    ] {
        let mut upstream = format!("upstream u {{ {method}");
        for (backend, parameter) in backends.iter().zip(parameters) {
            write!(upstream, " server {} {parameter};", backend.address).unwrap();
        }
        let location = "location / { proxy_pass http://u; }";
        let Some(real) = nginx::Nginx::start(&format!("{upstream} }} server {{ listen PORT; {location} }}"))
        else {
            return;
        };
        let ours = Proxy::new(&format!("{upstream} }} server {{ listen 127.0.0.1:9; {location} }}"));
        let choices = |to: SocketAddr| {
            let all = (0..40).map(|n| get(to, &format!("/key{n}")).chars().last().unwrap());
            all.collect::<String>()
        };
        assert_eq!(choices(ours.address), choices(real.address), "{method} {parameters:?}");
    }
}

#[test]
fn requests_beyond_the_rate_are_refused() {
    let proxy = Proxy::new(
        "limit_req_zone $uri zone=r:1m rate=1r/m; limit_conn_zone $uri zone=c:1m;\n\
         server { listen 127.0.0.1:9; limit_req zone=r burst=2 nodelay; limit_conn c 1; limit_req_status 429;\n\
         location / { return 204; } location /file { alias /dev/null; } }",
    );
    let statuses: Vec<String> = (0..5).map(|_| get(proxy.address, "/file")[9..12].to_owned()).collect();
    assert_eq!(statuses[3..], ["429", "429"]);
    assert!(statuses[..3].iter().all(|status| status != "429"), "{statuses:?}");
    let log = proxy.log();
    let excess =
        log.split("limiting requests, excess: ").nth(1).and_then(|rest| rest.split_once(" by zone \"r\""));
    let excess: f64 = excess.unwrap_or_else(|| panic!("{log}")).0.parse().unwrap();
    // A sixtieth of a request is forgotten in each second that the requests take.
    assert!((2.5..=3.0).contains(&excess), "{excess}");
}
