//! Meaning of the exit status of each command, for `--help`; the README has the same table.

use std::fmt::Write as _;

/// A command, and when it ends with 0 and with 1. 2 always means that it could not do its work.
type Row = (&'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    ("check", "nginx would accept it", "errors; with --deny-warnings also warnings"),
    ("lint", "nothing of the level of --fail-on", "findings"),
    ("test", "all cases are as expected", "a case failed, or --min-coverage is not reached"),
    ("diff", "no difference of the classes of --fail-on-class", "differences"),
    ("coverage", "counted", "--min-coverage is not reached"),
    ("audit", "no known vulnerability is exposed", "findings"),
    ("fmt", "laid out", "with --check or --diff: something would change"),
    ("parse", "no syntax error", "syntax errors, which the output lists"),
    ("ports", "the ports suffice", "they do not"),
    ("doctor", "nothing is wrong", "findings; --nagios has the status of a monitoring plugin"),
    ("demo", "it went as predicted", "it did not"),
    ("show, route, split, compile", "done", "-"),
    ("run", "stopped by a signal; --dry-run: can be executed", "-"),
    ("build, rules, explain", "done", "-"),
    ("completions, man", "done", "-"),
    ("nginx", "as nginx", "as nginx"),
];

/// The table for `--help`.
pub(super) fn table() -> String {
    let mut text = String::from(
        "Exit status: 0 clean, 1 findings, 2 could not do its work (an input or a setting cannot be read, or a \
         configuration that has to be whole has errors).\n\n",
    );
    for (command, clean, findings) in ROWS {
        // Writing into a string does not fail.
        let _ = writeln!(text, "  {command:<21}  0: {clean}; 1: {findings}");
    }
    text
}
