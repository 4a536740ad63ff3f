//! Templates that are looked through: branches, definitions, tags that never close, placeholders at any place.

use std::fs;
use std::path::Path;

use super::run;

fn check(name: &str, text: &str, more: &[&str]) -> (i32, Vec<String>) {
    let here = tempfile::tempdir().unwrap();
    check_in(here.path(), name, text, more)
}

fn check_in(directory: &Path, name: &str, text: &str, more: &[&str]) -> (i32, Vec<String>) {
    fs::write(directory.join(name), text).unwrap();
    let arguments: Vec<&str> =
        ["check", "--format", "short", name].into_iter().chain(more.iter().copied()).collect();
    let (status, out, _) = run(directory, &arguments, b"");
    (status, out.lines().filter(|l| !l.contains("[template-unknown]")).map(str::to_owned).collect())
}

const JINJA: [&str; 2] = ["--template", "jinja"];
const GO: [&str; 2] = ["--template", "go"];

#[test]
fn texts_of_different_conditions_do_not_contradict_each_other() {
    for text in [
        "server { {% if s %} root /a; {% endif %} {% if not s %} root /b; {% endif %} }\n",
        "server {\n{% if s %}\nlocation / { return 200; }\n{% else %}\nlocation / { return 201; }\n{% endif %}\n}\n",
        "server {\n{% if s %}\n{% if t %}\nroot /a;\n{% endif %}\n{% elif u %}\nroot /b;\n{% endif %}\n}\n",
        "server { listen 80 default_server; }\n{% for p in q %}\nserver { listen 80 default_server; }\n{% endfor %}\n",
        "server { listen {% if a %}80{% else %}81{% endif %}; }\n",
        "server { listen 80{% if a %} ssl{% else %} http2{% endif %} {% if b %}x{% endif %}; }\n",
    ] {
        let (status, found) = check("a.j2", text, &JINJA);
        assert_eq!((status, found.as_slice()), (0, &[][..]), "{text}");
    }
    let go = "server { listen {{ if .a }}80{{ else }}81{{ end }};\n{{ if .b }} root /a; {{ end }}\n{{ with .c }} root /b; {{ end }} }\n";
    assert_eq!(check("a.gotmpl", go, &GO), (0, Vec::new()));
    // Directives in every rendering, or twice in one branch, still contradict each other.
    for (text, place) in [
        ("server { root /a;\n{% if s %} index a; {% endif %}\nroot /b; }\n", "a.j2:3:1: error"),
        ("server {\n{% if s %} root /a;\nroot /b; {% endif %} }\n", "a.j2:3:1: error"),
        ("server { root /a;\n{% if s %}\nroot /b;\n{% endif %} }\n", "a.j2:3:1: error"),
    ] {
        let (status, found) = check("a.j2", text, &JINJA);
        assert!(status == 1 && found.len() == 1 && found[0].starts_with(place), "{text}{found:?}");
    }
}

#[test]
fn a_placeholder_in_the_place_of_directives_is_any_or_none() {
    for (name, more, open, close) in [
        ("a.template", &[][..], "${", "}"),
        ("a.j2", &JINJA[..], "{{ ", " }}"),
        ("a.erb", &["--template", "erb"][..], "<%= ", " %>"),
    ] {
        let place = |name: &str| format!("{open}{name}{close}");
        let (one, two) = (place("ONE"), place("TWO"));
        for text in [
            format!("server {{ location / {{ proxy_pass http://app; {one} }} }}\n"),
            format!("upstream a {{ {one} }}\n"),
            format!("server {{ {one} {two} }}\nserver {{ {one}{two}; listen 81; }}\n"),
            format!("{one} # all of it\nserver {{ {one};\n}}\n"),
        ] {
            assert_eq!(check(name, &text, more), (0, Vec::new()), "{text}");
        }
        // The text of the file is told, not what stands for it.
        let (status, found) = check(name, &format!("server {{ listen {one} }}\n"), more);
        let expected = format!("expected `;` after `listen {one}`, found `}}`");
        assert!(status == 1 && found.len() == 1 && found[0].contains(&expected), "{found:?}");
        let (_, found) = check(name, &format!("server {{ listen 80; set $a{one}{two}\n}}\n"), more);
        assert!(found.len() == 1 && found[0].contains(&format!("`set $a{one}")), "{found:?}");
    }
    let (_, found) = check("a.template", "server { server_name ${host} ${DOMAIN};\n listen 80; }\n", &[]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_a_template_defines_is_not_judged_where_it_is_defined() {
    let jinja = "{% macro place(x) %}\nlocation {{ x }} { return 200; }\n{% endmacro %}\n{% set text %}\nroot /a;\n{% endset %}\n\
                 {% set a = 1 %}\nserver { lissen 1; listen 80; {{ place('/') }} {% include 'more' %} }\n";
    let (_, found) = check("a.j2", jinja, &JINJA);
    assert!(
        found.len() == 1 && found[0].starts_with("a.j2:8:10: error: unknown directive `lissen`"),
        "{found:?}"
    );
    let go = "{{ define \"place\" }}\nlocation / { return 200; }\n{{ if .x }} } {{ end }}\n{{ end }}\n\
              server { lissen 1; {{ template \"place\" . }} }\n";
    let (_, found) = check("a.gotmpl", go, &GO);
    assert!(
        found.len() == 1 && found[0].starts_with("a.gotmpl:5:10: error: unknown directive `lissen`"),
        "{found:?}"
    );
}

#[test]
fn a_tag_that_never_closes_is_one_error_at_the_tag() {
    for (text, place) in [
        ("server {\n  listen {{ port;\n  server_name a;\n}\n", "2:10"),
        ("server {\n  listen {{ port;\n  server_name {{ name }};\n}\n", "2:10"),
        ("server { listen 80;\n{% if a\n root /a; }\n", "2:1"),
        ("{# a comment\nserver { listen 80; }\n", "1:1"),
    ] {
        let (status, found) = check("a.j2", text, &JINJA);
        let starts = format!("a.j2:{place}: error: expected `");
        assert!(status == 1 && found.len() == 1 && found[0].starts_with(&starts), "{text}{found:?}");
    }
    // A mark in quotes is text.
    assert_eq!(check("a.j2", "server { server_name {{ '{{' ~ x }}; }\n", &JINJA).0, 0);
    let here = tempfile::tempdir().unwrap();
    for text in [
        "{{ ".repeat(30_000),
        "{{ ".repeat(30_000) + "}}",
        "{% if a %}".repeat(10_000) + &"{% else %}{% endif %}".repeat(10_000),
    ] {
        let (status, found) = check_in(here.path(), "a.j2", &text, &JINJA);
        assert!(status < 2 && found.len() < 3, "{found:?}");
    }
    for text in ["${A}", "server_name ${A};", "${A} b "] {
        let text = format!("server {{ {} }}\n", text.repeat(10_000));
        assert!(check_in(here.path(), "a.template", &text, &[]).0 < 2);
    }
}

#[test]
fn functions_with_their_arguments_behind_them_are_go() {
    for (text, language) in [
        ("server { listen {{ getenv \"PORT\" }}; }\n", "Go's"),
        ("server { root {{ name | indent 4 }}; }\n", "Go's"),
        ("server { root {{ name | default('a') if not 'b' else c }}; }\n", "Jinja"),
        ("server { root {{ name }}; }\n", "Jinja"),
    ] {
        let (_, found) = check("a.tmpl", text, &[]);
        assert!(found.len() == 1 && found[0].contains(language), "{text}{found:?}");
    }
}

/// A chart: whole lines are filled in at any depth, and a block begins with a condition.
const CHART: &str = "kind: ConfigMap
metadata:
  labels:
{{ include \"x.labels\" . | indent 4 }}
data:
  nginx.conf: |
    {{- if .Values.x }}
    events {}
    {{- else }}
    events { worker_connections 100; }
    {{- end }}
    http {
      server { listen {{ .Values.port }}; lissen 3; }
{{ .Values.extra | indent 6 }}
    }
  default.conf: |-
{{ .Values.conf | indent 4 }}
  {{- if .Values.more }}
  more.conf: |
    server { listen 80; rot /a; }
  {{- end }}
";

#[test]
fn configurations_of_a_chart_are_judged_in_their_places() {
    let (status, found) = check("map.yaml", CHART, &GO);
    let errors: Vec<&String> = found.iter().filter(|l| l.contains(" error: ")).collect();
    assert_eq!((status, errors.len()), (1, 2), "{found:?}");
    assert!(
        errors.iter().any(|l| l.starts_with("map.yaml:13:43: error: unknown directive `lissen`")),
        "{found:?}"
    );
    assert!(
        errors.iter().any(|l| l.starts_with("map.yaml:20:25: error: unknown directive `rot`")),
        "{found:?}"
    );
}

#[test]
fn a_template_inside_of_yaml_is_one_error() {
    let values =
        "replicas: 2\nnginxConfig: |\n  server {\n    listen {{ .Values.port }};\n    root /a;\n  }\n";
    let play = "- hosts: web\n  tasks:\n    - copy:\n        dest: /etc/nginx/conf.d/a.conf\n        content: |\n          \
                {% if a %}\n          server {\n            listen {{ port }};\n          }\n          {% endif %}\n";
    for (name, text, language, place, option) in
        [("values.yaml", values, "Go's", "4:12", GO), ("play.yml", play, "Jinja", "6:11", JINJA)]
    {
        let (status, found) = check(name, text, &[]);
        assert_eq!((status, found.len()), (1, 1), "{found:?}");
        assert!(
            found[0].starts_with(&format!("{name}:{place}: error:")) && found[0].contains(language),
            "{found:?}"
        );
        assert_eq!(check(name, text, &option), (0, Vec::new()));
    }
}
