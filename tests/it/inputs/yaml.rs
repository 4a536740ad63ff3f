//! Configurations inside of YAML are found and judged in place.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::run;

/// A `ConfigMap` with a main file, a site in quotes with escapes, and something that is no configuration.
const MAP: &str = r#"apiVersion: v1
kind: ConfigMap
# é before the text moves bytes against characters
data:
  nginx.conf: |
    events {}
    http {
      server {
        listen 80;
        listn 81;
      }
    }
  site.conf: "server {\n  listen 8080;\n  location ~ ^/a\\.b$ { retrun 404 \"x y\"; }\n}\n"
  prose: |
    use the server; it is fine
  redis.conf: |
    maxmemory 2mb
    appendonly yes
"#;

fn holding(name: &str, text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(name), text).unwrap();
    directory
}

fn check(directory: &Path, file: &str) -> (i32, String) {
    let (status, found, _) = run(directory, &["check", "--format", "short", file], b"");
    (status, found)
}

#[test]
fn findings_point_into_the_yaml_file() {
    let here = holding("map.yaml", MAP);
    let (status, found) = check(here.path(), "map.yaml");
    assert_eq!(status, 1, "{found}");
    assert!(found.contains("map.yaml:10:9: error: unknown directive `listn`"), "{found}");
    let column = MAP.lines().nth(12).unwrap().find("retrun").unwrap() + 1;
    assert!(found.contains(&format!("map.yaml:13:{column}: error: unknown directive `retrun`")), "{found}");
    assert_eq!(found.matches("error:").count(), 2, "{found}");
    // One of them alone.
    let (_, found) = check(here.path(), "map.yaml#nginx.conf");
    assert!(found.contains("listn") && !found.contains("retrun"), "{found}");
    let (status, found) = check(here.path(), "map.yaml#other");
    assert!(status == 1 && found.contains("no configuration in this file is called `other`"), "{found}");
}

#[test]
fn a_command_for_one_configuration_asks_which() {
    let here = holding("map.yml", &MAP.replace("        listn 81;\n", ""));
    let (status, _, error) = run(here.path(), &["show", "map.yml"], b"");
    assert!(
        status == 2 && error.contains("map.yml#nginx.conf") && error.contains("map.yml#site.conf"),
        "{error}"
    );
    let (status, shown, error) = run(here.path(), &["show", "map.yml#nginx.conf"], b"");
    assert!(status == 0 && shown.contains("80"), "{shown}{error}");
}

#[test]
fn standard_input_is_recognised_by_its_text() {
    let here = tempfile::tempdir().unwrap();
    let (status, found, _) = run(here.path(), &["lint", "--format", "short", "-"], MAP.as_bytes());
    assert!(status == 1 && found.contains("listn") && found.contains("retrun"), "{found}");
}

#[test]
fn every_form_of_a_scalar_is_read_as_yaml_reads_it() {
    // The scalar, and whether nginx takes its text.
    let cases = [
        ("|\n    http { server { listen 1; } }\n", true),
        ("|-\n      http {\n        server { listen 1; } }", true),
        ("|2\n      http { server { listen 1; } }\n", true),
        ("&anchor |+\n    http { server { listen 1; } }\n\n", true),
        // Folded: a comment takes the next line with it.
        (">\n    http { server { listen 1; }\n    }\n", true),
        (">\n    http { server { listen 1; } # here\n    }\n", false),
        (">\n    http { server { listen 1; } # here\n\n    }\n", true),
        (">\n    http { server { listen 1; } # here\n      }\n", true),
        ("'http { server { listen 1; return 200 ''a b''; } }'\n", true),
        ("\"http { server { listen 1; return 200 \\\"a b\\\"; } }\"\n", true),
        ("\"http { # here\\n server { listen 1; } }\"\n", true),
        ("\"http { server { listen 1; # here\n    } }\"\n", false),
        ("\"http { server { lis\\\n    ten 1; } }\"\n", true),
        ("\"http { server { listen\\x201; \\u0023 here\\n } }\"\n", true),
        ("http { server { listen 1; } }\n", true),
        ("http { server { listen 1;\n    } }\n", true),
    ];
    for (scalar, right) in cases {
        let here = holding("a.yaml", &format!("data:\n  a.conf: {scalar}"));
        let (status, found) = check(here.path(), "a.yaml");
        assert_eq!(status == 0, right, "{scalar}: {found}");
        assert!(!found.contains("[yaml]"), "{scalar}: {found}");
    }
}

#[test]
fn compose_lists_and_several_documents_are_looked_through() {
    let text = "configs:\n  site:\n    content: |\n      server { listen 80; return 200 $$uri; bad_one; }\n---\nitems:\n  - data:\n      \
                a.conf: |\n        server { bad_two; }\n  - data:\n      a.conf: |\n        server { bad_three; }\n";
    let here = holding("compose.yaml", text);
    let (_, found) = check(here.path(), "compose.yaml");
    for (name, place) in [("bad_one", "4:45"), ("bad_two", "9:18"), ("bad_three", "12:18")] {
        assert!(
            found.contains(&format!("compose.yaml:{place}: error: unknown directive `{name}`")),
            "{found}"
        );
    }
    assert!(!found.contains("invalid-variable"), "{found}");
    let (_, found) = check(here.path(), "compose.yaml#a.conf~2");
    assert!(found.contains("bad_three") && !found.contains("bad_two"), "{found}");
    let (status, found) = check(here.path(), "compose.yaml#site");
    assert!(status == 1 && found.contains("bad_one"), "{found}");
}

#[test]
fn a_block_is_repaired_in_place_and_everything_else_is_left_alone() {
    let block = MAP.replace("        listn 81;\n", "        server_tokens on;\n").replace("retrun", "return");
    let here = holding("map.yaml", &block);
    let fix = ["lint", "--select", "security", "--fix", "map.yaml#nginx.conf"];
    let (_, found, error) = run(here.path(), &fix, b"");
    let after = fs::read_to_string(here.path().join("map.yaml")).unwrap();
    assert_ne!(after, block, "{found}{error}");
    assert!(after.contains("        server_tokens off;\n"), "{after}");
    assert_eq!(after.replace("server_tokens off", "server_tokens on"), block, "{found}{error}");
    // A text in quotes is not changed, and neither is the layout of any.
    let (status, _, error) = run(here.path(), &["lint", "--fix", "map.yaml#site.conf"], b"");
    assert!(status == 2 && error.contains("only blocks of `|`"), "{error}");
    let (status, _, error) = run(here.path(), &["fmt", "map.yaml"], b"");
    assert!(status == 2 && error.contains("is YAML"), "{error}");
    assert_eq!(fs::read_to_string(here.path().join("map.yaml")).unwrap(), after);
}

#[test]
fn yaml_without_a_configuration_or_that_is_none_is_one_error() {
    let here = holding("a.yaml", "kind: Service\nspec:\n  ports: [80]\n");
    let (status, found) = check(here.path(), "a.yaml");
    assert_eq!((status, found.lines().count(), found.contains("found YAML")), (1, 1, true), "{found}");
    let here = holding("b.yaml", "data:\n  a.conf: |\n    server { }\n   b: [\n");
    let (status, found) = check(here.path(), "b.yaml");
    assert!(status == 1 && found.lines().count() == 1 && found.contains("[yaml]"), "{found}");
}

#[test]
fn yaml_that_multiplies_or_never_ends_is_bounded() {
    let mut aliases = "a0: &a0 \"server { listen 80; }\"\n".to_owned();
    for n in 1..40 {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(aliases, "a{n}: &a{n} [{list}]").unwrap();
    }
    let here = holding("aliases.yaml", &aliases);
    // The text behind an alias is judged where it is written.
    assert_eq!(check(here.path(), "aliases.yaml").0, 0);
    let deep = "[".repeat(500_000);
    let keys = "? ".repeat(500_000);
    let open = format!("a: \"server {{ {}", "\\n b".repeat(1_000_000));
    let many = format!("l:\n{}", "- \"listen 80;\"\n".repeat(20_000));
    let large = format!("a: |\n{}", "  listen 80;\n".repeat(1_400_000));
    for (name, text) in [("deep", deep), ("keys", keys), ("open", open), ("large", large)] {
        let here = holding("a.yaml", &text);
        let (status, found) = check(here.path(), "a.yaml");
        assert!(
            status == 1 && found.lines().count() == 1,
            "{name}: {}",
            found.lines().next().unwrap_or_default()
        );
    }
    let here = holding("many.yaml", &many);
    let (status, found) = check(here.path(), "many.yaml");
    assert!(status == 1 && found.contains("more configurations than are read"), "{found}");
    let here = holding("some.yaml", &format!("l:\n{}", "- \"listen 80;\"\n".repeat(200)));
    let (status, _, error) = run(here.path(), &["show", "some.yaml"], b"");
    assert!(status == 2 && error.contains("and so on") && error.len() < 10_000, "{error}");
}

/// Files that Kubernetes mounts into one directory: a main file, what it includes, and data of something else.
const MOUNTED: &str = "kind: ConfigMap
data:
  nginx.conf: |
    events {}
    http {
      include mime.types;
      include /etc/nginx/modules-enabled/*.conf;
      include /etc/nginx/conf.d/*.conf;
      include snippets/pool;
    }
  app.conf: |
    server {
      listen 80;
      location / { proxy_pass http://pool; lmit_rate 1k; }
    }
  pool: |
    upstream pool {
      server 10.0.0.1:80;
    }
";

#[test]
fn the_configurations_of_one_file_include_each_other() {
    let here = holding("web.yaml", MOUNTED);
    let (status, found) = check(here.path(), "web.yaml");
    // The site is judged once, inside of the main file, which knows the upstream.
    let errors: Vec<&str> = found.lines().filter(|line| line.contains(" error: ")).collect();
    assert_eq!(errors, ["web.yaml:14:44: error: unknown directive `lmit_rate` [unknown-directive]"]);
    assert!(status == 1 && found.contains("no file matches `/etc/nginx/modules-enabled/*.conf`"), "{found}");
    let (_, found, error) = run(here.path(), &["lint", "--format", "short", "web.yaml"], b"");
    assert!(found.contains("web.yaml:17:5: warning:"), "the upstream keeps no connections: {found}{error}");
    assert!(!error.contains("fragment"), "{error}");
    // A file on disk is not preferred: the keys are what is mounted.
    fs::create_dir(here.path().join("snippets")).unwrap();
    fs::write(here.path().join("snippets/pool"), "nothing here;").unwrap();
    let (_, found) = check(here.path(), "web.yaml");
    assert!(!found.contains("nothing"), "{found}");
}

#[test]
fn repairs_reach_the_other_configurations_of_a_file() {
    let here = holding("web.yaml", &MOUNTED.replace(" lmit_rate 1k;", ""));
    let (_, _, error) = run(here.path(), &["lint", "--fix", "--nginx-version", "1.28.0", "web.yaml"], b"");
    let text = fs::read_to_string(here.path().join("web.yaml")).unwrap();
    assert!(text.contains("      server 10.0.0.1:80;\n      keepalive 16;\n    }\n"), "{text}{error}");
    assert!(text.contains("proxy_set_header Connection \"\";"), "{text}{error}");
    let (status, found) = check(here.path(), "web.yaml");
    assert!(status == 0 && !found.contains("error:"), "{found}");
    assert_eq!(text.lines().filter(|line| line.starts_with("  ") && line.ends_with('|')).count(), 3);
}

#[test]
fn a_directory_is_searched_for_yaml_that_holds_configurations_for_certain() {
    let here = tempfile::tempdir().unwrap();
    let script = "steps:\n- run: |\n    set -eu;\n    if true; then break; fi\n    return 0;\n";
    let compose = "configs:\n  web:\n    content: |\n      server { listen 80; lcation / { } }\n";
    for (name, text) in [
        ("k8s/web.yaml", MOUNTED),
        ("ci.yml", script),
        ("compose.yml", compose),
        ("values.yaml", "image: nginx\nreplicas: 2\n"),
        ("a.conf", "server { listen 80; }\n"),
    ] {
        let path = here.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (status, found, error) = run(here.path(), &["check", "--format", "short", "."], b"");
    let errors = found.lines().filter(|line| line.contains(" error: "));
    let files: Vec<&str> = errors.map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!((status, files), (1, vec!["./compose.yml", "./k8s/web.yaml"]), "{found}{error}");
    assert!(!error.contains("ci.yml") && !error.contains("values"), "{error}");
    let (status, _, error) = run(here.path(), &["fmt", "--check", "."], b"");
    assert!(status <= 1 && error.contains("YAML, left as it is"), "{error}");
}

#[test]
fn configurations_that_all_include_each_other_are_bounded() {
    let mut text = String::from("data:\n");
    for n in 0..60 {
        write!(text, "  s{n}.conf: |\n    include *.conf;\n    server {{ listen 80; }}\n").unwrap();
    }
    let here = holding("many.yaml", &text);
    let (status, found) = check(here.path(), "many.yaml");
    // The includes lie deeper in each other than nginx's files ever do.
    assert!(status <= 1 && found.lines().count() < 1_000, "{found}");
}

#[test]
fn a_key_that_says_what_it_holds_is_judged_whatever_it_says() {
    let text = "data:\n  nginx.conf: |\n    events {}\n    http { include /etc/nginx/conf.d/*.conf; }\n  default.conf: |\n    sever {\n      \
                listen 80;\n    }\n";
    let here = holding("cm.yaml", text);
    let (status, found) = check(here.path(), "cm.yaml");
    assert!(status == 1 && found.contains("cm.yaml:6:5: error: unknown directive `sever`"), "{found}");
    let snippet = "metadata:\n  annotations:\n    a/http-snippet: |\n      map $http_x $y { default 1; }\n      retrun 1;\n";
    let here = holding("in.yaml", snippet);
    let (status, found) = check(here.path(), "in.yaml");
    assert!(status == 1 && found.contains("unknown directive `retrun`"), "{found}");
    // The main file in YAML is a main file.
    let here = holding("main.yaml", "data:\n  nginx.conf: |\n    http { }\n");
    let (status, found) = check(here.path(), "main.yaml");
    assert!(status == 1 && found.contains("no `events` block"), "{found}");
}

#[test]
fn the_command_of_a_container_is_no_configuration() {
    let text = "services:\n  web: {image: nginx, command: [\"nginx\", \"-g\", \"daemon off;\"]}\nconfigs:\n  c:\n    content: |\n      \
                server { listen 80; location / { return 200; } }\n";
    let here = holding("compose.yaml", text);
    let (status, out, error) = run(here.path(), &["show", "compose.yaml", "http://a/"], b"");
    assert!(status == 0 && out.contains("return 200"), "{out}{error}");
}

#[test]
fn files_that_are_mounted_from_elsewhere_are_notes() {
    let text = "data:\n  nginx.conf: |\n    events {}\n    http {\n      include /etc/nginx/conf.d/gzip.conf;\n      include site.conf;\n    }\n  \
                site.conf: |\n    server { listen 80; limit_req zone=z; }\n";
    let here = holding("cm.yaml", text);
    let (status, found) = check(here.path(), "cm.yaml");
    assert!(status == 0 && found.contains("info: cannot read"), "{found}");
    assert!(!found.contains("error:"), "{found}");
}

#[test]
fn json_is_yaml() {
    let text = "{\n  \"kind\": \"ConfigMap\",\n  \"data\": {\n    \"nginx.conf\": \"events {}\\nhttp { server { listen 80; wrong on; } }\\n\"\n  }\n}\n";
    let here = tempfile::tempdir().unwrap();
    let (status, found, error) = run(here.path(), &["check", "--format", "short", "-"], text.as_bytes());
    assert!(
        status == 1 && found.contains("-:4:") && found.contains("unknown directive `wrong`"),
        "{found}{error}"
    );
    assert_eq!(found.matches(" error: ").count(), 1, "{found}");
}

#[test]
fn compose_fills_in_what_it_knows() {
    let text = "configs:\n  web:\n    content: |\n      server {\n        listen ${PORT:-8080};\n        \
                server_name ${NAME:?say it};\n        client_max_body_size ${SIZE-1m};\n        return 200 $$host$$uri;\n        \
                ${EXTRA}\n        lissen 1;\n      }\n";
    let here = holding("compose.yaml", text);
    let (status, out) = check(here.path(), "compose.yaml");
    assert_eq!((status, out.matches(" error: ").count()), (1, 1), "{out}");
    assert!(out.contains("compose.yaml:10:9: error: unknown directive `lissen`"), "{out}");
    assert!(out.contains("what stands in 2 places"), "{out}");
    let (status, out, _) = run(here.path(), &["show", "compose.yaml", "http://a:8080/"], b"");
    assert!(status == 2, "{out}");
    let wrong = text.replace(":-8080", ":-80800").replace("        lissen 1;\n", "");
    fs::write(here.path().join("compose.yaml"), wrong).unwrap();
    let (status, out) = check(here.path(), "compose.yaml");
    assert!(status == 1 && out.contains("80800"), "{out}");
    let define = ["check", "--format", "short", "--define", "PORT=81", "compose.yaml"];
    let (status, out, _) = run(here.path(), &define, b"");
    assert_eq!(status, 0, "{out}");
}

#[test]
fn scripts_in_yaml_are_no_configurations() {
    for (key, text) in [
        ("run", "set -e; root=/x; echo hi;"),
        ("app.js", "if (a) { return 1; }"),
        ("code", "if (a) { return 1; }"),
        ("nginx-start.sh", "events {}\n    echo a;"),
        ("start", "#!/bin/sh\n    server { listen 80; }"),
        ("entrypoint", "cat <<EOF > /etc/nginx/nginx.conf\n    server { listen 80; }\n    EOF"),
        ("setup", "cat <<EOF > /etc/nginx/nginx.conf\n    server { listen 80; }\n    EOF"),
    ] {
        let here = holding("a.yaml", &format!("data:\n  {key}: |\n    {text}\n"));
        let (status, out) = check(here.path(), "a.yaml");
        assert!(status == 1 && out.contains("[yaml]") && out.lines().count() == 1, "{key}: {out}");
    }
    let here = holding("a.yaml", "data:\n  extra: |\n    proxy_read_timeout 5x;\n    return 200 $uri;\n");
    let (status, out) = check(here.path(), "a.yaml");
    assert!(status == 1 && out.contains("a.yaml:3:"), "{out}");
}
