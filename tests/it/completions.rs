//! `ngxc completions` in the shells that are here, and the pages of `ngxc man`.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails; who runs a test sees what it skips"
)]

use std::process::{Command, Output};

fn ngxc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ngxc")).args(arguments).output().unwrap()
}

fn script(shell: &str) -> String {
    let output = ngxc(&["completions", shell]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Names of all commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = String::from_utf8(ngxc(&["--help"]).stdout).unwrap();
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ngxc.bash");
    std::fs::write(&file, script("bash")).unwrap();
    for (words, expected, other) in [
        ("ngxc li", "lint", "check"),
        ("ngxc lint --pro", "--profile", "--diff"),
        ("ngxc lint --profile st", "strict", "human"),
        ("ngxc completions f", "fish", "zsh"),
    ] {
        let mut back = words.rsplit(' ');
        let (last, before) = (back.next().unwrap(), back.next().unwrap());
        let code = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _ngxc ngxc {last} {before}; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            file.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &code]).output().unwrap();
        let replies = String::from_utf8(output.stdout).unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(replies.lines().any(|reply| reply == expected), "{words}: {replies}");
        assert!(replies.lines().all(|reply| reply != other), "{words}: {replies}");
    }
}

#[test]
fn scripts_of_other_shells_have_all_commands_and_their_syntax() {
    let directory = tempfile::tempdir().unwrap();
    for (shell, arguments) in [("zsh", ["-n"]), ("fish", ["--no-execute"])] {
        let text = script(shell);
        for command in commands() {
            assert!(text.contains(&command), "{shell}: {command}");
        }
        let file = directory.path().join(shell);
        std::fs::write(&file, text).unwrap();
        match Command::new(shell).args(arguments).arg(&file).output() {
            Ok(output) => assert!(output.status.success(), "{output:?}"),
            Err(_) => eprintln!("SKIPPED: no {shell} to check the syntax with"),
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let output = ngxc(&["man", "--output", directory.path().to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        let page = std::fs::read_to_string(directory.path().join(format!("ngxc-{command}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains(".SH SYNOPSIS"), "{page}");
        let printed = ngxc(&["man", command]);
        assert_eq!(String::from_utf8(printed.stdout).unwrap(), page);
    }
    let main = std::fs::read_to_string(directory.path().join("ngxc.1")).unwrap();
    assert_eq!(String::from_utf8(ngxc(&["man"]).stdout).unwrap(), main);
    for command in &commands {
        assert!(main.contains(&format!("ngxc\\-{command}(1)")), "{command}");
    }
    let unknown = ngxc(&["man", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(unknown.stderr).unwrap(),
        "error: there is no command `nothing`\nhelp: `ngxc --help` lists the commands\n"
    );
}
