//! Coverage in the format of lcov: a line of the configuration is a line of code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::behaviour::coverage::Coverage;
use crate::source::SourceMap;

/// The whole file.
pub(super) fn text(coverage: &Coverage, sources: &SourceMap) -> String {
    let mut files: BTreeMap<String, BTreeMap<u32, u64>> = BTreeMap::new();
    for item in &coverage.items {
        let file = sources.file(item.span.file);
        let line = file.position(item.span.start).line;
        let lines = files.entry(file.name()).or_default();
        let hits = lines.entry(line).or_default();
        *hits = (*hits).max(item.hits);
    }
    let mut out = String::from("TN:ngxc\n");
    for (name, lines) in files {
        // Writing into a string does not fail.
        let _ = writeln!(out, "SF:{name}");
        for (line, hits) in &lines {
            let _ = writeln!(out, "DA:{line},{hits}");
        }
        let reached = lines.values().filter(|hits| **hits > 0).count();
        let _ = writeln!(out, "LF:{}\nLH:{reached}\nend_of_record", lines.len());
    }
    out
}
