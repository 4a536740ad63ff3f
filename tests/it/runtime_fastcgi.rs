//! `fastcgi_pass`: what a FastCGI server gets, and what clients get of its answers; a real nginx is asked the same.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::net::SocketAddr;

use crate::common::fastcgi::{Request, Server, answer, record};
use crate::common::http::once;
use crate::common::nginx;
use crate::common::proxy::Proxy;

/// Status line and body, the lines of some headers between.
fn ask(to: SocketAddr, method: &str, uri: &str, headers: &str, body: &str) -> String {
    let request =
        format!("{method} {uri} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n{headers}\r\n{body}");
    let response = once(to, &request);
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    let body = if body.starts_with("<html>") { "page" } else { body };
    let is_shown = |line: &&str| {
        ["X-", "Location:", "Server: own", "Date: own", "Status:", "Content-Length:"]
            .iter()
            .any(|name| line.starts_with(name))
            && body != "page"
    };
    let status = head.lines().next().unwrap_or_default();
    let shown: Vec<&str> = [status].into_iter().chain(head.lines().filter(is_shown)).chain([body]).collect();
    shown.join(" | ")
}

type Case = (&'static str, &'static str, &'static str, String, &'static str);

/// The same answers from this program and, if there is one, from nginx; the log of this program.
fn check(http: impl Fn(&str) -> String, cases: &[Case]) -> String {
    let ours = Proxy::new(&http("127.0.0.1:9"));
    let real = nginx::Nginx::start(&http("PORT"));
    let mut all = vec![("ngxc", ours.address)];
    all.extend(real.iter().map(|real| ("nginx", real.address)));
    for (who, address) in all {
        for (method, uri, headers, body, expected) in cases {
            assert_eq!(ask(address, method, uri, headers, body), *expected, "{who}: {method} {uri}");
        }
    }
    ours.log()
}

#[test]
fn parameters_and_body_arrive() {
    let server = Server::new(|request| {
        let params = request.params.iter().filter(|(name, _)| name != "HTTP_HOST");
        let mut lines: Vec<String> = params.map(|(name, value)| format!("{name}={value}")).collect();
        lines.sort();
        let body = match request.stdin.len() {
            length if length > 20 => format!("{length} bytes"),
            _ => String::from_utf8(request.stdin.clone()).unwrap(),
        };
        answer(&format!("Content-Type: text/plain\r\n\r\n{} <{body}>", lines.join(" ")))
    });
    let http = |listen: &str| {
        format!(
            "fastcgi_param OUTER 1; server {{ listen {listen}; chunked_transfer_encoding off; client_body_buffer_size 64k;\n\
             location / {{ fastcgi_pass {address}; }}\n\
             location /own {{ fastcgi_param A $arg_a; fastcgi_param B $arg_b if_not_empty; fastcgi_param HTTP_X_GONE '';\n\
             fastcgi_param HTTP_X_OTHER other; fastcgi_param LONG {long}; fastcgi_pass {address}; }}\n\
             location /php {{ fastcgi_split_path_info ^(.+\\.php)(.*)$; fastcgi_index index.php;\n\
             fastcgi_param S $fastcgi_script_name; fastcgi_param P $fastcgi_path_info; fastcgi_pass {address}; }}\n\
             location /none {{ fastcgi_pass_request_headers off; fastcgi_pass_request_body off;\n\
             fastcgi_param N $content_length; fastcgi_pass {address}; }}\n\
             location /stream {{ fastcgi_request_buffering off; fastcgi_pass_request_headers off;\n\
             fastcgi_pass {address}; }}\n\
             location /variable {{ set $to {address}; fastcgi_pass_request_headers off; fastcgi_pass $to; }} }}",
            address = server.address,
            long = "x".repeat(150),
        )
    };
    let long: &'static str =
        format!("HTTP/1.1 200 OK | A=1 HTTP_CONNECTION=close HTTP_X_OTHER=other LONG={} <>", "x".repeat(150))
            .leak();
    let chunked = "Transfer-Encoding: chunked\r\n";
    let cases: Vec<Case> = vec![
        (
            "GET",
            "/",
            "x-some-Header: b\r\n",
            String::new(),
            "HTTP/1.1 200 OK | HTTP_CONNECTION=close \
             HTTP_X_SOME_HEADER=b OUTER=1 <>",
        ),
        ("GET", "/own?a=1", "X-Gone: 1\r\nX-Other: 1\r\n", String::new(), long),
        ("GET", "/php/", "", String::new(), "S=/php/index.php"),
        ("GET", "/php/a.php/b/c", "", String::new(), "P=/b/c S=/php/a.php"),
        ("POST", "/none", "Content-Length: 4\r\n", "body".to_owned(), "HTTP/1.1 200 OK | N=4 <>"),
        ("POST", "/stream", "Content-Length: 4\r\n", "body".to_owned(), "<body>"),
        ("POST", "/stream", "Content-Length: 90000\r\n", "b".repeat(90_000), "<90000 bytes>"),
        ("POST", "/stream", chunked, "4\r\nbody\r\n0\r\n\r\n".to_owned(), "<body>"),
        ("POST", "/variable", "Content-Length: 40000\r\n", "b".repeat(40_000), "<40000 bytes>"),
        // As large as no buffer: in a file.
        ("POST", "/variable", "Content-Length: 200001\r\n", "b".repeat(200_001), "<200001 bytes>"),
        ("POST", "/variable", chunked, "4\r\nbody\r\n0\r\n\r\n".to_owned(), "<body>"),
    ];
    let ours = Proxy::new(&http("127.0.0.1:9"));
    let real = nginx::Nginx::start(&http("PORT"));
    for (who, to) in [("ngxc", Some(ours.address)), ("nginx", real.as_ref().map(|real| real.address))] {
        let Some(to) = to else { continue };
        for (method, uri, headers, body, expected) in &cases {
            let found = ask(to, method, uri, headers, body);
            // Whole, or what it has to have.
            let is_right =
                if expected.starts_with("HTTP/") { found == *expected } else { found.contains(expected) };
            assert!(is_right, "{who}: {method} {uri}: {found}");
        }
    }
}

#[test]
fn headers_of_one_name_are_one_parameter() {
    let server = Server::new(|request| {
        let is_shown =
            |name: &str| name.starts_with("HTTP_X") || name == "HTTP_COOKIE" || name == "HTTP_HOST";
        let found = request.params.iter().filter(|(name, _)| is_shown(name));
        let found: Vec<String> = found.map(|(name, value)| format!("{name}={value}")).collect();
        answer(&format!("\r\n{}", found.join(" ")))
    });
    let ours = Proxy::new(&format!(
        "server {{ listen 127.0.0.1:9; chunked_transfer_encoding off; location / {{ fastcgi_pass {}; }} }}",
        server.address
    ));
    let headers = "X-A: 1\r\nCookie: a\r\nx-a: 2\r\nCookie: b\r\n";
    let found = ask(ours.address, "GET", "/", headers, "");
    assert!(found.ends_with("| HTTP_HOST=a.test HTTP_X_A=1, 2 HTTP_COOKIE=a; b"), "{found}");
    // More than a record holds.
    let long = format!("X-Long: {}\r\n", "x".repeat(7000)).repeat(3);
    let many = Proxy::new(&format!(
        "large_client_header_buffers 16 8k; server {{ listen 127.0.0.1:9; chunked_transfer_encoding off; location / {{ fastcgi_pass {};\n\
         fastcgi_param A $http_x_long$http_x_long$http_x_long$http_x_long; }} }}",
        server.address
    ));
    assert!(ask(many.address, "GET", "/", &long, "").starts_with("HTTP/1.1 500"));
    assert!(many.log().contains("fastcgi request record is too big: "), "{}", many.log());
}

/// Answers of all kinds: what the client says, or what the script's name stands for.
fn odd(request: &Request) -> Vec<u8> {
    let says = |name: &str| request.param(name).unwrap_or_default().to_owned();
    let said = says("HTTP_X_SAY").replace(" / ", "\r\n");
    match says("U").as_str() {
        // The head in three records, one of them in the middle of a line.
        "/split" => [
            record(6, b"Status: 203 Oth"),
            record(7, b"a warning\n"),
            record(6, b"er\r\nX-A"),
            record(6, b": b\r\n\r\nbo"),
            record(6, b"dy"),
            record(6, b""),
            record(3, &[0; 8]),
        ]
        .concat(),
        "/large" => {
            let body = vec![b'x'; 60_000];
            let head = record(6, b"Content-Length: 300000\r\n\r\n");
            [head, record(6, &body).repeat(5), record(6, b""), record(3, &[0; 8])].concat()
        }
        "/nothing" => [record(6, b""), record(3, &[0; 8])].concat(),
        "/end" => record(3, &[0; 8]),
        "/garbage" => b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        "/padded" => {
            let mut padded = vec![1, 6, 0, 1, 0, 6, 4, 0];
            padded.extend_from_slice(b"\r\nbodyPPPP");
            [padded, record(3, &[0; 8])].concat()
        }
        _ => answer(&format!("{said}\r\n\r\nbody")),
    }
}

#[test]
fn answers_are_understood() {
    let server = Server::new(odd);
    let http = |listen: &str| {
        format!(
            "fastcgi_param U $uri; server {{ listen {listen}; chunked_transfer_encoding off; location / {{ fastcgi_pass {address}; }}\n\
             location /hides {{ fastcgi_hide_header X-A; fastcgi_pass_header X-Accel-Expires; fastcgi_pass {address}; }}\n\
             location /unbuffered {{ fastcgi_buffering off; fastcgi_pass {address}; }}\n\
             location /intercepts {{ fastcgi_intercept_errors on; error_page 404 =200 /page; fastcgi_pass {address}; }}\n\
             location /page {{ return 200 mine; }} }}",
            address = server.address,
        )
    };
    let large: &'static str =
        format!("HTTP/1.1 200 OK | Content-Length: 300000 | {}", "x".repeat(300_000)).leak();
    let chunked = "HTTP/1.1 200 OK | body";
    let bad = "HTTP/1.1 502 Bad Gateway | page";
    let none = String::new;
    let cases: Vec<Case> = vec![
        ("GET", "/", "X-Say: A: b\r\n", none(), chunked),
        (
            "GET",
            "/",
            "X-Say: Status: 404 Not Here / X-A: b\r\n",
            none(),
            "HTTP/1.1 404 Not Here | X-A: b | body",
        ),
        (
            "GET",
            "/",
            "X-Say: Location: http://b/\r\n",
            none(),
            "HTTP/1.1 302 Moved Temporarily | Location: http://b/ | body",
        ),
        ("GET", "/", "X-Say: Status: bad\r\n", none(), bad),
        (
            "GET",
            "/",
            "X-Say: Server: own / Date: own / X-Accel-Expires: 0\r\n",
            none(),
            "HTTP/1.1 200 OK | Server: own | Date: own | body",
        ),
        (
            "GET",
            "/hides",
            "X-Say: X-A: b / X-Accel-Expires: 0\r\n",
            none(),
            "HTTP/1.1 200 OK | X-Accel-Expires: 0 | body",
        ),
        ("GET", "/", "X-Say: Content-Length: 2\r\n", none(), "HTTP/1.1 200 OK | Content-Length: 2 | bo"),
        ("GET", "/", "X-Say: Content-Length: 9\r\n", none(), "HTTP/1.1 200 OK | Content-Length: 9 | body"),
        ("HEAD", "/", "X-Say: Content-Length: 4\r\n", none(), "HTTP/1.1 200 OK | Content-Length: 4 | "),
        (
            "GET",
            "/",
            "X-Say: X-Accel-Redirect: /page\r\n",
            none(),
            "HTTP/1.1 200 OK | Content-Length: 4 | mine",
        ),
        (
            "GET",
            "/intercepts",
            "X-Say: Status: 404\r\n",
            none(),
            "HTTP/1.1 200 OK | Content-Length: 4 | mine",
        ),
        ("GET", "/split", "", none(), "HTTP/1.1 203 Other | X-A: b | body"),
        ("GET", "/padded", "", none(), chunked),
        ("GET", "/unbuffered", "X-Say: A: b\r\n", none(), chunked),
        ("GET", "/large", "", none(), large),
        ("GET", "/nothing", "", none(), bad),
        ("GET", "/end", "", none(), bad),
        ("GET", "/garbage", "", none(), bad),
    ];
    // Versions before 1.25.3 leave the reason out.
    let ours = Proxy::new(&http("127.0.0.1:9"));
    let found = ask(ours.address, "GET", "/", "X-Say: Status: 503\r\n", "");
    assert_eq!(found, "HTTP/1.1 503 Service Temporarily Unavailable | body");
    let log = check(http, &cases);
    let upstream = format!("upstream: \"fastcgi://{}\"", server.address);
    for message in [
        "FastCGI sent in stderr: \"a warning\" while reading response header from upstream",
        "upstream sent invalid status \"bad\" while reading response header from upstream",
        "upstream sent more data than specified in \"Content-Length\" header while reading upstream",
        "upstream prematurely closed FastCGI stdout while reading upstream",
        "upstream prematurely closed FastCGI stdout while reading response header from upstream",
        "upstream sent unexpected FastCGI record: 3 while reading response header from upstream",
        "upstream sent unsupported FastCGI protocol version: 72 while reading response header from upstream",
        &upstream,
    ] {
        assert!(log.contains(message), "{message}\n{log}");
    }
}

/// Connections are kept if both the upstream and the server are asked to.
#[test]
fn connections_are_kept() {
    let server = Server::new(|request| answer(&format!("\r\n{}", u8::from(request.keep_conn))));
    let http = |listen: &str| {
        format!(
            "upstream u {{ server {address}; keepalive 2; }} server {{ listen {listen}; chunked_transfer_encoding off;\n\
             location / {{ fastcgi_keep_conn on; fastcgi_pass u; }} location /closes {{ fastcgi_pass u; }} }}",
            address = server.address,
        )
    };
    let kept = "HTTP/1.1 200 OK | 1";
    let closed = "HTTP/1.1 200 OK | 0";
    let case = |uri, expected| ("GET", uri, "", String::new(), expected);
    check(http, &[case("/", kept), case("/", kept), case("/", kept)]);
    let kept_by = if nginx::program().is_some() { 2 } else { 1 };
    assert_eq!(server.connections(), kept_by);
    check(http, &[case("/closes", closed), case("/closes", closed)]);
    assert_eq!(server.connections(), kept_by + 2 * kept_by);
}

/// Another server is asked if one fails, or says in its error stream what is not to be said.
#[test]
fn another_server_is_asked() {
    let bad = Server::new(|request| match request.param("U") {
        Some("/says") => [record(7, b"PHP Fatal error: x."), answer("\r\nbad")].concat(),
        _ => record(3, &[0; 8]),
    });
    let good = Server::new(|_| answer("\r\ngood"));
    let http = |listen: &str| {
        format!(
            "upstream u {{ server {}; server {} backup; }} server {{ listen {listen}; chunked_transfer_encoding off; fastcgi_param U $uri;\n\
             fastcgi_catch_stderr 'PHP Fatal error'; fastcgi_next_upstream error timeout invalid_header;\n\
             location / {{ fastcgi_pass u; }} }}",
            bad.address, good.address
        )
    };
    let expected = "HTTP/1.1 200 OK | good";
    for uri in ["/says", "/fails"] {
        let log = check(http, &[("GET", uri, "", String::new(), expected)]);
        let stderr = "FastCGI sent in stderr: \"PHP Fatal error: x\"";
        assert_eq!(log.contains(stderr), uri == "/says", "{log}");
    }
}

/// `fastcgi_cache`: kept, asked with no condition of the client's, and renewed.
#[test]
fn answers_are_kept() {
    let server = Server::new(|request| {
        let condition = request.param("HTTP_IF_NONE_MATCH").unwrap_or_default();
        let length = request.param("HTTP_RANGE").unwrap_or_default();
        let body = format!("<{condition}{length}>");
        let length = body.len();
        answer(&format!(
            "Accept-Ranges: bytes\r\nCache-Control: max-age=100\r\nContent-Length: {length}\r\nETag: \"e\"\r\n\r\n{body}"
        ))
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    let http = |listen: &str| {
        let name = if listen == "PORT" { "real" } else { "ours" };
        format!(
            "fastcgi_cache_path {path}/{name} keys_zone=z:1m; server {{ listen {listen}; chunked_transfer_encoding off;\n\
             add_header X-Cache $upstream_cache_status; add_header X-Tag $upstream_http_etag;\n\
             location / {{ fastcgi_cache z; fastcgi_cache_key $uri; fastcgi_pass {address}; }} }}",
            address = server.address,
        )
    };
    let condition = "If-None-Match: \"f\"\r\nRange: bytes=0-9\r\n";
    let cases: Vec<Case> = vec![
        (
            "GET",
            "/a",
            "If-None-Match: \"f\"\r\n",
            String::new(),
            "HTTP/1.1 200 OK | Content-Length: 2 | X-Cache: MISS | X-Tag: \"e\" | <>",
        ),
        (
            "GET",
            "/a",
            "",
            String::new(),
            "HTTP/1.1 200 OK | Content-Length: 2 | X-Cache: HIT | X-Tag: \"e\" | <>",
        ),
        (
            "GET",
            "/a",
            condition,
            String::new(),
            "HTTP/1.1 206 Partial Content | Content-Length: 2 | X-Cache: HIT | X-Tag: \"e\" | <>",
        ),
    ];
    check(http, &cases);
}
