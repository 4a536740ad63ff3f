//! Reports of coverage: a table, JSON, and the files that options name.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{html, lcov};
use crate::behaviour::coverage::{Coverage, Item, Kind, percent as share};
use crate::cli::Failure;
use crate::ports::dates;
use crate::source::{SourceMap, Span};

/// Reports of coverage.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct CoverageArgs {
    /// Print which servers, locations, `if`s, `return`s, `rewrite`s, map entries and upstreams were reached.
    #[arg(long, help_heading = "Coverage")]
    coverage: bool,

    /// Write the coverage as a page.
    #[arg(long, value_name = "FILE", help_heading = "Coverage")]
    coverage_html: Option<PathBuf>,

    /// Write the coverage in the format of lcov.
    #[arg(long, value_name = "FILE", help_heading = "Coverage")]
    coverage_lcov: Option<PathBuf>,

    /// Fail if less than this share of all parts was reached, in per cent.
    #[arg(long, value_name = "PERCENT", help_heading = "Coverage", value_parser = percentage)]
    min_coverage: Option<f64>,
}

pub(super) fn percentage(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>().ok();
    number.filter(|n| (0.0..=100.0).contains(n)).ok_or_else(|| "expected a number from 0 to 100".to_owned())
}

impl CoverageArgs {
    /// Reports of logs.
    pub(super) fn of(html: Option<PathBuf>, lcov: Option<PathBuf>, least: Option<f64>) -> Self {
        Self { coverage: false, coverage_html: html, coverage_lcov: lcov, min_coverage: least }
    }

    /// True if some report of coverage is asked for.
    pub(in crate::cli) fn is_asked(&self) -> bool {
        self.coverage
            || self.coverage_html.is_some()
            || self.coverage_lcov.is_some()
            || self.min_coverage.is_some()
    }

    /// Writes what is asked for; returns what is short of `--min-coverage`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(in crate::cli) fn write(
        &self,
        coverage: &Coverage,
        shadowed: &HashMap<Span, String>,
        sources: &SourceMap,
        is_human: bool,
        out: &mut dyn Write,
    ) -> Result<Option<String>, Failure> {
        if self.coverage && is_human {
            table(coverage, sources, out)?;
        }
        let page = || html::page(coverage, shadowed, sources);
        let lcov = || lcov::text(coverage, sources);
        let pages: [(_, &dyn Fn() -> String); 2] =
            [(&self.coverage_html, &page), (&self.coverage_lcov, &lcov)];
        for (path, make) in pages {
            if let Some(path) = path {
                std::fs::write(path, make())
                    .map_err(|error| Failure::new(format!("cannot write `{}`: {error}", path.display())))?;
            }
        }
        let (reached, all) = coverage.share(None);
        let share = share((reached, all));
        Ok(self.min_coverage.filter(|least| share < *least).map(|least| {
            format!("{reached} of {all} parts were reached, {share:.1} %; --min-coverage asks for {least} %")
        }))
    }
}

/// The table, and the parts that nothing reached.
pub(in crate::cli) fn table(coverage: &Coverage, sources: &SourceMap, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\ncoverage        reached   all")?;
    let rows = Kind::ALL.into_iter().map(|kind| (kind.plural(), Some(kind)));
    for (name, kind) in rows.chain([("all parts", None)]) {
        let (reached, all) = coverage.share(kind);
        if all > 0 {
            writeln!(out, "{name:<15} {reached:>7} {all:>5}  {:>5.1} %", share((reached, all)))?;
        }
    }
    let missed: Vec<&Item> = coverage.items.iter().filter(|item| item.hits == 0).collect();
    if missed.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nnever reached")?;
    let width = missed.iter().map(|item| item.name.chars().count()).filter(|n| *n <= 50).max().unwrap_or(0);
    for item in missed {
        writeln!(out, "  {:<width$}  {}", item.name, sources.place(item.span))?;
    }
    Ok(())
}

/// Counts of all parts as a tree, then the table.
pub(super) fn counts(coverage: &Coverage, sources: &SourceMap, out: &mut dyn Write) -> io::Result<()> {
    let plural = if coverage.requests == 1 { "" } else { "s" };
    writeln!(
        out,
        "{} request{plural}, of which the default server took {} whose host no name fits\n",
        coverage.requests, coverage.by_default
    )?;
    let name = |item: &Item| format!("{:indent$}{}", "", item.name, indent = 2 * item.depth);
    let widths = coverage.items.iter().map(|item| name(item).chars().count());
    let width = widths.filter(|n| *n <= 60).max().unwrap_or(0);
    for item in coverage.items.iter().filter(|item| item.hits > 0) {
        let last = item.last.map(dates::stamp).unwrap_or_default();
        let line = format!("{:>10}  {:<width$}  {}  {last}", item.hits, name(item), sources.place(item.span));
        writeln!(out, "{}", line.trim_end())?;
    }
    table(coverage, sources, out)
}

/// The coverage as JSON.
pub(in crate::cli) fn json(coverage: &Coverage, sources: &SourceMap) -> Value {
    let (reached, all) = coverage.share(None);
    let items: Vec<Value> = coverage
        .items
        .iter()
        .map(|item| {
            let mut value = json!({
                "kind": item.kind.name(), "name": item.name, "place": sources.place(item.span), "hits": item.hits
            });
            if let Some(last) = item.last {
                value["last"] = json!(last);
            }
            value
        })
        .collect();
    json!({
        "requests": coverage.requests, "by_default_server": coverage.by_default, "reached": reached, "all": all,
        "items": items
    })
}
