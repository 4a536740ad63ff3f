//! `ngxc show` says what the runtime, and nginx, do: the same requests, the same location.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test that cannot go on fails, and one that is left out says so"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ngxc::compile::{Options, compile};
use ngxc::model::Endpoint;
use ngxc::runtime::{RunOptions, Stop, start};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::{http, nginx};

/// Every answer is the name of what answers, so that it tells the choice. `PORT` is the address.
const HTTP: &str = r#"
    map $http_x_kind $kind { default plain; ~^b bee; }
    server { listen PORT; server_name one.test; location / { return 200 one; } }
    server { listen PORT; server_name *.one.test; location / { return 200 head; } }
    server { listen PORT; server_name .two.test; return 200 dot; }
    server { listen PORT; server_name mail.*; location / { return 200 tail; } }
    server { listen PORT; server_name ~^(?<who>[a-z]+)\.re\.test$; location / { return 200 "re $who"; } }
    server { listen PORT; server_name ~^.*\.re\.test$; location / { return 200 re2; } }
    server { listen PORT; server_name ""; location / { return 200 empty; } }
    server {
        listen PORT default_server; server_name main.test;
        error_page 410 /gone; error_page 411 @named; error_page 409 /loop; error_page 417 =201 /gone; error_page 426 = /gone;
        rewrite ^/server/(.*)$ /abc$1;
        if ($http_x_stop) { return 200 stopped; }
        location / { return 200 root; }
        location = / { return 200 exact-root; }
        location /a { return 200 a;
            location /ab { return 200 ab; location ~ \.deep$ { return 200 deep; } }
            location ~ \.inner$ { return 200 inner; } }
        location ^~ /static/ { return 200 static; location ~ \.png$ { return 200 static-png; } }
        location ~ \.(png|gif)$ { return 200 "image $1"; location ~ ^/a/ { return 200 image-a; } }
        location ~* \.JPG$ { return 200 jpg; }
        location = /exact { return 200 exact; }
        location /exactly { return 200 exactly; }
        location /limited { limit_except GET { deny all; } return 200 free; }
        location /denied { allow 192.0.2.1; deny all; }
        location /old/ { rewrite ^/old/(.*)$ /exact last; return 200 never; }
        location /query/ { rewrite ^/query/(.*)$ /show?x=$1 last; }
        location /show { return 200 "show $args"; }
        location /moved { rewrite ^ /elsewhere permanent; }
        location /broken { rewrite ^/broken(.*)$ /exact$1 break; return 200 never; }
        location /next { rewrite ^ /exact; rewrite ^/exact$ /abc.deep; }
        location /cycle { rewrite ^ /cycle last; }
        location /if { set $v "k-$kind"; if ($v = k-bee) { return 200 bee; } if ($arg_q ~ ^(\d+)$) { return 200 "q$1"; }
            return 200 "if $v"; }
        location /method { if ($request_method = POST) { return 200 post; } return 200 get; }
        location /gone-page { return 410; }
        location /gone { return 200 gone; }
        location /as-201 { return 417; }
        location /as-own { return 426; }
        location /to-named { return 411; }
        location @named { return 200 named; }
        location /secret { internal; return 200 secret; }
        location /to-secret { rewrite ^ /secret last; }
        location /loop { return 409; }
        location /try { try_files /none.html @fallback; }
        location @fallback { return 200 "fallback $uri"; }
        location /try-uri { try_files /none.html /exact; }
        location /try-code { try_files /none.html =404; }
        location /redirect { return 302 http://$host/x; }
    }
"#;

/// Host, method and target, further headers, then status, and body or Location.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str], u16, &'static str);

const CASES: &[Case] = &[
    ("one.test", "GET", "/", &[], 200, "one"),
    ("ONE.test.", "GET", "/", &[], 200, "one"),
    ("a.b.one.test", "GET", "/", &[], 200, "head"),
    ("two.test", "GET", "/x", &[], 200, "dot"),
    ("a.two.test", "GET", "/x", &[], 200, "dot"),
    ("mail.where", "GET", "/", &[], 200, "tail"),
    ("abc.re.test", "GET", "/", &[], 200, "re abc"),
    ("1.re.test", "GET", "/", &[], 200, "re2"),
    ("other.test", "GET", "/", &[], 200, "exact-root"),
    ("main.test", "GET", "/", &[], 200, "exact-root"),
    ("main.test", "GET", "/x", &[], 200, "root"),
    ("main.test", "GET", "/a", &[], 200, "a"),
    ("main.test", "GET", "/abc", &[], 200, "ab"),
    ("main.test", "GET", "/abc.deep", &[], 200, "deep"),
    ("main.test", "GET", "/abc.inner", &[], 200, "inner"),
    ("main.test", "GET", "/abc.png", &[], 200, "image png"),
    ("main.test", "GET", "/a/b.gif", &[], 200, "image-a"),
    ("main.test", "GET", "/static/x.png", &[], 200, "static-png"),
    ("main.test", "GET", "/static/x.gif", &[], 200, "static"),
    ("main.test", "GET", "/static/../x.gif", &[], 200, "image gif"),
    ("main.test", "GET", "//static//x", &[], 200, "static"),
    ("main.test", "GET", "/%73tatic/x", &[], 200, "static"),
    ("main.test", "GET", "/x.jpg", &[], 200, "jpg"),
    ("main.test", "GET", "/exact", &[], 200, "exact"),
    ("main.test", "GET", "/exact?x=y", &[], 200, "exact"),
    ("main.test", "GET", "/exact2", &[], 200, "root"),
    ("main.test", "GET", "/exactly2", &[], 200, "exactly"),
    ("main.test", "GET", "/limited", &[], 200, "free"),
    ("main.test", "HEAD", "/limited", &[], 200, ""),
    ("main.test", "DELETE", "/limited", &[], 403, ""),
    ("main.test", "GET", "/denied", &[], 403, ""),
    ("main.test", "GET", "/old/x", &[], 200, "exact"),
    ("main.test", "GET", "/query/z", &[], 200, "show x=z"),
    ("main.test", "GET", "/query/z?a=b", &[], 200, "show x=z&a=b"),
    ("main.test", "GET", "/moved?a=b", &[], 301, "/elsewhere?a=b"),
    ("main.test", "GET", "/broken/x", &[], 404, ""),
    ("main.test", "GET", "/next", &[], 200, "deep"),
    ("main.test", "GET", "/cycle", &[], 500, ""),
    ("main.test", "GET", "/if", &[], 200, "if k-plain"),
    ("main.test", "GET", "/if", &["X-Kind: bx"], 200, "bee"),
    ("main.test", "GET", "/if?q=12", &[], 200, "q12"),
    ("main.test", "GET", "/method", &[], 200, "get"),
    ("main.test", "POST", "/method", &[], 200, "post"),
    ("main.test", "GET", "/gone-page", &[], 410, "gone"),
    ("main.test", "GET", "/to-named", &[], 411, "named"),
    ("main.test", "GET", "/as-201", &[], 201, "gone"),
    ("main.test", "GET", "/as-own", &[], 200, "gone"),
    ("main.test", "GET", "/secret", &[], 404, ""),
    ("main.test", "GET", "/to-secret", &[], 200, "secret"),
    ("main.test", "GET", "/loop", &[], 409, ""),
    ("main.test", "GET", "/try", &[], 200, "fallback /try"),
    ("main.test", "GET", "/try-uri", &[], 200, "exact"),
    ("main.test", "GET", "/try-code", &[], 404, ""),
    ("main.test", "GET", "/redirect", &[], 302, "http://main.test/x"),
    ("main.test", "GET", "/server/x", &[], 200, "ab"),
    ("main.test", "GET", "/x", &["X-Stop: 1"], 200, "stopped"),
];

/// Status, and Location or body; pages of nginx's own have none.
fn ask(to: SocketAddr, case: &Case) -> (u16, String) {
    let (host, method, target, headers, ..) = case;
    let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    );
    let answer = http::once(to, &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head[9..12].parse().unwrap();
    let location = head.lines().find_map(|l| l.strip_prefix("Location: "));
    // nginx makes a Location absolute.
    let location = location.map(|l| l.strip_prefix(&format!("http://{host}:{}", to.port())).unwrap_or(l));
    let body = if body.starts_with("<html>") { "" } else { body };
    (status, location.unwrap_or(body).to_owned())
}

/// Status and location that `ngxc show` predicts when no file exists.
fn shown(file: &Path, port: u16, case: &Case) -> (u16, String) {
    let (host, method, target, headers, ..) = case;
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    command.arg("show").arg(file).arg(target).args(["--host", host, "-X", method, "--client", "127.0.0.1"]);
    command.args(["--format", "json", "--port", &port.to_string()]);
    for header in *headers {
        command.args(["-H", header]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{case:?}: {}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut way = &answer;
    // There are no files at all.
    while let Some(other) = way["otherwise"]
        .as_array()
        .unwrap()
        .iter()
        .find(|o| o["when"].as_str().unwrap().starts_with("no file of"))
    {
        way = other;
    }
    if way["status"].is_null() {
        assert!(way["answer"].as_str().unwrap().starts_with("files, "), "{way}");
        return (404, String::new());
    }
    let status = way["status"].as_u64().unwrap() as u16;
    let text = way["value"].as_str().unwrap_or_default();
    (status, if *method == "HEAD" { String::new() } else { text.to_owned() })
}

#[test]
fn it_says_what_is_served() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("html")).unwrap();
    let file = directory.path().join("nginx.conf");
    let text = format!("events {{ }} http {{ access_log off; {HTTP} }}");
    let files = Memory::default().with("n", text.replace("PORT", "127.0.0.1:9"));
    let loaded = load(&files, Path::new("n"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    let mut config = compiled.config;
    for listen in config.http.servers.iter_mut().flat_map(|server| &mut server.listen) {
        if let Endpoint::Inet(address) = &mut listen.endpoint {
            address.set_port(0);
        }
    }
    let running =
        start(Arc::new(config), &RunOptions { prefix: directory.path().to_owned(), ..RunOptions::default() })
            .unwrap();
    let address = running.addresses()[0];
    std::fs::write(&file, text.replace("PORT", &address.to_string())).unwrap();
    let real = nginx::Nginx::start(HTTP);
    for case in CASES {
        let expected = (case.4, case.5.to_owned());
        assert_eq!(ask(address, case), expected, "ngxc run: {case:?}");
        assert_eq!(shown(&file, address.port(), case), expected, "ngxc show: {case:?}");
        if let Some(real) = &real {
            assert_eq!(ask(real.address, case), expected, "nginx: {case:?}");
        }
    }
    assert!(CASES.len() > 40);
    running.stop(Stop::Fast);
}

/// The reasons, in the words that a person reads.
#[test]
fn errors_name_what_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nginx.conf");
    std::fs::write(
        &file,
        "events { } http { server { listen 80; listen 10.0.0.1:80; listen 8443 ssl; ssl_reject_handshake on; } }",
    )
    .unwrap();
    let cases: &[(&[&str], &str)] = &[
        (
            &["http://a.test:81/"],
            "no server listens on port 81\nhelp: servers listen on 0.0.0.0:80, 10.0.0.1:80, 0.0.0.0:8443",
        ),
        (&["/", "--address", "10.0.0.2:81"], "no server listens on 10.0.0.2:81"),
        (&["/", "--address", "unix:/none"], "no server listens on unix:/none"),
        (&["ftp://a.test/"], "`ftp://a.test/` is no URL: the scheme is `ftp`, expected `http` or `https`"),
        (&["http://a..b/"], "`a..b` is no host that nginx accepts"),
        (&["/", "--host", "a b"], "`a b` is no host"),
        (&["/", "--address", "x"], "`x` is no address"),
        (&["/", "-H", "nothing"], "expected a name and a value with a colon"),
        (&["/", "--setting", "rot"], "no directive is called `rot`\nhelp: did you mean `root`?"),
        (&["/", "--setting", "worker_processes"], "`worker_processes` is no setting of a location"),
    ];
    for (args, expected) in cases {
        let output =
            Command::new(env!("CARGO_BIN_EXE_ngxc")).arg("show").arg(&file).args(*args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}
