//! The examples of the rules' documentation, and how they are linted.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::catalog::{Context, NEWEST, RELEASES};
use ngxc::compile::{self, Options};
use ngxc::diagnostic::{Diagnostic, Level};
use ngxc::lint::{self, BEFORE_DEFAULT_KEEPALIVE, RULES, Rule};
use ngxc::source::Memory;
use ngxc::syntax::{self, Configuration, LoadOptions};
use ngxc::version::Version;

/// An example of a rule's documentation.
pub(crate) struct Example {
    /// The rule reports it.
    pub bad: bool,
    /// A whole configuration, not the inside of `http`.
    pub main: bool,
    /// For which nginx it is.
    pub versions: Vec<Version>,
    /// The configuration.
    pub text: String,
}

/// All of a rule.
pub(crate) fn examples(rule: &Rule) -> Vec<Example> {
    let mut found = Vec::new();
    let mut lines = rule.docs.lines().map(|l| l.strip_prefix(' ').unwrap_or(l));
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```nginx ") else { continue };
        let words: Vec<&str> = info.split(' ').collect();
        let named = |prefix: &str| words.iter().find_map(|w| w.strip_prefix(prefix));
        let before = named("before-").map(|text| text.parse::<Version>().unwrap());
        let mut versions = Vec::new();
        if named("since-").is_none() {
            let old = before.filter(|limit| *limit <= BEFORE_DEFAULT_KEEPALIVE);
            versions.push(old.map_or(BEFORE_DEFAULT_KEEPALIVE, last_before));
        }
        if before.is_none() {
            versions.push(NEWEST);
        }
        let text: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
        let main = words.contains(&"main");
        found.push(Example { bad: words[0] == "bad", main, versions, text: text.join("\n") + "\n" });
    }
    found
}

fn last_before(limit: Version) -> Version {
    RELEASES.iter().copied().filter(|version| *version < limit).max().unwrap()
}

/// Findings in a text; a fragment of `http` unless `main`.
pub(crate) fn lint(text: &str, main: bool, version: Version) -> (Configuration, Vec<Diagnostic>) {
    match lint_files(&[("nginx.conf", text)], main, version) {
        Ok(found) => found,
        Err(errors) => panic!("nginx {version} would refuse the example: {errors:#?}\n{text}"),
    }
}

/// Findings in a file and what it includes, or why nginx refuses it.
pub(crate) fn lint_files(
    files: &[(&str, &str)],
    main: bool,
    version: Version,
) -> Result<(Configuration, Vec<Diagnostic>), Vec<Diagnostic>> {
    let loader = files.iter().fold(Memory::default(), |all, (name, text)| all.with(*name, *text));
    let configuration = syntax::load(&loader, files[0].0.as_ref(), &LoadOptions::default()).unwrap();
    let contexts = if main { Vec::new() } else { vec![Context::Http] };
    let options = Options { contexts, ..Options::new(version) };
    let compiled = compile::compile(&configuration, &options);
    let all = configuration.diagnostics.iter().chain(&compiled.diagnostics);
    let errors: Vec<Diagnostic> = all.filter(|d| d.level == Level::Error).cloned().collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let found = lint::lint(&configuration, &compiled.config, RULES);
    Ok((configuration, found))
}
