//! `ngxc lint` as a person or a pipeline uses it: fixes, settings, comments, baselines, directories.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const CONFIG: &str = "worker_processes auto; events {}\nhttp {\n    upstream app {\n        server 10.0.0.1:80;\n    }\n    \
                      include sites/*.conf;\n}\n";
const SITE: &str = "server {\n    listen 8080;\n    location / {\n        proxy_pass http://app;\n    }\n}\n";

fn estate() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
    fs::create_dir(directory.path().join("sites")).unwrap();
    fs::write(directory.path().join("sites/a.conf"), SITE).unwrap();
    directory
}

fn ngxc(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("NO_COLOR")
        .output()
        .unwrap()
}

/// Exit status and standard output.
fn run(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let output = ngxc(directory, arguments);
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Exit status and standard error.
fn complaint(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let output = ngxc(directory, arguments);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn fixes_go_into_the_included_files_and_leave_nothing_to_report() {
    let estate = estate();
    let (status, before) = run(estate.path(), &["lint", "--format", "short", "nginx.conf"]);
    assert_eq!(status, 1);
    assert!(before.contains("nginx.conf:3:5: warning: upstream `app` keeps no connections"), "{before}");
    let (status, after) = run(estate.path(), &["lint", "--fix", "nginx.conf"]);
    assert_eq!((status, after.contains("nothing to report")), (0, true), "{after}");
    let config = fs::read_to_string(estate.path().join("nginx.conf")).unwrap();
    assert!(config.contains("server 10.0.0.1:80;\n        keepalive 16;\n    }"), "{config}");
    let site = fs::read_to_string(estate.path().join("sites/a.conf")).unwrap();
    assert!(
        site.contains(
            "        proxy_http_version 1.1;\n        proxy_pass http://app;\n        \
             proxy_set_header Connection \"\";\n"
        ),
        "{site}"
    );
    let left: Vec<_> = fs::read_dir(estate.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "temporary files are left: {left:?}");
}

#[test]
fn a_diff_changes_nothing() {
    let estate = estate();
    let (status, diff) = run(estate.path(), &["lint", "--diff", "nginx.conf"]);
    assert_eq!(status, 1);
    assert!(diff.contains("--- a/nginx.conf\n+++ b/nginx.conf\n"), "{diff}");
    assert!(diff.contains("+        proxy_http_version 1.1;"), "{diff}");
    assert_eq!(fs::read_to_string(estate.path().join("nginx.conf")).unwrap(), CONFIG);
    assert_eq!(fs::read_to_string(estate.path().join("sites/a.conf")).unwrap(), SITE);
}

#[cfg(unix)]
#[test]
fn a_fixed_file_keeps_its_mode_and_a_link_stays_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let estate = estate();
    let available = estate.path().join("available.conf");
    fs::rename(estate.path().join("sites/a.conf"), &available).unwrap();
    symlink("../available.conf", estate.path().join("sites/a.conf")).unwrap();
    fs::set_permissions(&available, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(run(estate.path(), &["lint", "--fix", "nginx.conf"]).0, 0);
    assert!(fs::symlink_metadata(estate.path().join("sites/a.conf")).unwrap().is_symlink());
    assert_eq!(fs::metadata(&available).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::read_to_string(&available).unwrap().contains("proxy_http_version 1.1;"));
}

#[test]
fn the_settings_file_is_found_upwards_and_the_command_line_comes_first() {
    let estate = estate();
    let settings = "nginx_version = \"1.24.0\"\n[rules]\nupstream-not-pooled = \"error\"\n";
    fs::write(estate.path().join("ngxc.toml"), settings).unwrap();
    let (_, found) = run(estate.path(), &["lint", "--format", "short", "nginx.conf"]);
    assert!(found.contains("nginx.conf:3:5: error: upstream `app` keeps no connections"), "{found}");
    assert!(!found.contains("before 1.29.7"), "the version is known: {found}");
    let (status, found) = run(
        &estate.path().join("sites"),
        &["lint", "--ignore", "reuse", "--format", "short", "../nginx.conf"],
    );
    assert_eq!((status, found.as_str()), (0, ""));
    let (status, found) = run(estate.path(), &["lint", "--nginx-version", "1.30.0", "nginx.conf"]);
    assert_eq!(status, 0, "{found}");
}

#[test]
fn what_cannot_be_done_is_status_2_and_says_what_to_type() {
    let estate = estate();
    let cases: &[(&[&str], &str)] = &[
        (&["lint", "absent.conf"], "cannot read `absent.conf`"),
        (&["lint", "--select", "upstream-not-poled", "nginx.conf"], "did you mean `upstream-not-pooled`?"),
        (&["lint", "--ignore", "nothing-like-it-at-all", "nginx.conf"], "`ngxc rules` lists them"),
        (&["lint", "--settings", "absent.toml", "nginx.conf"], "absent.toml: cannot be read"),
        (&["lint", "--nginx-version", "1.24.7", "nginx.conf"], "did you mean 1.24.0"),
        (&["lint", "--nginx-version", "new", "nginx.conf"], "is no nginx version"),
        (&["compile", "nginx.conf", "-o", "nginx.conf"], "it is the input `nginx.conf`, which would be lost"),
        (&["lint", "--write-baseline=nginx.conf", "nginx.conf"], "which would be lost"),
        (&["lint", "--write-baseline", "nginx.conf"], "which file is the baseline?"),
        (
            &["lint", "--baseline", "known.json", "nginx.conf"],
            "write it with `ngxc lint --write-baseline=known.json",
        ),
        (&["lint", "--fix", "-"], "standard input cannot be fixed in place"),
        (&["explain", "proxy_pas"], "did you mean `proxy_pass`?"),
    ];
    for (arguments, expected) in cases {
        let (status, error) = complaint(estate.path(), arguments);
        assert_eq!(status, 2, "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn a_baseline_hides_what_is_known_and_shows_what_is_new() {
    let estate = estate();
    let arguments = ["lint", "--baseline", "known.json", "--format", "short", "nginx.conf"];
    // Three ways to write it.
    for write in [
        &["lint", "--write-baseline=known.json", "nginx.conf"][..],
        &["lint", "--write-baseline", "known.json", "nginx.conf"],
        &["lint", "--baseline", "known.json", "--write-baseline", "nginx.conf"],
    ] {
        let (status, error) = complaint(estate.path(), write);
        assert!(status == 0 && error.contains("findings written to known.json"), "{write:?}: {error}");
        assert_eq!(run(estate.path(), &arguments), (0, String::new()));
        fs::remove_file(estate.path().join("known.json")).unwrap();
    }
    assert_eq!(run(estate.path(), &["lint", "--write-baseline=known.json", "nginx.conf"]).0, 0);
    // From wherever it is read, and of a tree that lies elsewhere.
    let sites = estate.path().join("sites");
    let inner = ["lint", "--baseline", "../known.json", "--format", "short", "../nginx.conf"];
    assert_eq!(run(&sites, &inner), (0, String::new()));
    // One file alone: what is known of the others is not gone.
    let alone = complaint(estate.path(), &["lint", "--baseline", "known.json", "sites/a.conf"]);
    assert_eq!(alone, (0, String::new()));
    let moved = CONFIG.replace("http {", "http {\n\n    # two lines further down");
    let more = moved.replace("    include", "    upstream more { server 10.0.0.2; }\n    include");
    fs::write(estate.path().join("nginx.conf"), more).unwrap();
    fs::write(estate.path().join("sites/b.conf"), SITE.replace("8080", "8081").replace("app", "more"))
        .unwrap();
    let (status, found) = run(estate.path(), &arguments);
    assert_eq!(status, 1);
    assert!(found.contains("upstream `more`") && !found.contains("upstream `app`"), "{found}");
}

#[test]
fn a_directory_stands_for_the_configurations_in_it() {
    let estate = estate();
    let (status, found) = run(estate.path(), &["lint", "--format", "short", "."]);
    assert_eq!(status, 1);
    // `sites/a.conf` is included, so it is no configuration of its own.
    assert!(!found.contains("no `events` block"), "{found}");
    assert_eq!(found.matches("keeps no connections").count(), 1, "{found}");
}

#[test]
fn only_files_that_differ_from_a_revision_are_reported() {
    let estate = estate();
    let git = |arguments: &[&str]| {
        let config = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let status = Command::new("git")
            .args(config)
            .args(arguments)
            .current_dir(estate.path())
            .output()
            .unwrap()
            .status;
        assert!(status.success(), "git {arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "all"]);
    let arguments =
        ["lint", "--changed-since", "HEAD", "--nginx-version", "1.24.0", "--format", "short", "nginx.conf"];
    assert_eq!(run(estate.path(), &arguments), (0, String::new()));
    fs::write(estate.path().join("nginx.conf"), format!("{CONFIG}\n")).unwrap();
    let (status, found) = run(estate.path(), &arguments);
    assert_eq!(status, 1);
    assert!(found.lines().all(|line| line.starts_with("nginx.conf:")) && !found.is_empty(), "{found}");
    let (status, error) = complaint(estate.path(), &["lint", "--changed-since", "nowhere", "nginx.conf"]);
    assert_eq!(status, 2, "{error}");
}

#[test]
fn formats_are_what_their_readers_expect() {
    let estate = estate();
    let json = |format: &str| -> serde_json::Value {
        let (_, text) = run(estate.path(), &["lint", "--format", format, "nginx.conf"]);
        serde_json::from_str(&text).unwrap()
    };
    let own = json("json");
    assert_eq!(own["schema"], 1);
    assert_eq!(own["findings"][0]["name"], "upstream-not-pooled");
    assert_eq!(own["findings"][0]["line"], 3);
    assert_eq!(own["findings"][0]["fix"]["applicability"], "safe");
    let sarif = json("sarif");
    assert_eq!(sarif["version"], "2.1.0");
    let run_ = &sarif["runs"][0];
    let result = &run_["results"][0];
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run_["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    let rule = &run_["tool"]["driver"]["rules"][index];
    assert!(rule["helpUri"].as_str().unwrap().starts_with("https://"), "{rule}");
    assert_eq!(result["partialFingerprints"]["ngxcFinding/v1"].as_str().unwrap().len(), 16);
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "nginx.conf");
    assert_eq!(place["region"]["startLine"], 3);
    assert!(result["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"]["byteLength"] == 0);
    let gitlab = json("gitlab");
    assert_eq!(gitlab[0]["location"]["path"], "nginx.conf");
    assert_eq!(gitlab[0]["fingerprint"].as_str().unwrap().len(), 16);
    let (_, github) = run(estate.path(), &["lint", "--format", "github", "nginx.conf"]);
    assert!(
        github.starts_with("::warning file=nginx.conf,line=3,endLine=3,col=5,title=upstream-not-pooled::")
    );
    let (_, junit) = run(estate.path(), &["lint", "--format", "junit", "nginx.conf"]);
    let failures = junit.matches("<failure ").count();
    assert!(junit.contains(&format!("failures=\"{failures}\"")) && failures > 0, "{junit}");
    let (_, checkstyle) = run(estate.path(), &["lint", "--format", "checkstyle", "nginx.conf"]);
    assert!(checkstyle.contains("source=\"ngxc.upstream-not-pooled\""), "{checkstyle}");
}

/// Checks the demands of SARIF 2.1.0 on each object, as far as ngxc writes it.
fn assert_is_sarif(document: &serde_json::Value) {
    assert_eq!(document["version"], "2.1.0");
    for run in document["runs"].as_array().unwrap() {
        assert!(run["tool"]["driver"]["name"].is_string());
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for rule in rules {
            assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string(), "{rule}");
            assert!(rule["help"]["text"].is_string() && rule["helpUri"].is_string(), "{rule}");
            let is_security = rule["properties"]["tags"].as_array().unwrap().contains(&"security".into());
            let severity =
                rule["properties"]["security-severity"].as_str().map(|s| s.parse::<f64>().unwrap());
            assert_eq!(severity.is_some(), is_security, "{rule}");
            assert!(severity.is_none_or(|s| (0.1..=10.0).contains(&s)), "{rule}");
        }
        for result in run["results"].as_array().unwrap() {
            assert!(result["message"]["text"].is_string(), "{result}");
            assert!(
                ["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()),
                "{result}"
            );
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            for location in result["locations"].as_array().unwrap() {
                let place = &location["physicalLocation"];
                assert!(place["artifactLocation"]["uri"].is_string(), "{location}");
                assert!(place["region"]["startLine"].as_u64().unwrap() > 0, "{location}");
            }
            for fix in result["fixes"].as_array().into_iter().flatten() {
                for change in fix["artifactChanges"].as_array().unwrap() {
                    assert!(change["artifactLocation"]["uri"].is_string(), "{change}");
                    for replacement in change["replacements"].as_array().unwrap() {
                        assert!(replacement["deletedRegion"].is_object(), "{replacement}");
                    }
                }
            }
        }
    }
}

#[test]
fn sarif_is_complete_and_its_fingerprints_outlive_moving_lines() {
    let text = "events {}\nhttp {\n  server { listen 80; server_tokens on; server_tokens on; unknown_one; }\n  server { listen 81; \
                server_tokens on; }\n  server { listen 81; server_tokens on; }\n}\n";
    let directory = tempfile::tempdir().unwrap();
    let fingerprints = |text: &str| -> Vec<String> {
        fs::write(directory.path().join("nginx.conf"), text).unwrap();
        let (_, out) =
            run(directory.path(), &["lint", "--profile", "strict", "--format", "sarif", "nginx.conf"]);
        let document: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_is_sarif(&document);
        let results = document["runs"][0]["results"].as_array().unwrap();
        let of =
            |r: &serde_json::Value| r["partialFingerprints"]["ngxcFinding/v1"].as_str().unwrap().to_owned();
        let mut all: Vec<String> = results.iter().map(of).collect();
        all.sort();
        all
    };
    let before = fingerprints(text);
    let distinct: std::collections::BTreeSet<&String> = before.iter().collect();
    assert!(before.len() > 5 && distinct.len() == before.len(), "{before:?}");
    assert_eq!(before, fingerprints(&text.replace("http {", "# one\n\n# two\nhttp {")));
    assert_ne!(before, fingerprints(&text.replace("unknown_one", "unknown_two")));
}

#[test]
fn rules_are_listed_for_programs() {
    let directory = tempfile::tempdir().unwrap();
    let (status, out) = run(directory.path(), &["rules", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let rules = document["rules"].as_array().unwrap();
    assert_eq!((status, rules.len()), (0, ngxc::lint::RULES.len()));
    for rule in rules {
        for field in ["name", "category", "level", "summary", "docs", "doc"] {
            assert!(rule[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {rule}");
        }
        assert!(rule["recommended"].is_boolean(), "{rule}");
    }
}

#[test]
fn the_host_is_asked_only_with_host() {
    let estate = estate();
    let text = "user nobody-here-has-this-name;\nevents {}\nhttp { server { listen 443 ssl;\n  ssl_certificate a.pem;\n  \
                ssl_certificate_key a.key;\n} }\n";
    fs::write(estate.path().join("tls.conf"), text).unwrap();
    let (status, found) = run(estate.path(), &["check", "--format", "short", "tls.conf"]);
    assert_eq!((status, found.as_str()), (0, ""));
    let (status, found) = run(estate.path(), &["check", "--host", "--format", "json", "tls.conf"]);
    assert_eq!(status, 1);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let all = found["findings"].as_array().unwrap();
    let names: Vec<&str> = all.iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["unknown-user", "file-not-readable", "file-not-readable"]);
    assert!(all.iter().all(|f| f["class"] == "environment"));
    // The wrong way round: each is there and holds nothing that nginx could load.
    let (certificate, key) = ("-----BEGIN CERTIFICATE-----\n", "-----BEGIN EC PRIVATE KEY-----\r\n");
    fs::write(estate.path().join("a.pem"), key).unwrap();
    fs::write(estate.path().join("a.key"), certificate).unwrap();
    let (_, found) = run(estate.path(), &["check", "--host", "--format", "short", "tls.conf"]);
    assert!(
        found.contains("`ssl_certificate` names `a.pem`, which holds no certificate in PEM form"),
        "{found}"
    );
    assert!(found.contains("`a.key`, which holds no private key in PEM form"), "{found}");
    fs::write(estate.path().join("a.pem"), certificate).unwrap();
    fs::write(estate.path().join("a.key"), key).unwrap();
    let (_, found) = run(estate.path(), &["check", "--host", "--format", "short", "tls.conf"]);
    assert_eq!(found.lines().count(), 1, "{found}");
}

#[test]
fn standard_input_is_a_configuration() {
    use std::io::Write as _;
    use std::process::Stdio;
    let estate = estate();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["check", "--format", "short", "-"])
        .current_dir(estate.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"events {}\nhttp { include sites/*.conf; }\nbad;\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text, "-:3:1: error: unknown directive `bad` [unknown-directive]\n");
}

#[test]
fn vulnerabilities_are_those_of_the_version_that_the_configuration_exposes() {
    let estate = estate();
    let text = "events {}\nhttp { server { listen 80;\n  location /video/ { mp4; }\n} }\n";
    fs::write(estate.path().join("mp4.conf"), text).unwrap();
    let (status, error) = complaint(estate.path(), &["audit", "mp4.conf"]);
    assert_eq!(status, 2);
    assert!(error.contains("--nginx-version"), "{error}");
    let audit = |version: &str| {
        run(estate.path(), &["audit", "--nginx-version", version, "--format", "json", "mp4.conf"])
    };
    let (status, found) = audit("1.26.1");
    assert_eq!(status, 1);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let certain = |found: &serde_json::Value| -> Vec<String> {
        let all = found["findings"].as_array().unwrap().iter();
        let certain = all.filter(|f| !f["message"].as_str().unwrap().contains("possibly affected"));
        certain.map(|f| f["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(certain(&found), ["CVE-2026-27784", "CVE-2026-32647", "CVE-2024-7347"]);
    assert!(found["findings"].as_array().unwrap().iter().any(|f| f["line"] == 3));
    assert_eq!(audit("1.31.9").0, 0);
    let (_, said) = complaint(estate.path(), &["audit", "--nginx-version", "1.31.9", "mp4.conf"]);
    assert!(said.contains("advisories, as of 2026-11-30"), "{said}");

    // A file of one's own.
    let advisory = "[[advisory]]\nname = \"CVE-X\"\nlevel = \"error\"\nvulnerable = [\"1.0.0-1.31.9\"]\n\
                    good = [\"1.31.10\"]\nsummary = \"s\"\nsource = \"a list\"\n";
    fs::write(estate.path().join("own.toml"), format!("date = \"2020-01-01\"\n{advisory}")).unwrap();
    let own =
        ["audit", "--nginx-version", "1.31.10", "--advisories", "own.toml", "--format", "short", "mp4.conf"];
    let (status, text) = run(estate.path(), &own);
    assert_eq!((status, text.contains("CVE-X (nginx 1.31.9)")), (1, true), "{text}");
    let (_, said) = complaint(estate.path(), &own);
    assert!(said.contains("as of 2020-01-01") && said.contains("days old"), "{said}");
    assert_eq!(
        said.matches("nginx 1.31.10 is newer than the data, which are of 2026-11-30").count(),
        1,
        "{said}"
    );
    let wrong = complaint(
        estate.path(),
        &["audit", "--nginx-version", "1.28", "--advisories", "mp4.conf", "mp4.conf"],
    );
    assert_eq!(wrong.0, 2, "{}", wrong.1);
}

#[test]
fn rules_that_are_off_can_be_switched_on() {
    let estate = estate();
    fs::write(estate.path().join("plain.conf"), "worker_processes 2; events {}\nhttp { }\n").unwrap();
    let lint = |more: &[&str]| {
        let arguments = [&["lint", "--format", "short", "plain.conf"], more].concat();
        run(estate.path(), &arguments)
    };
    assert_eq!(lint(&[]), (0, String::new()));
    let (status, found) = lint(&["--profile", "strict"]);
    assert_eq!(status, 1);
    assert!(found.contains("warning: nothing is compressed [gzip-off]"), "{found}");
    let (status, found) = lint(&["--select", "gzip-off"]);
    assert_eq!((status, found.lines().count()), (0, 1), "{found}");
    fs::write(estate.path().join("ngxc.toml"), "[rules]\ngzip-off = \"error\"\n").unwrap();
    let (status, found) = lint(&[]);
    assert_eq!(status, 1);
    assert!(found.contains("error: nothing is compressed [gzip-off]"), "{found}");
}

#[test]
fn lists_are_followed_through_includes() {
    let estate = estate();
    let config = "worker_processes 2; events {}\nhttp {\n    server {\n        include headers.inc;\n        \
                  location /static/ { add_header X-A a; }\n        location /inner/ {\n            include \
                  headers.inc;\n            add_header X-B b;\n        }\n    }\n}\n";
    fs::write(estate.path().join("nginx.conf"), config).unwrap();
    fs::write(estate.path().join("headers.inc"), "add_header X-Frame-Options DENY;\n").unwrap();
    let (_, found) = run(estate.path(), &["lint", "--format", "short", "nginx.conf"]);
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines.len(), 1, "{found}");
    assert!(lines[0].starts_with("nginx.conf:5:29: warning: this `add_header` replaces"), "{found}");
    // A file that is not here could repeat the lines.
    fs::write(
        estate.path().join("nginx.conf"),
        config.replace("{ add_header X-A", "{ include gone.inc; add_header X-A"),
    )
    .unwrap();
    let (_, found) = run(estate.path(), &["lint", "--format", "short", "nginx.conf"]);
    assert!(!found.contains("header-redefinition"), "{found}");
}

#[test]
fn the_time_of_each_rule_can_be_seen() {
    let estate = estate();
    let (_, times) = complaint(estate.path(), &["lint", "--profile-rules", "nginx.conf"]);
    assert!(times.contains(" ms  header-redefinition\n") && times.contains(" ms  all rules\n"), "{times}");
}
