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
        "a.conf:2:61: warning: expected `\"`, found a typographic quote (U+201D)",
        "a.conf:3:21: warning: expected a space, found a no-break space (U+00A0)",
        "a.conf:4:11: warning: expected nothing, found a zero-width space (U+200B)",
        "a.conf:5:1: warning: expected nothing, found a byte order mark (U+FEFF)",
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
    for bytes in [[&[0xff, 0xfe][..], &little].concat(), [&[0xfe, 0xff][..], &big].concat(), little, big] {
        fs::write(here.path().join("a.conf"), &bytes).unwrap();
        let (status, out, _) = run(here.path(), &["check", "--format", "short", "a.conf"], b"");
        assert_eq!((status, out.lines().count()), (1, 1), "{out}");
        assert!(out.starts_with("a.conf:1:1: error: expected a text in UTF-8, found UTF-16"), "{out}");
    }
}
