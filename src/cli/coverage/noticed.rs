//! Notes about requests of a log: what the log lacks, where it differs from the configuration, and which upstreams failed.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::behaviour::logged::Counts;
use crate::cli::note;

/// Most contradictions that are told.
const MOST: usize = 5;

/// Says which variables the log lacks.
pub(super) fn notes(counts: &Counts) {
    for (name, requests) in &counts.lacking {
        let (requests, verb) = if *requests == 1 {
            ("1 request".to_owned(), "depends")
        } else {
            (format!("{requests} requests"), "depend")
        };
        note(&format!("note: {requests} {verb} on `${name}`, which the log does not have: add `${name}`"));
    }
}

/// Prints failures of upstreams and contradictions, the most frequent first.
pub(super) fn print(counts: &Counts, out: &mut dyn Write) -> io::Result<()> {
    if !counts.failed.is_empty() {
        writeln!(out, "\nfailed at the upstream: 502, 503 or 504")?;
        lines(&counts.failed, out)?;
    }
    if counts.contradicted > 0 {
        writeln!(
            out,
            "\nnot as the configuration has it: the log is of another configuration, or of another server"
        )?;
        lines(&counts.contradictions, out)?;
    }
    Ok(())
}

fn lines(counted: &BTreeMap<String, u64>, out: &mut dyn Write) -> io::Result<()> {
    let mut sorted: Vec<(&String, &u64)> = counted.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (words, count) in sorted.iter().take(MOST) {
        writeln!(out, "{count:>10}  {words}")?;
    }
    if sorted.len() > MOST {
        writeln!(out, "{:>10}  {} more", "", sorted.len() - MOST)?;
    }
    Ok(())
}
