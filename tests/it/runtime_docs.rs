//! docs/runtime.md says what `ngxc run` does with every directive; it is made from the catalog.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::collections::BTreeMap;
use std::fmt::Write;

use ngxc::catalog::{DIRECTIVES, Runtime, Tier};

const INTRODUCTION: &str = "# Directives that `ngxc run` executes\n\n\
    Made from the catalog by `NGXC_UPDATE=1 cargo test --test it runtime_docs::`; do not edit.\n\n\
    `ngxc run` **executes** a directive, or **ignores** it with one note at start, because no client can see the\n\
    difference, or **refuses** it: `ngxc run` does not start, and the message has file and line. Modules without any\n\
    executed or ignored directive are left out: `ngxc run` refuses all their directives.\n";

fn made() -> String {
    let mut modules: BTreeMap<&str, [Vec<String>; 3]> = BTreeMap::new();
    for directive in DIRECTIVES.iter().filter(|d| d.tier == Tier::OpenSource && d.removed.is_none()) {
        let [executed, ignored, refused] = modules.entry(directive.module).or_default();
        let name = format!("`{}`", directive.name);
        match directive.runtime {
            Runtime::Executed => executed.push(name),
            Runtime::Ignored(reason) => ignored.push(format!("{name}: {reason}")),
            Runtime::Refused => refused.push(name),
        }
    }
    let mut out = INTRODUCTION.to_owned();
    for (module, [executed, ignored, refused]) in &mut modules {
        if executed.is_empty() && ignored.is_empty() {
            continue;
        }
        writeln!(out, "\n## {module}\n").unwrap();
        for (title, list, separator) in
            [("Executed", executed, ", "), ("Ignored", ignored, "; "), ("Refused", refused, ", ")]
        {
            list.sort();
            list.dedup();
            if !list.is_empty() {
                writeln!(out, "- {title}: {}", list.join(separator)).unwrap();
            }
        }
    }
    out
}

#[test]
fn the_table_is_that_of_the_catalog() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runtime.md");
    let made = made();
    assert!(made.contains("`proxy_pass`") && made.len() > 3000);
    if std::env::var_os("NGXC_UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == made, "docs/runtime.md is not that of the catalog: run with NGXC_UPDATE=1");
}
