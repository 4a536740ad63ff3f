//! The answer of `ngxc split` for a person.

use std::fmt::Write as _;

use super::Style;
use super::answer::{Answer, Bucket, Malformed, Population, SourcePorts, Split};

/// Text of a configuration or a log must not reach the terminal as control characters.
pub(super) fn shown(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

pub(super) fn human(answer: &Answer, style: Style) -> String {
    let mut out = String::new();
    for (i, split) in answer.splits.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        human_split(&mut out, split, style, &answer.nginx_version);
    }
    out
}

fn human_split(out: &mut String, split: &Split, style: Style, version: &str) {
    let (bold, dim, off) = if style.color { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let key = shown(&split.key);
    let _ = writeln!(
        out,
        "{bold}{}{off}  split_clients \"{key}\"  {dim}{}, nginx {version}{off}",
        split.variable, split.place
    );
    let rows: Vec<&Bucket> = split.buckets.iter().chain(&split.uncovered).collect();
    let value_width = rows.iter().map(|b| shown(&b.value).chars().count()).max().unwrap_or(0).clamp(5, 40);
    let observed = split.population.is_some();
    let count_width = split.population.as_ref().map_or(0, |p| p.keys.to_string().len()).max(8);
    let _ = write!(out, "{dim}   share  first hash   last hash  expected");
    // On a narrow terminal the bars say more than the intervals.
    let wide = style.width >= 96;
    if observed {
        let interval = if wide { "  95 % interval" } else { "" };
        let _ = write!(out, "  {:>count_width$}    share{interval}", "observed");
    }
    let _ = writeln!(out, "  value{off}");
    let fixed = 46 + if observed { count_width + if wide { 26 } else { 11 } } else { 0 } + value_width;
    let room = style.width.saturating_sub(fixed).min(30);
    let share = |b: &Bucket| b.observed_share.unwrap_or(b.expected_share);
    let largest = rows.iter().map(|b| share(b)).fold(0.0, f64::max);
    for bucket in &rows {
        let hash = |h: Option<u32>| h.map_or("-".to_owned(), |h| h.to_string());
        let _ = write!(
            out,
            "{:>8}  {:>10}  {:>10}  {:>8}",
            bucket.percent.as_deref().unwrap_or("(rest)"),
            hash(bucket.first_hash),
            hash(bucket.last_hash),
            percent(bucket.expected_share)
        );
        if let (Some(n), Some(share)) = (bucket.observed, bucket.observed_share) {
            let _ = write!(out, "  {n:>count_width$}  {:>7}", percent(share));
            if let Some([low, high]) = bucket.interval.filter(|_| wide) {
                let _ = write!(out, "  {:>13}", format!("{:.2}-{:.2}%", low * 100.0, high * 100.0));
            }
        }
        let mut value = shown(&bucket.value);
        if value.chars().count() > value_width {
            value = value.chars().take(value_width - 1).chain(['\u{2026}']).collect();
        }
        let bar = bar(share(bucket) / largest, room, style.unicode);
        let line = format!("  {value:value_width$}  {bar}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if let Some(population) = &split.population {
        human_population(out, population);
    }
    human_judgement(out, split);
    for lookup in &split.lookups {
        let key = lookup.key.as_ref().map_or(String::new(), |key| format!("key \"{}\": ", shown(key)));
        let bucket = lookup.bucket.map_or("no bucket".to_owned(), |b| format!("bucket {}", b + 1));
        let _ = writeln!(out, "{key}hash {}, {bucket}, value {}", lookup.hash, shown(&lookup.value));
    }
}

/// Meaning of the counts.
pub(super) fn human_judgement(out: &mut String, split: &Split) {
    if let Some(s) = &split.statistics {
        let _ = writeln!(
            out,
            "effective keys {:.0} (the most frequent one is {} of all); worst bucket {} has {:.2} x its share",
            s.effective_keys,
            percent(s.heaviest_key_share),
            shown(&s.worst_value),
            s.worst_ratio
        );
        let p = if s.p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {:.4}", s.p) };
        let verdict = if s.is_uneven {
            "uneven: no accident. Few or heavy keys do that, not the hash; $request_id spreads best"
        } else if s.worst_ratio > 1.1 {
            "uneven because the keys are few or heavy, not because of the hash; $request_id spreads best"
        } else {
            "even"
        };
        let _ = writeln!(
            out,
            "chi-square {:.1}, {} degrees of freedom, {p}: {verdict}",
            s.chi_square, s.degrees_of_freedom
        );
    }
    // Even shares alone say nothing.
    let telling = |p: &&SourcePorts| split.population.is_some() || p.usable_share < 0.99;
    if let Some(p) = split.ports.as_ref().filter(telling) {
        let _ = writeln!(
            out,
            "proxy_bind: {} addresses with {} ports each (Linux's default) to one destination. When the fullest address, {}, runs \
             out, {} of {} ports are used.",
            p.addresses,
            p.ports_each,
            shown(&p.first_full),
            p.usable_ports,
            p.ports_each * p.addresses
        );
    }
    if let Some(c) = &split.comparison {
        let _ = match (c.found, c.moved_share) {
            (false, _) => writeln!(out, "the other configuration does not split {}", split.variable),
            (true, None) => writeln!(out, "the other configuration hashes another key: every key may move"),
            (true, Some(moved)) => {
                let least = c
                    .least_share
                    .filter(|l| *l < moved)
                    .map_or(String::new(), |l| format!("; a consistent hash would move {}", percent(l)));
                writeln!(
                    out,
                    "{} buckets in the other configuration: {} of the keys move{least}",
                    c.buckets,
                    percent(moved)
                )
            }
        };
    }
}

pub(super) fn human_population(out: &mut String, population: &Population) {
    let _ = write!(out, "{} keys", population.keys);
    match (population.distinct_keys, population.distinct_keys_more_than) {
        (Some(n), _) => drop(write!(out, ", {n} different")),
        (_, Some(limit)) => drop(write!(out, ", more than {limit} different")),
        _ => {}
    }
    let _ = writeln!(out, ", {} without a bucket", population.without_bucket);
    if let (Some(all), Some(taken)) = (&population.clients, population.clients_simulated)
        && *all != taken.to_string()
    {
        let _ = writeln!(out, "sample: {taken} of {all} addresses, at even distances");
    }
    if let Some(ports) = &population.assumed_ports {
        let (count, range) = ports.split_once(" of ").unwrap_or(("1", ports));
        let count = if count == "1" { "one port".to_owned() } else { format!("{count} ports") };
        let _ = writeln!(out, "Assumed: {count} per client, from {range}.");
    }
    if population.malformed_lines > 0 {
        let _ = writeln!(out, "{} malformed lines were left out:", population.malformed_lines);
        for Malformed { line, expected } in &population.first_malformed {
            let _ = writeln!(out, "  line {line}: {expected}");
        }
    }
}

/// A share in percent; a small share gets as many digits as it needs to differ from 0.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.001 { "<0.001%".to_owned() } else { format!("{percent:.3}%") }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 to 1, times a width"
)]
fn bar(part: f64, width: usize, unicode: bool) -> String {
    let eighths = (part.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
    if !unicode {
        return "#".repeat((eighths + 4) / 8);
    }
    let mut bar = "\u{2588}".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.extend(char::from_u32(0x2590 - (eighths % 8) as u32));
    }
    bar
}
