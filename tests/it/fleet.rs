//! `ngxc doctor --from DIRECTORY`: what many hosts have in common, and what their peers get in sum.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn doctor(place: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(["doctor", "--from", "fleet"])
        .args(more)
        .current_dir(place)
        .output()
        .unwrap()
}

/// A bundle like another, on a host that is well: without logs and sockets.
fn well(bundle: &[u8]) -> Vec<u8> {
    let mut out = b"ngxc-evidence 1\n".to_vec();
    let mut rest = bundle.strip_prefix(b"ngxc-evidence 1\n").unwrap();
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').unwrap();
        let head = String::from_utf8_lossy(&rest[2..end]).into_owned();
        let (length, name) = head.split_once(' ').unwrap();
        let length: usize = length.parse().unwrap();
        let mut text = rest[end + 1..][..length].to_vec();
        if name.starts_with("conf:") {
            text = b"events {}\nhttp { server { location / { proxy_pass http://unix:/run/a; } } }\n".to_vec();
        }
        if name.starts_with("conf:") || name == "sysctl" {
            out.extend(format!("@ {} {name}\n", text.len()).bytes());
            out.extend(text);
            out.push(b'\n');
        }
        rest = &rest[end + 1 + length + 1..];
    }
    out
}

#[test]
fn same_causes_are_one_and_upstreams_are_summed() {
    let place = tempfile::tempdir().unwrap();
    let fleet = place.path().join("fleet");
    fs::create_dir(&fleet).unwrap();
    let bundle = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bare.evidence")).unwrap();
    for name in ["web-1", "web-2", "web-3"] {
        fs::write(fleet.join(name), &bundle).unwrap();
    }
    fs::write(fleet.join("web-4"), well(&bundle)).unwrap();
    let output = doctor(place.path(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let hosts = report["hosts"].as_array().unwrap();
    let states: Vec<_> =
        hosts.iter().map(|host| (host["name"].as_str().unwrap(), host["state"].as_str().unwrap())).collect();
    // Hosts in danger come first.
    assert_eq!(
        states,
        [("web-1", "critical"), ("web-2", "critical"), ("web-3", "critical"), ("web-4", "well")]
    );
    let cause = report["causes"].as_array().unwrap().iter().find(|c| c["name"] == "no-free-port").unwrap();
    assert_eq!((cause["count"].as_u64(), cause["hosts"].as_array().unwrap().len()), (Some(9), 3));
    // One diff for all of them.
    let repairs = cause["repairs"].as_array().unwrap();
    assert_eq!((repairs.len(), repairs[0]["hosts"].as_array().unwrap().len()), (1, 3));
    let upstream = &report["upstreams"][0];
    assert_eq!(upstream["name"], "10.0.0.100:1234");
    assert_eq!((upstream["hosts"].as_u64(), upstream["time_wait"].as_u64()), (Some(3), Some(3 * 38)));
    assert_eq!(upstream["established"].as_u64(), Some(3 * 2));
    let text = String::from_utf8(doctor(place.path(), &[]).stdout).unwrap();
    assert!(text.starts_with("4 hosts: 3 in danger, 0 with warnings, 1 well\n"), "{text}");
    assert!(
        text.contains("the same diff: web-1, web-2, web-3; `ngxc doctor --from fleet/web-1` prints it"),
        "{text}"
    );
}

#[test]
fn a_file_that_is_no_bundle_is_named_and_the_others_are_told() {
    let place = tempfile::tempdir().unwrap();
    let fleet = place.path().join("fleet");
    fs::create_dir(&fleet).unwrap();
    let none = doctor(place.path(), &[]);
    assert_eq!(none.status.code(), Some(2));
    fs::write(fleet.join("notes.txt"), "not a bundle").unwrap();
    let bundle = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bare.evidence")).unwrap();
    fs::write(fleet.join("web-1"), bundle).unwrap();
    let output = doctor(place.path(), &[]);
    let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text.contains("web-1") && said.contains("1 of 2 files: ") && said.contains("notes.txt"),
        "{text}{said}"
    );
    let with_since = doctor(place.path(), &["--since", "fleet/web-1"]);
    assert_eq!(with_since.status.code(), Some(2));
}

#[test]
fn causes_of_several_peers_have_a_title_of_none_and_what_nobody_counted_is_no_zero() {
    let place = tempfile::tempdir().unwrap();
    let fleet = place.path().join("fleet");
    fs::create_dir(&fleet).unwrap();
    for (host, peer) in [("web-1", "10.0.0.1:80"), ("web-2", "10.0.0.2:80")] {
        let conf =
            format!("events {{}}\nhttp {{ server {{ location / {{ proxy_pass http://{peer}; }} }} }}\n");
        let line = format!(
            "2026/11/22 17:46:02 [error] 8#8: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, upstream: \"http://{peer}/\"\n"
        );
        let mut bundle = "ngxc-evidence 1\n".to_owned();
        for (name, text) in [("conf:nginx.conf", conf), ("error.log", line)] {
            let _ = write!(bundle, "@ {} {name}\n{text}\n", text.len());
        }
        fs::write(fleet.join(host), bundle).unwrap();
    }
    let text = String::from_utf8(doctor(place.path(), &[]).stdout).unwrap();
    assert!(
        text.contains("WARNING  2 hosts, 2 lines of error logs: peers refused connections  [refused]"),
        "{text}"
    );
    let row = text.lines().find(|line| line.starts_with("10.0.0.1:80")).unwrap();
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>(),
        ["10.0.0.1:80", "1", "-", "-", "-", "-", "0"],
        "{text}"
    );
    let json: Value = serde_json::from_slice(&doctor(place.path(), &["--format", "json"]).stdout).unwrap();
    assert!(
        json["upstreams"][0]["attempts"].is_null() && json["upstreams"][0]["time_wait"].is_null(),
        "{json}"
    );
}
