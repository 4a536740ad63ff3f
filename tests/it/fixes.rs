//! Fixes are independent of each other: each does what it is for and nothing else, or is refused with its reason.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Repairs a configuration; the status, what was said on standard error, and the new text.
fn fix(directory: &Path, text: &str, arguments: &[&str]) -> (i32, String, String) {
    let file = directory.join("nginx.conf");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    command.args(["lint", "--fix", "nginx.conf"]).args(arguments).current_dir(directory);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said, fs::read_to_string(&file).unwrap())
}

#[test]
fn http2_stays_on_sockets_without_tls() {
    let directory = tempfile::tempdir().unwrap();
    let text = "worker_processes 1;\nevents { }\nhttp {\n    server {\n        listen 127.0.0.1:5005 http2;\n        \
                server_name a;\n    }\n    server {\n        listen 127.0.0.1:5005;\n        server_name b;\n    }\n    \
                server {\n        listen 5006;\n        server_name c;\n    }\n}\n";
    let known = ["--select", "listen-http2", "--nginx-version", "1.26.0"];
    let (_, _, fixed) = fix(directory.path(), text, &known);
    assert_eq!(fixed.matches("http2 on;").count(), 2, "{fixed}");
    assert!(
        !fixed.contains("5005 http2") && fixed.contains("listen 5006;\n        server_name c;"),
        "{fixed}"
    );
}

#[test]
fn what_an_older_nginx_refuses_is_written_only_for_a_newer_one() {
    let directory = tempfile::tempdir().unwrap();
    let text = "worker_processes 1;\nevents { }\nhttp {\n    keepalive_timeout 0;\n    server {\n        listen 5005 http2;\n        \
                server_name a;\n    }\n}\n";
    let rules = ["--select", "listen-http2", "--select", "client-keepalive-disabled"];
    let (_, said, fixed) = fix(directory.path(), text, &rules);
    assert!(
        said.contains("nginx 1.22.1 would refuse the result") && said.contains("--nginx-version"),
        "{said}"
    );
    // The other fix is made.
    assert!(fixed.contains("listen 5005 http2;") && !fixed.contains("keepalive_timeout 0"), "{fixed}");
    // A configuration that the older one refuses anyway is not meant for it.
    let newer = text.replace("server_name a;", "server_name a;\n        http3_hq off;");
    let (_, said, fixed) = fix(directory.path(), &newer, &rules);
    assert!(fixed.contains("http2 on;") && !said.contains("refused"), "{said}{fixed}");
}

#[test]
fn a_deletion_is_no_change_beyond_its_purpose_and_keeps_the_comment() {
    let directory = tempfile::tempdir().unwrap();
    let text = "worker_processes 1;\nevents { }\nhttp {\n    keepalive_timeout 0; # for old clients\n    server {\n        \
                listen 80;\n        keepalive_requests 1;\n        location / { return 200 ok; }\n        \
                location /a { root /srv; }\n    }\n}\n";
    let (_, said, fixed) = fix(directory.path(), text, &["--select", "client-keepalive-disabled"]);
    assert!(!said.contains("refused"), "{said}");
    assert!(fixed.contains("http {\n    # for old clients\n    server {\n"), "{fixed}");
    assert!(!fixed.contains("keepalive_requests"), "{fixed}");
}

#[test]
fn bytes_that_are_not_utf_8_are_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nginx.conf");
    let text = b"events {}\nhttp { server { listen 80; server_name caf\xe9:8080; gzip_types text/\xe9, text/css; } }\n";
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    let output =
        command.args(["lint", "--fix", "--unsafe", "nginx.conf"]).current_dir(&directory).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("bytes that are not UTF-8"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), text, "{said}");
}

#[test]
fn a_refused_fix_is_named_and_the_others_are_made() {
    let directory = tempfile::tempdir().unwrap();
    // The line is read in two servers: what repairs one would replace the headers of the other.
    let snippet = "location / { proxy_pass http://b; }\n";
    fs::write(directory.path().join("pass.inc"), snippet).unwrap();
    let c = "server {\n        listen 80;\n        server_name c;\n        location /c {\n            proxy_pass \
             http://c;\n        }\n    }\n";
    let text = format!(
        "worker_processes 1;\nevents {{ }}\nhttp {{\n    upstream b {{ server 10.0.0.1:80; }}\n    upstream c {{ server \
         10.0.0.2:80; }}\n    server {{\n        listen 80;\n        server_name a;\n        include pass.inc;\n    \
         }}\n    server {{\n        listen 80;\n        server_name b;\n        proxy_set_header X-Real-IP \
         $remote_addr;\n        proxy_http_version 1.1;\n        include pass.inc;\n    }}\n    {c}}}\n"
    );
    let (status, said, fixed) =
        fix(directory.path(), &text, &["--unsafe", "--select", "reuse", "--nginx-version", "1.28.0"]);
    assert_eq!(status, 1, "what is refused is still reported: {said}");
    assert!(said.contains("was refused: the header `X-Real-IP` would not be sent any more"), "{said}");
    assert!(fixed.contains("upstream c { server 10.0.0.2:80; keepalive 16; }"), "{fixed}");
}

#[test]
fn forty_upstreams_are_all_repaired() {
    let directory = tempfile::tempdir().unwrap();
    let mut http = String::new();
    for n in 1..=40 {
        writeln!(http, "    upstream u{n} {{\n        server 10.0.0.{n}:80;\n    }}").unwrap();
        writeln!(http, "    server {{\n        listen 80;\n        server_name s{n};").unwrap();
        writeln!(http, "        location / {{\n            proxy_pass http://u{n};\n        }}\n    }}")
            .unwrap();
    }
    let text = format!("worker_processes 1;\nevents {{ }}\nhttp {{\n{http}}}\n");
    let (_, said, fixed) = fix(directory.path(), &text, &["--select", "reuse"]);
    let lines = ["keepalive ", "proxy_http_version 1.1;", "proxy_set_header Connection \"\";"];
    assert_eq!(lines.map(|line| fixed.matches(line).count()), [40, 40, 40], "{said}\n{fixed}");
    assert!(!said.contains("refused"), "{said}");
}

#[test]
fn comments_stay_with_their_directives() {
    let directory = tempfile::tempdir().unwrap();
    let text = "worker_processes 1;\nevents { }\nhttp {\n    upstream b {\n        server 10.0.0.1:80; # the only one\n    }\n    \
                server {\n        listen 80;\n        location / {\n            # the shop\n            # and its carts\n            \
                proxy_pass http://b; # node\n        }\n        location /x { proxy_pass http://b; # old\n        }\n    }\n}\n";
    let (_, _, fixed) = fix(directory.path(), text, &["--select", "reuse"]);
    assert!(fixed.contains("server 10.0.0.1:80; # the only one\n        keepalive 16;\n    }"), "{fixed}");
    assert!(
        fixed.contains(
            "            proxy_http_version 1.1;\n            # the shop\n            # and its carts\n            proxy_pass \
             http://b; # node\n            proxy_set_header Connection \"\";\n"
        ),
        "{fixed}"
    );
    assert!(
        fixed.contains(
            "location /x { proxy_http_version 1.1; proxy_pass http://b; # old\n            proxy_set_header Connection \
             \"\";\n        }"
        ),
        "{fixed}"
    );
}

#[test]
fn columns_stay() {
    let directory = tempfile::tempdir().unwrap();
    let text = "worker_processes 1;\nevents { }\nhttp {\n    upstream b {\n        server     10.0.0.1:80;\n        zone       b \
                64k;\n    }\n    server {\n        listen       443 ssl http2;   # tls\n        listen       80;              # \
                plain\n        server_name  a.example;       # name\n        ssl_certificate      a.pem;\n        \
                ssl_certificate_key  a.key;\n        location / {\n            proxy_pass          http://b;\n            \
                proxy_read_timeout  5s;\n        }\n        location /x {\n            proxy_pass http://b; # not aligned\n            \
                proxy_read_timeout 5s;\n        }\n    }\n}\n";
    let (_, said, fixed) = fix(
        directory.path(),
        text,
        &["--unsafe", "--select", "reuse,deprecation", "--nginx-version", "1.28.0"],
    );
    for line in [
        "        keepalive  16;\n",
        "        listen       443 ssl;         # tls\n        listen       80;              # plain\n",
        "        http2        on;\n",
        "            proxy_http_version  1.1;\n",
        "            proxy_set_header    Connection \"\";\n",
        "            proxy_http_version 1.1;\n            proxy_pass http://b; # not aligned\n            \
         proxy_set_header Connection \"\";\n",
    ] {
        assert!(fixed.contains(line), "{line}\n{fixed}\n{said}");
    }
}

#[test]
fn errors_are_repaired_before_there_is_a_meaning_to_keep() {
    let directory = tempfile::tempdir().unwrap();
    // Without the `;` the next line is a parameter of `listen`: the server has no address and no name.
    let text = "events { }\nhttp {\n    server {\n        listen 8080\n        server_name a;\n        root /srv;\n    }\n}\n";
    let (_, said, fixed) = fix(directory.path(), text, &["--nginx-version", "1.30.0"]);
    assert!(fixed.contains("listen 8080;\n        server_name a;\n"), "{said}{fixed}");
    // A finding beside it is not lost: it is judged once the file can be read.
    let two = text.replace("server_name a;", "server_name a;\n        access_log /x.log combined");
    let (_, said, fixed) = fix(directory.path(), &two, &[]);
    assert!(fixed.contains("combined;\n"), "{said}{fixed}");
}

#[test]
fn repairs_that_need_a_look_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let text = "events { }\nhttp {\n    server {\n        listen 8080;\n        location / {\n            \
                proxy_pass http://127.0.0.1:9000;\n        }\n    }\n}\n";
    fs::write(directory.path().join("nginx.conf"), text).unwrap();
    let lint = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
        command.args(["lint", "nginx.conf", "--nginx-version", "1.28.0"]).args(arguments);
        let output = command.current_dir(directory.path()).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (out, _) = lint(&[]);
    assert!(out.contains("can be repaired with `ngxc lint --fix --unsafe`, after a look"), "{out}");
    let (diff, said) = lint(&["--diff"]);
    assert!(diff.is_empty() && said.contains("no repair is safe without a look"), "{diff}{said}");
    let (diff, said) = lint(&["--diff", "--unsafe"]);
    assert!(diff.contains('+') && !said.contains("no repair"), "{diff}{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn who_may_read_a_file_may_read_it_after_the_fix() {
    const ACCESS: &str = "system.posix_acl_access";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nginx.conf");
    let text = "worker_processes 1;\nevents { }\nhttp {\n    server_tokens on;\n}\n";
    fs::write(&file, text).unwrap();
    // Version 2, then tag, rights and id of each entry: owner rw, the user 65534 r, group r, mask r, others nothing.
    let mut list = vec![2, 0, 0, 0];
    for (tag, rights, id) in
        [(1, 6, u32::MAX), (2, 4, 65_534), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)]
    {
        list.extend(u16::to_le_bytes(tag));
        list.extend(u16::to_le_bytes(rights));
        list.extend(u32::to_le_bytes(id));
    }
    if let Err(error) = xattr::set(&file, ACCESS, &list) {
        eprintln!("skipped: this file system has no access lists: {error}");
        return;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    command.args(["lint", "--fix", "--select", "server-tokens", "nginx.conf"]).current_dir(directory.path());
    assert!(command.output().unwrap().status.success());
    assert!(fs::read_to_string(&file).unwrap().contains("server_tokens off;"));
    assert_eq!(xattr::get(&file, ACCESS).unwrap().unwrap(), list);
}

#[cfg(unix)]
#[test]
fn a_diff_names_files_that_patch_changes() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("sites-available")).unwrap();
    fs::create_dir(at("sites-enabled")).unwrap();
    fs::write(at("sites-available/a"), "server { listen 80; location / { proxy_pass http://app; } }\n")
        .unwrap();
    std::os::unix::fs::symlink("../sites-available/a", at("sites-enabled/a")).unwrap();
    let main = |include: &str| {
        format!(
            "events {{ }}\nhttp {{\n    upstream app {{ server 10.0.0.1; }}\n    include {include}sites-enabled/*;\n}}\n"
        )
    };
    let absolute = format!("{}/", directory.path().canonicalize().unwrap().display());
    for include in ["", &absolute] {
        fs::write(at("nginx.conf"), main(include)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
        command.args(["lint", "--diff", "--select", "reuse", "nginx.conf"]).current_dir(&directory);
        let diff = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let names: Vec<&str> = diff.lines().filter_map(|line| line.strip_prefix("+++ b/")).collect();
        // The link itself is never named, and all names are of one kind.
        assert!(names.len() == 2 && names.iter().any(|name| name.ends_with("sites-available/a")), "{diff}");
        let is_absolute = |name: &&str| Path::new("/").join(name).is_file();
        assert!(names.iter().all(is_absolute) || !names.iter().any(is_absolute), "{diff}");
    }
}
