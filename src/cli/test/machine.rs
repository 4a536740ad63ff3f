//! Results for machines: JSON, `JUnit`, TAP and annotations of GitHub.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::execute::{LiveResult, LiveServer, Result, Verdict};
use crate::behaviour::coverage::Coverage;
use crate::behaviour::expect::{Difference, FoundValue};
use crate::cli::coverage::report;
use crate::cli::render::github as command;
use crate::cli::render::xml::escape;
use crate::cli::show::{ModelNames, way};
use crate::simulate::walk::RoutingConfiguration;

/// Version of the schema.
const SCHEMA: u32 = 1;

/// Results, and what is needed to explain them.
pub(super) struct Report<'r> {
    pub(super) book: ModelNames<'r>,
    pub(super) ground: &'r RoutingConfiguration,
    pub(super) results: &'r [Result],
}

impl Report<'_> {
    /// Cases that passed, and all.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.results.iter().filter(|result| result.is_passed()).count(), self.results.len())
    }
}

/// Found values, in words.
pub(super) fn found_text(found: &FoundValue) -> String {
    match found {
        FoundValue::Value(value) => format!("found `{value}`"),
        FoundValue::Several(values) => format!("found `{}`", values.join("`, `")),
        FoundValue::Nothing => "found nothing".to_owned(),
        FoundValue::Unknown(missing) => format!("not known here: {missing}"),
    }
}

/// All that differs, a line each.
pub(super) fn lines(result: &Result) -> Vec<String> {
    let mut lines = match &result.verdict {
        Verdict::Passed => Vec::new(),
        Verdict::Broken(why) => vec![why.clone()],
        Verdict::Failed(differences, _) => differences.iter().map(line).collect(),
    };
    for LiveServer { engine, seen } in &result.live {
        match seen {
            LiveResult::Agreed | LiveResult::NotAsked(_) => {}
            LiveResult::Differs(differences, _) => {
                lines.extend(differences.iter().map(|difference| format!("{engine}: {}", line(difference))));
            }
            LiveResult::Failed(why) => lines.push(format!("{engine}: {why}")),
        }
    }
    lines
}

fn line(difference: &Difference) -> String {
    format!("{}: expected {}, {}", difference.field, difference.expected, found_text(&difference.found))
}

pub(super) fn json(report: &Report<'_>, coverage: Option<&Coverage>, out: &mut dyn Write) -> io::Result<()> {
    let cases: Vec<Value> = report.results.iter().map(|result| case(report, result)).collect();
    let (passed, all) = report.counts();
    let mut document = json!({
        "schema": SCHEMA,
        "nginx_version": report.book.config.version.to_string(),
        "passed": passed,
        "failed": all - passed,
        "cases": cases,
    });
    if let Some(coverage) = coverage {
        document["coverage"] = report::json(coverage, report.book.sources);
    }
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn case(report: &Report<'_>, result: &Result) -> Value {
    let mut case = json!({
        "file": result.found.file.display().to_string(),
        "line": result.found.line,
        "name": result.found.case.title(),
        "result": match result.verdict {
            Verdict::Broken(_) => "broken",
            _ if result.is_passed() => "passed",
            _ => "failed",
        },
    });
    match &result.verdict {
        Verdict::Passed => {}
        Verdict::Broken(why) => case["problem"] = json!(why),
        Verdict::Failed(differences, _) => {
            case["differences"] = differences.iter().map(difference).collect();
        }
    }
    if let Some((asked, walk)) = result.request() {
        case["way"] = json!(way::way(report.book, report.ground, asked, walk));
    }
    if !result.live.is_empty() {
        case["live"] = result.live.iter().map(live).collect();
    }
    case
}

fn live(live: &LiveServer) -> Value {
    let mut value = json!({ "engine": live.engine });
    match &live.seen {
        LiveResult::Agreed => value["result"] = json!("passed"),
        LiveResult::Differs(differences, _) => {
            value["result"] = json!("failed");
            value["differences"] = differences.iter().map(difference).collect();
        }
        LiveResult::NotAsked(why) | LiveResult::Failed(why) => {
            let is_asked = matches!(live.seen, LiveResult::Failed(_));
            value["result"] = json!(if is_asked { "broken" } else { "not asked" });
            value["problem"] = json!(why);
        }
    }
    value
}

fn difference(difference: &Difference) -> Value {
    let (found, unknown) = match &difference.found {
        FoundValue::Value(value) => (json!(value), None),
        FoundValue::Several(values) => (json!(values), None),
        FoundValue::Nothing => (Value::Null, None),
        FoundValue::Unknown(missing) => (Value::Null, Some(missing.to_string())),
    };
    json!({
        "field": difference.field, "expected": expected(&difference.expected), "found": found, "unknown": unknown
    })
}

/// An expected value without the quotes that people see; several are a list.
fn expected(shown: &str) -> Value {
    let text = |shown: &str| serde_json::from_str::<String>(shown).ok().map(Value::from);
    let list = || serde_json::from_str::<Vec<String>>(&format!("[{shown}]")).ok().map(Value::from);
    text(shown).or_else(list).unwrap_or_else(|| Value::from(shown))
}

pub(super) fn junit(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (passed, all) = report.counts();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuite name=\"ngxc test\" tests=\"{all}\" failures=\"{}\">", all - passed)?;
    for result in report.results {
        let class = escape(&result.found.file.display().to_string());
        let name = escape(&result.found.case.title());
        let head =
            format!("  <testcase classname=\"{class}\" name=\"{name}\" line=\"{}\"", result.found.line);
        let lines = lines(result);
        match lines.first() {
            None => writeln!(out, "{head}/>")?,
            Some(first) => writeln!(
                out,
                "{head}>\n    <failure message=\"{}\">{}</failure>\n  </testcase>",
                escape(first),
                escape(&lines.join("\n"))
            )?,
        }
    }
    writeln!(out, "</testsuite>")
}

pub(super) fn tap(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "TAP version 13\n1..{}", report.results.len())?;
    for (number, result) in (1..).zip(report.results) {
        let word = if result.is_passed() { "ok" } else { "not ok" };
        // A `#` would begin a directive.
        let title = result.found.case.title().replace(['#', '\n'], " ");
        writeln!(out, "{word} {number} - {title}")?;
        for line in lines(result) {
            writeln!(out, "# {}:{}: {line}", result.found.file.display(), result.found.line)?;
        }
    }
    Ok(())
}

pub(super) fn github(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for result in report.results.iter().filter(|result| !result.is_passed()) {
        writeln!(
            out,
            "::error file={},line={},title={}::{}",
            command::property(&result.found.file.display().to_string()),
            result.found.line,
            command::property(&result.found.case.title()),
            command::data(&lines(result).join("\n"))
        )?;
    }
    Ok(())
}
