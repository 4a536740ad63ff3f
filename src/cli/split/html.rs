//! `ngxc split --html`: one page with charts, without scripts and without anything from elsewhere; light, dark, printed.

use std::fmt::Write as _;

use super::answer::{Answer, Bucket, Split};
use super::human::{self, percent};
use crate::cli::page::{escape, head};

/// The whole page.
pub(super) fn page(answer: &Answer) -> String {
    let mut out = head("split_clients");
    let _ = writeln!(out, "<h1>split_clients with nginx {}</h1>", escape(&answer.nginx_version));
    for split in &answer.splits {
        section(&mut out, split);
    }
    out.push_str("</html>\n");
    out
}

fn section(out: &mut String, split: &Split) {
    let _ = writeln!(
        out,
        "<section>\n<h2 class=\"code\">split_clients \"{}\" {}</h2>\n<p>{}</p>",
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
    let top = |b: &Bucket| b.interval.map_or(b.expected_share, |i| i[1]).max(b.expected_share);
    let most = rows.iter().map(|b| top(b).max(b.observed_share.unwrap_or(0.0))).fold(0.0, f64::max).max(1e-9);
    let x = |share: f64| share / most * 100.0;
    out.push_str("<figure>\n");
    for bucket in rows {
        let share = bucket.observed_share.unwrap_or(bucket.expected_share);
        let _ = write!(
            out,
            "<div class=\"item\"><strong>{}</strong> {} of the requests\n<div class=\"track\" role=\"img\" aria-label=\"{0}: {1}\">\
             <i class=\"good\" style=\"width:{:.2}%\"></i><i class=\"fair\" style=\"left:calc({:.2}% - 1px)\"></i>",
            escape(&human::shown(&bucket.value)),
            percent(share),
            x(share),
            x(bucket.expected_share)
        );
        if let Some([low, high]) = bucket.interval {
            let _ = write!(
                out,
                "<i class=\"interval\" style=\"left:{:.2}%;width:{:.2}%\"></i>",
                x(low),
                x(high) - x(low)
            );
        }
        out.push_str("</div></div>\n");
    }
    out.push_str(
        "<figcaption>Upright marks: expected share of the requests. Lines: 95 % interval of what was \
         observed.</figcaption>\n</figure>\n",
    );
}

/// Columns of the table with their units.
const COLUMNS: [&str; 7] = [
    "value",
    "written",
    "first hash (32 bits)",
    "last hash (32 bits)",
    "expected, share of requests",
    "observed, requests",
    "observed, share of requests",
];

fn table(out: &mut String, rows: &[&Bucket]) {
    out.push_str("<table>\n<thead><tr>");
    for (n, column) in COLUMNS.iter().enumerate() {
        let _ = write!(out, "<th{}>{column}</th>", if n == 0 { " class=\"name\"" } else { "" });
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for bucket in rows {
        let number = |n: Option<u32>| n.map_or("-".to_owned(), |n| n.to_string());
        let cells = [
            human::shown(&bucket.value),
            bucket.percent.as_deref().unwrap_or("(rest)").to_owned(),
            number(bucket.first_hash),
            number(bucket.last_hash),
            percent(bucket.expected_share),
            bucket.observed.map_or("-".to_owned(), |n| n.to_string()),
            bucket.observed_share.map_or("-".to_owned(), percent),
        ];
        out.push_str("<tr>");
        for (n, (cell, column)) in cells.iter().zip(COLUMNS).enumerate() {
            let class = if n == 0 { " class=\"name\"" } else { "" };
            let _ = write!(out, "<td{class} data-label=\"{column}\">{}</td>", escape(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}
