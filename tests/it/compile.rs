//! The compiler: what is refused and how it is said, what is inherited and from where, and hostile input.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test that cannot go on fails; tables are long"
)]

use std::time::Duration;

use ngxc::catalog::{self, Context, NEWEST};
use ngxc::compile::{Compiled, Options, compile};
use ngxc::diagnostic::{Diagnostic, Level};
use ngxc::model::core_http::CoreHttpSettings;
use ngxc::model::proxy::{HttpVersion, ProxySettings};
use ngxc::model::upstream::KeepaliveSettings;
use ngxc::model::{CoreSettings, Location, LocationKind, Origin};
use ngxc::source::Memory;
use ngxc::syntax::{Configuration, LoadOptions, load};
use ngxc::version::Version;
use proptest::prelude::*;

fn read(files: &Memory) -> Configuration {
    load(files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap()
}

fn compiled(text: &str, version: Version) -> (Configuration, Compiled) {
    let configuration = read(&Memory::default().with("nginx.conf", text));
    let compiled = compile(&configuration, &Options::new(version));
    (configuration, compiled)
}

/// Everything found, as `line: code: message`.
fn findings(text: &str, version: Version) -> Vec<String> {
    let (configuration, compiled) = compiled(text, version);
    let all = configuration.diagnostics.iter().chain(&compiled.diagnostics);
    all.map(|d| format!("{}: {}: {}", configuration.sources.position(d.span).line, d.code, d.message))
        .collect()
}

/// The one thing that is wrong with what stands in a server, on line 2.
fn in_server(inside: &str) -> Vec<String> {
    findings(&format!("events {{}} http {{ server {{\n{inside}\n}} }}"), NEWEST)
}

#[test]
fn each_mistake_is_one_clear_error() {
    let cases: &[(&str, &str)] = &[
        ("lisen 80;", "2: unknown-directive: unknown directive `lisen`"),
        ("qqqqqq on;", "2: unknown-directive: unknown directive `qqqqqq`"),
        (
            "proxy_pass http://a;",
            "2: directive-not-allowed-here: `proxy_pass` is not allowed in `server`; it belongs in `location`, \
             `if` in `location`, `limit_except` or `server` in `stream`",
        ),
        (
            "worker_processes 1;",
            "2: directive-not-allowed-here: `worker_processes` is not allowed in `server`; it belongs in the main \
             context",
        ),
        ("listen;", "2: wrong-number-of-arguments: `listen` takes 1 or more arguments, found none"),
        ("root a b;", "2: wrong-number-of-arguments: `root` takes 1 argument, found 2"),
        ("location /;", "2: missing-block: `location` needs a block; expected `{` and found `;`"),
        ("root /a { }", "2: unexpected-block: `root` takes no block; expected `;` and found `{`"),
        ("sendfile yes;", "2: invalid-value: `sendfile` cannot be `yes`; expected `on` or `off`"),
        (
            "client_max_body_size 1x;",
            "2: invalid-value: `client_max_body_size` cannot be `1x`; expected a size in bytes, with `k`, `m` or `g`: \
             `10m`",
        ),
        (
            "send_timeout 1M;",
            "2: invalid-value: `send_timeout` cannot be `1M`; expected a time with `ms`, `s`, `m`, `h`, `d` or `w`: \
             `60s`",
        ),
        (
            "gzip_comp_level 11;",
            "2: invalid-value: `gzip_comp_level` cannot be `11`; expected a number from 1 to 9",
        ),
        (
            "proxy_http_version 1.2;",
            "2: invalid-value: `proxy_http_version` cannot be `1.2`; expected `1.0`, `1.1` or `2`",
        ),
        (
            "root /a; root /b;",
            "2: duplicate-directive: `root` is set twice in one block, first at nginx.conf:2",
        ),
        (
            "listen 80 defalt_server;",
            "2: invalid-value: `listen` cannot be `defalt_server`; expected a parameter of `listen`; did you mean `default_server`?",
        ),
        (
            "listen 70000;",
            "2: invalid-value: `listen` cannot be `70000`; expected an address, a port or both: `80`, `127.0.0.1:8080`, `[::]:80`",
        ),
        (
            "server_name *a.b;",
            "2: invalid-server-name: `*a.b` is no server name: `*` stands only at the start, `*.example.com`, or at the end, `www.example.*`",
        ),
        (
            "location / { } location / { }",
            "2: duplicate-location: `location /` is defined twice, first at nginx.conf:2",
        ),
        (
            "location = /a { location /a/b { } }",
            "2: location-nesting: `location /a/b` is inside the exact location `/a`, which matches nothing longer",
        ),
        (
            "location /a { location /b { } }",
            "2: location-nesting: `location /b` can never match inside `location /a`",
        ),
        (
            "location ~ ^/a { location /a/b { } }",
            "2: location-nesting: `location /a/b` cannot be inside the regex location `^/a`; only a regex location can",
        ),
        (
            "location ~~ x { }",
            "2: invalid-location-modifier: `~~` is no location modifier; expected `=`, `^~`, `~` or `~*`",
        ),
        (
            "location / { proxy_pass a; }",
            "2: invalid-url: `proxy_pass` cannot be `a`; expected a URL that begins with `http://` or `https://`",
        ),
        (
            "location ~ x { proxy_pass http://127.0.0.1/u; }",
            "2: proxy-pass-uri: `proxy_pass` cannot have a URI part (`/u`) in a regex or named location, in `if` or in `limit_except`",
        ),
        (
            "proxy_bind nowhere;",
            "2: invalid-value: `proxy_bind` cannot be `nowhere`; expected an address of this host: `10.0.0.9`, a variable, or `off`",
        ),
        ("return 1000;", "2: invalid-value: `return` cannot be `1000`; expected a status code from 0 to 999"),
        (
            "return /x;",
            "2: invalid-value: `return` cannot be `/x`; expected a status code, or a URL that begins with `http://`, `https://` or `$scheme`",
        ),
        ("add_header X $nothing;", "2: unknown-variable: unknown variable `$nothing`"),
        ("add_header X $;", "2: invalid-variable: a `$` in `$` is not followed by a variable name"),
        ("add_header X ${host;", "2: invalid-variable: `${host` has no closing `}`"),
        ("access_log /a missing;", "2: unknown-log-format: unknown log format `missing`"),
        (
            "set host a;",
            "2: invalid-variable: `set` defines a variable, but `host` is none; expected `$` and a name",
        ),
        (
            "set $host a;",
            "2: variable-not-changeable: `$host` is nginx's own variable and cannot be redefined",
        ),
        (
            "listen 80\n    root /a;",
            "2: missing-semicolon: missing `;` after `listen 80`: nginx reads `root` as one more argument",
        ),
    ];
    for (inside, expected) in cases {
        assert_eq!(in_server(inside), [*expected], "{inside}");
    }
}

#[test]
fn errors_carry_what_nginx_says() {
    let cases: &[(&str, &str)] = &[
        ("lisen 80;", "unknown directive \"lisen\""),
        ("proxy_pass http://a;", "\"proxy_pass\" directive is not allowed here"),
        ("root a b;", "invalid number of arguments in \"root\" directive"),
        ("root /a; root /b;", "\"root\" directive is duplicate"),
        ("sendfile yes;", "invalid value \"yes\" in \"sendfile\" directive, it must be \"on\" or \"off\""),
        ("location /;", "directive \"location\" has no opening \"{\""),
        ("root /a { }", "directive \"root\" is not terminated by \";\""),
        ("send_timeout x;", "\"send_timeout\" directive invalid value"),
    ];
    for (inside, expected) in cases {
        let (_, compiled) = compiled(&format!("events {{}} http {{ server {{\n{inside}\n}} }}"), NEWEST);
        let said: Vec<&str> = compiled.diagnostics.iter().filter_map(|d| d.nginx.as_deref()).collect();
        assert_eq!(said, [*expected], "{inside}");
    }
}

#[test]
fn suggestions_say_what_to_type() {
    let help = |text: &str| -> Option<String> {
        let (_, compiled) = compiled(&format!("events {{}} http {{ server {{ {text} }} }}"), NEWEST);
        compiled.diagnostics.first().and_then(|d| d.help.clone())
    };
    assert_eq!(help("lisen 80;").as_deref(), Some("did you mean `listen`?"));
    assert_eq!(help("add_header A $hots;").as_deref(), Some("did you mean `$host`?"));
    assert_eq!(
        help("set $upstream_x a; add_header A $upstream_y;").as_deref(),
        Some("did you mean `$upstream_x`?")
    );
    assert_eq!(
        help("location / { proxy_pass backend; }").as_deref(),
        Some("write `proxy_pass http://backend;`")
    );
    assert_eq!(
        help("error_page 404;").as_deref(),
        Some("syntax: error_page <code> ... [=[<response>]] <uri>;")
    );
}

#[test]
fn versions_decide_what_exists() {
    let old = Version::new(1, 22, 1);
    let cases: &[(&str, Version, Option<&str>)] = &[
        ("http2 on;", NEWEST, None),
        (
            "http2 on;",
            old,
            Some(
                "2: directive-of-other-version: `http2` exists since nginx 1.25.1; this is checked for 1.22.1",
            ),
        ),
        (
            "ssl on;",
            NEWEST,
            Some(
                "2: directive-of-other-version: `ssl` was removed in nginx 1.25.1; this is checked for 1.31.5",
            ),
        ),
        ("ssl on;", old, None),
        (
            "listen 443 quic;",
            old,
            Some(
                "2: parameter-of-other-version: `quic` of `listen` exists since nginx 1.25.0; this is checked for 1.22.1",
            ),
        ),
    ];
    for (inside, version, expected) in cases {
        let found: Vec<String> =
            findings(&format!("events {{}} http {{ server {{\n{inside}\n}} }}"), *version)
                .into_iter()
                .filter(|f| f.contains("-of-other-version"))
                .collect();
        assert_eq!(found.first().map(String::as_str), *expected, "{inside} for {version}");
    }
}

/// The location of a path like `/a`, wherever it is nested.
fn location<'c>(compiled: &'c Compiled, name: &str) -> &'c Location {
    let locations = compiled.config.http.locations();
    let mut matching = locations.filter(|(_, l)| match &l.kind {
        LocationKind::Prefix { uri, .. } => **uri == *name.as_bytes(),
        LocationKind::If => name == "if",
        LocationKind::LimitExcept(_) => name == "limit_except",
        _ => false,
    });
    matching.next().unwrap_or_else(|| panic!("no location {name}")).1
}

#[test]
fn settings_are_inherited_and_know_where_they_were_set() {
    let text = "events {}\nhttp {\n  proxy_read_timeout 5s;\n  proxy_set_header A a;\n  server {\n    location /a {\n      \
                proxy_pass http://127.0.0.1;\n      if ($arg_x) { set $y 1; }\n      limit_except GET { deny all; }\n    }\n    \
                location /b {\n      proxy_set_header B b;\n      location /b/c { proxy_http_version 1.0; }\n    }\n    \
                proxy_connect_timeout 7s;\n  }\n}\n";
    let (configuration, compiled) = compiled(text, NEWEST);
    assert!(compiled.is_valid(), "{:?}", compiled.diagnostics);
    let line = |origin: Origin| match origin {
        Origin::Set(span) => format!("set at {}", configuration.sources.position(span).line),
        Origin::Inherited(span) => format!("inherited from {}", configuration.sources.position(span).line),
        Origin::Default => "default".to_owned(),
    };
    let timeouts = |name: &str| {
        let proxy = &location(&compiled, name).settings.proxy;
        (proxy.read_timeout.value, line(proxy.read_timeout.origin), line(proxy.connect_timeout.origin))
    };
    let seconds = Duration::from_secs;
    // A directive below the location still holds in it.
    let outer = (seconds(5), "inherited from 3".to_owned(), "inherited from 15".to_owned());
    for name in ["/a", "if", "limit_except", "/b", "/b/c"] {
        assert_eq!(timeouts(name), outer, "{name}");
    }
    let headers = |name: &str| {
        let setting = &location(&compiled, name).settings.proxy.set_header;
        let names: Vec<String> =
            setting.value.iter().map(|h| String::from_utf8_lossy(&h.name).into_owned()).collect();
        (names.join(","), line(setting.origin))
    };
    assert_eq!(headers("/a"), ("A".to_owned(), "inherited from 4".to_owned()));
    assert_eq!(headers("/b"), ("B".to_owned(), "set at 12".to_owned()), "one header replaces the outer list");
    assert_eq!(headers("/b/c"), ("B".to_owned(), "inherited from 12".to_owned()));
    assert!(location(&compiled, "/a").handler.is_some());
    assert!(location(&compiled, "if").handler.is_some(), "`if` inherits the handler of its location");
    assert!(location(&compiled, "/b/c").handler.is_none());
    assert_eq!(location(&compiled, "/b/c").settings.proxy.http_version.value, HttpVersion::Http10);
}

#[test]
fn defaults_are_those_of_the_version() {
    let text =
        "events {} http { upstream u { server 10.0.0.1; } server { location /a { proxy_pass http://u; } } }";
    for (version, http, pool, requests) in [
        (Version::new(1, 28, 0), HttpVersion::Http10, None, 1000),
        (Version::new(1, 29, 6), HttpVersion::Http10, None, 1000),
        (Version::new(1, 29, 7), HttpVersion::Http11, Some((32, true)), 1000),
        (NEWEST, HttpVersion::Http11, Some((32, true)), 1000),
        (Version::new(1, 18, 0), HttpVersion::Http10, None, 100),
    ] {
        let (_, compiled) = compiled(text, version);
        let upstream = &compiled.config.http.upstreams[0];
        assert_eq!(location(&compiled, "/a").settings.proxy.http_version.value, http, "{version}");
        assert_eq!(upstream.pool().map(|p| (p.size, p.local)), pool, "{version}");
        assert_eq!(upstream.keepalive.requests.value, requests, "{version}");
    }
}

#[test]
fn every_declared_setting_is_in_the_catalog() {
    let groups: [(&[&str], &[Context]); 4] = [
        (CoreSettings::DIRECTIVES, &[Context::Main, Context::Events]),
        (CoreHttpSettings::DIRECTIVES, &[Context::Http, Context::Location]),
        (ProxySettings::DIRECTIVES, &[Context::Http]),
        (KeepaliveSettings::DIRECTIVES, &[Context::Upstream]),
    ];
    for (names, contexts) in groups {
        assert!(!names.is_empty());
        for name in names {
            let known = contexts.iter().any(|&c| catalog::in_context(name.as_bytes(), c).is_some());
            assert!(known, "`{name}` is not in grammar/directives");
        }
    }
}

#[test]
fn an_upstream_is_found_wherever_it_stands() {
    let text = "events {} http { server { location /a { proxy_pass http://App; } } upstream app { server a; } \
                server { server_name b; location /b { proxy_pass http://app:81; } } }";
    let found = findings(text, NEWEST);
    assert_eq!(
        found,
        ["1: upstream-with-port: `app` is an upstream; expected no port behind it, found `:81`"]
    );
}

#[test]
fn a_file_of_comments_is_one_that_others_include() {
    for text in ["", "\n", "# server { listen 80; }\n"] {
        for (name, codes) in [("snippet.conf", &[][..]), ("nginx.conf", &["no-events"])] {
            let files = Memory::default().with(name, text);
            let loaded = load(&files, name.as_ref(), &LoadOptions::default()).unwrap();
            let compiled = compile(&loaded, &Options::new(NEWEST));
            let found: Vec<&str> = compiled.diagnostics.iter().map(|d| d.code).collect();
            assert_eq!(found, codes, "{name}: {text}");
        }
    }
}

#[test]
fn hostile_input_is_one_error_with_its_place() {
    let deep = format!("events {{}} http {{ server {{ {}", "location / {".repeat(100_000));
    let long = "x".repeat(1_000_000);
    let split = |entries: &str| format!("events {{}} http {{ split_clients $uri $s {{\n{entries}\n}} }}");
    let cases: Vec<(String, &str)> = vec![
        (
            "worker_processes 1;".to_owned(),
            "1: no-events: the configuration has no `events` block, which nginx demands",
        ),
        (deep, "1: nesting-too-deep: expected at most 128 blocks within each other"),
        (long, "1: "),
        ("events {}\n\0\0;".to_owned(), "2: unknown-directive: unknown directive `\0\0`"),
        (
            split("60% a; 50% b;"),
            "2: percent-total: the shares add up to 110% with this entry; expected at most 100%",
        ),
        (split("* a; 1% b;"), "2: percent-total: an entry after `*` gets nothing"),
        (split("0% a;"), "2: invalid-percent: `0%` is no share"),
        (split("1.234% a;"), "2: invalid-percent: `1.234%` is no share"),
        (split("50 a;"), "2: invalid-percent: `50` is no share"),
        (split("50%;"), "2: missing-value: this entry of `split_clients` has no value"),
        (
            "events {} http {\nupstream u { } }".to_owned(),
            "2: upstream-without-servers: upstream `u` has no `server`",
        ),
        (
            "events {} http {\nproxy_bind 300.0.0.1; }".to_owned(),
            "2: invalid-value: `proxy_bind` cannot be `300.0.0.1`",
        ),
        ("events {}\ninclude nginx.conf;".to_owned(), "2: include-cycle"),
        ("events {}\ninclude absent.conf;".to_owned(), "2: include-not-found"),
    ];
    for (text, expected) in cases {
        let found = findings(&text, NEWEST);
        let shown = &text[..text.len().min(60)];
        assert!(!found.is_empty() && found.iter().any(|f| f.contains(expected)), "{shown}: {found:?}");
        let relevant = found.iter().filter(|f| !f.contains("no-events") || expected.contains("no-events"));
        assert_eq!(relevant.count(), 1, "{shown}: {found:?}");
    }
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let text = format!("events {{}}\n{}", "bad on;\n".repeat(20_000));
    let (_, compiled) = compiled(&text, NEWEST);
    assert!(compiled.diagnostics.len() <= 10_001);
    let last: &Diagnostic = compiled.diagnostics.last().unwrap();
    assert_eq!((last.code, last.level), ("too-many-findings", Level::Info));
    assert_eq!(last.message, "10000 more findings are not shown");
}

#[test]
fn a_finding_in_an_included_file_knows_its_includes() {
    let files = Memory::default()
        .with("nginx.conf", "events {}\nhttp {\n  include a.conf;\n}\n")
        .with("a.conf", "server {\n  bad on;\n}\n");
    let configuration = read(&files);
    let compiled = compile(&configuration, &Options::new(NEWEST));
    let finding = &compiled.diagnostics[0];
    assert_eq!(configuration.sources.place(finding.span), "a.conf:2");
    let includes: Vec<String> = finding.includes.iter().map(|&s| configuration.sources.place(s)).collect();
    assert_eq!(includes, ["nginx.conf:3"]);
}

/// A configuration of real names in any order, with words that mean something somewhere.
fn soup() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("on".to_owned()),
        Just("$host".to_owned()),
        Just("${uri".to_owned()),
        Just("http://a:1/b".to_owned()),
        Just("10%".to_owned()),
        Just("*".to_owned()),
        Just("~(?<x>a)".to_owned()),
        Just("unix:/a".to_owned()),
        Just("[::1]:80".to_owned()),
        Just("99999999999999999999".to_owned()),
        "[a-z0-9.$=:/-]{0,8}".prop_map(|w| if w.is_empty() { "\"\"".to_owned() } else { w }),
    ];
    let name = (0..catalog::DIRECTIVES.len()).prop_map(|n| catalog::DIRECTIVES[n].name.to_owned());
    let line = (name, prop::collection::vec(word, 0..4), 0..4u8).prop_map(|(name, words, end)| {
        let end = match end {
            0 => "{",
            1 => "} ;",
            _ => ";",
        };
        format!("{name} {} {end}\n", words.join(" "))
    });
    let blocks = prop::sample::select(vec![
        "events { ",
        "http { ",
        "http { server { ",
        "http { server { location / { ",
        "http { upstream u { ",
        "http { split_clients a $b { ",
        "http { map a $b { ",
        "stream { server { ",
        "mail { ",
        "",
    ]);
    (blocks, prop::collection::vec(line, 0..12))
        .prop_map(|(open, lines)| format!("{open}\n{}", lines.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_configuration_makes_the_compiler_panic(text in soup()) {
        for version in [NEWEST, Version::new(1, 18, 0)] {
            let (configuration, compiled) = compiled(&text, version);
            for diagnostic in &compiled.diagnostics {
                prop_assert!(!diagnostic.message.contains('\n'));
                configuration.sources.place(diagnostic.span);
            }
        }
    }
}
