//! The answer before the evidence: why requests fail, and what to do, in a few lines.

use std::fmt::Write as _;

use super::diagnosis::Diagnosis;
use super::gathered::printable;
use crate::ports::dates::clock;
use crate::ports::doctor::load::is_lower_bound;
use crate::ports::doctor::{Finding, Severity};

/// Causes that are listed; the rest is counted.
const MOST: usize = 5;

/// Causes, worst first, and what cures each; nothing if nothing is wrong.
pub(super) fn text(diagnosis: &Diagnosis<'_>) -> String {
    let bad: Vec<&Finding> = diagnosis.findings.iter().filter(|f| f.severity > Severity::Info).collect();
    // A burst, or peers that were left out after failures, say that requests fail; others say why.
    let is_cause =
        |f: &&Finding| f.count > 0 || f.repair.is_some() || !f.commands.is_empty() || f.over_at.is_some();
    let is_now = |f: &&Finding| is_cause(f) && !f.is_forecast;
    let mut causes: Vec<&Finding> = bad.iter().copied().filter(is_now).collect();
    if causes.is_empty() {
        causes.clone_from(&bad);
    }
    let mut out = String::new();
    for (n, finding) in causes.iter().take(MOST).enumerate() {
        let word = if n == 0 { "cause" } else { "" };
        let title = printable(&finding.title, 200);
        super::human::wrap(&mut out, word, &format!("{title}: {}", cure(diagnosis, finding)));
    }
    if causes.len() > MOST {
        let _ = writeln!(out, "        and {} more", causes.len() - MOST);
    }
    if let Some(next) = next(diagnosis, &bad) {
        super::human::wrap(&mut out, "next", &next);
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// Cure of a cause.
fn cure(diagnosis: &Diagnosis<'_>, finding: &Finding) -> String {
    if let Some(at) = finding.over_at {
        return format!("cured since the reload; wait until {}", clock(at));
    }
    let evidence = &diagnosis.gathered.evidence;
    let is_lower = |text: &String| is_lower_bound(evidence, text);
    let is_bound = finding.effect.iter().chain(&finding.remedy).any(is_lower);
    if is_bound && diagnosis.is_repaired(finding) {
        return "the size of the pool in the diff below is a lower bound, because the access log has no durations: \
                `$request_time` or `$upstream_response_time` in its format would size it"
            .to_owned();
    }
    if finding.name == "near-the-cliff" && diagnosis.is_repaired(finding) {
        return "nothing fails now; with the diff below fewer ports are in use".to_owned();
    }
    let text = match (diagnosis.is_repaired(finding), finding.commands.is_empty()) {
        (true, true) => "the diff below cures it",
        (true, false) => "the diff below and the commands with it cure it",
        (false, false) if finding.only_widens => {
            "the commands below (`run`) widen the limit; that the ports suffice then is not known"
        }
        (false, false) => "the commands below cure it (`run`)",
        (false, true) if finding.remedy.is_empty() => "see below",
        (false, true) => "there is no diff for it; see `do` below",
    };
    text.to_owned()
}

/// Steps that apply and prove the cure.
fn next(diagnosis: &Diagnosis<'_>, causes: &[&Finding]) -> Option<String> {
    let has_commands = causes.iter().any(|finding| !finding.commands.is_empty());
    // A diff of what is only worth knowing is no step of the cure.
    let is_cure = causes.iter().any(|finding| diagnosis.is_repaired(finding));
    let apply = match (diagnosis.repair.as_ref().filter(|_| is_cure), has_commands) {
        (Some(diff), _) => {
            let is_absolute = diff.lines().any(|line| {
                let path = line.strip_prefix("--- a/").map(|path| format!("/{path}"));
                path.is_some_and(|path| {
                    diagnosis.configuration.sources.files().any(|(_, f)| f.name() == path)
                })
            });
            let root = if is_absolute { " -d /" } else { "" };
            format!("apply the diff (`patch -p1{root}` takes this output), `nginx -t && nginx -s reload`")
        }
        (None, true) => "run the commands as root".to_owned(),
        (None, false) => return None,
    };
    Some(format!(
        "keep what there is now (`--collect before`), {apply}; a minute later `--since before` says whether it is cured"
    ))
}
