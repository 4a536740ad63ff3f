//! The three cures of a proxy that opens a connection for each request: `keepalive`, HTTP/1.1 and an empty `Connection`
//! header. Each that is missing is named in one run, and the fix of each is the whole remedy.
#![allow(
    clippy::unwrap_used,
    clippy::struct_excessive_bools,
    clippy::format_push_string,
    reason = "a failed unwrap is a failed test; each cure is there or not"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ngxc::catalog::NEWEST;
use ngxc::compile::{Options, compile};
use ngxc::diagnostic::Diagnostic;
use ngxc::lint::{BEFORE_DEFAULT_KEEPALIVE, RULES, Rule, lint, suppress};
use ngxc::reuse::{Cause, Connection, Overview, Verdict};
use ngxc::source::Memory;
use ngxc::syntax::{Configuration, LoadOptions, load};
use ngxc::version::Version;
use ngxc::{edit, model};

const POOL: &str = "upstream-not-pooled";
const HOST: &str = "proxy-to-bare-host";
const HTTP: &str = "proxy-http-version-prevents-reuse";
const HEADER: &str = "connection-header-missing";
const LOST: &str = "connection-header-lost";
const NAMES: [&str; 5] = [POOL, HOST, HTTP, HEADER, LOST];

fn read(text: &str, version: Version) -> (Configuration, model::Config) {
    let files = Memory::default().with("nginx.conf", text);
    let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
    let compiled = compile(&configuration, &Options::new(version));
    assert!(compiled.is_valid(), "{:#?}\n{text}", compiled.diagnostics);
    (configuration, compiled.config)
}

fn findings(text: &str, version: Version) -> Vec<Diagnostic> {
    let (configuration, config) = read(text, version);
    let rules: Vec<&'static Rule> = RULES.iter().copied().filter(|r| NAMES.contains(&r.name)).collect();
    suppress(&configuration, lint(&configuration, &config, &rules), &NAMES)
}

fn names(found: &[Diagnostic]) -> BTreeSet<&'static str> {
    found.iter().map(|d| d.code).collect()
}

fn verdict(text: &str, version: Version) -> Verdict {
    let (_, config) = read(text, version);
    let overview = Overview::new(&config);
    overview.leaves[0].reached[0].1
}

/// A configuration with some of the cures.
struct Place {
    pool: bool,
    version: bool,
    header: bool,
    bare: bool,
    /// `""` or a variable of a map.
    value: &'static str,
    /// Level of the directives: 0 in the location, 1 in the server, 2 in `http`.
    level: usize,
    /// The location has a header of its own, which replaces those of outer levels.
    loses: bool,
}

impl Place {
    fn text(&self) -> String {
        let mut levels = [String::new(), String::new(), String::new()];
        if self.version {
            levels[self.level].push_str("proxy_http_version 1.1; ");
        }
        if self.header {
            levels[self.level].push_str(&format!("proxy_set_header Connection {}; ", self.value));
        }
        if self.loses {
            levels[0].push_str("proxy_set_header X-Real-IP $remote_addr; ");
        }
        let [location, server, http] = levels;
        let pool = if self.pool { "keepalive 16; " } else { "" };
        let target = if self.bare { "10.0.0.1:80" } else { "b" };
        format!(
            "events {{}}\nhttp {{\n    map $uri $c {{ default ''; /x ''; }}\n    upstream b {{ server 10.0.0.1:80; {pool}}}\n    {http}\n    \
             server {{\n        listen 80; server_name a; {server}\n        location / {{\n            {location}\n            proxy_pass \
             http://{target};\n        }}\n    }}\n}}\n"
        )
    }

    /// The findings of [`Self::lacks`]: a host without an upstream is one finding, which says all that is lost nowhere else.
    fn told(&self) -> BTreeSet<&'static str> {
        let mut told = self.lacks();
        if self.bare {
            told.remove(HTTP);
            told.remove(HEADER);
        }
        told
    }

    /// All that is missing for an nginx before connections were kept by default.
    fn lacks(&self) -> BTreeSet<&'static str> {
        let mut all = BTreeSet::new();
        if self.bare {
            all.insert(HOST);
        } else if !self.pool {
            all.insert(POOL);
        }
        if !self.version {
            all.insert(HTTP);
        }
        match (self.header, self.loses && self.level > 0) {
            (false, _) => all.insert(HEADER),
            (true, true) => all.insert(LOST),
            (true, false) => false,
        };
        all
    }
}

fn places() -> Vec<Place> {
    let mut all = Vec::new();
    for bits in 0..64 {
        let bit = |n: u32| bits >> n & 1 == 1;
        for level in 0..3 {
            let value = if bit(4) { "$c" } else { "\"\"" };
            let (pool, bare) = (bit(0), bit(3));
            if bare && pool {
                continue;
            }
            all.push(Place { pool, version: bit(1), header: bit(2), bare, value, level, loses: bit(5) });
        }
    }
    all
}

#[test]
fn every_missing_cure_is_named_and_the_verdict_agrees() {
    for place in places() {
        let text = place.text();
        let lacks = place.lacks();
        assert_eq!(names(&findings(&text, BEFORE_DEFAULT_KEEPALIVE)), place.told(), "{text}");
        let first = match verdict(&text, BEFORE_DEFAULT_KEEPALIVE) {
            Verdict::Reused => None,
            Verdict::NotReused(Cause::NoUpstream) => Some(HOST),
            Verdict::NotReused(Cause::NoPool) => Some(POOL),
            Verdict::NotReused(Cause::Version) => Some(HTTP),
            Verdict::NotReused(Cause::Connection(Connection::CloseByDefault)) if lacks.contains(LOST) => {
                Some(LOST)
            }
            Verdict::NotReused(Cause::Connection(Connection::CloseByDefault)) => Some(HEADER),
            other => panic!("{other:?}\n{text}"),
        };
        assert!(first.map_or(lacks.is_empty(), |first| lacks.contains(first)), "{first:?} {lacks:?}\n{text}");
        // Since 1.29.7 only a host without an upstream is left.
        let left = if place.bare { BTreeSet::from([HOST]) } else { BTreeSet::new() };
        assert_eq!(names(&findings(&text, NEWEST)), left, "{text}");
    }
}

#[test]
fn the_fix_of_each_is_the_whole_remedy() {
    let mut made = 0;
    for place in places() {
        let text = place.text();
        let found = findings(&text, BEFORE_DEFAULT_KEEPALIVE);
        for finding in &found {
            // Headers of an outer level would be lost with a `Host` header here: nothing is offered.
            let Some(fix) = &finding.fix else {
                assert!(place.bare, "{} has no fix:\n{text}", finding.code);
                continue;
            };
            let (configuration, _) = read(&text, BEFORE_DEFAULT_KEEPALIVE);
            let fixed = edit::apply(&[configuration.main], text.as_bytes(), &edit::select([fix]));
            let fixed = String::from_utf8(fixed).unwrap();
            assert_eq!(
                verdict(&fixed, BEFORE_DEFAULT_KEEPALIVE),
                Verdict::Reused,
                "{}:\n{fixed}",
                finding.code
            );
            assert_eq!(names(&findings(&fixed, BEFORE_DEFAULT_KEEPALIVE)), BTreeSet::new(), "{fixed}");
            assert_eq!(fixed.contains("X-Real-IP"), place.loses, "{fixed}");
            made += 1;
        }
        // Whoever reads one finding learns all.
        for finding in found {
            let help = finding.help.unwrap();
            for (lack, word) in
                [(POOL, "keepalive 16"), (HOST, "upstream to_"), (HTTP, "proxy_http_version 1.1")]
            {
                assert!(
                    !place.lacks().contains(lack) || help.contains(word),
                    "{}: {help}\n{text}",
                    finding.code
                );
            }
            let header = place.lacks().contains(HEADER) || place.lacks().contains(LOST);
            assert!(
                !header || help.contains("proxy_set_header Connection"),
                "{}: {help}\n{text}",
                finding.code
            );
        }
    }
    assert!(made > 200, "only {made} fixes");
}

#[test]
fn one_that_is_allowed_does_not_hide_the_others() {
    let text = |pool: &str, pass: &str| {
        format!(
            "events {{}}\nhttp {{\n{pool}\nupstream b {{ server 10.0.0.1:80; }}\nserver {{\nlocation / {{\n{pass}\nproxy_pass \
             http://b;\n}} }} }}\n"
        )
    };
    let all = [POOL, HTTP, HEADER];
    for allowed in all {
        let comment = format!("# ngxc: allow({allowed}) meant so");
        let text = if allowed == POOL { text(&comment, "") } else { text("", &comment) };
        let left: BTreeSet<&str> = all.into_iter().filter(|name| *name != allowed).collect();
        let found = findings(&text, BEFORE_DEFAULT_KEEPALIVE);
        assert_eq!(names(&found), left, "{text}");
        assert!(found.iter().all(|d| d.fix.as_ref().is_some_and(|fix| fix.edits.len() == 3)), "{found:#?}");
    }
}

#[test]
fn a_line_that_other_locations_inherit_is_a_matter_for_a_person() {
    // With the header at the server, the other location would keep connections open that nothing uses again.
    let text = "events {} http { upstream b { server 10.0.0.1:80; keepalive 16; } server { proxy_http_version 1.1;\n\
                proxy_set_header X-A a;\nlocation / { proxy_pass http://b; }\nlocation /x { proxy_pass http://10.0.0.2; } } }";
    let found = findings(text, BEFORE_DEFAULT_KEEPALIVE);
    let fix = found.iter().find(|d| d.code == HEADER).and_then(|d| d.fix.as_ref()).unwrap();
    assert_eq!(fix.applicability, edit::Applicability::Unsafe);
}

/// The beginning of the article that made the remedy known.
const ARTICLE: &str = "http {\n    upstream backend {\n        server 10.0.0.100:1234;\n        server 10.0.0.101:1234;\n    \
                       }\n\n    server {\n        # ...\n        location / {\n            # ...\n            proxy_pass \
                       http://backend;\n        }\n    }\n}\n";

/// The same with the pool, and with the two directives too.
fn cured(directives: &str) -> String {
    let text = ARTICLE.replace("0.101:1234;\n", "0.101:1234;\n        keepalive 32;\n");
    text.replace("proxy_pass http", &format!("{directives}proxy_pass http"))
}

/// The one with source addresses, of which `split_clients` chooses: it stands behind the server.
fn split() -> String {
    let mut buckets = String::new();
    for n in 210..219 {
        buckets.push_str(&format!("        10% 10.0.0.{n};\n"));
    }
    let lines =
        "proxy_bind $split_ip;\n            proxy_set_header X-Forwarded-For $remote_addr;\n            ";
    let text = ARTICLE.replace("proxy_pass http", &format!("{lines}proxy_pass http"));
    let text = text.strip_suffix("}\n").unwrap();
    format!(
        "{text}    split_clients \"$remote_addr$remote_port\" $split_ip {{\n{buckets}        * 10.0.0.219;\n    }}\n}}\n"
    )
}

fn ngxc(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    command.args(arguments).current_dir(directory).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_snippets_of_the_article() {
    let directory = tempfile::tempdir().unwrap();
    let two = "proxy_http_version 1.1;\n            proxy_set_header Connection \"\";\n            ";
    let cases: [(String, &[&str]); 4] = [
        (ARTICLE.to_owned(), &[POOL, HTTP, HEADER]),
        (cured(""), &[HTTP, HEADER]),
        (cured(two), &[]),
        (split(), &[POOL, HTTP, HEADER]),
    ];
    for (text, lacks) in cases {
        fs::write(directory.path().join("a.conf"), &text).unwrap();
        for (version, old) in
            [(&["--nginx-version", "1.28.0"][..], true), (&["--nginx-version", "1.31.5"], false), (&[], true)]
        {
            for format in ["json", "sarif"] {
                let output = ngxc(
                    directory.path(),
                    &[&["lint", "--select", "reuse", "--format", format, "a.conf"], version].concat(),
                );
                let report = said(&output);
                for name in [POOL, HTTP, HEADER] {
                    let key = if format == "json" { "name" } else { "ruleId" };
                    let named = report.contains(&format!("\"{key}\": \"{name}\""))
                        || report.contains(&format!("\"{key}\":\"{name}\""));
                    assert_eq!(
                        named,
                        old && lacks.contains(&name),
                        "{name} {version:?} {format}:\n{report}\n{text}"
                    );
                }
                if old && !lacks.is_empty() {
                    for line in ["proxy_http_version 1.1;", "proxy_set_header Connection \\\"\\\";"] {
                        assert!(report.matches(line).count() >= lacks.len(), "{line} {format}:\n{report}");
                    }
                }
                if old && !lacks.is_empty() {
                    assert_eq!(output.status.code(), Some(1), "{version:?}\n{report}");
                }
            }
        }
    }
}

#[test]
fn a_file_without_events_is_a_part_of_the_main_context() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.conf"), split()).unwrap();
    let run = |arguments: &[&str]| {
        let output = ngxc(directory.path(), arguments);
        (output.status.code().unwrap(), said(&output))
    };
    let (status, text) = run(&["lint", "--nginx-version", "1.31.5", "--format", "short", "a.conf"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("this file has no `events` block and is read as a part of a main file"), "{text}");
    for arguments in [
        &["split", "a.conf", "--hash", "150000000"][..],
        &["show", "a.conf"],
        &["ports", "a.conf"],
        &["check", "a.conf"],
        &["check", "--context", "main", "a.conf"],
    ] {
        let (status, text) = run(arguments);
        assert_eq!(status, 0, "{arguments:?}: {text}");
    }
    // Whoever judges a main file as nginx does demands the block.
    fs::copy(directory.path().join("a.conf"), directory.path().join("nginx.conf")).unwrap();
    for arguments in [&["check", "nginx.conf"][..], &["nginx", "-t", "-p", ".", "-c", "a.conf"]] {
        let (status, text) = run(arguments);
        assert!(status == 1 && text.contains("events"), "{arguments:?} {status}: {text}");
    }
    fs::write(directory.path().join("b.conf"), format!("# ngxc: context(main)\n{}", split())).unwrap();
    assert_eq!(run(&["check", "b.conf"]).0, 0);
}

#[test]
fn the_lines_of_the_article_are_recognised() {
    let directory = tempfile::tempdir().unwrap();
    let access =
        "192.0.2.1 - - [18/Mar/2016:09:08:37 -0700] \"GET / HTTP/1.1\" 500 192 \"-\" \"curl/7.35.0\"\n";
    let message = "connect() to 10.0.0.100:1234 failed (99: Cannot assign requested address) while connecting to upstream, \
                   client: 192.0.2.1, server: , request: \"GET / HTTP/1.1\", upstream: \"http://10.0.0.100:1234/\", host: \
                   \"www.example.com\"";
    fs::write(directory.path().join("nginx.conf"), format!("events {{}}\n{ARTICLE}")).unwrap();
    fs::write(directory.path().join("access.log"), access).unwrap();
    for start in [
        "2016/03/18 09:08:37 [crit] 1888#1888: *13 ",
        "2016/03/18 09:08:37 [alert] 1888#1888: *13 ",
        "[crit] 1888#1888: *13 ",
        "",
    ] {
        fs::write(directory.path().join("error.log"), format!("{start}{message}\n")).unwrap();
        let output = ngxc(
            directory.path(),
            &["doctor", "nginx.conf", "--access-log", "access.log", "--error-log", "error.log"],
        );
        let text = said(&output);
        assert!(text.contains("no-free-port") && text.contains("10.0.0.100:1234"), "{start}: {text}");
        assert!(text.contains("1 of 1 requests were answered 500"), "{start}: {text}");
    }
}
