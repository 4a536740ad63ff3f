//! Whole commands with their whole output, byte for byte, the README's included.
//!
//! A block of a page that is marked `console`, and every block of `tests/cli/*.trycmd`, has commands (`$ ngxc …`), the exit
//! status if it is not 0 (`? 1`), and the output: what the command writes to both streams, then an empty line.
//! `NGXC_UPDATE=1 cargo test --test it cli::` writes the outputs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Files that have commands: the README, the pages, and cases of their own.
fn pages(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.join("README.md")];
    for (directory, extension) in [("docs", "md"), ("tests/cli", "trycmd")] {
        let entries = fs::read_dir(root.join(directory)).expect("the directory is there");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        found.extend(paths.filter(|path| path.extension().is_some_and(|e| e == extension)));
    }
    found.sort();
    found
}

/// Runs a command line, for a terminal of 100 columns: exit status and output.
fn run(root: &Path, line: &str) -> (i32, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_ngxc"));
    let mut path = program.parent().expect("a directory").as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {line}")])
        .current_dir(root)
        .envs([("PATH", path.as_os_str()), ("NO_COLOR", "1".as_ref()), ("COLUMNS", "100".as_ref())])
        .output()
        .expect("a shell");
    let status = output.status.code().expect("an exit status");
    (status, String::from_utf8(output.stdout).expect("UTF-8"))
}

/// The text of a page with the outputs that its commands have, and the number of commands.
fn with_outputs(root: &Path, text: &str, every_block: bool) -> (String, usize) {
    let (mut out, mut count) = (String::new(), 0);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let is_block = line == "```console" || every_block && line == "```";
        if !is_block {
            continue;
        }
        while let Some(line) = lines.next_if(|line| *line != "```") {
            let Some(command) = line.strip_prefix("$ ") else { panic!("no command in front of `{line}`") };
            let (status, output) = run(root, command);
            count += 1;
            writeln!(out, "{line}").expect("a string");
            if status != 0 {
                writeln!(out, "? {status}").expect("a string");
            }
            writeln!(out, "{output}").expect("a string");
            while lines.next_if(|line| *line != "```" && !line.starts_with("$ ")).is_some() {}
        }
        out.extend(lines.next().map(|end| format!("{end}\n")));
    }
    (out, count)
}

#[test]
fn commands_print_what_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut count, mut stale) = (0, String::new());
    for page in pages(root) {
        let text = fs::read_to_string(&page).expect("UTF-8");
        let every_block = page.extension().is_some_and(|extension| extension == "trycmd");
        let (printed, commands) = with_outputs(root, &text, every_block);
        count += commands;
        if printed == text {
            continue;
        }
        if env::var_os("NGXC_UPDATE").is_some() {
            fs::write(&page, &printed).expect("the page can be written");
            continue;
        }
        writeln!(stale, "{}:", page.display()).expect("a string");
        let differing = text.lines().zip(printed.lines()).enumerate().filter(|(_, (old, new))| old != new);
        for (number, (old, new)) in differing.take(5) {
            writeln!(stale, "{}:\n  documented {old}\n  printed    {new}", number + 1).expect("a string");
        }
    }
    assert!(count > 40, "{count} commands");
    assert!(
        stale.is_empty(),
        "{stale}run `NGXC_UPDATE=1 cargo test --test it cli::` and read the difference"
    );
}

#[test]
fn a_reader_that_leaves_ends_a_command_in_silence() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for line in [
        "check --format json examples/shop.conf",
        "lint --profile strict examples/shop.conf",
        "lint --profile strict --format sarif examples/shop.conf",
        "lint --diff examples/shop.conf",
        "show examples/shop.conf",
        "audit --nginx-version 1.18.0 --format json examples/shop.conf",
        "ports examples/shop.conf --rate 10 --latency 40ms --assume-defaults",
        "doctor --from examples/bare.evidence",
        "doctor --from examples/bare.evidence --format json",
        "rules",
        "explain proxy_pass",
        "fmt --diff examples/shop.conf",
        "parse examples/shop.conf",
        "parse --indent 2 examples/shop.conf",
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(line.split(' '))
            .current_dir(root)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the program runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("pipe") && !said.contains("panicked"), "{line}: {said}");
        // A program that printed nothing, or ended before the reader left, is as always.
        assert_ne!(output.status.code(), Some(2), "{line}: {said}");
    }
}

/// The anchor that a heading gets: lower case, without punctuation, `-` for spaces.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn each_page_is_in_the_table_of_contents() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let contents = fs::read_to_string(docs.join("SUMMARY.md")).expect("UTF-8");
    for entry in fs::read_dir(docs).expect("a directory") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        if Path::new(&name).extension().is_some_and(|end| end == "md") && name != "SUMMARY.md" {
            assert!(contents.contains(&format!("({name})")), "docs/SUMMARY.md lacks {name}");
        }
    }
}

#[test]
fn links_lead_to_files_and_headings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = pages(root);
    pages.extend(["ARCHITECTURE.md", "CONTRIBUTING.md", "grammar/README.md"].map(|name| root.join(name)));
    let mut count = 0;
    for page in pages {
        let text = fs::read_to_string(&page).expect("UTF-8");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        for (link, _) in
            links.filter(|(link, _)| !link.contains("://") && !link.contains(char::is_whitespace))
        {
            count += 1;
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { page.clone() } else { page.parent().expect("a directory").join(file) };
            assert!(target.exists(), "{}: no file `{file}`", page.display());
            if !fragment.is_empty() {
                let text = fs::read_to_string(&target).expect("UTF-8");
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    headings.any(|line| anchor(line) == fragment),
                    "{}: no heading `#{fragment}`",
                    page.display()
                );
            }
        }
    }
    assert!(count > 100, "{count} links");
}
