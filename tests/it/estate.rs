//! Lists of files, directories, standard input: what is judged inside of which main file, and what is told of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

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

/// Exit status, standard output and standard error.
fn run_with(directory: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("NO_COLOR")
        .env_remove("FORCE_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    run_with(directory, arguments, "")
}

const MAIN: &str = "events {}\nhttp {\n  limit_req_zone $binary_remote_addr zone=perip:1m rate=1r/s;\n  include conf.d/*.conf;\n  include \
                    /etc/nginx/sites-enabled/*;\n}\n";
const SITE: &str =
    "server {\n  listen 81;\n  limit_req zone=perip;\n  include snippets/b.conf;\n  wrong_a on;\n}\n";

fn estate() -> TempDir {
    let tree = tree(&[
        ("etc/nginx.conf", MAIN),
        ("etc/conf.d/a.conf", SITE),
        ("etc/conf.d/other.conf", "server { listen 82; wrong_other on; }\n"),
        ("etc/snippets/b.conf", "limit_req_status 429;\nwrong_b on;\n"),
        ("etc/sites-available/default", "server { listen 83; wrong_default on; }\n"),
        ("etc/sites-available/www.example.com", "server { listen 84; wrong_www on; }\n"),
        ("etc/sites-available/README", "Sites that are not enabled.\n"),
        ("etc/sites-available/default.bak", "server { wrong_backup on; }\n"),
        ("etc/modules-available/geoip.conf", "load_module modules/ngx_http_geoip_module.so;\n"),
        ("etc/templates/default.conf.template", "server { listen ${PORT}; wrong_template on; }\n"),
        ("etc/.git/x.conf", "wrong_hidden on;\n"),
    ]);
    fs::create_dir(tree.path().join("etc/sites-enabled")).unwrap();
    let link = |to: &str, name: &str| symlink(to, tree.path().join("etc").join(name)).unwrap();
    link("../sites-available/default", "sites-enabled/default");
    link("../snippets", "conf.d/snippets");
    link("..", "snippets/round");
    tree
}

#[test]
fn files_are_judged_inside_of_the_main_file_that_includes_them() {
    let estate = estate();
    let list = [
        "check",
        "--format",
        "short",
        "etc/conf.d/a.conf",
        "etc/snippets/b.conf",
        "./etc/conf.d/../conf.d/a.conf",
    ];
    let (status, out, error) = run(estate.path(), &list);
    let expected = "etc/conf.d/a.conf:5:3: error: unknown directive `wrong_a` [unknown-directive]\n\
                    etc/snippets/b.conf:2:1: error: unknown directive `wrong_b` [unknown-directive]\n";
    assert_eq!((status, out.as_str()), (1, expected), "{error}");
    // The zone is that of the main file, which has an error elsewhere.
    assert!(error.contains("2 errors in other files of etc/nginx.conf"), "{error}");
    // From inside of the directory, and under the name that was typed.
    let (status, out, _) = run(&estate.path().join("etc/conf.d"), &["check", "--format", "short", "a.conf"]);
    assert!(status == 1 && out.starts_with("a.conf:5:3: error"), "{out}");
    // A link leads to the same file.
    let (_, out, _) = run(
        estate.path(),
        &["check", "--format", "short", "etc/sites-available/default", "etc/sites-enabled/default"],
    );
    assert_eq!(out.matches("wrong_default").count(), 1, "{out}");
    // The main file asks for all.
    let (_, out, _) =
        run(estate.path(), &["check", "--format", "short", "etc/conf.d/a.conf", "etc/nginx.conf"]);
    assert_eq!((out.matches("wrong_a").count(), out.matches("wrong_other").count()), (1, 1), "{out}");
    // A file that no main file includes is a fragment.
    let (status, out, error) =
        run(estate.path(), &["check", "--format", "short", "etc/sites-available/www.example.com"]);
    assert!(
        status == 1 && out.contains("wrong_www") && error.contains("is read as a fragment of `http`"),
        "{error}"
    );
}

#[test]
fn settings_name_main_files_that_lie_elsewhere() {
    let main = "events {}\nhttp { include ../shared/*.conf; server { listen 80; } }\n";
    let shared = "upstream app { server 10.0.0.1; nothing; }\n";
    let tree = tree(&[
        ("ngxc.toml", "roots = [\"hosts/*/nginx.conf\"]\n"),
        ("hosts/a/nginx.conf", &main.replace("..", "../..")),
        ("hosts/b/nginx.conf", &main.replace("..", "../..")),
        ("hosts/c/nginx.conf", "events {}\n"),
        ("shared/app.conf", shared),
    ]);
    let (status, out, _) = run(tree.path(), &["check", "--format", "short", "-v", "shared/app.conf"]);
    assert_eq!(status, 1);
    assert_eq!(out, "shared/app.conf:1:33: error: unknown directive `nothing` [unknown-directive]\n");
    let (_, _, error) = run(tree.path(), &["check", "-v", "shared/app.conf"]);
    for root in ["hosts/a/nginx.conf", "hosts/b/nginx.conf"] {
        assert!(error.contains(&format!("root: shared/app.conf is judged as a part of {root}")), "{error}");
    }
    fs::write(tree.path().join("ngxc.toml"), "roots = [\"host/nginx.conf\"]\n").unwrap();
    let (status, _, error) = run(tree.path(), &["check", "shared/app.conf"]);
    assert!(status == 2 && error.contains("no file is `host/nginx.conf` of `roots`"), "{error}");
}

#[test]
fn a_directory_holds_sites_templates_and_links_each_once() {
    let estate = estate();
    let (status, out, error) = run(estate.path(), &["check", "--format", "short", "etc"]);
    assert_eq!(status, 1, "{error}");
    for name in ["wrong_a", "wrong_b", "wrong_other", "wrong_default", "wrong_www", "wrong_template"] {
        assert_eq!(out.matches(name).count(), 1, "{name}: {out}");
    }
    for name in ["wrong_hidden", "wrong_backup", "README", "geoip"] {
        assert!(!out.contains(name), "{name}: {out}");
    }
    symlink("gone", estate.path().join("etc/sites-available/old")).unwrap();
    let (_, _, error) = run(estate.path(), &["lint", "--format", "short", "etc"]);
    assert!(error.contains("etc/sites-available/old is a link to `gone`, where nothing is"), "{error}");
    // A directory of fragments is judged inside of the main file around it.
    let (_, out, _) = run(estate.path(), &["check", "--format", "short", "etc/snippets"]);
    assert_eq!(out, "etc/snippets/b.conf:2:1: error: unknown directive `wrong_b` [unknown-directive]\n");
    // fmt takes them all, and names what it would change.
    let (status, out, _) = run(estate.path(), &["fmt", "--check", "etc"]);
    assert!(status == 1 && out.contains("etc/sites-available/www.example.com\n"), "{out}");
    assert!(
        out.contains("default.conf.template") && !out.contains(".git") && !out.contains("README"),
        "{out}"
    );
    fs::write(estate.path().join("etc/ngxc.toml"), "exclude = [\"sites-*/**\", \"templates/*\"]\n").unwrap();
    let (_, out, _) = run(estate.path(), &["fmt", "--check", "etc"]);
    assert!(!out.contains("sites-") && !out.contains("template"), "{out}");
    let (status, _, error) = run(estate.path(), &["lint", "etc/sites-available/"]);
    assert!(status == 2 && error.contains("holds no configuration"), "{error}");
}

#[test]
fn repairs_are_made_only_in_the_files_that_were_named() {
    let site = "server {\n  listen 81;\n  location / {\n    proxy_pass http://app;\n  }\n}\n";
    let main = "events {}\nhttp {\n  upstream app { server 10.0.0.1:80; keepalive 8; }\n  include conf.d/*.conf;\n}\n";
    let tree =
        tree(&[("nginx.conf", main), ("conf.d/a.conf", site), ("conf.d/b.conf", &site.replace("81", "82"))]);
    let (_, _, error) =
        run(&tree.path().join("conf.d"), &["lint", "--fix", "--nginx-version", "1.28.0", "a.conf"]);
    assert!(error.contains("fixed in"), "{error}");
    let text = |name: &str| fs::read_to_string(tree.path().join(name)).unwrap();
    assert!(text("conf.d/a.conf").contains("proxy_http_version 1.1;"), "{}", text("conf.d/a.conf"));
    assert_eq!((text("nginx.conf").as_str(), text("conf.d/b.conf").contains("82")), (main, true));
    assert!(!text("conf.d/b.conf").contains("proxy_http_version"));
}

#[test]
fn standard_input_is_the_file_whose_name_it_gets() {
    let estate = estate();
    let name = ["--stdin-filename", "etc/conf.d/a.conf"];
    let check =
        |text: &str| run_with(estate.path(), &["check", "--format", "short", "-", name[0], name[1]], text);
    let (status, out, _) = check("server { listen 81; limit_req zone=perip; edited on; }");
    assert_eq!(out, "etc/conf.d/a.conf:1:43: error: unknown directive `edited` [unknown-directive]\n");
    assert_eq!(status, 1);
    assert_eq!(check("server { listen 81; limit_req zone=perip; }").0, 0);
    // Without a name it stands for itself, and is read once.
    let (status, out, _) = run_with(
        estate.path(),
        &["check", "--format", "short", "-", "etc/snippets/b.conf"],
        "events {}\nedited on;\n",
    );
    assert!(status == 1 && out.contains("-:2:1: error") && out.contains("wrong_b"), "{out}");
    // A file that is not there yet.
    let new = ["check", "--format", "short", "--stdin-filename", "etc/conf.d/new.conf", "-"];
    let (_, out, _) = run_with(estate.path(), &new, "server { edited on; }");
    assert!(out.starts_with("etc/conf.d/new.conf:1:10: error"), "{out}");
    let (status, out, _) = run_with(estate.path(), &["fmt", "-", name[0], name[1]], "server{listen 1;}");
    assert_eq!((status, out.as_str()), (0, "server {\n    listen 1;\n}\n"));
    assert_eq!(fs::read_to_string(estate.path().join(name[1])).unwrap(), SITE);
    let (status, _, error) = run_with(estate.path(), &["lint", "--fix", "-", name[0], name[1]], SITE);
    assert!(status == 2 && error.contains("cannot be fixed in place"), "{error}");
    let (status, out, _) = run_with(
        estate.path(),
        &["parse", "-", "--stdin-filename", "x.template", "--define", "P=8"],
        "listen ${P};",
    );
    assert!(status == 0 && out.contains("\"x.template\"") && out.contains("\"args\":[\"8\"]"), "{out}");
    let (status, _, error) = run(estate.path(), &["check", name[0], name[1], "etc/nginx.conf"]);
    assert!(status == 2 && error.contains("name `-` once among the files"), "{error}");
}

#[test]
fn each_file_that_is_read_is_named_with_what_it_stands_for() {
    let main =
        "events {}\nhttp { include mime.types; include /etc/nginx/conf.d/*.conf; include /srv/x.conf; }\n";
    let tree = tree(&[
        ("n/nginx.conf", main),
        ("n/conf.d/a.conf", ""),
        ("ngxc.toml", "[path-map]\n\"/srv\" = \"srv\"\n"),
        ("srv/x.conf", ""),
    ]);
    let (status, _, error) = run(tree.path(), &["check", "-v", "n/nginx.conf"]);
    assert_eq!(status, 0, "{error}");
    for line in [
        "settings: ngxc.toml",
        "read: n/nginx.conf",
        "known: n/mime.types is not there; using the built-in copy",
        "read: n/conf.d/a.conf for `/etc/nginx/conf.d/*.conf`",
        "read: srv/x.conf for `/srv/x.conf`",
    ] {
        assert!(error.lines().any(|found| found == line), "{line}: {error}");
    }
    let (_, out, error) = run(tree.path(), &["check", "-q", "n/conf.d/a.conf"]);
    assert_eq!((out.as_str(), error.as_str()), ("", ""));
    assert_eq!(run(tree.path(), &["check", "-q", "-v", "n/nginx.conf"]).0, 2);
}

#[test]
fn colours_are_asked_for_and_forbidden() {
    let tree = tree(&[("nginx.conf", "events {}\nwrong on;\n")]);
    let is_coloured = |arguments: &[&str], environment: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["check", "nginx.conf"])
            .args(arguments)
            .current_dir(tree.path())
            .env_remove("NO_COLOR")
            .env_remove("FORCE_COLOR")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(!is_coloured(&[], &[]));
    assert!(is_coloured(&["--color", "always"], &[]));
    assert!(is_coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(is_coloured(&[], &[("FORCE_COLOR", "1")]));
    assert!(!is_coloured(&[], &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
    assert!(!is_coloured(&["--color", "never"], &[("FORCE_COLOR", "1")]));
    assert!(!is_coloured(&[], &[("FORCE_COLOR", "0")]));
}

#[test]
fn a_place_alone_on_its_line_keeps_its_line() {
    let text = "server {\n${EXTRA}\nlisten ${PORT};\n  ${MORE} # more\n${LAST};\n}\n";
    let tree = tree(&[("a.conf.template", text)]);
    assert_eq!(run(tree.path(), &["fmt", "a.conf.template"]).0, 0);
    let laid_out = "server {\n    ${EXTRA}\n    listen ${PORT};\n    ${MORE} # more\n    ${LAST};\n}\n";
    assert_eq!(fs::read_to_string(tree.path().join("a.conf.template")).unwrap(), laid_out);
    assert_eq!(run(tree.path(), &["fmt", "--check", "a.conf.template"]).0, 0);
}

#[test]
fn what_is_executed_has_no_unknown_places() {
    let text = "events {}\nhttp { server { listen ${PORT}; return 204; } }\n";
    let tree = tree(&[("site.template", text), (".env", "PORT=8080\n")]);
    for command in [&["run", "--dry-run"][..], &["compile", "-o", "site.ngxc"]] {
        let with = |more: &[&str]| run(tree.path(), &[command, more, &["site.template"]].concat());
        let (status, _, error) = with(&[]);
        assert!(status == 2 && error.contains("`${PORT}` in site.template:2 has no value"), "{error}");
        assert_eq!(with(&["--env-file", ".env"]).0, 0);
        assert_eq!(with(&["--define", "PORT=8081"]).0, 0);
    }
    // Commands that only read the configuration accept it.
    assert_eq!(run(tree.path(), &["show", "site.template"]).0, 0);
}

#[test]
fn the_baseline_of_the_settings_holds() {
    let tree = tree(&[
        ("a/ngxc.toml", "baseline = \"known.json\"\n"),
        ("a/nginx.conf", "events {}\nhttp { server { listen 80; } }\n"),
    ]);
    let (status, _, error) = run(tree.path(), &["lint", "a/nginx.conf"]);
    assert!(status == 2 && error.contains("cannot read the baseline `a/known.json`"), "{error}");
    assert_eq!(run(tree.path(), &["lint", "--write-baseline", "--profile", "strict", "a/nginx.conf"]).0, 0);
    assert!(fs::read_to_string(tree.path().join("a/known.json")).unwrap().contains("\"nginx.conf\""));
    fs::write(tree.path().join("a/nginx.conf"), "# more\n\nevents {}\nhttp  {  server { listen 80; } }\n")
        .unwrap();
    let (status, out, _) =
        run(tree.path(), &["lint", "--profile", "strict", "--format", "short", "a/nginx.conf"]);
    assert_eq!((status, out.as_str()), (0, ""));
    assert_eq!(run(tree.path(), &["lint", "--write-baseline=b.json", "--fix", "a/nginx.conf"]).0, 2);
}

/// Each command on something clean, something bad and something that cannot be read, with the status that the table of
/// the README and of `--help` gives.
#[test]
fn the_exit_status_is_that_of_the_table() {
    let clean = "worker_processes auto;\nerror_log stderr;\nevents {}\nhttp {\n    server_tokens off;\n    split_clients $request_id $pool {\n        50% a;\n        * b;\n    }\n    \
                 server {\n        listen 127.0.0.1:8080 default_server;\n        return 204;\n    }\n}\n";
    let tree = tree(&[
        ("clean.conf", clean),
        ("bad.conf", "events {}\nhttp { server { listen 80; nonsense on; } }\n"),
        ("broken.conf", "events {\n}\nhttp {\n"),
        ("clean.json", "{\"status\":\"ok\",\"errors\":[],\"config\":[]}"),
        ("bad.json", "{"),
    ]);
    let version = "--nginx-version=1.31.9";
    let cases: &[(&[&str], [&str; 3], [i32; 3])] = &[
        (&["check"], ["clean.conf", "bad.conf", "none.conf"], [0, 1, 2]),
        (&["lint"], ["clean.conf", "bad.conf", "none.conf"], [0, 1, 2]),
        (&["audit", version], ["clean.conf", "broken.conf", "none.conf"], [0, 1, 2]),
        (&["fmt", "--check"], ["clean.conf", "bad.conf", "none.conf"], [0, 1, 2]),
        (&["fmt", "--diff"], ["clean.conf", "bad.conf", "broken.conf"], [0, 1, 2]),
        (&["parse"], ["clean.conf", "broken.conf", "none.conf"], [0, 1, 2]),
        (&["show"], ["clean.conf", "bad.conf", "none.conf"], [0, 2, 2]),
        (&["split"], ["clean.conf", "bad.conf", "none.conf"], [0, 2, 2]),
        (&["ports"], ["clean.conf", "bad.conf", "none.conf"], [0, 2, 2]),
        (&["doctor", "--no-sockets"], ["clean.conf", "bad.conf", "none.conf"], [0, 2, 2]),
        (&["compile", "--json"], ["clean.conf", "bad.conf", "none.conf"], [0, 2, 2]),
        (&["run", "--dry-run"], ["clean.conf", "bad.conf", "none.conf"], [0, 2, 2]),
        (&["build"], ["clean.json", "bad.json", "none.json"], [0, 2, 2]),
        (&["explain"], ["proxy_pass", "no_such_word", "--nonsense"], [0, 2, 2]),
        (&["rules"], ["-q", "--nonsense", "--nonsense"], [0, 2, 2]),
        (&["demo"], ["--help", "--case=none", "--ports=none"], [0, 2, 2]),
        (
            &["nginx", "-e", "/dev/null", "-p", ".", "-t", "-c"],
            ["clean.conf", "bad.conf", "none.conf"],
            [0, 1, 1],
        ),
    ];
    for (command, inputs, expected) in cases {
        for (input, expected) in inputs.iter().zip(expected) {
            let mut arguments = command.to_vec();
            arguments.push(input);
            let (status, out, error) = run(tree.path(), &arguments);
            assert_eq!(status, *expected, "{arguments:?}: {out}{error}");
        }
    }
    let (_, help, _) = run(tree.path(), &["--help"]);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let help = words(&help);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table = readme
        .split("| exit status of | 0 | 1 |\n|---|---|---|\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let mut named = String::new();
    for row in table.lines() {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [commands, clean, findings] = cells.as_slice() else { panic!("{row}") };
        let commands = commands.replace('`', "");
        let line = words(&format!("{commands} 0: {clean}; 1: {findings}")).replace('`', "");
        assert!(help.contains(&line), "{line}: {help}");
        named.push_str(&commands);
    }
    for (command, ..) in cases {
        assert!(named.contains(command[0]), "{command:?} is not in the table");
    }
}

#[test]
fn files_of_other_programs_are_left_out_of_directories() {
    let supervisor = "[supervisord]\nnodaemon=true ; (start in foreground)\nuser=root\n\n[program:nginx]\ncommand=nginx -g \"daemon off;\"\n";
    let redis = "bind 127.0.0.1\nport 6379\ntimeout 0\nuser default on\nmaxmemory 2mb\n";
    let pool =
        "; Start a pool\n[www]\nuser = www-data\ngroup = www-data\nlisten = 127.0.0.1:9000\npm = dynamic\n";
    let apache =
        "<VirtualHost *:80>\n  ServerName a\n  RewriteCond %{HTTP_HOST} ^www\\.(.*)$ [NC]\n</VirtualHost>\n";
    let tree = tree(&[
        ("nginx.conf", "events {}\nhttp { include maps/*.conf; include conf.d/*.conf; }\n"),
        ("conf.d/a.conf", "server { listen 80; wrong on; }\n"),
        ("conf.d/broken.conf", "server {\n  listen 80;\n  location / { return 200; }\n"),
        ("supervisord.conf", supervisor),
        ("redis.conf", redis),
        ("php/www.conf", pool),
        ("apache/site.conf", apache),
    ]);
    let (status, out, error) = run(tree.path(), &["check", "--format", "short", "-v", "."]);
    let named = |name: &str| out.contains(&format!("{name}:"));
    assert!(status == 1 && named("conf.d/a.conf") && named("conf.d/broken.conf"), "{out}{error}");
    for name in ["supervisord.conf", "redis.conf", "php/www.conf", "apache/site.conf"] {
        assert!(
            !named(name) && error.contains(&format!("{name} is no configuration of nginx")),
            "{out}{error}"
        );
    }
    // A file that is named is judged.
    assert_eq!(run(tree.path(), &["check", "redis.conf"]).0, 1);
}

#[test]
fn links_into_etc_nginx_lead_to_the_tree_at_hand() {
    let tree = tree(&[
        ("web/nginx.conf", "events {}\nhttp { include /etc/nginx/sites-enabled/*; }\n"),
        ("web/sites-available/shop", "server { listen 80; wrong on; }\n"),
    ]);
    fs::create_dir(tree.path().join("web/sites-enabled")).unwrap();
    symlink("/etc/nginx/sites-available/shop", tree.path().join("web/sites-enabled/shop")).unwrap();
    symlink("/etc/nginx/sites-available/gone", tree.path().join("web/sites-enabled/gone")).unwrap();
    let (status, out, _) = run(tree.path(), &["check", "--format", "short", "web/nginx.conf"]);
    assert!(
        status == 1 && out.contains("web/sites-available/shop:1:21: error: unknown directive `wrong`"),
        "{out}"
    );
    assert!(out.contains("gone"), "the other link leads nowhere: {out}");
    let (status, out, error) = run(tree.path(), &["check", "--format", "short", "web/sites-enabled/shop"]);
    assert!(status == 1 && out.matches("`wrong`").count() == 1, "{out}{error}");
    let (_, out, error) = run(tree.path(), &["check", "--format", "short", "web"]);
    assert!(out.matches("`wrong`").count() == 1 && !error.contains("shop` is a link"), "{out}{error}");
}

#[test]
fn nothing_on_standard_input_is_no_configuration() {
    let tree = tree(&[("nginx.conf", "# nothing yet\n"), ("snippet.conf", "# nothing yet\n")]);
    for command in ["check", "lint", "show", "ports"] {
        let (status, _, error) = run_with(tree.path(), &[command, "-"], " \n");
        assert!(
            status == 2 && error.contains("expected a configuration on standard input"),
            "{command}: {error}"
        );
    }
    // A main file demands `events`, and a file of comments may be included.
    assert_eq!(run(tree.path(), &["check", "nginx.conf"]).0, 1);
    assert_eq!(run(tree.path(), &["check", "snippet.conf"]).0, 0);
}

#[test]
fn a_file_has_one_name_and_one_fingerprint() {
    let tree = tree(&[
        ("a/nginx.conf", "events {}\nhttp { include ../shared/*.conf; }\n"),
        ("shared/s.conf", "server { listen 80; wrong on; }\n"),
    ]);
    let (_, out, _) = run(tree.path(), &["check", "--format", "short", "a/nginx.conf"]);
    assert!(out.starts_with("shared/s.conf:1:21: error"), "{out}");
    fs::create_dir(tree.path().join(".git")).unwrap();
    let absolute = tree.path().join("a/nginx.conf");
    let fingerprint = |directory: &Path, file: &str| {
        let (_, out, error) = run(directory, &["check", "--format", "sarif", file]);
        let document: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{error}"));
        let result = &document["runs"][0]["results"][0];
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            .as_str()
            .unwrap()
            .to_owned();
        (result["partialFingerprints"].to_string(), uri)
    };
    let (one, uri) = fingerprint(tree.path(), "a/nginx.conf");
    assert_eq!(uri, "shared/s.conf");
    let (two, uri) = fingerprint(tree.path(), absolute.to_str().unwrap());
    assert!(uri.starts_with("file:///"), "{uri}");
    let (three, _) = fingerprint(&tree.path().join("a"), "nginx.conf");
    assert!(one == two && two == three, "{one} {two} {three}");
}
