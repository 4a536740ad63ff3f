//! Configurations without what lies around them: files that every nginx ships, trees that lie elsewhere, fragments, modules
//! that nobody knows.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; a note is all a skipped one leaves"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::common::corpus;

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

/// Standard output of a command.
fn ngxc(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    String::from_utf8(command.args(arguments).current_dir(directory).output().unwrap().stdout).unwrap()
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

/// A tree: its directory, its files with their texts, and the exit status of a check of the first file.
type Tree<'a> = (&'a str, &'a [(&'a str, &'a str)], i32);

#[test]
fn a_module_of_others_is_named_once_and_not_where_the_configuration_loads_it() {
    let rtmp = "rtmp { server { listen 1935; application live { live on; exec_push true; } } }\n";
    let directory = tree(&[
        ("plain.conf", &format!("events {{}}\n{rtmp}")),
        ("loads.conf", &format!("load_module modules/ngx_rtmp_module.so;\nevents {{}}\n{rtmp}")),
    ]);
    let (_, found) = check(directory.path(), &["plain.conf"]);
    assert_eq!(found.matches("[foreign-directive]").count(), 1, "{found}");
    let (status, found) = check(directory.path(), &["loads.conf"]);
    assert_eq!((status, found.as_str()), (0, ""));
}

#[test]
fn a_missing_file_is_an_error_where_its_tree_is_here() {
    let with = |text: &str| format!("events {{}}\nhttp {{ {text} }}\n");
    let missing = with("include proxy.conf;");
    // Each tree, and the status of a check of its first file.
    let cases: &[Tree<'_>] = &[
        ("the file alone", &[("site.conf", &missing)], 0),
        ("other files that it does not include", &[("site.conf", &missing), ("other.txt", "")], 0),
        ("the name of every main file", &[("nginx.conf", &missing)], 1),
        ("a name that is nearly the same", &[("site.conf", &missing), ("proxi.conf", "")], 1),
        (
            "another include that is found",
            &[("site.conf", &with("include proxy.conf; include gzip.conf;")), ("gzip.conf", "gzip on;")],
            1,
        ),
        (
            "files in the directory that it names",
            &[("site.conf", &with("include parts/a.conf;")), ("parts/b.conf", "")],
            1,
        ),
        ("a directory that is not here", &[("site.conf", &with("include parts/a.conf;"))], 0),
        ("a path of nginx", &[("site.conf", &with("include /etc/nginx/parts/a.conf;"))], 0),
        ("a path of another machine", &[("site.conf", &with("include /no/such/directory/a.conf;"))], 0),
    ];
    for (what, files, expected) in cases {
        let directory = tree(files);
        let (status, found) = check(directory.path(), &[files[0].0]);
        assert!(status == *expected && found.contains("include-not-found"), "{what}: {found}");
        // Whoever asks this host, or says where the file belongs, wants nginx's verdict.
        for strict in [["--host", ""], ["--prefix", "."]] {
            let strict: Vec<&str> =
                strict.into_iter().filter(|s| !s.is_empty()).chain([files[0].0]).collect();
            assert_eq!(check(directory.path(), &strict).0, 1, "{what} with {strict:?}");
        }
    }
    let close = tree(&[("site.conf", &missing), ("proxi.conf", "")]);
    let human = ngxc(close.path(), &["check", "site.conf"]);
    assert!(human.contains("did you mean `proxi.conf`?"), "{human}");
}

#[test]
fn what_a_missing_file_may_define_is_a_note() {
    let text = "events {}\nhttp { include zones.conf; server { listen 80; limit_req zone=one; access_log a.log long; \
                return 200 $made; } }\n";
    let (status, found) = check(tree(&[("site.conf", text)]).path(), &["site.conf"]);
    assert!(status == 0 && found.contains("undefined-zone"), "{found}");
    let (status, found) =
        check(tree(&[("site.conf", &text.replace("include zones.conf;", ""))]).path(), &["site.conf"]);
    assert!(status == 1 && found.contains("error: "), "{found}");
}

#[test]
fn a_file_without_events_is_a_part_of_a_main_file_unless_it_is_one() {
    for text in
        ["http { server { listen 80; } }\n", "load_module modules/ngx_mail_module.so;\n", "user www;\n"]
    {
        let directory = tree(&[("part.conf", text), ("nginx.conf", text)]);
        let (status, found) = check(directory.path(), &["part.conf"]);
        assert!(status == 0 && found.contains("info: this file has no `events` block"), "{text}: {found}");
        assert_eq!(check(directory.path(), &["--host", "part.conf"]).0, 1, "{text}");
        let (status, found) = check(directory.path(), &["nginx.conf"]);
        assert!(status == 1 && found.contains("no-events"), "{text}: {found}");
    }
}

#[test]
fn a_text_that_stands_in_is_no_proof() {
    let text = "server { location ~ \\.php$ { include snippets/fastcgi-php.conf; try_files $uri =404; fastcgi_pass 127.0.0.1:9; } }\n";
    let (status, found) = check(tree(&[("site.conf", text)]).path(), &["site.conf"]);
    assert!(status == 0 && found.contains("info: `try_files` is set twice"), "{found}");
    let here = tree(&[("site.conf", text), ("snippets/fastcgi-php.conf", "try_files $a =404;\n")]);
    assert_eq!(check(here.path(), &["site.conf"]).0, 1);
}

/// A module of somebody's own.
const HOUSE: &str = r#"
module = "ngx_http_house_module"

[[directive]]
name = "house_metrics"
contexts = ["http", "server"]
kind = "flag"

[[directive]]
name = "house_shard"
contexts = ["http"]
args = "2"
defines = 1

[[directive]]
name = "house_pool"
contexts = ["http"]
body = "directives:upstream"

[[directive]]
name = "house_table"
contexts = ["http"]
args = "0"
body = "entries"

[[variable]]
name = "house_region"
subsystem = "http"
module = "ngx_http_house_module"

[[variable]]
name = "house_tag_"
subsystem = "http"
module = "ngx_http_house_module"
prefix = true
"#;

#[test]
fn declared_directives_are_judged_like_those_of_nginx() {
    let right = "events {}\nhttp { house_metrics on; house_shard $shard 16; house_pool a { server 127.0.0.1:1; } house_table { \
                 any thing; } server { house_metrics off; listen 80; return 200 $shard$house_region$house_tag_x; } }\n";
    let settings = "directives = [\"house.toml\"]\n";
    let directory = tree(&[("a/nginx.conf", right), ("a/house.toml", HOUSE), ("a/ngxc.toml", settings)]);
    // The settings file and the switch hold for every command.
    let lint = ngxc(directory.path(), &["lint", "--format", "short", "a/nginx.conf"]);
    assert!(!lint.contains("house") && !lint.contains("$shard"), "{lint}");
    let with = ["--directives", "a/house.toml", "--strict-modules", "a/nginx.conf"];
    let (status, found) = check(directory.path(), &with);
    assert!(status == 0 && found.is_empty(), "{found}");
    let wrong = [
        ("house_metrics on", "house_metrics maybe", "invalid-value"),
        ("house_shard $shard 16", "house_shard $shard", "wrong-number-of-arguments"),
        ("house_pool a {", "house_pool a; map $uri $x {", "missing-block"),
        ("server 127.0.0.1:1", "listen 1", "directive-not-allowed-here"),
        ("server { house", "server { house_table { } house", "directive-not-allowed-here"),
        ("$house_region", "$house_regoin", "unknown-variable"),
        ("house_metrics off", "house_metrix off", "unknown-directive"),
    ];
    for (from, to, expected) in wrong {
        let text = right.replace(from, to);
        let directory = tree(&[("a/nginx.conf", &text), ("a/house.toml", HOUSE)]);
        let (status, found) = check(directory.path(), &with);
        assert!(status == 1 && found.contains(expected), "{to}: {found}");
    }
}

#[test]
fn a_wrong_declaration_names_its_file_entry_and_field() {
    let cases = [
        ("name = \"x\"", "missing field `contexts`"),
        ("name = \"x\"\ncontexts = [\"htpp\"]", "field `contexts`: `htpp` is no context"),
        ("name = \"x\"\ncontexts = [\"http\"]\ncolour = 1", "unknown field `colour`"),
        ("name = \"listen\"\ncontexts = [\"server\"]", "nginx has it"),
    ];
    for (entry, expected) in cases {
        let house = format!("module = \"m\"\n[[directive]]\n{entry}\n");
        let directory = tree(&[("nginx.conf", "events {}\n"), ("house.toml", &house)]);
        let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["check", "--directives", "house.toml", "nginx.conf"])
            .current_dir(directory.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(expected), "{said}");
        assert!(said.contains("house.toml: directive"), "{said}");
    }
}

/// The errors that a command tells of many files, by file.
fn errors(arguments: &[&str], files: &[&Path]) -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc")).args(arguments).args(files).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut by_file = BTreeMap::<String, Vec<String>>::new();
    for finding in all["findings"].as_array().unwrap() {
        if finding["level"] == "error" && finding["class"] != "rule" {
            let file = finding["file"].as_str().unwrap().to_owned();
            by_file.entry(file).or_default().push(finding["message"].to_string());
        }
    }
    by_file
}

#[test]
fn what_nginx_accepts_has_no_error_alone_as_it_lies_there() {
    let Some(cases) = corpus::cases() else { return };
    let accepted: Vec<&Path> = cases.iter().filter(|c| c.verdict == "ok").map(|c| c.path.as_path()).collect();
    assert!(accepted.len() > 400, "{}", accepted.len());
    for command in ["check", "lint"] {
        let errors = errors(&[command, "--format", "json"], &accepted);
        assert!(errors.is_empty(), "{command}: {errors:#?}");
    }
}

#[test]
fn what_nginx_rejects_is_rejected_in_its_place() {
    let Some(cases) = corpus::cases() else { return };
    let directory = tempfile::tempdir().unwrap();
    let rejected = cases.iter().filter(|c| c.verdict != "ok").map(|case| {
        let path = directory.path().join(&case.id).join("nginx.conf");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, &case.whole).unwrap();
        path
    });
    let rejected: Vec<_> = rejected.collect();
    let paths: Vec<&Path> = rejected.iter().map(std::path::PathBuf::as_path).collect();
    let errors = errors(&["check", "--strict-modules", "--format", "json"], &paths);
    let missed: Vec<_> = paths.iter().filter(|p| !errors.contains_key(p.to_str().unwrap())).collect();
    println!("{} of {} missed: {missed:#?}", missed.len(), paths.len());
    // Misses are faults of that host's sockets, names and build alone.
    assert!(
        missed.len() * 100 <= paths.len() && paths.len() > 350,
        "{} of {}: {missed:#?}",
        missed.len(),
        paths.len()
    );
}

#[test]
fn the_body_of_an_if_is_a_context() {
    let directory =
        tree(&[("if.conf", "set $a 1;\nrewrite ^/x /y last;\nreturn 403;\n"), ("no.conf", "alias /srv;\n")]);
    for context in ["if", "http,server,location,if", "if-in-location"] {
        assert_eq!(check(directory.path(), &["--context", context, "if.conf"]).0, 0, "{context}");
        let (status, found) = check(directory.path(), &["--context", context, "no.conf"]);
        assert!(status == 1 && found.contains("directive-not-allowed-here"), "{context}: {found}");
    }
    assert_eq!(check(directory.path(), &["if.conf"]).0, 0);
}

#[test]
fn run_names_every_refusal_and_a_block_once() {
    let text = "events {}\nmail {\n  auth_http 127.0.0.1:1;\n  server { listen 8097; protocol imap; }\n}\n\
                http {\n  server { listen 8099; location / { mp4; } location /a { mp4; flv; } location /b { perl x; } }\n}\n";
    let directory = tree(&[("nginx.conf", text)]);
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["run", "nginx.conf"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let places: Vec<&str> = said.lines().filter(|l| l.ends_with("[not-executed]")).collect();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(places.len(), 5, "{said}");
    assert!(places[0].starts_with("nginx.conf:2:1: error: `mail` is not executed"), "{said}");
}
