//! `ngxc.toml`: what is read, what is refused, and that the schema and the page say the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use ngxc::diagnostic::Level;
use ngxc::settings::{self, File, KEYS};
use tempfile::TempDir;

use crate::common::server::{eventually, free, get};

fn docs(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// Compares a generated text with its file; `NGXC_UPDATE=1 cargo test --test it settings::` writes it.
fn is_fresh(name: &str, written: &str, text: &str) {
    if std::env::var_os("NGXC_UPDATE").is_some() {
        fs::write(docs(name), text).unwrap();
        return;
    }
    assert!(written == text, "docs/{name} is stale: run `NGXC_UPDATE=1 cargo test --test it settings::`");
}

#[test]
fn the_schema_is_fresh() {
    let text = serde_json::to_string_pretty(&settings::schema()).unwrap() + "\n";
    is_fresh("ngxc.schema.json", &fs::read_to_string(docs("ngxc.schema.json")).unwrap_or_default(), &text);
}

#[test]
fn the_page_has_every_setting() {
    let page = fs::read_to_string(docs("settings.md")).unwrap();
    let (begin, end) = ("<!-- settings -->\n", "<!-- end -->");
    let before = page.split(begin).next().unwrap();
    let after = page.split(end).nth(1).unwrap();
    let mut table = String::from("| setting | what it is | example |\n|---|---|---|\n");
    for key in KEYS {
        let docs = key.docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        writeln!(table, "| `{}` | {docs} | `{}` |", key.name, key.example).unwrap();
    }
    is_fresh("settings.md", &page, &format!("{before}{begin}{table}{end}{after}"));
}

#[test]
fn every_example_is_read_and_fits_the_schema() {
    let schema = settings::schema();
    for key in KEYS {
        File::parse(&format!("{} = {}\n", key.name, key.example)).unwrap();
        assert!(schema["properties"][key.name]["description"].is_string(), "{}", key.name);
    }
    let rules = &schema["properties"]["rules"]["properties"];
    for name in ["upstream-not-pooled", "security", "include-not-found"] {
        assert!(rules[name].is_object(), "{name}");
    }
}

#[test]
fn a_rule_comes_before_its_category() {
    let text = "profile = \"recommended\"\n[rules]\nreuse = \"off\"\nupstream-not-pooled = \"error\"\n";
    let settings = File::parse(text).unwrap().settings(None).unwrap();
    assert_eq!(settings.level("upstream-not-pooled"), Some(Level::Error));
    assert_eq!(settings.level("connection-header-lost"), None);
    assert!(settings.rules().iter().any(|r| r.name == "upstream-not-pooled"));
}

/// The settings on the page of `lint` are accepted, and mean what the page says.
#[test]
fn the_documented_settings_are_read() {
    let page = fs::read_to_string(docs("settings.md")).unwrap();
    let text = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let settings = File::parse(text).unwrap().settings(None).unwrap();
    assert_eq!(settings.level("upstream-not-pooled"), Some(Level::Error));
    assert_eq!(settings.level("connection-close-sent"), None);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let cases = [
        ("profil = \"strict\"\n", 1, "no setting is called `profil`; did you mean `profile`?"),
        ("\nxyzzy = 1\n", 2, "expected one of `nginx-version`"),
        ("[rules]\nupstream-not-poled = \"off\"\n", 2, "did you mean `upstream-not-pooled`?"),
        (
            "[rules]\nupstream-not-pooled = \"loud\"\n",
            2,
            "expected one of \"error\", \"warning\", \"info\", \"off\"",
        ),
        ("[rules]\nupstream-not-pooled = \"warnin\"\n", 2, "did you mean `warning`?"),
        ("nginx-version = \"1.x\"\n", 1, "`1.x` is no nginx version"),
        ("nginx-version = \"1.24.7\"\n", 1, "did you mean 1.24.0"),
        ("nginx-version = 1.28\n", 1, "expected a version in quotes"),
        ("nginx-version = \"1.28.0\"\nnginx_version = \"1.28.0\"\n", 2, "`nginx-version` is set twice"),
        ("profile = \"recomended\"\n", 1, "did you mean `recommended`?"),
        ("exclude = \"vendor\"\n", 1, "expected a list in `[` and `]`, found `vendor`"),
        ("exclude = [\n  \"a\",\n  3,\n]\n", 3, "expected a text in quotes"),
        ("[allow]\n\"a/**\" = [\"nothing-of-the-kind\"]\n", 2, "`ngxc rules` lists them"),
        ("[define]\n\"1A\" = \"x\"\n", 2, "`1A` is no name"),
        ("template = \"jinja2\"\n", 1, "did you mean `jinja`?"),
        ("a = \n", 1, ""),
    ];
    for (text, line, expected) in cases {
        let problem = File::parse(text).unwrap_err();
        assert_eq!(problem.line, line, "{text}: {problem}");
        assert!(problem.message.contains(expected), "{text}: {problem}");
    }
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(File::parse(&deep).is_err());
}

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
fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(arguments)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const MAIN: &str = "events {}\nhttp {\n  split_clients $request_id $pool { 50% a; * b; }\n  server {\n    listen ${PORT};\n    \
                    include /srv/site/*.conf;\n  }\n}\n";

/// One file tells every command the version, where files lie and what `${PORT}` is.
#[test]
fn every_command_reads_the_settings_of_its_configuration() {
    let settings =
        "nginx-version = \"1.18.0\"\n[path-map]\n\"/srv/site\" = \"site\"\n[define]\nPORT = 8081\n";
    let tree = tree(&[
        ("estate/ngxc.toml", settings),
        ("estate/nginx.conf", MAIN),
        ("estate/site/a.conf", "location /a { proxy_pass http://127.0.0.1:9; }\n"),
    ]);
    let commands: &[(&[&str], &str)] = &[
        (&["check"], "(nginx 1.18.0)"),
        (&["lint", "--format", "json"], "\"nginx_version\":\"1.18.0\""),
        (&["show"], "8081"),
        (&["split"], "$pool"),
        (&["ports", "--format", "json"], "1.18.0"),
        (&["doctor", "--no-sockets", "--format", "json"], "1.18.0"),
        (&["parse"], "proxy_pass"),
        (&["compile", "--json"], "1.18.0"),
        (&["run", "--dry-run"], "can be executed"),
        (&["audit"], "1.18.0"),
    ];
    for (command, expected) in commands {
        let mut arguments = command.to_vec();
        arguments.push("estate/nginx.conf");
        let (status, out, error) = run(tree.path(), &arguments);
        assert!(status < 2, "{arguments:?}: {out}{error}");
        let all = format!("{out}{error}").replace("\": \"", "\":\"");
        assert!(all.contains(expected), "{arguments:?}: {out}{error}");
    }
    // A file that says what there is not stops every command.
    fs::write(tree.path().join("estate/ngxc.toml"), "nginx-vesion = \"1.18.0\"\n").unwrap();
    for (command, _) in commands.iter().chain(&[(&["fmt", "--check"][..], "")]) {
        let mut arguments = command.to_vec();
        arguments.push("estate/nginx.conf");
        let (status, _, error) = run(tree.path(), &arguments);
        assert_eq!(status, 2, "{arguments:?}: {error}");
        assert!(
            error.contains("estate/ngxc.toml:1: no setting is called `nginx-vesion`"),
            "{arguments:?}: {error}"
        );
    }
}

#[test]
fn several_roots_in_one_call_each_have_their_own() {
    let text = "events {}\nhttp { server { listen 80; http2 on; } }\n";
    let tree = tree(&[
        ("old/nginx.conf", text),
        ("old/ngxc.toml", "nginx-version = \"1.24\"\n"),
        ("new/nginx.conf", text),
        ("new/ngxc.toml", "nginx-version = \"1.28\"\n[rules]\nsecurity = \"off\"\n"),
    ]);
    let (status, out, _) =
        run(tree.path(), &["check", "--format", "short", "old/nginx.conf", "new/nginx.conf"]);
    assert!(status == 1 && out.contains("old/nginx.conf:2") && !out.contains("new/nginx.conf"), "{out}");
    let (_, out, _) =
        run(tree.path(), &["check", "new/nginx.conf", "old/nginx.conf", "--nginx-version", "1.30.0"]);
    assert_eq!(out.matches("(nginx 1.30.0)").count(), 2, "{out}");
}

#[test]
fn levels_and_suppressions_hold_for_check_and_the_summary_says_so() {
    let text = "events {}\nhttp { include nowhere.conf; server { listen 80; # ngxc: alow(x)\n  nonsense on; # ngxc: allow(unknown-directive)\n } }\n";
    let tree = tree(&[("nginx.conf", text)]);
    let (status, out, error) = run(tree.path(), &["check", "--format", "short", "nginx.conf"]);
    assert!(status == 1 && out.contains("include-not-found") && !out.contains("nonsense"), "{out}");
    assert!(out.contains("unknown-suppression"), "{out}");
    assert!(error.contains("1 finding that nginx refuses is no error here"), "{error}");
    fs::write(tree.path().join("ngxc.toml"), "[rules]\ninclude-not-found = \"info\"\n").unwrap();
    let (status, out, error) = run(tree.path(), &["check", "--format", "short", "nginx.conf"]);
    assert!(status == 0 && out.contains("info: cannot read"), "{out}");
    assert!(error.contains("2 findings that nginx refuses are no error here"), "{error}");
    // Commands that only read the configuration accept it; `run`, which executes it, does not.
    assert_eq!(run(tree.path(), &["show", "nginx.conf"]).0, 0);
    assert_eq!(run(tree.path(), &["run", "--dry-run", "nginx.conf"]).0, 2);
    fs::write(tree.path().join("ngxc.toml"), "[allow]\n\"ngin*\" = [\"include-not-found\"]\n").unwrap();
    let (status, out, _) = run(tree.path(), &["check", "--format", "short", "nginx.conf"]);
    assert!(status == 0 && !out.contains("include-not-found"), "{out}");
}

#[test]
fn levels_of_the_command_line_hold_for_every_command() {
    let text = "events {}\nhttp { server { listen 18080; access_log /x no_such_format; location / { return 204; } } }\n";
    let here = tree(&[("a.conf", text)]);
    let lowered = ["--level", "unknown-log-format=warning", "a.conf"];
    for command in ["check", "lint", "show", "ports"] {
        let (status, _, error) = run(here.path(), &[&[command][..], &lowered].concat());
        assert!(status < 2 && error.contains("1 finding that nginx refuses"), "{command}: {error}");
    }
    // A configuration that nginx refuses is not executed; a warning can be made an error.
    let (status, _, error) = run(here.path(), &[&["run", "--dry-run"][..], &lowered].concat());
    assert!(status == 2 && error.contains("unknown log format"), "{error}");
    fs::write(here.path().join("a.conf"), text.replace("access_log /x no_such_format", "listen 18081 http2"))
        .unwrap();
    let (status, ..) = run(here.path(), &["run", "--dry-run", "a.conf"]);
    assert_eq!(status, 0);
    let raised = ["run", "--dry-run", "--level", "deprecated-parameter=error", "a.conf"];
    let (status, _, error) = run(here.path(), &raised);
    assert!(status == 2 && error.contains("deprecated"), "{error}");
}

#[test]
fn a_baseline_of_check_is_named_on_the_command_line() {
    let text = "events {}\nhttp { server { listen 18080;\n lissen 1;\n } }\n";
    let here = tree(&[("a.conf", text)]);
    let (status, _, error) = run(here.path(), &["check", "--write-baseline=known.json", "a.conf"]);
    assert!(status == 0 && error.contains("1 findings written"), "{error}");
    let (status, _, error) = run(here.path(), &["check", "--baseline", "known.json", "a.conf"]);
    assert!(status == 0 && error.contains("1 finding that nginx refuses is no error here"), "{error}");
    fs::write(here.path().join("ngxc.toml"), "baseline = \"known.json\"\n").unwrap();
    let (status, ..) = run(here.path(), &["check", "a.conf"]);
    assert_eq!(status, 1, "nobody asked `check` for less");
}

#[test]
fn declared_directives_are_explained() {
    let house = "module = \"ngx_http_house_module\"\n[[directive]]\nname = \"house_shard\"\ncontexts = [\"http\"]\nargs = \"2\"\n";
    let here = tree(&[("house.toml", house)]);
    let (status, out, _) = run(here.path(), &["explain", "--directives", "house.toml", "house_shard"]);
    assert!(status == 0 && out.contains("ngx_http_house_module (declared)"), "{out}");
    fs::write(here.path().join("ngxc.toml"), "directives = [\"house.toml\"]\n").unwrap();
    let (status, out, _) = run(here.path(), &["explain", "house_shard"]);
    assert!(status == 0 && out.contains("2 arguments"), "{out}");
    let (_, _, error) = run(here.path(), &["explain", "house_shrad"]);
    assert!(error.contains("did you mean `house_shard`"), "{error}");
}

/// A program that ends with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_reload_reads_the_settings_again() {
    let address = free();
    let text = format!(
        "master_process off;\nevents {{}}\nhttp {{ access_log off; server {{ listen {address}; location / {{ return ${{STATUS}}; }} }} }}\n"
    );
    let here = tree(&[("a.conf", &text), ("ngxc.toml", "define = { STATUS = 204 }\n")]);
    let child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["run", "a.conf"])
        .current_dir(here.path())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    let is_up = || std::net::TcpStream::connect(address).is_ok();
    eventually("it listens", is_up);
    let before = get(address, "/");
    fs::write(here.path().join("ngxc.toml"), "define = { STATUS = 403 }\n").unwrap();
    Command::new("kill").args(["-HUP", &running.0.id().to_string()]).status().unwrap();
    eventually("the new settings hold", || is_up() && get(address, "/") == 403);
    assert_eq!(before, 204);
}
