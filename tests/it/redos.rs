//! Patterns that take long: what is reported costs PCRE2 more than nginx allows, and what costs so much is reported.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use ngxc::catalog::NEWEST;
use ngxc::diagnostic::Level;
use ngxc::lint::redos::{CostlyPattern, Growth, Text, judge};
use pcre2::bytes::RegexBuilder;

use crate::common::examples;

/// `PCRE2_ERROR_MATCHLIMIT`: what nginx logs, and answers 500 to.
const MATCH_LIMIT: i32 = -47;

/// Error code of PCRE2 for a text, with nginx's limit; `None`: no error.
fn code(pattern: &str, caseless: bool, text: &[u8]) -> Option<i32> {
    let regex = RegexBuilder::new().caseless(caseless).build(pattern).unwrap();
    regex.is_match(text).err().map(|error| error.code())
}

/// The witness exceeds the limit; where a match can begin anywhere, all places together do.
fn assert_costs(pattern: &str, caseless: bool, found: &CostlyPattern) {
    let text = found.text();
    let all_places = format!("^(?s:.*?)(?:{pattern})");
    let exceeds = |pattern: &str| code(pattern, caseless, &text) == Some(MATCH_LIMIT);
    let costs = match found.growth {
        Growth::Exponential => exceeds(pattern),
        Growth::Power(_) => exceeds(pattern) || exceeds(&all_places),
    };
    assert!(costs, "{pattern}: {found:?}");
    assert!(found.growth != Growth::Exponential || text.len() < 1000, "{pattern}: {} bytes", text.len());
}

/// A header: any bytes but those that end it.
fn header() -> Text {
    Text::without(8128, b"\0\r\n")
}

#[test]
fn what_doubles_with_every_repetition_is_proved() {
    let patterns = [
        "(a+)+$",
        "^(a|aa)+$",
        "^(a|a)*$",
        "^([a-zA-Z]+)*$",
        "(a*)*b",
        "((a*)*)*b",
        "(?:(?:x)+)+c",
        "(x+x+)+y",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        r"^(\w+\s?)*$",
        r"^(\d+)*$",
        "^([a-z0-9]+)*\\.css$",
        "^(a{1,30}){1,30}$",
        "^((a+)+b|.*)$",
        "^(?i)(A|a)+$",
        "^(?:a?b?)*c$",
        "^(?=(a+)+b)a",
        r"^([0-9a-zA-Z]([-.\w]*[0-9a-zA-Z])*@([0-9a-zA-Z][-\w]*[0-9a-zA-Z]\.)+[a-zA-Z]{2,9})$",
        r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}[a-z]{2,3}$",
        r"^[a-zA-Z]+(([\'\,\.\-][a-zA-Z ])?[a-zA-Z]*)*$",
        r"^(([^<>;]+)*;)+$",
        r"(?x) ^ ( a+ # letters
           )+ $",
    ];
    for pattern in patterns {
        let found = judge(pattern, false, &header()).unwrap_or_else(|| panic!("{pattern} is not reported"));
        assert_eq!(found.growth, Growth::Exponential, "{pattern}");
        assert_costs(pattern, false, &found);
    }
    let caseless = judge("^(a|A)+$", true, &header()).unwrap();
    assert_costs("^(a|A)+$", true, &caseless);
}

#[test]
fn what_grows_as_a_power_is_proved() {
    let cases = [
        (r"\s+$", header(), 2),
        (r"[^/]+\.php$", header(), 2),
        (".*.*=.*", Text::path(8128), 2),
        ("^/(.*)/(.*)$", Text::path(8128), 2),
        (r"^(.*)\.(.*)\.(.*)$", Text::path(8128), 3),
        (r"^(.+)\.(.+)\.(.+)\.example\.com$", header(), 3),
    ];
    for (pattern, text, power) in cases {
        let found = judge(pattern, false, &text).unwrap_or_else(|| panic!("{pattern} is not reported"));
        assert!(matches!(found.growth, Growth::Power(own) if own >= power), "{pattern}: {:?}", found.growth);
        assert_costs(pattern, false, &found);
        assert!(found.text().len() <= 8128);
    }
}

#[test]
fn what_cannot_cost_is_not_reported() {
    let header = header();
    for pattern in [
        // Patterns whose continuation cannot fail.
        "(a|aa)+",
        "([a-zA-Z]+)*",
        "^/(a+)+",
        r"^(?P<path>.*?)(\?.*)*$",
        // Each text is divided in one way.
        "^/([a-z]+/)+[a-z]+\\.html$",
        r"^((?:[\w-]+\.)+)example\.com$",
        "^(?:a|b)+$",
        // Nothing is given back.
        "^(?>(a+)+)b$",
        "^(a++)+b$",
        "^((a+)++)b$",
        // Bounded.
        "^[a-z]{1,63}[a-z]{1,63}$",
        "^(a?){5}a{5}$",
        r"\.php$",
        "^/(.*)$",
        r"^(?<host>[^.]+)\.(?<dom>.+)$",
        // PCRE sees at once that the last byte is missing.
        "(.*)(.*)(.*)[^0-9]x",
        // Not understood.
        "^(a+)+(?1)$",
        "^(a)?(?(1)(b+)+c|d)$",
    ] {
        assert_eq!(judge(pattern, false, &header), None, "{pattern}");
    }
    // Quadratic: too little within the limit, or within what can be sent.
    assert_eq!(judge("^/(.*)/(.*)$", false, &Text::path(1000)), None);
    assert!(judge("^/(.*)/(.*)$", false, &Text::path(16_000)).is_some());
    // The byte that lets it fail cannot be sent.
    let letters: Vec<u8> = (0..=255).filter(|byte| *byte != b'a').collect();
    assert_eq!(judge("^(a+)+$", false, &Text::without(8128, &letters)), None);
    assert!(judge("^(a+)+$", false, &Text::without(8128, &letters[1..])).is_some());
}

/// Enormous patterns are given up; nothing grows without bound.
#[test]
fn enormous_patterns_come_to_an_end() {
    let words: Vec<String> = (0..3000).map(|n| format!("word{n}")).collect();
    let nested = format!("{}a+{}", "(".repeat(90), ")+".repeat(90));
    let many = format!("^{}$", "(a+)".repeat(300));
    for pattern in [
        format!("^({})+$", words.join("|")),
        format!("^({}+)+x$", words[..200].join("+|")),
        nested,
        many,
        format!("^{}$", "(a|b|c|d)*".repeat(200)),
        "((((((a{9}){9}){9}){9}){9}){9}){9}".to_owned(),
        format!("{}b", "(a?)".repeat(2000)),
        "(".repeat(100_000),
        "[".repeat(100_000),
        format!("^(?:{})$", "(?=".repeat(80) + &")".repeat(80)),
    ] {
        if let Some(found) = judge(&pattern, false, &header()) {
            assert!(!found.text().is_empty());
        }
    }
}

/// Level of the finding of `redos` in a fragment of `http`; `None`: no finding.
fn reported(text: &str) -> Option<Level> {
    let (_, found) = examples::lint(text, false, NEWEST);
    found.iter().filter(|d| d.code == "redos").map(|d| d.level).max()
}

#[test]
fn only_what_a_client_sends_counts() {
    let cases = [
        ("server { location ~ ^/(a+)+$ { } }", Some(Level::Warning)),
        ("server { location ~* ^/(a|A)+$ { } }", Some(Level::Warning)),
        ("server { location ~ ^/(.*)/(.*)$ { } }", Some(Level::Info)),
        ("large_client_header_buffers 4 1k; server { location ~ ^/(.*)/(.*)$ { } }", None),
        ("server { if ($http_user_agent ~ \"^(a+)+$\") { return 403; } }", Some(Level::Warning)),
        ("server { if ($server_port ~ \"^(1+)+$\") { return 403; } }", None),
        ("server { set $a $arg_a; if ($a ~ \"^(a+)+$\") { return 403; } }", Some(Level::Warning)),
        ("server { set $a fixed; if ($a ~ \"^(a+)+$\") { return 403; } }", None),
        ("server { rewrite ^/(a+)+$ /b; }", Some(Level::Warning)),
        // Only one path comes here.
        ("server { location = /a { rewrite ^/(a+)+$ /b; } }", None),
        // The path begins otherwise, or cannot end so.
        ("server { location /x/ { rewrite ^/(a+)+$ /b; } }", None),
        ("server { location ~ ^/[a-z]*$ { rewrite ^/([a-z]+)+$ /b; } }", None),
        ("server { location ~ ^/[a-z0-9]*$ { rewrite ^/([a-z]+)+$ /b; } }", Some(Level::Warning)),
        ("server { server_name ~^(\\w+)+\\.example\\.com$; }", Some(Level::Warning)),
        // A host name has no space, a request line no line break.
        ("server { server_name ~^(\\s+)+x$; }", None),
        ("server { if ($request_uri ~ \"^/(.*)/(.*)$\") { return 403; } }", None),
        (
            "map $http_referer $bad { default 0; ~*^(x+)+$ 1; } server { if ($bad) { return 403; } }",
            Some(Level::Warning),
        ),
        ("map $server_name $bad { default 0; ~*^(x+)+$ 1; } server { if ($bad) { return 403; } }", None),
        ("map $http_referer $bad { default 0; ~*^(x+)+$ 1; }", None),
        (
            "map $scheme:$http_referer $bad { default 0; ~^http:(x+)+$ 1; } server { if ($bad) { return 403; } }",
            Some(Level::Warning),
        ),
        (
            "map $scheme:$http_referer $bad { default 0; ~^ftp:(x+)+$ 1; } server { if ($bad) { return 403; } }",
            None,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(reported(text), expected, "{text}");
    }
}

/// The files of the reference data, if they are there.
#[test]
fn reports_of_the_field_are_right() {
    let field = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/field/lint");
    for (name, expected) in [("15-redos-false.conf", None), ("miss11-redos-dot.conf", Some(Level::Warning))] {
        let Ok(text) = std::fs::read_to_string(field.join(name)) else { continue };
        let (_, found) = examples::lint(&text, true, NEWEST);
        let level = found.iter().filter(|d| d.code == "redos").map(|d| d.level).max();
        assert_eq!(level, expected, "{name}");
    }
}
