//! nginx's command line: the same arguments and files for a real nginx and for ngxc give the same output and status.
//!
//! The nginx is `NGXC_TEST_NGINX`, else `/usr/sbin/nginx`; without one the comparison is skipped, and says so.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files of a case: name and text.
type Files = &'static [(&'static str, &'static str)];

struct Case {
    args: &'static [&'static str],
    files: Files,
    /// The oldest nginx that says the same.
    since: (u32, u32),
}

const fn case(args: &'static [&'static str], files: Files) -> Case {
    Case { args, files, since: (0, 0) }
}

const fn newer(args: &'static [&'static str], files: Files) -> Case {
    Case { args, files, since: (29, 0) }
}

/// Tests `a.conf`.
const fn conf(files: Files) -> Case {
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], files)
}

const T: &[&str] = &["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log"];
const GOOD: &str = "pid a.pid;\nevents {}\n";

const CASES: &[Case] = &[
    // Options.
    case(&["-v"], &[]),
    case(&["-vq"], &[]),
    newer(&["-h"], &[]),
    newer(&["-?"], &[]),
    newer(&["-vh"], &[]),
    case(&["x"], &[]),
    case(&["-t", "x"], &[]),
    case(&["-x"], &[]),
    case(&["-tx"], &[]),
    case(&["--version"], &[]),
    case(&[""], &[]),
    case(&["-c"], &[]),
    case(&["-tc"], &[]),
    case(&["-p"], &[]),
    case(&["-e"], &[]),
    case(&["-g"], &[]),
    case(&["-s"], &[]),
    case(&["-s", "halt"], &[]),
    case(&["-shalt"], &[]),
    case(&["-v", "-x"], &[]),
    // Options about files.
    case(&["-t", "-p", "DIR", "-c", "missing.conf", "-e", "stderr"], &[]),
    case(&["-t", "-pDIR", "-cmissing.conf", "-eerror.log"], &[]),
    case(
        &["-t", "-p", "DIR/", "-c", "sub/a.conf", "-e", "error.log"],
        &[("sub/a.conf", "include b.conf;\n")],
    ),
    case(&["-tq", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", GOOD)]),
    case(&["-t", "-q", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", "x;")]),
    case(&["-vt", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", GOOD)]),
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "no/error.log"], &[("a.conf", "x;")]),
    case(&["-t", "-p", "DIR", "-c", "DIR", "-e", "error.log"], &[("a.conf", GOOD)]),
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "stderr"], &[("a.conf", "x;")]),
    case(&["-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", "x;")]),
    // -T
    case(&["-T", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", GOOD)]),
    case(&["-Tq", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", GOOD)]),
    case(
        &["-T", "-p", "DIR", "-c", "a.conf", "-e", "error.log"],
        &[
            ("a.conf", "include z.conf;\ninclude m/*.conf;\npid a.pid;\nevents {}"),
            ("z.conf", "include m/b.conf; # twice\n"),
            ("m/b.conf", "# b\n"),
            ("m/a.conf", "# a, no newline"),
        ],
    ),
    case(&["-T", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", "events {}\nx;\n")]),
    case(
        &["-T", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "pid b.pid;"],
        &[("a.conf", "events {}\n")],
    ),
    // -g
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "x;"], &[("a.conf", GOOD)]),
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-gx y"], &[("a.conf", GOOD)]),
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "pid a;"], &[("a.conf", GOOD)]),
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "daemon off"], &[("a.conf", GOOD)]),
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "daemon off; }"], &[("a.conf", GOOD)]),
    newer(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "events { }"], &[("a.conf", GOOD)]),
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "daemon maybe;"], &[("a.conf", GOOD)]),
    case(&["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "daemon off; "], &[("a.conf", GOOD)]),
    case(
        &["-t", "-p", "DIR", "-c", "a.conf", "-e", "error.log", "-g", "include b.conf;"],
        &[("a.conf", GOOD), ("b.conf", "\nx;")],
    ),
    case(&["-t", "-p", "DIR", "-c", "no.conf", "-e", "error.log", "-g", "daemon off;"], &[]),
    case(
        &["-t", "-p", "sub", "-c", "a.conf", "-e", "error.log", "-g", "daemon off;"],
        &[("sub/a.conf", "x;")],
    ),
    case(
        &["-t", "-p", "", "-c", "sub/a.conf", "-e", "error.log", "-g", "pid x;"],
        &[("sub/a.conf", "include b;"), ("sub/b", "x;")],
    ),
    // -s
    case(&["-s", "stop", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", GOOD)]),
    case(&["-squit", "-p", "DIR", "-c", "a.conf", "-e", "stderr"], &[("a.conf", GOOD)]),
    case(
        &["-s", "reload", "-p", "DIR", "-c", "a.conf", "-e", "error.log"],
        &[("a.conf", GOOD), ("a.pid", "x1\n")],
    ),
    case(
        &["-s", "reopen", "-p", "DIR", "-c", "a.conf", "-e", "error.log"],
        &[("a.conf", GOOD), ("a.pid", "999999999\n")],
    ),
    case(&["-s", "stop", "-p", "DIR", "-c", "a.conf", "-e", "stderr"], &[("a.conf", GOOD), ("a.pid", "")]),
    case(&["-s", "stop", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", "events {}\nx y;")]),
    case(&["-s", "stop", "-p", "DIR", "-c", "a.conf", "-e", "error.log"], &[("a.conf", "pid a.pid;")]),
    // Syntax.
    conf(&[("a.conf", "events {}\nhttp {\n")]),
    conf(&[("a.conf", "events {}\n}\n")]),
    conf(&[("a.conf", "events {}\nhttp { server { listen 80 } }\n")]),
    conf(&[("a.conf", "events {}\n;\n")]),
    conf(&[("a.conf", "events {}\n{ }\n")]),
    conf(&[("a.conf", "events {}\npid 'a'b;\n")]),
    conf(&[("a.conf", "events {}\npid \"a;\n\n")]),
    conf(&[("a.conf", "events {}\npid a")]),
    conf(&[("a.conf", "\u{feff}events {}\n")]),
    conf(&[("a.conf", "x y;\nevents {\n")]),
    conf(&[("a.conf", "events {\nx y;\n")]),
    // Checks of nginx's `ngx_conf_handler`.
    conf(&[("a.conf", "")]),
    conf(&[("a.conf", "# nothing\n")]),
    conf(&[("a.conf", "events {}\n\nunknown on;\n")]),
    conf(&[("a.conf", "events {}\n\nunknown\non\n;\n")]),
    conf(&[("a.conf", "events {}\nlisten 80;\n")]),
    conf(&[("a.conf", "events {}\nhttp;\n")]),
    conf(&[("a.conf", "events {}\npid a { }\n")]),
    conf(&[("a.conf", "events {}\npid;\n")]),
    conf(&[("a.conf", "events {}\npid a b;\n")]),
    conf(&[("a.conf", "events {}\npid a;\npid b;\n")]),
    conf(&[("a.conf", "events {}\ndaemon maybe;\n")]),
    conf(&[("a.conf", "events {}\nuser nosuchuser;\n")]),
    conf(&[("a.conf", "events {}\nuser nobody;\n")]),
    conf(&[
        (
            "a.conf",
            "events {}\nhttp {\n server { listen 1 ssl; ssl_certificate a.crt; ssl_certificate_key a.crt; }\n}\n",
        ),
        ("a.crt", "no certificate\n"),
    ]),
    conf(&[("a.conf", "events {}\nuser nobody nosuchgroup;\n")]),
    conf(&[("a.conf", "events {}\ninclude no.conf;\n")]),
    conf(&[("a.conf", "events {}\ninclude no/*.conf;\nx;\n")]),
    conf(&[("a.conf", "events {}\ninclude sub;\n"), ("sub/a", "")]),
    conf(&[("a.conf", "events {}\nhttp {\n  include b.conf;\n  y;\n}\n"), ("b.conf", "\n\nx;\n")]),
    conf(&[("a.conf", "events {}\nhttp {\n  include c/*;\n}\n"), ("c/1", "y;\n"), ("c/0", "types { }\n")]),
    conf(&[("a.conf", "events {}\nserver_name x\nlisten 80;\n")]),
    conf(&[("a.conf", "events {}\nhttp { server { listen 80\n server_name x; } }\n")]),
    // Checks that wait.
    conf(&[("a.conf", "pid x.pid;\nhttp { access_log off; }\n")]),
    conf(&[("a.conf", "events {}\nhttp {\n upstream a {\n }\n}\n")]),
    conf(&[("a.conf", "events {}\nhttp {\n server { listen 1; location / { }\n location / { }\n }\n}\n")]),
    conf(&[(
        "a.conf",
        "events {}\nhttp {\n server { listen 1; location / { return 200 $no_such; }\n }\n}\n",
    )]),
    conf(&[(
        "a.conf",
        "events {}\nhttp {\n server { listen 1; location / { return 200 $no_such; } location / { }\n }\n}\nx;\n",
    )]),
    conf(&[(
        "a.conf",
        "events {}\nhttp {\n server { listen 1; location / { return 200 $no_such; } y;\n }\n}\n",
    )]),
    conf(&[("a.conf", "events {}\nhttp {\n split_clients $a $b {\n 60% a;\n 50% b;\n }\n}\n")]),
    conf(&[("a.conf", "events {}\nhttp {\n map $a $b {\n default 1;\n default 2;\n }\n}\n")]),
    conf(&[("a.conf", "events {}\nhttp {\n access_log logs/a.log nope;\n}\n")]),
    conf(&[("a.conf", "events {}\nhttp {\n server { listen 1; location /a {\n proxy_pass ftp://x; } } }\n")]),
    conf(&[(
        "a.conf",
        "events {}\nhttp {\n upstream a { server 1.1.1.1; }\n upstream a { server 1.1.1.1; } }\n",
    )]),
    conf(&[("a.conf", "events {}\nhttp {\n server { listen nohost.invalid:80; } }\n")]),
    conf(&[("a.conf", "events {}\nhttp {\n upstream a { server nohost.invalid:80; } }\n")]),
    conf(&[(
        "a.conf",
        "events {}\nhttp {\n server { listen 1; location / {\n proxy_pass http://nohost.invalid; } } }\n",
    )]),
    conf(&[("a.conf", "pid a.pid;\nerror_log no/such.log;\nevents {}\n")]),
    conf(&[("a.conf", "pid no/a.pid;\nevents {}\n")]),
    conf(&[("a.conf", "load_module modules/no.so;\nevents {}\nx;\n")]),
    conf(&[("sub/no", ""), ("a.conf", "pid a.pid;\nevents {}\nhttp { access_log sub; }\n")]),
    newer(
        T,
        &[(
            "a.conf",
            "events {}\nhttp {\n server { listen 1 ssl; ssl_certificate no.crt; ssl_certificate_key no.key; }\n}\n",
        )],
    ),
    // A module that nobody has.
    conf(&[("a.conf", "events {}\nhttp {\n vhost_traffic_status_zone;\n}\n")]),
    Case { args: T, files: &[("a.conf", "events {}\nhttp {\n server { listen 99999; } }\n")], since: (0, 0) },
];

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    stdout: String,
    stderr: String,
    status: Option<i32>,
    /// The log of `-e error.log`.
    log: String,
}

fn outcome(program: &Path, called: &str, case: &Case) -> Outcome {
    let directory = tempfile::Builder::new().prefix("nginxcli").tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    for (name, text) in case.files {
        let file = directory.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let args = case.args.iter().map(|arg| arg.replace("DIR", path));
    let output = Command::new(program).arg0(called).args(args).current_dir(path).output().unwrap();
    let clean = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(path, "DIR");
        text.lines().map(without_time).collect::<Vec<_>>().join("\n")
    };
    Outcome {
        stdout: clean(&output.stdout),
        stderr: clean(&output.stderr),
        status: output.status.code(),
        log: clean(&std::fs::read(directory.path().join("error.log")).unwrap_or_default()),
    }
}

/// A line without time, process number, version and compiled-in paths.
fn without_time(line: &str) -> String {
    if let Some((name, _)) = line.split_once("(default: ") {
        return name.to_owned();
    }
    if line.starts_with("nginx version:") {
        return "nginx version".to_owned();
    }
    match (line.find(" ["), line.find('#'), line.find(": ")) {
        (Some(level), Some(hash), Some(colon)) if line.starts_with("20") && hash < colon => {
            let level = &line[level..];
            let end = level.find(']').unwrap() + 1;
            format!("TIME{} {}", &level[..end], &line[colon + 2..])
        }
        _ => line.to_owned(),
    }
}

fn nginx() -> Option<(PathBuf, (u32, u32))> {
    let path =
        std::env::var_os("NGXC_TEST_NGINX").map_or_else(|| PathBuf::from("/usr/sbin/nginx"), PathBuf::from);
    if !path.is_file() {
        eprintln!("SKIPPED: no nginx at {}; name one with NGXC_TEST_NGINX", path.display());
        return None;
    }
    let output = Command::new(&path).arg("-v").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut numbers =
        text.trim().split('/').nth(1)?.split('.').skip(1).map_while(|n| n.split(' ').next()?.parse().ok());
    Some((path, (numbers.next()?, numbers.next().unwrap_or_default())))
}

#[test]
fn says_what_nginx_says() {
    let Some((nginx, version)) = nginx() else { return };
    let ours = Path::new(env!("CARGO_BIN_EXE_ngxc"));
    let mut compared = 0;
    let mut wrong = Vec::new();
    for case in CASES {
        if case.since > version {
            continue;
        }
        let (theirs, ours) = (outcome(&nginx, "nginx", case), outcome(ours, "/usr/local/sbin/nginx", case));
        if theirs != ours {
            wrong.push(format!("{:?} {:?}\n  nginx: {theirs:?}\n  ngxc:  {ours:?}", case.args, case.files));
        }
        compared += 1;
    }
    eprintln!("{compared} command lines compared with {}", nginx.display());
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > CASES.len() / 2);
}

#[test]
fn errors_are_printed_and_logged() {
    let ours = Path::new(env!("CARGO_BIN_EXE_ngxc"));
    let tested = outcome(ours, "nginx", &conf(&[("a.conf", "events {}\n\nunknown\non\n;\n")]));
    let expected = Outcome {
        stdout: String::new(),
        stderr: "nginx: [emerg] unknown directive \"unknown\" in DIR/a.conf:5\n\
                 nginx: configuration file DIR/a.conf test failed"
            .to_owned(),
        status: Some(1),
        log: "TIME [emerg] unknown directive \"unknown\" in DIR/a.conf:5".to_owned(),
    };
    assert_eq!(tested, expected);
}

#[test]
fn the_version_line_is_what_scripts_expect() {
    let run = |called: &str, args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_ngxc")).arg0(called).args(args).output().unwrap();
        assert!(output.stdout.is_empty() && output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(run("nginx", &["-v"]), "nginx version: nginx/1.31.5\n");
    assert_eq!(run("ngxc", &["nginx", "-v"]), "nginx version: nginx/1.31.5\n");
    let all = run("nginx", &["-V"]);
    assert!(all.starts_with("nginx version: nginx/1.31.5\nbuilt by ngxc"), "{all}");
    assert!(all.contains("\nconfigure arguments: --prefix=/etc/nginx "), "{all}");
}

#[test]
fn signals_reach_the_process_of_the_pid_file() {
    // TERM, QUIT, USR1, HUP: each ends a program that does not catch it.
    for (name, number) in [("stop", 15), ("quit", 3), ("reopen", 10), ("reload", 1)] {
        let directory = tempfile::tempdir().unwrap();
        // A background job of a shell ignores QUIT, and so do its children.
        let mut child = Command::new("env").args(["--default-signal", "sleep", "60"]).spawn().unwrap();
        std::fs::write(directory.path().join("a.conf"), GOOD).unwrap();
        std::fs::write(directory.path().join("a.pid"), format!("{}\n", child.id())).unwrap();
        let status = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["nginx", "-s", name, "-c", "a.conf", "-e", "error.log", "-p"])
            .arg(directory.path())
            .status()
            .unwrap();
        let ended = child.wait().unwrap();
        assert!(status.success(), "{name}");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(number), "{name}");
    }
}

#[test]
fn another_version_can_be_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.conf"), "events {}\nhttp { server { http2 on; } }\n").unwrap();
    let run = |version: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["nginx", "-t", "-c", "a.conf", "-e", "stderr", "-p"])
            .arg(directory.path())
            .env("NGXC_OFFLINE", "1")
            .env("NGXC_NGINX_VERSION", version)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(run("1.25.1").0 && run("").0);
    let (valid, said) = run("1.22.1");
    assert!(!valid && said.contains("unknown directive \"http2\" in"), "{said}");
    let (valid, said) = run("newest");
    assert!(!valid && said.contains("NGXC_NGINX_VERSION"), "{said}");
}
