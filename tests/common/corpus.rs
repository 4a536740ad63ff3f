//! The configurations from public repositories that lie beside the project, with the verdict of a real nginx for each.

use std::fs;
use std::path::{Path, PathBuf};

/// One configuration.
pub(crate) struct Case {
    pub(crate) id: String,
    /// The file as it lies there.
    pub(crate) path: PathBuf,
    /// Its text in its place: with the blocks around a fragment, and without the `load_module`s that nginx was not given.
    pub(crate) whole: Vec<u8>,
    /// `ok`, or why nginx refused it.
    pub(crate) verdict: String,
    /// Files that were made for nginx, without a text.
    pub(crate) empty_files: Vec<String>,
}

/// All of them; `None`, and a word about it, if they are not there.
pub(crate) fn cases() -> Option<Vec<Case>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let Ok(index) = fs::read_to_string(folder.join("index.tsv")) else {
        println!("SKIPPED: {} is not there", folder.display());
        return None;
    };
    let wraps: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("wraps.json")).unwrap()).unwrap();
    let header: Vec<&str> = index.lines().next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|&h| h == name).unwrap();
    let (id, wrap, class, stubs) = (column("id"), column("wrap"), column("class"), column("stubs"));
    let case = |line: &str| {
        let row: Vec<&str> = line.split('\t').collect();
        let around = |which: &str| wraps[row[wrap]][which].as_str().unwrap().to_owned();
        let path = folder.join("dev").join(format!("{}.conf", row[id]));
        let stubs: Vec<&str> = row[stubs].trim_matches('"').split(" | ").collect();
        let mut text = fs::read(&path).unwrap();
        if stubs.contains(&"strip load_module") {
            let lines = text.split(|&b| b == b'\n').map(|line| {
                if line.trim_ascii().starts_with(b"load_module") { b"".as_slice() } else { line }
            });
            text = lines.collect::<Vec<_>>().join(&b'\n');
        }
        // A line break in front would move the lines that nginx names.
        let before = if row[wrap] == "main+events" { "events{} ".to_owned() } else { around("prefix") };
        let after = if row[wrap] == "main+events" { String::new() } else { around("suffix") };
        Case {
            id: row[id].to_owned(),
            path,
            whole: [before.as_bytes(), &text, after.as_bytes()].concat(),
            verdict: row[class].to_owned(),
            empty_files: stubs.iter().filter_map(|s| s.strip_prefix("include ").map(str::to_owned)).collect(),
        }
    };
    Some(index.lines().skip(1).map(case).collect())
}
