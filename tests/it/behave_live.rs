//! `ngxc test --live` and `--nginx`: cases through `ngxc run` and a real nginx on loopback agree with the simulator.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test that cannot go on fails"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::nginx;

/// Exit status, standard output, standard error.
fn ngxc(directory: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// `--live`, and `--nginx` with its version if there is one.
fn engines() -> Vec<String> {
    let mut args = vec!["--live".to_owned()];
    if let Some(program) = nginx::program() {
        let output = Command::new(&program).arg("-v").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let version = text.split("nginx/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        args.extend(["--nginx".to_owned(), program.display().to_string()]);
        args.extend(["--nginx-version".to_owned(), version]);
    }
    args
}

fn asked(directory: &Path, args: &[&str]) -> (i32, String, String) {
    let engines = engines();
    let mut all = vec!["test", "nginx.conf"];
    all.extend(args);
    all.extend(engines.iter().map(String::as_str));
    ngxc(directory, &all)
}

const CONFIG: &str = r#"
user www-data; worker_processes auto; error_log /var/log/nginx/error.log warn; pid /run/nginx.pid;
events { worker_connections 9000; }
http {
    access_log /var/log/nginx/access.log;
    include shared.conf;
    limit_req_zone $arg_key zone=keys:1m rate=1r/m;
    proxy_cache_path /var/cache/nginx/c keys_zone=store:1m;
    upstream app { zone app 64k; server app1.internal:8080; server unix:/run/app.sock backup; keepalive 8; }
    upstream tls { server 10.0.0.7:443; }
    server {
        listen 80; listen [::]:80;
        server_name example.com www.example.com;
        return 301 https://$host$request_uri;
    }
    server {
        listen 443 ssl http2 default_server;
        server_name example.com;
        ssl_certificate /etc/ssl/example.pem; ssl_certificate_key /etc/ssl/example.key;
        root /var/www/html;
        error_page 404 /404.html;
        location / { try_files $uri $uri/ @app; }
        location @app { proxy_pass http://app; proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; }
        location /direct/ { proxy_pass http://127.0.0.1:3000/v1/; }
        location /secure/ { proxy_pass https://tls; }
        location /named { proxy_pass http://backend.example.org; }
        location /computed { set $to app; proxy_pass http://$to$request_uri; }
        location /elsewhere { resolver 127.0.0.1; set $to other.example.org; proxy_pass http://$to; }
        location /limited { limit_req zone=keys; proxy_pass http://app; }
        location /cached { proxy_cache store; proxy_cache_valid 1h; proxy_pass http://app; }
        location /admin/ { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
        location /secret/ { auth_basic closed; auth_basic_user_file /etc/nginx/users; proxy_pass http://app; proxy_set_header X-User $remote_user; }
        location /asked/ { auth_request /auth; proxy_pass http://app; }
        location = /auth { internal; proxy_pass http://auth.internal/check; }
        location ~ \.php$ { fastcgi_pass unix:/run/php.sock; fastcgi_param SCRIPT_FILENAME $document_root$uri; }
        location /old/ { rewrite ^/old/(.*)$ /new/$1 permanent; }
        location /inside/ { rewrite ^/inside/(.*)$ /direct/$1 last; }
        location /drop { return 444; }
        location /files/ { alias /srv/files/; add_header X-Served $document_root; expires 1h; }
        location /upload { client_max_body_size 10; limit_except POST { deny all; } return 201 taken; }
        location /kind { add_header X-Kind $kind always; return 404; }
        location = /404.html { internal; }
        location /wsgi { uwsgi_pass 127.0.0.1:9; }
        location /mirrored { mirror /copy; proxy_pass http://app; }
        location = /copy { internal; proxy_pass http://tls; }
        location /fallback { proxy_intercept_errors on; error_page 502 503 = @static; proxy_pass http://app; }
        location @static { return 200 "static, no $upstream_http_x_none"; }
        location ^~ /deep/ { location /deep/er/ { return 200 deeper; } return 200 deep; }
    }
    server { listen 8080; server_name ~^(?<sub>[a-z]+)\.example\.com$; return 200 "sub $sub on $server_port"; }
    server { listen 127.0.0.1:8081; server_name _; location / { return 302 /there; } }
}
stream { server { listen 5432; proxy_pass 10.0.0.9:5432; } }
"#;

const CASES: &str = r#"
[[case]]
url = "http://www.example.com/a?b=c"
expect = { server = "example.com", status = 301, redirect = "https://www.example.com/a?b=c", location = "" }
[[case]]
url = "https://example.com/page.html"
files = ["/var/www/html/page.html"]
expect = { file = "/var/www/html/page.html", status = 200, location = "/", headers = { Content-Type = "text/html" } }
[[case]]
url = "https://example.com/dir"
files = ["/var/www/html/dir/index.html"]
expect = { status = 301, redirect = "https://example.com/dir/" }
[[case]]
url = "https://example.com/none"
files = []
client = "198.51.100.4"
upstream = { status = 203, headers = { X-From = "app" } }
[case.expect]
status = 203
location = "@app"
upstream = "app"
upstream_uri = "/none"
upstream_method = "GET"
upstream_headers = { Host = "example.com", X-Real-IP = "198.51.100.4" }
headers = { X-From = "app" }
[[case]]
url = "https://example.com/direct/x?y=z"
upstream = { status = 302, headers = { Location = "http://127.0.0.1:3000/v1/there" } }
[case.expect]
status = 302
upstream = "127.0.0.1:3000"
upstream_uri = "/v1/x?y=z"
upstream_headers = { Host = "127.0.0.1:3000" }
redirect = "https://example.com/direct/there"
[[case]]
url = "https://example.com/secure/x"
upstream = {}
expect = { upstream = "tls", upstream_uri = "/secure/x", upstream_headers = { Host = "tls" } }
[[case]]
url = "https://example.com/named"
upstream = {}
expect = { upstream = "backend.example.org", upstream_headers = { Host = "backend.example.org" } }
[[case]]
url = "https://example.com/computed?x"
upstream = {}
expect = { upstream = "app", upstream_uri = "/computed?x", variables = { to = "app" } }
[[case]]
url = "https://example.com/limited?key=a"
upstream = {}
expect = { status = 200, limit_req = { keys = "a" } }
[[case]]
url = "https://example.com/limited?key=a"
upstream = {}
expect = { status = 200, location = "/limited" }
[[case]]
url = "https://example.com/cached"
upstream = { status = 200, headers = { X-Number = "1" } }
expect = { status = 200, cache = "store", headers = { X-Number = "1" } }
[[case]]
url = "https://example.com/cached"
upstream = { status = 200, headers = { X-Number = "2" } }
expect = { status = 200, headers = { X-Number = "2" } }
[[case]]
url = "https://example.com/admin/"
client = "10.1.2.3"
upstream = {}
expect = { status = 200, allowed = true, upstream = "app" }
[[case]]
url = "https://example.com/admin/"
client = "2001:db8::1"
expect = { status = 403, access = "deny all" }
[[case]]
url = "https://example.com/secret/"
expect = { status = 401, headers = { WWW-Authenticate = "Basic realm=\"closed\"" } }
[[case]]
url = "https://example.com/secret/"
user = "joe"
upstream = {}
expect = { status = 200, upstream_headers = { X-User = "joe" } }
[[case]]
url = "https://example.com/asked/"
auth_request = 403
expect = { status = 403, upstream = "" }
[[case]]
url = "https://example.com/asked/"
auth_request = 200
upstream = {}
expect = { status = 200, upstream = "app" }
[[case]]
url = "https://example.com/x.php"
upstream = { status = 404, headers = { X-Powered-By = "php" } }
expect = { status = 404, upstream = "unix:/run/php.sock", location = "~ \\.php$" }
[[case]]
url = "https://example.com/old/a%20b"
expect = { status = 301, redirect = "https://example.com/new/a%20b" }
[[case]]
url = "https://example.com/inside/x"
upstream = {}
expect = { upstream_uri = "/v1/x", location = "/direct/" }
[[case]]
url = "https://example.com/drop"
expect = { status = 444 }
[[case]]
url = "https://example.com/files/a.txt"
files = ["/srv/files/a.txt"]
expect = { status = 200, file = "/srv/files/a.txt", headers = { X-Served = "/srv/files/", Cache-Control = "max-age=3600" } }
[[case]]
url = "https://example.com/upload"
method = "POST"
body_size = 11
expect = { status = 413 }
[[case]]
url = "https://example.com/upload"
method = "POST"
body_size = 10
expect = { status = 201, body = "taken" }
[[case]]
url = "https://example.com/upload"
expect = { status = 403 }
[[case]]
url = "https://example.com/kind"
headers = { User-Agent = "Robot/2" }
files = ["/var/www/html/404.html"]
expect = { status = 404, headers = { X-Kind = false }, file = "/var/www/html/404.html" }
[[case]]
url = "https://example.com/mirrored"
upstream = {}
expect = { upstream = "app" }
[[case]]
url = "https://example.com/fallback"
upstream = { status = 503 }
expect = { status = 200, location = "@static", body = "static, no " }
[[case]]
url = "https://example.com/deep/er/x"
expect = { location = "/deep/er/", body = "deeper" }
[[case]]
url = "http://abc.example.com:8080/"
expect = { body = "sub abc on 8080", variables = { sub = "abc" } }
[[case]]
url = "http://127.0.0.1:8081/"
expect = { status = 302, redirect = "http://127.0.0.1:8081/there" }
"#;

fn directory(cases: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let shared = "map $http_user_agent $kind { default human; ~*robot robot; }\n";
    fs::write(directory.path().join("shared.conf"), shared).unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    fs::write(directory.path().join("www.test.toml"), cases).unwrap();
    directory
}

#[test]
fn simulator_run_and_nginx_agree_on_cases() {
    let directory = directory(CASES);
    let (status, out, error) = asked(directory.path(), &[]);
    let count = CASES.matches("[[case]]").count();
    assert_eq!(status, 0, "{out}{error}");
    assert!(out.contains(&format!("{count} cases: all as expected; ngxc run agrees with {count}")), "{out}");
    for line in out.lines().filter(|line| line.contains("agrees with")) {
        assert_eq!(
            line.matches(&format!("agrees with {count}")).count(),
            line.matches("agrees").count(),
            "{out}"
        );
    }
}

#[test]
fn what_a_server_does_otherwise_is_a_failure_with_its_name() {
    // The simulator takes the upstream's word; a server drops a header that it makes itself.
    let directory = directory(
        "[[case]]\nurl = 'http://abc.example.com:8080/'\nexpect = { body = 'other' }\n\
         [[case]]\nurl = 'https://example.com/elsewhere'\nupstream = {}\nexpect = { location = '/elsewhere' }\n\
         [[case]]\nurl = 'https://example.com/wsgi'\nupstream = {}\nexpect = { status = 200 }\n\
         [[case]]\nurl = 'https://example.com/limited'\nprotocol = 'HTTP/2'\nexpect = { status = 200 }\n",
    );
    let (status, out, error) = asked(directory.path(), &[]);
    assert_eq!(status, 1, "{out}{error}");
    assert!(out.contains("  body: expected \"other\", found `sub abc on 8080`"), "{out}");
    assert!(out.contains("  ngxc run: body: expected \"other\", found `sub abc on 8080`"), "{out}");
    assert!(out.contains("decided by the simulator alone:"), "{out}");
    assert!(out.contains("which is not on loopback"), "{out}");
    assert!(out.contains("requests on loopback are HTTP/1"), "{out}");
    assert!(out.contains("the stubs do not answer `uwsgi_pass`"), "{out}");
    let (_, out, _) = asked(directory.path(), &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let first = &json["cases"][0]["live"][0];
    assert_eq!(
        (first["engine"].as_str(), first["result"].as_str()),
        (Some("ngxc run"), Some("failed")),
        "{out}"
    );
    assert_eq!(json["cases"][1]["live"][0]["result"], "not asked");
}

const REDIRECTS: &str = r"
events {}
http {
    upstream app { server 10.0.0.1:3000; }
    upstream api { server 10.0.0.2:3000; }
    server { listen 80; server_name www.example.com; return 301 https://$host$request_uri; }
    server {
        listen 443 ssl; server_name www.example.com;
        ssl_certificate /etc/a.pem; ssl_certificate_key /etc/a.key;
        port_in_redirect on;
        location / { auth_request /check; proxy_pass http://app; }
        location /static { auth_request /check; root /srv; }
        location /refused/ { auth_request /check; error_page 401 = @login; proxy_pass http://app; }
        location = /check { internal; proxy_pass http://auth.internal:4000/; }
        location @login { return 302 /login; }
        location /named/ { proxy_pass http://api/v1/; proxy_redirect http://api/v1/ /named/; }
        location /host/ { proxy_pass http://api/v1/; proxy_redirect https://api.internal/ https://$host/host/; }
        location /pattern/ { proxy_pass http://10.0.0.9:5000/; proxy_redirect ~^https?://10\.0\.0\.9:5000/(?<rest>.*)$ /pattern/$rest; }
        location /default/ { proxy_pass https://api/v1/; proxy_redirect default; }
        location /off/ { proxy_pass http://10.0.0.9:5000/v1/; proxy_redirect off; }
        location /scheme/ { proxy_pass http://app; proxy_redirect http:// https://; }
        location /whole/ { proxy_pass http://10.0.0.9:5000; proxy_redirect http://$proxy_host/ $scheme://$host:$server_port/; }
        location /path/ { proxy_pass https://10.0.0.9:5000; proxy_redirect / /path/; }
        location /directory { root /srv; }
        location /slash/ { proxy_pass https://backend.example.org; }
    }
    server { listen 80; listen 8080; server_name two.example.com; location /slash/ { proxy_pass http://app; } location / { return 302 /on/$server_port; } }
}
";

/// Path, `Location` of the upstream, `Location` of the response.
const REWRITTEN: [(&str, &str, &str); 20] = [
    ("/named/a", "http://api/v1/x", "https://www.example.com/named/x"),
    ("/named/a", "https://api/v1/x", "https://api/v1/x"),
    ("/named/a", "/v1/x", "/v1/x"),
    ("/host/a", "https://api.internal/x", "https://www.example.com/host/x"),
    ("/host/a", "http://api.internal/x", "http://api.internal/x"),
    ("/pattern/a", "http://10.0.0.9:5000/x?y", "https://www.example.com/pattern/x?y"),
    ("/pattern/a", "http://10.0.0.9:5001/x", "http://10.0.0.9:5001/x"),
    ("/default/a", "https://api/v1/x", "https://www.example.com/default/x"),
    ("/default/a", "http://api/v1/x", "http://api/v1/x"),
    ("/off/a", "http://10.0.0.9:5000/v1/x", "http://10.0.0.9:5000/v1/x"),
    ("/scheme/a", "http://elsewhere/x", "https://elsewhere/x"),
    ("/whole/a", "http://10.0.0.9:5000/x", "https://www.example.com:443/x"),
    ("/whole/a", "https://10.0.0.9:5000/x", "https://10.0.0.9:5000/x"),
    ("/path/a", "/x", "https://www.example.com/path/x"),
    ("/slash/a", "http://www.example.com/slash/", "http://www.example.com/slash/"),
    ("/slash/a", "https://www.example.com/slash/", "https://www.example.com/slash/"),
    ("/slash/a", "https://backend.example.org/slash/b", "https://www.example.com/slash/b"),
    ("/slash/a", "http://backend.example.org/slash/b", "http://backend.example.org/slash/b"),
    ("/slash", "", "https://www.example.com/slash/"),
    ("/directory", "", "https://www.example.com/directory/"),
];

#[test]
fn locations_behind_a_subrequest_and_redirects_agree() {
    let mut cases = r#"
[defaults]
files = ["/srv/directory/", "/srv/static/a"]
[[case]]
url = "https://www.example.com/a"
upstream = { status = 200 }
auth_request = 200
expect = { status = 200, location = "/", upstream = "app" }
[[case]]
url = "https://www.example.com/a"
auth_request = 403
expect = { status = 403, location = "/" }
[[case]]
url = "https://www.example.com/static/a"
auth_request = 204
expect = { status = 200, location = "/static", file = "/srv/static/a" }
[[case]]
url = "https://www.example.com/static/b"
auth_request = 204
expect = { status = 404, location = "/static" }
[[case]]
url = "https://www.example.com/refused/a"
auth_request = 401
expect = { status = 302, location = "@login", redirect = "https://www.example.com/login" }
[[case]]
url = "http://two.example.com:8080/slash"
expect = { status = 301, redirect = "http://two.example.com:8080/slash/" }
[[case]]
url = "http://two.example.com/slash"
expect = { status = 301, redirect = "http://two.example.com/slash/" }
[[case]]
url = "http://two.example.com:8080/a"
expect = { redirect = "http://two.example.com:8080/on/8080" }
[[redirect]]
from = "http://www.example.com/a?b"
to = "https://www.example.com/a?b"
status = 301
"#
    .to_owned();
    for (path, sent, expected) in REWRITTEN {
        let upstream = format!("upstream = {{ status = 302, headers = {{ Location = \"{sent}\" }} }}\n");
        let upstream = if sent.is_empty() { "" } else { &upstream };
        let _ = writeln!(
            cases,
            "[[case]]\nurl = \"https://www.example.com{path}\"\n{upstream}expect = {{ redirect = \"{expected}\" }}"
        );
    }
    let directory = directory(&cases);
    fs::write(directory.path().join("nginx.conf"), REDIRECTS).unwrap();
    let (status, out, _) = asked(directory.path(), &[]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("ngxc run agrees with 29"), "{out}");
}

#[test]
fn a_program_that_is_no_nginx_is_said() {
    let directory = directory("[[case]]\nurl = 'http://a:8080/'\nexpect = { status = 200 }\n");
    let (status, _, error) = ngxc(directory.path(), &["test", "nginx.conf", "--nginx", "/bin/true"]);
    assert_eq!(status, 2);
    assert!(error.contains("it does not say its version"), "{error}");
    let (status, _, error) = ngxc(directory.path(), &["test", "www.test.toml"]);
    assert_eq!(status, 2);
    assert!(error.contains("is a file of cases; expected the configuration before it"), "{error}");
    let (status, _, error) = ngxc(directory.path(), &["test", "nginx.conf", "--nginx", "/no/such/program"]);
    assert_eq!(status, 2);
    assert!(error.contains("`--nginx /no/such/program`"), "{error}");
}

/// Everything that `--init` finds in a configuration holds on loopback too.
#[test]
fn written_cases_hold_on_loopback() {
    let directory = directory("");
    let mut cases = String::new();
    let (_, init, _) = ngxc(directory.path(), &["test", "nginx.conf", "--init"]);
    cases += &init;
    let mut list = String::new();
    for path in [
        "/",
        "/a.php",
        "/old/x?y",
        "/deep/",
        "/deep/er/",
        "/admin/",
        "/files/x",
        "/kind",
        "/inside/a%20b",
        "/direct",
    ] {
        for method in ["GET", "POST", "DELETE", "HEAD"] {
            for host in
                ["https://example.com", "http://example.com", "http://x.example.com:8080", "http://h:8081"]
            {
                let _ = writeln!(list, "{method} {host}{path} 192.0.2.9");
            }
        }
    }
    fs::write(directory.path().join("list"), list).unwrap();
    let (_, recorded, _) = ngxc(directory.path(), &["test", "nginx.conf", "--record", "list"]);
    cases += &recorded;
    fs::write(directory.path().join("www.test.toml"), cases).unwrap();
    let (status, out, error) = asked(directory.path(), &[]);
    assert_eq!(status, 0, "{out}{error}");
    let agreed: usize =
        out.split("ngxc run agrees with ").nth(1).unwrap().split(',').next().unwrap().trim().parse().unwrap();
    assert!(agreed > 90, "{out}");
}
