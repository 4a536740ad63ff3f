//! `ngxc run` as a server of its own: configuration language, routing, files, access, filters. Loopback only.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ngxc::compile::{Options, compile};
use ngxc::model::Endpoint;
use ngxc::runtime::{RunOptions, Running, Stop, start};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::http::{Client, once};

struct Server {
    running: Option<Running>,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Server {
    /// A server with these directives; `html` below its directory has a few files.
    fn new(http: &str, server: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["logs", "html", "html/dir", "html/empty"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let file = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        file("html/a.txt", "0123456789");
        file("html/dir/index.html", "index");
        file("html/b.css", &"a { }\n".repeat(2000));
        file("users", "plain:{PLAIN}secret\nhashed:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
        let text = format!(
            "error_log logs/error.log info; events {{}}\n\
             http {{ types {{ text/plain txt; text/css css; text/html html; }} {http}\n\
             server {{ listen 127.0.0.1:9; server_name a.test; {server} }} }}\n"
        );
        let loaded =
            load(&Memory::default().with("n", text), Path::new("n"), &LoadOptions::default()).unwrap();
        let options = Options::new(Version::new(1, 31, 5));
        let compiled = compile(&loaded, &options);
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

    /// The answer to a GET with further header lines.
    fn get(&self, path: &str, headers: &str) -> String {
        once(
            self.address,
            &format!("GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n{headers}\r\n"),
        )
    }

    /// Status and body.
    fn brief(&self, path: &str) -> String {
        let answer = self.get(path, "");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let line = |name: &str| head.lines().find_map(|l| l.strip_prefix(name)).map(|v| format!(" {v}"));
        let status = &head[9..12];
        let body = if body.starts_with("<html>") { "page" } else { body };
        format!("{status}{} {body}", line("Location: ").unwrap_or_default())
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join("logs").join(name)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop(Stop::Fast);
        }
    }
}

#[test]
fn rewriting() {
    let server = Server::new(
        "map $arg_m $mapped { ~^(?<part>.)x $part; default none; }
         geo $arg_ip $place { default far; 192.0.2.0/24 near; 192.0.2.7 here; }",
        "location /last/ { rewrite ^/last/(.*)$ /echo/$1?from=last last; return 500; }
         location /break { set $seen yes; rewrite ^ /other; break; return 500; }
         location /other { return 200 wrong; }
         location /go { rewrite ^/go/(.*) /new/$1 permanent; }
         location /drop { rewrite ^ /echo/? last; }
         location /loop { rewrite ^ /loop/x; }
         location /echo/ { return 200 $uri?$args; }
         location /if { set $r none; if ($arg_a = 1) { set $r one; } if ($arg_a ~ ^(.)z) { set $r z$1; }
           if ($arg_b) { return 403; } if (!-f $document_root/a.txt) { return 500; } return 200 $r; }
         location /map { return 200 $mapped; }
         location /geo { return 200 $place; }
         location /both { return 301 /x?y; }
         location /secret { internal; return 200 in; }
         location /hop { error_page 402 =201 /secret; return 402; }
         location /at { error_page 404 @named; root html; }
         location @named { return 200 $status:$uri; }",
    );
    for (path, expected) in [
        ("/last/a?b=c", "200 /echo/a?from=last&b=c"),
        ("/go/x?q", "301 http://a.test/new/x?q page"),
        ("/drop?q", "200 /echo/?"),
        ("/loop", "500 page"),
        ("/if", "200 none"),
        ("/if?a=1", "200 one"),
        ("/if?a=qz", "200 zq"),
        ("/if?b=0", "200 none"),
        ("/if?b=1", "403 page"),
        ("/map?m=yx", "200 y"),
        ("/map", "200 none"),
        ("/geo?ip=192.0.2.7", "200 here"),
        ("/geo?ip=192.0.2.8", "200 near"),
        ("/geo?ip=x", "200 far"),
        ("/secret", "404 page"),
        ("/hop", "201 in"),
        ("/break", "404 page"),
    ] {
        let got = server.brief(path).replace(&format!(":{}", server.address.port()), "");
        assert_eq!(got, expected, "{path}");
    }
    assert!(server.log("error.log").contains("rewrite or internal redirection cycle while processing"));
}

#[test]
fn files() {
    let server = Server::new(
        "gzip_types text/css;",
        "root html; location / { } location /al/ { alias html/dir/; } location /list/ { alias html/; autoindex on; }
         location /try { try_files $uri /dir/none /a.txt =404; }
         location /fall { try_files /none @f; } location @f { return 200 fell; }
         location /gz/ { alias html/; gzip on; }
         location /h { root html; try_files /a.txt =404; expires 1h; add_header X-A $uri; add_header X-B b always; }
         location /none { add_header X-A a; add_header X-B b always; }",
    );
    for (path, expected) in [
        ("/a.txt", "200 0123456789"),
        ("/dir/", "200 index"),
        ("/dir?a=b", "301 /dir/?a=b page"),
        ("/empty/", "403 page"),
        ("/missing", "404 page"),
        ("/al/index.html", "200 index"),
        ("/al/", "200 index"),
        ("/try", "200 0123456789"),
        ("/fall", "200 fell"),
    ] {
        let got = server.brief(path).replace(&format!("http://a.test:{}", server.address.port()), "");
        assert_eq!(got, expected, "{path}");
    }
    let list = server.get("/list/", "");
    assert!(
        list.contains("<a href=\"dir/\">dir/</a>") && list.contains("<a href=\"a.txt\">a.txt</a>"),
        "{list}"
    );
    let whole = server.get("/a.txt", "");
    let line = |name: &str| whole.lines().find_map(|l| l.strip_prefix(name)).unwrap().to_owned();
    let (etag, modified) = (line("ETag: "), line("Last-Modified: "));
    for (headers, expected) in [
        ("Range: bytes=2-4\r\n".to_owned(), "206 Partial Content|Content-Range: bytes 2-4/10|\r\n\r\n234"),
        ("Range: bytes=20-\r\n".to_owned(), "416 Requested|Content-Range: bytes */10"),
        (
            "Range: bytes=0-0,-1\r\n".to_owned(),
            "206|multipart/byteranges; boundary=|bytes 9-9/10\r\n\r\n9\r\n--",
        ),
        (format!("If-None-Match: {etag}\r\n"), "304 Not Modified|ETag"),
        (format!("If-Modified-Since: {modified}\r\n"), "304 Not Modified"),
        ("If-Match: \"x\"\r\n".to_owned(), "412 Precondition Failed"),
        (format!("Range: bytes=0-1\r\nIf-Range: {etag}\r\n"), "206"),
        ("Range: bytes=0-1\r\nIf-Range: \"x\"\r\n".to_owned(), "200 OK|Accept-Ranges: bytes"),
    ] {
        let got = server.get("/a.txt", &headers);
        assert!(expected.split('|').all(|part| got.contains(part)), "{headers}{got}");
    }
    let found = server.get("/h", "");
    assert!(
        found.contains("Cache-Control: max-age=3600")
            && found.contains("X-A: /a.txt")
            && found.contains("X-B")
    );
    let missing = server.get("/none", "");
    assert!(!missing.contains("X-A") && missing.contains("X-B: b"), "{missing}");
    let packed = server.get("/gz/b.css", "Accept-Encoding: gzip\r\n");
    assert!(packed.contains("Content-Encoding: gzip") && packed.contains("ETag: W/"), "{packed}");
    assert!(packed.len() < 2000 && packed.ends_with("0\r\n\r\n"));
    assert!(!server.get("/gz/b.css", "").contains("Content-Encoding"));
}

#[test]
fn who_may_ask() {
    let server = Server::new(
        "",
        "location /deny { deny all; return 403; root html; }
         location /files/ { alias html/; deny 127.0.0.1; }
         location /pass/ { alias html/; auth_basic \"r\"; auth_basic_user_file users; }
         location /any/ { alias html/; satisfy any; deny all; auth_basic r; auth_basic_user_file users; }
         location /get/ { alias html/; limit_except GET { deny all; } }
         location /real { set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; root html;
           try_files /a.txt =404; add_header X-Client $remote_addr/$realip_remote_addr; }",
    );
    let login = |name: &str| match name {
        "plain" => "Authorization: Basic cGxhaW46c2VjcmV0\r\n",
        "hashed" => "Authorization: Basic aGFzaGVkOnNlY3JldA==\r\n",
        "wrong" => "Authorization: Basic cGxhaW46d3Jvbmc=\r\n",
        _ => "",
    };
    for (path, name, status) in [
        ("/files/a.txt", "", "403"),
        ("/pass/a.txt", "", "401"),
        ("/pass/a.txt", "plain", "200"),
        ("/pass/a.txt", "hashed", "200"),
        ("/pass/a.txt", "wrong", "401"),
        ("/any/a.txt", "", "401"),
        ("/any/a.txt", "plain", "200"),
        ("/get/a.txt", "", "200"),
    ] {
        let got = server.get(path, login(name));
        assert_eq!(&got[9..12], status, "{path} {name}");
        assert_eq!(got.contains("WWW-Authenticate: Basic realm=\"r\""), status == "401", "{got}");
    }
    let post = "POST /get/a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert!(once(server.address, post).starts_with("HTTP/1.1 403"));
    let real = server.get("/real", "X-Forwarded-For: 192.0.2.9, 192.0.2.8\r\n");
    assert!(real.contains("X-Client: 192.0.2.8/127.0.0.1"), "{real}");
}

#[test]
fn logs_with_variables_conditions_and_buffers() {
    let server = Server::new(
        "log_format f \"$uri $status $arg_v\";",
        "location /a { access_log logs/$arg_n.log f; return 200; }
         location /b { access_log logs/if.log f if=$arg_v; return 200; }
         location /c { access_log logs/buffered.log f buffer=4k flush=50ms; return 200; }",
    );
    server.get("/a?n=one", "");
    server.get("/b?v=0", "");
    server.get("/b?v=yes", "");
    server.get("/c?v=1", "");
    let begun = std::time::Instant::now();
    let done = || {
        server.log("one.log") == "/a 200 -\n"
            && server.log("if.log") == "/b 200 yes\n"
            && server.log("buffered.log") == "/c 200 1\n"
    };
    while !done() {
        assert!(begun.elapsed().as_secs() < 5, "{} {}", server.log("if.log"), server.log("buffered.log"));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn who_sees_the_end_of_the_connection_finds_the_line() {
    let server = Server::new(
        "log_format f escape=json \"$remote_addr $uri $arg_v $status $body_bytes_sent $request_length\";
         log_format times \"$request_time $msec [$time_local] $time_iso8601\";",
        "location / { access_log logs/a.log f; access_log logs/times.log times; return 200 hello; }",
    );
    let mut expected = String::new();
    for n in 0..50 {
        server.get(&format!("/{n}?v=\"{n}\\"), "");
        let length =
            format!("GET /{n}?v=\"{n}\\ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").len();
        writeln!(expected, "127.0.0.1 /{n} \\\"{n}\\\\ 200 5 {length}").unwrap();
        assert_eq!(server.log("a.log"), expected);
    }
    // All that arrive together are answered in one turn; there are more lines than are written together.
    let mut client = Client::new(server.address);
    client.send(&"GET /together HTTP/1.1\r\nHost: a\r\n\r\n".repeat(400));
    (0..400).for_each(|_| assert!(client.response().ends_with("hello")));
    expected += &"127.0.0.1 /together  200 5 35\n".repeat(400);
    let begun = std::time::Instant::now();
    while server.log("a.log") != expected {
        assert!(begun.elapsed().as_secs() < 5, "{}", server.log("a.log"));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let times = server.log("times.log");
    assert_eq!(times.lines().count(), 450);
    for line in times.lines() {
        let shape = line.chars().map(|c| match c {
            '0'..='9' => '0',
            'A'..='Z' | 'a'..='z' => 'A',
            '-' => '+',
            other => other,
        });
        let expected = "0.000 0000000000.000 [00/AAA/0000:00:00:00 +0000] 0000+00+00A00:00:00+00:00";
        assert_eq!(shape.collect::<String>(), expected, "{line}");
    }
}

#[test]
fn compressed_files_and_symbolic_links() {
    let server = Server::new(
        "",
        "location /gz/ { alias html/; gzip_static on; gzip_vary on; }
         location /always/ { alias html/; gzip_static always; }
         location /links/ { alias html/; disable_symlinks on from=$document_root; }
         location /mine/ { alias html/; disable_symlinks if_not_owner from=$document_root; }
         location /all/ { alias html/; }",
    );
    let html = server.directory.path().join("html");
    std::fs::write(html.join("a.txt.gz"), "compressed").unwrap();
    std::os::unix::fs::symlink("a.txt", html.join("link.txt")).unwrap();
    std::os::unix::fs::symlink("dir", html.join("to")).unwrap();
    let gzip = "Accept-Encoding: gzip\r\n";
    for (path, headers, status, encoded, vary) in [
        ("/gz/a.txt", gzip, "200", true, true),
        ("/gz/a.txt", "", "200", false, true),
        ("/gz/b.css", gzip, "200", false, false),
        ("/always/a.txt", "", "200", true, false),
        ("/links/a.txt", "", "200", false, false),
        ("/links/link.txt", "", "403", false, false),
        ("/links/to/index.html", "", "403", false, false),
        ("/links/dir/", "", "200", false, false),
        ("/mine/link.txt", "", "200", false, false),
        ("/mine/to/index.html", "", "200", false, false),
        ("/all/link.txt", "", "200", false, false),
    ] {
        let got = server.get(path, headers);
        assert_eq!(&got[9..12], status, "{path}");
        assert_eq!(got.contains("\r\nContent-Encoding: gzip\r\n"), encoded, "{got}");
        assert_eq!(got.ends_with("compressed"), encoded, "{got}");
        assert_eq!(got.contains("\r\nVary: Accept-Encoding\r\n"), vary, "{got}");
    }
    assert!(server.log("error.log").contains("openat() \""), "{}", server.log("error.log"));
}
