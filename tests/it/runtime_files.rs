//! `ngxc run`: how files are opened and sent, recoded, and what connections that time out or idle get. Loopback only.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ngxc::compile::{Options, compile};
use ngxc::model::Endpoint;
use ngxc::runtime::{RunOptions, Running, Stop, start};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::http::{Backend, once};

struct Server {
    running: Option<Running>,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Server {
    fn new(http: &str, server: &str) -> Self {
        Self::listening("", http, server)
    }

    fn listening(parameters: &str, http: &str, server: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["logs", "html"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let text = format!(
            "error_log logs/error.log info; events {{}}\n\
             http {{ types {{ text/plain txt; text/html html; }} {http}\n\
             server {{ listen 127.0.0.1:9 {parameters}; server_name a.test; {server} }} }}\n"
        );
        let loaded =
            load(&Memory::default().with("n", text), Path::new("n"), &LoadOptions::default()).unwrap();
        let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
        assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
        let mut config = compiled.config;
        for listen in config.http.servers.iter_mut().flat_map(|server| &mut server.listen) {
            if let Endpoint::Inet(address) = &mut listen.endpoint {
                address.set_port(0);
            }
        }
        let options = RunOptions { prefix: directory.path().to_owned(), ..RunOptions::default() };
        let running = start(Arc::new(config), &options).unwrap();
        Self { address: running.addresses()[0], running: Some(running), directory }
    }

    /// Puts another file in the place of one.
    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        let (new, path) = (self.directory.path().join("new"), self.directory.path().join(name));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, path).unwrap();
    }

    fn get(&self, path: &str, headers: &str) -> String {
        once(
            self.address,
            &format!("GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n{headers}\r\n"),
        )
    }

    fn body(&self, path: &str) -> String {
        let answer = self.get(path, "");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        if head.starts_with("HTTP/1.1 200") { body.to_owned() } else { head[9..12].to_owned() }
    }

    /// The answer as bytes to a request in pieces.
    fn raw(&self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut stream = self.connect();
        for piece in pieces {
            stream.write_all(piece).unwrap();
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join("logs").join(name)).unwrap_or_default()
    }

    fn stop(&mut self, how: Stop) {
        if let Some(running) = self.running.take() {
            running.stop(how);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(Stop::Fast);
    }
}

/// Waits until something holds.
fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn open_files_are_kept() {
    let server = Server::new(
        "open_file_cache max=10; open_file_cache_valid 2s;",
        "root html; location /errors/ { alias html/; open_file_cache_errors on; }
         location /off/ { alias html/; open_file_cache off; }
         location /twice/ { alias html/; open_file_cache max=5 inactive=20s; open_file_cache_min_uses 2; }
         location /try { try_files /a.txt /none.txt =204; }",
    );
    server.put("html/a.txt", "one");
    assert_eq!(server.body("/a.txt"), "one");
    assert_eq!(server.body("/off/a.txt"), "one");
    // Not used often enough: not kept yet.
    assert_eq!(server.body("/twice/a.txt"), "one");
    assert_eq!(server.body("/b.txt"), "404");
    assert_eq!(server.body("/errors/c.txt"), "404");
    server.put("html/a.txt", "second");
    server.put("html/b.txt", "there");
    server.put("html/c.txt", "there");
    assert_eq!(server.body("/errors/c.txt"), "404");
    assert_eq!(server.body("/off/a.txt"), "second");
    assert_eq!(server.body("/twice/a.txt"), "second");
    let answer = server.get("/a.txt", "");
    assert!(answer.ends_with("\r\n\r\none") && answer.contains("Content-Length: 3\r\n"), "{answer}");
    // Without `open_file_cache_errors` nobody remembers that nothing was there.
    assert_eq!(server.body("/b.txt"), "there");
    assert_eq!(server.body("/try"), "one");
    server.put("html/a.txt", "the third");
    // Kept since its second use.
    assert_eq!(server.body("/twice/a.txt"), "second");
    soon("the cache is asked again", || server.body("/a.txt") == "the third");
    soon("errors are forgotten", || server.body("/errors/c.txt") == "there");
    std::fs::remove_file(server.directory.path().join("html/a.txt")).unwrap();
    assert_eq!(server.body("/off/a.txt"), "404");
    soon("the file is gone", || server.body("/a.txt") == "404");
}

#[test]
fn logs_with_variables_are_kept_open() {
    let server = Server::new(
        "log_format short $uri; map $arg_l $name { default $arg_l; }",
        "root html; open_log_file_cache max=10 inactive=20s valid=1m min_uses=2;
         access_log logs/$name.log short; location / { return 204; }
         location /none { root /nowhere; return 204; }",
    );
    assert_eq!(server.body("/1?l=a"), "204");
    let rename = |to: &str| {
        soon("the log is written", || !server.log("a.log").is_empty());
        std::fs::rename(server.directory.path().join("logs/a.log"), server.directory.path().join(to))
            .unwrap();
    };
    // Used once, it was not kept.
    rename("logs/first.log");
    assert_eq!(server.body("/2?l=a"), "204");
    rename("logs/second.log");
    assert_eq!(server.body("/3?l=a"), "204");
    soon("the old file has both lines", || server.log("second.log") == "/2\n/3\n");
    assert_eq!(server.log("first.log"), "/1\n");
    assert_eq!(server.log("a.log"), "");
    // Where no files are, there are no logs either.
    assert_eq!(server.body("/none?l=b"), "204");
    soon("the error is written", || {
        server
            .log("error.log")
            .contains("testing \"/nowhere\" existence failed (2: No such file or directory)")
    });
    assert!(!server.directory.path().join("logs/b.log").exists());
}

#[test]
fn large_files_arrive_whole() {
    let server = Server::new(
        "sendfile on; sendfile_max_chunk 100k;",
        "root html; location /copied/ { alias html/; sendfile off; }
         location /any/ { alias html/; sendfile_max_chunk 0; }
         location /slow/ { alias html/; limit_rate 4m; }",
    );
    let mut text = String::new();
    for i in 0..200_000 {
        let _ = write!(text, "{i:06} ");
    }
    server.put("html/big.txt", &text);
    server.put("html/small.txt", &text[..1000]);
    for path in ["/big.txt", "/copied/big.txt", "/any/big.txt", "/slow/big.txt"] {
        let body = server.body(path);
        assert!(body == text, "{path}: {} bytes", body.len());
    }
    assert_eq!(server.body("/small.txt"), text[..1000]);
    for (from, to) in [(0, 9), (70_000, 1_300_000), (1_399_999, 1_399_999)] {
        let answer = server.get("/big.txt", &format!("Range: bytes={from}-{to}\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 206"), "{head}");
        assert!(body == &text[from..=to], "{from}-{to}: {} bytes", body.len());
    }
    // A client that takes nothing for a while gets all of it all the same, and the next answer after it.
    let mut stream = server.connect();
    let request = "GET /big.txt HTTP/1.1\r\nHost: a.test\r\n\r\nGET /small.txt HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(&text) && answer.ends_with(&text[..1000]));
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2);
}

#[test]
fn charsets() {
    let backend = Backend::new(|request| {
        let kind = if request.contains("/said") { "text/html; charset=one" } else { "text/html" };
        let body = "\u{20ac}uro";
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let server = Server::new(
        "charset_map one utf-8 { 80 e282ac; e9 c3a9; } charset_map one two { 41 42; }",
        &format!(
            "root html; location /to/ {{ alias html/; charset utf-8; source_charset one; }}
             location /from/ {{ alias html/; charset one; source_charset utf-8; }}
             location /bytes/ {{ alias html/; charset two; source_charset one; }}
             location /off/ {{ alias html/; source_charset one; }}
             location /unknown/ {{ alias html/; charset $arg_c; source_charset one; }}
             location /moved {{ charset utf-8; return 301 /x; }}
             location /proxied {{ charset one; source_charset utf-8; proxy_pass http://{0}/; }}
             location /said {{ charset two; proxy_pass http://{0}; }}
             location /said/over {{ charset two; override_charset on; proxy_pass http://{0}; }}",
            backend.address
        ),
    );
    server.put("html/one.txt", b"A \x80 caf\xe9 \xff");
    server.put("html/utf.txt", "A \u{20ac} caf\u{e9} \u{416}");
    let of = |path: &str, version: &str| {
        let request = format!("GET {path} HTTP/{version}\r\nHost: a.test\r\nConnection: close\r\n\r\n");
        let answer = server.raw(&[request.as_bytes()]);
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let kind = head.lines().find_map(|l| l.strip_prefix("Content-Type: ")).unwrap_or("none").to_owned();
        let framing = ["Content-Length", "Transfer-Encoding"].into_iter().find(|name| head.contains(name));
        (kind, framing.unwrap_or("none"), answer[end + 4..].to_vec())
    };
    let utf8 = "A \u{20ac} caf\u{e9} ?".as_bytes();
    let chunk = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
    let (chunked, length) = ("Transfer-Encoding", "Content-Length");
    for (path, version, kind, framing, body) in [
        ("/to/one.txt", "1.1", "text/plain; charset=utf-8", chunked, chunk(utf8)),
        ("/to/one.txt", "1.0", "text/plain; charset=utf-8", "none", utf8.to_vec()),
        ("/from/utf.txt", "1.1", "text/plain; charset=one", chunked, chunk(b"A \x80 caf\xe9 &#1046;")),
        ("/bytes/one.txt", "1.1", "text/plain; charset=two", length, b"B ? caf? ?".to_vec()),
        ("/off/one.txt", "1.1", "text/plain", length, b"A \x80 caf\xe9 \xff".to_vec()),
        ("/unknown/one.txt?c=three", "1.1", "text/plain", length, b"A \x80 caf\xe9 \xff".to_vec()),
        ("/unknown/one.txt?c=ONE", "1.1", "text/plain; charset=ONE", length, b"A \x80 caf\xe9 \xff".to_vec()),
        ("/proxied", "1.1", "text/html; charset=one", chunked, chunk(b"\x80uro")),
        ("/said", "1.1", "text/html; charset=one", length, "\u{20ac}uro".as_bytes().to_vec()),
        ("/said/over", "1.1", "text/html; charset=two", length, b"???uro".to_vec()),
    ] {
        let got = of(path, version);
        assert_eq!(got, (kind.to_owned(), framing, body), "{path} {version}");
    }
    assert_eq!(of("/moved", "1.1").0, "text/html");
    let log = server.log("error.log");
    assert!(log.contains("no \"charset_map\" between the charsets \"one\" and \"three\""), "{log}");
}

#[test]
fn the_proxy_protocol_says_who_asks() {
    let said =
        "$proxy_protocol_addr:$proxy_protocol_port $proxy_protocol_server_addr:$proxy_protocol_server_port";
    let server = Server::listening(
        "proxy_protocol",
        "set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;",
        &format!(
            "location / {{ return 200 '{said} $realip_remote_addr'; }}
             location /real {{ return 200 '$remote_addr:$remote_port $realip_remote_addr'; }}
             location /more {{ return 200 '$proxy_protocol_tlv_authority $proxy_protocol_tlv_0xe0'; }}"
        ),
    );
    let ask = |header: &[u8], path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
        let answer = String::from_utf8(server.raw(&[header, request.as_bytes()])).unwrap();
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    };
    let first = b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n";
    assert_eq!(ask(first, "/"), "192.0.2.1:1234 192.0.2.2:80 127.0.0.1");
    assert_eq!(ask(first, "/real"), "192.0.2.1:1234 127.0.0.1");
    assert_eq!(ask(b"PROXY UNKNOWN\r\n", "/"), ": : 127.0.0.1");
    assert_eq!(ask(b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "/real"), "2001:db8::1:1 127.0.0.1");
    let addresses = [192, 0, 2, 1, 192, 0, 2, 2, 4, 0xd2, 0, 80];
    let values = [&[2, 0, 6][..], b"b.test", &[0xe0, 0, 1, b'!']].concat();
    let length = ((addresses.len() + values.len()) as u16).to_be_bytes();
    let second = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], &addresses, &values].concat();
    assert_eq!(ask(&second, "/"), "192.0.2.1:1234 192.0.2.2:80 127.0.0.1");
    assert_eq!(ask(&second, "/more"), "b.test !");
    // In pieces of TCP, and without.
    let mut stream = server.connect();
    stream.write_all(first).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("192.0.2.1:1234 192.0.2.2:80 127.0.0.1"), "{answer}");
    for broken in [&b"GET / HTTP/1.0\r\n\r\n"[..], b"PROXY TCP4 192.0.2.1\r\n"] {
        let mut stream = server.connect();
        stream.write_all(broken).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"", "{broken:?}");
    }
    soon("it is logged", || {
        let log = server.log("error.log");
        log.contains("broken header: \"GET / HTTP/1.0\" while reading PROXY protocol, client: 127.0.0.1")
            && log.contains("broken header: \"PROXY TCP4 192.0.2.1\" while")
    });
}

#[test]
fn headers_of_outer_levels() {
    let server = Server::new(
        "add_header X http; add_trailer T http;",
        "add_header X server; location / { return 200; }
         location /own { add_header X own; return 200; }
         location /merge { add_header_inherit merge; add_header X own; return 200;
             location /merge/inner { add_header X inner; return 200; }
             location /merge/on { add_header_inherit on; add_header X on; return 200; } }
         location /off { add_header_inherit off; return 200; location /off/inner { return 200; }
             location /off/on { add_header_inherit on; return 200; } }
         location /off-own { add_header_inherit off; add_header X own; return 200; location /off-own/inner { return 200; } }
         location /no-trailer { add_trailer_inherit off; return 200 x; }",
    );
    for (path, expected) in [
        ("/", "server"),
        ("/own", "own"),
        ("/merge", "own server"),
        ("/merge/inner", "inner own server"),
        ("/merge/on", "on"),
        ("/off", ""),
        ("/off/inner", ""),
        ("/off/on", ""),
        ("/off-own", "own"),
        ("/off-own/inner", ""),
    ] {
        let answer = server.get(path, "");
        let values: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("X: ")).collect();
        assert_eq!(values.join(" "), expected, "{path}");
        assert!(answer.contains("\r\nT: http"), "{path}");
    }
    assert!(!server.get("/no-trailer", "").contains("T: http"));
}

#[test]
fn pages_are_padded_for_some() {
    let server =
        Server::new("", "location / { return 404; } location /off { msie_padding off; return 404; }");
    let padding = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n".repeat(6);
    for (agent, path, expected) in [
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/120.0 Safari/537.36", "/", true),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/120.0 Safari/537.36", "/off", false),
        ("Mozilla/4.0 (compatible; MSIE 7.0)", "/", true),
        ("Mozilla/4.0 (compatible; MSIE 7.0) Opera 9", "/", false),
        ("Mozilla/5.0 Gecko/2010 Chrome/1", "/", false),
        ("curl/8", "/", false),
    ] {
        let answer = server.get(path, &format!("User-Agent: {agent}\r\n"));
        assert_eq!(answer.ends_with(&padding), expected, "{agent} {path}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    }
}

#[test]
fn who_is_late_is_reset_if_wanted() {
    let server = Server::new(
        "client_header_timeout 1s;",
        "location / { return 444; } location /reset { reset_timedout_connection on; return 444; }",
    );
    let late = Server::new("client_header_timeout 1s; reset_timedout_connection on;", "return 204;");
    let end = |server: &Server, text: &str| {
        let mut stream = server.connect();
        stream.write_all(text.as_bytes()).unwrap();
        stream.read(&mut [0; 10]).map_err(|error| error.kind())
    };
    assert_eq!(end(&server, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"), Ok(0));
    assert_eq!(end(&server, "GET /reset HTTP/1.1\r\nHost: a.test\r\n\r\n"), Err(ErrorKind::ConnectionReset));
    assert_eq!(end(&server, "GET / HTTP/1.1\r\nHost: "), Ok(0));
    assert_eq!(end(&late, "GET / HTTP/1.1\r\nHost: "), Err(ErrorKind::ConnectionReset));
}

#[test]
fn an_idle_connection_outlives_the_worker_for_a_while() {
    let request = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    for (settings, survives) in [("", false), ("keepalive_min_timeout 2500ms;", true)] {
        let mut server = Server::new(settings, "location / { return 200 x; }");
        let mut stream = server.connect();
        let mut answer = [0; 1000];
        stream.write_all(request).unwrap();
        let n = stream.read(&mut answer).unwrap();
        assert!(answer[..n].starts_with(b"HTTP/1.1 200"));
        let running = server.running.take().unwrap();
        let begun = Instant::now();
        let stopping = std::thread::spawn(move || running.stop(Stop::Graceful));
        std::thread::sleep(Duration::from_millis(500));
        let _ = stream.write_all(request);
        let n = stream.read(&mut answer).unwrap_or(0);
        assert_eq!(n > 0, survives, "{settings}");
        if survives {
            assert!(String::from_utf8_lossy(&answer[..n]).contains("Connection: keep-alive"));
            assert_eq!(stream.read(&mut answer).unwrap_or(0), 0);
        }
        stopping.join().unwrap();
        // A connection that is waited for is waited for that long after its last request.
        assert!(!survives || begun.elapsed() > Duration::from_millis(2900), "{settings}");
    }
}

#[test]
fn connections_linger_as_long_as_they_are_told() {
    let server = Server::new(
        "lingering_timeout 500ms;",
        "client_max_body_size 1; location / { return 200; } location /off { lingering_close off; return 200; }
         location /always { lingering_close always; return 200; }",
    );
    for (path, length, lingers) in
        [("/", 100, true), ("/off", 100, false), ("/always", 0, true), ("/", 0, false)]
    {
        let mut stream = server.connect();
        let close = "Connection: close";
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: a.test\r\n{close}\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        // The answer and the end have come; only a connection that lingers takes more.
        std::thread::sleep(Duration::from_millis(100));
        let first = stream.write_all(b"x");
        std::thread::sleep(Duration::from_millis(100));
        let second = stream.write_all(b"y");
        assert_eq!(first.is_ok() && second.is_ok(), lingers, "{path} {length}: {answer}");
    }
}
