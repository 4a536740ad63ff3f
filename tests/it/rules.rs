//! Every rule does what its documentation says: examples are linted, fixes applied, the page in docs is fresh.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ngxc::catalog::NEWEST;
use ngxc::diagnostic::Level;
use ngxc::edit::{self, Applicability};
use ngxc::lint::{Category, RULES, Rule};

use crate::common::examples::{examples, lint};

#[test]
fn bad_examples_are_reported_and_good_ones_are_not() {
    for rule in RULES {
        let examples = examples(rule);
        assert!(examples.iter().any(|e| e.bad), "{} has no bad example", rule.name);
        assert!(examples.iter().any(|e| !e.bad), "{} has no good example", rule.name);
        for example in examples {
            for &version in &example.versions {
                let (_, found) = lint(&example.text, example.main, version);
                let reported = found.iter().any(|d| d.code == rule.name);
                assert_eq!(
                    reported, example.bad,
                    "{} for {version}:\n{}\n{found:#?}",
                    rule.name, example.text
                );
                if !example.bad {
                    let others: Vec<_> = found.iter().filter(|d| d.level > Level::Info).collect();
                    assert!(
                        others.is_empty(),
                        "the good example of {} is bad for {version}: {others:#?}",
                        rule.name
                    );
                }
            }
        }
    }
}

#[test]
fn fixes_remove_what_they_fix_and_add_nothing() {
    let mut fixed = 0;
    for rule in RULES {
        for example in examples(rule).iter().filter(|e| e.bad) {
            for &version in &example.versions {
                let mut text = example.text.clone();
                let had_fix = lint(&text, example.main, version)
                    .1
                    .iter()
                    .any(|d| d.code == rule.name && d.fix.is_some());
                for _ in 0..10 {
                    let (configuration, found) = lint(&text, example.main, version);
                    let fixes = edit::select(found.iter().filter_map(|d| d.fix.as_ref()));
                    if fixes.is_empty() {
                        break;
                    }
                    let main = configuration.main;
                    text = String::from_utf8(edit::apply(&[main], text.as_bytes(), &fixes)).unwrap();
                }
                let (_, left) = lint(&text, example.main, version);
                if had_fix {
                    fixed += 1;
                    assert!(
                        left.iter().all(|d| d.code != rule.name),
                        "{} is still there:\n{text}\n{left:#?}",
                        rule.name
                    );
                }
                assert!(left.iter().all(|d| d.fix.is_none()), "fixes go on for ever:\n{text}");
            }
        }
    }
    assert!(fixed > 3, "only {fixed} examples were fixed");
}

#[test]
fn rules_are_sorted_and_bear_the_names_of_their_files() {
    let names: Vec<&str> = RULES.iter().map(|r| r.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
    for rule in RULES {
        let file = format!("src/lint/rules/{}/{}.rs", rule.category.name(), rule.name.replace('-', "_"));
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).exists(), "{file} is missing");
        assert!(rule.doc.starts_with("/en/docs/"), "{} links to no page", rule.name);
        for part in ["## What it does", "## Why is this bad", "## Example"] {
            assert!(rule.docs.contains(part), "{} says nothing under {part}", rule.name);
        }
    }
}

/// Kinds of the fixes that a rule proposes for its bad examples.
fn fixes_of(rule: &Rule) -> String {
    let mut kinds = BTreeSet::new();
    for example in examples(rule).iter().filter(|e| e.bad) {
        for &version in &example.versions {
            let (_, found) = lint(&example.text, example.main, version);
            let of_rule = found.iter().filter(|d| d.code == rule.name);
            kinds.extend(of_rule.filter_map(|d| d.fix.as_ref()).map(|fix| fix.applicability));
        }
    }
    let name = |kind| if kind == Applicability::Safe { "safe" } else { "unsafe" };
    kinds.into_iter().map(name).collect::<Vec<_>>().join(", ")
}

/// `docs/rules.md` is made from the rules; `NGXC_UPDATE=1 cargo test --test it rules::` writes it.
#[test]
fn the_page_of_rules_is_fresh() {
    let mut page = String::from(
        "# Rules\n\nMade from `src/lint/rules`; `ngxc explain NAME` prints one rule. The column `fix` names the repairs of \
         `ngxc lint --fix`: `safe`, or `unsafe` with `--unsafe`.\n",
    );
    for category in Category::ALL {
        writeln!(page, "\n## Category {}\n", category.name()).unwrap();
        page.push_str("| rule | level | fix | reports |\n|---|---|---|---|\n");
        for rule in RULES.iter().filter(|rule| rule.category == category) {
            writeln!(
                page,
                "| [{0}](#{0}) | {1} | {2} | {3} |",
                rule.name,
                if rule.recommended { rule.level.name() } else { "off" },
                fixes_of(rule),
                rule.summary
            )
            .unwrap();
        }
    }
    for rule in RULES {
        writeln!(page, "\n## {}\n", rule.name).unwrap();
        for line in rule.docs.lines() {
            let line = line.strip_prefix(' ').unwrap_or(line);
            let line = line.strip_prefix("## ").map_or(line.to_owned(), |h| format!("### {h}"));
            writeln!(page, "{line}").unwrap();
        }
        writeln!(page, "\nSee <https://nginx.org{}>.", rule.doc).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    if std::env::var_os("NGXC_UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/rules.md is stale: run `NGXC_UPDATE=1 cargo test --test it rules::`");
}

/// Inherited settings by family of rules: fragments of `http`, and the rules above a note.
#[test]
fn rules_follow_inheritance() {
    let cases: &[(&str, &[&str])] = &[
        // The nearest list counts, and only for what is below it.
        (
            "add_header A a; server { add_header X-Frame-Options DENY; location / { location /x { add_header B b; } } }",
            &["header-redefinition"],
        ),
        (
            "server { add_header X-Frame-Options DENY; location / { add_header x-frame-options SAMEORIGIN; } }",
            &[],
        ),
        ("server { add_header X-Frame-Options DENY; location / { expires 1d; } }", &[]),
        // Headers to the backend: from the level that passes requests on.
        (
            "server { proxy_set_header Host $host; location / { proxy_set_header A a; location /x { proxy_pass \
          http://unix:/a; } } }",
            &["proxy-set-header-redefinition"],
        ),
        (
            "server { proxy_set_header Host $host; location / { proxy_set_header A a; location /x { \
          proxy_set_header Host b; proxy_pass http://unix:/a; } } }",
            &[],
        ),
        (
            "proxy_set_header Host $proxy_host; server { location / { proxy_set_header A a; proxy_pass \
          http://unix:/a; } }",
            &[],
        ),
        // `allow` and `deny` are one list.
        (
            "server { deny all; location / { allow 10.0.0.0/8; stub_status; } }",
            &["allow-without-deny", "status-page-exposed"],
        ),
        ("server { allow 10.0.0.0/8; deny all; location / { location /status { stub_status; } } }", &[]),
        (
            "server { satisfy any; auth_basic a; auth_basic_user_file b; location / { allow 10.0.0.0/8; } }",
            &[],
        ),
        ("server { location / { allow all; deny all; stub_status; } }", &["status-page-exposed"]),
        // Values from around: the location's pattern, variables through `set` and `map`.
        ("server { location ~ ^/([^.]+)/x$ { if ($arg_a) { return 301 /$1; } } }", &["http-splitting"]),
        ("server { location ~ ^/([^.]+)/x$ { if ($arg_a ~ (b+)) { return 301 /$1; } } }", &[]),
        ("server { location / { set $to $uri; return 301 https://a.example$to; } }", &["http-splitting"]),
        ("map $arg_a $to { default $uri; } server { return 301 https://a.example$to; }", &["http-splitting"]),
        ("server { set $to /fixed; return 301 https://a.example$to; }", &[]),
        (
            "map $arg_a $b { default unix:/a; x unix:/b; } server { location / { proxy_pass http://$b; } }",
            &[],
        ),
        ("server { location / { set $b $arg_b; proxy_pass http://$b; } }", &["ssrf"]),
        ("server { location ~ ^(/.*)$ { proxy_pass http://unix:/a:$1; } }", &["proxy-pass-decoded"]),
        // TLS: the effective protocols.
        ("ssl_protocols TLSv1.3; server { ssl_ciphers RC4; }", &[]),
        ("ssl_protocols TLSv1.2 TLSv1.3; server { ssl_ciphers RC4; }", &["weak-tls-ciphers"]),
        // `if`: who ends the request, and what is lost.
        ("server { location / { if ($arg_a) { rewrite ^ /x last; } try_files $uri =404; } }", &[]),
        (
            "server { location / { if ($arg_a) { add_header A a; } try_files $uri =404; } }",
            &["if-in-location"],
        ),
        ("server { if ($arg_a) { set $a 1; } location / { try_files $uri =404; } }", &[]),
    ];
    for (text, expected) in cases {
        let (_, found) = lint(text, false, NEWEST);
        let mut names: Vec<&str> = found.iter().filter(|d| d.level > Level::Info).map(|d| d.code).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, *expected, "{text}\n{found:#?}");
    }
}

/// Possible values decide: the named rule reports the text, or is silent.
#[test]
fn values_are_followed() {
    let octane = "location / { set $end \"\"; if ($arg_a) { set $end ?$query_string; } proxy_pass http://10.0.0.9$end; }";
    let groups = "location / { if ($request_uri ~ \"/(.*b.*)/c\") { set $a $1; } proxy_pass http://$a.oss.example.com/x; }";
    let guard = "location / { if ($uri ~ \"[ \\r\\n]\") { return 400; } return 301 https://a.example$uri; }";
    let other = "location / { if ($arg_a ~ \"[\\r\\n]\") { return 400; } return 301 https://a.example$uri; }";
    let cases: &[(&str, &str, bool)] = &[
        (octane, "ssrf", false),
        (octane, "variable-proxy-without-resolver", false),
        (groups, "ssrf", true),
        (groups, "variable-proxy-without-resolver", true),
        ("location ~ ^/c(?<rest>/.*)?$ { proxy_pass http://10.0.0.9$rest; }", "ssrf", false),
        ("location / { set $u http://10.0.0.9$request_uri; proxy_pass $u; }", "ssrf", false),
        ("location / { proxy_pass http://10.0.0.9:80$arg_a; }", "ssrf", false),
        ("location / { set $a $arg_a; set $a 10.0.0.9; proxy_pass http://$a; }", "ssrf", false),
        (
            "location ~ ^/p/(.*?)/(.*)$ { set $proxy_host $1; proxy_pass http://$proxy_host/$2; }",
            "ssrf",
            true,
        ),
        ("location / { proxy_pass $http_proxy_scheme://10.0.0.9/f; }", "ssrf", true),
        ("location / { proxy_pass $scheme://10.0.0.9/f; }", "ssrf", false),
        ("location ~ ^/(?<s>[^/]+) { set $u ${s}_a; proxy_pass http://$u; }", "http-splitting", false),
        ("location ~ ^/(?<s>[^.]+) { proxy_pass http://10.0.0.9/$s; }", "http-splitting", true),
        (guard, "http-splitting", false),
        (other, "http-splitting", true),
        (
            "location / { proxy_pass http://localhost:80$request_uri; }",
            "variable-proxy-without-resolver",
            true,
        ),
        ("location / { set $a app; proxy_pass http://$a:3000; }", "variable-proxy-without-resolver", true),
        ("location / { set $a php:9000; fastcgi_pass $a; }", "variable-proxy-without-resolver", true),
        ("location / { set $a 10.0.0.9:90; fastcgi_pass $a; }", "variable-proxy-without-resolver", false),
        ("location / { set $a known; proxy_pass http://$a; }", "variable-proxy-without-resolver", false),
        (
            "location /a { resolver 127.0.0.1; proxy_pass http://b$uri; }",
            "variable-proxy-without-resolver",
            false,
        ),
        ("location /a { alias /srv/a/; proxy_pass http://10.0.0.9; }", "alias-traversal", false),
        ("location / { root /usr/..; }", "filesystem-root", true),
        ("location /a/ { alias /.; }", "filesystem-root", false),
        ("location /a { deny all; rewrite ^ /b permanent; }", "return-bypasses-acl", true),
        ("location /a { deny all; rewrite ^ /b last; }", "return-bypasses-acl", false),
        (
            "satisfy any; auth_basic a; auth_basic_user_file b; location / { deny all; allow all; }",
            "satisfy-any-allow-all",
            false,
        ),
    ];
    for (inside, rule, reported) in cases {
        let text = format!(
            "events {{ }} http {{ upstream known {{ server 10.0.0.9; }} server {{ listen 80; server_name a.example; {inside} }} }}"
        );
        let (_, found) = lint(&text, true, NEWEST);
        assert_eq!(found.iter().any(|d| d.code == *rule), *reported, "{rule}: {text}\n{found:#?}");
    }
    let map = "events { } http { map $uri $to { ~^/api/(?<t>[^/]+)/ $t; default 10.0.0.9; } server { location / { proxy_pass http://$to; } } }";
    let (_, found) = lint(map, true, NEWEST);
    assert!(found.iter().any(|d| d.code == "ssrf"), "{found:#?}");
}

/// Directives `server`, `proxy_pass` and `listen` in `stream` are judged as those of `stream`.
#[test]
fn stream_is_not_http() {
    let text = "events { } stream { server { listen 53 udp; proxy_responses 1; proxy_timeout 5s; proxy_pass 10.0.0.1:53; } server { listen 9000; \
                proxy_pass 10.0.0.2:9000; allow 10.0.0.0/8; } }";
    let (_, found) = lint(text, true, NEWEST);
    let names: Vec<&str> = found.iter().filter(|d| d.level > Level::Info).map(|d| d.code).collect();
    assert_eq!(names, ["allow-without-deny"]);
}
