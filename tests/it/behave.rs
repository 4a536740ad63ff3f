//! `ngxc test`: cases against configurations.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::process::Command;

/// Exit status, standard output, standard error.
fn ngxc(directory: &std::path::Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// A directory with a configuration and its cases.
fn directory(config: &str, cases: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), config).unwrap();
    fs::write(directory.path().join("www.test.toml"), cases).unwrap();
    directory
}

const CONFIG: &str = r#"events {}
http {
    map $http_user_agent $is_bot { default 0; ~*bot 1; }
    limit_req_zone $arg_key zone=keys:1m rate=1r/s;
    limit_conn_zone $binary_remote_addr zone=clients:1m;
    proxy_cache_path /tmp/c keys_zone=store:1m;
    upstream app { server 10.0.0.1:8080; }
    server {
        listen 80;
        server_name www.example.com example.com;
        root /var/www;
        add_header X-Frame-Options DENY always;
        add_header X-Safe yes;
        error_page 404 /404.html;
        location / { try_files $uri $uri/ @app; }
        location /old { return 301 https://$host/new$is_args$args; }
        location /api/ {
            limit_req zone=keys;
            limit_conn clients 5;
            proxy_pass http://app/v1/;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_bind 10.0.0.9;
            proxy_cache store;
            proxy_cache_key $host$uri;
            add_header X-Api 1;
        }
        location /admin/ { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
        location /secret/ { auth_basic secret; auth_basic_user_file users; proxy_pass http://app; }
        location /asked/ { auth_request /auth; proxy_pass http://app; }
        location /auth { internal; proxy_pass http://app; }
        location @app { proxy_pass http://app; }
        location /upload { client_max_body_size 10; limit_except POST { deny all; } return 204; }
        location /geo { if ($ssl_client_verify = SUCCESS) { return 200 "known $ssl_client_s_dn"; } return 403; }
        location ~ \.php$ { if ($is_bot) { return 403; } fastcgi_pass 127.0.0.1:9000; }
        location /moved/ { rewrite ^/moved/(.*)$ /there/$1?x=1 permanent; }
        location /inside/ { rewrite ^/inside/(.*)$ /api/$1 last; }
        location /images/ { alias /srv/pictures/; expires max; }
        location /through/ { proxy_intercept_errors on; proxy_pass http://app; }
        location = /404.html { internal; }
    }
}
"#;

#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn each_kind_of_expectation_is_compared() {
    // A request, and what is expected; of each the field that a wrong value is reported for.
    let cases: &[(&str, &str, &str)] = &[
        ("url = '/x.html'\nfiles = ['/var/www/x.html']", "file = '/var/www/x.html'", "file"),
        ("url = '/x.html'\nfiles = ['/var/www/x.html']", "headers = { X-Safe = 'yes' }", "headers.X-Safe"),
        (
            "url = '/x.html'\nfiles = ['/var/www/x.html']",
            "headers = { content-type = 'text/html' }",
            "headers.content-type",
        ),
        ("url = '/old?a=b'", "redirect = 'https://www.example.com/new?a=b'", "redirect"),
        ("url = '/old'", "status = 301", "status"),
        ("url = '/old'", "server = 'example.com'", "server"),
        ("url = '/old'", "location = '/old'", "location"),
        (
            "url = '/nope'\nfiles = ['/var/www/404.html']\nupstream = { status = 404 }",
            "upstream = 'app'",
            "upstream",
        ),
        (
            "url = '/through/x'\nfiles = ['/var/www/404.html']\nupstream = { status = 404 }",
            "file = '/var/www/404.html'",
            "file",
        ),
        (
            "url = '/through/x'\nfiles = ['/var/www/404.html']\nupstream = { status = 404 }",
            "status = 404",
            "status",
        ),
        (
            "url = '/api/a?key=k'\nclient = '192.0.2.1'\nupstream = {}",
            "upstream_uri = '/v1/a?key=k'",
            "upstream_uri",
        ),
        (
            "url = '/api/a'\nclient = '192.0.2.1'\nmethod = 'PUT'",
            "upstream_method = 'PUT'",
            "upstream_method",
        ),
        (
            "url = '/api/a'\nclient = '192.0.2.1'",
            "upstream_headers = { X-Real-IP = '192.0.2.1' }",
            "upstream_headers.X-Real-IP",
        ),
        (
            "url = '/api/a'\nclient = '192.0.2.1'\nheaders = { Upgrade = 'x' }",
            "upstream_headers = { Upgrade = false }",
            "upstream_headers.Upgrade",
        ),
        ("url = '/api/a'\nclient = '192.0.2.1'", "source = '10.0.0.9'", "source"),
        ("url = '/api/a?key=k'\nclient = '192.0.2.1'", "limit_req = { keys = 'k' }", "limit_req"),
        ("url = '/api/a'\nclient = '46.46.46.46'", "limit_conn = { clients = '46.46.46.46' }", "limit_conn"),
        ("url = '/api/a'\nclient = '192.0.2.1'", "cache = 'store'", "cache"),
        ("url = '/api/a'\nclient = '192.0.2.1'", "cache_key = 'www.example.com/api/a'", "cache_key"),
        (
            "url = '/api/a'\nclient = '192.0.2.1'\nupstream = {}",
            "headers = { X-Frame-Options = false }",
            "headers.X-Frame-Options",
        ),
        ("url = '/inside/a'\nclient = '192.0.2.1'", "upstream_uri = '/v1/a'", "upstream_uri"),
        ("url = '/inside/a'\nclient = '192.0.2.1'", "variables = { uri = '/api/a' }", "variables.uri"),
        ("url = '/admin/'\nclient = '192.0.2.1'", "allowed = false", "allowed"),
        ("url = '/admin/'\nclient = '192.0.2.1'", "access = 'deny all'", "access"),
        ("url = '/admin/'\nclient = '10.1.1.1'", "access = 'nginx.conf:28'", "access"),
        (
            "url = '/secret/'",
            "headers = { WWW-Authenticate = 'Basic realm=\"secret\"' }",
            "headers.WWW-Authenticate",
        ),
        ("url = '/secret/'\nuser = 'me'\nupstream = { status = 202 }", "status = 202", "status"),
        ("url = '/asked/'\nauth_request = 401", "status = 401", "status"),
        ("url = '/asked/'\nauth_request = 204\nupstream = { status = 200 }", "status = 200", "status"),
        ("url = '/auth'\nfiles = []", "status = 404", "status"),
        ("url = '/upload'\nmethod = 'POST'\nbody_size = 11", "status = 413", "status"),
        ("url = '/upload'\nmethod = 'POST'\nbody_size = 10", "status = 204", "status"),
        ("url = '/upload'\nclient = '192.0.2.1'", "status = 403", "status"),
        (
            "url = '/geo'\nvariables = { ssl_client_verify = 'SUCCESS', ssl_client_s_dn = 'CN=x' }",
            "body = 'known CN=x'",
            "body",
        ),
        ("url = '/a.php'\nheaders = { User-Agent = 'Googlebot' }", "status = 403", "status"),
        ("url = '/a.php'\nheaders = { User-Agent = 'curl' }", "upstream = '127.0.0.1:9000'", "upstream"),
        ("url = '/moved/a'", "redirect = 'http://www.example.com/there/a?x=1'", "redirect"),
        ("url = '/images/a.png'\nfiles = ['/srv/pictures/a.png']", "file = '/srv/pictures/a.png'", "file"),
        (
            "url = '/images/a.png'\nfiles = ['/srv/pictures/a.png']",
            "headers = { Cache-Control = 'max-age=315360000' }",
            "headers.Cache-Control",
        ),
        (
            "url = '/images'\nfiles = ['/srv/pictures/a.png', '/var/www/images/']",
            "redirect = 'http://www.example.com/images/'",
            "redirect",
        ),
        (
            "url = '/api/a'\nclient = '192.0.2.1'\nupstream = { headers = { Location = 'http://app/v1/b' } }",
            "redirect = 'http://www.example.com/api/b'",
            "redirect",
        ),
        ("url = '/../x'\nfiles = []", "status = 400", "status"),
    ];
    let mut right = "[defaults]\nhost = 'www.example.com'\n".to_owned();
    let mut wrong = right.clone();
    for (request, expect, _) in cases {
        let spoiled = spoil(expect);
        right += &format!("[[case]]\n{request}\nexpect = {{ {expect} }}\n");
        wrong += &format!("[[case]]\n{request}\nexpect = {{ {spoiled} }}\n");
    }
    let directory = directory(CONFIG, &right);
    let (status, out, err) = ngxc(directory.path(), &["test", "nginx.conf"]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert_eq!(out, format!("{} cases: all as expected\n", cases.len()));
    fs::write(directory.path().join("www.test.toml"), wrong).unwrap();
    let (status, out, _) = ngxc(directory.path(), &["test", "nginx.conf", "--format", "json"]);
    assert_eq!(status, 1);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["failed"], cases.len());
    for (result, (request, expect, field)) in document["cases"].as_array().unwrap().iter().zip(cases) {
        let differences = result["differences"].as_array();
        let fields: Vec<&str> =
            differences.into_iter().flatten().map(|d| d["field"].as_str().unwrap()).collect();
        assert_eq!(fields, [*field], "{request}: {expect}: {result:#}");
    }
}

/// The same expectation with another value.
fn spoil(expect: &str) -> String {
    if expect.contains("false") {
        return expect.replace("false", "true");
    }
    if let Some(at) = expect.find('\'') {
        return format!("{}'not {}", &expect[..at], &expect[at + 1..]);
    }
    format!("{expect}9").replace("4049", "499")
}

#[test]
fn a_fact_that_is_missing_is_named() {
    for (request, expect, fact) in [
        ("url = '/x.html'", "status = 200", "files = [\"/path\"]"),
        ("url = '/api/a'\nclient = '192.0.2.1'", "status = 200", "upstream = { status = 200 }"),
        ("url = '/admin/'", "status = 200", "client = \"192.0.2.1\""),
        ("url = '/admin/'", "allowed = true", "client = \"192.0.2.1\""),
        ("url = '/secret/'\nheaders = { Authorization = 'Basic eDp5' }", "status = 200", "user = \"name\""),
        ("url = '/asked/'", "status = 200", "auth_request = 200"),
        ("url = '/geo'", "status = 200", "variables = { ssl_client_verify = \"\" }"),
        ("url = '/api/a'\nclient = '192.0.2.1'", "variables = { request_id = 'x' }", "request_id = \"\""),
    ] {
        let cases = format!("[[case]]\nhost = 'example.com'\n{request}\nexpect = {{ {expect} }}\n");
        let directory = directory(CONFIG, &cases);
        let (status, out, _) = ngxc(directory.path(), &["test", "nginx.conf"]);
        assert_eq!(status, 1, "{request}: {out}");
        assert!(out.contains("not known here") && out.contains(fact), "{request}: {out}");
    }
}

#[test]
fn bad_input_is_status_2_with_a_place() {
    let good = "[[case]]\nurl = '/'\nexpect = { status = 200 }\n";
    for (config, cases, message) in [
        (
            CONFIG,
            "[[case]]\nurl = '/'\nexpect = { stats = 1 }\n",
            "www.test.toml:3: unknown field `stats`; did you mean `status`?",
        ),
        (CONFIG, "[[cases]]\n", "www.test.toml:1: unknown field `cases`; did you mean `case`?"),
        (CONFIG, "[[case]\n", "www.test.toml:1: "),
        ("events {} http { server { lisen 80; } }", good, "`nginx.conf` has errors"),
    ] {
        let directory = directory(config, cases);
        let (status, _, err) = ngxc(directory.path(), &["test", "nginx.conf"]);
        assert_eq!(status, 2, "{err}");
        assert!(err.contains(message), "{err}");
    }
    let directory = directory(CONFIG, "[[case]]\nurl = 'ftp://x/'\nexpect = { status = 200 }\n");
    let (status, out, _) = ngxc(directory.path(), &["test", "nginx.conf"]);
    assert_eq!(status, 1);
    assert!(out.contains("the scheme is `ftp`"), "{out}");
    fs::remove_file(directory.path().join("www.test.toml")).unwrap();
    let (status, _, err) = ngxc(directory.path(), &["test", "nginx.conf"]);
    assert_eq!(status, 2);
    assert!(err.contains("there is no file `*.test.toml` in `.`") && err.contains("--init"), "{err}");
}

#[test]
fn what_init_and_record_write_passes() {
    let directory = directory(CONFIG, "");
    let (status, cases, _) = ngxc(directory.path(), &["test", "nginx.conf", "--init"]);
    assert_eq!(status, 0);
    for location in ["/", "/old", "/api/", "/admin/", "/upload", "~ \\\\.php$", "/images/"] {
        assert!(cases.contains(&format!("location = \"{location}\"\n")), "{location}: {cases}");
    }
    fs::write(directory.path().join("www.test.toml"), &cases).unwrap();
    let (status, out, _) = ngxc(directory.path(), &["test", "nginx.conf", "--coverage"]);
    assert_eq!(status, 0, "{out}");
    fs::write(directory.path().join("list"), "/old?x=1\n# no\nPOST http://example.com/upload\n\n/old?x=1\n")
        .unwrap();
    let (status, cases, _) = ngxc(directory.path(), &["test", "nginx.conf", "--record", "list"]);
    assert_eq!((status, cases.matches("[[case]]").count()), (0, 2), "{cases}");
    fs::write(directory.path().join("www.test.toml"), &cases).unwrap();
    assert_eq!(ngxc(directory.path(), &["test", "nginx.conf"]).0, 0);
}

/// Locations behind a `return` of their server are never reached, so no case is written for them.
#[test]
fn init_leaves_out_what_a_server_answers_itself() {
    let config = "events {}\nhttp { server { listen 80; server_name a.test; return 301 https://b.test$request_uri; \
        location / { return 200; } location /x { return 200; } }\n\
        server { listen 80; server_name c.test; if ($request_uri ~ ^/closed) { return 403; } location / { return 200; } \
        location /closed { return 200; } location /open { return 200; } } }\n";
    let directory = directory(config, "");
    let (status, cases, _) = ngxc(directory.path(), &["test", "nginx.conf", "--init"]);
    assert_eq!((status, cases.matches("[[case]]").count()), (0, 3), "{cases}");
    assert_eq!(cases.matches("http://a.test").count(), 1, "{cases}");
    assert!(
        cases.contains("redirect = \"https://b.test/\"") && cases.contains("location = \"/open\""),
        "{cases}"
    );
    fs::write(directory.path().join("www.test.toml"), &cases).unwrap();
    assert_eq!(ngxc(directory.path(), &["test", "nginx.conf"]).0, 0);
}

#[test]
fn a_line_of_json_is_a_line_of_a_log() {
    let config = "events {}\nhttp { log_format lines escape=json '{\"ip\":\"$remote_addr\",\"request\":\"$request\",\"status\":$status}';\n\
        server { listen 80; server_name a.test; location / { return 200; } location /x { return 201; } } }\n";
    let directory = directory(config, "");
    let line = "{\"ip\":\"192.0.2.1\",\"request\":\"GET /x?a=%22b\\\"c HTTP/1.1\",\"status\":201}\n";
    fs::write(directory.path().join("json.log"), line).unwrap();
    let (status, cases, error) = ngxc(directory.path(), &["test", "nginx.conf", "--record", "json.log"]);
    assert_eq!((status, cases.matches("[[case]]").count()), (0, 1), "{cases}{error}");
    assert!(cases.contains("location = \"/x\"") && error.contains("log_format `lines`"), "{cases}{error}");
    // No blank tells a compact line from a list of URLs.
    fs::write(directory.path().join("other.log"), "{\"url\":\"http://a.test/x\"}\n").unwrap();
    let (status, _, error) = ngxc(directory.path(), &["test", "nginx.conf", "--record", "other.log"]);
    assert_eq!(status, 2, "{error}");
    assert!(error.contains("no line fits the log_format"), "{error}");
}

#[test]
fn json_has_values_without_quotes() {
    let cases = "[[case]]\nurl = 'http://example.com/old'\nexpect = { status = 200, location = '/x', headers = { X = ['a', 'b'], Y = 'c' } }\n";
    let directory = directory(CONFIG, cases);
    let (status, out, _) = ngxc(directory.path(), &["test", "nginx.conf", "--format", "json"]);
    assert_eq!(status, 1, "{out}");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let differences = document["cases"][0]["differences"].as_array().unwrap();
    let of = |field: &str| differences.iter().find(|own| own["field"] == field).unwrap();
    assert_eq!((&of("location")["expected"], &of("location")["found"]), (&"/x".into(), &"/old".into()));
    assert_eq!(of("headers.X")["expected"], serde_json::json!(["a", "b"]));
    assert_eq!(of("headers.Y")["expected"], "c");
}

#[test]
fn coverage_counts_parts_and_can_fail() {
    let cases = "[[case]]\nurl = 'http://example.com/a.php'\nheaders = { User-Agent = 'Bot' }\nexpect = { status = 403 }\n";
    let directory = directory(CONFIG, cases);
    let args =
        ["test", "nginx.conf", "--coverage", "--coverage-lcov", "lcov", "--coverage-html", "page.html"];
    let (status, out, _) = ngxc(directory.path(), &args);
    assert_eq!(status, 0, "{out}");
    for row in
        ["servers               1     1", "ifs                   1     2", "map entries           1     2"]
    {
        assert!(out.contains(row), "{row}: {out}");
    }
    let lcov = fs::read_to_string(directory.path().join("lcov")).unwrap();
    assert!(lcov.starts_with("TN:ngxc\nSF:nginx.conf\n") && lcov.contains("\nDA:8,1\n"), "{lcov}");
    let page = fs::read_to_string(directory.path().join("page.html")).unwrap();
    assert!(page.contains("class=\"missed\"") && page.contains("id=\"search\""));
    let (status, _, err) = ngxc(directory.path(), &["test", "nginx.conf", "--min-coverage", "90"]);
    assert_eq!(status, 1);
    assert!(err.contains("--min-coverage asks for 90 %"), "{err}");
    assert_eq!(ngxc(directory.path(), &["test", "nginx.conf", "--min-coverage", "5%"]).0, 0);
}

#[test]
fn a_log_becomes_cases_that_hold() {
    let directory = directory(CONFIG, "");
    let line = |client: &str, request: &str, status: u16, agent: &str| {
        format!(
            "{client} - - [10/Oct/2026:13:55:36 +0000] \"{request} HTTP/1.1\" {status} 5 \"-\" \"{agent}\"\n"
        )
    };
    let mut log = String::new();
    for number in 0..50 {
        log += &line("203.0.113.9", "GET /old?a=b", 301, &format!("agent {number}"));
    }
    log += &line("203.0.113.9", "GET /x.html", 200, "curl");
    log += &line("203.0.113.9", "GET /admin/", 403, "curl");
    log += &line("203.0.113.9", "GET /a.php", 200, "curl");
    log += &line("203.0.113.9", "GET /a.php", 403, "a bot");
    log += "no line of a log\n";
    fs::write(directory.path().join("access.log"), &log).unwrap();
    let (status, cases, error) = ngxc(directory.path(), &["test", "nginx.conf", "--record", "access.log"]);
    assert_eq!(status, 0, "{error}");
    assert_eq!(cases.matches("[[case]]").count(), 5, "{cases}");
    assert!(error.contains("1 line does not fit"), "{error}");
    assert!(cases.contains("files = [\"/var/www/x.html\"]"), "{cases}");
    assert!(cases.contains("client = \"203.0.113.9\""), "{cases}");
    assert!(cases.contains("headers = { \"user-agent\" = \"a bot\" }"), "{cases}");
    fs::write(directory.path().join("www.test.toml"), cases).unwrap();
    let (status, out, error) = ngxc(directory.path(), &["test", "nginx.conf"]);
    assert_eq!(status, 0, "{out}{error}");
    // Another format, packed, from standard input.
    let (status, _, error) =
        ngxc(directory.path(), &["test", "nginx.conf", "--record", "access.log", "--log-format", "none"]);
    assert_eq!(status, 2);
    assert!(error.contains("has no log_format `none`"), "{error}");
}

#[test]
fn changed_files_are_tested_again() {
    use std::io::BufRead as _;
    let directory = directory(
        "events {}\nhttp { server { listen 80; include part.conf; } }\n",
        "[[case]]\nurl = '/'\nexpect = { status = 204 }\n",
    );
    let part = directory.path().join("part.conf");
    fs::write(&part, "return 200;").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["test", "nginx.conf", "--watch"])
        .current_dir(directory.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    let out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let next = |text: &str| {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while std::time::Instant::now() < end {
            let line = lines.recv_timeout(std::time::Duration::from_secs(20));
            if line.is_ok_and(|line| line.contains(text)) {
                return true;
            }
        }
        false
    };
    let failed = next("1 case: 0 as expected, 1 failed");
    fs::write(&part, "return 204;").unwrap();
    let passed = next("1 case: all as expected");
    // A file with an error ends nothing.
    fs::write(&part, "return").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(600));
    fs::write(&part, "return 200;").unwrap();
    let again = next("1 case: 0 as expected, 1 failed");
    let _ = child.kill();
    let _ = child.wait();
    assert!(failed && passed && again, "{failed} {passed} {again}");
}
