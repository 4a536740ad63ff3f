//! Words where nginx resolves names, and that no host can be called: nginx's verdict.

use std::fs;
use std::process::Command;

use super::{nginx, run};

/// A configuration, and what nginx says of it.
const CASES: &[(&str, &str)] = &[
    ("http { server { resolver $x; } }", "host not found in resolver \"$x\""),
    ("http { server { resolver 127.0.0.1 @NS@:53; } }", "host not found in resolver \"@NS@:53\""),
    ("http { server { listen ${PORT}; } }", "host not found in \"${PORT}\" of the \"listen\" directive"),
    (
        "http { server { listen ${HOST}:80; } }",
        "host not found in \"${HOST}:80\" of the \"listen\" directive",
    ),
    (
        "http { server { listen 127.0.0.1:${P}; } }",
        "invalid port in \"127.0.0.1:${P}\" of the \"listen\" directive",
    ),
    ("http { set_real_ip_from ${CIDR}; }", "host not found in set_real_ip_from \"${CIDR}\""),
    ("http { set_real_ip_from 10.0.0.0/$b; }", "host not found in set_real_ip_from \"10.0.0.0/$b\""),
    ("http { upstream u { server ${B}; } }", "host not found in upstream \"${B}\""),
    ("http { upstream u { server @B@:8080; } }", "host not found in upstream \"@B@:8080\""),
    (
        "http { server { listen 127.0.0.1:8099; location / { proxy_pass http://@B@; } } }",
        "host not found in upstream \"@B@\"",
    ),
    (
        "http { server { listen 127.0.0.1:8099; location / { fastcgi_pass a%b:9000; } } }",
        "host not found in upstream \"a%b\"",
    ),
    ("http { access_log syslog:server=$x; }", "host not found in syslog server \"$x\""),
    ("http { allow ${X}/8; }", "invalid parameter \"${X}/8\""),
    // The name of an upstream may be one that no host has.
    (
        "http { upstream a%b { server 127.0.0.1:1; } server { listen 127.0.0.1:8099; location / { proxy_pass http://a%b; } } }",
        "",
    ),
];

#[test]
fn names_that_no_host_has_are_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nginx.conf");
    fs::create_dir(directory.path().join("logs")).unwrap();
    let program = nginx::program();
    for (text, expected) in CASES {
        fs::write(&path, format!("events {{}}\n{text}\n")).unwrap();
        let (status, _, said) = run(directory.path(), &["nginx", "-t", "-c", path.to_str().unwrap()], b"");
        assert_eq!(status == 0, expected.is_empty(), "{text}: {said}");
        assert!(said.contains(expected), "{text}: {said}");
        let (status, found, _) = run(directory.path(), &["check", "--format", "short", "nginx.conf"], b"");
        assert_eq!(status == 0, expected.is_empty(), "{text}: {found}");
        let Some(program) = &program else { continue };
        let output = Command::new(program)
            .args(["-t", "-e", "stderr", "-p"])
            .arg(directory.path())
            .args(["-c", path.to_str().unwrap()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(expected.is_empty() || said.contains(expected), "nginx: {text}: {said}");
    }
}

#[test]
fn a_place_of_a_template_is_no_name() {
    let directory = tempfile::tempdir().unwrap();
    let text = "events {}\nhttp { resolver ${NS}; server { listen ${PORT}; set_real_ip_from ${CIDR}; } }\n";
    fs::write(directory.path().join("a.conf.template"), text).unwrap();
    let (status, found, _) = run(directory.path(), &["check", "--format", "short", "a.conf.template"], b"");
    assert_eq!(status, 0, "{found}");
}

#[test]
fn a_connection_to_debug_is_a_warning() {
    // An nginx without `--with-debug` ignores the directive, so the configuration is valid.
    let directory = tempfile::tempdir().unwrap();
    for (word, is_refused) in [
        ("10.0.0.0/33", true),
        ("$x", true),
        ("10.0.0.0/8", false),
        ("unix:", false),
        ("peer.example", false),
    ] {
        fs::write(directory.path().join("nginx.conf"), format!("events {{ debug_connection {word}; }}\n"))
            .unwrap();
        let (status, found, _) = run(directory.path(), &["check", "--format", "short", "nginx.conf"], b"");
        assert_eq!(found.contains("warning: expected an address"), is_refused, "{word}: {found}");
        assert_eq!(status, 0, "{word}: {found}");
    }
}

#[test]
fn modules_that_define_no_variables_explain_none() {
    let directory = tempfile::tempdir().unwrap();
    let check = |main: &str, server: &str| {
        let text = format!(
            "{main}\nevents {{}}\nhttp {{ server {{ listen 80; {server} add_header X $remote_adr; }} }}\n"
        );
        fs::write(directory.path().join("nginx.conf"), text).unwrap();
        run(directory.path(), &["check", "--format", "short", "nginx.conf"], b"")
    };
    for (main, server) in [
        ("load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;", ""),
        ("load_module modules/ngx_stream_module.so;", ""),
        ("load_module modules/ngx_http_image_filter_module.so;", ""),
        ("load_module modules/ngx_http_brotli_static_module.so;", ""),
        ("", "more_set_headers \"a: b\";"),
    ] {
        let (status, found, _) = check(main, server);
        assert!(
            status == 1 && found.contains("error: unknown variable `$remote_adr`"),
            "{main}{server}: {found}"
        );
    }
    // A module that nobody here has read may define it, and some define variables by their first letters.
    let (status, found, _) = check("load_module modules/ngx_http_house_module.so;", "");
    assert!(status == 0 && found.contains("info: unknown variable"), "{found}");
    let (_, found, _) =
        check("load_module modules/ngx_http_echo_module.so;", "add_header Y $echo_request_uri;");
    assert!(found.contains("info: unknown variable `$echo_request_uri`"), "{found}");
}
