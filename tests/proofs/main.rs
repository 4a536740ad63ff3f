//! The proof of `ngxc doctor`: a real nginx is broken in a network namespace of its own, `ngxc doctor` looks at what the host
//! has, what it prints is applied exactly, nginx reloads, and all answers are 200.
//!
//! A fault of the configuration is cured by the printed diff alone, with the kernel as it was; a fault of the host by the
//! printed commands. `ngxc doctor --since` confirms it each time: not cured before, cured afterwards.
//!
//! `NGXC_NGINX` names a second nginx to do the same with. `NGXC_PROOF` chooses cases by a part of their names. `NGXC_RECORD` names
//! a directory that bundles of both looks are written to: what nginx 1.31.5 answered is kept beside this test.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that cannot go on fails; who runs a test sees what it skips; modules of a test are no library"
)]

#[path = "../common/mod.rs"]
mod common;

mod backend;
mod cases;
mod elsewhere;
mod host;
mod load;
mod namespace;
mod recorded;

use std::path::{Path, PathBuf};

use crate::common::nginx;
use cases::{CASES, Case, Cure};
use host::Host;

/// The programs to prove it with: Debian's, and the one that `NGXC_NGINX` names.
fn programs() -> Vec<PathBuf> {
    nginx::program().into_iter().chain(std::env::var_os("NGXC_NGINX").map(PathBuf::from)).collect()
}

#[test]
fn what_doctor_prints_cures() {
    let programs = programs();
    if programs.is_empty() || !namespace::is_possible() {
        return;
    }
    let only = std::env::var("NGXC_PROOF").unwrap_or_default();
    let mut failed = Vec::new();
    for program in programs {
        let cases = CASES.iter().filter(|case| case.name.contains(&only));
        let proofs: Vec<_> = cases
            .map(|case| {
                let program = program.clone();
                (case.name, std::thread::spawn(move || prove(case, &program)))
            })
            .collect();
        for (name, proof) in proofs {
            if let Err(panic) = proof.join() {
                let text = panic.downcast_ref::<String>().map_or("", String::as_str);
                failed.push(format!("== {name} with {}\n{text}", program.display()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn prove(case: &'static Case, program: &Path) {
    namespace::enter(case.addresses, case.settings);
    let place = tempfile::tempdir().unwrap();
    if let Some((address, _)) = case.backends.iter().find(|(address, _)| address.starts_with("dns:")) {
        let address = address.trim_start_matches("dns:").trim_end_matches(":53");
        namespace::resolve_at(address, &place.path().join("resolv.conf"));
    }
    let mut host = Host::new(case, program);
    if host.is_since_default_keepalive() && !case.breaks_newer {
        let answers = host.load();
        assert!(answers.keys().eq([&200]), "{answers:?}");
        return;
    }
    let broken = host.load();
    assert!(broken.keys().any(|status| *status != 200), "not broken: {broken:?}");
    let report = host.doctor(&[]);
    let said = host.text();
    let found = report["findings"].as_array().unwrap().iter().find(|f| f["name"] == case.finding);
    let found = found.unwrap_or_else(|| panic!("{} is not in\n{said}", case.finding));
    let commands = host::commands(&report);
    host.ngxc(&["nginx.conf", "--collect", "before"]);
    host::wait_a_second();
    host.load();
    assert_eq!(host.verdict(), (Some(1), "not cured".to_owned()));
    match case.cure {
        Cure::Configuration => {
            assert_eq!(found["is_repaired_by_diff"], true, "no diff:\n{said}");
            assert!(found["commands"].as_array().unwrap().is_empty(), "the diff alone cures:\n{said}");
            host.patch(&said);
        }
        Cure::Host => {
            assert_eq!(found["is_repaired_by_diff"], false, "the configuration cannot cure this:\n{said}");
            assert!(!commands.is_empty(), "no commands:\n{said}");
            for command in &commands {
                assert!(said.contains(command.as_str()), "{command} is not in\n{said}");
                namespace::run("sh", &["-c", command]);
            }
            if said.contains("start the backend again") {
                host.restart_backends();
            }
        }
    }
    host.reload();
    namespace::pass_a_minute();
    host::wait_a_second();
    let answers = host.load();
    assert!(answers.keys().eq([&200]), "{answers:?}, before {broken:?}\n{said}\n{}", host.errors());
    assert_eq!(
        host.verdict(),
        (Some(0), "cured".to_owned()),
        "{:?}",
        host.ngxc(&["nginx.conf", "--since", "before"])
    );
    // Failures from before the reload keep nothing bad.
    let after = host.doctor(&[]);
    assert_eq!(after["summary"]["critical"], 0, "{}", host.text());
    let same = after["findings"].as_array().unwrap().iter().find(|f| f["name"] == case.finding);
    assert!(same.is_none_or(|f| f["severity"] == "info"), "{}", host.text());
    if let Some(directory) = std::env::var_os("NGXC_RECORD") {
        host.ngxc(&["nginx.conf", "--collect", "after"]);
        recorded::keep(case, &host, directory.as_ref());
    }
}
