//! The build script: turns the facts beside it into the static tables of `src/catalog/mod.rs`.
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
#[allow(dead_code, reason = "the library uses the rest")]
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

    println!("cargo::rerun-if-changed=src/model");
    println!("cargo::rerun-if-changed=src/source/map.rs");
    println!("cargo::rustc-env=NGXC_MODEL={:016x}", model().unwrap_or_default());

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

/// A number that changes with the model (FNV-1a of what declares it): a compiled file tells by it whether it was
/// written by a program with the same one, without anybody having to count.
fn model() -> std::io::Result<u64> {
    let mut files = vec![PathBuf::from("src/source/map.rs"), PathBuf::from("src/version.rs")];
    let mut folders = vec![PathBuf::from("src/model")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        for line in fs::read_to_string(file)?.lines().filter(|l| !l.trim_start().starts_with("//")) {
            for byte in line.trim().bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    Ok(hash)
}
