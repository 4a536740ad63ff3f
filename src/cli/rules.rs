//! `ngxc rules`: the rules, one per line.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Failure, Outcome};
use crate::lint::{RULES, Rule};

/// Version of the JSON answer.
const SCHEMA: u32 = 1;

/// Arguments of `ngxc rules`.
#[derive(Args)]
pub(super) struct RulesArgs {
    /// Output format of the rules.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One per line.
    Human,
    /// Everything that is known about each.
    Json,
}

pub(super) fn run(args: &RulesArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if args.format == Format::Json {
        let rules: Vec<Value> = RULES.iter().map(|rule| described(rule)).collect();
        let document = json!({ "schema": SCHEMA, "version": env!("CARGO_PKG_VERSION"), "rules": rules });
        serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(Outcome::Clean);
    }
    let width = RULES.iter().map(|r| r.name.len()).max().unwrap_or_default();
    for rule in RULES {
        let level = if rule.recommended { rule.level.name() } else { "off" };
        let category = rule.category.name();
        writeln!(out, "{:width$}  {category:<11}  {level:<7}  {}", rule.name, rule.summary)?;
    }
    Ok(Outcome::Clean)
}

fn described(rule: &Rule) -> Value {
    json!({
        "name": rule.name,
        "category": rule.category.name(),
        "level": rule.level.name(),
        "recommended": rule.recommended,
        "depends_on_version": rule.by_version,
        "summary": rule.summary,
        "docs": rule.docs,
        "doc": format!("https://nginx.org{}", rule.doc),
    })
}
