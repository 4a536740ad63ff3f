//! Configurations without what lies around them: files that every nginx ships, trees that lie elsewhere, fragments, modules
//! that nobody knows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A directory with these files.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// Exit status and standard output of a check, one line a finding.
fn check(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["check", "--format", "short"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn files_that_every_nginx_ships_stand_in_and_a_note_says_so_once() {
    let text = "events {}\nhttp {\n  include mime.types;\n  include /etc/letsencrypt/no-such/options-ssl-nginx.conf;\n  \
                include koi-win; include koi-utf; include win-utf;\n  server { location ~ \\.php$ { include \
                snippets/fastcgi-php.conf; fastcgi_pass 127.0.0.1:9; }\n  location /p { include proxy_params; proxy_pass \
                http://127.0.0.1:9; }\n  location /f { include fastcgi_params; fastcgi_pass 127.0.0.1:9; }\n  location /u { \
                include uwsgi_params; uwsgi_pass 127.0.0.1:9; }\n  location /s { include scgi_params; scgi_pass \
                127.0.0.1:9; } } }\n";
    let directory = tree(&[("nginx.conf", text)]);
    let (status, found) = check(directory.path(), &["nginx.conf"]);
    assert_eq!((status, found.matches("include-shipped").count()), (0, 1), "{found}");
    assert!(found.contains("`mime.types`") && !found.contains("error:"), "{found}");
}

#[test]
fn a_file_that_is_there_comes_before_the_one_that_nginx_ships() {
    let main = "events {}\nhttp { include mime.types; }\n";
    let directory = tree(&[("nginx.conf", main), ("mime.types", "types { text/x }\n")]);
    let (status, found) = check(directory.path(), &["nginx.conf"]);
    assert!(status == 1 && found.contains("mime.types:1:"), "{found}");
    let other = tree(&[("nginx.conf", "events {}\nhttp { include my.types; }\n")]);
    let (status, found) = check(other.path(), &["nginx.conf"]);
    assert!(status == 1 && found.contains("include-not-found"), "{found}");
}

#[test]
fn paths_of_etc_nginx_are_read_from_the_tree_at_hand() {
    let main = "events {}\nhttp { include /etc/nginx/conf.d/*.conf; include /etc/nginx/none/*.conf; }\n";
    let directory = tree(&[("etc/nginx.conf", main), ("etc/conf.d/a.conf", "server { listn 80; }\n")]);
    let (status, found) = check(directory.path(), &["etc/nginx.conf"]);
    assert!(
        status == 1 && found.contains("etc/conf.d/a.conf:1:10: error: unknown directive `listn`"),
        "{found}"
    );
    assert!(found.contains("include-elsewhere") && found.contains("include-no-match"), "{found}");
    // A map comes first, and where nothing is there the tree at hand.
    let (_, found) = check(directory.path(), &["--map-path", "/etc/nginx=nowhere", "etc/nginx.conf"]);
    assert!(found.contains("etc/conf.d/a.conf:1:10"), "{found}");
}

#[test]
fn what_a_fragment_takes_from_elsewhere_is_a_note() {
    let site = "server {\n listen 443 ssl; access_log /var/log/a.log main; limit_req zone=perip; limit_conn addr 10;\n \
                proxy_cache store; auth_basic $realm; location / { proxy_pass http://backend; proxy_set_header Connection \
                $connection_upgrade; error_page 404 @away; }\n location /f { fastcgi_pass php; fastcgi_cache Z; }\n}\n";
    let directory =
        tree(&[("site.conf", site), ("wrong.conf", "server {\n listen 80;\n proxy_buffering maybe;\n}\n")]);
    let (status, found) = check(directory.path(), &["site.conf"]);
    assert!(status == 0 && !found.contains("error:"), "{found}");
    for name in ["unknown-log-format", "undefined-zone", "unknown-variable"] {
        assert!(found.contains(name), "{name}: {found}");
    }
    let (status, found) = check(directory.path(), &["wrong.conf"]);
    assert!(status == 1 && found.contains("wrong.conf:3:"), "{found}");
}

#[test]
fn bodies_of_blocks_are_recognised_and_judged() {
    let bodies = [
        ("map", "~*(?:\\b)one\\.example 0;\n\"~*two-words\\.example\" 1;\n", "~(one 1;\n"),
        ("geo", "default 0;\n10.0.0.0/8 1;\n", "10.0.0.0/99 1;\n"),
        ("types", "text/html html htm;\nimage/png png;\n", "text/html { }\n"),
        ("charset_map", "80 E282AC;\n95 E280A2;\n", "80 XYZ;\n"),
        ("split_clients", "12.5% a;\n* b;\n", "60% a;\n60% b;\n"),
    ];
    for (name, right, wrong) in bodies {
        let directory = tree(&[("right.conf", right), ("wrong.conf", wrong)]);
        let (status, found) = check(directory.path(), &["right.conf"]);
        assert_eq!(status, 0, "{name}: {found}");
        let context = format!("http,{name}");
        let (status, found) = check(directory.path(), &["--context", &context, "right.conf"]);
        assert_eq!(status, 0, "{name}: {found}");
        let (status, found) = check(directory.path(), &["--context", &context, "wrong.conf"]);
        assert_eq!(status, 1, "{name}: {found}");
    }
}

#[test]
fn a_directive_behind_an_unknown_module_is_a_note_and_behind_a_known_one_an_error() {
    let text = "load_module modules/MODULE.so;\nevents {}\nhttp { house_metrics on; server { set_by_lua_block $shard { return \
                1 } house_block { a b; } location / { return 200 $shard; } } }\n";
    let house = text.replace("MODULE", "ngx_http_house_module");
    let known = text.replace("MODULE", "ngx_http_perl_module");
    let directory = tree(&[("house.conf", &house), ("known.conf", &known)]);
    let (status, found) = check(directory.path(), &["house.conf"]);
    assert!(status == 0 && found.contains("info: unknown directive `house_metrics`"), "{found}");
    assert!(!found.contains("$shard"), "{found}");
    let (status, found) = check(directory.path(), &["known.conf"]);
    assert!(status == 1 && found.contains("error: unknown directive `house_metrics`"), "{found}");
}
