//! Access logs counted: blocks of lines in parallel, equal requests once.

use std::io::Read;

use crate::behaviour::coverage::Coverage;
use crate::behaviour::logged::{Counter, Counts, Reader};
use crate::ports::dates;
use crate::simulate::walk::RoutingConfiguration;
use crate::simulate::{lines, parallel};

/// Lines that do not fit, of which the first are kept.
const SAMPLES: usize = 3;

/// Counts.
pub(super) struct Counted {
    /// Parts with their counts.
    pub(super) coverage: Coverage,
    /// Notes on its requests.
    pub(super) noticed: Counts,
    /// Lines that are no request in the format.
    pub(super) foreign: u64,
    /// The first of them: number and reason.
    pub(super) samples: Vec<(u64, String)>,
}

/// Counts the requests of a log.
///
/// # Errors
/// If the log cannot be read.
pub(super) fn count(
    ground: &RoutingConfiguration,
    reader: &Reader<'_>,
    empty: &Coverage,
    input: impl Read + Send,
) -> Result<Counted, String> {
    let start = || (Counter::new(ground, reader, empty, seconds), 0, Vec::new());
    let (parts, read) = parallel::count(
        input,
        start,
        |(counter, foreign, samples), before, block| {
            let mut number = before;
            lines::of_block(block, |line| {
                number += 1;
                let counted = match line {
                    Some(b"") => return,
                    Some(line) => counter.line(line),
                    None => Err("the line is longer than 64 KiB".to_owned()),
                };
                if let Err(why) = counted {
                    *foreign += 1;
                    if samples.len() < SAMPLES {
                        samples.push((number, why));
                    }
                }
            });
        },
        |(counter, foreign, samples)| {
            let (coverage, noticed) = counter.coverage();
            Counted { coverage, noticed, foreign, samples }
        },
    );
    read.map_err(|error| error.to_string())?;
    let (coverage, noticed) = (empty.clone(), Counts::default());
    let mut all = Counted { coverage, noticed, foreign: 0, samples: Vec::new() };
    for part in parts {
        all.coverage.add(&part.coverage);
        all.noticed.add(part.noticed);
        all.foreign += part.foreign;
        all.samples.extend(part.samples);
    }
    all.samples.sort_unstable();
    all.samples.truncate(SAMPLES);
    Ok(all)
}

/// Seconds since 1970, in the time zone of the log.
fn seconds(field: &str, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    match field {
        "msec" => text.split('.').next()?.parse().ok(),
        "time_iso8601" => {
            let (date, clock) = text.get(..19)?.split_once('T')?;
            dates::seconds_of(&format!("{} {clock}", date.replace('-', "/")))
        }
        _ => {
            // 10/Oct/2026:13:55:36 +0000
            const MONTHS: [&str; 12] =
                ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = MONTHS.iter().position(|month| text.get(3..6) == Some(month))? + 1;
            let (day, year, clock) = (text.get(..2)?, text.get(7..11)?, text.get(12..20)?);
            dates::seconds_of(&format!("{year}/{month:02}/{day} {clock}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_forms() {
        for (field, text) in [
            ("time_local", "10/Oct/2026:13:55:36 +0000"),
            ("time_iso8601", "2026-10-10T13:55:36+00:00"),
            ("msec", "1791640536.123"),
        ] {
            assert_eq!(seconds(field, text.as_bytes()), Some(1_791_640_536), "{field}");
        }
        assert_eq!(seconds("time_local", b"yesterday"), None);
    }
}
