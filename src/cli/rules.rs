//! `ngxc rules`: the rules, one a line.

use std::io::Write;

use clap::Args;

use super::{Failure, Outcome};
use crate::lint::RULES;

/// Arguments of `ngxc rules`.
#[derive(Args)]
pub(super) struct RulesArgs {}

pub(super) fn run(_: &RulesArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let width = RULES.iter().map(|r| r.name.len()).max().unwrap_or_default();
    for rule in RULES {
        let level = if rule.recommended { rule.level.name() } else { "off" };
        let category = rule.category.name();
        writeln!(out, "{:width$}  {category:<11}  {level:<7}  {}", rule.name, rule.summary)?;
    }
    Ok(Outcome::Clean)
}
