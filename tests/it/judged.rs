//! Findings that a reader of public configurations called wrong, rule by rule, in own words; and remedies that have to be whole.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::catalog::NEWEST;
use ngxc::diagnostic::Diagnostic;
use ngxc::lint::BEFORE_DEFAULT_KEEPALIVE;

use crate::common::examples::lint;
use crate::precision::judge;

#[test]
fn a_map_is_never_empty_where_an_if_has_answered() {
    let map = "map $uri $to { /a 10.0.0.1; /b 10.0.0.2; }";
    let with = |inside: &str| format!("{map} server {{ location / {{ {inside} proxy_pass http://$to; }} }}");
    for (inside, expected) in [
        ("", "i"),
        ("if ($to = '') { return 404; }", ""),
        ("if ($to = '') { add_header A a; }", "i"),
        ("if ($other_arg = '') { return 404; }", "i"),
    ] {
        let text = with(&inside.replace("$other_arg", "$arg_x"));
        judge("map-missing-default", NEWEST, &[(Box::leak(text.into_boxed_str()), expected)]);
    }
}

#[test]
fn a_map_of_whole_paths_has_used_the_path() {
    judge(
        "proxy-pass-constant-uri",
        NEWEST,
        &[
            (
                "map $uri $to { /a 10.0.0.1; /b 10.0.0.2; } server { location / { proxy_pass http://$to/metrics/; } }",
                "",
            ),
            // Patterns leave many paths, and a default leaves all others.
            (
                "map $uri $to { ~^/a 10.0.0.1; ~^/b 10.0.0.2; } server { location / { proxy_pass http://$to/metrics/; } }",
                "w",
            ),
            (
                "map $uri $to { default 10.0.0.3; /b 10.0.0.2; } server { location / { proxy_pass http://$to/metrics/; } }",
                "w",
            ),
            (
                "map $host $to { /a 10.0.0.1; /b 10.0.0.2; } server { location / { proxy_pass http://$to/metrics/; } }",
                "w",
            ),
        ],
    );
}

#[test]
fn access_rules_limit_who_chooses_a_host() {
    judge(
        "ssrf",
        NEWEST,
        &[
            ("server { location / { proxy_pass http://$arg_to; } }", "e"),
            ("server { allow 10.0.0.0/8; deny all; location / { proxy_pass http://$arg_to; } }", "w"),
            (
                "server { location / { auth_basic a; auth_basic_user_file b; proxy_pass http://$arg_to; } }",
                "w",
            ),
            ("server { allow 10.0.0.0/8; location / { proxy_pass http://$arg_to; } }", "e"),
        ],
    );
}

#[test]
fn stapling_alone_needs_no_trusted_name_server() {
    let with = |inside: &str| {
        format!(
            "server {{ listen 443 ssl; ssl_certificate a; ssl_certificate_key b; resolver 9.9.9.9; {inside} }}"
        )
    };
    for (inside, expected) in [
        ("ssl_stapling on;", ""),
        ("ssl_stapling on; location / { proxy_pass http://10.0.0.1:80$request_uri; }", ""),
        ("ssl_stapling on; set $b app.example.com; location / { proxy_pass http://$b; }", "i"),
        ("location / { proxy_pass http://app.example.com$request_uri; }", "i"),
    ] {
        judge("resolver-external", NEWEST, &[(Box::leak(with(inside).into_boxed_str()), expected)]);
    }
}

#[test]
fn servers_of_a_scripted_upstream_hold_a_place() {
    let with = |inside: &str| {
        format!(
            "upstream a {{ server 10.0.0.1; server 10.0.0.1; server app.example.com; {inside} }} server {{ location / {{ \
             proxy_pass http://a; }} }}"
        )
    };
    for rule in ["duplicate-peer", "upstream-not-pooled", "upstream-server-no-resolve"] {
        let version = if rule == "upstream-not-pooled" { BEFORE_DEFAULT_KEEPALIVE } else { NEWEST };
        let plain: &str = Box::leak(with("").into_boxed_str());
        let (_, found) = lint(plain, false, version);
        assert!(found.iter().any(|d| d.code == rule), "{rule}");
        judge(rule, version, &[(Box::leak(with("balancer_by_lua_file b.lua;").into_boxed_str()), "")]);
    }
}

#[test]
fn a_pattern_without_a_slash_never_matches() {
    judge(
        "strict-location",
        NEWEST,
        &[
            ("server { location ^/a { } }", "w"),
            ("server { location \\.php$ { } }", "w"),
            ("server { location /a.*b { } }", "i"),
            ("server { location =/a$ { } }", "i"),
            ("server { location ^~/a.*b { } }", "i"),
        ],
    );
}

#[test]
fn an_if_behind_one_that_answers_is_dead() {
    let (_, found) = lint(
        "server { location / { if ($arg_a = b) { return 455; } if ($arg_a = b) { return 459; } } }",
        false,
        NEWEST,
    );
    let finding = found.iter().find(|d| d.code == "if-repeated").unwrap();
    assert!(finding.message.contains("never holds"), "{}", finding.message);
    let (_, found) = lint(
        "server { location / { if ($arg_a = b) { add_header A a; } if ($arg_a = b) { add_header B b; } } }",
        false,
        NEWEST,
    );
    let finding = found.iter().find(|d| d.code == "if-repeated").unwrap();
    assert!(finding.help.as_deref().unwrap().contains("one block"), "{finding:?}");
}

/// The help of the first finding of a rule, for an nginx that keeps no connections by default.
fn help(rule: &str, text: &str) -> String {
    let (_, found) = lint(text, false, BEFORE_DEFAULT_KEEPALIVE);
    let finding: &Diagnostic =
        found.iter().find(|d| d.code == rule).unwrap_or_else(|| panic!("{rule}: {text}\n{found:#?}"));
    finding.help.clone().unwrap_or_default()
}

#[test]
fn one_bare_target_is_one_finding_with_the_whole_remedy() {
    let text = "server { location / { proxy_pass http://app.test:8080; } }";
    let (_, found) = lint(text, false, BEFORE_DEFAULT_KEEPALIVE);
    let reuse = ["proxy-to-bare-host", "proxy-http-version-prevents-reuse", "connection-header-missing"];
    let own: Vec<&str> = found.iter().map(|d| d.code).filter(|code| reuse.contains(code)).collect();
    assert_eq!(own, ["proxy-to-bare-host"]);
    let help = help("proxy-to-bare-host", text);
    for part in [
        "server app.test:8080; keepalive 16;",
        "`proxy_http_version 1.1;`",
        "`proxy_set_header Connection \"\";`",
        // The backend must not see the upstream's name.
        "`proxy_set_header Host app.test:8080;`",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    // A Host that is set stays as it is.
    let set = "server { location / { proxy_set_header Host $host; proxy_pass http://app.test:8080; } }";
    assert!(!self::help("proxy-to-bare-host", set).contains("Host app"));
}

#[test]
fn an_upstream_for_https_has_the_port_of_https_and_the_name_for_tls() {
    let help = help("proxy-to-bare-host", "server { location / { proxy_pass https://app.test; } }");
    assert!(help.contains("server app.test:443;") && help.contains("`proxy_ssl_name app.test;`"), "{help}");
    let other =
        self::help("proxy-to-bare-host", "server { location / { proxy_pass https://app.test:8443; } }");
    assert!(other.contains("server app.test:8443;"), "{other}");
}

#[test]
fn inherited_headers_are_not_lost_by_the_remedy() {
    let pool = "upstream a { server 10.0.0.1; keepalive 8; }";
    let location = "location / { proxy_http_version 1.1; proxy_pass http://a; }";
    let inherited =
        help("connection-header-missing", &format!("{pool} server {{ proxy_set_header X-A b; {location} }}"));
    assert!(inherited.contains("beside the other `proxy_set_header` lines"), "{inherited}");
    let plain = help("connection-header-missing", &format!("{pool} server {{ {location} }}"));
    assert!(!plain.contains("beside"), "{plain}");
}

#[test]
fn a_websocket_map_is_part_of_the_remedy() {
    let map = "map $http_upgrade $up { default upgrade; '' close; }";
    let location = "location / { proxy_http_version 1.1; proxy_set_header Connection $up; proxy_set_header Host $host; \
                    proxy_pass http://10.0.0.1:80; }";
    let help = help("proxy-to-bare-host", &format!("{map} server {{ {location} }}"));
    assert!(help.contains("`'' '';`") && help.contains("`$up`"), "{help}");
}

#[test]
fn fastcgi_needs_a_pool_and_has_to_stay_open() {
    let text = "upstream php { server 10.0.0.1:9000; } server { location / { fastcgi_pass php; } }";
    for version in [BEFORE_DEFAULT_KEEPALIVE, NEWEST] {
        let (_, found) = lint(text, false, version);
        let codes: Vec<&str> =
            found.iter().map(|d| d.code).filter(|c| c.contains("keep") || c.contains("pool")).collect();
        assert_eq!(codes, ["fastcgi-keep-conn-missing"], "{version}");
    }
    let help = help("fastcgi-keep-conn-missing", text);
    assert!(help.contains("`fastcgi_keep_conn on;`") && help.contains("`keepalive 2;`"), "{help}");
}

#[test]
fn remedies_do_not_do_harm() {
    let newest = |rule: &str, text: &str| {
        let (_, found) = lint(text, false, NEWEST);
        let finding = found.iter().find(|d| d.code == rule).unwrap_or_else(|| panic!("{rule}: {found:#?}"));
        finding.help.clone().unwrap()
    };
    // `$request_uri` has the query, and would match again.
    let rewrite = newest("http-splitting", "server { rewrite /adm$ $scheme://$host$uri/ permanent; }");
    assert!(!rewrite.contains("$request_uri") && rewrite.contains("`$1`"), "{rewrite}");
    let redirect = newest("http-splitting", "server { location /a { return 301 https://example.com$uri; } }");
    assert!(redirect.contains("$request_uri"), "{redirect}");
    // A header that both levels have would be sent twice.
    let outer = "add_header Access-Control-Allow-Origin *; add_header X-Frame-Options DENY;";
    let twice = format!("server {{ {outer} location / {{ add_header Access-Control-Allow-Origin *; }} }}");
    assert!(!newest("header-redefinition", &twice).contains("merge"));
    let once = format!("server {{ {outer} location / {{ add_header A a; }} }}");
    assert!(newest("header-redefinition", &once).contains("merge"));
    // Any name reaches the server, so `$host` alone is what the client says too.
    let any = "server { listen 80 default_server; location / { proxy_set_header Host $http_host; proxy_pass http://10.0.0.1; } }";
    assert!(newest("host-spoofing", any).contains("server_name"));
}

#[test]
fn modules_bring_servers_of_their_own() {
    let empty = |inside: &str| {
        let files = ngxc::source::Memory::default()
            .with("nginx.conf", format!("events {{ }} http {{ upstream a {{ {inside} }} }}"));
        let options = ngxc::syntax::LoadOptions::default();
        let configuration = ngxc::syntax::load(&files, "nginx.conf".as_ref(), &options).unwrap();
        let compiled = ngxc::compile::compile(&configuration, &ngxc::compile::Options::new(NEWEST));
        compiled.diagnostics.iter().any(|d| d.code == "upstream-without-servers")
    };
    assert!(empty("zone a 64k;"));
    assert!(!empty("postgres_server 10.0.0.1 dbname=a user=b password=c;"));
}
