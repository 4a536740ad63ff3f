//! Groups of imports: std, then outside crates, then the crate's own modules, with a blank line between two groups; one
//! `use` for all names of a module. `CFG_RELEASE_CHANNEL=nightly rustfmt --config imports_granularity=Module FILE` merges
//! the names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::files;

/// Group of a path's first word; `modules` are those that the file declares.
fn group(first: &str, modules: &BTreeSet<&str>) -> u8 {
    match first {
        "std" | "core" | "alloc" => 0,
        "crate" | "super" | "self" => 2,
        first if modules.contains(first) => 2,
        _ => 1,
    }
}

/// Module of an imported name: `std::fs` of `std::fs::File` and of `std::fs::{self, File}`.
fn module_of(path: &str) -> &str {
    match path.split_once("::{") {
        Some((module, _)) => module,
        None => path.rsplit_once("::").map_or(path, |(module, _)| module),
    }
}

/// Fault of the imports at the top of a file.
fn fault(text: &str) -> Option<String> {
    let modules: BTreeSet<&str> =
        text.lines().filter_map(|l| l.split_once("mod ")?.1.strip_suffix(';')).collect();
    let (mut last, mut seen) = (None, BTreeSet::new());
    for paragraph in text.split("\n\n") {
        let mut own = None;
        let mut has_attribute = false;
        for line in paragraph.lines() {
            let Some(path) = line.strip_prefix("use ") else {
                has_attribute = line.starts_with("#[");
                continue;
            };
            let first = path.split([':', ';', ' ']).next().unwrap();
            let group = group(first, &modules);
            if *own.get_or_insert(group) != group {
                return Some(format!("`{line}` is in the group of others"));
            }
            let module = module_of(path);
            if !std::mem::take(&mut has_attribute) && module != first && !seen.insert(module) {
                return Some(format!("`{module}` is imported from twice"));
            }
        }
        if own.is_some() && own <= last {
            return Some(format!("a group of imports is too late or divided: {paragraph}"));
        }
        last = own.or(last);
    }
    None
}

#[test]
fn imports_are_grouped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut seen, mut wrong) = (0, Vec::new());
    for folder in ["src", "tests", "benches", "grammar", "examples"] {
        for path in files(&root.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            seen += usize::from(text.contains("\nuse "));
            wrong.extend(fault(&text).map(|fault| format!("{}: {fault}", path.display())));
        }
    }
    assert!(seen > 500, "only {seen} files import something: the test reads the wrong place");
    assert_eq!(wrong, [""; 0], "expected std, outside crates, own modules, one `use` for each module");
}

#[test]
fn faults_of_imports_are_found() {
    let cases = [
        ("use std::fs;\n\nuse toml::Spanned;\n\nuse crate::model::Config;\nuse super::a;\n", None),
        ("mod load;\n\nuse std::{fs, io};\n\nuse crate::a;\nuse load::Load;\n", None),
        ("use crate::a::B;\nuse std::fs;\n", Some("is in the group of others")),
        ("use crate::a::B;\n\nuse std::fs;\n", Some("is too late or divided")),
        ("use crate::a::B;\n\nuse crate::b::B;\n", Some("is too late or divided")),
        ("use crate::a::B;\nuse crate::a::{C, D};\n", Some("is imported from twice")),
        ("use crate::a::B;\n#[cfg(test)]\nuse crate::a::{C, D};\n", None),
    ];
    for (text, expected) in cases {
        let found = fault(text);
        assert!(expected.map_or(found.is_none(), |e| found.is_some_and(|f| f.contains(e))), "{text}");
    }
}
