//! Findings that something is not set, where a file that could not be read may set it; and modules that nobody looked into.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;

/// The findings of a command in short form for these files, of which the first is the main one.
fn findings(command: &str, files: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let mut program = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    program.args([command, "--format", "short", files[0].0]).current_dir(directory.path());
    String::from_utf8(program.output().unwrap().stdout).unwrap()
}

fn lint(text: &str) -> String {
    findings("lint", &[("nginx.conf", text)])
}

#[test]
fn a_version_or_header_that_a_missing_file_may_set_is_not_said_to_be_missing() {
    let upstream = "upstream a { server 10.0.0.1:80; server 10.0.0.2:80; keepalive 8; }";
    let says = |text: &str| {
        let found = lint(text);
        found.contains("proxy-http-version-prevents-reuse") || found.contains("connection-header-missing")
    };
    let whole =
        format!("events {{ }} http {{ {upstream} server {{ location / {{ proxy_pass http://a; }} }} }}");
    assert!(says(&whole));
    for text in [
        format!(
            "events {{ }} http {{ {upstream} server {{ location / {{ include gone; proxy_pass http://a; }} }} }}"
        ),
        format!(
            "events {{ }} http {{ {upstream} server {{ include gone; location / {{ proxy_pass http://a; }} }} }}"
        ),
        format!(
            "events {{ }} http {{ include gone; {upstream} server {{ location / {{ proxy_pass http://a; }} }} }}"
        ),
    ] {
        assert!(!says(&text), "{text}");
    }
    // A file that another location misses changes nothing here; nor does a mask, which may match nothing.
    for text in [
        format!(
            "events {{ }} http {{ {upstream} server {{ location / {{ proxy_pass http://a; }} location /b {{ include gone; }} }} }}"
        ),
        format!(
            "events {{ }} http {{ {upstream} server {{ include gone/*; location / {{ proxy_pass http://a; }} }} }}"
        ),
    ] {
        assert!(says(&text), "{text}");
    }
}

#[test]
fn the_same_holds_through_included_files() {
    let main = "events { } http { server { location / { include a.conf; proxy_pass http://10.0.0.1:80; } } }";
    let found = findings("lint", &[("nginx.conf", main), ("a.conf", "include gone;\n")]);
    assert!(found.contains("proxy-to-bare-host"), "{found}");
    // The remedy does not repeat what the missing file may say: nginx refuses a second `proxy_http_version`.
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), main).unwrap();
    fs::write(directory.path().join("a.conf"), "include gone;\n").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ngxc"));
    let output = program.args(["lint", "nginx.conf"]).current_dir(directory.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("look into `gone`") && !text.contains("with `proxy_http_version"), "{text}");
}

#[test]
fn an_upstream_is_judged_unless_a_part_of_itself_is_missing() {
    let judged = |inside: &str, around: &str| {
        let text = format!(
            "events {{ }} http {{ {around} upstream a {{ server 10.0.0.1:80; {inside} }} server {{ location / {{ \
             proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_pass http://a; }} }} }}"
        );
        let found = lint(&text);
        let line = found.lines().find(|line| line.contains("upstream-not-pooled")).unwrap_or_default();
        (line.contains("warning"), line.contains("unless `gone` says otherwise"))
    };
    assert_eq!(judged("", ""), (true, false));
    assert_eq!(judged("", "include gone;"), (true, false));
    assert_eq!(judged("include gone;", ""), (false, true));
}

#[test]
fn servers_whose_addresses_or_names_are_not_known_do_not_conflict() {
    let conflict = |second: &str| {
        let text =
            format!("events {{ }} http {{ server {{ listen 80; server_name a; }} server {{ {second} }} }}");
        findings("check", &[("nginx.conf", &text)]).contains("conflicting-server-name")
    };
    assert!(conflict("server_name a;"));
    assert!(conflict("listen 80; server_name a; include gone;"));
    assert!(!conflict("server_name a; include gone;"));
}

#[test]
fn a_certificate_may_be_in_a_missing_file() {
    let found = |inside: &str| {
        let text = format!("events {{ }} http {{ server {{ listen 443 ssl; {inside} }} }}");
        let all = findings("check", &[("nginx.conf", &text)]);
        all.lines().find(|line| line.contains("missing-certificate")).unwrap_or_default().to_owned()
    };
    assert!(found("").contains("error"));
    assert!(found("include gone;").contains("info"), "{}", found("include gone;"));
}

#[test]
fn directives_of_a_module_that_is_loaded_are_not_called_unknown() {
    let level = |main: &str, directive: &str| {
        let text = format!("{main} events {{ }} http {{ {directive}; }}");
        let all = findings("check", &[("nginx.conf", &text)]);
        let line = all.lines().find(|line| line.contains("unknown-directive")).unwrap_or_default().to_owned();
        (line.contains("error"), line.contains("info"))
    };
    let error = (true, false);
    let note = (false, true);
    assert_eq!(level("", "frobnicate on"), error);
    assert_eq!(level("load_module m/ngx_http_frob_module.so;", "frobnicate on"), note);
    // The catalog knows this module, but perhaps not all of its directives.
    assert_eq!(level("load_module m/ngx_http_brotli_filter_module.so;", "frobnicate on"), error);
    assert_eq!(level("load_module m/ngx_http_lua_module.so;", "lua_some_new_thing on"), note);
    // A directory of modules that is not here may load any.
    assert_eq!(level("include /etc/nginx/modules-enabled/*.conf;", "frobnicate on"), note);
    assert_eq!(level("include /etc/nginx/other/*.conf;", "frobnicate on"), error);
}

#[test]
fn openresty_takes_the_name_servers_of_the_host() {
    let refused = |before: &str| {
        let text = format!("events {{ }} http {{ {before} resolver local=on ipv6=off; }}");
        findings("check", &[("nginx.conf", &text)]).contains("error")
    };
    assert!(refused(""));
    assert!(!refused("lua_shared_dict a 1m;"));
}
