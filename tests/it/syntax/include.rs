//! Following `include`: where names lead, what is shared, what is refused, and walking the result.

use std::path::{Path, PathBuf};

use ngxc::source::{Disk, Memory};
use ngxc::syntax::{Block, Configuration, IncludeChain, LoadOptions, load};

fn loaded(files: &[(&str, &str)], options: &LoadOptions) -> Configuration {
    let memory = files.iter().fold(Memory::default(), |memory, (path, text)| memory.with(path, *text));
    load(&memory, Path::new(files[0].0), options).unwrap()
}

fn conf(files: &[(&str, &str)]) -> Configuration {
    loaded(files, &LoadOptions::default())
}

/// Code, place, message and the lines of the includes that lead there.
fn findings(configuration: &Configuration) -> Vec<String> {
    let place = |span| configuration.sources.place(span);
    let line = |d: &ngxc::diagnostic::Diagnostic| {
        let includes: Vec<String> = d.includes.iter().map(|&span| place(span)).collect();
        let via = if includes.is_empty() { String::new() } else { format!(" via {}", includes.join(", ")) };
        format!("{} {}: {}{via}", d.code, place(d.span), d.message)
    };
    configuration.diagnostics.iter().map(line).collect()
}

/// The directives in the order of execution: `name(arguments)`, blocks in braces, includes that lead to it after `@`.
fn walked(configuration: &Configuration) -> String {
    fn walk(configuration: &Configuration, block: Block<'_>, chain: &IncludeChain, out: &mut Vec<String>) {
        for (directive, chain) in configuration.expanded_within(block, chain) {
            let words: Vec<String> = directive.words().map(|w| w.to_string()).collect();
            let at: Vec<String> =
                chain.spans().iter().map(|&s| format!("@{}", configuration.sources.place(s))).collect();
            assert_eq!(chain.is_empty(), at.is_empty());
            out.push(format!("{}{}", words.join(" "), at.concat()));
            if let Some(block) = directive.block() {
                out.push("{".into());
                walk(configuration, block, &chain, out);
                out.push("}".into());
            }
        }
    }
    let mut out = Vec::new();
    let root = configuration.tree(configuration.main).root();
    walk(configuration, root, &IncludeChain::default(), &mut out);
    out.join(" ")
}

#[test]
fn names_are_relative_to_the_directory_of_the_main_file() {
    let configuration = conf(&[
        ("conf/main.conf", "a; http { include sub/x.conf; z; }"),
        ("conf/sub/x.conf", "include y.conf; x;"),
        ("conf/y.conf", "y;"),
        ("conf/sub/y.conf", "wrong;"),
    ]);
    assert_eq!(findings(&configuration), [""; 0]);
    assert_eq!(
        walked(&configuration),
        "a http { y@conf/main.conf:1@conf/sub/x.conf:1 x@conf/main.conf:1 z }"
    );
}

#[test]
fn globs_match_in_byte_order_and_may_match_nothing() {
    let configuration = conf(&[
        ("c/main.conf", "include d/*; include none/*.conf; include b.con?; include [b].conf; end;"),
        ("c/d/b", "small;"),
        ("c/d/B", "capital;"),
        ("c/d/.hidden", "hidden;"),
        ("c/d/a~", "backup;"),
        ("c/d/sub/deep", "deep;"),
        ("c/b.conf", "twice;"),
    ]);
    assert_eq!(findings(&configuration), ["include-no-match c/main.conf:1: no file matches `none/*.conf`"]);
    assert_eq!(
        walked(&configuration),
        "capital@c/main.conf:1 backup@c/main.conf:1 small@c/main.conf:1 twice@c/main.conf:1 twice@c/main.conf:1 end"
    );
    assert_eq!(configuration.trees.len(), 5, "a file included twice is parsed once");
    let include = configuration.tree(configuration.main).root().directives().nth(2).unwrap();
    assert_eq!(configuration.included(include).len(), 1);
}

#[test]
fn the_argument_is_the_value_of_the_word() {
    let configuration = conf(&[
        (
            "main.conf",
            r#"include "a b.conf"; include 'c'; include $x.conf; include a b; "inclu\de" c; include;"#,
        ),
        ("a b.conf", "spaced;"),
        ("c", "quoted;"),
        ("$x.conf", "dollar;"),
    ]);
    assert_eq!(findings(&configuration), [""; 0]);
    assert_eq!(
        walked(&configuration),
        r"spaced@main.conf:1 quoted@main.conf:1 dollar@main.conf:1 include a b inclu\de c include"
    );
}

#[test]
fn bodies_with_their_own_handler() {
    let configuration = conf(&[
        (
            "main.conf",
            "map $a $b { include m; } types { include m; } geo $c { include m; }
             split_clients $a $d { include m; * x; } charset_map a b { include m; } include m;
             content_by_lua_block { include m; }",
        ),
        ("m", "k v;"),
    ]);
    assert_eq!(findings(&configuration), [""; 0]);
    assert_eq!(
        walked(&configuration),
        "map $a $b { k v@main.conf:1 } types { k v@main.conf:1 } geo $c { k v@main.conf:1 } \
         split_clients $a $d { include m * x } charset_map a b { include m } k v@main.conf:2 content_by_lua_block { }"
    );
}

#[test]
fn syntax_errors_come_in_the_order_of_nginx_and_name_their_includes() {
    let configuration =
        conf(&[("c/main.conf", "http {\n include o.conf;\n}\n}\n"), ("c/o.conf", "a b\ninclude")]);
    assert_eq!(
        findings(&configuration),
        [
            "missing-semicolon c/o.conf:2: expected `;` after `a b…`, found the end of the file via c/main.conf:2",
            "unexpected-token c/main.conf:4: unexpected `}`: no block is open",
        ]
    );
    let nginx: Vec<String> = configuration
        .syntax_errors
        .iter()
        .map(|e| format!("{} in {}", e.nginx_message(), configuration.sources.place(e.nginx_place())))
        .collect();
    assert_eq!(
        nginx,
        [
            "unexpected end of file, expecting \";\" or \"}\" in c/o.conf:2",
            "unexpected \"}\" in c/main.conf:4"
        ]
    );
}

#[test]
fn cycles_are_reported_where_they_close() {
    let configuration = conf(&[("c/a.conf", "x;\ninclude a.conf;\ny;")]);
    assert_eq!(findings(&configuration), ["include-cycle c/a.conf:2: `c/a.conf` includes itself"]);
    assert_eq!(walked(&configuration), "x y");

    let configuration =
        conf(&[("m", "include a; include b;"), ("a", "\ninclude b; a;"), ("b", "\n\ninclude a; b;")]);
    assert_eq!(
        findings(&configuration),
        ["include-cycle b:3: `a` includes itself: `a` → `b` → `a` via m:1, a:2"]
    );
    assert_eq!(walked(&configuration), "b@m:1@a:2 a@m:1 b@m:1");
}

#[test]
fn depth_and_number_are_bounded() {
    let chain: Vec<(String, String)> =
        (0..100).map(|i| (format!("{i}"), format!("include {}; d{i};", i + 1))).collect();
    let files: Vec<(&str, &str)> = chain.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    let configuration = conf(&files);
    assert_eq!(configuration.trees.len(), 64);
    let found = findings(&configuration);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(
        "include-limit 63:1: expected at most 64 files within each other, found more at `64` via 0:1, 1:1"
    ));

    let options = LoadOptions { max_files: 3, ..LoadOptions::default() };
    let configuration =
        loaded(&[("m", "include f*;"), ("f1", ""), ("f2", ""), ("f3", ""), ("f4", "")], &options);
    assert_eq!(findings(&configuration), ["include-limit m:1: expected at most 3 files, found more at `f*`"]);

    // Each file includes the next twice: 2^40 inclusions from 40 files.
    let doubling: Vec<(String, String)> = (0..40)
        .map(|i| {
            (format!("{i}"), if i < 39 { format!("include {0}; include {0};", i + 1) } else { "x;".into() })
        })
        .collect();
    let files: Vec<(&str, &str)> = doubling.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    let configuration = conf(&files);
    let walked = configuration.expanded_root().count();
    assert!((1..=1_000_000).contains(&walked), "{walked}");
    assert_eq!(configuration.diagnostics.len(), 1);
}

#[test]
fn what_cannot_be_read_names_both_files() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::create_dir(root.join("sub")).unwrap();
    std::fs::write(
        root.join("main.conf"),
        "include nope.conf; http { include sub; include sub/x.conf; include \"\"; }",
    )
    .unwrap();
    std::fs::write(root.join("sub/x.conf"), "include y.conf;").unwrap();
    std::fs::write(root.join("sub/y.conf"), "y;").unwrap();
    let configuration = load(&Disk, &root.join("main.conf"), &LoadOptions::default()).unwrap();
    let shown = |text: &str| text.replace(root.to_str().unwrap(), "ROOT");
    let found: Vec<(String, String, String)> = configuration
        .diagnostics
        .iter()
        .map(|d| (d.code.to_owned(), shown(&d.message), shown(d.help.as_deref().unwrap())))
        .collect();
    let found: Vec<(&str, &str, &str)> =
        found.iter().map(|(c, m, h)| (c.as_str(), m.as_str(), h.as_str())).collect();
    assert_eq!(
        found,
        [
            (
                "include-not-found",
                "cannot read `ROOT/nope.conf`, included from `ROOT/main.conf`: no such file",
                "names are relative to the directory of the main file, `ROOT`"
            ),
            (
                "include-unreadable",
                "cannot read `ROOT/sub`, included from `ROOT/main.conf`: it is a directory",
                "write `sub/*.conf` to include the files in it"
            ),
            (
                "include-not-found",
                "cannot read `ROOT/y.conf`, included from `ROOT/sub/x.conf`: no such file",
                "write `sub/y.conf`: names are relative to the directory of the main file"
            ),
            (
                "include-unreadable",
                "cannot read `ROOT`, included from `ROOT/main.conf`: it is a directory",
                "write the name of a file"
            ),
        ]
    );
}

#[test]
fn a_directory_has_no_text_to_include() {
    let error = load(&Disk, Path::new("no-such-directory/nginx.conf"), &LoadOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `no-such-directory/nginx.conf`: no such file");
}

#[test]
fn prefix_and_path_maps() {
    let options = LoadOptions {
        conf_prefix: Some(PathBuf::from("/etc/nginx")),
        path_maps: vec![(PathBuf::from("/etc/nginx"), PathBuf::from("image/conf"))],
        ..LoadOptions::default()
    };
    let configuration = loaded(
        &[
            ("nginx.conf", "include a.conf; include /etc/nginx/b/*; include /elsewhere;"),
            ("image/conf/a.conf", "a;"),
            ("image/conf/b/b", "b;"),
            ("/elsewhere", "c;"),
        ],
        &options,
    );
    assert_eq!(findings(&configuration), [""; 0]);
    assert_eq!(walked(&configuration), "a@nginx.conf:1 b@nginx.conf:1 c@nginx.conf:1");
}
