//! Tests of the blocks as they are written.

use super::*;
use crate::source::Memory;
use crate::syntax::{LoadOptions, load};

#[test]
fn a_list_comes_from_the_nearest_level_that_has_any_also_through_includes() {
    let files = Memory::default()
        .with(
            "nginx.conf",
            "http { add_header A a; server { include headers; location /x { location /y { } } location /z { \
             add_header C c; if ($a) { } } } server { } }",
        )
        .with("headers", "add_header B b; add_header B2 b;");
    let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
    let levels = Levels::new(&configuration, true);
    let lists: Vec<(Context, Vec<String>)> = levels
        .all()
        .filter(|level| level.is_http())
        .map(|level| {
            let list = level.list("add_header");
            (level.context(), list.iter().map(|d| d.arg(0).unwrap().to_string()).collect())
        })
        .collect();
    let expected: &[(Context, &[&str])] = &[
        (Context::Http, &["A"]),
        (Context::Server, &["B", "B2"]),
        (Context::Location, &["B", "B2"]),
        (Context::Location, &["B", "B2"]),
        (Context::Location, &["C"]),
        (Context::IfInLocation, &["C"]),
        (Context::Server, &["A"]),
    ];
    assert_eq!(lists.len(), expected.len());
    for ((context, list), (expected, names)) in lists.iter().zip(expected) {
        assert_eq!(
            (context, list.iter().map(String::as_str).collect::<Vec<_>>()),
            (expected, names.to_vec())
        );
    }
}

#[test]
fn a_fragment_knows_where_it_belongs() {
    let cases = [
        ("server { listen 80; }", Context::Http),
        ("listen 80; server_name x; location / { }", Context::Server),
        ("proxy_pass http://x; internal;", Context::Location),
        ("worker_processes 2; events { }", Context::Main),
    ];
    for (text, expected) in cases {
        let files = Memory::default().with("x", text);
        let configuration = load(&files, "x".as_ref(), &LoadOptions::default()).unwrap();
        let levels = Levels::new(&configuration, false);
        assert_eq!(levels.all().next().unwrap().context(), expected, "{text}");
    }
}
