//! `ngxc split --html`: one page with charts, without scripts and without anything from elsewhere; light, dark, printed.

use std::fmt::Write as _;

use super::answer::{Answer, Bucket, Split};
use super::human::{self, percent};

const STYLE: &str = "
:root { --ink: #1c2126; --dim: #5f6b76; --paper: #fff; --bar: #0a7d4b; --range: #c7ccd1; --mark: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --dim: #9aa5b0; --paper: #14181c; --bar: #3fbf87; --range: #4a545e; --mark: #ff8a80; }
}
@media print { :root { --ink: #000; --dim: #444; --paper: #fff; --bar: #333; --range: #bbb; --mark: #000; } section { break-inside: avoid; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
p, figcaption { color: var(--dim); }
figure { margin: 1rem 0; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--range); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.bar { fill: var(--bar); } .fair { stroke: var(--mark); stroke-width: 2; } .interval { stroke: var(--ink); stroke-width: 1.5; }
";

/// The whole page.
pub(super) fn page(answer: &Answer) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>split_clients</title>\n",
    );
    let _ = writeln!(
        out,
        "<style>{STYLE}</style>\n<h1>split_clients with nginx {}</h1>",
        escape(&answer.nginx_version)
    );
    for split in &answer.splits {
        section(&mut out, split);
    }
    out.push_str("</html>\n");
    out
}

fn section(out: &mut String, split: &Split) {
    let _ = writeln!(
        out,
        "<section>\n<h2>split_clients \"{}\" {}</h2>\n<p>{}</p>",
        escape(&split.key),
        escape(&split.variable),
        escape(&split.place)
    );
    let rows: Vec<&Bucket> = split.buckets.iter().chain(&split.uncovered).collect();
    chart(out, &rows);
    let mut judgement = String::new();
    if let Some(population) = &split.population {
        human::human_population(&mut judgement, population);
    }
    human::human_judgement(&mut judgement, split);
    for line in judgement.lines() {
        let _ = writeln!(out, "<p>{}</p>", escape(line));
    }
    table(out, &rows);
    out.push_str("</section>\n");
}

/// Bars of the shares, with a mark at what is expected and the interval of what was observed.
fn chart(out: &mut String, rows: &[&Bucket]) {
    const LABEL: f64 = 190.0;
    const WIDTH: f64 = 640.0;
    const ROW: f64 = 24.0;
    let top = |b: &Bucket| b.interval.map_or(b.expected_share, |i| i[1]).max(b.expected_share);
    let most = rows.iter().map(|b| top(b)).fold(0.0, f64::max).max(1e-9);
    let x = |share: f64| LABEL + share / most * WIDTH;
    #[expect(clippy::cast_precision_loss, reason = "a few buckets")]
    let height = rows.len() as f64 * ROW + 8.0;
    let _ = writeln!(
        out,
        "<figure>\n<svg viewBox=\"0 0 {:.0} {height:.0}\" role=\"img\" aria-label=\"share of each value\">",
        LABEL + WIDTH + 70.0
    );
    for (i, bucket) in rows.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a few buckets")]
        let y = i as f64 * ROW + 4.0;
        let share = bucket.observed_share.unwrap_or(bucket.expected_share);
        let value: String = human::shown(&bucket.value).chars().take(24).collect();
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{:.1}\">{}</text><rect class=\"bar\" x=\"{LABEL}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"16\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            y + 13.0,
            escape(&value),
            (x(share) - LABEL).max(0.0),
            x(top(bucket)) + 6.0,
            y + 13.0,
            percent(share)
        );
        let fair = x(bucket.expected_share);
        let _ = writeln!(
            out,
            "<line class=\"fair\" x1=\"{fair:.1}\" x2=\"{fair:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            y - 2.0,
            y + 18.0
        );
        if let Some([low, high]) = bucket.interval {
            let _ = writeln!(
                out,
                "<line class=\"interval\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{2:.1}\" y2=\"{2:.1}\"/>",
                x(low),
                x(high),
                y + 8.0
            );
        }
    }
    out.push_str("</svg>\n<figcaption>Upright marks: expected share. Lines: 95 % interval of what was observed.</figcaption>\n</figure>\n");
}

fn table(out: &mut String, rows: &[&Bucket]) {
    out.push_str(
        "<div class=\"scroll\"><table>\n<tr><th>value</th><th>written</th><th>first hash</th><th>last hash</th><th>expected</th>\
         <th>observed</th><th>share</th></tr>\n",
    );
    for bucket in rows {
        let number = |n: Option<u32>| n.map_or("-".to_owned(), |n| n.to_string());
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&human::shown(&bucket.value)),
            escape(bucket.percent.as_deref().unwrap_or("(rest)")),
            number(bucket.first_hash),
            number(bucket.last_hash),
            percent(bucket.expected_share),
            bucket.observed.map_or("-".to_owned(), |n| n.to_string()),
            bucket.observed_share.map_or("-".to_owned(), percent)
        );
    }
    out.push_str("</table></div>\n");
}

/// Text of a configuration is text on a page too.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
