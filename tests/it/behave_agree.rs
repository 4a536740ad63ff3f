//! The simulator behind `ngxc test`, `ngxc run` and a real nginx agree on what happens to a request: status, headers, text,
//! and what the upstream gets.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and one that is left out says so"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ngxc::behaviour::outcome::Outcome;
use ngxc::behaviour::{passed, response};
use ngxc::compile::{Options, compile};
use ngxc::eval::select::host;
use ngxc::simulate::facts::{Facts, Files, Response};
use ngxc::simulate::imagined::DescribedRequest;
use ngxc::simulate::walk::{End, RoutingConfiguration};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::{http, nginx, proxy};

/// `PORT`, `STUB` and `ROOT` are filled in.
const HTTP: &str = r#"
    map $http_x_kind $kind { default plain; ~^b(.*)$ bee$1; exact same; }
    map $uri $by_uri { default other; ~^/mapped/(?<what>[a-z]+)$ $what; }
    geo $net { default far; 127.0.0.0/8 near; }
    upstream app { server STUB; }
    server {
        listen PORT; server_name main.test; root ROOT; default_type text/plain;
        add_header X-Server main; add_header X-Always yes always;
        error_page 404 /missing.html; error_page 410 =200 /gone; error_page 418 @tea; error_page 402 http://pay.test/;
        rewrite ^/server/(.*)$ /plain/$1;
        location / { index index.html; }
        location /plain { return 200 "plain $uri $args $kind $net"; }
        location /mapped/ { return 200 "$by_uri"; add_header X-Uri $by_uri; }
        location /tried/ { try_files $uri $uri/index.html =404; }
        location /fallback/ { try_files $uri @app; }
        location @app { proxy_pass http://app; add_header X-App 1; }
        location @tea { return 200 tea; }
        location = /missing.html { internal; return 404 "page of 404"; }
        location /teapot { return 418; }
        location /pay { return 402; }
        location /gone { return 200 "was gone"; }
        location /is-gone { return 410; }
        location /redirect { return 301 /target?$args; }
        location /absolute { return 302 https://other.test/x; }
        location /relative { absolute_redirect off; return 307 /near; }
        location /quoted/ { rewrite ^/quoted/(.*)$ /new/$1?x=$1 redirect; }
        location /escaped/ { rewrite ^/escaped/(.*)$ http://e.test/$1 permanent; }
        location /last/ { rewrite ^/last/(.*)$ /api/$1 last; }
        location /break/ { rewrite ^/break/(.*)$ /other/$1?y=1 break; proxy_pass http://app; }
        location /api/ { proxy_pass http://app/v1/; proxy_set_header Host $host; proxy_set_header X-Kind $kind; proxy_set_header X-For $proxy_add_x_forwarded_for; }
        location /whole { proxy_pass http://app; }
        location /fixed { proxy_pass http://app/fixed; proxy_pass_request_headers off; }
        location /cut/ { proxy_pass http://app/; proxy_hide_header X-Hidden; proxy_set_header Accept ""; }
        location ~ ^/re/(?<rest>.*)$ { proxy_pass http://app; proxy_set_header X-Rest $rest; add_header X-Up $upstream_http_x_up; }
        location /caught/ { proxy_intercept_errors on; proxy_pass http://app; }
        location /moved/ { proxy_redirect http://app/ /front/; proxy_pass http://app; }
        location /method { limit_except GET { deny all; } return 200 free; }
        location /closed { deny all; return 200 never; }
        location /open { allow 127.0.0.0/8; deny all; root ROOT; try_files /a.txt =404; }
        location /if { if ($request_method = POST) { return 405 "no posts"; } if ($arg_x) { set $seen "x$arg_x"; } if ($http_x_kind ~* ^b(.)) { return 200 "group $1 $seen"; } return 200 "seen $seen"; }
        location /expires/ { expires 1h; return 200 later; }
        location /max/ { expires max; add_header X-Own 1; return 200 max; }
        location /body { client_max_body_size 4; return 200 body; }
        location /alias/ { alias ROOT/sub/; }
        location ~ ^/ra/(.*)$ { alias ROOT/sub/$1; }
        location /list/ { autoindex on; }
        location ^~ /slash/ { proxy_pass http://app; }
        location /static { location ~ \.txt$ { add_header X-Text 1; } location /static/in { return 204; } }
    }
    server { listen PORT; server_name ~^(?<sub>[a-z]+)\.re\.test$; return 200 "re $sub"; }
    server { listen PORT; server_name *.wild.test; absolute_redirect on; server_name_in_redirect on; location / { return 301 /wild; } }
"#;

const FILES: [&str; 6] = ["index.html", "a.txt", "sub/index.html", "sub/b.txt", "list/x", "static/t.txt"];

/// Paths, of which each is asked with each variation.
const PATHS: [&str; 57] = [
    "/",
    "/index.html",
    "/a.txt",
    "/sub",
    "/sub/",
    "/list",
    "/list/",
    "/none",
    "/none/",
    "/plain",
    "/plain?a=b",
    "/server/x",
    "/mapped/abc",
    "/mapped/1",
    "/tried/a.txt",
    "/tried/none",
    "/fallback/none?q=1",
    "/a.txt/",
    "/teapot",
    "/pay",
    "/is-gone",
    "/gone",
    "/redirect?z=1",
    "/redirect",
    "/absolute",
    "/relative",
    "/quoted/a%20b+c?d=e",
    "/quoted/plain",
    "/escaped/a%2Fb%3Fc",
    "/escaped/x",
    "/last/a%20b?q",
    "/break/x?q=1",
    "/break/a%20b",
    "/api/users?id=1",
    "/api",
    "/api/a%20b/%2e%2e/c",
    "/whole/a%20b?x",
    "/fixed/x",
    "/cut/a//b",
    "/re/x%2Fy",
    "/caught/x",
    "/moved/x",
    "/method",
    "/closed",
    "/open",
    "/if?x=1",
    "/if",
    "/expires/",
    "/max/",
    "/body",
    "/alias/b.txt",
    "/alias/",
    "/alias",
    "/ra/b.txt",
    "/slash",
    "/static/t.txt",
    "/static/in",
];

/// Method, further headers, body, host.
#[expect(clippy::type_complexity, reason = "a table")]
const VARIATIONS: [(&str, &[(&str, &str)], &str, &str); 8] = [
    ("GET", &[], "", "main.test"),
    ("POST", &[], "abc", "main.test"),
    ("POST", &[], "abcdef", "main.test"),
    ("HEAD", &[("X-Kind", "bay")], "", "main.test"),
    (
        "GET",
        &[("X-Kind", "exact"), ("X-Forwarded-For", "192.0.2.7"), ("Accept", "x/y")],
        "",
        "Main.Test:8080",
    ),
    ("GET", &[("X-Want", "404"), ("TE", "trailers")], "", "main.test"),
    ("DELETE", &[("X-Want", "503")], "", "abc.re.test"),
    ("GET", &[("X_Under", "1"), ("Cookie", "a=1; b=2")], "", "x.wild.test"),
];

/// The upstream's response: its status is asked for by a header.
fn upstream(request: &str) -> String {
    let want = request.lines().find_map(|line| line.strip_prefix("X-Want: ")).unwrap_or("200");
    let close = if request.contains("HTTP/1.0\r\n") || request.contains("Connection: close") {
        "Connection: close\r\n"
    } else {
        ""
    };
    format!(
        "HTTP/1.1 {want} Status\r\n{close}Content-Length: 0\r\nContent-Type: a/b\r\nX-Up: up\r\nX-Hidden: h\r\n\
         Location: http://app/v1/there\r\nServer: stub\r\n\r\n"
    )
}

fn headers_of_upstream(sends_all: bool) -> Vec<(String, Vec<u8>)> {
    let all = [
        ("Content-Type", "a/b"),
        ("X-Up", "up"),
        ("X-Hidden", "h"),
        ("Location", "http://app/v1/there"),
        ("Server", "stub"),
    ];
    assert!(sends_all);
    all.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec()
}

/// Status, header lines and body.
fn ask(address: SocketAddr, text: &str, is_head: bool) -> (u16, Vec<(String, String)>, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut all = Vec::new();
    let _ = stream.take(1 << 20).read_to_end(&mut all);
    let all = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}: {all}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap()[9..12].parse().unwrap();
    let headers =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    (status, headers, if is_head { String::new() } else { body.to_owned() })
}

fn fill(text: &str, port: &str, stub: SocketAddr, root: &Path) -> String {
    text.replace("PORT", port).replace("STUB", &stub.to_string()).replace("ROOT", &root.display().to_string())
}

/// Compares a server with the simulator; returns the number of requests.
#[expect(clippy::too_many_lines, reason = "one request after the other, each with all that is compared")]
fn compare(address: SocketAddr, backend: &http::Backend, version: Version, root: &Path, name: &str) -> usize {
    let text = fill(HTTP, &address.to_string(), backend.address, root);
    let files = Memory::default().with("nginx.conf", format!("events {{}}\nhttp {{ {text} }}\n"));
    let loaded = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(version));
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    let ground = RoutingConfiguration::new(Arc::new(compiled.config)).unwrap();
    let paths: Vec<String> = FILES.iter().map(|file| format!("{}/{file}", root.display())).collect();
    let (mut asked_count, mut wrong) = (0, Vec::new());
    for path in PATHS {
        for (method, headers, body, host) in VARIATIONS {
            let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
            for (name, value) in headers {
                request += &format!("{name}: {value}\r\n");
            }
            if !body.is_empty() {
                request += &format!("Content-Length: {}\r\n", body.len());
            }
            request += &format!("\r\n{body}");
            let before = backend.requests().len();
            let (status, lines, text) = ask(address, &request, method == "HEAD");
            let got = backend.requests().get(before).map(|(_, request)| request.clone());
            asked_count += 1;
            let mut problem =
                |what: String| wrong.push(format!("{name}: {method} {path} {host} {headers:?}: {what}"));

            let mut normal = Vec::new();
            host::normalize(host.as_bytes(), &mut normal).unwrap();
            let id = ground.router.addresses().next().unwrap().0;
            let want = headers
                .iter()
                .find(|(name, _)| *name == "X-Want")
                .map_or(200, |(_, value)| value.parse().unwrap());
            let asked = DescribedRequest {
                address: id,
                endpoint: ground.router.listen(id).listen.endpoint.clone(),
                scheme: "http",
                method: method.to_owned(),
                protocol: "HTTP/1.1".to_owned(),
                host: host.as_bytes().to_vec(),
                name: normal,
                target: path.split('#').next().unwrap().as_bytes().to_vec(),
                headers: headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect(),
                client: Some(address.ip()),
                facts: Some(Facts {
                    files: Some(Files::new(paths.iter().map(String::as_bytes))),
                    upstream: Some(Response { status: want, headers: headers_of_upstream(true) }),
                    body: (!body.is_empty()).then_some(body.len() as u64),
                    ..Facts::default()
                }),
            };
            let mut outcome = Outcome::of(&ground, &asked).unwrap();
            // A location that drops the client's headers gets the default response.
            if path.starts_with("/fixed") && outcome.destination().is_some() && want != 200 {
                continue;
            }
            match outcome.status() {
                Ok(expected) if expected == status => {}
                other => {
                    problem(format!("status {status}, the simulator has {other:?} {:?}", outcome.walk.end));
                }
            }
            for (name, value) in response::headers(&mut outcome).unwrap_or_default() {
                let Ok(value) = value else { continue };
                let value = String::from_utf8_lossy(&value).into_owned();
                if !lines.iter().any(|(own, text)| own.eq_ignore_ascii_case(&name) && *text == value) {
                    problem(format!("no header {name}: {value} in {lines:?}"));
                }
            }
            let known = response::headers(&mut outcome).unwrap_or_default();
            for (name, value) in &lines {
                let is_compared = name.starts_with("X-")
                    || ["Location", "Cache-Control", "Content-Type"].contains(&name.as_str());
                if is_compared && !known.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
                    problem(format!("the simulator has no header {name}: {value}; {:?}", outcome.walk.end));
                }
            }
            if let (Ok(Some(expected)), true) = (response::body(&outcome), method != "HEAD") {
                let expected = String::from_utf8_lossy(&expected).into_owned();
                if expected != text && status != 204 {
                    problem(format!("text {text:?}, the simulator has {expected:?}"));
                }
            }
            if let End::File(path) = &outcome.walk.end
                && method != "HEAD"
                && !text.ends_with(&*String::from_utf8_lossy(path))
            {
                problem(format!("{text:?} is not the file {:?}", String::from_utf8_lossy(path)));
            }
            match (got, outcome.destination().is_some()) {
                (None, false) => {}
                (None, true) => problem("nothing was passed on".to_owned()),
                (Some(got), false) => problem(format!("passed on: {got}")),
                // An error page replaced the response: what was passed on is not known any more.
                (Some(_), true) if passed::uri(&outcome).is_err() => {}
                (Some(got), true) => {
                    let mut own = got.lines();
                    let mut words = own.next().unwrap().split(' ');
                    let (method, uri) = (words.next().unwrap(), words.next().unwrap());
                    let expected =
                        passed::uri(&outcome).map(|uri| String::from_utf8_lossy(&uri).into_owned());
                    if expected.as_deref() != Ok(uri) {
                        problem(format!("passed URI {uri}, the simulator has {expected:?}"));
                    }
                    let expected =
                        passed::method(&mut outcome).map(|m| String::from_utf8_lossy(&m).into_owned());
                    if expected.as_deref() != Ok(method) {
                        problem(format!("passed method {method}, the simulator has {expected:?}"));
                    }
                    let mut real: Vec<String> =
                        own.take_while(|line| !line.is_empty()).map(str::to_owned).collect();
                    let mut expected: Vec<String> = passed::headers(&mut outcome)
                        .unwrap()
                        .into_iter()
                        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(&value.unwrap())))
                        .collect();
                    real.sort();
                    expected.sort();
                    if real != expected {
                        problem(format!("passed {real:?}, the simulator has {expected:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked_count}:\n{}", wrong.len(), wrong.join("\n"));
    asked_count
}

fn root() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in FILES {
        let path = directory.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // A file is its own name.
        std::fs::write(&path, path.display().to_string()).unwrap();
    }
    directory
}

#[test]
fn the_simulator_agrees_with_ngxc_run() {
    let (root, backend) = (root(), http::Backend::new(upstream));
    let running = proxy::Proxy::new(&fill(HTTP, "127.0.0.1:9", backend.address, root.path()));
    let asked = compare(running.address, &backend, Version::new(1, 31, 5), root.path(), "ngxc run");
    assert!(asked > 400, "{asked}");
}

#[test]
fn the_simulator_agrees_with_nginx() {
    let (root, backend) = (root(), http::Backend::new(upstream));
    let text = fill(HTTP, "PORT", backend.address, root.path());
    let Some(nginx) = nginx::Nginx::start(&text) else { return };
    let asked = compare(nginx.address, &backend, nginx.version, root.path(), "nginx");
    println!("{asked} requests, nginx {}", nginx.version);
    assert!(asked > 400, "{asked}");
}
