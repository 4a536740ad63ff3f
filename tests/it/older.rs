//! A model made older is the model that a compilation for the older version comes to, or it is not made.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::catalog::NEWEST;
use ngxc::compile::{Compiled, Options, compile, make_older};
use ngxc::source::Memory;
use ngxc::syntax::{Configuration, LoadOptions, load};
use ngxc::version::Version;

fn read(text: &str) -> Configuration {
    let files = Memory::default().with("nginx.conf", text);
    load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap()
}

fn compiled(configuration: &Configuration, version: Version) -> Compiled {
    compile(configuration, &Options::new(version))
}

/// The model, with what is shared between levels.
fn stored(compiled: &Compiled) -> serde_json::Value {
    ngxc::model::store(|| serde_json::to_value(&compiled.config).unwrap())
}

/// The texts of fixtures, and a few that defaults decide.
fn texts() -> Vec<String> {
    let fixtures =
        [include_str!("../fixtures/parity.jsonl"), include_str!("../fixtures/together.jsonl")].concat();
    let of = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["text"].as_str().unwrap().to_owned()
    };
    let own = [
        include_str!("../../examples/exhausted.conf"),
        include_str!("../../examples/shop.conf"),
        "http { upstream u { server a; } server { location / { proxy_pass http://u; proxy_set_header A b;
             location /a { proxy_pass http://u; if ($a) { proxy_pass http://u; } } } location /b { return 200; } } }",
        "http { proxy_http_version 1.1; upstream u { server a; keepalive_requests 5; }
             server { location / { proxy_read_timeout 1s; proxy_pass http://u; } } }",
    ];
    fixtures.lines().map(of).chain(own.map(str::to_owned)).collect()
}

#[test]
fn it_is_what_a_compilation_makes() {
    let versions = [[1, 28, 3], [1, 31, 1], [1, 29, 6], [1, 22, 1], [1, 18, 0]];
    let mut made = 0;
    let texts = texts();
    // Each text for one of them: all for all would take a minute.
    for (text, [major, minor, patch]) in texts.iter().zip(versions.into_iter().cycle()) {
        let version = Version::new(major, minor, patch);
        let configuration = read(text);
        let mut newer = compiled(&configuration, NEWEST);
        if make_older(&mut newer, version) {
            made += 1;
            let expected = compiled(&configuration, version);
            assert_eq!(newer.is_valid(), expected.is_valid(), "{version}:\n{text}");
            assert!(stored(&newer) == stored(&expected), "{version}:\n{text}");
        }
    }
    // Else any difference would do.
    assert!(2 * made > texts.len(), "{made} of {}", texts.len());
}

#[test]
fn what_is_shared_stays_shared() {
    let locations = "location /a { } location /b { } location /c { proxy_read_timeout 1s; }";
    let configuration = read(&format!("http {{ server {{ {locations} }} }}"));
    let mut newer = compiled(&configuration, NEWEST);
    assert!(make_older(&mut newer, Version::new(1, 28, 3)));
    let [a, b, c] = newer.config.http.servers[0].locations.as_slice() else { panic!() };
    assert!(std::sync::Arc::ptr_eq(&a.settings.proxy, &b.settings.proxy));
    assert!(!std::sync::Arc::ptr_eq(&a.settings.proxy, &c.settings.proxy));
}

#[test]
fn what_a_newer_version_decides_is_compiled_again() {
    for (inside, first) in [
        ("upstream u { server a; keepalive 4; ip_hash; }", [1, 29, 7]),
        ("upstream u { server a; keepalive 0; }", [1, 29, 7]),
        ("upstream u { server a; keepalive 4; }", [1, 1, 4]),
        ("upstream u { server a; keepalive 4 local; }", [1, 29, 7]),
        ("server { add_header_inherit merge; }", [1, 29, 3]),
        ("server { return 200 $is_request_port; }", [1, 29, 3]),
        ("geo $a { volatile; }", [1, 29, 3]),
        ("server { location / { proxy_http_version 2; } }", [1, 29, 4]),
        ("server { listen 80; http2 on; }", [1, 25, 1]),
        ("server { location / { proxy_pass http://a; } }", [0, 8, 0]),
    ] {
        let same_since = compiled(&read(&format!("http {{ {inside} }}")), NEWEST).same_since;
        let first = Version::new(first[0], first[1], first[2]);
        assert!(same_since >= first, "{inside}: {same_since}");
        assert!(same_since <= first.max(Version::new(1, 9, 0)), "{inside}: {same_since}");
    }
}
