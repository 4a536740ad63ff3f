//! `ngxc diff`: requests that show what maps of several variables, hosts, addresses and named groups decide; and the edit
//! that each difference comes from.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn diff(directory: &Path, old: &str, new: &str) -> Value {
    fs::write(directory.join("old.conf"), old).unwrap();
    fs::write(directory.join("new.conf"), new).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["diff", "old.conf", "new.conf", "--format", "json"])
        .current_dir(directory)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() != Some(2), "{error}\n{new}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Texts of a side of an entry.
fn texts(entry: &Value, side: &str) -> Vec<String> {
    let list = entry[side].as_array().unwrap();
    list.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

const CONFIG: &str = r#"events {}
http {
    map "$request_method:$arg_mode" $kind { default usual; GET:fast quick; ~^POST:(slow|lazy)$ slow; }
    map $host $shop { hostnames; default none; *.eu.shop.test europe; ~^api[0-9]?\.shop\.test$ api; }
    map $host:$http_x_stage $stage { default live; ~^www\.shop\.test:(dev|test)$ trial; }
    geo $arg_ip $place { default far; 10.0.0.0/8 near; }
    geo $zone { default out; 192.168.0.0/16 in; }
    map $http_user_agent $robot { default 0; ~*crawler 1; }
    map $zone$robot $who { default person; in1 insider; ~^out1$ crawler; }
    map $uri $moved { default ""; /was /is; ~^/past/(.*)$ /present/$1; }
    map $http_x_key $key { default ""; ~^(?<id>[a-z]+)-7$ $id; }
    server {
        listen 80 default_server; server_name www.shop.test *.shop.test;
        location /kind { return 200 $kind; }
        location /shop { return 200 $shop; }
        location /stage { return 200 $stage; }
        location /place { return 200 $place; }
        location /who { return 200 $who; }
        location /key { return 200 "key $key"; }
        location / { if ($moved) { return 301 $moved; } return 204; }
        location ~ ^/in/(?<lang>[a-z][a-z])/ { if ($lang = de) { return 302 /deutsch; } return 200 $lang; }
        location /set { set $both "$arg_a-$arg_b"; if ($both = one-two) { return 403; } return 200 no; }
    }
    server { listen 80; server_name other.test; return 404; }
}
"#;

/// Each edit has one entry with a request, and with the edit's own place.
#[test]
fn what_tables_decide_is_shown_by_a_request() {
    let directory = tempfile::tempdir().unwrap();
    for (old, new, class) in [
        ("GET:fast quick", "GET:faster quick", "routing"),
        ("(slow|lazy)$ slow", "(slow|lazy|dull)$ slow", "routing"),
        ("*.eu.shop.test europe", "*.eu.shop.test union", "routing"),
        (r"~^api[0-9]?\.shop", r"~^api[0-9a]?\.shop", "routing"),
        ("(dev|test)$ trial", "(dev|test|qa)$ trial", "routing"),
        ("10.0.0.0/8 near", "10.0.0.0/9 near", "routing"),
        ("192.168.0.0/16 in", "192.168.0.0/17 in", "routing"),
        ("in1 insider", "in1 member", "routing"),
        ("~^out1$ crawler", "~^out0$ crawler", "routing"),
        ("/was /is", "/was /is/now", "redirects"),
        ("~^/past/(.*)$", "~^/(?:past|gone)/(.*)$", "routing"),
        ("[a-z]+)-7$ $id", "[a-z0-9]+)-7$ $id", "routing"),
        ("$lang = de", "$lang = fr", "routing"),
        ("= one-two", "= one-three", "access"),
    ] {
        assert_eq!(CONFIG.matches(old).count(), 1, "{old}");
        let found = diff(directory.path(), CONFIG, &CONFIG.replace(old, new));
        let entries = found["differences"].as_array().unwrap();
        assert_eq!(entries.len(), 1, "{old}: {found:#}");
        assert_eq!(entries[0]["class"], class, "{old}: {found:#}");
        assert!(texts(&entries[0], "old").iter().any(|own| own.contains(old)), "{old}: {found:#}");
        assert!(texts(&entries[0], "new").iter().any(|own| own.contains(new)), "{old}: {found:#}");
        assert!(!entries[0]["requests"].as_array().unwrap().is_empty(), "{old}: {found:#}");
        assert_eq!(found["notes"].as_array().map(Vec::len), Some(0), "{old}: {found:#}");
    }
}

/// With several edits at once each difference belongs to the edit without which it is gone.
#[test]
fn one_edit_is_one_entry_beside_others() {
    let directory = tempfile::tempdir().unwrap();
    let old = r#"events {}
http {
    map $arg_t $tier { default low; a high; b middle; }
    add_header X-All 1;
    server {
        listen 80; server_name one.test;
        error_page 404 /missing;
        location / { return 200 "root $tier"; }
        location /api/ { proxy_pass http://127.0.0.1:1/v1/; proxy_set_header A 1; proxy_set_header B 2; }
        location = /exact { return 200 exact; }
        location ~ \.png$ { add_header X-Kind png; return 200 png; }
        location /limited/ { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:2; }
        location /missing { return 200 sorry; }
        location /none { return 404; }
    }
}
"#;
    let edits = [
        ("a high", "a top"),
        ("b middle", "b center"),
        ("X-All 1", "X-All 2"),
        ("error_page 404 /missing", "error_page 404 =200 /missing"),
        ("/v1/", "/v2/"),
        ("proxy_set_header B 2", "proxy_set_header B 3"),
        ("location = /exact", "location = /exactly"),
        ("X-Kind png", "X-Kind image"),
        ("10.0.0.0/8", "10.0.0.0/9"),
        ("return 200 sorry", "return 200 pardon"),
        ("\"root $tier\"", "\"top $tier\""),
    ];
    for (at, one) in edits.iter().enumerate() {
        for two in &edits[at + 1..] {
            let new = old.replacen(one.0, one.1, 1).replacen(two.0, two.1, 1);
            let found = diff(directory.path(), old, &new);
            let entries = found["differences"].as_array().unwrap();
            assert_eq!(entries.len(), 2, "{one:?} {two:?}: {found:#}");
            for (before, after) in [one, two] {
                let own = entries.iter().filter(|entry| {
                    let fits = |side: &str, text: &str| {
                        texts(entry, side).iter().any(|own| own.contains(text.trim_matches('"')))
                    };
                    fits("old", before) && fits("new", after)
                });
                let own: Vec<&Value> = own.collect();
                assert!(own.len() == 1, "{before}: {found:#}");
                assert!(!own[0]["requests"].as_array().unwrap().is_empty(), "{before}: {found:#}");
            }
        }
    }
}
