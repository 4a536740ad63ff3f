//! The capacity model over whole configurations: who connects where, how much fits, what an upgrade changes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::catalog::NEWEST;
use ngxc::model::Config;
use ngxc::ports::capacity::Setup;
use ngxc::ports::flow::Closer;
use ngxc::ports::upgrade::{Effect, effect};
use ngxc::ports::{Capacity, Host, Load, flows};
use ngxc::source::Memory;
use ngxc::version::Version;
use ngxc::{compile, syntax};

const OLD: Version = Version::new(1, 28, 0);

fn config(http: &str, version: Version) -> Config {
    let files = Memory::default().with("nginx.conf", format!("events {{}} http {{ {http} }}"));
    let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default()).unwrap();
    let options = compile::Options { version, contexts: Vec::new(), strict_modules: false };
    let compiled = compile::compile(&configuration, &options);
    assert!(compiled.is_valid(), "{http}: {:?}", compiled.diagnostics);
    compiled.config
}

/// Safe new connections a second of the first flow with Linux' defaults, and requests on each.
fn safe(http: &str, version: Version) -> (f64, u32) {
    let config = config(http, version);
    let flows = flows(&config);
    let setup = Setup::new(&config, &flows[0], &Host::default(), None);
    let capacity = Capacity::of(&setup, &Load::default());
    (capacity.safe, capacity.requests)
}

#[test]
fn limits_of_configurations() {
    let one = 14_116.0 / 61.0;
    let to = |peers: &str, directives: &str| {
        format!("upstream u {{ {peers} }} server {{ location / {{ {directives} proxy_pass http://u; }} }}")
    };
    let split = "split_clients $request_id $s { 40% 10.0.0.1; 20% 10.0.0.2; 20% 10.0.0.3; * 10.0.0.4; }";
    let cases: Vec<(String, Version, f64, u32)> = vec![
        (to("server 10.1.0.1:80;", ""), OLD, one, 1),
        (to("server 10.1.0.1:80;", ""), NEWEST, one, 1000),
        (to("server 10.1.0.1:80; keepalive 8;", ""), OLD, one, 1),
        (
            to("server 10.1.0.1:80; keepalive 8;", "proxy_http_version 1.1; proxy_set_header Connection '';"),
            OLD,
            one,
            1000,
        ),
        (to("server 10.1.0.1:80; keepalive_requests 100;", ""), NEWEST, one, 100),
        (to("server 10.1.0.1:80; server 10.1.0.2:80;", ""), OLD, 2.0 * one, 1),
        (to("server 10.1.0.1:80 weight=3; server 10.1.0.2:80;", ""), OLD, one / 0.75, 1),
        (to("server 10.1.0.1:80; server 10.1.0.2:80 backup;", ""), OLD, one, 1),
        (to("server 127.0.0.1:80;", ""), OLD, 14_116.0, 1),
        (format!("{split} {}", to("server 10.1.0.1:80;", "proxy_bind $s;")), OLD, one / 0.4, 1),
        ("server { location / { proxy_pass http://10.1.0.1; } }".to_owned(), NEWEST, one, 1),
    ];
    for (http, version, expected, requests) in cases {
        let (safe, on_each) = safe(&http, version);
        assert!((safe / expected - 1.0).abs() < 1e-3, "{http} {version}: {safe} for {expected}");
        assert_eq!(on_each, requests, "{http} {version}");
    }
}

#[test]
fn who_closes() {
    let cases = [
        ("server { location / { proxy_pass http://10.1.0.1; } }", OLD, Closer::Race),
        ("server { location / { proxy_pass http://10.1.0.1; } }", NEWEST, Closer::Nginx),
        (
            "server { location / { proxy_http_version 1.1; proxy_set_header Connection ''; proxy_pass http://10.1.0.1; } }",
            OLD,
            Closer::Nginx,
        ),
        (
            "server { location / { proxy_set_header Connection close; proxy_pass http://10.1.0.1; } }",
            NEWEST,
            Closer::Race,
        ),
        ("server { location / { grpc_pass grpc://10.1.0.1:80; } }", OLD, Closer::Nginx),
        ("server { location / { fastcgi_pass 10.1.0.1:9000; } }", NEWEST, Closer::Race),
        ("server { location / { uwsgi_pass 10.1.0.1:9000; } }", NEWEST, Closer::Race),
    ];
    for (http, version, closer) in cases {
        let config = config(http, version);
        assert_eq!(flows(&config)[0].closer, closer, "{http} {version}");
    }
}

#[test]
fn upgrades() {
    let cases = [
        ("server { location / { proxy_pass http://10.1.0.1; } }", Effect::Worse),
        ("upstream u { server 10.1.0.1; } server { location / { proxy_pass http://u; } }", Effect::Better),
        ("server { location / { uwsgi_pass 10.1.0.1:9000; } }", Effect::Same),
    ];
    for (http, expected) in cases {
        let (old, new) = (config(http, OLD), config(http, NEWEST));
        assert_eq!(effect(&flows(&old)[0], &flows(&new)[0]), expected, "{http}");
    }
}

#[test]
fn unix_sockets_need_no_ports() {
    let config = config(
        "upstream u { server unix:/run/app.sock; } server { location / { proxy_pass http://u; } }",
        OLD,
    );
    assert!(flows(&config)[0].is_unix());
}
