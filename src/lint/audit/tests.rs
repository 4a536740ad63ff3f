//! The table of advisories, and its verdicts on configurations.

use super::*;
use crate::source::Memory;
use crate::syntax::{LoadOptions, load};

fn names(text: &str, version: &str) -> Vec<&'static str> {
    let files = Memory::default().with("nginx.conf", text);
    let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
    let found = audit(&configuration, version.parse().unwrap(), Advisories::built_in());
    // Advisories with few known facts concern every configuration: a test of their own has them.
    let certain = found.iter().filter(|d| !d.message.contains("possibly affected"));
    let mut names: Vec<_> = certain.map(|d| d.code).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_table_is_read_and_every_trigger_is_a_directive() {
    let file = Advisories::parse(include_str!("../../../grammar/advisories.toml")).unwrap();
    assert!(file.advisory.len() > 40);
    for advisory in &file.advisory {
        let ends = advisory.vulnerable.iter().flat_map(|range| range.split('-'));
        for version in ends.chain(advisory.good.iter().map(String::as_str)) {
            assert!(version.parse::<Version>().is_ok(), "{}: {version}", advisory.name);
        }
        assert!(!advisory.good.is_empty() && !advisory.source.is_empty(), "{}", advisory.name);
        assert!(["error", "warning", "info"].contains(&advisory.level.as_str()), "{}", advisory.name);
        for trigger in advisory.when.iter().flatten().filter(|t| !t.starts_with('@')) {
            let trigger = trigger.strip_prefix("stream:").unwrap_or(trigger);
            let name = trigger.split(' ').next().unwrap();
            assert!(!crate::catalog::directives(name.as_bytes()).is_empty(), "{trigger}");
        }
    }
}

#[test]
fn versions_are_sets_of_ranges() {
    let mp4 = "events { } http { server { location / { mp4; } } }";
    let cases: &[(&str, &[&str])] = &[
        ("1.31.5", &[]),
        ("1.28.3", &[]),
        ("1.28.2", &["CVE-2026-27784", "CVE-2026-32647"]),
        ("1.29.6", &["CVE-2026-27784", "CVE-2026-32647"]),
        ("1.26.1", &["CVE-2024-7347", "CVE-2026-27784", "CVE-2026-32647"]),
        ("1.26.2", &["CVE-2026-27784", "CVE-2026-32647"]),
    ];
    for (version, expected) in cases {
        assert_eq!(names(mp4, version), *expected, "{version}");
    }
}

/// The versions at both ends of each range, and of the repaired branches within.
#[test]
fn ranges_begin_and_end_where_nginx_says() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "CVE-2026-42533",
            &["0.9.6", "1.28.3", "1.30.3", "1.31.2"],
            &["0.9.5", "1.30.4", "1.31.3", "1.31.5"],
        ),
        ("CVE-2026-60005", &["1.15.8", "1.30.3", "1.31.2"], &["1.15.7", "1.30.4", "1.31.3"]),
        ("CVE-2026-42530", &["1.31.0", "1.31.1"], &["1.30.0", "1.30.2", "1.31.2"]),
        ("CVE-2026-42945", &["0.6.27", "1.28.3", "1.30.0"], &["0.6.26", "1.30.1", "1.31.0"]),
        ("CVE-2025-53859", &["0.7.22", "1.28.0", "1.29.0"], &["0.7.21", "1.28.1", "1.29.1"]),
        ("CVE-2025-23419", &["1.11.4", "1.26.2", "1.27.3"], &["1.11.3", "1.26.3", "1.27.4", "1.28.0"]),
        ("CVE-2024-24989", &["1.25.3"], &["1.25.2", "1.25.4"]),
        (
            "CVE-2022-41741",
            &["1.0.7", "1.0.15", "1.1.3", "1.22.0", "1.23.1"],
            &["1.0.6", "1.1.0", "1.1.2", "1.22.1", "1.23.2", "1.24.0"],
        ),
        ("CVE-2021-23017", &["0.6.18", "1.18.0", "1.20.0"], &["0.6.17", "1.20.1", "1.21.0"]),
        (
            "CVE-2013-2070",
            &["1.1.4", "1.2.8", "1.3.9", "1.4.0"],
            &["1.1.3", "1.2.9", "1.3.8", "1.4.1", "1.5.0"],
        ),
        ("CVE-2012-2089", &["1.0.7", "1.0.14", "1.1.18"], &["1.0.15", "1.1.2", "1.1.19"]),
        ("CVE-2009-3896", &["0.5.37", "0.8.13"], &["0.5.38", "0.7.62", "0.8.14"]),
    ];
    for (name, affected, free) in cases {
        let advisory = Advisories::built_in().advisory.iter().find(|a| a.name == *name).unwrap();
        for version in *affected {
            assert!(advisory.affects(version.parse().unwrap()), "{name} {version}");
        }
        for version in *free {
            assert!(!advisory.affects(version.parse().unwrap()), "{name} {version}");
        }
    }
}

/// The advisories of autumn 2026, for a configuration that uses everything concerned.
#[test]
fn what_is_not_known_is_possible_and_never_absent() {
    let text = "events { } mail { server { listen 25; protocol smtp; auth_http 127.0.0.1:80/; } } http { \
                resolver 127.0.0.53; ssl_session_cache shared:S:1m; server { listen 443 ssl; listen 443 quic; \
                http2 on; ssi on; aio threads; location /a { alias /b; rewrite ^/a/(.*)$ /a/$1 break; } } }";
    let found = |text: &str, version: &str| -> Vec<(&'static str, bool)> {
        let files = Memory::default().with("nginx.conf", text);
        let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
        let found = audit(&configuration, version.parse().unwrap(), Advisories::built_in());
        found.iter().map(|d| (d.code, d.message.contains("possibly affected"))).collect()
    };
    let count = |text: &str, version: &str, possibly: bool| {
        found(text, version).iter().filter(|(_, p)| *p == possibly).count()
    };
    for (version, certain, possible) in [
        ("1.31.5", 6, 10),
        ("1.31.6", 5, 10),
        ("1.31.8", 1, 9),
        ("1.30.6", 1, 9),
        ("1.31.9", 0, 0),
        ("1.30.7", 0, 0),
    ] {
        assert_eq!(
            (count(text, version, false), count(text, version, true)),
            (certain, possible),
            "{version}"
        );
    }
    // Without any trigger only what has none is left.
    let plain = "events { } http { server { listen 80; } }";
    assert_eq!((count(plain, "1.31.5", false), count(plain, "1.31.5", true)), (0, 5));
    assert!(found(plain, "1.4.7").contains(&("CVE-2026-120967", true)));
    assert!(!found(plain, "1.4.7").contains(&("CVE-2026-93479", true)));
}

#[test]
fn a_file_of_advisories_says_what_is_wrong_with_it() {
    let advisory =
        "[[advisory]]\nname = \"X\"\nlevel = \"info\"\ngood = [\"1.0.0\"]\nsummary = \"s\"\nsource = \"t\"\n";
    let cases = [
        (String::new(), "missing field `date`"),
        ("date = \"2026\"\nadvisory = []".to_owned(), "expected a day such as"),
        (format!("date = \"2026-11-30\"\n{advisory}"), "X: expected `vulnerable`"),
        (format!("date = \"2026-11-30\"\n{advisory}vulnerable = [\"1.x\"]"), "X: `1.x` is no nginx version"),
    ];
    for (text, expected) in cases {
        let error = Advisories::parse(&text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let read = Advisories::parse(&format!("date = \"2026-11-30\"\n{advisory}unknown = \"all\"")).unwrap();
    assert_eq!((read.count(), read.age(20_787), read.age(20_848)), (1, 0, 61));
}

/// Inside of `http` and the rest of the file, a version, and what it exposes.
#[test]
fn only_what_the_configuration_exposes_is_reported() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("server { rewrite ^/a/(.*)$ /b?x=1; set $y $1; }", "", "1.30.0", &["CVE-2026-42945"]),
        ("server { rewrite ^/a/(.*)$ /b?x=1 last; set $y $1; }", "", "1.30.0", &[]),
        (
            "server { if ($a) { rewrite ^/a/(.*)$ /b?x=1; } rewrite ^ /$1; }",
            "",
            "1.30.0",
            &["CVE-2026-42945"],
        ),
        ("server { rewrite ^/((a)b)$ /$1/$2 permanent; }", "", "1.30.0", &["CVE-2026-9256"]),
        ("server { rewrite ^/(a)(b)$ /$1/$2 permanent; }", "", "1.30.0", &[]),
        // Text before the arguments is not escaped, and `?` at the end is dropped.
        ("server { rewrite ^/((a)b)$ /x/$1$2? last; }", "", "1.30.0", &[]),
        ("server { rewrite ^/((a)b)$ /x/$1?$2 break; }", "", "1.30.0", &[]),
        ("server { rewrite ^/((a)b)$ /x?$1$2 break; }", "", "1.30.0", &["CVE-2026-9256"]),
        ("server { ssl_verify_client off; mp4_buffer_size 1m; }", "", "1.30.0", &[]),
        // The map changes a capture only where both are used.
        (
            "map $a $b { ~(x+) 1; } server { location ~ (.*) { return 200 $1$b; } }",
            "",
            "1.30.3",
            &["CVE-2026-42533"],
        ),
        (
            "map $a $b { ~(?<c>x+) $c; } server { set $c 1; return 200 $c$b; }",
            "",
            "1.30.3",
            &["CVE-2026-42533"],
        ),
        (
            "map $a $b { ~(x+) 1; } server { location ~ (.*) { return 200 $1; } return 200 $b; }",
            "",
            "1.30.3",
            &[],
        ),
        ("map $a $b { ~x+ 1; } server { location ~ (.*) { return 200 $1$b; } }", "", "1.30.3", &[]),
        ("map $a $b { volatile; ~(x+) 1; } server { return 200 $b; }", "", "1.30.3", &["CVE-2026-42533"]),
        (
            "server { location ~ (.*) { slice 1m; proxy_set_header A $1; } }",
            "",
            "1.30.3",
            &["CVE-2026-60005"],
        ),
        ("server { location ~ (.*) { slice 1m; } }", "", "1.30.3", &[]),
        (
            "ignore_invalid_headers off; large_client_header_buffers 4 8m; server { grpc_pass a; }",
            "",
            "1.31.1",
            &["CVE-2026-42055"],
        ),
        (
            "ignore_invalid_headers off; large_client_header_buffers 4 8k; server { grpc_pass a; }",
            "",
            "1.31.1",
            &[],
        ),
        ("server { dav_methods PUT COPY; location /a/ { alias /b/; } }", "", "1.29.6", &["CVE-2026-27654"]),
        ("server { dav_methods PUT COPY; location /a/ { alias /b/; dav_methods PUT; } }", "", "1.29.6", &[]),
        ("server { ssl_ocsp on; }", "stream { server { } }", "1.31.0", &[]),
        ("", "stream { server { ssl_ocsp on; } }", "1.29.6", &["CVE-2026-28755", "CVE-2026-40701"]),
        ("server { location / { proxy_pass $scheme://a; } }", "", "1.29.4", &["CVE-2026-1642"]),
        ("server { listen 80 spdy; }", "", "1.5.11", &["CVE-2014-0133", "CVE-2016-4450", "CVE-2017-7529"]),
    ];
    for (http, rest, version, expected) in cases {
        let text = format!("events {{ }} http {{ {http} }} {rest}");
        assert_eq!(names(&text, version), *expected, "{text}");
    }
}
