//! The version of nginx that is meant: what it lacks says since when or until when, and what it warns of is a warning.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::catalog::NEWEST;
use ngxc::compile::{Options, compile};
use ngxc::diagnostic::Level;
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};

/// Findings of a level: message and help, and nginx's words.
fn found(text: &str, version: &str, strict_modules: bool, level: Level) -> Vec<(String, String)> {
    let files = Memory::default().with("nginx.conf", text);
    let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
    assert!(configuration.syntax_errors.is_empty(), "{text}");
    let options = Options { strict_modules, ..Options::new(version.parse().unwrap()) };
    let compiled = compile(&configuration, &options);
    let of_level = compiled.diagnostics.into_iter().filter(|d| d.level == level);
    of_level
        .map(|d| (format!("{} {}", d.message, d.help.unwrap_or_default()), d.nginx.unwrap_or_default()))
        .collect()
}

fn around(context: &str, inside: &str) -> String {
    match context {
        "main" => format!("events {{}} {inside}"),
        "http" => format!("events {{}} http {{ {inside} }}"),
        "server" => format!("events {{}} http {{ server {{ {inside} }} }}"),
        "location" => format!("events {{}} http {{ server {{ location / {{ {inside} }} }} }}"),
        "upstream" => format!("events {{}} http {{ upstream u {{ server 127.0.0.1; {inside} }} }}"),
        "stream" => format!("events {{}} stream {{ {inside} }}"),
        "stream-server" => {
            format!("events {{}} stream {{ server {{ listen 1; proxy_pass 127.0.0.1:1; {inside} }} }}")
        }
        other => panic!("{other}"),
    }
}

/// Context, text, the last version that refuses it, the first that takes it.
const SINCE: &[(&str, &str, &str, &str)] = &[
    ("server", "http2 on;", "1.25.0", "1.25.1"),
    ("server", "listen 443 quic; ssl_certificate a; ssl_certificate_key a;", "1.24.0", "1.25.0"),
    ("server", "http3 on;", "1.24.0", "1.25.0"),
    ("server", "ssl_reject_handshake on;", "1.19.3", "1.19.4"),
    ("server", "ssl_conf_command Options PrioritizeChaCha;", "1.19.3", "1.19.4"),
    ("location", "proxy_cookie_flags a secure;", "1.19.2", "1.19.3"),
    ("location", "proxy_http_version 2;", "1.29.3", "1.29.4"),
    ("location", "proxy_limit_rate $arg_rate;", "1.26.3", "1.27.0"),
    ("server", "auth_delay 1s;", "1.17.9", "1.17.10"),
    ("server", "keepalive_time 1h;", "1.19.9", "1.19.10"),
    ("upstream", "keepalive_time 1h;", "1.19.9", "1.19.10"),
    ("upstream", "zone u 64k; resolver 127.0.0.1;", "1.27.2", "1.27.3"),
    ("upstream", "zone u 64k; resolver 127.0.0.1; server a.example resolve;", "1.27.2", "1.27.3"),
    ("upstream", "keepalive 4 local;", "1.29.6", "1.29.7"),
    ("upstream", "server 127.0.0.2 route=a;", "1.29.5", "1.29.6"),
    ("upstream", "sticky cookie a;", "1.29.5", "1.29.6"),
    ("server", "listen 80 multipath;", "1.29.6", "1.29.7"),
    ("http", "add_header_inherit merge;", "1.29.2", "1.29.3"),
    ("location", "return 200 $is_request_port;", "1.29.2", "1.29.3"),
    ("stream", "server { listen 1; server_name a; proxy_pass 127.0.0.1:1; }", "1.25.4", "1.25.5"),
    ("stream-server", "pass 127.0.0.1:2;", "1.25.4", "1.25.5"),
    ("stream-server", "set $a 1;", "1.19.2", "1.19.3"),
    ("server", "ssl_certificate_cache max=10;", "1.27.3", "1.27.4"),
    ("http", "geo $a { volatile; }", "1.29.2", "1.29.3"),
    ("server", "early_hints $http_a;", "1.28.3", "1.29.0"),
    ("location", "grpc_ssl_conf_command a b;", "1.19.3", "1.19.4"),
];

/// Context, text, the last version that takes it, the first that does not.
const UNTIL: &[(&str, &str, &str, &str)] =
    &[("server", "ssl on; ssl_certificate a; ssl_certificate_key a;", "1.25.0", "1.25.1")];

#[test]
fn what_a_version_lacks_says_since_when() {
    let mut wrong = Vec::new();
    for (context, inside, without, with) in SINCE {
        let text = around(context, inside);
        let errors = found(&text, without, false, Level::Error);
        match errors.first() {
            None => wrong.push(format!("{inside}: {without} takes it")),
            Some((message, _)) if !message.contains(&format!("since nginx {with}")) => {
                wrong.push(format!("{inside}: {message}"));
            }
            Some(_) => {}
        }
        let errors = found(&text, with, false, Level::Error);
        if !errors.is_empty() {
            wrong.push(format!("{inside}: {with} refuses it: {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(SINCE.len() >= 25);
}

#[test]
fn what_was_removed_says_until_when() {
    for (context, inside, with, without) in UNTIL {
        let text = around(context, inside);
        assert_eq!(found(&text, with, false, Level::Error), [], "{inside}");
        let errors = found(&text, without, false, Level::Error);
        assert!(errors[0].0.contains(&format!("was removed in nginx {without}")), "{errors:?}");
    }
}

/// Context, text, version, nginx's warning; none if it says nothing.
const WARNINGS: &[(&str, &str, &str, &str)] = &[
    (
        "server",
        "listen 443 http2;",
        "1.25.1",
        "the \"listen ... http2\" directive is deprecated, use the \"http2\" directive instead",
    ),
    ("server", "listen 443 http2;", "1.25.0", ""),
    (
        "server",
        "ssl on; ssl_certificate a; ssl_certificate_key a;",
        "1.24.0",
        "the \"ssl\" directive is deprecated, use the \"listen ... ssl\" directive instead",
    ),
    (
        "server",
        "http2_push_preload on;",
        "1.25.1",
        "the \"http2_push_preload\" directive is obsolete, ignored",
    ),
    ("server", "http2_push_preload on;", "1.25.0", ""),
    (
        "http",
        "http2_max_requests 10;",
        "1.19.7",
        "the \"http2_max_requests\" directive is obsolete, use the \"keepalive_requests\" directive instead",
    ),
    ("http", "gzip_types text/plain text/html;", "1.22.1", "duplicate MIME type \"text/html\""),
    (
        "http",
        "types { a/b x; c/d x; }",
        "1.31.5",
        "duplicate extension \"x\", content type: \"c/d\", previous content type: \"a/b\"",
    ),
    ("server", "allow 10.0.0.1/8;", "1.31.5", "low address bits of 10.0.0.1/8 are meaningless"),
    ("http", "geo $a { 10.0.0.1/8 1; }", "1.31.5", "low address bits of 10.0.0.1/8 are meaningless"),
    ("upstream", "least_conn; ip_hash;", "1.31.5", "load balancing method redefined"),
    ("upstream", "keepalive 4; ip_hash;", "1.29.6", "load balancing method redefined"),
    ("upstream", "keepalive 4; ip_hash;", "1.29.7", ""),
    ("server", "server_name a/b;", "1.31.5", "server name \"a/b\" has suspicious symbols"),
    ("location", "index /a b;", "1.31.5", "only the last index in \"index\" directive should be absolute"),
];

#[test]
fn what_nginx_warns_of_at_load_is_a_warning() {
    for (context, inside, version, nginx) in WARNINGS {
        let text = around(context, inside);
        let warnings: Vec<String> =
            found(&text, version, false, Level::Warning).into_iter().map(|(_, nginx)| nginx).collect();
        let expected: Vec<&str> = [*nginx].into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(warnings, expected, "{inside} for {version}");
        assert_eq!(found(&text, version, false, Level::Error), [], "{inside} for {version}");
    }
}

#[test]
fn modules_of_others_are_errors_only_when_asked_for() {
    let newest = NEWEST.to_string();
    let foreign = [
        ("http", "vhost_traffic_status_zone;", "vhost_traffic_status_zone"),
        ("server", "more_set_headers 'a: b';", "more_set_headers"),
        ("location", "api;", "api"),
        ("server", "brotli on;", "brotli"),
        ("http", "js_import a from a.js;", "js_import"),
    ];
    for (context, inside, name) in foreign {
        let text = around(context, inside);
        assert_eq!(found(&text, &newest, false, Level::Error), [], "{inside}");
        let strict = found(&text, &newest, true, Level::Error);
        assert_eq!(strict[0].1, format!("unknown directive \"{name}\""), "{inside}");
        // Modules that a file brings are not known.
        let loaded = format!("load_module modules/any.so; {text}");
        assert_eq!(found(&loaded, &newest, true, Level::Error), [], "{inside}");
    }
}
