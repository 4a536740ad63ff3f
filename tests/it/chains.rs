//! Variables that are made of variables: each value is found once, and the work is bounded.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use ngxc::catalog::NEWEST;

use crate::common::examples::lint;

/// Each of these would take longer than anybody waits if every value were followed anew.
#[test]
fn values_that_double_each_other_come_to_an_end() {
    let mut maps = "map $uri $m0 { default $arg_a; x y; }\n".to_owned();
    let mut sets = "set $x a$arg_q;\n".to_owned();
    for n in 1..40 {
        let _ = writeln!(
            maps,
            "map $m{} $m{n} {{ default \"$m{}$m{}\"; a b; ~c(.) $1$m{}; }}",
            n - 1,
            n - 1,
            n - 1,
            n - 1
        );
        let _ = writeln!(sets, "if ($http_h{n}) {{ set $x \"$x$x\"; }}");
    }
    let round = "map $a $b { default \"$a$a\"; x y; } map $b $a { default \"$b$b\"; x y; }";
    for text in [
        format!("{maps} server {{ return 301 $m39; location / {{ proxy_pass http://$m39; }} }}"),
        format!("server {{ {sets} return 301 $x; }}"),
        format!("{round} server {{ return 301 $a; }}"),
    ] {
        lint(&text, false, NEWEST);
    }
}

#[test]
fn short_chains_are_still_followed() {
    let chain =
        "map $uri $a { default $arg_to; } map $host $b { default \"$a\"; } map $host $c { default \"$b\"; }";
    let text =
        format!("{chain} server {{ listen 80 default_server; location / {{ proxy_pass http://$c; }} }}");
    let (_, found) = lint(&text, false, NEWEST);
    assert!(found.iter().any(|d| d.code == "ssrf"), "{found:#?}");
}
