//! The build script: turns the facts beside it into the static tables of `src/catalog.rs`.
//!
//! A wrong entry fails the build; the message names the file, the entry, the field and what was expected.
#![allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
#![allow(unreachable_pub, reason = "the tests include these files as well")]

#[path = "build/check.rs"]
mod check;
#[path = "build/emit.rs"]
mod emit;
#[path = "build/entry.rs"]
mod entry;
#[path = "build/read.rs"]
mod read;

// The catalog's own types, so that a context or a version is spelled in one place only.
#[allow(dead_code, reason = "the library uses the rest")]
#[path = "../src/catalog/context.rs"]
mod context;
#[allow(dead_code, reason = "the library uses the rest")]
#[path = "../src/version.rs"]
mod version;

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=grammar");
    println!("cargo::rerun-if-changed=src/catalog/context.rs");
    println!("cargo::rerun-if-changed=src/version.rs");

    let mut problems = Vec::new();
    let facts = read::all(Path::new("grammar"), &mut problems);
    for problem in &problems {
        println!("cargo::error={}", problem.replace('\n', " "));
    }
    if let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from)
        && problems.is_empty()
        && let Err(error) = fs::write(out.join("catalog.rs"), emit::catalog(&facts))
    {
        println!("cargo::error=cannot write the catalog: {error}");
    }
}
