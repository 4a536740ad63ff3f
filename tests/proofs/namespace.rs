//! A network namespace for one thread and all that it starts: threads and processes.

use std::fs;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

/// Puts this thread into a network namespace of its own, with loopback up, these addresses and these settings.
pub fn enter(addresses: &[&str], settings: &[(&str, &str)]) {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    run("ip", &["link", "set", "lo", "up"]);
    for address in addresses {
        run("ip", &["addr", "add", &format!("{address}/32"), "dev", "lo"]);
    }
    for (name, value) in settings {
        set(name, value);
    }
}

/// Lets this thread, and what it starts, see other name servers in /etc/resolv.conf.
pub fn resolve_at(address: &str, file: &std::path::Path) {
    fs::write(file, format!("nameserver {address}\n")).unwrap();
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    run("mount", &["--make-rprivate", "/"]);
    run("mount", &["--bind", file.to_str().unwrap(), "/etc/resolv.conf"]);
}

/// Sets a kernel setting of the namespace.
pub fn set(name: &str, value: &str) {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// Lets the time pass that closed connections hold their ports for: destroys sockets in `TIME_WAIT`, as the kernel does after a
/// minute. A kernel that cannot is waited for.
pub fn pass_a_minute() {
    let left = || {
        let table = fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
        table.lines().filter(|line| line.split_ascii_whitespace().nth(3) == Some("06")).count()
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(70);
    while left() > 0 && std::time::Instant::now() < end {
        let _ = Command::new("ss").args(["-K", "state", "time-wait"]).output();
        if left() > 0 {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
    assert_eq!(left(), 0, "sockets in TIME_WAIT stay");
}

pub fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// True if this user may make network namespaces; prints a note if not.
pub fn is_possible() -> bool {
    let possible = nix::unistd::geteuid().is_root()
        && std::thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET).is_ok()).join().unwrap()
        && Command::new("ip").arg("-V").output().is_ok();
    if possible {
        return true;
    }
    assert!(
        std::env::var_os("NGXC_REQUIRE_NGINX").is_none(),
        "no network namespaces without root and `ip`, and NGXC_REQUIRE_NGINX forbids to skip"
    );
    eprintln!("SKIPPED: network namespaces need root and `ip`");
    false
}
