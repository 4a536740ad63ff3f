//! Allowed imports of each layer, and the outside crates that belong to it: the table of ARCHITECTURE.md, held.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod groups;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Module, the modules it may import, the outside crates it may use beside `memchr`.
const LAYERS: &[(&str, &[&str], &[&str])] = &[
    ("source", &[], &["serde"]),
    ("version", &[], &["serde"]),
    ("edit", &["source"], &[]),
    ("diagnostic", &["source", "edit"], &[]),
    ("catalog", &["version"], &["phf", "strsim"]),
    ("syntax", &["source", "diagnostic", "edit"], &["nom", "saphyr_parser"]),
    ("model", &["source", "version"], &["ipnet", "serde"]),
    (
        "compile",
        &["source", "diagnostic", "edit", "catalog", "syntax", "model", "version"],
        &["strsim", "pcre2", "ipnet", "nix"],
    ),
    ("eval", &["source", "model", "version"], &["murmur2", "pcre2", "ipnet"]),
    ("reuse", &["source", "model", "version"], &[]),
    ("values", &["source", "diagnostic", "catalog", "syntax", "model"], &["regex_syntax", "regex_automata"]),
    (
        "lint",
        &["source", "diagnostic", "edit", "catalog", "syntax", "model", "reuse", "values", "version"],
        &["strsim", "serde", "serde_json", "toml", "pcre2", "regex_syntax", "regex_automata"],
    ),
    ("settings", &["catalog", "diagnostic", "lint", "syntax"], &["serde_json", "toml"]),
    ("simulate", &["source", "model", "eval", "version"], &["ipnet", "flate2"]),
    (
        "behaviour",
        &["source", "catalog", "syntax", "model", "eval", "simulate", "version"],
        &["serde", "serde_json", "toml", "regex_automata", "ipnet", "rustls", "rcgen"],
    ),
    ("site", &["source", "model"], &["serde", "postcard", "sha2"]),
    ("ports", &["source", "model", "eval", "reuse", "version"], &["ipnet", "flate2", "rustix"]),
    (
        "runtime",
        &["model", "eval", "version", "source", "site"],
        &[
            "tokio",
            "socket2",
            "nix",
            "rustix",
            "serde",
            "postcard",
            "caps",
            "flate2",
            "ipnet",
            "jiff",
            "pwhash",
            "md5",
            "sha1",
            "rustls",
            "tokio_rustls",
            "x509_parser",
            "simple_dns",
            "h2",
            "h2_http",
            "bytes",
        ],
    ),
];

/// Folder of `src/runtime`, and the folders there that it may import.
const RUNTIME: &[(&str, &[&str])] = &[
    ("net", &[]),
    ("upstream", &["net"]),
    ("request", &["upstream", "net"]),
    ("fastcgi", &["request", "upstream", "net"]),
    ("filters", &["request", "upstream", "net"]),
    ("modules", &["filters", "request", "upstream", "net"]),
    ("proxy", &["fastcgi", "filters", "request", "upstream", "net"]),
    ("stream", &["modules", "proxy", "fastcgi", "filters", "request", "upstream", "net"]),
    ("server", &["stream", "modules", "proxy", "fastcgi", "filters", "request", "upstream", "net"]),
    ("process", &["server", "upstream", "net"]),
];

fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The layer of a file, and its text without comments and without its tests, which may import what they like.
fn layer(path: &Path) -> (String, String) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let relative = path.strip_prefix(source).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let code: Vec<&str> = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
    (first.trim_end_matches(".rs").to_owned(), code.join("\n"))
}

/// Every `crate::name` in a text.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap(),
            None => rest,
        };
        for name in names.split(',') {
            let name: String =
                name.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.insert(name);
            if !rest.starts_with('{') {
                break;
            }
        }
    }
    found
}

/// The packages that Cargo.toml depends on, as they are written in code.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let names = section.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" ="));
    names.map(|(name, _)| name.trim().replace('-', "_")).collect()
}

/// True if a text has the path `name::…`.
fn mentions(text: &str, name: &str) -> bool {
    let ident = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.match_indices(&format!("{name}::")).any(|(at, _)| !text[..at].ends_with(ident))
}

#[test]
fn layers_import_only_what_is_below_them() {
    let modules: BTreeSet<&str> = LAYERS.iter().map(|(name, ..)| *name).chain(["cli"]).collect();
    let mut seen = 0;
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let (own, text) = layer(&path);
        let Some((_, allowed, _)) = LAYERS.iter().find(|(name, ..)| *name == own) else {
            assert!(
                ["cli", "lib", "main"].contains(&own.as_str()),
                "{own} is in no layer: {}",
                path.display()
            );
            continue;
        };
        for import in imports(&text) {
            if modules.contains(import.as_str()) && import != own {
                seen += 1;
                assert!(allowed.contains(&import.as_str()), "{} imports {import}", path.display());
            }
        }
    }
    assert!(seen > 50, "only {seen} imports were found: the test reads the wrong place");
}

/// Every `crate::runtime::name` in a text.
fn runtime_imports(text: &str) -> BTreeSet<String> {
    // Only these are paths of a crate then.
    let text = text.replace("crate::runtime::", "\u{1}").replace("crate::", "").replace('\u{1}', "crate::");
    imports(&text)
}

#[test]
fn folders_of_the_runtime_import_only_what_is_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/runtime");
    let mut seen = 0;
    for path in files(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let own = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        if own == "mod.rs" {
            continue;
        }
        let allowed = RUNTIME.iter().find(|(name, _)| *name == own);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{own} is in no layer: {}", path.display()));
        let (_, text) = layer(&path);
        assert!(
            !text.contains("use crate::runtime::{"),
            "{}: an import of several folders is one line for each",
            path.display()
        );
        let up = format!("{}super::", "super::".repeat(relative.components().count() - 1));
        assert!(!text.contains(&up), "{} reaches above its folder by `{up}`", path.display());
        for import in runtime_imports(&text).iter().filter(|import| **import != own) {
            seen += 1;
            assert!(allowed.contains(&import.as_str()), "{} imports {import}", path.display());
        }
    }
    assert!(seen > 100, "only {seen} imports were found: the test reads the wrong place");
}

/// The modules of `src` that a text imports, by their paths; `own` is the path of the text's module.
fn modules(text: &str, own: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
    let parent = own.rsplit_once("::").map_or("", |(parent, _)| parent);
    let above = parent.rsplit_once("::").map_or("", |(above, _)| above);
    let mut found = BTreeSet::new();
    for (start, base) in [("crate::", ""), ("super::super::", above), ("super::", parent), ("use ", own)] {
        for (at, _) in text.match_indices(start) {
            if start == "super::" && text[..at].ends_with("super::") {
                continue;
            }
            let rest = &text[at + start.len()..];
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
            let (path, rest) = rest.split_at(end.unwrap_or(rest.len()));
            if start == "super::" && path.starts_with("super::") {
                continue;
            }
            let list = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
            let names = list.split(',').map(|name| name.trim().split(':').next().unwrap());
            for name in names {
                let mut path: Vec<&str> = base.split("::").chain(path.split("::")).chain([name]).collect();
                path.retain(|part| !part.is_empty());
                while !path.is_empty() && !known.contains(&path.join("::")) {
                    path.pop();
                }
                found.insert(path.join("::"));
            }
        }
    }
    found.remove("");
    found.remove(own);
    found
}

/// Most files of a part that may import each other in a circle; one in a part that is not named.
const LARGEST_CIRCLES: &[(&str, usize)] = &[
    ("catalog", 6),
    ("cli", 4),
    ("compile", 5),
    ("eval", 4),
    ("lint", 12),
    ("ports", 2),
    ("reuse", 4),
    ("runtime", 10),
    ("simulate", 8),
    ("values", 4),
];

#[test]
fn circles_of_files_are_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let name = |path: &Path| {
        let name = path.strip_prefix(&root).unwrap().with_extension("").to_string_lossy().replace('/', "::");
        name.strip_suffix("::mod").unwrap_or(&name).to_owned()
    };
    let files = files(&root);
    let known: BTreeSet<String> = files.iter().map(|path| name(path)).collect();
    let part = |module: &str| module.split("::").next().unwrap().to_owned();
    let read = |path: &PathBuf| {
        let own = name(path);
        let mut to = modules(&layer(path).1, &own, &known);
        to.retain(|to| part(to) == part(&own));
        (own, to)
    };
    let arrows: BTreeMap<String, BTreeSet<String>> = files.iter().map(read).collect();
    let reachable = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(module) = open.pop() {
            open.extend(arrows[module].iter().filter(|next| seen.insert((*next).clone())));
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> =
        arrows.keys().map(|from| (from, reachable(from))).collect();
    assert!(reach.values().any(|all| all.len() > 50), "the test reads the wrong place");
    for (from, to) in &reach {
        let mut circle: Vec<&String> = to.iter().filter(|to| reach[to].contains(*from)).collect();
        circle.retain(|to| to != from);
        let most = LARGEST_CIRCLES.iter().find(|(name, _)| *name == part(from)).map_or(1, |(_, most)| *most);
        let found = circle.len() + 1;
        assert!(found <= most, "{found} files import each other, at most {most} may: {from}, {circle:?}");
    }
}

/// A rule stands on the rest of `lint`; only the list of all rules knows them.
#[test]
fn nothing_in_lint_imports_a_rule() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lint");
    let files = files(&root);
    let others: Vec<&PathBuf> = files
        .iter()
        .filter(|path| !path.starts_with(root.join("rules")) && **path != root.join("mod.rs"))
        .collect();
    assert!(others.len() > 20 && others.len() < files.len(), "the test reads the wrong place");
    for path in others {
        let text = fs::read_to_string(path).unwrap();
        let named =
            text.lines().find(|line| !line.trim_start().starts_with("//") && line.contains("rules::"));
        assert_eq!(named, None, "{}: a rule is above it", path.display());
    }
}

#[test]
fn outside_crates_stay_in_their_layer() {
    let dependencies = dependencies();
    assert!(dependencies.len() > 8, "{dependencies:?}");
    let mut seen = BTreeSet::new();
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let (own, text) = layer(&path);
        let Some((_, _, allowed)) = LAYERS.iter().find(|(name, ..)| *name == own) else { continue };
        for name in dependencies.iter().filter(|name| *name != "memchr" && mentions(&text, name)) {
            seen.insert(name.clone());
            assert!(allowed.contains(&name.as_str()), "{} uses the crate {name}", path.display());
        }
    }
    assert!(seen.contains("nom") && seen.contains("murmur2"), "the test reads the wrong place: {seen:?}");
}

#[test]
fn only_the_command_line_prints_or_exits() {
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let (own, text) = layer(&path);
        if own == "cli" || own == "main" {
            continue;
        }
        for word in ["println!", "eprintln!", "process::exit", "env::var"] {
            assert!(!text.contains(word), "{} contains {word}", path.display());
        }
    }
}

/// Every name that a diagnostic is made with in `src`, where it is written as a text.
fn names_of_diagnostics() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        // Diagnostics that unit tests make are no findings.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for constructor in ["syntax(", "error(", "warning(", "environment(", "new("] {
            let call = format!("Diagnostic::{constructor}");
            let calls = text.split(&call).skip(1);
            let first = calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
            names.extend(first.map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_diagnostic_has_a_name_and_a_page() {
    let made = names_of_diagnostics();
    assert!(made.len() > 50, "the test reads the wrong place: {made:?}");
    for name in &made {
        assert!(
            ngxc::diagnostic::names::named(name).is_some(),
            "`{name}` is not among the names of diagnostics"
        );
    }
    let names = ngxc::diagnostic::names::NAMES;
    assert!(names.is_sorted_by(|a, b| a.0 < b.0), "names are not in order, or one is there twice");
    let mut page = String::from(
        "# Diagnostics that are no rules\n\nMade from `src/diagnostic/names.rs` by `NGXC_UPDATE=1 cargo test --test it layers::`; \
         do not edit. `ngxc explain NAME` says the same. Each can be lowered or switched off in `ngxc.toml` and by \
         `--level`, and `# ngxc: allow(NAME)` allows one.\n\n| name | what was found |\n|---|---|\n",
    );
    for (name, meaning) in names {
        assert!(!meaning.is_empty() && ngxc::lint::RULES.iter().all(|r| r.name != *name), "{name}");
        writeln!(page, "| `{name}` | {meaning} |").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md");
    if std::env::var_os("NGXC_UPDATE").is_some() {
        return fs::write(path, page).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/diagnostics.md is stale: run `NGXC_UPDATE=1 cargo test --test it layers::`"
    );
}

#[test]
fn files_say_what_they_are() {
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not begin with a `//!` line", path.display());
    }
}

#[test]
fn a_folder_of_modules_has_its_parent_in_mod_rs() {
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let folder = path.with_extension("");
        assert!(!folder.is_dir(), "move {} to {}", path.display(), folder.join("mod.rs").display());
    }
}

#[test]
fn a_program_of_tests_has_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for entry in fs::read_dir(root.join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let is_program = path.extension().is_some_and(|e| e == "rs") || path.join("main.rs").is_file();
        if !is_program {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let before = manifest.split(&format!("\n[[test]]\nname = \"{name}\"\n")).next().unwrap();
        let has_reason = before.len() < manifest.len() && before.lines().last().unwrap().starts_with("# ");
        assert!(
            has_reason,
            "move tests/{name} to tests/it/, or give it an entry with its reason in Cargo.toml"
        );
    }
    let main = fs::read_to_string(root.join("tests/it/main.rs")).unwrap();
    for entry in fs::read_dir(root.join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            name == "main" || main.contains(&format!("mod {name};")),
            "tests/it/main.rs does not have {name}"
        );
    }
}
