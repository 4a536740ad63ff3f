//! Templates: values, unknown places, languages with statements.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::run;

const SITE: &str = "upstream api {\n    server ${API_HOST}:${API_PORT};\n    keepalive 16;\n}\n\
                    server {\n    listen ${PORT};\n    server_name ${NAME};\n    client_max_body_size ${BODY}m;\n    \
                    ${EXTRA}\n    location / {\n        proxy_pass http://api;\n        proxy_read_timeout ${TIME};\n        \
                    proxy_set_header Host $host;\n    }\n    location /s3/ { proxy_pass ${S3}/bucket/; }\n}\n";

fn check(directory: &Path, name: &str, text: &str, more: &[&str]) -> (i32, String) {
    fs::write(directory.join(name), text).unwrap();
    let arguments: Vec<&str> =
        ["check", "--format", "short", name].into_iter().chain(more.iter().copied()).collect();
    let (status, out, _) = run(directory, &arguments, b"");
    (status, out)
}

#[test]
fn places_without_a_value_are_one_note() {
    let here = tempfile::tempdir().unwrap();
    let (status, out) = check(here.path(), "site.conf.template", SITE, &[]);
    assert_eq!((status, out.lines().count()), (0, 1), "{out}");
    assert!(out.contains("site.conf.template:2:12: info: what stands in 8 places is not known"), "{out}");
    // The rest is judged, and its places are those of the file.
    let wrong = SITE.replace("keepalive 16", "keepalife 16").replace("Host $host", "Host $hots");
    let (status, out) = check(here.path(), "site.conf.template", &wrong, &[]);
    assert_eq!((status, out.lines().count()), (1, 3), "{out}");
    assert!(out.contains(":3:5: error: unknown directive `keepalife`"), "{out}");
    assert!(out.contains(":13:"), "{out}");
    let (status, out) = check(here.path(), "site.conf.template", &SITE.replace("listen ${", "lisen ${"), &[]);
    assert!(status == 1 && out.contains(":6:5: error: unknown directive `lisen`"), "{out}");
}

#[test]
fn values_are_judged_where_they_stand() {
    let here = tempfile::tempdir().unwrap();
    let text = "server { listen ${PORT}; server_name $NAME; wrong 1; }\n";
    let (_, out) = check(here.path(), "a.conf", text, &["--define", "PORT=80", "--define", "NAME=a.example"]);
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.starts_with("a.conf:1:45: error: unknown directive `wrong`"), "{out}");
    let (_, out) = check(here.path(), "a.conf", text, &["--define", "PORT=99999", "--define", "NAME=a"]);
    assert!(out.starts_with("a.conf:1:17: error:"), "{out}");
    fs::write(here.path().join("env"), "# names\nexport PORT=\"81\"\nNAME='b.example'\nEMPTY\n\n").unwrap();
    let (_, out) = check(here.path(), "a.conf", &text.replace("wrong 1; ", ""), &["--env-file", "env"]);
    assert_eq!(out, "");
    let (_, out, _) = run(here.path(), &["show", "a.conf", "--env-file", "env", "--define", "PORT=82"], b"");
    assert!(out.contains("82") && out.contains("b.example"), "{out}");
    fs::write(here.path().join("env"), "A B=1\n").unwrap();
    let (status, _, complaint) = run(here.path(), &["check", "a.conf", "--env-file", "env"], b"");
    assert_eq!((status, complaint.contains("env:1: `A B` is no name")), (2, true), "{complaint}");
}

#[test]
fn variables_of_nginx_are_no_places() {
    let here = tempfile::tempdir().unwrap();
    let text = "server { listen 80; set $own a; location ~ ^/(?<id>.*)$ { return 200 ${host}${own}${id}${domain}; } }\n";
    let (status, out) = check(here.path(), "a.template", text, &[]);
    assert_eq!((status, out.lines().count()), (0, 1), "{out}");
    assert!(out.contains("1 place "), "{out}");
    // Without the name of a template the verdict is nginx's.
    let whole = format!("events {{}} http {{ {text} }}\n");
    let (status, out) = check(here.path(), "a.conf", &whole, &[]);
    assert_eq!((status, out.contains("domain")), (1, true), "{out}");
    let (status, _) = check(here.path(), "a.conf", &whole, &["--template", "envsubst"]);
    assert_eq!(status, 0);
}

const LANGUAGES: [(&str, &str, &str, &str); 4] = [
    (
        "site.conf.j2",
        "jinja",
        "Jinja",
        "upstream {{ app }} {\n{% for h in hosts %}\n    server {{ h.ip }}:{{ port | default(80) }};\n{% endfor %}\n}\n\
         server {\n    listen {{ port }};\n{% if tls %}\n    ssl_certificate /etc/{{ app }}.pem;\n{% endif %}\n    \
         lissen 1;\n    location / { proxy_pass http://{{ app }}; }\n}\n",
    ),
    (
        "site.conf.gotmpl",
        "go",
        "Go's template language",
        "upstream {{ .Values.app }} {\n{{- range .Values.hosts }}\n    server {{ .ip }}:{{ $.port }};\n{{- end }}\n}\n\
         server {\n    listen {{ .Values.port | default 80 }};\n{{ if .tls }}\n    keepalive_timeout 5;\n{{ end }}\n    \
         lissen 1;\n    {{ include \"more\" . | nindent 4 }}\n}\n",
    ),
    (
        "site.conf.erb",
        "erb",
        "ERB",
        "upstream <%= @app %> {\n<% @hosts.each do |h| -%>\n    server <%= h %>:80;\n<% end -%>\n}\n\
         server {\n    listen <%= @port %>;\n<% if @tls %>\n    keepalive_timeout 5;\n<% end %>\n    \
         lissen 1;\n    server_name <%= @name %>;\n}\n",
    ),
    (
        "site.conf.tftpl",
        "terraform",
        "Terraform's template language",
        "upstream ${app} {\n%{ for h in hosts ~}\n    server ${h}:${lookup({ a = \"}\" }, h)};\n%{ endfor ~}\n}\n\
         server {\n    listen ${port};\n%{ if tls }\n    keepalive_timeout 5;\n%{ endif }\n    \
         lissen 1;\n    server_name ${join(\" \", names)};\n}\n",
    ),
];

#[test]
fn a_template_with_statements_is_one_error_that_names_its_language() {
    let here = tempfile::tempdir().unwrap();
    for (name, option, language, text) in LANGUAGES {
        for name in [name, "plain.conf"] {
            let (status, out) = check(here.path(), name, text, &[]);
            assert_eq!((status, out.lines().count()), (1, 1), "{name}: {out}");
            assert!(out.contains(&format!("found a template in {language}")), "{out}");
        }
        let (_, out, _) = run(here.path(), &["check", name], b"");
        // A line may break between the two words.
        let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(out.contains(&format!("--template {option}")), "{out}");
        let (status, _, complaint) = run(here.path(), &["fmt", name], b"");
        assert_eq!((status, complaint.contains(language)), (2, true), "{complaint}");
        assert_eq!(fs::read_to_string(here.path().join(name)).unwrap(), text);
    }
}

#[test]
fn a_template_that_is_looked_through_is_judged_in_its_places() {
    let here = tempfile::tempdir().unwrap();
    for (name, option, _, text) in LANGUAGES {
        let (status, out) = check(here.path(), name, text, &["--template", option]);
        let errors: Vec<&str> = out.lines().filter(|l| l.contains(": error: ")).collect();
        assert_eq!((status, errors.len()), (1, 1), "{out}");
        assert!(errors[0].starts_with(&format!("{name}:11:5: error: unknown directive `lissen`")), "{out}");
    }
    let branches =
        "{% if a %}\nserver { listen 80;\n{% else %}\nserver { listen 81;\n{% endif %}\n  lissen 1;\n}\n";
    let (_, out) = check(here.path(), "b.j2", branches, &["--template", "jinja"]);
    assert!(out.contains("b.j2:6:3: error: unknown directive `lissen`"), "{out}");
    assert_eq!(out.lines().filter(|l| l.contains(": error: ")).count(), 1, "{out}");
}

#[test]
fn an_ordinary_file_is_no_template() {
    let here = tempfile::tempdir().unwrap();
    for text in [
        "server {# a comment\n listen 80; return 200 '{{ x }}'; }\n",
        "server { listen 80; # {% if x %}\n # {{ x }}\n}\n",
        "server { listen 80; location ~ \"^/a{2}{{1}}\" { return 204; } }\n",
    ] {
        let (_, out) = check(here.path(), "a.conf", text, &[]);
        assert!(!out.contains("template"), "{text}: {out}");
    }
    let (_, out) = check(here.path(), "a.conf", "server { # {{ managed }}\n listen 80\n}\n", &[]);
    assert!(out.contains("expected `;`"), "{out}");
}

#[test]
fn fixes_leave_the_places_of_a_template_alone() {
    let here = tempfile::tempdir().unwrap();
    let text = "events {}\nhttp { upstream u { server ${HOST}; }\nserver { listen ${PORT};\n location / { proxy_pass http://u; } } }\n";
    fs::write(here.path().join("nginx.conf.template"), text).unwrap();
    let (_, _, complaint) = run(here.path(), &["lint", "--fix", "nginx.conf.template"], b"");
    let fixed = fs::read_to_string(here.path().join("nginx.conf.template")).unwrap();
    assert!(fixed != text, "{complaint}");
    assert!(fixed.contains("server ${HOST};") && fixed.contains("listen ${PORT};"), "{fixed}");
    let (status, _, _) =
        run(here.path(), &["lint", "--fix", "--define", "PORT=1", "nginx.conf.template"], b"");
    assert_eq!(status, 2);
    assert_eq!(fs::read_to_string(here.path().join("nginx.conf.template")).unwrap(), fixed);
}

#[test]
fn templates_that_never_close_are_bounded() {
    let here = tempfile::tempdir().unwrap();
    for (text, option) in [
        ("server { {{ a\n".repeat(30_000), "go"),
        ("{% if a %}\n".repeat(30_000), "jinja"),
        ("<% if a %>\n<%= b\n".repeat(30_000), "erb"),
        ("{{ a }}\n".repeat(30_000) + "{%", "jinja"),
    ] {
        for more in [&[][..], &["--template", option]] {
            let (status, out) = check(here.path(), "a.conf", &text, more);
            assert!(status < 2 && out.lines().count() < 500, "{option} {status}");
        }
    }
    let many = (0..3000).fold(String::new(), |mut all, n| {
        writeln!(all, "set $a{n} ${{X{n}}};").unwrap();
        all
    });
    let (status, _) = check(here.path(), "a.template", &many, &[]);
    assert!(status < 2);
}

/// A template whose values decide everything that somebody may ask.
const UNKNOWN: &str = "upstream app { server ${HOST}:8080; keepalive ${IDLE}; }\n\
                       server { listen ${PORT}; server_name ${NAME}; location / { proxy_pass http://app; add_header X ${X}; } }\n";

#[test]
fn no_answer_is_made_of_unknown_values() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.conf.template"), UNKNOWN).unwrap();
    let ask = |arguments: &[&str]| run(directory.path(), arguments, b"");
    let (status, out, error) = ask(&["show", "a.conf.template", "http://a/"]);
    assert!(status == 2 && out.is_empty(), "{out}");
    assert!(error.contains("`${HOST}` in a.conf.template:1 has no value"), "{error}");
    assert!(error.contains("--define HOST=… --define IDLE=… --define NAME=… --define PORT=…,"), "{error}");
    let (status, _, error) = ask(&["ports", "a.conf.template"]);
    assert!(status == 2 && error.contains("--define HOST=… --define IDLE=…,"), "{error}");
    // The list of servers shows what is written.
    let (status, out, _) = ask(&["show", "a.conf.template"]);
    assert!(status == 0 && out.contains("server ${NAME}  listen ${PORT}"), "{out}");
    // Values that do not matter may stay unknown.
    let known = ["--define", "HOST=10.0.0.1", "--define", "IDLE=4"];
    let (status, out, error) = ask(&[&["ports"], &known[..], &["a.conf.template"]].concat());
    assert!(status == 0 && out.contains("10.0.0.1:8080"), "{out}{error}");
    let more = ["--define", "PORT=80", "--define", "NAME=a"];
    let (status, out, error) =
        ask(&[&["show"], &known[..], &more[..], &["a.conf.template", "http://a/"]].concat());
    assert!(status == 0 && out.contains("http://app"), "{out}{error}");
}

#[test]
fn placeholders_of_other_programs_are_unknown_in_templates_and_explained_elsewhere() {
    let here = tempfile::tempdir().unwrap();
    for (listen, name) in [
        ("${PORT}", "PORT"),
        ("@PORT@", "PORT"),
        ("127.0.0.1:__PORT__", "PORT"),
        ("%%PORT%%", "PORT"),
        ("%ip%:%web_port%", "ip"),
    ] {
        let text = format!("server {{\n    listen {listen};\n    root /srv/a%20b%ad%2F;\n}}\n");
        let (status, out) = check(here.path(), "site.conf", &text, &[]);
        assert_eq!((status, out.lines().count()), (1, 1), "{out}");
        let (_, out, _) = run(here.path(), &["check", "site.conf"], b"");
        assert!(out.contains("--template envsubst") && out.contains(&format!("--define {name}=")), "{out}");
        for (file, more) in [("site.conf.template", &[][..]), ("site.conf", &["--template", "envsubst"])] {
            let (status, out) = check(here.path(), file, &text, more);
            assert_eq!((status, out.lines().count()), (0, 1), "{file}: {out}");
            assert!(out.contains("[template-unknown]"), "{out}");
        }
        let define = format!("--define={name}=8080");
        let (_, out) = check(here.path(), "site.conf.template", &text, &[&define]);
        assert_eq!(out.contains("template-unknown"), name == "ip", "{out}");
    }
}

#[test]
fn templates_in_a_directory_are_found_by_their_names_and_contents() {
    let here = tempfile::tempdir().unwrap();
    let site = "server { listen {{ port }}; location / { return 204; } }\n";
    for (name, text) in [
        ("roles/web/vhost.j2", site),
        ("roles/web/site.conf.j2", site),
        ("terraform/site.conf.tftpl", "server { listen ${port}; }\n"),
        ("cookbook/site.erb", "server { listen <%= @port %>; }\n"),
        ("roles/cache/redis.conf.j2", "bind {{ address }}\nport 6379\nsave 900 1\n"),
        ("roles/db/my.cnf.j2", "[mysqld]\nbind-address = {{ address }}\n"),
    ] {
        let path = here.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (status, out, error) = run(here.path(), &["check", "--format", "short", "."], b"");
    let files: Vec<&str> = out.lines().filter_map(|line| line.split(':').next()).collect();
    let expected = [
        "./cookbook/site.erb",
        "./roles/web/site.conf.j2",
        "./roles/web/vhost.j2",
        "./terraform/site.conf.tftpl",
    ];
    assert_eq!((status, files), (1, expected.to_vec()), "{out}{error}");
    assert!(out.lines().all(|line| line.contains("[template]")), "{out}");
}

#[test]
fn templates_of_the_official_image_are_judged_where_it_puts_them() {
    let here = tempfile::tempdir().unwrap();
    let main = "events {}\nhttp {\n    log_format main '$uri';\n    include /etc/nginx/conf.d/*.conf;\n}\n";
    for (name, text) in [
        ("nginx.conf", main),
        ("conf.d/default.conf", "server { lissen 1; }\n"),
        ("templates/default.conf.template", "server { listen ${PORT}; access_log /dev/stdout main; }\n"),
        ("templates/more.conf.template", "server { listen 81; access_log /dev/stdout other; }\n"),
    ] {
        let path = here.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (status, out, _) = run(here.path(), &["check", "--format", "short", "nginx.conf"], b"");
    assert_eq!((status, out.matches(" error: ").count()), (1, 1), "{out}");
    assert!(out.contains("templates/more.conf.template:1:44: error: unknown log format `other`"), "{out}");
    fs::remove_dir_all(here.path().join("templates")).unwrap();
    fs::remove_dir_all(here.path().join("conf.d")).unwrap();
    let (status, out, _) = run(here.path(), &["check", "nginx.conf"], b"");
    assert!(status == 0 && out.contains("path-map = { \"/etc/nginx/conf.d\" = \"DIR\" }"), "{out}");
}

#[test]
fn the_table_of_show_has_placeholders_as_they_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let text = "server { listen 80; location / { proxy_pass ${BACKEND}/x; } location /r { rewrite ^ ${TO} permanent; } }\n";
    std::fs::write(directory.path().join("s.conf.template"), text).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ngxc"));
    let output = command.args(["show", "s.conf.template"]).current_dir(&directory).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        table.contains("proxy_pass ${BACKEND}/x") && table.contains("rewrite ^ ${TO} permanent"),
        "{table}"
    );
}
