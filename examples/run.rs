//! Executes a configuration file: `cargo run --example run -- nginx.conf [prefix [version]]`.

#![allow(clippy::print_stderr, reason = "a command line program")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use ngxc::compile::{Options, compile};
use ngxc::runtime::{RunOptions, run};
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(file) = arguments.first() else {
        eprintln!("usage: run nginx.conf [prefix [version]]");
        return ExitCode::from(2);
    };
    let version = arguments.get(2).and_then(|v| v.parse().ok()).unwrap_or(Version::new(1, 31, 5));
    let loaded = match load(&ngxc::source::Disk, Path::new(file), &LoadOptions::default()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let compiled = compile(&loaded, &Options { version, contexts: Vec::new(), strict_modules: false });
    for diagnostic in &compiled.diagnostics {
        eprintln!("{diagnostic:?}");
    }
    if !compiled.is_valid() {
        return ExitCode::FAILURE;
    }
    let prefix = arguments.get(1).map(Into::into).unwrap_or_default();
    match run(Arc::new(compiled.config), &RunOptions { prefix }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
