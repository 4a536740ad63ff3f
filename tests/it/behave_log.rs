//! `ngxc coverage` of access logs, and `ngxc route`.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn ngxc(directory: &Path, args: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that ends early closes its end.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const CONFIG: &str = r#"events {}
http {
    log_format full '$remote_addr [$time_local] "$request" $status $host "$upstream_addr" "$http_user_agent"';
    log_format bare '$remote_addr $status';
    access_log /tmp/a.log full;
    map $http_user_agent $bot { default 0; ~*bot 1; }
    upstream app { server 10.0.0.1:80; }
    server { listen 80 default_server; server_name a.test; root /srv;
        location / { try_files $uri @app; }
        location @app { proxy_pass http://app; }
        location /inner/ { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
        location /bots { if ($bot) { return 403; } return 200; }
        location ^~ /img/ { root /srv; }
        location ~ ^/img/ { return 410; }
    }
    server { listen 80; server_name b.test; return 301 http://a.test$request_uri; }
}
"#;

fn line(client: &str, request: &str, status: u16, host: &str, upstream: &str, agent: &str) -> String {
    format!(
        "{client} [10/Oct/2026:13:55:36 +0000] \"{request}\" {status} {host} \"{upstream}\" \"{agent}\"\n"
    )
}

fn log() -> String {
    [
        line("192.0.2.1", "GET /page HTTP/1.1", 200, "a.test", "-", "x"),
        line("192.0.2.1", "GET /page HTTP/1.1", 200, "a.test", "10.0.0.1:80", "x"),
        line("192.0.2.2", "GET /inner/x HTTP/1.1", 403, "a.test", "-", "x"),
        line("10.1.1.1", "GET /inner/x HTTP/1.1", 200, "a.test", "10.0.0.1:80", "x"),
        line("192.0.2.3", "GET /bots HTTP/1.1", 403, "a.test", "-", "Googlebot"),
        line("192.0.2.3", "GET /x HTTP/1.1", 301, "b.test", "-", "x"),
        line("192.0.2.3", "GET /x HTTP/1.1", 200, "unknown.test", "10.0.0.1:80", "x"),
        "what is this\n".to_owned(),
    ]
    .concat()
}

fn hits(document: &Value, name: &str) -> u64 {
    let items = document["items"].as_array().unwrap();
    let item =
        items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}: {document:#}"));
    item["hits"].as_u64().unwrap()
}

#[test]
fn logs_are_counted_by_what_they_reached() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    fs::write(directory.path().join("a.log"), log()).unwrap();
    let args = ["coverage", "nginx.conf", "--log", "a.log", "-", "--format", "json"];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(line("10.1.1.1", "GET /inner/x HTTP/1.1", 200, "a.test", "10.0.0.1:80", "x").as_bytes())
        .unwrap();
    let (status, out, err) = ngxc(directory.path(), &args, &packed.finish().unwrap());
    assert_eq!(status, 0, "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((document["requests"].as_u64(), document["foreign_lines"].as_u64()), (Some(8), Some(1)));
    assert_eq!(document["by_default_server"], 1);
    for (name, expected) in [
        ("server a.test", 7),
        ("server b.test", 1),
        ("location /", 3),
        ("location @app", 2),
        ("location /inner/", 3),
        ("if ($bot)", 1),
        ("return 403", 1),
        ("return 200", 0),
        ("upstream app", 4),
        ("$bot: ~*bot 1", 1),
        ("location ~ ^/img/", 0),
    ] {
        assert_eq!(hits(&document, name), expected, "{name}");
    }
    let (status, out, _) =
        ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log", "--html", "p.html"], b"");
    assert_eq!(status, 0);
    assert!(out.contains("shadowed") && out.contains("location ^~ /img/` takes them"), "{out}");
    assert!(out.contains("1 lines do not fit the log_format `full`\n  a.log:8: "), "{out}");
    assert!(out.contains("2026-10-10 13:55:36"), "{out}");
    let page = fs::read_to_string(directory.path().join("p.html")).unwrap();
    assert!(page.contains("location /inner/"), "{page}");
    assert!(
        page.contains("<tr class=\"shadowed\"") && page.contains("shadowed by location ^~ /img/ ("),
        "{page}"
    );
    assert_eq!(
        ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log", "--min-coverage", "99"], b"").0,
        1
    );
}

#[test]
fn a_log_that_does_not_fit_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    fs::write(directory.path().join("a.log"), "nothing like it\n").unwrap();
    let (status, _, err) = ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log"], b"");
    assert_eq!(status, 2);
    assert!(err.contains("no line fits the log_format `full`") && err.contains("--log-format NAME"), "{err}");
    let args = ["coverage", "nginx.conf", "--log", "a.log", "--log-format", "bare"];
    let (status, _, err) = ngxc(directory.path(), &args, b"");
    assert_eq!(status, 2);
    assert!(err.contains("the log_format `bare` has no request: add `\"$request\"`"), "{err}");
    let (status, _, err) = ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "none.log"], b"");
    assert_eq!(status, 2);
    assert!(err.contains("cannot read `none.log`"), "{err}");
}

/// A configuration whose choices depend on headers, with a page for failures of upstreams.
const HEADERS: &str = r#"events {}
http {
    log_format full '$remote_addr [$time_local] "$request" $status $host "$upstream_addr" "$http_user_agent"';
    log_format other '$status $request';
    access_log /tmp/a.log other;
    map $http_upgrade $way { default upgrade; '' close; }
    map $uri $shelf { default none; ~^/books top; }
    upstream app { server 10.0.0.1:80; }
    server { listen 80 default_server; server_name a.test;
        error_page 502 504 /sorry;
        location / { proxy_pass http://app; proxy_set_header Connection $way; proxy_set_header X-Shelf $shelf; }
        location /beta { if ($http_cookie ~ beta) { return 302 /new; } return 200; }
        location /old { return 301 /new; }
        location /sorry { return 200 sorry; }
    }
}
"#;

#[test]
fn what_a_log_lacks_or_contradicts_is_told() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), HEADERS).unwrap();
    let peer = "10.0.0.1:80";
    let log = [
        line("192.0.2.1", "GET /books/1 HTTP/1.1", 200, "a.test", peer, "x"),
        line("192.0.2.1", "GET /cups HTTP/1.1", 502, "a.test", peer, "x"),
        line("192.0.2.1", "GET /beta HTTP/1.1", 302, "a.test", "-", "x"),
        line("192.0.2.1", "GET /old HTTP/1.1", 200, "a.test", peer, "x"),
        line("192.0.2.1", "GET /old HTTP/1.1", 301, "a.test", "-", "x"),
    ];
    fs::write(directory.path().join("a.log"), log.concat()).unwrap();
    let (status, out, err) =
        ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log", "--format", "json"], b"");
    assert_eq!(status, 0, "{err}");
    // The format is found by the first line; what it lacks is named with the number of requests.
    assert!(err.contains("note: the log has the log_format `full`, not `other`"), "{err}");
    assert!(err.contains("note: 1 request depends on `$http_cookie`, which the log does not have"), "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    for (name, expected) in [
        ("$shelf: ~^/books top", 1),
        ("$shelf: default none", 0),
        ("$way: '' close", 1),
        ("location /sorry", 1),
        ("location /old", 2),
    ] {
        assert_eq!(hits(&document, name), expected, "{name}");
    }
    assert_eq!(document["failed_upstreams"], serde_json::json!({ "app": 1 }));
    assert_eq!(
        (document["contradicted"].as_u64(), &document["lacking"]["http_cookie"]),
        (Some(1), &Value::from(1))
    );
    let (_, out, _) = ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log"], b"");
    assert!(out.contains("failed at the upstream: 502, 503 or 504\n         1  app\n"), "{out}");
    assert!(out.contains("         1  the log says 200, the configuration answers 301\n"), "{out}");
}

/// Without a port in the log the status tells a server that only redirects from the one that serves.
#[test]
fn the_status_tells_which_address_a_request_came_in_on() {
    let directory = tempfile::tempdir().unwrap();
    let config = "events {}\nhttp {\n\
        log_format h '$remote_addr - - [$time_local] \"$request\" $status $host'; access_log /tmp/a.log h;\n\
        server { listen 80; server_name a.test; location / { return 301 https://a.test$request_uri; } location /plain { return 200; } }\n\
        server { listen 443 ssl; server_name a.test; ssl_certificate a; ssl_certificate_key a; root /srv;\n\
        location / { return 200 in; } location /new { return 301 /; } location /plain/deep { return 204; } } }\n";
    fs::write(directory.path().join("nginx.conf"), config).unwrap();
    let mut log = String::new();
    for (path, status) in
        [("/", 301), ("/", 200), ("/x", 200), ("/new", 301), ("/plain/deep", 204), ("/plain/deep", 200)]
    {
        log +=
            &format!("192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] \"GET {path} HTTP/1.1\" {status} a.test\n");
    }
    let args = ["coverage", "nginx.conf", "--log", "-", "--format", "json"];
    let (status, out, err) = ngxc(directory.path(), &args, log.as_bytes());
    assert_eq!(status, 0, "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let items = document["items"].as_array().unwrap().iter();
    let counts: Vec<(&str, u64)> =
        items.map(|item| (item["name"].as_str().unwrap(), item["hits"].as_u64().unwrap())).collect();
    let expected = [
        ("server a.test", 3),
        ("location /", 2),
        ("return 301 https://a.test$request_uri", 2),
        ("location /plain", 1),
        ("return 200", 1),
        ("server a.test", 3),
        ("location /", 2),
        ("return 200 in", 2),
        ("location /new", 0),
        ("return 301 /", 0),
        ("location /plain/deep", 1),
        ("return 204", 1),
    ];
    assert_eq!(counts, expected);
}

/// Paths of which nearly all are asked for once are counted as exactly as others.
#[test]
fn paths_that_are_never_repeated_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    let mut log = String::new();
    for number in 0..30_000 {
        let path = ["/page", "/inner", "/img", "/bots"][number % 4];
        let (status, upstream) = if number % 8 == 0 { (200, "10.0.0.1:80") } else { (403, "-") };
        log += &line("10.0.0.9", &format!("GET {path}/{number} HTTP/1.1"), status, "a.test", upstream, "x");
    }
    fs::write(directory.path().join("a.log"), log).unwrap();
    let (_, out, _) =
        ngxc(directory.path(), &["coverage", "nginx.conf", "--log", "a.log", "--format", "json"], b"");
    let document: Value = serde_json::from_str(&out).unwrap();
    for (name, expected) in
        [("location /inner/", 7500), ("location ^~ /img/", 7500), ("location /bots", 7500)]
    {
        assert_eq!(hits(&document, name), expected, "{name}");
    }
    assert_eq!((document["requests"].as_u64(), hits(&document, "location /")), (Some(30_000), 7500));
}

#[test]
fn routes_come_line_for_line() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    let list =
        b"GET http://b.test/x\nhttp://a.test/inner/ 10.1.1.1\n/inner/ 192.0.2.1\n\nno request at all\n/bots";
    let (status, out, _) = ngxc(directory.path(), &["route", "nginx.conf", "-"], list);
    assert_eq!(status, 0);
    let expected = "b.test\t\t\t301\t\na.test\t/inner/\tapp\t\t\na.test\t/inner/\t\t403\t\n\t\t\t\t\n\t\t\t\t\na.test\t/bots\t\t200\t\n";
    assert_eq!(out, expected);
    let (_, out, _) = ngxc(directory.path(), &["route", "nginx.conf", "--format", "jsonl"], b"x y z\n");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert!(object["problem"].as_str().unwrap().contains("expected `[METHOD] URL [CLIENT]`"), "{out}");
}

/// A configuration in which something else decides in each location.
const DECISIONS: &str = r#"events {}
http {
    log_format full '$remote_addr [$time_local] "$request" $status $http_host "$upstream_addr" "$http_user_agent" "$http_cookie" $remote_user $server_port';
    access_log /tmp/a.log full;
    map $http_user_agent $bot { default 0; ~*bot 1; }
    map $arg_page $page { default first; ~^[0-9]+$ numbered; }
    map $uri $section { default none; ~^/shop/ shop; /exact exact; }
    map $remote_addr $place { default far; ~^10\. near; }
    map $cookie_lang $language { default en; de de; }
    geo $zone { default 0; 192.168.0.0/16 1; }
    upstream app { server 10.0.0.1:80; }
    upstream api { server 10.0.0.2:80; }
    server { listen 80 default_server; server_name a.test; root /srv; index index.html;
        error_page 404 /pages/404.html; error_page 502 @down;
        location / { try_files $uri $uri/ $uri.html @app; }
        location @app { proxy_pass http://app; }
        location @down { return 200 "$place"; }
        location /bots { if ($bot) { return 403; } return 200; }
        location /pages/ { internal; }
        location /page { return 301 /to/$page; }
        location /section { proxy_pass http://$section; }
        location /shop/ { if ($section = shop) { return 200 shop; } return 404; }
        location /geo { if ($zone) { return 204; } if ($language = de) { return 302 /de$request_uri; } return 200; }
        location /inner/ { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
        location /rw/ { rewrite ^/rw/([a-z]+)$ /shop/$1 last; rewrite ^/rw/(.*)$ /api/$1 break; proxy_pass http://api; }
        location /all/ { rewrite ^(.*)$ /constant last; }
        location /away/ { rewrite ^/away/(.*)$ https://b.test/$1 permanent; }
        location = /constant { proxy_pass http://app; }
        location /php { try_files $uri /index.php?$args; }
        location ~ \.php$ { if ($arg_debug) { return 403; } fastcgi_pass 127.0.0.1:9000; }
        location ~ ^/u/(?<user>[a-z]+)$ { if ($user = root) { return 403; } return 200 $user; }
        location ~ \.(png|jpg)$ { root /srv/img; }
        location /call/ { proxy_pass http://api$request_uri; }
        location /set { set $to "/x$arg_to"; if ($to = /x) { return 400; } return 302 $to; }
        location /secret { auth_basic on; auth_basic_user_file f; if ($remote_user = joe) { return 200; } proxy_pass http://app; }
        location /limit { limit_except GET { deny all; } proxy_pass http://app; }
        location /none { if (!-e $request_filename) { rewrite ^(.*)$ /index.php?q=$1 last; } }
    }
    server { listen 80; server_name b.test; rewrite ^/old(.*)$ /new$1; if ($request_uri ~ zzz) { return 410; } return 301 http://a.test$request_uri; }
    server { listen 80; server_name ~^(?<sub>[a-z]+)\.c\.test$; location / { if ($sub = x) { return 403; } return 200 $sub; } }
    server { listen 8080; server_name a.test; location / { return 200; } location /x { return 201; } }
}
"#;

/// Lines that ask for each of the decisions, in an order of chance.
fn decisions(count: usize) -> String {
    let mut state = 7_u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let paths = [
        "/",
        "/a.html",
        "/dir/",
        "/bots",
        "/bots/x",
        "/pages/404.html",
        "/page",
        "/section",
        "/exact",
        "/shop/",
        "/shop/a",
        "/geo",
        "/geo/x",
        "/inner/x",
        "/rw/abc",
        "/rw/1",
        "/rw/abc/",
        "/all/x",
        "/all/%0Ax",
        "/away/x",
        "/constant",
        "/php",
        "/php/x",
        "/index.php",
        "/u/joe",
        "/u/root",
        "/u/joe/",
        "/x.png",
        "/X.PNG",
        "/call/x",
        "/set",
        "/secret",
        "/limit",
        "/none/x",
        "/none/",
        "/a//b/../shop/q",
        "/%73hop/",
        "/\\x22quote",
        "/old/x",
        "/zzz",
        "/x",
        "/..",
        "*",
        "no-path",
    ];
    let args = ["", "?page=7", "?page=x", "?to=a", "?debug=1", "?zzz", "?a=1&page=2"];
    let methods = ["GET", "POST", "HEAD", "DELETE", "get"];
    let hosts = ["a.test", "b.test", "x.c.test", "y.c.test", "A.TEST:80", "other.test", "-"];
    let agents = ["curl", "Bot/1", "-", "a \\x22bot\\x22"];
    let cookies = ["-", "lang=de", "a=b; lang=en"];
    let clients = ["10.1.2.3", "192.168.7.7", "203.0.113.9", "2001:db8::1"];
    let mut log = String::new();
    for number in 0..count {
        let (path, args, method) =
            (paths[below(paths.len())], args[below(args.len())], methods[below(methods.len())]);
        let (status, upstream) =
            [(200, "-"), (404, "-"), (200, "10.0.0.1:80"), (502, "10.0.0.1:80, 10.0.0.2:80"), (301, "-")]
                [below(5)];
        log += &format!(
            "{} [10/Oct/2026:13:{:02}:36 +0000] \"{method} {path}{args} HTTP/1.{}\" {status} {} \"{upstream}\" \"{}\" \"{}\" {} {}\n",
            clients[below(4)],
            number / 100 % 60,
            below(2),
            hosts[below(hosts.len())],
            agents[below(4)],
            cookies[below(3)],
            ["-", "joe", "ann"][below(3)],
            [80, 8080, 9090][below(3)],
        );
    }
    log
}

/// A route that was followed for one line holds for each line that is counted with it.
#[test]
fn lines_that_are_counted_together_take_the_same_route() {
    use ngxc::behaviour::coverage::{Coverage, look_up};
    use ngxc::behaviour::logged::{Counter, Reader};
    use ngxc::behaviour::outcome::Outcome;
    let files = ngxc::source::Memory::default().with("nginx.conf", DECISIONS);
    let loaded =
        ngxc::syntax::load(&files, Path::new("nginx.conf"), &ngxc::syntax::LoadOptions::default()).unwrap();
    let version = ngxc::version::Version::new(1, 31, 5);
    let compiled = ngxc::compile::compile(&loaded, &ngxc::compile::Options::new(version));
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    let config = std::sync::Arc::new(compiled.config);
    let ground = ngxc::simulate::walk::RoutingConfiguration::new(std::sync::Arc::clone(&config)).unwrap();
    let format = config.http.log_formats.iter().find(|format| format.name == "full").unwrap();
    let reader = Reader::new(&ground, format).unwrap();
    let empty = Coverage::new(&config, &loaded.sources);
    let time = |_: &str, text: &[u8]| Some(i64::from(text[16] - b'0'));
    let mut counter = Counter::new(&ground, &reader, &empty, time);
    let (mut each, mut fields, mut foreign) = (empty.clone(), Vec::new(), 0);
    let log = decisions(30_000);
    for line in log.lines() {
        let own = match reader.read(line.as_bytes(), &mut fields) {
            Ok(mut logged) => {
                logged.asked.client = logged.client;
                let mut outcome = Outcome::of(&ground, &logged.asked).unwrap();
                look_up(&mut outcome);
                let reached = empty.reached(&outcome);
                each.hit(&reached, 1, time("", line.split_once('[').unwrap().1.as_bytes()));
                true
            }
            Err(_) => false,
        };
        assert_eq!(counter.line(line.as_bytes()).is_ok(), own, "{line}");
        foreign += usize::from(!own);
    }
    let (counted, _) = counter.coverage();
    assert_eq!((counted.requests, counted.by_default), (each.requests, each.by_default));
    for (one, other) in counted.items.iter().zip(&each.items) {
        assert_eq!((one.hits, one.last), (other.hits, other.last), "{} {}", one.kind.name(), one.name);
    }
    let reached = counted.items.iter().filter(|item| item.hits > 0).count();
    assert!(reached * 10 > counted.items.len() * 8 && foreign > 1000, "{reached} of {}", counted.items.len());
}
