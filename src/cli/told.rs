//! Reported findings and their levels: by settings, the command line, and comments in the files.

use std::collections::HashMap;

use clap::Args;

use super::settings::FoundSettings;
use super::{Failure, placeholder};
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::lint::{self, Settings};
use crate::source::{FileId, Span};
use crate::syntax::{Configuration, Directive};

/// Levels on the command line.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct LevelArgs {
    /// The level of a rule, category or diagnostic: `include-not-found=warning`; may be repeated.
    #[arg(long, value_name = "NAME=LEVEL", value_delimiter = ',', value_parser = parse_level)]
    level: Vec<(String, Option<Level>)>,
}

impl LevelArgs {
    /// Sets them.
    ///
    /// # Errors
    /// If a name is that of no rule, category or diagnostic.
    pub(super) fn set(&self, settings: &mut Settings) -> Result<(), Failure> {
        self.level
            .iter()
            .try_for_each(|(name, level)| settings.set(name, *level))
            .map_err(|error| Failure::new(format!("--level: {error}")))
    }
}

fn parse_level(text: &str) -> Result<(String, Option<Level>), String> {
    let expected = "expected NAME=error, NAME=warning, NAME=info or NAME=off";
    let (name, level) = text.split_once('=').ok_or(expected)?;
    let (_, level) = lint::LEVELS.iter().find(|(known, _)| *known == level).ok_or(expected)?;
    Ok((name.to_owned(), *level))
}

/// Findings as they are reported, and the number of suppressed findings that nginx refuses.
pub(super) fn tell(
    configuration: &Configuration,
    settings: &Settings,
    found: &FoundSettings,
    mut all: Vec<Diagnostic>,
    rules: &[&str],
) -> (Vec<Diagnostic>, usize) {
    all.retain(|d| d.level == Level::Error || !configuration.is_stand_in(d.span.file));
    explain(configuration, &mut all);
    let mut hidden = settings.settle(&mut all);
    let before = refused(&all);
    if !found.file.allow.is_empty() {
        let mut allowed: HashMap<FileId, Vec<&str>> = HashMap::new();
        all.retain(|finding| {
            let file = finding.span.file;
            let path = &configuration.sources.file(file).path;
            let names = allowed.entry(file).or_insert_with(|| found.allowed(path));
            !names.iter().any(|name| lint::covers(name, finding.code))
        });
    }
    let all = lint::suppress(configuration, all, rules);
    hidden += before - refused(&all);
    (all, hidden)
}

/// Adds to what nginx refuses the reason that a person should see: an odd character, or a placeholder that was not filled in.
pub(super) fn explain(configuration: &Configuration, all: &mut Vec<Diagnostic>) {
    join_odd(configuration, all);
    for refused in all.iter_mut().filter(|d| d.class != Class::Rule && d.level == Level::Error) {
        let directive = configuration.tree(refused.span.file).enclosing(refused.span.start).pop();
        let Some(head) = directive.map(Directive::head).filter(|_| refused.class != Class::Environment)
        else {
            continue;
        };
        let text = configuration.sources.text(head);
        let Some(placeholder) = placeholder::find(text).filter(|_| refused.code != "template") else {
            continue;
        };
        let help = refused.help.take().map(|help| format!("{help}; ")).unwrap_or_default();
        refused.help = Some(help + &placeholder.help());
    }
}

/// Makes one finding of an odd character and of what nginx refuses because of it in the same directive: the character is
/// the error, and its repair the only one.
fn join_odd(configuration: &Configuration, all: &mut Vec<Diagnostic>) {
    const ODD: &str = "odd-character";
    let head = |d: &Diagnostic| Some(configuration.tree(d.span.file).enclosing(d.span.start).last()?.head());
    let mut heads: Vec<Span> = all.iter().filter(|d| d.code == ODD).filter_map(head).collect();
    heads.dedup();
    for head in heads {
        let is_inside =
            |d: &Diagnostic| d.span.file == head.file && (head.start..head.end).contains(&d.span.start);
        let is_refused = |d: &&Diagnostic| d.class != Class::Rule && d.level == Level::Error && d.code != ODD;
        let Some(refused) = all.iter().filter(|d| is_inside(d)).find(is_refused).cloned() else { continue };
        all.retain(|d| d.code == ODD || !is_inside(d));
        for odd in all.iter_mut().filter(|d| is_inside(d)) {
            odd.level = Level::Error;
            odd.nginx = odd.nginx.take().or_else(|| refused.nginx.clone());
        }
    }
}

/// Number of findings that nginx refuses.
fn refused(all: &[Diagnostic]) -> usize {
    all.iter().filter(|d| d.class != Class::Rule && (d.level == Level::Error || d.lowered)).count()
}
