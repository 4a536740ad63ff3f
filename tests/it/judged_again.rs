//! Findings and remedies that further readers of public configurations called wrong, in own words.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use ngxc::catalog::NEWEST;
use ngxc::diagnostic::{Diagnostic, Level};
use ngxc::lint::BEFORE_DEFAULT_KEEPALIVE;
use ngxc::source::Memory;
use ngxc::syntax::{self, LoadOptions};
use ngxc::version::Version;

use crate::common::examples::lint;
use crate::precision::judge;

fn first(rule: &str, text: &str, version: Version) -> Diagnostic {
    let (_, found) = lint(text, false, version);
    found.iter().find(|d| d.code == rule).unwrap_or_else(|| panic!("{rule}: {found:#?}")).clone()
}

fn help(rule: &str, text: &str) -> String {
    first(rule, text, NEWEST).help.unwrap()
}

#[test]
fn a_host_that_is_resolved_for_requests_stays_so() {
    let later =
        "resolver 127.0.0.1; server { location / { proxy_pass https://app.example.net$request_uri; } }";
    for version in [BEFORE_DEFAULT_KEEPALIVE, NEWEST] {
        let found = first("proxy-to-bare-host", later, version);
        let help = found.help.unwrap();
        assert!(help.contains("zone to_app_example_net 64k; server app.example.net:443 resolve;"), "{help}");
        assert!(help.contains("1.27.3") && found.fix.is_none(), "{help}");
    }
    // nginx finds the host of the other location as an upstream, resolved at start.
    let at_start = later.replace("} }", "} location /a { proxy_pass https://app.example.net; } }");
    for text in [at_start.as_str(), "server { location / { proxy_pass http://10.0.0.1:80$request_uri; } }"] {
        assert!(!help("proxy-to-bare-host", text).contains("resolve"), "{text}");
    }
}

#[test]
fn places_are_counted_with_the_one_of_the_finding() {
    let mut locations = String::new();
    for n in 0..6 {
        let _ = write!(locations, "location /{n} {{ proxy_pass http://10.0.0.1:80; }} ");
    }
    let found = first("proxy-to-bare-host", &format!("server {{ {locations} }}"), NEWEST);
    assert!(found.message.ends_with("; 5 more places are affected"), "{}", found.message);
    let pool =
        format!("upstream a {{ server 10.0.0.1; }} server {{ {} }}", locations.replace("10.0.0.1:80", "a"));
    let found = first("upstream-not-pooled", &pool, BEFORE_DEFAULT_KEEPALIVE);
    assert!(found.message.ends_with("; 6 places are affected"), "{}", found.message);
}

#[test]
fn an_exact_location_may_take_a_path_from_another() {
    judge(
        "regex-exact-match",
        NEWEST,
        &[
            ("server { location ~ ^/a$ { return 204; } }", "i"),
            ("server { location ~ /a { return 204; } location ~ ^/a$ { return 204; } }", ""),
            ("server { location ~ ^/a$ { return 204; } location ~ /a { return 204; } }", "i"),
            ("server { location ^~ /a { return 204; } location ~ ^/a$ { return 204; } }", ""),
            ("server { location = /a { return 204; } location ~ ^/a$ { return 204; } }", ""),
            (
                "server { location ~ /b { return 204; } location /a { return 204; } location ~ ^/a$ { return 204; } }",
                "i",
            ),
        ],
    );
    judge(
        "shadowed-regex-location",
        NEWEST,
        &[
            ("server { location ~* /$ { return 204; } location ~ ^/a/$ { return 204; } }", "w"),
            ("server { location ~ ^/a/$ { return 204; } location ~* /$ { return 204; } }", ""),
            ("server { location ~ /b$ { return 204; } location ~ ^/a/$ { return 204; } }", ""),
        ],
    );
}

#[test]
fn remedies_fit_what_is_there() {
    let php =
        |inside: &str| format!("server {{ location ~ \\.php {{ fastcgi_pass 10.0.0.1:9000; {inside} }} }}");
    assert_eq!(help("unanchored-regex", &php("")), "end the pattern with `$`");
    let splits = help("unanchored-regex", &php("fastcgi_split_path_info ^(.+\\.php)(/.+)$;"));
    assert!(splits.contains("`(/|$)`"), "{splits}");
    let weak = |names: &str| help("weak-tls-protocols", &format!("server {{ ssl_protocols {names}; }}"));
    assert!(weak("TLSv1.1 TLSv1.2").contains("`ssl_protocols TLSv1.2 TLSv1.3;`"));
    assert_eq!(weak("TLSv1 TLSv1.3"), "write `ssl_protocols TLSv1.3;`");
    let acl = |answer: &str| {
        help("return-bypasses-acl", &format!("server {{ location /a {{ deny all; {answer} }} }}"))
    };
    assert!(acl("return 200 a;").contains("try_files"));
    assert!(!acl("return 301 https://example.com/;").contains("try_files"));
    assert!(!acl("rewrite ^ https://example.com/ permanent;").contains("try_files"));
    let zone = "limit_req zone=own; server { listen 80; }";
    let found = first_of_compile(zone, "undefined-zone");
    assert!(found.help.unwrap().starts_with("if none of them does: define it"));
}

/// The first finding of a code in a file that stands for itself.
fn first_of_compile(text: &str, code: &str) -> Diagnostic {
    all(text).into_iter().find(|d| d.code == code).unwrap_or_else(|| panic!("{code}: {text}"))
}

fn all(text: &str) -> Vec<Diagnostic> {
    let files = Memory::default().with("site.conf", text);
    let configuration = syntax::load(&files, "site.conf".as_ref(), &LoadOptions::default()).unwrap();
    let is_main = text.contains("events {");
    let contexts = if is_main { Vec::new() } else { vec![ngxc::catalog::Context::Http] };
    let options = ngxc::compile::Options { contexts, ..ngxc::compile::Options::new(NEWEST) };
    let compiled = ngxc::compile::compile(&configuration, &options);
    configuration.diagnostics.iter().cloned().chain(compiled.diagnostics).collect()
}

#[test]
fn two_places_share_one_map() {
    let server = |name: &str| {
        format!(
            "server {{ server_name {name}; location / {{ proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
             proxy_set_header Connection upgrade; proxy_pass http://a; }} }}"
        )
    };
    let text = format!("upstream a {{ server 10.0.0.1; keepalive 2; }} {} {}", server("a"), server("b"));
    let (_, found) = lint(&text, false, NEWEST);
    let fixes =
        found.iter().filter(|d| d.code == "connection-upgrade-constant").map(|d| d.fix.clone().unwrap());
    let maps: Vec<_> = fixes.map(|fix| fix.edits[0].clone()).collect();
    assert_eq!(maps.len(), 2);
    assert!(maps[0].text.contains("map $http_upgrade") && maps[0] == maps[1], "{maps:?}");
}

#[test]
fn a_pattern_of_one_name_says_that_the_file_may_be_absent() {
    let told = |name: &str| {
        let text = format!("events {{ }} http {{ include {name}; }}");
        all(&text).iter().any(|d| d.code == "include-no-match")
    };
    assert!(!told("custom/root[.]conf"));
    assert!(told("custom/*.conf") && told("custom/[ab].conf"));
}

#[test]
fn sizes_of_a_fragment_are_those_of_the_files_around_it() {
    let name = "a".repeat(80);
    let hash = format!("map $uri ${name} {{ default a; }}");
    for text in [hash.as_str(), "server { listen 80; proxy_buffer_size 64k; }"] {
        let found = all(text);
        let sizes = ["conflicting-buffers", "hash-bucket-size"];
        let own: Vec<_> = found.iter().filter(|d| sizes.contains(&d.code)).collect();
        assert!(!own.is_empty() && own.iter().all(|d| d.level == Level::Info), "{found:#?}");
        let whole = all(&format!("events {{ }} http {{ {text} server {{ listen 81; }} }}"));
        assert!(whole.iter().any(|d| sizes.contains(&d.code) && d.level == Level::Error), "{whole:#?}");
    }
}

#[test]
fn programs_beside_nginx_have_versions_of_their_own() {
    let message = |text: &str| first_of_compile(text, "directive-of-other-version").message;
    let main =
        |inside: &str| format!("events {{ }} http {{ server {{ listen 80; location / {{ {inside} }} }} }}");
    let plus = message(&main("status;"));
    assert!(plus.starts_with("`status` of NGINX Plus was removed in nginx 1.13.10;"), "{plus}");
    let script = message("events { } http { js_include a.js; server { listen 80; } }");
    assert!(script.contains("was removed in njs 0.7.1;"), "{script}");
    // NGINX Plus fills such an upstream.
    let level = |inside: &str| {
        let text =
            format!("events {{ }} http {{ upstream a {{ zone a 64k; }} server {{ listen 80; {inside} }} }}");
        first_of_compile(&text, "upstream-without-servers").level
    };
    assert_eq!((level(""), level("status_zone b;")), (Level::Error, Level::Info));
}
