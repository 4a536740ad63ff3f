//! Bodies and trailers of a peer on their way to the client: `gunzip` and `proxy_pass_trailers`.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::io::Write;

use crate::common::http::{Backend, once};
use crate::common::proxy::Proxy;

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A peer whose files are all compressed.
fn peer(files: &[(&str, &[u8])]) -> Proxy {
    let peer = Proxy::new("server { listen 127.0.0.1:9; gzip_static always; }");
    for (name, content) in files {
        std::fs::write(peer.directory.path().join(format!("{name}.gz")), content).unwrap();
    }
    peer
}

fn get(server: &Proxy, uri: &str, headers: &str) -> (String, String) {
    let request = format!("GET {uri} HTTP/1.0\r\nHost: a\r\n{headers}\r\n");
    let answer = once(server.address, &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn who_takes_no_gzip_gets_the_plain_body() {
    let text = "0123456789abcdef".repeat(10_000);
    let peer = peer(&[("t", &compressed(text.as_bytes())), ("e", &compressed(b""))]);
    let address = peer.address;
    let server = Proxy::new(&format!(
        "gunzip on; gzip_vary on; proxy_buffer_size 4k;
         server {{ listen 127.0.0.1:9;
           location / {{ proxy_pass http://{address}; }}
           location /sub/ {{ sub_filter 0123 <>; sub_filter_types *; proxy_pass http://{address}/; }}
           location /again/ {{ gzip on; gzip_http_version 1.0; gzip_types *; proxy_pass http://{address}/; }}
           location /says {{ add_header Content-Encoding gzip; return 200 plain; }}
           location /zips {{ gzip on; gzip_min_length 0; gzip_http_version 1.0; gzip_types *;
             add_header Content-Encoding x; return 200 plain; }}
           location /off/ {{ gunzip off; proxy_pass http://{address}/; }} }}"
    ));
    let (head, body) = get(&server, "/t", "");
    assert!(body == text, "{head}\n{} bytes", body.len());
    for gone in ["Content-Encoding", "Content-Length", "Accept-Ranges"] {
        assert!(!head.contains(gone), "{head}");
    }
    assert!(head.contains("Vary: Accept-Encoding") && head.contains("ETag: W/\""), "{head}");
    assert!(head.contains("Last-Modified: "), "{head}");
    assert_eq!(get(&server, "/e", "").1, "");

    let (head, body) = get(&server, "/t", "Accept-Encoding: gzip\r\n");
    assert_eq!(body, text, "gzip for HTTP/1.1 only");
    assert!(!head.contains("Content-Encoding"), "{head}");
    let wanted = "GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n";
    let answer = once(server.address, wanted);
    assert!(answer.contains("Content-Encoding: gzip") && answer.contains("Content-Length: "), "{answer:?}");
    assert!(get(&server, "/off/t", "").0.contains("Content-Encoding: gzip"));
    // Headers that the configuration adds are headers like others, to both filters.
    let (head, body) = get(&server, "/says", "Accept-Encoding: gzip\r\n");
    assert_eq!((head.matches("Content-Encoding: gzip").count(), body.as_str()), (1, "plain"), "{head}");
    let (head, _) = get(&server, "/zips", "Accept-Encoding: gzip\r\n");
    assert!(head.contains("Content-Encoding: x\r\n") && head.contains("Content-Encoding: gzip"), "{head}");
    // The other filters see plain text.
    assert_eq!(get(&server, "/sub/t", "").1, format!("<>{}", &text[4..]));
    let (head, body) = get(&server, "/again/t", "");
    assert!(!head.contains("Content-Encoding") && body == text, "{head}");

    let head = once(server.address, "HEAD /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK") && !head.contains("Content-Encoding"), "{head}");
    assert_eq!(server.log(), "");
}

#[test]
fn broken_data_ends_the_connection() {
    let whole = compressed("some text ".repeat(1000).as_bytes());
    let peer = peer(&[("bad", b"this is no gzip"), ("short", &whole[..whole.len() / 2])]);
    let server = Proxy::new(&format!(
        "gunzip on; server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://{}; }} }}",
        peer.address
    ));
    for (uri, logged) in
        [("/bad", "inflate() failed: 0, -3"), ("/short", "inflate() returned -5 on response end")]
    {
        let answer = once(server.address, &format!("GET {uri} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(!answer.ends_with("0\r\n\r\n"), "{uri}: {answer}");
        assert!(server.log().contains(logged), "{}", server.log());
    }
}

fn chunked(trailers: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n{trailers}\r\n"
    )
}

#[test]
fn trailers_are_passed_on() {
    let backend = Backend::new(|request| {
        chunked(match request.split(' ').nth(1) {
            Some("/two") => "X-One: 1\r\nX-Hidden: 2\r\nX-Accel-Redirect: /\r\n",
            Some("/bad") => " no name\r\n",
            Some("/long") => return chunked(&format!("X: {}\r\n", "y".repeat(5000))),
            _ => "",
        })
    });
    let address = backend.address;
    let server = Proxy::new(&format!(
        "log_format t '$upstream_trailer_x_one $upstream_trailer_x_none';
         server {{ listen 127.0.0.1:9; proxy_buffer_size 4k; proxy_hide_header X-Hidden; add_trailer X-Own own;
           location / {{ access_log t.log t; proxy_pass_trailers on; proxy_pass http://{address}; }}
           location /off/ {{ proxy_pass http://{address}/; }} }}"
    ));
    let ask = |uri: &str, version: &str| {
        let answer = once(
            server.address,
            &format!("GET {uri} HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n"),
        );
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert_eq!(ask("/two", "1.1"), "3\r\nabc\r\n0\r\nX-One: 1\r\nX-Own: own\r\n\r\n");
    assert_eq!(ask("/none", "1.1"), "3\r\nabc\r\n0\r\nX-Own: own\r\n\r\n");
    assert_eq!(ask("/off/two", "1.1"), "3\r\nabc\r\n0\r\nX-Own: own\r\n\r\n");
    assert_eq!(ask("/two", "1.0"), "abc");
    for (uri, logged) in
        [("/bad", "upstream sent invalid trailer: \"\\x20...\""), ("/long", "upstream sent too big trailers")]
    {
        let body = ask(uri, "1.1");
        assert!(!body.contains("\r\n0\r\n"), "{uri}: {body}");
        assert!(server.log().contains(logged), "{}", server.log());
    }
    let log = std::fs::read_to_string(server.directory.path().join("t.log")).unwrap();
    assert_eq!(log.lines().next(), Some("1 -"), "{log}");
}
