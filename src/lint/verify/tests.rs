//! Fixes that do more than they are for are found.

use super::*;
use crate::compile::{Options, compile};
use crate::source::Memory;
use crate::syntax::{LoadOptions, load};

fn config(text: &str) -> Config {
    let text = format!("events {{}} http {{ {text} }}");
    let files = Memory::default().with("x", text);
    let configuration = load(&files, "x".as_ref(), &LoadOptions::default()).unwrap();
    compile(&configuration, &Options::new(crate::catalog::NEWEST)).config
}

#[test]
fn a_change_beyond_the_purpose_is_found() {
    let location = |inside: &str| {
        format!("server {{ proxy_set_header A a; location / {{ {inside} proxy_pass http://10.0.0.1; }} }}")
    };
    let before = config(&location(""));
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let touched = Touched {
        directives: names(&["proxy_set_header", "proxy_http_version"]),
        headers: names(&["connection"]),
        replaced: BTreeSet::new(),
    };
    let cases = [
        ("", None),
        ("proxy_http_version 1.0;", None),
        ("proxy_read_timeout 5s;", Some("`proxy_read_timeout` would change")),
        ("proxy_set_header Connection \"\";", Some("the header `A` would not be sent any more")),
        ("proxy_set_header Connection \"\"; proxy_set_header a a;", None),
        (
            "proxy_set_header Connection \"\"; proxy_set_header a b;",
            Some("the header `A` would be sent with another value"),
        ),
        (
            "proxy_set_header A a; proxy_set_header Connection \"\"; proxy_set_header B b;",
            Some("the header `B` would be sent too"),
        ),
        ("location /x { }", Some("servers or locations would appear or vanish")),
    ];
    for (inside, expected) in cases {
        let found = beyond(&before, &config(&location(inside)), &touched);
        assert_eq!(found.as_deref(), expected, "{inside}");
    }
}

#[test]
fn sockets_keep_what_they_speak() {
    let cases = [
        ("listen 1 http2;", "listen 1;", "", Some("0.0.0.0:1 would not speak HTTP/2 any more")),
        ("listen 1 http2;", "listen 1; http2 on;", "", None),
        ("listen 1;", "listen 1; http2 on;", "http2", None),
        ("listen 1;", "listen 1 http2;", "", Some("0.0.0.0:1 would speak HTTP/2")),
        (
            "listen 1;",
            "listen 2;",
            "listen",
            Some("a server that listens on 0.0.0.0:1 would listen on 0.0.0.0:2"),
        ),
        (
            "listen 1 proxy_protocol;",
            "listen 1;",
            "listen",
            Some("0.0.0.0:1 would not speak the PROXY protocol any more"),
        ),
        ("listen 1 quic;", "listen 1;", "listen", Some("0.0.0.0:1 would not speak HTTP/3 any more")),
    ];
    for (old, new, name, expected) in cases {
        let server = |inside: &str| config(&format!("server {{ {inside} }}"));
        let mut touched = Touched::default();
        touched.directives.extend([name.to_owned(), "http2".to_owned()].into_iter().filter(|n| {
            // The parameter that becomes a directive is what the fix is for.
            n == name || old.contains("http2")
        }));
        let found = beyond(&server(old), &server(new), &touched);
        assert_eq!(found.as_deref(), expected, "{old} -> {new}");
    }
    // The parameter of one server acts on all of the socket.
    let (one, other) =
        ("server { listen 1; server_name a; }", "server { listen 1; server_name b; http2 on; }");
    let before = config(&format!("{one} server {{ listen 1 http2; server_name b; }}"));
    let touched = Touched { directives: BTreeSet::from(["http2".to_owned()]), ..Touched::default() };
    let found = beyond(&before, &config(&format!("{one} {other}")), &touched);
    assert_eq!(found.as_deref(), Some("0.0.0.0:1 would not speak HTTP/2 any more"));
}

#[test]
fn other_numbers_of_variables_are_no_change() {
    let rest = "server { location / { proxy_bind $b; limit_rate $b; proxy_set_header X $b; } }";
    let with = |maps: &str| config(&format!("{maps} map $uri $b {{ default 1; }} {rest}"));
    let before = with("map $uri $a { default 1; }");
    assert_eq!(beyond(&before, &with(""), &Touched::default()), None);
    let other = config(&format!("map $uri $c {{ default 1; }} {}", rest.replace("$b", "$c")));
    assert_eq!(beyond(&before, &other, &Touched::default()).as_deref(), Some("`limit_rate` would change"));
}

#[test]
fn values_are_compared_part_by_part() {
    let location = |inside: &str| config(&format!("server {{ location / {{ {inside} }} }}"));
    let cases = [
        // A text that looks like a number of the model is a text.
        ("limit_rate $arg_a;", "limit_rate $arg_b;", Some("`limit_rate` would change")),
        ("access_log /a \"VariableId(1)\";", "access_log /a \"VariableId(1)\";", None),
        (
            "error_page 404 /VariableId(0);",
            "error_page 404 /VariableId(1);",
            Some("`error_page` would change"),
        ),
        ("expires 1d;", "expires 1d;", None),
        ("expires 1d;", "expires 2d;", Some("`expires` would change")),
        ("add_header A a;", "add_header A b;", Some("`add_header` would change")),
        ("add_header A a;", "", Some("`add_header` would change")),
        ("allow 10.0.0.0/8; deny all;", "deny all; allow 10.0.0.0/8;", Some("`allow` would change")),
    ];
    for (old, new, expected) in cases {
        let found = beyond(&location(old), &location(new), &Touched::default());
        assert_eq!(found.as_deref(), expected, "{old} -> {new}");
    }
}
