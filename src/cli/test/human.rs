//! Results for a person: of each failure what differs, and the way of the request.

use std::io::{self, Write};

use super::execute::Verdict;
use super::machine::{Report, found_text};
use crate::cli::show::{human, way};

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for result in report.results {
        let place = format!("{}:{}", result.found.file.display(), result.found.line);
        match &result.verdict {
            Verdict::Passed => {}
            Verdict::Broken(why) => {
                writeln!(out, "FAILED {place} {}", result.found.case.title())?;
                writeln!(out, "  {why}\n")?;
            }
            Verdict::Failed(differences, request) => {
                writeln!(out, "FAILED {place} {}", result.found.case.title())?;
                for difference in differences {
                    let found = found_text(&difference.found);
                    writeln!(out, "  {}: expected {}, {found}", difference.field, difference.expected)?;
                }
                let (asked, walk) = request.as_ref();
                let way = way::way(report.book, report.ground, asked, walk);
                writeln!(out, "  the way of the request:")?;
                human::way(&way, 4, out)?;
                writeln!(out)?;
            }
        }
    }
    let (passed, all) = report.counts();
    let noun = if all == 1 { "case" } else { "cases" };
    match all - passed {
        0 => writeln!(out, "{all} {noun}: all as expected"),
        failed => writeln!(out, "{all} {noun}: {passed} as expected, {failed} failed"),
    }
}
