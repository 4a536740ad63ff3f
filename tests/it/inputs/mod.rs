//! Inputs that people have instead of a tree of files: dumps of `nginx -T`, templates, YAML, text from web pages.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod branches;
mod dump;
mod found;
mod template;
mod text;
mod words;
mod yaml;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::nginx;

/// Runs the program in a directory with a text on standard input.
fn ngxc(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that complains early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Exit status, standard output and standard error.
fn run(directory: &Path, arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let output = ngxc(directory, arguments, input);
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
