//! `--since` and `--watch`: whether a repair cured, from two looks.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::super::input::Input;
use super::super::meaning::Meaning;
use super::super::{Failure, Outcome};
use super::bundle::Bundle;
use super::{DoctorArgs, Format, gather, rotated};
use crate::ports::dates::{from_to, stamp};
use crate::ports::doctor::since::{Comparison, HostSnapshot, Measure, Verdict, compare, draining};
use crate::ports::signal::meaning;

/// The look that `--collect` took before the repair.
pub(super) fn before(args: &DoctorArgs, path: &Path) -> Result<HostSnapshot, Failure> {
    let bundle = Bundle::read(path)?;
    let input = Input {
        file: bundle.main.clone(),
        meaning: Meaning {
            nginx_version: args.input.nginx_version.or(bundle.nginx()),
            reading: args.input.reading.clone(),
            ..Meaning::default()
        },
    };
    let (_, config) = input.valid(&bundle.files())?;
    let gathered = gather::from_bundle(args, &config, &bundle)?;
    Ok(gathered.look(&crate::ports::flows(&config)))
}

/// Logs that were rotated after the repair: lines that are needed are in another file.
pub(super) fn cut(
    first: &HostSnapshot,
    look: &HostSnapshot,
    logs: &[(PathBuf, &'static str)],
) -> Vec<String> {
    let since = look.reloaded.unwrap_or(first.at).max(first.at);
    // Whole seconds: a line of the first one may be from before.
    let passed = Duration::from_secs(u64::try_from(look.at - since - 1).unwrap_or_default());
    let Some(moment) = SystemTime::now().checked_sub(passed) else { return Vec::new() };
    logs.iter().filter_map(|(path, option)| rotated::since(path, option, moment)).collect()
}

/// Compares two looks and prints it; the verdict and why.
pub(super) fn print(
    args: &DoctorArgs,
    first: &HostSnapshot,
    look: &HostSnapshot,
    nginx: &str,
    out: &mut dyn Write,
) -> Result<(Verdict, String), Failure> {
    let found = compare(first, look);
    match args.format {
        Format::Human => out.write_all(text(&found, nginx).as_bytes())?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &value(&found, nginx)).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok((found.verdict, found.reasons.join("; ")))
}

/// End of a comparison.
pub(super) fn outcome((verdict, why): &(Verdict, String)) -> Result<Outcome, Failure> {
    match verdict {
        Verdict::Cured => Ok(Outcome::Clean),
        Verdict::NotCured => Ok(Outcome::Findings),
        Verdict::Unknown => Err(Failure::new(format!("could not tell whether it is cured: {why}"))
            .help("look again when nginx has served more: `--watch 5` does so until it can be told")),
    }
}

fn text(found: &Comparison, nginx: &str) -> String {
    let mut out = format!("{nginx}\n{}", found.verdict.name());
    for (n, reason) in found.reasons.iter().enumerate() {
        let _ = write!(out, "{} {reason}", if n == 0 { ":" } else { ";" });
    }
    let _ = writeln!(out, "\n\n  {:<34}{:>12}{:>12}", "", "before", "after");
    for (name, before, after) in rows(found) {
        let _ = writeln!(out, "  {name:<34}{before:>12}{after:>12}");
    }
    for (name, measure) in [("before", &found.before), ("after", &found.after)] {
        let _ = writeln!(out, "  {name}: {}", from_to(measure.from_to.0, measure.from_to.1));
    }
    if found.after.of_ending > 0 {
        let _ = writeln!(
            out,
            "  {} errors of workers that were still ending, with the configuration of before, are not counted",
            found.after.of_ending
        );
    }
    if let Some(seconds) = draining(found) {
        let _ = writeln!(
            out,
            "  {} ports are still in TIME_WAIT; those that were closed before are free in {seconds:.0} s at the latest",
            found.after.time_wait
        );
    }
    out
}

/// Names and numbers of both times.
fn rows(found: &Comparison) -> Vec<(String, String, String)> {
    let (before, after) = (&found.before, &found.after);
    let number = |n: Option<u64>| n.map_or("-".to_owned(), |n| n.to_string());
    let mut rows = vec![
        ("requests".to_owned(), number(before.requests), number(after.requests)),
        ("answered 5xx by nginx".to_owned(), before.failed.to_string(), after.failed.to_string()),
    ];
    let mut signals: Vec<_> = before.errors.keys().chain(after.errors.keys()).collect();
    signals.sort_unstable();
    signals.dedup();
    for signal in signals {
        let of = |m: &Measure| m.errors.get(signal).copied().unwrap_or_default().to_string();
        rows.push((meaning(*signal).map_or("", |m| m.name).to_owned(), of(before), of(after)));
    }
    let share = |m: &Measure| m.connections_per_request.map_or("-".to_owned(), |n| format!("{n:.2}"));
    rows.push(("new connections per request".to_owned(), share(before), share(after)));
    rows.push((
        "TIME_WAIT to the peers".to_owned(),
        before.time_wait.to_string(),
        after.time_wait.to_string(),
    ));
    rows.push(("open to the peers".to_owned(), before.open.to_string(), after.open.to_string()));
    if let Some(opened) = found.opened() {
        rows.push(("connections opened by all programs".to_owned(), "-".to_owned(), opened.to_string()));
    }
    rows
}

/// The schema of docs/doctor.md.
fn value(found: &Comparison, nginx: &str) -> Value {
    json!({
        "schema": 1,
        "nginx": nginx,
        "verdict": found.verdict.name(),
        "reasons": found.reasons,
        "is_reloaded": found.is_reloaded,
        "before": measure(&found.before, None),
        "after": measure(&found.after, found.opened()),
    })
}

fn measure(measure: &Measure, opened: Option<i64>) -> Value {
    let errors: serde_json::Map<String, Value> = measure
        .errors
        .iter()
        .filter_map(|(signal, count)| Some((meaning(*signal)?.name.to_owned(), json!(count))))
        .collect();
    json!({
        "from": stamp(measure.from_to.0),
        "to": stamp(measure.from_to.1),
        "requests": measure.requests,
        "failed": measure.failed,
        "errors": errors,
        "errors_of_ending_workers": measure.of_ending,
        "connections_per_request": measure.connections_per_request,
        "time_wait": measure.time_wait,
        "open": measure.open,
        "connections_opened": opened,
    })
}
