//! Answers of the page: the commands of the command line, run on the text that the page has.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::cli::{Cli, Command, Failure, Outcome, dispatch, held, show};
use crate::source::{Disk, Loader, put_back};

/// Name of a text that belongs to no file.
const NAME: &str = "nginx.conf";

/// Question of the page.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Question {
    text: String,
    url: String,
    rate: String,
    latency: String,
    version: String,
}

/// A command's end and output.
#[derive(Default, Serialize)]
struct Answer {
    /// Exit status of the command.
    status: u8,
    output: String,
    /// Message of a command that could not do its work.
    error: String,
}

impl Answer {
    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn failed(failure: &Failure) -> Self {
        let help = failure.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        Self { status: 2, error: format!("{}{help}", failure.message), output: String::new() }
    }
}

/// Name and text of the file that the page begins with.
pub(super) fn file(file: Option<&Path>) -> String {
    let text = file.and_then(|file| Disk.read(file).ok()).unwrap_or_default();
    let name = file.map(|file| file.display().to_string());
    serde_json::json!({ "name": name, "text": String::from_utf8_lossy(&text) }).to_string()
}

/// The answer of a path; `None`: there is no such path.
pub(super) fn answer(path: &str, file: Option<&Path>, body: &[u8]) -> Option<String> {
    let (command, more): (&str, &[&str]) = match path {
        "/lint" => ("lint", &["--format", "json", "--fail-on", "never"]),
        "/show" => ("show", &["--format", "json"]),
        "/reached" => ("show", &[]),
        "/split" => ("split", &["--format", "json"]),
        "/ports" => ("ports", &[]),
        "/fmt" => ("fmt", &[]),
        _ => return None,
    };
    let question = match serde_json::from_slice::<Question>(body) {
        Ok(question) => question,
        Err(error) => {
            return Some(Answer::failed(&Failure::new(format!("malformed question: {error}"))).json());
        }
    };
    let mut arguments: Vec<String> = ["ngxc", command, "-", "--color", "never", "--stdin-filename"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    arguments.push(file.map_or_else(|| PathBuf::from(NAME), Path::to_owned).display().to_string());
    arguments.extend(more.iter().map(|text| (*text).to_owned()));
    let mut option = |name: &str, value: &str| {
        if !value.is_empty() {
            arguments.push(format!("{name}={value}"));
        }
    };
    if command != "fmt" {
        option("--nginx-version", &question.version);
    }
    if command == "ports" {
        option("--rate", &question.rate);
        option("--latency", &question.latency);
    }
    if command == "show" && path == "/show" && !question.url.is_empty() {
        // Behind the options, a URL that begins with a dash is a URL.
        arguments.extend(["--".to_owned(), question.url.clone()]);
    }
    Some(run(path, &arguments, question.text).json())
}

fn run(path: &str, arguments: &[String], text: String) -> Answer {
    /// Standard input is one for the process.
    static RUNNING: Mutex<()> = Mutex::new(());
    let parsed = match Cli::try_parse_from(arguments) {
        Ok(parsed) => parsed.command,
        Err(error) => return Answer::failed(&Failure::new(error.to_string())),
    };
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    put_back(text.into_bytes(), 1);
    let mut out = Vec::new();
    let result = match parsed {
        Command::Show(args) if path == "/reached" => show::reached(&mut held(args)).map(|all| {
            out = serde_json::to_vec(&all).unwrap_or_default();
            Outcome::Clean
        }),
        command => dispatch(command, &mut out),
    };
    match result {
        Ok(outcome) => Answer {
            status: u8::from(outcome == Outcome::Findings),
            output: String::from_utf8_lossy(&out).into_owned(),
            error: String::new(),
        },
        Err(failure) => Answer::failed(&failure),
    }
}
