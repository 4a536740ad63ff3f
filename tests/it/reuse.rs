//! The verdicts on connection reuse against literal expectations, and against the number of connections that a real
//! nginx and our own runtime make. Loopback only.
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::path::Path;
use std::sync::Arc;

use ngxc::catalog::NEWEST;
use ngxc::compile::{Options, compile};
use ngxc::model::{Config, Endpoint};
use ngxc::reuse::{BEFORE_DEFAULT_KEEPALIVE, DEFAULT_KEEPALIVE, Overview, Verdict, verdict};
use ngxc::runtime::{RunOptions, Stop, start, unsupported};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::http::{Backend, Client};
use crate::common::nginx::{self, Nginx};

const REQUESTS: usize = 20;

/// A configuration, and what comes of it before 1.29.7 and since.
struct Case {
    /// The inside of `http` beside `server`, and of `server`. `B1`, `B2`, `B3` are backends; where `server` has no
    /// location, it is that of `location / { … }`.
    http: &'static str,
    server: &'static str,
    /// Verdicts of all leaves and targets, and connections that 20 requests need; `None`: nginx refuses it.
    before: Option<(&'static str, usize)>,
    since: Option<(&'static str, usize)>,
}

const fn case(
    http: &'static str,
    server: &'static str,
    before: (&'static str, usize),
    since: (&'static str, usize),
) -> Case {
    Case { http, server, before: Some(before), since: Some(since) }
}

const fn newest(http: &'static str, server: &'static str, since: (&'static str, usize)) -> Case {
    Case { http, server, before: None, since: Some(since) }
}

const BARE: &str = "not: no upstream block";
const NO_POOL: &str = "not: no keepalive";
const CLOSE: &str = "not: Connection: close is set";
const BY_DEFAULT: &str = "not: nginx sends Connection: close";
const HTTP10: &str = "not: HTTP/1.0";
const LIFETIME: &str = "not: connections are closed after each request";
const SMALL: &str = "partly: pool smaller than the peers";
const FRAGMENTS: &str = "partly: pool divided among too many locations";
const REUSED: &str = "reused";

const PLAIN: &str = "upstream u { server B1; }";
const POOL: &str = "upstream u { server B1; keepalive 16; }";
/// Directives that a reused connection needs before 1.29.7.
const WHOLE: &str = r#"proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://u;"#;

const CASES: &[Case] = &[
    // Catalogue 3.2, in its order.
    case("", "proxy_pass http://B1;", (BARE, 20), (BARE, 20)),
    case(
        "",
        r#"proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://B1;"#,
        (BARE, 20),
        (BARE, 20),
    ),
    case(PLAIN, "proxy_pass http://u;", (NO_POOL, 20), (REUSED, 1)),
    case(POOL, "proxy_pass http://u;", (HTTP10, 20), (REUSED, 1)),
    case(POOL, "proxy_http_version 1.1; proxy_pass http://u;", (BY_DEFAULT, 20), (REUSED, 1)),
    case(POOL, WHOLE, (REUSED, 1), (REUSED, 1)),
    newest("upstream u { server B1; keepalive 0; }", "proxy_pass http://u;", (NO_POOL, 20)),
    case(POOL, "proxy_http_version 1.0; proxy_pass http://u;", (HTTP10, 20), (HTTP10, 20)),
    case(
        POOL,
        "proxy_http_version 1.0; proxy_set_header Connection keep-alive; proxy_pass http://u;",
        (REUSED, 1),
        (REUSED, 1),
    ),
    case(
        POOL,
        "proxy_http_version 1.1; proxy_set_header Connection close; proxy_pass http://u;",
        (CLOSE, 20),
        (CLOSE, 20),
    ),
    case(
        "map $http_upgrade $c { default upgrade; '' close; } upstream u { server B1; keepalive 16; }",
        "proxy_http_version 1.1; proxy_set_header Connection $c; proxy_pass http://u;",
        (CLOSE, 20),
        (CLOSE, 20),
    ),
    case(
        "map $http_upgrade $c { websocket upgrade; default close; } upstream u { server B1; keepalive 16; }",
        "proxy_http_version 1.1; proxy_set_header Connection $c; proxy_pass http://u;",
        (CLOSE, 20),
        (CLOSE, 20),
    ),
    case(
        "map $http_upgrade $c { default upgrade; '' ''; } upstream u { server B1; keepalive 16; }",
        "proxy_http_version 1.1; proxy_set_header Connection $c; proxy_pass http://u;",
        (REUSED, 1),
        (REUSED, 1),
    ),
    case(
        POOL,
        "proxy_http_version 1.1; proxy_set_header Connection \"upgrade\"; proxy_pass http://u;",
        (REUSED, 1),
        (REUSED, 1),
    ),
    case(
        POOL,
        r#"proxy_http_version 1.1; proxy_set_header Connection "";
           location / { proxy_set_header X-A b; proxy_pass http://u; }"#,
        (BY_DEFAULT, 20),
        (REUSED, 1),
    ),
    case(
        POOL,
        r#"proxy_http_version 1.1; proxy_set_header Connection "";
           location / { proxy_set_header X-A b; proxy_set_header Connection ""; proxy_pass http://u; }"#,
        (REUSED, 1),
        (REUSED, 1),
    ),
    case("upstream u { server B1; keepalive 16; least_conn; }", WHOLE, (NO_POOL, 20), (REUSED, 1)),
    case("upstream u { server B1; keepalive 16; ip_hash; }", WHOLE, (NO_POOL, 20), (REUSED, 1)),
    case("upstream u { server B1; least_conn; keepalive 16; }", WHOLE, (REUSED, 1), (REUSED, 1)),
    case("upstream u { server B1; keepalive 16; zone u 64k; }", WHOLE, (REUSED, 1), (REUSED, 1)),
    case(
        POOL,
        r#"set $b u; location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://$b; }"#,
        (REUSED, 1),
        (REUSED, 1),
    ),
    case("", "set $b B1; location / { proxy_pass http://$b; }", (BARE, 20), (BARE, 20)),
    case(
        POOL,
        r#"proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://u$request_uri;"#,
        (REUSED, 1),
        (REUSED, 1),
    ),
    case("", "proxy_pass http://B1$request_uri;", (BARE, 20), (BARE, 20)),
    case("upstream u { server B1; server B2; server B3; keepalive 1; }", WHOLE, (SMALL, 20), (SMALL, 20)),
    case("upstream u { server B1; server B2; server B3; keepalive 3; }", WHOLE, (REUSED, 3), (REUSED, 3)),
    case(
        "upstream u { server B1; server B2; server B3 down; keepalive 2; }",
        WHOLE,
        (REUSED, 2),
        (REUSED, 2),
    ),
    case("upstream u { server B1; server B2 backup; keepalive 1; }", WHOLE, (REUSED, 1), (REUSED, 1)),
    case("upstream u { server B1; server B1; keepalive 1; }", WHOLE, (REUSED, 1), (REUSED, 1)),
    case("upstream u { server B1; keepalive 16; keepalive_requests 2; }", WHOLE, (REUSED, 10), (REUSED, 10)),
    case(
        "upstream u { server B1; keepalive 16; keepalive_requests 1; }",
        WHOLE,
        (LIFETIME, 20),
        (LIFETIME, 20),
    ),
    case(
        "upstream u { server B1; keepalive 16; keepalive_timeout 0; }",
        WHOLE,
        (LIFETIME, 20),
        (LIFETIME, 20),
    ),
    // Headers and versions from further out, and from `if`.
    case(
        POOL,
        r#"proxy_http_version 1.1; proxy_set_header Connection ""; location / { proxy_pass http://u; }"#,
        (REUSED, 1),
        (REUSED, 1),
    ),
    case(
        "proxy_http_version 1.1; proxy_set_header Connection \"\"; upstream u { server B1; keepalive 16; }",
        "proxy_pass http://u;",
        (REUSED, 1),
        (REUSED, 1),
    ),
    case(
        "proxy_http_version 1.1; proxy_set_header CONNECTION ''; upstream u { server B1; keepalive 16; }",
        "proxy_pass http://u;",
        (REUSED, 1),
        (REUSED, 1),
    ),
    case(
        "map $arg_x $b { default u; } upstream u { server B1; keepalive 16; }",
        r#"proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://$b;"#,
        (REUSED, 1),
        (REUSED, 1),
    ),
    case(
        "split_clients $request_uri $b { * u; } upstream u { server B1; keepalive 16; }",
        r#"proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://$b;"#,
        (REUSED, 1),
        (REUSED, 1),
    ),
    case(
        "split_clients $request_uri $b { * B1; }",
        r#"proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://$b;"#,
        (BARE, 20),
        (BARE, 20),
    ),
    case(
        "upstream U { server B1; keepalive 16; }",
        r#"set $b u; location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://$b; }"#,
        (REUSED, 1),
        (REUSED, 1),
    ),
    // Two locations with one variable: each sees its own `set`.
    case(
        POOL,
        r#"proxy_http_version 1.1; proxy_set_header Connection "";
           location / { set $b u; proxy_pass http://$b; }
           location /other { set $b B2; proxy_pass http://$b; }"#,
        ("reused | not: no upstream block", 1),
        ("reused | not: no upstream block", 1),
    ),
    // Pools kept per location share their places.
    newest(
        "upstream u { server B1; keepalive 2 local; }",
        "location / { proxy_pass http://u; }
         location /2 { proxy_pass http://u; }
         location /3 { proxy_pass http://u; }",
        (
            "partly: pool divided among too many locations | partly: pool divided among too many locations | \
          partly: pool divided among too many locations",
            20,
        ),
    ),
    case(
        "upstream u { server B1; keepalive 2; }",
        "location / { proxy_pass http://u; }
         location /2 { proxy_pass http://u; }
         location /3 { proxy_pass http://u; }",
        ("not: HTTP/1.0 | not: HTTP/1.0 | not: HTTP/1.0", 20),
        ("reused | reused | reused", 1),
    ),
];

fn compiled(http: &str, version: Version) -> Result<Config, String> {
    let text = format!(
        "worker_processes 1; error_log error.log; events {{ }}\nhttp {{ access_log off;\n{http}\n}}\n"
    );
    let files = Memory::default().with("nginx.conf", text);
    let loaded = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(version));
    if compiled.is_valid() { Ok(compiled.config) } else { Err(format!("{:#?}", compiled.diagnostics)) }
}

impl Case {
    fn text(&self, listen: &str, backends: &[Backend]) -> String {
        let location = if self.server.contains("location ") { "" } else { "location / {" };
        let close = if location.is_empty() { "" } else { "}" };
        let mut text =
            format!("{}\nserver {{ listen {listen}; {location} {} {close} }}", self.http, self.server);
        for (n, backend) in backends.iter().enumerate() {
            text = text.replace(&format!("B{}", n + 1), &backend.address.to_string());
        }
        text
    }

    /// The verdict and the number of connections that a version is expected to have.
    fn expected(&self, version: Version) -> Option<(&'static str, usize)> {
        if version < DEFAULT_KEEPALIVE { self.before } else { self.since }
    }

    /// Twenty requests; where there are several locations of the same target, to each in turn.
    fn uris(&self) -> Vec<String> {
        let several = self.server.contains("location /2");
        (0..REQUESTS)
            .map(|n| if several { ["/", "/2", "/3"][n % 3].to_owned() } else { "/".to_owned() })
            .collect()
    }
}

/// Keeps the connection if the request lets it.
fn answer(request: &str) -> String {
    let request = request.to_ascii_lowercase();
    let kept = request.contains("connection: keep-alive");
    let close = request.contains("connection: close") || request.contains("http/1.0\r\n") && !kept;
    let connection = if close { "Connection: close\r\n" } else { "" };
    format!("HTTP/1.1 200 OK\r\n{connection}Content-Length: 2\r\n\r\nok")
}

fn backends() -> [Backend; 3] {
    std::array::from_fn(|_| Backend::new(answer))
}

fn shown(verdict: Verdict) -> String {
    match verdict {
        Verdict::Reused => REUSED.to_owned(),
        Verdict::NotReused(cause) => format!("not: {}", cause.text()),
        Verdict::Partly(cause) => format!("partly: {}", cause.text()),
        Verdict::Unknown => "unknown".to_owned(),
    }
}

fn verdicts(config: &Config) -> String {
    let overview = Overview::new(config);
    let all = overview.leaves.iter().flat_map(|judged| &judged.reached);
    all.map(|(_, verdict)| shown(*verdict)).collect::<Vec<_>>().join(" | ")
}

#[test]
fn verdicts_are_those_that_were_measured() {
    let backends = backends();
    for case in CASES {
        for version in [BEFORE_DEFAULT_KEEPALIVE, NEWEST] {
            let text = case.text("127.0.0.1:9", &backends);
            let found = compiled(&text, version).map(|config| verdicts(&config));
            let expected = case.expected(version).map(|(verdict, _)| verdict);
            assert_eq!(found.as_deref().ok(), expected, "{version}\n{text}\n{found:?}");
        }
    }
}

/// Guards the table: what it calls reused needs few connections, what it calls not reused one for each request.
#[test]
fn the_expected_verdicts_and_counts_agree() {
    for case in CASES {
        for (verdict, connections) in case.before.into_iter().chain(case.since) {
            let first = verdict.split(" | ").next().unwrap();
            let agree = match first.split(':').next().unwrap() {
                "reused" => connections <= REQUESTS / 2,
                "not" => connections == REQUESTS,
                "partly" => connections > REQUESTS / 2,
                _ => false,
            };
            assert!(agree, "{verdict}: {connections} connections\n{}\n{}", case.http, case.server);
        }
    }
    assert_eq!(FRAGMENTS, "partly: pool divided among too many locations");
}

/// Other protocols: the expectations are read in nginx's source, because no peer of theirs is at hand.
#[test]
fn other_protocols_and_targets() {
    let cases = [
        ("location / { fastcgi_pass u; }", "not: fastcgi_keep_conn off"),
        ("location / { fastcgi_pass u; fastcgi_keep_conn on; }", REUSED),
        ("fastcgi_keep_conn on; location / { fastcgi_pass u; }", REUSED),
        ("location / { uwsgi_pass u; }", "not: the protocol closes"),
        ("location / { scgi_pass u; }", "not: the protocol closes"),
        ("location / { grpc_pass u; }", REUSED),
        ("location / { set $memcached_key $uri; memcached_pass u; }", REUSED),
        ("location / { proxy_pass http://$host; }", "unknown"),
        ("location / { proxy_pass http:/$uri; }", "unknown"),
        ("location / { proxy_pass http://unix:/run/x; }", BARE),
        (
            "proxy_http_version 1.1; location / { proxy_set_header Connection $http_connection; proxy_pass http://u; }",
            "partly: Connection comes from the client",
        ),
    ];
    for version in [BEFORE_DEFAULT_KEEPALIVE, NEWEST] {
        for (server, expected) in cases {
            let text = format!("upstream u {{ server 10.0.0.1:80; keepalive 8; }} server {{ {server} }}");
            let config = compiled(&text, version).unwrap();
            assert_eq!(verdicts(&config), expected, "{version} {server}");
            let overview = Overview::new(&config);
            for judged in &overview.leaves {
                for (reached, known) in &judged.reached {
                    assert_eq!(*known, verdict(&config, &judged.leaf, reached), "{server}");
                }
            }
        }
    }
}

#[test]
fn a_variable_that_is_made_of_itself_ends() {
    let sets: Vec<String> = (0..200).map(|n| format!("set $x \"${{x}}{n}$y\"; set $y \"$y$x\";\n")).collect();
    let sets = sets.concat();
    let text = format!("server {{ {sets} location / {{ proxy_pass http://$x; }} }}");
    assert!(verdicts(&compiled(&text, NEWEST).unwrap()).contains("unknown"));
}

#[test]
fn a_real_nginx_makes_as_many_connections() {
    if nginx::program().is_none() {
        return;
    }
    let mut compared = 0;
    for case in CASES {
        let backends = backends();
        // Refused configurations depend on nginx's version: a version that refuses cannot be started.
        let version = program_version();
        let Some((verdict, expected)) = case.expected(version) else { continue };
        let Some(nginx) = Nginx::start(&case.text("PORT", &backends)) else { return };
        for (status, _) in nginx.get(&case.uris(), "a.test") {
            assert_eq!(status, 200, "{}", case.server);
        }
        let connections: usize = backends.iter().map(Backend::connections).sum();
        assert_eq!(connections, expected, "nginx {version}, {verdict}\n{}\n{}", case.http, case.server);
        compared += 1;
    }
    eprintln!("{compared} configurations compared with nginx {}", program_version());
    assert!(compared > 35);
}

fn program_version() -> Version {
    let output = std::process::Command::new(nginx::program().unwrap()).arg("-v").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.split('/').nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn our_runtime_makes_as_many_connections() {
    let mut compared = 0;
    let mut left = Vec::new();
    for case in CASES {
        for version in [BEFORE_DEFAULT_KEEPALIVE, NEWEST] {
            let Some((verdict, expected)) = case.expected(version) else { continue };
            let backends = backends();
            let mut config = compiled(&case.text("127.0.0.1:9", &backends), version).unwrap();
            if unsupported(&config).iter().any(|u| u.safe_because.is_none()) {
                left.push(case.http);
                continue;
            }
            for listen in config.http.servers.iter_mut().flat_map(|server| &mut server.listen) {
                if let Endpoint::Inet(address) = &mut listen.endpoint {
                    address.set_port(0);
                }
            }
            let directory = tempfile::tempdir().unwrap();
            let running = start(
                Arc::new(config),
                &RunOptions { prefix: directory.path().to_owned(), ..RunOptions::default() },
            )
            .unwrap();
            let mut client = Client::new(running.addresses()[0]);
            for uri in case.uris() {
                let response = client.get(&uri);
                assert!(response.starts_with("HTTP/1.1 200"), "{version} {}\n{response}", case.server);
            }
            let connections: usize = backends.iter().map(Backend::connections).sum();
            assert_eq!(connections, expected, "{version}, {verdict}\n{}\n{}", case.http, case.server);
            running.stop(Stop::Fast);
            compared += 1;
        }
    }
    eprintln!("{compared} configurations executed, {} not", left.len());
    assert!(compared > 40, "not executed: {left:#?}");
}
