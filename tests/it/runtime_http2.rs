//! HTTP/2 towards clients, asked with h2's own client; a real nginx is asked the same.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::fmt::Write;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2_http::{Request, Response};

use crate::common::http::Backend;
use crate::common::proxy::Proxy;
use crate::common::{http, nginx};

/// Runs what has to end within some seconds.
fn within_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), work).await.unwrap() })
}

/// A connection, and what ends when it does.
async fn connect(to: SocketAddr) -> (SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    (send, tokio::spawn(connection))
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let request = Request::builder().method(method).uri(format!("http://a.test{path}"));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
}

/// Sends a request with a body, unless it is empty.
async fn send(
    client: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: &str,
) -> Result<String, h2::Error> {
    client.clone().ready().await?;
    let (response, mut out) = client.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        out.send_data(Bytes::copy_from_slice(body.as_bytes()), true)?;
    }
    shown(response.await?).await
}

/// Status, some headers, body and trailers.
async fn shown(response: Response<h2::RecvStream>) -> Result<String, h2::Error> {
    let (head, mut body) = response.into_parts();
    let mut text = head.status.as_str().to_owned();
    let known = ["connection", "x-"];
    for (name, value) in head.headers.iter().filter(|(n, _)| known.iter().any(|k| n.as_str().starts_with(k)))
    {
        write!(text, " {name}={}", value.to_str().unwrap()).unwrap();
    }
    text += " | ";
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        text += std::str::from_utf8(&data).unwrap();
    }
    if let Some(trailers) = body.trailers().await? {
        write!(text, " | {trailers:?}").unwrap();
    }
    Ok(if text.contains("<html>") { text[..3].to_owned() } else { text })
}

/// A peer that answers with the request that it got.
fn echo() -> Backend {
    Backend::new(|request| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let is_shown = |line: &&str| !line.starts_with("Host:") && !line.starts_with("Connection:");
        let head: Vec<&str> = head.lines().filter(is_shown).collect();
        let body = if body.len() > 20 { format!("{} bytes", body.len()) } else { body.to_owned() };
        let text = format!("{} <{body}>", head.join(", "));
        let text = if request.starts_with("GET /large") { "x".repeat(700_000) } else { text };
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}", text.len())
    })
}

/// Method, path, headers and body; what comes of it.
type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)], &'c str, &'c str);

#[test]
fn requests_are_answered_as_by_nginx() {
    let peer = echo();
    let http = |listen: &str| {
        format!(
            "server {{ listen {listen} http2; proxy_http_version 1.1; add_header X-Host $host;\n\
             location / {{ return 200 \"$request_method $http2 $server_protocol $http_cookie $arg_a\"; }}\n\
             location /peer {{ proxy_pass http://{address}; }}\n\
             location /large {{ proxy_pass http://{address}; }}\n\
             location /small {{ client_max_body_size 3; proxy_pass http://{address}; }}\n\
             location /stream {{ proxy_request_buffering off; proxy_pass http://{address}; }}\n\
             location /trailer {{ add_trailer X-T t; return 200 x; }}\n\
             location /closed {{ return 444; }} }}",
            address = peer.address
        )
    };
    let large = format!("200 x-host=a.test | {}", "x".repeat(700_000));
    let body = "b".repeat(200_000);
    let cases: Vec<Case<'_>> = vec![
        ("GET", "/?a=1", &[], "", "200 x-host=a.test | GET h2c HTTP/2.0  1"),
        (
            "GET",
            "/",
            &[("cookie", "a=1"), ("cookie", "b=2")],
            "",
            "200 x-host=a.test | GET h2c HTTP/2.0 a=1; b=2 ",
        ),
        ("HEAD", "/", &[], "", "200 x-host=a.test | "),
        (
            "GET",
            "/peer",
            &[("x-a", "b"), ("te", "trailers")],
            "",
            "200 x-host=a.test | GET /peer HTTP/1.1, x-a: b <>",
        ),
        (
            "POST",
            "/peer",
            &[("content-length", "4")],
            "body",
            "200 x-host=a.test | POST /peer HTTP/1.1, Content-Length: 4 <body>",
        ),
        ("POST", "/peer", &[], "body", "200 x-host=a.test | POST /peer HTTP/1.1, Content-Length: 4 <body>"),
        (
            "POST",
            "/peer",
            &[],
            &body,
            "200 x-host=a.test | POST /peer HTTP/1.1, Content-Length: 200000 <200000 bytes>",
        ),
        ("POST", "/small", &[("content-length", "4")], "body", "413"),
        ("POST", "/small", &[], "body", "413"),
        (
            "POST",
            "/stream",
            &[("content-length", "4")],
            "body",
            "200 x-host=a.test | POST /stream HTTP/1.1, Content-Length: 4 <body>",
        ),
        ("GET", "/large", &[], "", &large),
        ("GET", "/trailer", &[], "", "200 x-host=a.test | x | {\"x-t\": \"t\"}"),
        ("GET", "/closed", &[], "", "an error"),
    ];
    let check = |who: &str, to: SocketAddr| {
        within_time(async {
            // One after the other on one connection, and each on its own.
            let (mut client, _) = connect(to).await;
            for (method, path, headers, body, expected) in &cases {
                let found = send(&mut client, request(method, path, headers), body).await;
                let found = found.unwrap_or_else(|_| "an error".to_owned());
                assert_eq!(found, *expected, "{who}: {method} {path}");
            }
        });
    };
    check("ngxc", Proxy::new(&http("127.0.0.1:9")).address);
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address);
    }
}

#[test]
fn many_at_a_time() {
    let peer = Backend::new(|request| {
        std::thread::sleep(Duration::from_millis(20));
        let uri = request.split(' ').nth(1).unwrap();
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{uri}", uri.len())
    });
    let proxy = Proxy::new(&format!(
        "server {{ listen 127.0.0.1:9; http2 on; location / {{ proxy_pass http://{}; }} }}",
        peer.address
    ));
    within_time(async {
        let (mut client, _) = connect(proxy.address).await;
        // From here on the client knows how many streams it may have.
        send(&mut client, request("GET", "/", &[]), "").await.unwrap();
        let mut tasks = Vec::new();
        for i in 0..300 {
            let mut client = client.clone();
            tasks.push(tokio::spawn(async move {
                (i, send(&mut client, request("GET", &format!("/{i}"), &[]), "").await)
            }));
        }
        for task in tasks {
            let (i, answer) = task.await.unwrap();
            let uri = format!("/{i}");
            assert_eq!(answer.unwrap(), format!("200 | {uri}"));
        }
    });
    assert_eq!(peer.requests().len(), 301);
}

#[test]
fn connections_end() {
    let proxy = Proxy::new(
        "server { listen 127.0.0.1:9; http2 on; keepalive_timeout 0; location / { return 200 x; } }",
    );
    within_time(async {
        let (mut client, connection) = connect(proxy.address).await;
        let answer = send(&mut client, request("GET", "/", &[]), "").await.unwrap();
        assert_eq!(answer, "200 | x");
        // Without a fault, and soon.
        connection.await.unwrap().unwrap();
        assert!(send(&mut client, request("GET", "/", &[]), "").await.is_err());
    });
    let proxy = Proxy::new(
        "server { listen 127.0.0.1:9; http2 on; keepalive_requests 2; location / { return 200 $connection_requests; } }",
    );
    within_time(async {
        let (mut client, connection) = connect(proxy.address).await;
        for number in ["1", "2"] {
            let answer = send(&mut client, request("GET", "/", &[]), "").await.unwrap();
            assert_eq!(answer, format!("200 | {number}"));
        }
        connection.await.unwrap().unwrap();
    });
}

#[test]
fn headers_are_bounded() {
    let proxy = Proxy::new(
        "server { listen 127.0.0.1:9; http2 on; max_headers 3; large_client_header_buffers 4 1k;\n\
         location / { return 200 x; } }",
    );
    within_time(async {
        let (mut client, _) = connect(proxy.address).await;
        let three = [("a", "1"), ("b", "1"), ("c", "1")];
        let four = [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")];
        let long = "x".repeat(2000);
        for (headers, expected) in
            [(&three[..], "200 | x"), (&four[..], "400"), (&[("a", long.as_str())][..], "400")]
        {
            assert_eq!(send(&mut client, request("GET", "/", headers), "").await.unwrap(), expected);
        }
    });
}

/// Hints of a peer come before the response, over HTTP/1 and HTTP/2, to those who may have them.
#[test]
fn early_hints_are_passed_on() {
    let peer = Backend::new(|request| {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Accel-Expires: 0\r\n\r\n";
        let long = format!("HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n", "x".repeat(3000));
        let before = match request.split(' ').nth(1).unwrap() {
            "/two" => hints.repeat(2),
            "/long" => long.repeat(3),
            "/only" => return hints.to_owned() + "Connection: close",
            _ => hints.to_owned(),
        };
        format!("{before}HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
    });
    let proxy = Proxy::new(&format!(
        "server {{ listen 127.0.0.1:9; http2 on; early_hints $http_x_hints; proxy_buffer_size 4k;\n\
         location / {{ proxy_pass http://{}; }} }}",
        peer.address
    ));
    let hinted = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    for (uri, wants, hints) in [
        ("/", "1", hinted.to_owned()),
        ("/two", "1", hinted.repeat(2)),
        ("/", "0", String::new()),
        ("/", "", String::new()),
    ] {
        let text = format!("GET {uri} HTTP/1.1\r\nHost: a\r\nX-Hints: {wants}\r\nConnection: close\r\n\r\n");
        let found = http::once(proxy.address, &text);
        assert!(
            found.starts_with(&(hints + "HTTP/1.1 200 OK\r\n")) && found.ends_with("\r\n\r\nx"),
            "{found}"
        );
    }
    let ask = |uri: &str, version: &str| {
        http::once(
            proxy.address,
            &format!("GET {uri} HTTP/{version}\r\nHost: a\r\nX-Hints: 1\r\nConnection: close\r\n\r\n"),
        )
    };
    assert!(ask("/", "1.0").starts_with("HTTP/1.1 200"));
    assert!(ask("/only", "1.1").contains("HTTP/1.1 502"));
    let long = ask("/long", "1.1");
    assert_eq!((long.matches(" 103 ").count(), long.matches(" 200 OK").count()), (1, 1), "{long}");
    assert!(proxy.log().contains("upstream sent too big early hints"), "{}", proxy.log());
    within_time(async {
        let (mut client, _) = connect(proxy.address).await;
        let (mut response, _) =
            client.send_request(request("GET", "/two", &[("x-hints", "1")]), true).unwrap();
        for _ in 0..2 {
            let hints = std::future::poll_fn(|cx| response.poll_informational(cx)).await.unwrap().unwrap();
            assert_eq!((hints.status().as_u16(), hints.headers()["link"].to_str().unwrap()), (103, "</a>"));
        }
        assert_eq!(shown(response.await.unwrap()).await.unwrap(), "200 | x");
    });
}

#[test]
fn a_part_of_the_preface_is_not_waited_for_longer_than_a_head() {
    use std::io::{Read, Write};
    let proxy =
        Proxy::new("client_header_timeout 2s; server { listen 127.0.0.1:9; http2 on; return 200 x; }");
    let began = std::time::Instant::now();
    let mut open = [&b"PRI"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"].map(|part| {
        let mut stream = std::net::TcpStream::connect(proxy.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(part).unwrap();
        stream
    });
    // A client that closes its sending side is not waited for at all.
    let mut gone = std::net::TcpStream::connect(proxy.address).unwrap();
    gone.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    gone.write_all(b"PRI * H").unwrap();
    gone.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(gone.read(&mut [0]).unwrap(), 0);
    assert!(began.elapsed() < Duration::from_secs(2));
    for stream in &mut open {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert!(proxy.log().contains("timed out while waiting for request"), "{}", proxy.log());
    // Those that are something else are answered.
    let response = http::once(proxy.address, "PRI / HTTP/1.0\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

/// Sends two requests on one connection, the first with one more header, literally; how each stream ends.
fn two(to: SocketAddr, name: &[u8], value: &[u8]) -> [String; 2] {
    use std::io::{Read, Write};
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let literal =
        |name: &[u8], value: &[u8]| [&[0, name.len() as u8], name, &[value.len() as u8], value].concat();
    let usual = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
    let usual = usual.map(|(name, value)| literal(name.as_bytes(), value.as_bytes())).concat();
    let bad = [&usual[..], &literal(name, value)].concat();
    let mut stream = std::net::TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    stream
        .write_all(&[preface, frame(4, 0, 0, b""), frame(1, 5, 1, &bad), frame(1, 5, 3, &usual)].concat())
        .unwrap();
    let mut ends = [String::new(), String::new()];
    while ends.iter().any(String::is_empty) {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            break;
        }
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).unwrap();
        let end = match (head[3], payload.iter().find(|b| **b >= 0x80)) {
            (1, Some(0x88)) => "200",
            (1, Some(0x8c)) => "400",
            (1, _) => "other",
            (3, _) => "reset",
            _ => continue,
        };
        end.clone_into(&mut ends[usize::from(head[8] == 3)]);
    }
    ends
}

#[test]
fn one_bad_header_is_its_streams_alone() {
    let http = "server { listen PORT http2; location / { return 200 x; } }";
    let ours = Proxy::new(&http.replace("PORT", "127.0.0.1:9"));
    let real = nginx::Nginx::start(http);
    for (name, value, expected) in [
        (&b"x"[..], &b"y"[..], "200"),
        (b"x", b"\x7f", "200"),
        (b"x", b"\x01", "200"),
        (b"x", b"\xff", "400"),
        (b"x", b"a\rb", "400"),
        (b"x", b"a\nb", "400"),
        (b"x", b"\0", "400"),
        (b"X", b"y", "400"),
        (b"x y", b"z", "400"),
        (b"x(y", b"z", "200"),
        (b"\xe9", b"z", "200"),
    ] {
        let shown = format!("{}: {}", name.escape_ascii(), value.escape_ascii());
        assert_eq!(two(ours.address, name, value), [expected, "200"], "{shown}");
        // A byte that stands for a refused value here is a value there.
        if let Some(real) = real.as_ref().filter(|_| value != b"\xff") {
            let [first, second] = two(real.address, name, value);
            // Before nginx 1.23 the stream is reset.
            let is_same = first == expected || expected == "400" && first == "reset";
            assert!(is_same && second == "200", "nginx: {shown}: {first} {second}");
        }
    }
    // A second path, a method and a path that are none end their stream; the other one is answered.
    for (name, value) in [(&b":unknown"[..], &b"y"[..]), (b":path", b"/\xe9"), (b":method", b"G T")] {
        let [first, second] = two(ours.address, name, value);
        assert!(matches!(&*first, "400" | "reset") && second == "200", "{first} {second}");
    }
}
