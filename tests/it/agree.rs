//! One engine: what `doctor`, `ports`, its reports and `lint` say of the same upstream agrees, on the examples, on those of
//! the rules and, where they are, on the configurations from public repositories.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "a test that cannot go on fails; a note is all a skipped one leaves"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use ngxc::catalog::NEWEST;
use ngxc::compile::{Options, compile};
use ngxc::lint::{RULES, lint};
use ngxc::model::{Config, Endpoint};
use ngxc::ports::capacity::Setup;
use ngxc::ports::doctor::{Evidence, diagnose};
use ngxc::ports::flow::ClosingSide;
use ngxc::ports::upgrade::{Effect, at, effect};
use ngxc::ports::{Flow, flows};
use ngxc::reuse::{BEFORE_DEFAULT_KEEPALIVE, Cause, Overview, ReachedTarget, Verdict};
use ngxc::source::Memory;
use ngxc::syntax::{Configuration, LoadOptions, load};

use crate::common::{corpus, examples};

/// The rules that name a cause.
fn rules(cause: Cause) -> &'static [&'static str] {
    match cause {
        Cause::NoUpstream => &[
            "proxy-to-bare-host",
            "proxy-pass-variable-unpooled",
            "fastcgi-keep-conn-useless",
            "upstream-undefined",
        ],
        Cause::NoPool => &[
            "upstream-not-pooled",
            "keepalive-before-balancer",
            "fastcgi-keep-conn-useless",
            "fastcgi-keep-conn-missing",
        ],
        Cause::Lifetime => &["upstream-keepalive-requests-low", "upstream-keepalive-timeout-zero"],
        Cause::Version => &["proxy-http-version-prevents-reuse"],
        Cause::Connection(_) => &[
            "connection-header-missing",
            "connection-header-lost",
            "connection-close-sent",
            "connection-from-client",
            "websocket-map-closes",
            "upgrade-headers-lost",
        ],
        Cause::FastcgiKeepConn => &["fastcgi-keep-conn-missing"],
        Cause::PoolTooSmall => &["pool-smaller-than-peers"],
        Cause::Fragmented => &["pool-fragmented-by-locations"],
        // Nothing can be done about a protocol.
        Cause::Protocol => &[],
    }
}

fn cause(verdict: Verdict) -> Option<Cause> {
    match verdict {
        Verdict::NotReused(cause) | Verdict::Partly(cause) => Some(cause),
        Verdict::Reused | Verdict::Unknown => None,
    }
}

/// Two verdicts but for the place of the cause.
fn is_like(a: Verdict, b: Verdict) -> bool {
    std::mem::discriminant(&a) == std::mem::discriminant(&b)
        && cause(a).map(Cause::text) == cause(b).map(Cause::text)
}

struct Text {
    name: String,
    files: Memory,
    main: String,
}

impl Text {
    fn one(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        let files = Memory::default().with("nginx.conf", text.into());
        Self { name: name.into(), files, main: "nginx.conf".to_owned() }
    }

    fn load(&self) -> Configuration {
        load(&self.files, self.main.as_ref(), &LoadOptions::default()).unwrap()
    }
}

fn texts() -> Vec<Text> {
    let mut texts: Vec<Text> = fs::read_dir("examples")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "conf"))
        .map(|path| Text::one(path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    for rule in RULES {
        for (n, example) in examples::examples(rule).into_iter().enumerate() {
            let text =
                if example.main { example.text } else { format!("events {{}} http {{ {} }}", example.text) };
            texts.push(Text::one(format!("{} {n}", rule.name), text));
        }
    }
    let cases = corpus::cases().into_iter().flatten();
    texts.extend(cases.filter(|case| case.verdict == "ok").map(|case| {
        let files = case.empty_files.iter().fold(Memory::default(), |files, name| files.with(name, ""));
        Text { name: case.id, files: files.with("nginx.conf", case.whole), main: "nginx.conf".to_owned() }
    }));
    assert!(texts.len() > 50);
    texts
}

/// Each text with its model, for one version; those that this version refuses are left out.
fn each(
    texts: &[Text],
    version: ngxc::version::Version,
    mut check: impl FnMut(&str, &Configuration, &Config),
) {
    for text in texts {
        let configuration = text.load();
        let compiled = compile(&configuration, &Options::new(version));
        if compiled.is_valid() {
            check(&format!("{} {version}", text.name), &configuration, &compiled.config);
        }
    }
}

/// Peers that need no ports.
fn is_unix(reached: &ReachedTarget<'_>) -> bool {
    match reached {
        ReachedTarget::Unix(_) => true,
        ReachedTarget::Upstream(upstream) => {
            upstream.peers.iter().all(|p| matches!(p.endpoint, Endpoint::Unix(_)))
        }
        _ => false,
    }
}

/// `keepalive 0`: somebody decided it.
fn is_decided(reached: &ReachedTarget<'_>) -> bool {
    let ReachedTarget::Upstream(upstream) = reached else { return false };
    upstream.pool().is_none() && upstream.keepalive.size.origin.span().is_some()
}

/// Compares lint with the verdicts: the causes of leaves that lint could cure against the rules that fired.
fn lint_agrees(name: &str, configuration: &Configuration, config: &Config, wrong: &mut Vec<String>) {
    let found: BTreeSet<&str> = lint(configuration, config, RULES).iter().map(|d| d.code).collect();
    let overview = Overview::new(config);
    let judged = overview.leaves.iter().filter(|judged| judged.can_reuse());
    for (judged, (reached, verdict)) in judged.flat_map(|j| j.reached.iter().map(move |r| (j, r))) {
        let Some(cause) = cause(*verdict) else { continue };
        let names = rules(cause);
        let is_bare_fastcgi = judged.leaf.directive != "proxy_pass" && cause == Cause::NoUpstream;
        if names.is_empty() || is_bare_fastcgi || is_unix(reached) || is_decided(reached) {
            continue;
        }
        if !names.iter().any(|name| found.contains(name)) {
            wrong.push(format!(
                "{name}: {} {verdict:?}, lint says {found:?}",
                configuration.sources.place(judged.leaf.span)
            ));
        }
    }
}

#[test]
fn every_command_has_the_verdict_of_the_overview() {
    let texts = texts();
    let mut wrong = Vec::new();
    let (mut flows_seen, mut bad_seen) = (0, 0);
    for version in [BEFORE_DEFAULT_KEEPALIVE, NEWEST] {
        each(&texts, version, |name, configuration, config| {
            let found = flows(config);
            // `ports --report`: each place and target is in one flow with that verdict.
            for judged in &Overview::new(config).leaves {
                for (_, verdict) in &judged.reached {
                    let is_it = |f: &&Flow<'_>| {
                        f.passes.iter().any(|(_, span)| *span == judged.leaf.span)
                            && is_like(f.verdict, *verdict)
                    };
                    if !found.iter().any(|f| is_it(&f)) {
                        wrong.push(format!("{name}: no flow for {:?} {verdict:?}", judged.leaf.span));
                    }
                }
            }
            // `ports`, `ports --from-log`: reuse is counted where the verdict says so.
            let evidence = Evidence::default();
            for flow in &found {
                let setup = Setup::new(config, flow, &evidence.host, None);
                if setup.reuse.is_some() != (flow.verdict == Verdict::Reused) {
                    wrong.push(format!("{name}: ports counts {:?} for {:?}", setup.reuse, flow.verdict));
                }
            }
            // `doctor`: a finding for each flow that opens connections, of the severity that its end deserves.
            let blamed: BTreeMap<usize, &str> = diagnose(config, &found, &evidence)
                .iter()
                .filter_map(|f| Some((f.repair?, f.name)))
                .collect();
            for (position, flow) in found.iter().enumerate() {
                let expected = match (flow.verdict, flow.closer) {
                    _ if flow.is_unix() => None,
                    (Verdict::NotReused(_), ClosingSide::Nginx) => Some("every-request-leaves-time-wait"),
                    (Verdict::NotReused(_), ClosingSide::Race) => Some("no-reuse"),
                    (Verdict::Partly(_), _) => Some("reused-in-part"),
                    (Verdict::Reused | Verdict::Unknown, _) => None,
                };
                if blamed.get(&position).copied() != expected {
                    wrong.push(format!(
                        "{name}: doctor says {:?} of {:?}",
                        blamed.get(&position),
                        flow.verdict
                    ));
                }
                flows_seen += 1;
                bad_seen += usize::from(expected.is_some());
            }
            lint_agrees(name, configuration, config, &mut wrong);
        });
    }
    println!("{flows_seen} flows, {bad_seen} of them open connections");
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    assert!(bad_seen > 50);
}

#[test]
fn an_upgrade_is_better_or_worse_as_the_verdicts_are() {
    let mut wrong = Vec::new();
    for text in texts() {
        let configuration = text.load();
        let [old, new] =
            [BEFORE_DEFAULT_KEEPALIVE, NEWEST].map(|v| compile(&configuration, &Options::new(v)));
        if !old.is_valid() || !new.is_valid() {
            continue;
        }
        let (before, after) = (flows(&old.config), flows(&new.config));
        for flow in &before {
            for (_, span) in &flow.passes {
                let Some(later) = at(flow, *span, &after) else {
                    wrong.push(format!("{}: {} is lost", text.name, flow.name));
                    continue;
                };
                let effect = effect(flow, later);
                let is_right = match (flow.verdict, later.verdict) {
                    (Verdict::Reused, Verdict::Reused) => effect == Effect::Same,
                    (Verdict::Reused, _) => effect == Effect::Worse,
                    (_, Verdict::Reused) => effect == Effect::Better,
                    // Neither is good: what counts is who closes.
                    _ if flow.closer == later.closer && is_like(flow.verdict, later.verdict) => {
                        effect == Effect::Same
                    }
                    _ if flow.closer == ClosingSide::Race && later.closer == ClosingSide::Nginx => {
                        effect == Effect::Worse
                    }
                    _ => true,
                };
                if !is_right {
                    wrong.push(format!(
                        "{}: {:?} to {:?} is {effect:?}",
                        text.name, flow.verdict, later.verdict
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The JSON that a command prints.
fn json(arguments: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc")).args(arguments).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e} {output:?}"))
}

#[test]
fn the_commands_print_the_same_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nginx.conf");
    let log = directory.path().join("access.log");
    // A format with time and peer, a location for each way to end up.
    let conf = "events {} http { log_format t '$msec $upstream_addr'; access_log off;
        upstream pooled { server 10.0.0.1:80; keepalive 4; }
        upstream many { server 10.0.1.1:80; server 10.0.1.2:80; server 10.0.1.3:80; keepalive 2; }
        upstream none { server 10.0.2.1:80; }
        proxy_http_version 1.1; proxy_set_header Connection '';
        server {
            location /p { proxy_pass http://pooled; }
            location /m { proxy_pass http://many; }
            location /n { proxy_pass http://none; }
            location /b { proxy_pass http://10.0.3.1:80; }
        } }";
    fs::write(&file, conf).unwrap();
    let peers = [
        ("pooled", "10.0.0.1:80"),
        ("many", "10.0.1.1:80"),
        ("none", "10.0.2.1:80"),
        ("10.0.3.1:80", "10.0.3.1:80"),
    ];
    let line = |n: usize, peer: &str| format!("{}.000 {peer}\n", 1_795_369_562 + n);
    let lines: String = (0..20).flat_map(|n| peers.map(|(_, peer)| line(n, peer))).collect();
    fs::write(&log, lines).unwrap();
    let file = file.to_str().unwrap();
    let common = ["--nginx-version", "1.28.0", "--format", "json"];
    let run = |command: &[&str]| json(&[command, &common].concat());
    let report = run(&["ports", file, "--report"]);
    let ports = run(&["ports", file, "--assume-defaults"]);
    let replay =
        run(&["ports", file, "--assume-defaults", "--from-log", log.to_str().unwrap(), "--log-format", "t"]);
    let doctor = run(&["doctor", file, "--assume-defaults", "--no-sockets"]);
    let compared = json(&["ports", file, "--compare-versions", "1.28.0,1.28.0", "--format", "json"]);
    let of = |list: &serde_json::Value, key: &str, name: &str| {
        let found = list.as_array().unwrap().iter().find(|row| row[key] == name);
        found.unwrap_or_else(|| panic!("{name} in {list}")).clone()
    };
    for (name, verdict, words, reuses, finding) in [
        ("pooled", "reused", "connections are used again", true, None),
        ("many", "partly", "used again in part", false, Some("reused-in-part")),
        (
            "none",
            "not-reused",
            "a connection for each request",
            false,
            Some("every-request-leaves-time-wait"),
        ),
        (
            "10.0.3.1:80",
            "not-reused",
            "a connection for each request",
            false,
            Some("every-request-leaves-time-wait"),
        ),
    ] {
        assert_eq!(of(&report["leaves"], "target", name)["verdicts"][0]["verdict"], verdict, "{name}");
        let flow = of(&ports["flows"], "name", name);
        assert!(flow["reused"].as_str().unwrap().starts_with(words), "{name}: {flow}");
        let requests = flow["limits"]["requests_per_connection"].as_u64().unwrap();
        assert_eq!(requests > 1, reuses, "{name}");
        let change = of(&compared["flows"], "name", name);
        assert!(
            change["before"].as_str().unwrap().starts_with(words) && change["effect"] == "same",
            "{change}"
        );
        let opened = of(&replay["flows"], "name", name)["rows"][0]["connections_opened"].as_u64().unwrap();
        assert_eq!(opened, if reuses { 1 } else { 20 }, "{name}");
        let named = |f: &&serde_json::Value| f["title"].as_str().unwrap().contains(name);
        let found = doctor["findings"].as_array().unwrap().iter().find(named);
        assert_eq!(found.map(|f| f["name"].as_str().unwrap()), finding, "{name}: {doctor}");
    }
}
