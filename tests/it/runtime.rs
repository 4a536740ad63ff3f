//! `ngxc run` from configuration text to bytes on sockets. Loopback only, ports chosen by the kernel.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ngxc::compile::{Options, compile};
use ngxc::eval::hash::murmur2;
use ngxc::model::{Config, Endpoint};
use ngxc::runtime::{RunOptions, Running, StartError, Stop, start, unsupported};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::http::{Backend, Client, once, polite};
use crate::common::port;

const NEW: Version = Version::new(1, 31, 5);
const OLD: Version = Version::new(1, 22, 1);

/// The model of an `http` block's content; one worker, so that a pool is one pool.
fn config(http: &str, version: Version) -> Arc<Config> {
    let text =
        format!("worker_processes 1;\nerror_log logs/error.log info;\nevents {{}}\nhttp {{\n{http}\n}}\n");
    let files = Memory::default().with("nginx.conf", text);
    let loaded = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(version));
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    let mut config = compiled.config;
    // Port 9 stands for one that the kernel chooses, which nginx has no words for.
    for listen in config.http.servers.iter_mut().flat_map(|server| &mut server.listen) {
        match &mut listen.endpoint {
            Endpoint::Inet(address) if address.port() == 9 => address.set_port(0),
            _ => {}
        }
    }
    Arc::new(config)
}

struct Proxy {
    running: Option<Running>,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Proxy {
    fn new(http: &str, version: Version) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("logs")).unwrap();
        let options = RunOptions { prefix: directory.path().to_owned(), ..RunOptions::default() };
        let running = start(config(http, version), &options).unwrap();
        Self { address: running.addresses()[0], running: Some(running), directory }
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join("logs").join(name)).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop(Stop::Fast);
        }
    }
}

/// Waits for something that happens soon.
fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < Duration::from_secs(5), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A proxy to an upstream with these directives.
fn proxied(backend: &Backend, upstream: &str, location: &str, version: Version) -> Proxy {
    let b = backend.address;
    let http = format!(
        "upstream b {{ server {b}; {upstream} }}\n\
         server {{ listen 127.0.0.1:9; server_name a.test; location / {{ proxy_pass http://b; {location} }} }}"
    );
    Proxy::new(&http, version)
}

#[test]
fn keepalive_is_the_difference_between_one_connection_and_twenty() {
    for (upstream, location, version, expected) in [
        ("keepalive 8;", "proxy_http_version 1.1; proxy_set_header Connection \"\";", OLD, 1),
        ("", "", OLD, 20),
        ("keepalive 8;", "", OLD, 20),
        ("", "", NEW, 1),
        ("keepalive 0;", "", NEW, 20),
        ("", "proxy_set_header Connection close;", NEW, 20),
    ] {
        let backend = Backend::new(polite);
        let proxy = proxied(&backend, upstream, location, version);
        let mut client = Client::new(proxy.address);
        for _ in 0..20 {
            assert!(client.get("/").starts_with("HTTP/1.1 200 OK\r\n"));
        }
        assert_eq!(backend.connections(), expected, "{upstream} {location} {version}");
    }
}

#[test]
fn default_headers_are_those_of_the_version() {
    for (version, expected) in [
        (OLD, "GET /x?y HTTP/1.0\r\nHost: b\r\nConnection: close\r\nX-A: 1\r\n\r\n"),
        (NEW, "GET /x?y HTTP/1.1\r\nHost: b\r\nX-A: 1\r\n\r\n"),
    ] {
        let backend = Backend::new(polite);
        let proxy = proxied(&backend, "", "", version);
        once(
            proxy.address,
            "GET /x?y HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nTE: x\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(backend.requests()[0].1, expected, "{version}");
    }
}

#[test]
fn an_implicit_upstream_is_never_pooled() {
    let backend = Backend::new(polite);
    let http =
        format!("server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://{}; }} }}", backend.address);
    let proxy = Proxy::new(&http, NEW);
    let mut client = Client::new(proxy.address);
    for _ in 0..5 {
        client.get("/");
    }
    assert_eq!(backend.connections(), 5);
}

#[test]
fn source_addresses_are_the_ones_the_split_says() {
    let backend = Backend::new(polite);
    let http = format!(
        "split_clients \"$remote_addr$remote_port\" $split_ip {{ 25% 127.0.0.2; 25% 127.0.0.3; 25% 127.0.0.4; * 127.0.0.5; }}
         upstream b {{ server {}; keepalive 0; }}
         server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://b; proxy_bind $split_ip; }} }}",
        backend.address
    );
    let proxy = Proxy::new(&http, NEW);
    let mut used = std::collections::BTreeSet::new();
    for i in 0..40 {
        let mut client = Client::new(proxy.address);
        client.get("/");
        let hash = murmur2(format!("127.0.0.1{}", client.local().port()).as_bytes());
        let quarter = 2500 * u64::from(u32::MAX) / 10_000;
        let bucket = (u64::from(hash) / quarter).min(3);
        let source = backend.requests()[i].0.ip().to_string();
        assert_eq!(source, format!("127.0.0.{}", bucket + 2));
        used.insert(source);
    }
    assert_eq!(used.len(), 4);
}

#[test]
fn a_bind_that_fails_is_500_and_an_invalid_address_is_not_bound() {
    let backend = Backend::new(polite);
    let proxy = proxied(&backend, "", "proxy_bind $arg_ip;", NEW);
    let mut client = Client::new(proxy.address);
    assert!(client.get("/?ip=192.0.2.1").starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
    for ip in ["", "nonsense", "127.0.0.1"] {
        let mut client = Client::new(proxy.address);
        assert!(client.get(&format!("/?ip={ip}")).starts_with("HTTP/1.1 200 OK\r\n"), "{ip}");
    }
    let log = proxy.log("error.log");
    assert!(log.contains("[crit]") && log.contains("bind(192.0.2.1) failed (99: "), "{log}");
    assert!(
        log.contains("[error]") && log.contains("invalid local address \"nonsense\", client: 127.0.0.1"),
        "{log}"
    );
}

#[test]
fn pool_limits() {
    // Requests on a connection.
    let backend = Backend::new(polite);
    let proxy = proxied(&backend, "keepalive 4; keepalive_requests 3;", "", NEW);
    let mut client = Client::new(proxy.address);
    for _ in 0..7 {
        client.get("/");
    }
    assert_eq!(backend.connections(), 3);

    // Idle time.
    let backend = Backend::new(polite);
    let proxy = proxied(&backend, "keepalive 4; keepalive_timeout 50ms;", "", NEW);
    let mut client = Client::new(proxy.address);
    client.get("/");
    client.get("/");
    assert_eq!(backend.connections(), 1);
    std::thread::sleep(Duration::from_millis(250));
    client.get("/");
    assert_eq!(backend.connections(), 2);
}

#[test]
fn the_oldest_idle_connection_makes_room() {
    let one = Backend::new(polite);
    let two = Backend::new(polite);
    let http = format!(
        "upstream b {{ server {}; server {}; keepalive 1; }} server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://b; }} }}",
        one.address, two.address
    );
    let proxy = Proxy::new(&http, NEW);
    let mut client = Client::new(proxy.address);
    for _ in 0..6 {
        client.get("/");
    }
    // Taken in turns, each finds the other one's connection in the only place.
    assert_eq!((one.connections(), two.connections()), (3, 3));
}

#[test]
fn an_idle_connection_that_the_peer_closes_is_not_used() {
    let backend = Backend::new(|request| {
        if request.starts_with("GET /last") {
            "HTTP/1.1 200 OK\r\nX: Connection: close\r\nContent-Length: 2\r\n\r\nok".into()
        } else {
            polite(request)
        }
    });
    let proxy = proxied(&backend, "keepalive 4;", "", NEW);
    let mut client = Client::new(proxy.address);
    assert!(client.get("/last").starts_with("HTTP/1.1 200"));
    std::thread::sleep(Duration::from_millis(50));
    assert!(client.get("/").starts_with("HTTP/1.1 200"));
    assert_eq!(backend.connections(), 2);
    assert!(!proxy.log("error.log").contains("prematurely"), "{}", proxy.log("error.log"));
}

#[test]
fn the_next_upstream_is_tried_and_logged() {
    let backend = Backend::new(polite);
    let gone = port::free();
    let http = format!(
        "log_format t '$status $upstream_status $upstream_addr'; access_log logs/access.log t;
         upstream b {{ server {gone}; server {}; }} upstream none {{ server {gone}; }}
         server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://b; }} location /none {{ proxy_pass http://none; }} }}",
        backend.address
    );
    let proxy = Proxy::new(&http, NEW);
    let mut client = Client::new(proxy.address);
    assert!(client.get("/").starts_with("HTTP/1.1 200"));
    assert!(client.get("/none").starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    let expected = format!("200 502, 200 {gone}, {}\n502 502 {gone}\n", backend.address);
    eventually("access log", || proxy.log("access.log") == expected);
    let log = proxy.log("error.log");
    assert!(log.contains("connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: , request: \"GET / HTTP/1.1\", upstream: \"http://"), "{log}");
}

#[test]
fn a_silent_upstream_is_504() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let http = format!(
        "server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://{}; proxy_read_timeout 50ms; }} }}",
        silent.local_addr().unwrap()
    );
    let proxy = Proxy::new(&http, NEW);
    assert!(Client::new(proxy.address).get("/").starts_with("HTTP/1.1 504 Gateway Time-out\r\n"));
    assert!(proxy.log("error.log").contains(
        "upstream timed out (110: Connection timed out) while reading response header from upstream"
    ));
}

#[test]
fn bodies_are_passed_on() {
    let backend = Backend::new(polite);
    let proxy = proxied(&backend, "", "", NEW);
    let big = "x".repeat(200_000);
    for (headers, body) in [
        ("Content-Length: 5".to_owned(), "hello".to_owned()),
        ("Transfer-Encoding: chunked".to_owned(), "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n".to_owned()),
        (format!("Content-Length: {}", big.len()), big.clone()),
    ] {
        let mut client = Client::new(proxy.address);
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n{body}"));
        assert!(client.response().starts_with("HTTP/1.1 200"));
        // The connection is in step.
        assert!(client.get("/").starts_with("HTTP/1.1 200"));
    }
    let requests = backend.requests();
    for (request, body) in [(&requests[0].1, "hello"), (&requests[2].1, "hello"), (&requests[4].1, &big[..])]
    {
        assert!(request.contains(&format!("Content-Length: {}\r\n", body.len())) && request.ends_with(body));
        assert!(!request.contains("chunked"));
    }
    let mut client = Client::new(proxy.address);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.response(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    assert!(client.response().starts_with("HTTP/1.1 200"));
}

#[test]
fn too_large_bodies_are_413() {
    let backend = Backend::new(polite);
    let proxy = proxied(&backend, "", "client_max_body_size 10;", NEW);
    for (headers, body) in [
        ("Content-Length: 11", "01234567890"),
        ("Transfer-Encoding: chunked", "b\r\n01234567890\r\n0\r\n\r\n"),
    ] {
        let response = once(proxy.address, &format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n{body}"));
        assert!(response.starts_with("HTTP/1.1 413 Request Entity Too Large\r\n"), "{response}");
    }
    assert_eq!(backend.connections(), 0);
}

#[test]
fn responses_are_framed_for_the_client() {
    let backend = Backend::new(|request| match request.split(' ').nth(1).unwrap_or_default() {
        "/chunked" => {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".into()
        }
        "/close" => "HTTP/1.0 200 OK\r\nX: Connection: close\r\n\r\nuntil the end".into(),
        _ => {
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nKeep-Alive: x\r\nServer: y\r\n\r\n".to_owned()
                + if request.starts_with("HEAD") { "" } else { "abc" }
        }
    });
    let proxy = proxied(&backend, "", "", NEW);
    for (request, ends_with, has, has_not) in [
        (
            "GET /chunked HTTP/1.1",
            "\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked",
            "Content-Length",
        ),
        ("GET /chunked HTTP/1.0", "\r\n\r\nabcde", "Connection: close", "Transfer-Encoding"),
        ("GET /close HTTP/1.0", "\r\n\r\nuntil the end", "Connection: close", "Content-Length"),
        ("GET /close HTTP/1.1", "until the end\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length"),
        ("HEAD / HTTP/1.1", "\r\n\r\n", "Content-Length: 3", "Keep-Alive"),
        ("GET / HTTP/1.1", "\r\n\r\nabc", "Server: nginx/1.31.5", "Server: y"),
    ] {
        let response = once(proxy.address, &format!("{request}\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert!(
            response.ends_with(ends_with) && response.contains(has) && !response.contains(has_not),
            "{request}: {response}"
        );
    }
}

#[test]
fn large_responses_arrive_whole() {
    let body = "0123456789".repeat(100_000);
    let length = body.len();
    let backend = Backend::new(move |_| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"));
    let proxy = proxied(&backend, "", "", NEW);
    let mut client = Client::new(proxy.address);
    for _ in 0..3 {
        let response = client.get("/");
        assert!(response.ends_with("0123456789") && response.len() > length);
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn answers_of_the_configuration() {
    let proxy = Proxy::new(
        "server { listen 127.0.0.1:9; server_name a.test; default_type text/plain;
           location /text { return 200 \"$uri $arg_q\"; }
           location /to { return 301 /other; }
           location /abs { return 302 http://x.test/; }
           location /gone { return 410; }
           location = /exact { return 204; }
           location /drop { return 444; }
           location ~ ^/re/(.*)$ { return 200 $1; } }
         server { listen 127.0.0.1:9; server_name b.test; location / { return 200 b; } }",
        NEW,
    );
    let port = proxy.address.port();
    for (path, host, starts, contains) in [
        ("/text%20x?q=1", "a.test", "HTTP/1.1 200 OK\r\n", "\r\n\r\n/text x 1".to_owned()),
        (
            "/to",
            "a.test",
            "HTTP/1.1 301 Moved Permanently\r\n",
            format!("Location: http://a.test:{port}/other\r\n"),
        ),
        ("/abs", "a.test", "HTTP/1.1 302 Moved Temporarily\r\n", "Location: http://x.test/\r\n".to_owned()),
        ("/gone", "a.test", "HTTP/1.1 410 Gone\r\n", "<center>nginx/1.31.5</center>\r\n".to_owned()),
        ("/exact", "a.test", "HTTP/1.1 204 No Content\r\n", "Connection: close\r\n\r\n".to_owned()),
        ("/re/abc", "a.test", "HTTP/1.1 200 OK\r\n", "\r\n\r\nabc".to_owned()),
        ("/text", "b.test", "HTTP/1.1 200 OK\r\n", "\r\n\r\nb".to_owned()),
    ] {
        let response =
            once(proxy.address, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        assert!(response.starts_with(starts) && response.contains(&contains), "{path}: {response}");
    }
    assert_eq!(once(proxy.address, "GET /drop HTTP/1.1\r\nHost: a.test\r\n\r\n"), "");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::new(polite);
    let b = backend.address;
    let proxy = Proxy::new(
        &format!(
            "server {{ listen 127.0.0.1:9; location / {{ return 200 $uri; }} location /p {{ proxy_pass http://{b}; }} }}"
        ),
        NEW,
    );
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut client = Client::new(proxy.address);
    client.send(&["/a", "/p", "/b", "/p", "/c"].map(one).concat());
    for body in ["/a", "ok", "/b", "ok", "/c"] {
        let response = client.response();
        assert!(response.ends_with(&format!("\r\n\r\n{body}")), "{response}");
    }
}

#[test]
fn malformed_requests_are_refused_and_never_passed_on() {
    let backend = Backend::new(polite);
    let proxy = proxied(&backend, "", "", NEW);
    let long = "a".repeat(9000);
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(), 505),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
        ("GET /../a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n".to_owned(), 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_owned(),
            400,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc".to_owned(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc".to_owned(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n".to_owned(), 501),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"
                .to_owned(),
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"
                .to_owned(),
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n".to_owned(),
            400,
        ),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(1001)), 400),
    ] {
        let response = once(proxy.address, &request);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{request:.80?}: {response:.80}");
        assert_eq!(response.matches("HTTP/1.1").count(), 1, "{request:.80?}");
        assert!(response.contains("Connection: close\r\n"), "{request:.80?}");
    }
    assert_eq!(backend.connections(), 0);
}

#[test]
fn client_connections_are_kept_as_long_as_said() {
    let proxy = Proxy::new(
        "server { listen 127.0.0.1:9; keepalive_requests 2; keepalive_timeout 100ms; location / { return 200 x; } }",
        NEW,
    );
    let mut client = Client::new(proxy.address);
    assert!(client.get("/").contains("Connection: keep-alive\r\n"));
    assert!(client.get("/").contains("Connection: close\r\n"));
    assert_eq!(client.rest(), "");
    let mut client = Client::new(proxy.address);
    client.get("/");
    let begun = Instant::now();
    assert_eq!(client.rest(), "");
    assert!(begun.elapsed() >= Duration::from_millis(80));
}

#[test]
fn graceful_stop_answers_what_is_under_way() {
    let backend = Backend::new(|request| {
        std::thread::sleep(Duration::from_millis(200));
        polite(request)
    });
    let mut proxy = proxied(&backend, "", "", NEW);
    let mut idle = Client::new(proxy.address);
    idle.get("/");
    let mut busy = Client::new(proxy.address);
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    std::thread::sleep(Duration::from_millis(50));
    let (address, running) = (proxy.address, proxy.running.take().unwrap());
    let begun = Instant::now();
    running.stop(Stop::Graceful);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(idle.rest(), "");
    let response = busy.rest();
    assert!(response.starts_with("HTTP/1.1 200") && response.contains("Connection: close\r\n"), "{response}");
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn what_cannot_be_had_is_said_at_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config_text = format!("server {{ listen {address}; location / {{ return 200 x; }} }}");
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("logs")).unwrap();
    let options = RunOptions { prefix: directory.path().to_owned(), ..RunOptions::default() };
    let Err(StartError::Failed { message, span }) = start(config(&config_text, NEW), &options) else {
        panic!()
    };
    assert_eq!(message, format!("bind() to {address} failed (98: Address already in use)"));
    assert!(span.is_some());

    let refused = unsupported(&config(
        "server { listen 1; location / { return 200 $geoip_city; } location /f { dav_methods PUT; } }",
        NEW,
    ));
    let names: Vec<_> = refused.iter().map(|u| u.what.as_str()).collect();
    assert_eq!(names, ["dav_methods", "the variable `$geoip_city`"]);
}
