//! SCGI and uwsgi: the bytes that a peer gets and the answers that a client gets are those of a real nginx.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::common::http::once;
use crate::common::server::{Server, programs};

/// The requests that a peer got, each up to the end of its body, and the client's answers.
fn seen(server: &Server, peer: &TcpListener, answers: &[&str]) -> (Vec<Vec<u8>>, Vec<String>) {
    let (mut requests, mut responses) = (Vec::new(), Vec::new());
    for answer in answers {
        std::thread::scope(|scope| {
            let got = scope.spawn(|| {
                let (mut stream, _) = peer.accept().unwrap();
                let mut got = Vec::new();
                let mut byte = [0];
                while !got.ends_with(b"END") && stream.read(&mut byte).unwrap() > 0 {
                    got.push(byte[0]);
                }
                stream.write_all(answer.as_bytes()).unwrap();
                got
            });
            let request = "POST /a?x=1 HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nCookie: a=b\r\nConnection: close\r\n\
                           Content-Length: 7\r\n\r\nbodyEND";
            let response = once(server.address, request);
            let is_own = |line: &&str| line.starts_with("Server: ") || line.starts_with("Date: ");
            let lines = response.split("\r\n").filter(|line| !is_own(line));
            // Pages end with the name of the server's version.
            let page = if response.contains("<html>") { "page" } else { "" };
            let lines: Vec<_> = lines.take_while(|line| !line.contains("<html>")).collect();
            let lines =
                lines.into_iter().filter(|line| page.is_empty() || !line.starts_with("Content-Length"));
            responses.push(lines.collect::<Vec<_>>().join("\n") + page);
            requests.push(got.join().unwrap());
        });
    }
    (requests, responses)
}

const ANSWERS: &[&str] = &[
    "Status: 404 Gone\r\nX: y\r\n\r\nbody",
    "HTTP/1.1 201 Made\r\nX: y\r\n\r\nbody",
    "Content-Length: 4\r\nX: y\r\n\r\nbody and more",
    "Content-Type: text/plain\r\nLocation: /x\r\n\r\n",
    "H: value\r\n\r\n",
    "this is no head\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
];

#[test]
fn peers_and_clients_see_what_nginx_shows_them() {
    for (name, more) in
        [("scgi", ""), ("uwsgi", "uwsgi_modifier1 5; uwsgi_modifier2 6; uwsgi_string \"more of it\";")]
    {
        let mut all = Vec::new();
        for program in programs() {
            let peer = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = peer.local_addr().unwrap();
            let http = format!(
                "access_log off; server {{ listen LISTEN; location / {{ {name}_pass {address}; {more}\n\
                 {name}_param HTTP_HOST $host; {name}_param METHOD $request_method;\n\
                 {name}_param NONE $arg_none if_not_empty; {name}_param EMPTY $arg_none;\n\
                 {name}_param X $arg_x; }} }}"
            );
            let server = Server::start(program, "user root; worker_processes 1; events {}", &http);
            all.push(seen(&server, &peer, ANSWERS));
        }
        assert!(all[0].1[1].starts_with("HTTP/1.1 201 Made\n"), "{:?}", all[0].1);
        assert!(all[0].1[5].starts_with("HTTP/1.1 502 "), "{:?}", all[0].1);
        for (got, expected) in all[0].0.iter().zip(&all[all.len() - 1].0) {
            assert_eq!(String::from_utf8_lossy(got), String::from_utf8_lossy(expected), "{name}");
        }
        assert_eq!(all[0].1, all[all.len() - 1].1, "{name}");
    }
}
