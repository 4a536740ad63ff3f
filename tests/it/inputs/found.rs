//! Texts of people that fresh readers found to be read wrongly: tags in strings, odd characters, dumps behind prefixes, keys of
//! YAML, files of directories.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::run;

fn check(directory: &Path, name: &str, text: &str, more: &[&str]) -> (i32, String) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let arguments: Vec<&str> =
        ["check", "--format", "short", name].into_iter().chain(more.iter().copied()).collect();
    let (status, out, _) = run(directory, &arguments, b"");
    (status, out)
}

#[test]
fn what_closes_a_tag_does_not_stand_in_its_strings() {
    let here = tempfile::tempdir().unwrap();
    for (name, language, tag) in [
        ("a.tmpl", "go", "{{ $own := \"a}}b\" }}"),
        ("b.tmpl", "go", "{{ `raw }} {{\n }}` }}"),
        ("c.tmpl", "go", "{{- /* it's }} */ -}}"),
        ("d.j2", "jinja", "{{ \"}}\" }}"),
        ("e.j2", "jinja", "{% set x = {'a': {'b': '%}'}} %}"),
    ] {
        let text = format!("{tag}\nserver {{\n    listen 80;\n    bogus on;\n}}\n");
        let line = text.lines().position(|line| line.contains("bogus")).unwrap() + 1;
        let (status, out) = check(here.path(), name, &text, &["--template", language]);
        let place = format!("{name}:{line}:5: error: unknown directive `bogus`");
        assert!(status == 1 && out.contains(&place) && out.matches("error:").count() == 1, "{tag}: {out}");
    }
    // By its text alone.
    let (_, out) =
        check(here.path(), "f.conf", "{{ $x := \"a}}b\" }}\nserver { listen {{ .Port }}; }\n", &[]);
    assert!(out.contains("found a template in Go") && out.lines().count() == 1, "{out}");
    // A quote that never ends is no string.
    let (_, out) =
        check(here.path(), "g.j2", "server { listen {{ p's }};\n wrong; }\n", &["--template", "jinja"]);
    assert!(out.contains("g.j2:2:2: error: unknown directive `wrong`"), "{out}");
}

#[test]
fn a_statement_in_a_comment_hides_no_directives() {
    let here = tempfile::tempdir().unwrap();
    let text =
        "server {\n    # {% if tls %}\n    bogus;\n    # {% endif %}\n    listen 80; # {{ port }}\n}\n";
    let (_, out) = check(here.path(), "a.j2", text, &["--template", "jinja"]);
    assert!(out.contains("a.j2:3:5: error: unknown directive `bogus`"), "{out}");
}

#[test]
fn wide_characters_are_named_and_repaired() {
    let here = tempfile::tempdir().unwrap();
    let text = "events {}\nhttp { server { listen ８０; server_name a．example; root ／srv; add_header A ｂ；\n\
                sendfile\u{fe0f} on; } }\n";
    let (status, out) = check(here.path(), "a.conf", text, &[]);
    for words in [
        "expected `80`, found the full-width character U+FF18",
        "expected `a.example`, found the full-width character U+FF0E",
        "expected `/srv`, found the full-width character U+FF0F",
        "expected `b`, found the full-width character U+FF42",
        "found a full-width semicolon (U+FF1B)",
        "found a variation selector (U+FE0F)",
    ] {
        assert!(out.contains(words), "{words} in\n{out}");
    }
    assert_eq!(status, 1, "{out}");
    run(here.path(), &["lint", "--fix", "a.conf"], b"");
    let fixed = fs::read_to_string(here.path().join("a.conf")).unwrap();
    assert!(
        fixed.is_ascii() && fixed.contains("listen 80; server_name a.example; root /srv; add_header A b;"),
        "{fixed}"
    );
    // Words of another language are text.
    let (status, out) = check(here.path(), "b.conf", "server { return 200 你好：世界; }\n", &[]);
    assert_eq!((status, out.as_str()), (0, ""));
}

#[test]
fn a_line_end_that_hides_directives_in_a_comment_is_told() {
    let here = tempfile::tempdir().unwrap();
    let text = "# site\rserver { lissen 80; }\r";
    let (status, out) = check(here.path(), "a.conf", text, &[]);
    assert!(status == 0 && out.contains("a carriage return alone (U+000D) in a comment"), "{out}");
    let (_, out, _) = run(here.path(), &["lint", "a.conf"], b"");
    assert!(out.contains("`tr '\\r' '\\n' < FILE`"), "{out}");
    let (_, out) = check(here.path(), "b.conf", "# site\r\nserver { listen 80; }\r\n# end\r", &[]);
    assert_eq!(out, "");
}

#[test]
fn dumps_are_read_or_refused() {
    let here = tempfile::tempdir().unwrap();
    let plain = "# configuration file /etc/nginx/nginx.conf:\nevents {}\nhttp {\n    lissen 1;\n}\n\n";
    let built: String = plain.lines().enumerate().fold(String::new(), |mut all, (n, line)| {
        let _ = writeln!(all, "#12 {n}.{:03} {line}", 300 + n);
        all
    });
    for text in [built, plain.replace('\n', "\r")] {
        let (status, out, _) = run(here.path(), &["check", "--format", "short", "-"], text.as_bytes());
        let place = "/etc/nginx/nginx.conf:3:5: error: unknown directive `lissen`";
        assert!(status == 1 && out.contains(place), "{text}\n{out}");
    }
    let commented = plain.lines().map(|line| ["## ", line, "\n"].concat()).collect::<Vec<_>>().concat();
    let (status, out, _) = run(here.path(), &["check", "--format", "short", "-"], commented.as_bytes());
    assert!(status == 1 && out.contains("found its headings and no line that can be read"), "{out}");
}

const KEYS: &str = "data:\n  nginx.conf: |\n    events {}\n    http {\n      limit_req_zone $uri zone=own:1m rate=1r/s;\n      include \
                    conf.d/*.conf;\n    }\n  site.conf: |\n    server { listen 80; limit_req zone=own; bogus; }\n  second.conf: \
                    |\n    events {}\n    http { server { wrong; } }\n";

#[test]
fn keys_of_yaml_are_judged_as_the_files_that_they_become() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("map.yaml"), KEYS).unwrap();
    // A main file is no part of another one, and what is a part is judged once.
    for (name, input) in [("map.yaml", &b""[..]), ("-", KEYS.as_bytes())] {
        let (_, out, said) = run(here.path(), &["check", "--format", "short", name], input);
        assert_eq!((out.matches("`bogus`").count(), out.matches("`wrong`").count()), (1, 1), "{out}");
        assert!(out.lines().count() == 2 && !said.contains("fragment"), "{out}{said}");
    }
    // One key, inside of the one that includes it.
    let (status, out, said) = run(here.path(), &["check", "--format", "short", "map.yaml#site.conf"], b"");
    assert!(status == 1 && out.contains("`bogus`") && out.lines().count() == 1, "{out}{said}");
    assert!(!said.contains("fragment"), "{said}");
}

#[test]
fn a_file_that_is_not_there_yet_is_judged_in_its_place() {
    let here = tempfile::tempdir().unwrap();
    let main =
        "events {}\nhttp {\n  limit_req_zone $uri zone=own:1m rate=1r/s;\n  include conf.d/*.conf;\n}\n";
    fs::create_dir(here.path().join("conf.d")).unwrap();
    fs::write(here.path().join("nginx.conf"), main).unwrap();
    let text = b"server { listen 80; limit_req zone=own; bogus; }\n";
    let arguments = ["check", "--format", "short", "--stdin-filename", "conf.d/new.conf", "-"];
    let (status, out, said) = run(here.path(), &arguments, text);
    assert!(
        status == 1 && out.starts_with("conf.d/new.conf:1:41: error: unknown directive `bogus`"),
        "{out}{said}"
    );
    assert!(out.lines().count() == 1 && !said.contains("fragment"), "{out}{said}");
}

#[test]
fn files_of_directories_are_what_they_show() {
    let here = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = here.path().join("d").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("site.conf", "server {\n    listen ${PORT};\n    ${EXTRA}\n    server_name ${name};\n}\n");
    write(
        "block.conf",
        "# Nginx UI Template Start\r\nname = \"A, b\"\r\n# Nginx UI Template End\r\nlocation / { try_files $uri =404; }\r\n",
    );
    write("a.nginx", "server { listen 81; bogus; }\n");
    write("nginx.conf.example", "server { listen 82; }\n");
    write("site.conf.bak-2024-01-31", "server { listen 82; }\n");
    write(".hidden/b.conf", "server { listen 83; }\n");
    let (status, out, _) = run(here.path(), &["check", "--format", "short", "d"], b"");
    assert_eq!((status, out.matches("error:").count()), (1, 1), "{out}");
    assert!(out.contains("d/a.nginx:1:21: error: unknown directive `bogus`"), "{out}");
    let (_, _, said) = run(here.path(), &["check", "-v", "d"], b"");
    for words in
        ["left out: d/nginx.conf.example", "left out: d/.hidden", "left out: d/site.conf.bak-2024-01-31"]
    {
        assert!(said.contains(words), "{words} in\n{said}");
    }
    // nginx reads no placeholder: the file by itself is wrong.
    let (status, _, _) = run(here.path(), &["check", "d/site.conf"], b"");
    assert_eq!(status, 1);
    let (status, out, _) = run(here.path(), &["check", "d/nginx.conf.example"], b"");
    assert_eq!(status, 0, "{out}");
}

#[test]
fn extracted_paths_lead_through_directories_that_they_leave() {
    let here = tempfile::tempdir().unwrap();
    let text = "# configuration file /etc/nginx/nginx.conf:\nevents {}\nhttp { include /etc/nginx/conf.d/../x.conf; }\n\n\
                # configuration file /etc/nginx/conf.d/../x.conf:\nserver { listen 81; server_tokens off; }\n\n";
    fs::write(here.path().join("dump"), text).unwrap();
    let (_, out, said) = run(here.path(), &["check", "--format", "short", "--extract", "o", "dump"], b"");
    assert!(!out.contains("include-not-found"), "{out}{said}");
}

#[test]
fn known_vulnerabilities_have_a_baseline_too() {
    let here = tempfile::tempdir().unwrap();
    fs::write(
        here.path().join("nginx.conf"),
        "events { }\nhttp { server { listen 80;\n location /v/ { mp4; } } }\n",
    )
    .unwrap();
    let audit = |more: &[&str]| {
        let own = ["audit", "--nginx-version", "1.26.1", "--format", "short", "nginx.conf"];
        let arguments: Vec<&str> = own.into_iter().chain(more.iter().copied()).collect();
        run(here.path(), &arguments, b"")
    };
    assert_eq!(audit(&[]).0, 1);
    audit(&["--write-baseline=known.json"]);
    let (status, out, said) = audit(&["--baseline", "known.json"]);
    assert_eq!((status, out.as_str()), (0, ""), "{said}");
}

#[test]
fn a_secret_says_that_it_has_to_be_decoded() {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("d")).unwrap();
    let text = "kind: Secret\ndata:\n  nginx.conf: ZXZlbnRzIHsgfQpodHRwIHsgfQ==\n  password: c2VjcmV0IHdpdGhvdXQgc2Vuc2U=\n";
    fs::write(here.path().join("d/secret.yaml"), text).unwrap();
    for name in ["d/secret.yaml", "d"] {
        let (status, out, _) = run(here.path(), &["check", "--format", "short", name], b"");
        let words = "d/secret.yaml:3:15: error: expected a configuration, found `nginx.conf` in base64";
        assert!(status == 1 && out.starts_with(words), "{out}");
    }
}
