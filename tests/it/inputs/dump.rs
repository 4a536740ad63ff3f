//! Dumps of `nginx -T`: split, judged as the tree that they come from, and taken apart.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use ngxc::syntax::Dump;

use super::{nginx, ngxc, run};

/// Files with their paths, as nginx prints them.
fn dump(files: &[(&str, &str)]) -> String {
    files.iter().fold(String::new(), |mut all, (path, text)| {
        writeln!(all, "# configuration file {path}:\n{text}").unwrap();
        all
    })
}

const MAIN: &str = "events {}\nhttp {\n    include sites/*.conf;\n    include /etc/nginx/extra;\n}\n";
const SITE: &str = "server {\n    listen 8080;\n    lissen 1;\n}\n";
const EXTRA: &str = "keepalive_timeout 5;";

fn three() -> String {
    dump(&[("/etc/nginx/nginx.conf", MAIN), ("/etc/nginx/sites/a.conf", SITE), ("/etc/nginx/extra", EXTRA)])
}

#[test]
fn findings_name_the_files_that_the_dump_was_made_of() {
    let here = tempfile::tempdir().unwrap();
    let messages = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n\
                    nginx: configuration file /etc/nginx/nginx.conf test is successful\n";
    let warned = format!("nginx: [warn] could not build optimal variables_hash\n{messages}{}", three());
    let pod = format!("Defaulted container \"web\" out of: web, log\n{messages}{}", three());
    let late = format!("{}{messages}", three());
    let terminal = pod.replace('\n', "\r\n");
    for text in [three(), warned, pod, late, terminal] {
        let (status, out, _) = run(here.path(), &["check", "--format", "short", "-"], text.as_bytes());
        let first = out.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("/etc/nginx/sites/a.conf:3:5: error: unknown directive `lissen`"),
            "{text}\n{out}"
        );
        assert_eq!((status, out.lines().count()), (1, 1), "{text}\n{out}");
    }
}

#[test]
fn every_command_takes_a_dump() {
    let here = tempfile::tempdir().unwrap();
    let text = three().replace("lissen 1", "server_name b");
    fs::write(here.path().join("dump"), &text).unwrap();
    for arguments in
        [&["show", "dump"][..], &["parse", "dump"], &["lint", "dump"], &["compile", "dump", "-o", "x.ngxc"]]
    {
        let (status, out, complaint) = run(here.path(), arguments, b"");
        assert_eq!(status, 0, "{arguments:?}: {out}{complaint}");
    }
    let (_, out, _) = run(here.path(), &["show", "-"], text.as_bytes());
    assert!(out.contains("/etc/nginx/sites/a.conf"), "{out}");
}

#[test]
fn what_looks_like_a_heading_is_none() {
    let looks = "# configuration file /etc/nginx/other.conf:\n";
    let main = format!(
        "{looks}events {{}}\nhttp {{\n{looks}    log_format x '\n{looks}';\n    include in;\n}}\n\n{looks}"
    );
    let inside = format!("server {{\n{looks}}}\n");
    let text = dump(&[("/etc/nginx/nginx.conf", &main), ("/etc/nginx/in", &inside)]);
    let read = Dump::read(text.as_bytes()).unwrap();
    let files: Vec<(String, String)> =
        read.files().map(|f| (f.path.display().to_string(), String::from_utf8(f.text).unwrap())).collect();
    assert_eq!(files, [("/etc/nginx/nginx.conf".to_owned(), main), ("/etc/nginx/in".to_owned(), inside)]);
}

#[test]
fn an_ordinary_file_is_no_dump() {
    for text in [
        "# configuration file for the proxy:\nevents {}\n",
        "# configuration file: /etc/nginx/nginx.conf\nevents {}\n",
        "events {}\n# configuration file /etc/nginx/nginx.conf:\nhttp {}\n",
        "",
    ] {
        assert!(Dump::read(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn a_file_that_is_there_twice_counts_once() {
    let here = tempfile::tempdir().unwrap();
    let twice = three() + &three();
    let (_, once, _) = run(here.path(), &["lint", "--format", "short", "-"], three().as_bytes());
    let (_, out, _) = run(here.path(), &["lint", "--format", "short", "-"], twice.as_bytes());
    assert_eq!(out, once);
    let differs =
        three() + &dump(&[("/etc/nginx/nginx.conf", MAIN), ("/etc/nginx/extra", "keepalive_timeout 6;")]);
    let (_, out, _) = run(here.path(), &["check", "--format", "short", "-"], differs.as_bytes());
    assert!(out.contains("/etc/nginx/extra:1:1: warning: the dump holds `/etc/nginx/extra` twice"), "{out}");
}

#[test]
fn a_dump_is_judged_as_its_tree() {
    let blocks = [
        "server { listen 8081; location / { proxy_pass http://app; } }\n",
        "server { listen 8081; listen 8081; }\n",
        "map $host $kind { default a; }\nserver { set $x $kin; }",
        "server { if ($host = a) { return 301 https://$host$request_uri; } }\n\n",
        "upstream app { server 10.0.0.1; keepalive 4; }",
        "# only a comment",
        "",
    ];
    for n in 0..1 << blocks.len() {
        let here = tempfile::tempdir().unwrap();
        let root = here.path().join("t");
        let main = root.join("nginx.conf");
        let mut files = vec![(main.clone(), "events {}\nhttp {\n    include conf.d/*;\n}\n".to_owned())];
        for (i, block) in blocks.iter().enumerate().filter(|(i, _)| n >> i & 1 == 1) {
            files.push((root.join(format!("conf.d/{i}")), (*block).to_owned()));
        }
        // Every case of the dump is compared; processes are started for a part of them.
        if n % 9 != 0 {
            continue;
        }
        fs::create_dir_all(root.join("conf.d")).unwrap();
        let mut text = String::new();
        for (path, content) in &files {
            fs::write(path, content).unwrap();
            writeln!(text, "# configuration file {}:\n{content}", path.display()).unwrap();
        }
        for command in ["check", "lint"] {
            let tree = ngxc(here.path(), &[command, "--format", "short", main.to_str().unwrap()], b"");
            fs::rename(&root, here.path().join("away")).unwrap();
            let dump = ngxc(here.path(), &[command, "--format", "short", "-"], text.as_bytes());
            fs::rename(here.path().join("away"), &root).unwrap();
            let shown =
                |o: &std::process::Output| (o.status.code(), String::from_utf8_lossy(&o.stdout).into_owned());
            assert_eq!(shown(&dump), shown(&tree), "{command} {text}");
        }
    }
}

#[test]
fn the_dump_of_a_real_nginx_is_judged_as_its_tree() {
    let Some(program) = nginx::program() else { return };
    let here = tempfile::tempdir().unwrap();
    let path = here.path();
    fs::create_dir(path.join("d")).unwrap();
    let main = format!(
        "pid {0}/pid; error_log {0}/log;\nevents {{}}\nhttp {{ access_log off;\n include d/*.conf; include tail;\n}}",
        path.display()
    );
    fs::write(path.join("nginx.conf"), main).unwrap();
    fs::write(path.join("d/a.conf"), "upstream u { server 127.0.0.1:9; }").unwrap();
    fs::write(
        path.join("d/b.conf"),
        "server { listen 127.0.0.1:1; location / { proxy_pass http://u; } }\n\n",
    )
    .unwrap();
    fs::write(path.join("tail"), "# configuration file /no/such/file:\n\ntcp_nopush on;\n").unwrap();
    let main = path.join("nginx.conf");
    let output = Command::new(program).arg("-T").arg("-p").arg(path).arg("-c").arg(&main).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let both = [output.stderr, output.stdout].concat();
    let (_, tree, _) = run(path, &["lint", "--format", "short", main.to_str().unwrap()], b"");
    let (_, dump, _) = run(path, &["lint", "--format", "short", "-"], &both);
    assert!(tree.contains("upstream-not-pooled"), "{tree}");
    assert_eq!(dump, tree);
}

#[test]
fn extracting_writes_the_tree_once() {
    let here = tempfile::tempdir().unwrap();
    let path = here.path();
    let text = three().replace("lissen 1;", "location / { proxy_pass http://127.0.0.1:1; }");
    fs::write(path.join("dump"), &text).unwrap();
    let (status, _, complaint) = run(path, &["lint", "--fix", "dump"], b"");
    assert_eq!(status, 2);
    assert!(complaint.contains("--extract DIR --fix dump"), "{complaint}");
    let (status, _, complaint) = run(path, &["fmt", "dump"], b"");
    assert_eq!((status, complaint.contains("--extract")), (2, true), "{complaint}");
    let absolute = path.join("new");
    for directory in ["tree", absolute.to_str().unwrap()] {
        let (status, out, complaint) =
            run(path, &["check", "--extract", directory, "--format", "short", "dump"], b"");
        assert_eq!((status, out.as_str()), (0, ""), "{complaint}");
        let directory = path.join(directory);
        for (file, text) in [("nginx.conf", MAIN), ("extra", EXTRA)] {
            assert_eq!(fs::read_to_string(directory.join("etc/nginx").join(file)).unwrap(), text);
        }
    }
    fs::write(path.join("tree/etc/nginx/extra"), "# mine\n").unwrap();
    let (status, _, complaint) = run(path, &["lint", "--extract", "tree", "dump"], b"");
    assert_eq!((status, complaint.contains("exists already")), (2, true), "{complaint}");
    assert_eq!(fs::read_to_string(path.join("tree/etc/nginx/extra")).unwrap(), "# mine\n");
    let (status, _, complaint) = run(path, &["lint", "--extract", "other", "tree/etc/nginx/nginx.conf"], b"");
    assert_eq!((status, complaint.contains("is no dump")), (2, true), "{complaint}");
}

#[test]
fn no_path_of_a_dump_leads_out_of_the_directory() {
    let escapes = |main: &str, include: &str, other: &str| {
        let here = tempfile::tempdir().unwrap();
        let work = here.path().join("a/b/c");
        fs::create_dir_all(&work).unwrap();
        let text = dump(&[(main, &format!("events {{}}\ninclude {include};\n")), (other, "user nobody;\n")]);
        let (status, _, complaint) = run(&work, &["check", "--extract", "out", "-"], text.as_bytes());
        let outside = |d: &Path| fs::read_dir(d).unwrap().count();
        assert_eq!((outside(here.path()), outside(&here.path().join("a"))), (1, 1), "{other}: {complaint}");
        (status, work.join("out").exists(), complaint)
    };
    let up = "/../../../../../../../../../tmp/x";
    let (_, written, complaint) = escapes("/etc/nginx/nginx.conf", up, up);
    assert!(written, "{complaint}");
    let (status, written, complaint) = escapes("conf/nginx.conf", "../../../../x/y", "conf/../../../../x/y");
    assert_eq!((status, written), (2, false), "{complaint}");
    assert!(complaint.contains("leads out of every directory"), "{complaint}");
    let inside = "/etc/nginx/nginx.conf/x";
    let (status, written, complaint) = escapes("/etc/nginx/nginx.conf", inside, inside);
    assert_eq!((status, written), (2, false), "{complaint}");
}

#[test]
fn repairs_of_an_extracted_dump_stay_in_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().canonicalize().unwrap().join("other.conf");
    let text = "upstream u { server 10.0.0.1; }\nserver { listen 80; location / { proxy_pass http://u; } }\n";
    std::fs::write(&other, text).unwrap();
    let dump = format!(
        "# configuration file /etc/nginx/nginx.conf:\nevents {{}}\nhttp {{\n    include {};\n}}\n\n",
        other.display()
    );
    std::fs::write(directory.path().join("dump.txt"), dump).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ngxc"));
    command.args(["lint", "--extract", "copy", "--fix", "dump.txt"]).current_dir(&directory);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(std::fs::read_to_string(&other).unwrap(), text, "{said}");
    assert!(directory.path().join("copy").is_dir(), "{said}");
}

#[test]
fn a_large_dump_is_bounded() {
    // Forty thousand headings, each file including everything.
    let mut files = String::from("# configuration file /c/nginx.conf:\nevents {}\nhttp { include d/*; }\n\n");
    for n in 0..40_000 {
        writeln!(files, "# configuration file /c/d/{n}:\nserver {{ listen {}; }}\n", n % 60_000 + 1).unwrap();
    }
    let read = Dump::read(files.as_bytes()).unwrap();
    assert!(read.files().count() <= 10_000);
    // Quotes and blocks that nothing closes.
    let open = format!(
        "# configuration file /c/nginx.conf:\n{}",
        "http { '\n\n# configuration file /x/y:\n".repeat(50_000)
    );
    assert!(Dump::read(open.as_bytes()).is_some());
}

#[test]
fn files_that_somebody_cut_out_of_a_dump_are_notes() {
    let text = dump(&[
        (
            "/etc/nginx/nginx.conf",
            "events {}\nhttp { include mime.types; include conf.d/limits.conf; include conf.d/a.conf; }\n",
        ),
        ("/etc/nginx/conf.d/a.conf", "server { listen 80; limit_req zone=perip; types { } wrong on; }\n"),
    ]);
    let directory = tempfile::tempdir().unwrap();
    let (status, found, error) = run(directory.path(), &["check", "--format", "short", "-"], text.as_bytes());
    assert_eq!(found.matches(" error: ").count(), 1, "{found}{error}");
    assert!(status == 1 && found.contains("unknown directive `wrong`"), "{found}{error}");
    assert!(found.contains("info: cannot read `/etc/nginx/conf.d/limits.conf`"), "{found}");
}

#[test]
fn what_a_failed_command_printed_is_one_error() {
    let directory = tempfile::tempdir().unwrap();
    for text in [
        "nginx: [emerg] open() \"/etc/nginx/x\" failed (2: No such file or directory) in /etc/nginx/nginx.conf:3\nnginx: configuration file \
         /etc/nginx/nginx.conf test failed\n",
        "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful\n",
        "sudo: nginx: command not found\n",
        "Error from server (NotFound): pods \"web\" not found\n",
    ] {
        let (status, found, _) = run(directory.path(), &["check", "--format", "short", "-"], text.as_bytes());
        let first = text.lines().next().unwrap();
        assert_eq!(found.matches(" error: ").count(), 1, "{found}");
        assert!(status == 1 && found.contains(&format!("found a message: {first}")), "{found}");
    }
}

/// The text as a program would print it: each line changed, and others around it.
fn printed(line: impl Fn(usize, &str) -> String) -> String {
    three().lines().enumerate().map(|(n, text)| line(n, text)).collect()
}

#[test]
fn a_dump_is_known_whatever_a_program_printed_around_it() {
    let here = tempfile::tempdir().unwrap();
    let plain = three();
    let forms: [(&str, Vec<u8>); 16] = [
        ("a byte order mark", format!("\u{feff}{plain}").into()),
        (
            "UTF-16 of PowerShell",
            format!("\u{feff}{plain}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        ("compose", printed(|_, line| format!("web-1  | {line}").trim_end().to_owned() + "\n").into()),
        (
            "two containers",
            printed(|n, line| {
                format!("web-1  | {line}\n") + if n % 2 == 0 { "db-1   | ready;\n" } else { "" }
            })
            .into(),
        ),
        ("pods", printed(|_, line| format!("[pod/web-7d9/nginx] {line}\n")).into()),
        ("times", printed(|n, line| format!("2026-11-30T10:00:{n:02}.{n}Z {line}\n")).into()),
        ("syslog", printed(|n, line| format!("Nov 30 10:00:{n:02} web nginx[12]: {line}\n")).into()),
        ("numbers", printed(|n, line| format!("{n:6}\t{line}\n")).into()),
        ("a quoted mail", printed(|_, line| format!("> {line}\n")).into()),
        ("indentation", printed(|_, line| format!("    {line}").trim_end().to_owned() + "\n").into()),
        ("colours", plain.replace("# conf", "\x1b[32m# \x1b[01;31mconf").replace(":\n", ":\x1b[0m\n").into()),
        ("blanks", plain.replace(":\n", ": \r\n").into()),
        ("a prompt", format!("bob@web:~$ sudo nginx -T\n{plain}bob@web:~$ ").into()),
        ("a prompt of root", format!("{plain}[root@web nginx]# exit\nlogout\n").into()),
        ("Markdown", format!("Here it is:\n\n```nginx\n{plain}```\n\nThanks; what is {{ wrong }}?\n").into()),
        ("kubectl", format!("{plain}command terminated with exit code 1\n").into()),
    ];
    for (name, text) in forms {
        let (status, out, error) = run(here.path(), &["check", "--format", "short", "-"], &text);
        let first = out.lines().next().unwrap_or_default();
        let expected = "/etc/nginx/sites/a.conf:3:5: error: unknown directive `lissen`";
        assert!(first.starts_with(expected), "{name}: {out}{error}");
        assert_eq!((status, out.lines().count()), (1, 1), "{name}: {out}");
    }
}

#[test]
fn what_is_only_indented_or_commented_is_no_dump() {
    for text in [
        "    # configuration file /etc/nginx/a.conf:\n    server { listen 80; }\nevents {}\n",
        "# # configuration file /etc/nginx/a.conf:\n# events {}\nevents {}\n",
        "include a.conf; # configuration file /etc/nginx/a.conf:\nevents {}\n",
    ] {
        assert!(Dump::read(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn a_dump_of_windows_has_drives_and_both_slashes() {
    let here = tempfile::tempdir().unwrap();
    let main = "events {}\nhttp {\n  include sites/*.conf;\n  include C:/nginx/conf/extra;\n  include /nginx/root;\n}\n";
    let text = dump(&[
        ("C:\\nginx/conf/nginx.conf", main),
        ("C:\\nginx/conf\\sites/a.conf", SITE),
        ("C:/nginx/conf/extra", EXTRA),
        ("C:/nginx/root", "gzip maybe;"),
    ])
    .replace('\n', "\r\n");
    let (status, out, error) = run(here.path(), &["check", "--format", "short", "-"], text.as_bytes());
    assert_eq!((status, out.lines().count()), (1, 2), "{out}{error}");
    assert!(out.contains("C:/nginx/conf/sites/a.conf:3:5: error: unknown directive `lissen`"), "{out}");
    assert!(out.contains("C:/nginx/root:1:6: error: "), "{out}");
    fs::write(here.path().join("w.conf"), "include E:\\web\\nginx;\n").unwrap();
    let (_, out, _) = run(here.path(), &["check", "--format", "short", "w.conf"], b"");
    assert!(out.lines().all(|line| line.starts_with("w.conf:")), "{out}");
}
