//! The diagnosis: findings, and the repair of what they name.

use super::super::input::Input;
use super::super::which::JudgedNginx;
use super::gathered::GatheredFacts;
use super::{edits, repair};
use crate::catalog::NEWEST;
use crate::edit::Fix;
use crate::model::Config;
use crate::ports::Flow;
use crate::ports::doctor::{Finding, Severity, diagnose};
use crate::reuse::{self, DEFAULT_KEEPALIVE};
use crate::syntax::Configuration;

/// A diagnosis, for printing.
pub(super) struct Diagnosis<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) config: &'a Config,
    /// The judged nginx, in words.
    pub(super) nginx: String,
    pub(super) gathered: GatheredFacts,
    pub(super) findings: Vec<Finding>,
    /// The diff that repairs what the configuration can cure.
    pub(super) repair: Option<String>,
    /// The flows that the diff repairs, or helps to.
    pub(super) repaired: Vec<usize>,
}

impl Diagnosis<'_> {
    pub(super) fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }

    /// True if the diff repairs, or helps to repair, the fault of a finding.
    pub(super) fn is_repaired(&self, finding: &Finding) -> bool {
        let is_flow = finding.repair.is_some_and(|position| self.repaired.contains(&position));
        self.repair.is_some() && (!finding.edits.is_empty() || is_flow)
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity == severity).count()
    }
}

/// A configuration that is judged, and for which nginx.
pub(super) struct Subject {
    pub(super) input: Input,
    pub(super) which: JudgedNginx,
    pub(super) configuration: Configuration,
    pub(super) config: Config,
}

/// Faults, their causes, and the repair.
pub(super) fn judged<'a>(subject: &'a Subject, flows: &[Flow<'_>], gathered: GatheredFacts) -> Diagnosis<'a> {
    let Subject { input, which, configuration, config } = subject;
    let mut findings = diagnose(config, flows, &gathered.evidence);
    if which.version.is_none() {
        let newer = input.meaning.compile(configuration, NEWEST).config;
        only_before(flows, &newer, &mut findings);
    }
    // Beside something that is broken now, what could be better is no repair; nor is what is only worth knowing.
    let has_cure = |f: &Finding| f.repair.is_some() || !f.edits.is_empty() || !f.commands.is_empty();
    let is_broken = |f: &Finding| {
        let is_bad = f.severity == Severity::Critical || f.severity > Severity::Info && f.count > 0;
        is_bad || !f.is_forecast && f.severity > Severity::Info && has_cure(f)
    };
    let is_any_broken = findings.iter().any(is_broken);
    let is_urgent = |f: &&Finding| {
        if is_any_broken { !f.is_forecast } else { !f.is_forecast || f.severity > Severity::Info }
    };
    let urgent = findings.iter().filter(is_urgent);
    let mut at_fault: Vec<usize> = urgent.filter_map(|f| f.repair).collect();
    let versions = match which.version {
        Some(version) => vec![version],
        None => vec![which.judged(), NEWEST],
    };
    at_fault.sort_unstable();
    at_fault.dedup();
    let fixes = fixes(input, configuration, &mut findings);
    let evidence = &gathered.evidence;
    let known = repair::RepairInputs { input, configuration, config, flows, evidence, versions: &versions };
    let repair = repair::repair(&known, &at_fault, fixes);
    let repaired = effects(&repair, &mut findings);
    if let Some(log) = &gathered.error_log {
        let log = log.display().to_string();
        let remedies = findings.iter_mut().flat_map(|finding| &mut finding.remedy);
        remedies.for_each(|remedy| *remedy = remedy.replace("ERROR_LOG", &log));
    }
    let repair = repair.diff;
    Diagnosis { configuration, config, nginx: which.words(), gathered, findings, repair, repaired }
}

/// The fixes of the findings' own edits; a finding whose edits cannot be made, or that nginx would not take, loses them.
fn fixes(input: &Input, configuration: &Configuration, findings: &mut [Finding]) -> Vec<Fix> {
    let is_taken = |fix: &Fix| {
        let files = edits::apply(configuration, &[fix]);
        let next = input.meaning.load(&input.file, &files);
        next.is_ok_and(|next| input.meaning.compile(&next, input.meaning.version()).is_valid())
    };
    let mut fixes = Vec::new();
    for finding in findings.iter_mut().filter(|f| !f.edits.is_empty()) {
        if let Some(fix) = edits::fix(configuration, &finding.edits).filter(is_taken) {
            fixes.push(fix);
        } else {
            (finding.edits, finding.effect) = (Vec::new(), None);
        }
    }
    fixes
}

/// Tells the findings what the repair does for them; the flows that it repairs.
fn effects(repair: &repair::Repair, findings: &mut [Finding]) -> Vec<usize> {
    let mut repaired = Vec::new();
    for finding in findings {
        if let Some((position, text)) = repair.effects.iter().find(|(p, _)| Some(*p) == finding.repair) {
            repaired.push(*position);
            finding.effect = Some(text.clone());
        }
        if let Some((position, left)) = repair.left.iter().find(|(p, _)| Some(*p) == finding.repair) {
            repaired.extend(left.is_with_diff.then_some(*position));
            finding.remedy.push(left.text.clone());
            // Nobody changes a kernel for what is only worth knowing.
            if finding.severity > Severity::Info {
                finding.commands.extend(left.commands.iter().cloned());
            }
        }
        // Told once: as a command.
        if finding.commands.iter().any(|command| command.contains("tcp_tw_reuse=1")) {
            finding.remedy.retain(|remedy| !remedy.contains("sysctl -w net.ipv4.tcp_tw_reuse=1"));
        }
    }
    repaired
}

/// Says of a finding that the defaults of newer releases cure it.
fn only_before(flows: &[Flow<'_>], newer: &Config, findings: &mut [Finding]) {
    let newer = crate::ports::flows(newer);
    for finding in findings {
        let Some(flow) = finding.repair.map(|position| &flows[position]) else { continue };
        let same = crate::ports::upgrade::same(flow, &newer);
        if let Some(same) = same.filter(|f| f.verdict == reuse::Verdict::Reused) {
            finding.evidence.push(format!(
                "before nginx {DEFAULT_KEEPALIVE} only: since then {}; the repair is right on both sides",
                crate::ports::upgrade::words(same)
            ));
        }
    }
}
