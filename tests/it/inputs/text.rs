//! Characters that are not what they look like, and files in another encoding.

use std::fs;

use super::run;

#[test]
fn characters_that_look_like_others_are_named_and_repaired() {
    let here = tempfile::tempdir().unwrap();
    let text = "events {}\nhttp { server { listen 18001; location / { return 200 \u{201c}hello\u{201d}; }\n\
                proxy_set_header X-A\u{a0}$host 1;\nkeepalive_\u{200b}timeout 5;\n\u{feff}sendfile on; } }\n";
    fs::write(here.path().join("a.conf"), text).unwrap();
    let (_, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
    for words in [
        "a.conf:2:55: warning: expected `\"`, found a typographic quote (U+201C)",
        "a.conf:3:21: warning: expected a space, found a no-break space (U+00A0)",
        "a.conf:4:11: error: expected nothing, found a zero-width space (U+200B)",
        "a.conf:5:1: error: expected nothing, found a byte order mark (U+FEFF)",
    ] {
        assert!(out.contains(words), "{words} in\n{out}");
    }
}

#[test]
fn fixes_put_plain_characters_in_their_place() {
    let here = tempfile::tempdir().unwrap();
    let text =
        "events {}\nhttp { server { listen 18001; location / { return 200 \u{201c}hello\u{201d}; } } }\n";
    fs::write(here.path().join("a.conf"), text).unwrap();
    let (_, _, complaint) = run(here.path(), &["lint", "--fix", "a.conf"], b"");
    let fixed = fs::read_to_string(here.path().join("a.conf")).unwrap();
    assert!(fixed.contains("return 200 \"hello\";"), "{fixed}{complaint}");
}

#[test]
fn comments_quoted_words_and_patterns_may_hold_them() {
    let here = tempfile::tempdir().unwrap();
    let text = "# it\u{2019}s\u{a0}here \u{201c}x\u{201d}\nevents {}\nhttp { server { listen 1; location / { return 200 \
                \"a\u{a0}\u{201c}b\u{201d}\"; } location ~ \u{a0} { return 204; } server_name l\u{2019}eau; } }\n";
    fs::write(here.path().join("a.conf"), text).unwrap();
    let (status, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
    assert!(!out.lines().any(|l| l.contains("typographic")), "{status} {out}");
}

#[test]
fn a_file_in_utf16_is_one_error() {
    let here = tempfile::tempdir().unwrap();
    let text = "events {}\nhttp { server { listen 80; } }\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    fs::write(here.path().join("a.conf"), &wide).unwrap();
    let (_, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
    assert!(out.contains("found UTF-32 (little endian)") && out.lines().count() == 1, "{out}");
    for bytes in [[&[0xff, 0xfe][..], &little].concat(), [&[0xfe, 0xff][..], &big].concat(), little, big] {
        fs::write(here.path().join("a.conf"), &bytes).unwrap();
        let (status, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
        assert_eq!((status, out.lines().count()), (1, 1), "{out}");
        assert!(out.starts_with("a.conf:1:1: error: expected a text in UTF-8, found UTF-16"), "{out}");
        for command in ["fmt", "show"] {
            let (status, _, complaint) = run(here.path(), &[command, "a.conf"], b"");
            assert!(status == 2 && complaint.contains("found UTF-16"), "{command}: {complaint}");
        }
        let (_, _, complaint) = run(here.path(), &["lint", "--fix", "a.conf"], b"");
        assert_eq!(fs::read(here.path().join("a.conf")).unwrap(), text.as_bytes(), "{complaint}");
    }
}

#[test]
fn what_nginx_refuses_because_of_a_character_is_one_error_with_a_repair() {
    let here = tempfile::tempdir().unwrap();
    for (wrong, right, count) in [
        ("\u{feff}server { listen 1; }", "server { listen 1; }", 1),
        (
            "server { listen 1; }\n\u{feff}server { listen 2; }",
            "server { listen 1; }\nserver { listen 2; }",
            1,
        ),
        ("server { listen 1\u{ff1b}\n root /x; }", "server { listen 1;\n root /x; }", 1),
        ("server { root /x\u{37e}\n index a; }", "server { root /x;\n index a; }", 1),
        ("server \u{ff5b}\n listen 1;\n\u{ff5d}", "server {\n listen 1;\n}", 2),
        ("server {\n listen\u{a0}1;\n}", "server {\n listen 1;\n}", 1),
        ("server {\n listen 1;\n\u{a0}}", "server {\n listen 1;\n }", 1),
        ("server { listen 1;\u{200f} root /x; }", "server { listen 1; root /x; }", 1),
        ("server { listen\u{b}1; }", "server { listen 1; }", 1),
        ("server { s\u{435}rver_name a; listen 1; }", "server { server_name a; listen 1; }", 1),
        ("server { r\u{3bf}\u{3bf}t /x; listen 1; }", "server { root /x; listen 1; }", 1),
        ("server { add_header X \u{201c}a b\u{201d}; }", "server { add_header X \"a b\"; }", 1),
    ] {
        fs::write(here.path().join("a.conf"), wrong).unwrap();
        let (status, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
        assert_eq!((status, out.lines().count()), (1, count), "{wrong}\n{out}");
        assert!(
            out.lines().all(|l| l.contains("[odd-character]") || l.contains("[byte-order-mark]")),
            "{out}"
        );
        let (_, _, complaint) = run(here.path(), &["lint", "--fix", "a.conf"], b"");
        assert_eq!(fs::read_to_string(here.path().join("a.conf")).unwrap(), right, "{complaint}");
    }
}

#[test]
fn both_quotes_of_a_pair_are_repaired() {
    let here = tempfile::tempdir().unwrap();
    let text = "server { listen 1;\n if ($http_x = \u{201c}a\u{201d}) { return 403; }\n}\n";
    fs::write(here.path().join("a.conf"), text).unwrap();
    let (status, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
    assert_eq!((status, out.matches("odd-character").count()), (0, 1), "{out}");
    let (_, _, complaint) = run(here.path(), &["lint", "--fix", "a.conf"], b"");
    let fixed = fs::read_to_string(here.path().join("a.conf")).unwrap();
    assert!(fixed.contains("if ($http_x = \"a\") {"), "{fixed}{complaint}");
}

#[test]
fn what_is_no_configuration_is_named_as_what_it_is() {
    let here = tempfile::tempdir().unwrap();
    for (bytes, name) in [
        (&b"\x1f\x8b\x08\x00\x00{;}"[..], "packed by gzip"),
        (b"PK\x03\x04\x14\x00", "zip archive"),
        (b"\x00\x01\x02\x00\x03{\x00}", "data that is no text"),
        (b"<!DOCTYPE html>\n<html>{}</html>\n", "a web page"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n", "certificate or a key"),
        (b"FROM nginx:1\nCOPY a /b\nCMD [\"nginx\", \"-g\"]\n", "a Dockerfile"),
        (b"; pool\n[www]\nlisten = 9000\nuser = a\n", "an INI file"),
        (b"<VirtualHost *:80>\n  DocumentRoot /x\n</VirtualHost>\n", "configuration of Apache"),
        (b"#!/bin/sh\nset -e\nif true; then echo a; fi\n", "a script"),
        (b"bind 127.0.0.1\nport 6379\nsave 900 1\n", "file of another program"),
    ] {
        fs::write(here.path().join("a.conf"), bytes).unwrap();
        let (status, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
        assert_eq!((status, out.lines().count()), (1, 1), "{name}: {out}");
        assert!(out.contains(name) && out.contains("[not-text]"), "{name}: {out}");
    }
    fs::write(here.path().join("a.conf"), "lissen 80\n").unwrap();
    let (_, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
    assert!(out.contains("unknown directive `lissen`"), "{out}");
}
