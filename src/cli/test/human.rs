//! Results for a person: of each failure what differs, and the way of the request.

use std::io::{self, Write};

use super::execute::LiveResult;
use super::machine::{Report, lines};
use crate::cli::show::{human, way};

pub(super) fn print(report: &Report<'_>, engines: &[String], out: &mut dyn Write) -> io::Result<()> {
    for result in report.results.iter().filter(|result| !result.is_passed()) {
        let place = format!("{}:{}", result.found.file.display(), result.found.line);
        writeln!(out, "FAILED {place} {}", result.found.case.title())?;
        for line in lines(result) {
            writeln!(out, "  {line}")?;
        }
        if let Some((asked, walk)) = result.request() {
            let way = way::way(report.book, report.ground, asked, walk);
            writeln!(out, "  the way of the request:")?;
            human::way(&way, 4, out)?;
        }
        writeln!(out)?;
    }
    not_asked(report, out)?;
    let (passed, all) = report.counts();
    let noun = if all == 1 { "case" } else { "cases" };
    match all - passed {
        0 => write!(out, "{all} {noun}: all as expected")?,
        failed => write!(out, "{all} {noun}: {passed} as expected, {failed} failed")?,
    }
    for (engine, separator) in engines.iter().zip(std::iter::once("; ").chain(std::iter::repeat(", "))) {
        let agreed = report.results.iter().flat_map(|result| &result.live);
        let agreed =
            agreed.filter(|live| live.engine == *engine && matches!(live.seen, LiveResult::Agreed)).count();
        write!(out, "{separator}{engine} agrees with {agreed}")?;
    }
    writeln!(out)
}

/// Cases that cannot be asked on loopback, each with its reason.
fn not_asked(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut is_first = true;
    for result in report.results {
        let why = result.live.iter().find_map(|live| match &live.seen {
            LiveResult::NotAsked(why) => Some(why),
            _ => None,
        });
        let Some(why) = why else { continue };
        if std::mem::take(&mut is_first) {
            writeln!(out, "decided by the simulator alone:")?;
        }
        let place = format!("{}:{}", result.found.file.display(), result.found.line);
        writeln!(out, "  {place} {}: {why}", result.found.case.title())?;
    }
    if is_first { Ok(()) } else { writeln!(out) }
}
