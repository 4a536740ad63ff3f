//! `ngxc doctor` outside of the network namespace that nginx runs in: every figure is of nginx's namespace, or is left out.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::cases::CASES;
use super::host::Host;
use super::{namespace, programs};

/// An nginx that has run out of its 64 ports in a namespace of its own. This thread stays where it was.
fn broken() -> Option<Host> {
    let program = programs().into_iter().next().filter(|_| namespace::is_possible())?;
    let case = CASES.iter().find(|case| case.name == "bare host").unwrap();
    let make = move || {
        namespace::enter(case.addresses, case.settings);
        let host = Host::new(case, &program);
        host.load();
        host
    };
    Some(std::thread::spawn(make).join().unwrap())
}

#[test]
fn figures_are_those_of_the_namespace_that_nginx_runs_in() {
    let Some(host) = broken() else { return };
    let pid = host.pid().to_string();
    let of_namespace = "in a network namespace of its own";
    for arguments in [&["nginx.conf"][..], &["nginx.conf", "--pid", &pid]] {
        let text = String::from_utf8(host.ngxc(arguments).stdout).unwrap();
        assert!(text.contains("ports 20000-20063 (network namespace of process"), "{text}");
        assert!(text.contains(of_namespace) && text.contains("64 of 64 ports in use"), "{text}");
        let report = host.doctor(&arguments[1..]);
        assert!(
            report["tuples"].as_array().unwrap().iter().any(|t| t["destination"] == "10.99.0.2:8080"),
            "{report}"
        );
    }
    let nagios = host.ngxc(&["nginx.conf", "--nagios"]);
    let text = String::from_utf8(nagios.stdout).unwrap();
    assert!(text.starts_with("PORTS CRITICAL") && text.contains("used=64;25;32;0;64"), "{text}");
    // The bundle has the same, and says so.
    let collected = host.ngxc(&["nginx.conf", "--collect", "elsewhere"]);
    assert!(String::from_utf8(collected.stderr).unwrap().contains(of_namespace));
    let text = String::from_utf8(host.ngxc(&["--from", "elsewhere"]).stdout).unwrap();
    assert!(text.contains("ports 20000-20063 (bundle)") && text.contains("64 of 64 ports in use"), "{text}");
    let text = ports(&host, &host.path("nginx.conf"));
    assert!(text.contains(&format!("(process {pid})")) && text.contains("20000-20063"), "{text}");
    // A file of the same name elsewhere is not what this master has read.
    let other = tempfile::tempdir().unwrap();
    fs::copy(host.path("nginx.conf"), other.path().join("nginx.conf")).unwrap();
    let text = ports(&host, &other.path().join("nginx.conf"));
    assert!(!text.contains("(process "), "{text}");
    metrics(&host);
    stranger(&host);
}

/// `ngxc ports` of a file, in its directory.
fn ports(host: &Host, file: &std::path::Path) -> String {
    let mut command = Command::new(host.command(&[]).get_program());
    let output = command.args(["ports", "nginx.conf"]).current_dir(file.parent().unwrap()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The gauges are those of the namespace.
fn metrics(host: &Host) {
    let mut command = host.command(&["nginx.conf", "--metrics", "127.0.0.1:0"]);
    let mut served = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(served.stderr.take().unwrap()).lines().map_while(Result::ok);
    let address =
        lines.find_map(|line| Some(line.split_once("http://")?.1.split('/').next()?.to_owned())).unwrap();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    served.kill().unwrap();
    served.wait().unwrap();
    let total = text.lines().find(|line| line.starts_with("ngxc_ports_total{"));
    assert!(total.is_some_and(|line| line.contains("10.99.0.2:8080") && line.ends_with(" 64")), "{text}");
}

/// An account that may not enter the namespace gets no figures of it, and none of another.
fn stranger(host: &Host) {
    fs::set_permissions(host.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let pid = host.pid().to_string();
    let mut command = host.command(&["nginx.conf", "--pid", &pid]);
    // Nobody: 65534.
    let Ok(output) = command.uid(65534).gid(65534).output() else {
        eprintln!("SKIPPED: another account cannot run the program where it lies");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("only root may enter") && text.contains("left out"), "{text}");
    assert!(!text.contains("(this host)") && !text.contains("now 0 of"), "{text}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_process_that_is_not_there_is_said_first() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    let output = command.args(["doctor", "nothing.conf", "--pid", "4194303"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("no process 4194303") && output.stdout.is_empty(), "{error}");
    assert_eq!(output.status.code(), Some(2));
}
