//! Responses are read ahead of slow clients, as nginx reads them: the peer is free as soon as it has sent its response, and
//! the client still gets all of it. Each server is asked the same: this program, and a real nginx.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::common::server::{Server, eventually, programs};

/// Longer than what the sockets between a peer and a client hold.
const BIG: usize = 12 << 20;
const MAIN: &str = "user root; worker_processes 1; events {}";

fn body() -> Vec<u8> {
    (0..BIG / 8).flat_map(|n| format!("{n:07x}\n").into_bytes()).collect()
}

/// A peer and the number of its connections. It serves one connection at a time, as one PHP process does, unless it keeps
/// its connections.
fn peer(head: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        let big = Arc::new(body());
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let (stream, big) = (stream.unwrap(), Arc::clone(&big));
            if head.contains("keep-alive") {
                std::thread::spawn(move || serve(stream, head, &big));
            } else {
                serve(stream, head, &big);
            }
        }
    });
    (address, count)
}

fn serve(mut stream: TcpStream, head: &str, big: &[u8]) {
    while let Some(request) = request(&mut stream) {
        let body = if request.contains("/big") { big } else { b"small" };
        let text = head.replace("LENGTH", &body.len().to_string());
        let sent = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(body));
        if sent.is_err() || !head.contains("keep-alive") {
            break;
        }
    }
}

fn request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        text.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// A client with a small window, which has asked and reads nothing yet.
fn slow(to: SocketAddr, uri: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {uri} HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    stream
}

fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let start = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    all.split_off(start)
}

const CLOSES: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
const COUNTS: &str = "HTTP/1.1 200 OK\r\nContent-Length: LENGTH\r\nConnection: close\r\n\r\n";
const KEEPS: &str = "HTTP/1.1 200 OK\r\nContent-Length: LENGTH\r\nConnection: keep-alive\r\n\r\n";

/// Settings of the location, the head of the peer's response, and the number of files that the warning names.
const CASES: &[(&str, &str, usize)] = &[
    ("", CLOSES, 1),
    ("", COUNTS, 1),
    ("proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k; limit_rate 100m;", CLOSES, 1),
    ("sub_filter nothing something; sub_filter_types *;", COUNTS, 1),
    // The copy for the cache is the file.
    ("proxy_cache z; proxy_cache_valid 1m;", COUNTS, 0),
];

#[test]
fn the_peer_is_free_however_slow_the_client_is() {
    let body = body();
    for (settings, head, files) in CASES {
        for program in programs() {
            let (peer, _) = peer(head);
            let server = Server::start(
                program,
                MAIN,
                &format!(
                    "access_log off; proxy_cache_path DIR/cache keys_zone=z:1m;\n\
                     server {{ listen LISTEN; location / {{ proxy_pass http://{peer}; {settings} }} }}"
                ),
            );
            let waiting = slow(server.address, "/big");
            // Answered only when the peer has got rid of the other response.
            assert_eq!(server.get("/small"), 200, "{settings}: {}", server.log());
            assert!(rest(waiting) == body, "{settings}");
            let text = "an upstream response is buffered to a temporary file";
            eventually("the log has the warning", || server.log().matches(text).count() == *files);
            let name = server.at("proxy").display().to_string();
            assert!(*files == 0 || server.log().contains(&format!("{text} {name}/0000000001 while")));
        }
    }
}

/// A TLS record that was encrypted waits for the client, while its bytes go to the temporary file with the rest.
#[test]
fn a_slow_client_gets_all_of_it_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let (config, body) = (Arc::new(config), body());
    for program in programs() {
        let (peer, _) = peer(COUNTS);
        let server = Server::start(
            program,
            MAIN,
            &format!(
                "access_log off; server {{ listen LISTEN ssl; ssl_certificate {0}/certificate.pem;\n\
                 ssl_certificate_key {0}/key.pem; location / {{ proxy_pass http://{peer}; }} }}",
                directory.path().display()
            ),
        );
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&server.address.into()).unwrap();
        let name = rustls::pki_types::ServerName::try_from("a.test").unwrap();
        let connection = rustls::ClientConnection::new(Arc::clone(&config), name).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, TcpStream::from(socket));
        stream.write_all(b"GET /big HTTP/1.0\r\nHost: a.test\r\n\r\n").unwrap();
        let text = "an upstream response is buffered to a temporary file";
        eventually("the log has the warning", || server.log().contains(text));
        let mut all = Vec::new();
        // nginx closes the connection without a word of TLS, as HTTP/1.0 allows.
        let _ = stream.read_to_end(&mut all);
        let start = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert!(all[start..] == body, "{} of {} bytes", all.len() - start, body.len());
    }
}

#[test]
fn the_connection_is_used_again_while_the_client_waits() {
    for program in programs() {
        let (peer, connections) = peer(KEEPS);
        let http = format!(
            "upstream u {{ server {peer}; keepalive 4; }} access_log off;\n\
             server {{ listen LISTEN; location / {{ proxy_pass http://u; proxy_http_version 1.1;\n\
             proxy_set_header Connection ''; }} }}"
        );
        let server = Server::start(program, MAIN, &http);
        let waiting = slow(server.address, "/big");
        eventually("the peer is asked", || connections.load(Ordering::SeqCst) == 1);
        eventually("its connection is used again", || {
            let before = connections.load(Ordering::SeqCst);
            assert_eq!(server.get("/small"), 200);
            connections.load(Ordering::SeqCst) == before
        });
        assert!(rest(waiting) == body());
    }
}

#[test]
fn without_buffering_the_client_holds_the_peer() {
    for (settings, head) in [
        ("proxy_buffering off;", CLOSES),
        ("proxy_max_temp_file_size 0;", CLOSES),
        ("", "HTTP/1.1 200 OK\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n"),
    ] {
        for program in programs() {
            let (peer, connections) = peer(head);
            let http = format!(
                "access_log off; server {{ listen LISTEN; location / {{ proxy_pass http://{peer}; {settings} }} }}"
            );
            let server = Server::start(program, MAIN, &http);
            let waiting = slow(server.address, "/big");
            eventually("the peer is asked", || connections.load(Ordering::SeqCst) == 1);
            let mut second = slow(server.address, "/small");
            second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            assert!(second.read(&mut [0]).is_err(), "{settings}");
            assert!(rest(waiting) == body(), "{settings}");
            second.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            assert_eq!(rest(second), b"small");
            assert!(!server.log().contains("buffered to a temporary file"), "{settings}");
        }
    }
}

#[test]
fn a_body_whose_chunks_are_here_has_a_length() {
    for program in programs() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = listener.local_addr().unwrap();
        let http = format!(
            "access_log off; server {{ listen LISTEN; location / {{ proxy_pass http://{peer};\n\
             proxy_http_version 1.1; proxy_request_buffering off; }} }}"
        );
        let server = Server::start(program, MAIN, &http);
        for (first, second, expected) in [
            ("3\r\nabc\r\n0\r\n\r\n", "", "Content-Length: 3"),
            ("3\r\nabc\r\n", "0\r\n\r\n", "Transfer-Encoding: chunked"),
        ] {
            let mut client = TcpStream::connect(server.address).unwrap();
            write!(client, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{first}")
                .unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            let head = request(&mut stream).unwrap();
            assert!(head.contains(expected), "{head}");
            client.write_all(second.as_bytes()).unwrap();
            let mut got = [0; 3];
            stream.read_exact(&mut got).unwrap();
        }
    }
}

/// A stream whose window is closed holds neither the peer nor other streams of its connection.
#[test]
fn a_stalled_stream_of_http2_holds_no_peer() {
    let (peer, _) = peer(CLOSES);
    let program = programs().remove(0);
    let http = format!(
        "access_log off; server {{ listen LISTEN; http2 on; location / {{ proxy_pass http://{peer}; }} }}"
    );
    let server = Server::start(program, MAIN, &http);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = async {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(100_000).initial_connection_window_size(1 << 24);
        let (mut client, connection) = builder.handshake::<_, bytes::Bytes>(stream).await.unwrap();
        tokio::spawn(connection);
        let request = |uri: &str| h2_http::Request::get(format!("http://a{uri}")).body(()).unwrap();
        let stalled = client.send_request(request("/big"), true).unwrap().0.await.unwrap();
        let small = client.clone().ready().await.unwrap().send_request(request("/small"), true).unwrap();
        let mut small = small.0.await.unwrap().into_body();
        assert_eq!(&small.data().await.unwrap().unwrap()[..], b"small");
        let (mut big, mut got) = (stalled.into_body(), Vec::new());
        while let Some(data) = big.data().await {
            let data = data.unwrap();
            big.flow_control().release_capacity(data.len()).unwrap();
            got.extend_from_slice(&data);
        }
        assert!(got == body());
    };
    let done = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await });
    assert!(done.is_ok(), "{}", server.log());
}
