//! The same requests to this program and to a real nginx: what `proxy_cache` keeps, how long, and what is done with what
//! is old; what `post_action` does and logs; whom `auth_request` lets in; where `mirror` leads;
//! which links are signed; how far a response was compressed.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ngxc::version::Version;

use crate::common::http::{Backend, Client, once};
use crate::common::nginx;
use crate::common::proxy::Proxy;

/// A peer that answers with how often it was asked for the URI. `X-Status` and `X-Say` of a request are what its answer
/// has as status and headers; it knows the entity tag `"e"`.
fn peer() -> Backend {
    let asked = Mutex::new(HashMap::<String, usize>::new());
    Backend::new(move |request| {
        let uri = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let number = {
            let mut asked = asked.lock().unwrap();
            let number = asked.entry(uri).or_default();
            *number += 1;
            number.to_string()
        };
        let told = |name: &str| request.lines().find_map(|line| line.strip_prefix(name));
        let said: String = told("X-Say: ")
            .into_iter()
            .flat_map(|all| all.split(" | "))
            .fold(String::new(), |all, line| all + line + "\r\n");
        if request.contains("If-None-Match: \"e\"\r\n") {
            return format!("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n{said}Connection: close\r\n\r\n");
        }
        let status = told("X-Status: ").unwrap_or("200 OK");
        let length = number.len();
        let body = if request.starts_with("HEAD ") { "" } else { &number };
        format!("HTTP/1.1 {status}\r\n{said}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
    })
}

/// Sends a request, its headers in further lines; status, `$upstream_cache_status` and body of the answer.
fn ask(to: SocketAddr, step: &str) -> String {
    let (line, headers) = step.split_once('\n').unwrap_or((step, ""));
    let headers: String = headers.lines().fold(String::new(), |all, header| all + header + "\r\n");
    let response = once(to, &format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"));
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{step}: {response:?}"));
    let status = head.lines().find_map(|line| line.strip_prefix("X-Cache: ")).unwrap_or("-");
    let body = if body.starts_with('<') { "page" } else { body };
    format!("{} {status} {body}", &head[9..12])
}

/// Longer than a response is kept of which the peer says `max-age=1`: whole seconds count.
const WAIT: &str = "wait";

type Case = (&'static str, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    (
        "proxy_cache_valid 200 1m;",
        &[
            ("GET /a", "200 MISS 1"),
            ("GET /a", "200 HIT 1"),
            ("HEAD /a", "200 HIT "),
            ("GET /a?b", "200 MISS 1"),
            ("POST /a", "200 - 2"),
            ("GET /a\nRange: bytes=0-0", "200 HIT 1"),
            ("HEAD /h", "200 MISS "),
            ("GET /h", "200 HIT 1"),
            ("GET /f\nX-Status: 404 No", "404 MISS 1"),
            ("GET /f\nX-Status: 404 No", "404 MISS 2"),
            ("GET /e\nX-Say: ETag: \"t\"", "200 MISS 1"),
            ("GET /e\nIf-None-Match: \"t\"", "304 HIT "),
            ("GET /m\nX-Say: Last-Modified: Thu, 01 Jan 1970 00:01:00 GMT", "200 MISS 1"),
            ("GET /m\nIf-Modified-Since: Thu, 01 Jan 1970 00:01:00 GMT", "304 HIT "),
            ("GET /m\nIf-Unmodified-Since: Thu, 01 Jan 1970 00:00:59 GMT", "412 HIT page"),
        ],
    ),
    ("", &[("GET /a", "200 MISS 1"), ("GET /a", "200 MISS 2")]),
    (
        "proxy_cache_valid 1m; proxy_cache_valid 404 1m;",
        &[
            ("GET /a\nX-Status: 404 No", "404 MISS 1"),
            ("GET /a", "404 HIT 1"),
            ("GET /b\nX-Status: 302 Found", "302 MISS 1"),
            ("GET /b", "302 HIT 1"),
            ("GET /c\nX-Status: 500 Sorry", "500 MISS 1"),
            ("GET /c", "200 MISS 2"),
        ],
    ),
    (
        "proxy_cache_valid 1m;",
        &[
            ("GET /s\nX-Say: Set-Cookie: a=b", "200 MISS 1"),
            ("GET /s\nX-Say: Cache-Control: private", "200 MISS 2"),
            ("GET /s\nX-Say: Cache-Control: no-store", "200 MISS 3"),
            ("GET /s\nX-Say: Cache-Control: max-age=0", "200 MISS 4"),
            ("GET /s\nX-Say: X-Accel-Expires: 0", "200 MISS 5"),
            ("GET /s\nX-Say: Expires: Thu, 01 Jan 1970 00:00:01 GMT", "200 MISS 6"),
            ("GET /s\nX-Say: Vary: *", "200 MISS 7"),
            ("GET /s", "200 MISS 8"),
            ("GET /s", "200 HIT 8"),
        ],
    ),
    (
        "proxy_ignore_headers Set-Cookie Cache-Control Vary; proxy_cache_valid 1m;",
        &[
            ("GET /s\nX-Say: Set-Cookie: a=b | Cache-Control: private | Vary: *", "200 MISS 1"),
            ("GET /s", "200 HIT 1"),
        ],
    ),
    (
        "proxy_cache_valid 1m; proxy_cache_bypass $arg_b; proxy_no_cache $arg_n; proxy_cache_key $uri;",
        &[
            ("GET /a?n=1", "200 MISS 1"),
            ("GET /a", "200 MISS 1"),
            ("GET /a?n=0", "200 HIT 1"),
            ("GET /a?b=1", "200 BYPASS 1"),
            ("GET /a?b=1&n=1", "200 BYPASS 1"),
            ("GET /a?c", "200 HIT 1"),
        ],
    ),
    (
        "proxy_cache_valid 1m; proxy_cache_min_uses 2;",
        &[("GET /a", "200 MISS 1"), ("GET /a", "200 MISS 2"), ("GET /a", "200 HIT 2")],
    ),
    (
        "proxy_cache_valid 1m; proxy_cache_methods POST;",
        &[("POST /a", "200 MISS 1"), ("POST /a", "200 HIT 1"), ("GET /a", "200 HIT 1")],
    ),
    (
        "proxy_cache_valid 1m;",
        &[
            ("GET /v\nX-Say: Vary: X-L\nX-L: a", "200 MISS 1"),
            ("GET /v\nX-Say: Vary: X-L\nX-L: b", "200 MISS 2"),
            ("GET /v\nX-L: a", "200 HIT 1"),
            ("GET /v\nX-L: b", "200 HIT 2"),
            ("GET /v\nX-Say: Vary: X-L", "200 MISS 3"),
        ],
    ),
    (
        "proxy_cache_use_stale http_500 error;",
        &[
            ("GET /a\nX-Say: Cache-Control: max-age=1", "200 MISS 1"),
            (WAIT, ""),
            ("GET /a\nX-Status: 500 Sorry", "200 STALE 1"),
            ("GET /a\nX-Status: 404 No", "404 EXPIRED 3"),
            ("GET /a\nX-Say: Cache-Control: max-age=60", "200 EXPIRED 4"),
            ("GET /a", "200 HIT 4"),
        ],
    ),
    (
        "",
        &[
            ("GET /a\nX-Say: Cache-Control: max-age=1, stale-if-error=60", "200 MISS 1"),
            ("GET /b\nX-Say: Cache-Control: max-age=1", "200 MISS 1"),
            (WAIT, ""),
            ("GET /a\nX-Status: 500 Sorry", "500 EXPIRED 2"),
            ("GET /b\nX-Status: 500 Sorry", "500 EXPIRED 2"),
        ],
    ),
    (
        "proxy_cache_revalidate on;",
        &[
            ("GET /a\nX-Say: Cache-Control: max-age=1 | ETag: \"e\"", "200 MISS 1"),
            (WAIT, ""),
            ("GET /a\nX-Say: Cache-Control: max-age=60", "200 REVALIDATED 1"),
            ("GET /a", "200 HIT 1"),
        ],
    ),
    (
        "proxy_cache_use_stale updating; proxy_cache_background_update on;",
        &[
            ("GET /a\nX-Say: Cache-Control: max-age=1", "200 MISS 1"),
            (WAIT, ""),
            ("GET /a\nX-Say: Cache-Control: max-age=60", "200 STALE 1"),
            ("GET /a", "200 HIT 2"),
        ],
    ),
    (
        "proxy_cache_valid any 1m; if ($arg_dead) { proxy_pass http://127.0.0.1:1; }",
        &[("GET /a?dead=1", "502 MISS page"), ("GET /a?dead=1", "502 HIT page")],
    ),
];

fn configuration(listen: &str, directory: &tempfile::TempDir, peer: SocketAddr, settings: &str) -> String {
    format!(
        "proxy_cache_path {} levels=1:2 keys_zone=z:1m use_temp_path=off;\n\
         server {{ listen {listen}; location / {{ proxy_pass http://{peer}; proxy_cache z;\n\
         add_header X-Cache $upstream_cache_status always; {settings} }} }}",
        directory.path().display()
    )
}

fn check(who: &str, address: SocketAddr, (settings, steps): &Case) {
    for (n, (step, expected)) in steps.iter().enumerate() {
        if *step == WAIT {
            std::thread::sleep(Duration::from_millis(2200));
        } else {
            assert_eq!(ask(address, step), *expected, "{who}: {settings}: step {n}: {step}");
        }
    }
}

#[test]
fn what_is_kept() {
    std::thread::scope(|scope| {
        for case in CASES {
            scope.spawn(move || {
                let (peer, directory) = (peer(), tempfile::tempdir().unwrap());
                let ours = Proxy::new(&configuration("127.0.0.1:9", &directory, peer.address, case.0));
                check("ngxc", ours.address, case);
            });
        }
    });
}

/// That the expectations are nginx's own.
#[test]
fn nginx_keeps_the_same() {
    std::thread::scope(|scope| {
        for case in CASES {
            scope.spawn(move || {
                let (peer, directory) = (peer(), tempfile::tempdir().unwrap());
                let text = configuration("PORT", &directory, peer.address, case.0);
                if let Some(real) = nginx::Nginx::start(&text) {
                    check("nginx", real.address, case);
                }
            });
        }
    });
}

/// A file that is cut, or is another's, is as if it were not there.
#[test]
fn broken_files_are_fetched_anew() {
    let (peer, directory) = (peer(), tempfile::tempdir().unwrap());
    let text = configuration("127.0.0.1:9", &directory, peer.address, "proxy_cache_valid 1m;");
    let ours = Proxy::new(&text);
    assert_eq!(ask(ours.address, "GET /a"), "200 MISS 1");
    let mut file = directory.path().to_owned();
    while file.is_dir() {
        file = std::fs::read_dir(&file).unwrap().next().unwrap().unwrap().path();
    }
    let whole = std::fs::read(&file).unwrap();
    let mut number = 1;
    for length in [0, 100, 336, whole.len() - 40] {
        std::fs::write(&file, &whole[..length]).unwrap();
        number += 1;
        assert_eq!(ask(ours.address, "GET /a"), format!("200 MISS {number}"), "{length}: {}", ours.log());
        assert_eq!(ask(ours.address, "GET /a"), format!("200 HIT {number}"), "{length}");
    }
    std::fs::write(&file, whole.iter().map(|byte| byte ^ 0x55).collect::<Vec<u8>>()).unwrap();
    assert_eq!(ask(ours.address, "GET /a"), format!("200 MISS {}", number + 1));
}

/// The client gets nothing of what follows its answer; the log has the status and the location of what followed.
#[test]
fn what_follows_the_answer() {
    let peer = Backend::new(|_| {
        "HTTP/1.1 202 Fine\r\nConnection: close\r\nContent-Length: 6\r\n\r\nhidden".to_owned()
    });
    let http = |listen: &str, log: &str| {
        format!(
            "log_format x '$request_uri $uri $status $body_bytes_sent $sent_http_x'; \n\
             server {{ listen {listen}; access_log {log} x;\n\
             location /a {{ return 201 hello; add_header X a; post_action /p; }}\n\
             location /named {{ return 200 hello; post_action @n; }}\n\
             location /peer {{ return 200 hello; post_action /passed; }}\n\
             location /loop {{ return 200 hello; post_action /loop; }}\n\
             location /mark {{ return 200 hello; post_action /p?a; }}\n\
             location /two {{ return 200 hello; post_action /a; }}\n\
             location /p {{ return 203 longer-than-that; add_header X p; }}\n\
             location /passed {{ internal; proxy_pass http://{}; }}\n\
             location @n {{ return 404; }} }}",
            peer.address
        )
    };
    let uris = ["/a", "/named", "/peer", "/loop", "/mark", "/two"];
    let directory = tempfile::tempdir().unwrap();
    let run = |address: SocketAddr, log: &Path| {
        for uri in uris {
            let mut client = Client::new(address);
            let response = client.get(uri);
            assert!(response.ends_with("\r\n\r\nhello"), "{uri}: {response}");
            // On the same connection: it comes behind what follows. nginx closes it after a cycle.
            assert!(uri == "/loop" || client.get("/p").ends_with("\r\n\r\nlonger-than-that"), "{uri}");
        }
        let lines = || {
            let text = std::fs::read_to_string(log).unwrap();
            text.lines().filter(|line| !line.starts_with("/p ")).map(str::to_owned).collect::<Vec<_>>()
        };
        // A line may be written after the client has its answer.
        let begun = Instant::now();
        while lines().len() < uris.len() && begun.elapsed().as_secs() < 5 {
            std::thread::sleep(Duration::from_millis(10));
        }
        lines()
    };
    let log = directory.path().join("ours.log");
    let ours = Proxy::new(&http("127.0.0.1:9", log.to_str().unwrap()));
    let lines = run(ours.address, &log);
    assert_eq!(
        lines,
        [
            "/a /p 203 5 a",
            "/named /named 404 5 -",
            "/peer /passed 202 5 -",
            "/loop /loop 500 5 -",
            "/mark /p?a 203 5 -",
            "/two /p 203 5 -",
        ]
    );
    assert_eq!(peer.requests().len(), 1);
    let log = directory.path().join("nginx.log");
    let Some(real) = nginx::Nginx::start(&http("PORT", log.to_str().unwrap())) else { return };
    assert_eq!(run(real.address, &log), lines);
}

/// Another location is asked with GET and without a body; what it says is obeyed, and kept in variables.
#[test]
fn another_location_lets_in() {
    let peer = Backend::new(|request| {
        let told = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let (first, body) = (request.lines().next().unwrap(), request.split("\r\n\r\n").nth(1).unwrap());
        let first = first.replace(' ', "+");
        let (status, length) = (told("X-Status: "), told("Content-Length: "));
        format!(
            "HTTP/1.1 {status} Said\r\nX-User: {first}<{length}>{body}\r\nWWW-Authenticate: A\r\n\
             WWW-Authenticate: B\r\nConnection: close\r\nContent-Length: 6\r\n\r\nhidden"
        )
    });
    let http = |listen: &str| {
        format!(
            "server {{ listen {listen}; proxy_http_version 1.1; auth_request_set $user $upstream_http_x_user;\n\
             add_header X-User $user always; add_header X-Other $other always;\n\
             location / {{ auth_request /ask?a; return 200 in; }}\n\
             location /in {{ auth_request /ask; try_files none =402; }}\n\
             location /hidden {{ auth_request /hide; try_files none =402; }}\n\
             location /off {{ auth_request off; try_files none =402; }}\n\
             location /any {{ satisfy any; deny all; auth_request /ask; try_files none =402; }}\n\
             location /allowed {{ satisfy any; allow all; auth_request /ask; try_files none =402; }}\n\
             location /gone {{ auth_request /nobody; try_files none =402; }}\n\
             location /twice {{ auth_request /ask; error_page 402 /in; try_files none =402; }}\n\
             location /args {{ auth_request /ask; auth_request_set $args \"b=$status\";\n\
             auth_request_set $other $uri; try_files none /shown?$args; }}\n\
             location /shown {{ return 200 \"$args\"; }}\n\
             location = /ask {{ internal; proxy_pass http://{address}; proxy_pass_request_body off;\n\
             proxy_set_header Content-Length $http_x_length; }}\n\
             location = /hide {{ proxy_pass http://{address}/; proxy_hide_header WWW-Authenticate; }}\n\
             location = /nobody {{ proxy_pass http://127.0.0.1:1; }} }}",
            address = peer.address
        )
    };
    let ask = |to: SocketAddr, method: &str, uri: &str, status: &str| {
        let (length, body) = if method == "POST" { ("Content-Length: 4\r\n", "body") } else { ("", "") };
        let status = format!("X-Status: {status}\r\n");
        let head = format!("{method} {uri} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{length}{status}\r\n");
        let response = once(to, &(head + body));
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let shown = head.lines().filter(|line| line.starts_with("X-") || line.starts_with("WWW-"));
        let shown: Vec<&str> = shown.collect();
        let body = if body.starts_with('<') { "page" } else { body };
        format!("{} {} {body}", &head[9..12], shown.join(" "))
    };
    let challenge = "WWW-Authenticate: A WWW-Authenticate: B";
    let cases = [
        // `return` comes before the access phase.
        ("GET", "/", "403", "200  in".to_owned()),
        ("GET", "/in", "200", "402 X-User: GET+/ask+HTTP/1.1<> page".to_owned()),
        ("GET", "/in", "204", "402 X-User: GET+/ask+HTTP/1.1<> page".to_owned()),
        ("POST", "/in", "200", "402 X-User: GET+/ask+HTTP/1.1<> page".to_owned()),
        ("HEAD", "/in", "200", "402 X-User: GET+/ask+HTTP/1.1<> ".to_owned()),
        ("GET", "/in", "401", format!("401 {challenge} X-User: GET+/ask+HTTP/1.1<> page")),
        ("GET", "/hidden", "401", format!("401 {challenge} X-User: GET+/+HTTP/1.1<> page")),
        ("GET", "/in", "403", "403 X-User: GET+/ask+HTTP/1.1<> page".to_owned()),
        ("GET", "/in", "302", "500 X-User: GET+/ask+HTTP/1.1<> page".to_owned()),
        ("GET", "/off", "401", "402  page".to_owned()),
        ("GET", "/any", "200", "402 X-User: GET+/ask+HTTP/1.1<> page".to_owned()),
        ("GET", "/any", "403", "403 X-User: GET+/ask+HTTP/1.1<> page".to_owned()),
        ("GET", "/any", "401", format!("401 {challenge} X-User: GET+/ask+HTTP/1.1<> page")),
        ("GET", "/allowed", "401", "402  page".to_owned()),
        ("GET", "/gone", "200", "500  page".to_owned()),
        ("GET", "/twice", "200", "402 X-User: GET+/ask+HTTP/1.1<> page".to_owned()),
        ("GET", "/args?a", "201", "200 X-Other: /ask b=201".to_owned()),
    ];
    let check = |who: &str, to: SocketAddr, version: Version| {
        let all = if version < Version::new(1, 23, 0) { "WWW-Authenticate: A" } else { challenge };
        for (method, uri, status, expected) in &cases {
            let expected = expected.replace(challenge, all);
            assert_eq!(ask(to, method, uri, status), expected, "{who}: {method} {uri} {status}");
        }
    };
    let ours = Proxy::new(&http("127.0.0.1:9"));
    check("ngxc", ours.address, Version::new(1, 31, 5));
    let message = "auth request unexpected status: 302";
    assert!(ours.log().contains(message), "{}", ours.log());
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address, real.version);
    }
}

/// Copies go where `mirror` says, with the body unless it is left out; nobody gets the answers.
#[test]
fn copies_go_elsewhere() {
    let peer = Backend::new(|_| {
        "HTTP/1.1 202 Fine\r\nConnection: close\r\nContent-Length: 6\r\n\r\nhidden".to_owned()
    });
    let http = |listen: &str| {
        format!(
            "limit_req_zone $uri zone=z:1m rate=1r/m;\n\
             server {{ listen {listen}; proxy_http_version 1.1; error_page 402 /file;\n\
             location / {{ mirror /copy/; mirror /other/; proxy_pass http://{address}/main/; }}\n\
             location /without {{ mirror /less/; mirror_request_body off; proxy_pass http://{address}/main/; }}\n\
             location /off {{ mirror off; proxy_pass http://{address}/main/; }}\n\
             location /file {{ mirror /copy/; try_files none =403; }}\n\
             location /again {{ mirror /other/; try_files none =402; }}\n\
             location /limited {{ mirror /once/; proxy_pass http://{address}/main/; }}\n\
             location /gone {{ mirror /nobody/; proxy_pass http://{address}/main/; }}\n\
             location /copy/ {{ internal; proxy_pass http://{address}; }}\n\
             location /other/ {{ proxy_pass http://{address}; }}\n\
             location /once/ {{ limit_req zone=z; proxy_pass http://{address}; }}\n\
             location /nobody/ {{ proxy_pass http://127.0.0.1:1; }}\n\
             location /less/ {{ proxy_pass http://{address}; proxy_set_header Content-Length \"\"; }} }}",
            address = peer.address
        )
    };
    // Requests that the peer gets, in any order: `mirror` sends its subrequest beside the request.
    let cases = [
        ("GET", "/a?b", "202", vec!["GET /copy/?b ", "GET /main/a?b ", "GET /other/?b "]),
        ("POST", "/a", "202", vec!["POST /copy/ body", "POST /main/a body", "POST /other/ body"]),
        ("HEAD", "/a", "202", vec!["HEAD /copy/ ", "HEAD /main/a ", "HEAD /other/ "]),
        ("POST", "/without", "202", vec!["POST /less/ ", "POST /main/ body"]),
        ("POST", "/off", "202", vec!["POST /main/ body"]),
        ("GET", "/file", "403", vec![]),
        ("GET", "/again", "403", vec![]),
        ("GET", "/limited", "202", vec!["GET /main/ ", "GET /once/ "]),
        ("GET", "/limited", "202", vec!["GET /main/ "]),
        ("GET", "/gone", "202", vec!["GET /main/ "]),
    ];
    let check = |who: &str, to: SocketAddr| {
        for (method, uri, status, expected) in &cases {
            let before = peer.requests().len();
            let (length, body) = if *method == "POST" { ("Content-Length: 4\r\n", "body") } else { ("", "") };
            let mut client = Client::new(to);
            client.send(&format!("{method} {uri} HTTP/1.1\r\nHost: a\r\n{length}\r\n{body}"));
            // The next request of the connection comes behind the copies.
            client.send("GET /off/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let responses = client.rest();
            assert_eq!(&responses[9..12], *status, "{who}: {method} {uri}: {responses}");
            assert_eq!(responses.matches("HTTP/1.1 ").count(), 2, "{who}: {method} {uri}: {responses}");
            let asked = peer.requests().split_off(before);
            let (last, asked) = asked.split_last().unwrap();
            assert!(last.1.starts_with("GET /main//last "), "{who}: {method} {uri}: {}", last.1);
            let mut asked: Vec<String> = asked
                .iter()
                .map(|(_, text)| {
                    let words: Vec<&str> = text.split(' ').take(2).collect();
                    format!("{} {}", words.join(" "), text.split("\r\n\r\n").nth(1).unwrap())
                })
                .collect();
            asked.sort();
            assert_eq!(asked, *expected, "{who}: {method} {uri}");
        }
    };
    let ours = Proxy::new(&http("127.0.0.1:9"));
    check("ngxc", ours.address);
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address);
    }
}

/// `Date` and `Server` that may pass and do not come are not made here; `*` is also what has no type.
#[test]
fn what_the_peer_does_not_say() {
    let peer =
        Backend::new(|_| "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok".to_owned());
    let http = |listen: &str| {
        format!(
            "server {{ listen {listen}; location / {{ proxy_pass http://{}; }}\n\
             location /passed {{ proxy_pass http://{}; proxy_pass_header Date; proxy_pass_header Server; }}\n\
             location /sub {{ proxy_pass http://{}; sub_filter k K; sub_filter_types *; }}\n\
             location /html {{ proxy_pass http://{}; sub_filter k K; }} }}",
            peer.address, peer.address, peer.address, peer.address
        )
    };
    let check = |who: &str, address: SocketAddr| {
        for (uri, date, server, body) in [
            ("/", true, true, "ok"),
            ("/passed", false, false, "ok"),
            ("/sub", true, true, "oK"),
            ("/html", true, true, "ok"),
        ] {
            let request = format!("GET {uri} HTTP/1.0\r\nHost: a\r\n\r\n");
            let response = once(address, &request);
            let has = |name: &str| response.contains(name);
            assert_eq!((has("\r\nDate: "), has("\r\nServer: ")), (date, server), "{who} {uri}: {response}");
            assert!(response.ends_with(&format!("\r\n\r\n{body}")), "{who} {uri}: {response}");
        }
    };
    check("ngxc", Proxy::new(&http("127.0.0.1:9")).address);
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address);
    }
}

/// `X-Accel-Charset` wins over `charset`, unless it is ignored.
#[test]
fn the_peer_chooses_the_charset() {
    let peer = Backend::new(|_| {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nX-Accel-Charset: one\r\n\r\nok"
            .to_owned()
    });
    let http = |listen: &str| {
        format!(
            "charset_map one two {{ 80 81; }}\n\
             server {{ listen {listen}; charset one; proxy_ignore_headers Expires;\n\
             location / {{ proxy_pass http://{0}; charset two; }}\n\
             location /own {{ proxy_pass http://{0}; charset two; proxy_ignore_headers X-Accel-Charset; }} }}",
            peer.address
        )
    };
    let check = |who: &str, address: SocketAddr| {
        for (uri, charset) in [("/", "one"), ("/own", "two")] {
            let response = once(address, &format!("GET {uri} HTTP/1.0\r\nHost: a\r\n\r\n"));
            let line = format!("\r\nContent-Type: text/plain; charset={charset}\r\n");
            assert!(response.contains(&line), "{who} {uri}: {response}");
        }
    };
    check("ngxc", Proxy::new(&http("127.0.0.1:9")).address);
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address);
    }
}

/// Links that only somebody could make who knows the secret, and that count up to a time.
#[test]
fn links_are_signed() {
    let http = |listen: &str| {
        format!(
            "server {{ listen {listen}; location / {{ secure_link $arg_md5,$arg_expires;\n\
             secure_link_md5 \"$secure_link_expires$uri secret\"; return 200 \"<$secure_link> $secure_link_expires\";\n\
             location /plain {{ secure_link $arg_md5; return 200 \"<$secure_link> $secure_link_expires\"; }}\n\
             location /p/ {{ secure_link_secret secret; return 200 \"<$secure_link>\"; }} }} }}"
        )
    };
    // Made with `md5sum`, and with `openssl md5 -binary | openssl base64`.
    let cases = [
        ("/s?md5=nIWGb87gmYA8KsOIx-y4nQ&expires=2147483647", "<1> 2147483647"),
        ("/s?md5=mIWGb87gmYA8KsOIx-y4nQ&expires=2147483647", "<> 2147483647"),
        ("/s?md5=nIWGb87gmYA8KsOIx-y4n&expires=2147483647", "<> 2147483647"),
        ("/s?md5=nIWGb87gmYA8KsOIx-y4nQ&expires=2147483648", "<> 2147483648"),
        ("/s?md5=CS6dyOrqnWOjbgS4BUAcig&expires=1", "<0> 1"),
        ("/s?md5=CS6dyOrqnWOjbgS4BUAcig&expires=x", "<> "),
        ("/s?md5=CS6dyOrqnWOjbgS4BUAcig", "<> "),
        ("/plain?md5=CS6dyOrqnWOjbgS4BUAcig", "<> "),
        ("/p/5e814704a28d9bc1914ff19fa0c4a00a/link", "<link>"),
        ("/p/5E814704A28D9BC1914FF19FA0C4A00A/link", "<link>"),
        ("/p/5e814704a28d9bc1914ff19fa0c4a00b/link", "<>"),
        ("/p/5e814704a28d9bc1914ff19fa0c4a00a/", "<>"),
        ("/p/5e814704a28d9bc1914ff19fa0c4a00a", "<>"),
    ];
    let check = |who: &str, to: SocketAddr| {
        for (uri, expected) in cases {
            let response = once(to, &format!("GET {uri} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
            let body = response.split_once("\r\n\r\n").unwrap().1;
            assert_eq!(body, expected, "{who}: {uri}");
        }
    };
    check("ngxc", Proxy::new(&http("127.0.0.1:9")).address);
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address);
    }
}

/// `$gzip_ratio` in the access log: of what was compressed as a whole.
#[test]
fn how_far_it_was_compressed() {
    let directory = tempfile::tempdir().unwrap();
    let http = |listen: &str, log: &str| {
        format!(
            "log_format x '$uri $gzip_ratio'; gzip on; gzip_types *; gzip_min_length 1;\n\
             server {{ listen {listen}; access_log {log} x; location /long {{ return 200 {}; }}\n\
             location /short {{ return 200 x; }} location /none {{ gzip off; return 200 x; }} }}",
            "x".repeat(1000)
        )
    };
    let run = |to: SocketAddr, log: &Path| {
        for uri in ["/long", "/short", "/none"] {
            once(
                to,
                &format!(
                    "GET {uri} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
                ),
            );
        }
        let begun = Instant::now();
        loop {
            let text = std::fs::read_to_string(log).unwrap();
            if text.lines().count() == 3 || begun.elapsed().as_secs() > 5 {
                return text;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let log = directory.path().join("ours.log");
    let ours = Proxy::new(&http("127.0.0.1:9", log.to_str().unwrap()));
    let text = run(ours.address, &log);
    let ratio: f64 = text.lines().next().unwrap().strip_prefix("/long ").unwrap().parse().unwrap();
    // Two libraries are not one, but neither stores a run of one letter.
    assert!((20.0..60.0).contains(&ratio), "{text}");
    assert!(text.ends_with("/short 0.05\n/none -\n"), "{text}");
    let log = directory.path().join("nginx.log");
    let Some(real) = nginx::Nginx::start(&http("PORT", log.to_str().unwrap())) else { return };
    let theirs = run(real.address, &log);
    assert_eq!(theirs.lines().skip(1).collect::<Vec<_>>(), text.lines().skip(1).collect::<Vec<_>>());
}
