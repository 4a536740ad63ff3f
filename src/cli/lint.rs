//! `ngxc lint`: check, and what nginx accepts but a person should know; repairs it if asked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;

use super::baseline::{self, BaselineArgs};
use super::estate::Root;
use super::meaning::Meaning;
use super::render::{self, Report};
use super::selection::Selection;
use super::{Failure, Outcome, estate, extract, fix, note, told};
use crate::compile;
use crate::diagnostic::{Diagnostic, Level};
use crate::lint::{self, BEFORE_DEFAULT_KEEPALIVE, Rule, Settings};
use crate::model::Config;
use crate::source::{Disk, Loader, Span};
use crate::syntax::Configuration;

/// Arguments of `ngxc lint`.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct LintArgs {
    /// Configurations, or directories of them; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) meaning: Meaning,

    #[command(flatten)]
    pub(super) extract: extract::Extract,

    #[command(flatten)]
    selection: Selection,

    #[command(flatten)]
    baseline: BaselineArgs,

    /// Repair what can be repaired safely, in place.
    #[arg(long, conflicts_with = "write_baseline")]
    pub(super) fix: bool,

    /// With --fix or --diff: also make the edits that a person should look at.
    #[arg(long = "unsafe")]
    pub(super) unsafe_fixes: bool,

    /// Show the repairs as a diff and change nothing.
    #[arg(long, conflicts_with = "write_baseline")]
    pub(super) diff: bool,

    /// The least level of a finding that makes the command fail.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = FailOn::Warning)]
    fail_on: FailOn,

    /// Say on standard error how long each rule took.
    #[arg(long)]
    profile_rules: bool,

    #[command(flatten)]
    output: render::Output,
}

/// From which level on findings make the command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Errors: text that nginx refuses, and rules of that level.
    Error,
    /// Errors and warnings.
    Warning,
    /// Every finding, notes included.
    Info,
    /// Nothing: the status is 0 for whatever is found.
    Never,
}

impl FailOn {
    fn level(self) -> Option<Level> {
        match self {
            FailOn::Error => Some(Level::Error),
            FailOn::Warning => Some(Level::Warning),
            FailOn::Info => Some(Level::Info),
            FailOn::Never => None,
        }
    }
}

/// Rules and levels that configurations are judged by.
pub(super) struct LintProfile<'a> {
    asked: &'a Meaning,
    selection: &'a Selection,
    /// The files that findings are wanted of, if not of all.
    changed: Option<HashSet<PathBuf>>,
    /// By settings file.
    grounds: Mutex<HashMap<Option<PathBuf>, Arc<SettingsGroup>>>,
    /// Time of each rule, if `--profile-rules` asks for it.
    profile: Option<Profile>,
}

/// Rules and levels for the configurations of one settings file.
pub(super) struct SettingsGroup {
    pub(super) meaning: Meaning,
    settings: Settings,
}

/// Time by rule.
type Profile = Mutex<BTreeMap<&'static str, Duration>>;

/// A configuration with what was found in the files of it that were asked for.
pub(super) struct LintedConfiguration {
    pub(super) root: Root,
    pub(super) ground: Arc<SettingsGroup>,
    pub(super) configuration: Configuration,
    pub(super) findings: Vec<Diagnostic>,
    /// Number of findings that nginx refuses and that were taken out.
    hidden: usize,
    /// Number of errors in files that were not named.
    elsewhere: usize,
}

pub(super) fn run(args: &mut LintArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let mut files = std::mem::take(&mut args.files);
    args.baseline.settle(&mut files);
    if args.baseline.is_written() && args.selection.changed_since.is_some() {
        return Err(Failure::new("a baseline has all findings, and `--changed-since` shows some of them")
            .help("leave out `--changed-since`"));
    }
    args.meaning.reading.stdin.settle(files.iter_mut())?;
    args.extract.files(&mut files, &mut args.meaning)?;
    let judge = LintProfile {
        asked: &args.meaning,
        selection: &args.selection,
        changed: args.selection.changed()?,
        grounds: Mutex::default(),
        profile: args.profile_rules.then(Profile::default),
    };
    let roots = estate::roots(&files, &args.meaning)?;
    if args.fix || args.diff {
        return fix::run(args, &judge, roots, out);
    }
    let judged = judge.all(&roots)?;
    if let Some(profile) = &judge.profile {
        print_profile(profile);
    }
    report(args, judged, out)
}

/// Prints findings and says how the command ends.
pub(super) fn report(
    args: &LintArgs,
    mut judged: Vec<LintedConfiguration>,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let parts = judged.iter_mut().map(|judged| baseline::BaselinePart {
        root: &judged.root,
        configuration: &judged.configuration,
        findings: &mut judged.findings,
        settled: baseline::BaselinePart::settled(judged.ground.meaning.found.as_deref()),
    });
    args.baseline.apply(parts.collect())?;
    let mut report = Report::new("nothing to report");
    for part in &mut judged {
        estate::note_elsewhere(&part.root, part.elsewhere);
        estate::name_files(&mut part.configuration.sources, &part.root, &part.findings);
    }
    let findings: Vec<Vec<Diagnostic>> =
        judged.iter_mut().map(|part| std::mem::take(&mut part.findings)).collect();
    for (part, findings) in judged.iter().zip(findings) {
        report.hide(part.hidden);
        let version = part.ground.meaning.version();
        report.add(&part.configuration.sources, findings, version, &part.root.names());
    }
    args.output.print(&report, out)?;
    Ok(report.outcome_from(args.fail_on.level()))
}

impl<'a> LintProfile<'a> {
    /// Judge of whole configurations, by the settings of each.
    pub(super) fn new(asked: &'a Meaning, selection: &'a Selection) -> Self {
        Self { asked, selection, changed: None, grounds: Mutex::default(), profile: None }
    }
}

impl LintProfile<'_> {
    /// Rules and levels that a configuration is judged by.
    pub(super) fn ground(&self, root: &Root) -> Result<Arc<SettingsGroup>, Failure> {
        let found = self.asked.reading.settings.of(&root.file)?;
        let mut grounds = self.grounds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = grounds.get(&found.path) {
            return Ok(Arc::clone(known));
        }
        let ground = SettingsGroup {
            meaning: self.asked.of(&root.file)?,
            settings: self.selection.settings(&found, &self.asked.level)?,
        };
        let ground = Arc::new(ground);
        grounds.insert(found.path.clone(), Arc::clone(&ground));
        Ok(ground)
    }

    /// All findings in a configuration, with the levels and suppressions of settings and comments.
    pub(super) fn findings(&self, root: &Root, loader: &dyn Loader) -> Result<LintedConfiguration, Failure> {
        let ground = self.ground(root)?;
        let configuration = ground.meaning.load(&root.file, loader)?;
        let meaning = &estate::meaning(root, &ground.meaning, &configuration);
        let rules = ground.settings.rules();
        let mut compiled = meaning.compile(&configuration, meaning.version());
        let mut found = self.lint(&configuration, &compiled.config, &rules);
        let valid = compiled.is_valid();
        let by_version = lint::by_version(&rules);
        let differs = !by_version.is_empty() && lint::depends_on_version(&compiled.config);
        // Findings of an older nginx are not reported.
        let refused = std::mem::take(&mut compiled.diagnostics);
        if differs && meaning.nginx_version.is_none() {
            // The version of nginx is not known, and connections are reused by default only since 1.29.7.
            let older = if compile::make_older(&mut compiled, BEFORE_DEFAULT_KEEPALIVE) {
                Some(compiled)
            } else {
                // One model at a time: that of a large estate is large.
                drop(compiled);
                let compiled = meaning.compile(&configuration, BEFORE_DEFAULT_KEEPALIVE);
                // A configuration that only a newer nginx accepts is not meant for an older one.
                (compiled.is_valid() || !valid).then_some(compiled)
            };
            if let Some(older) = older {
                let before = self.lint(&configuration, &older.config, &by_version);
                found = lint::merge_versions(found, before);
            }
        }
        configuration.certain(&mut found);
        ground.settings.apply(&mut found);
        let mut all = configuration.diagnostics.clone();
        // A rule that says what nginx warns of says it better.
        let said: HashSet<(Span, &str)> =
            found.iter().filter_map(|f| Some((f.span, f.nginx.as_deref()?))).collect();
        let is_said = |d: &Diagnostic| {
            d.level == Level::Warning && d.nginx.as_deref().is_some_and(|text| said.contains(&(d.span, text)))
        };
        let refused: Vec<Diagnostic> = refused.into_iter().filter(|d| !is_said(d)).collect();
        all.extend(refused);
        all.extend(found);
        let known: Vec<&str> = rules.iter().map(|rule| rule.name).collect();
        let settings = meaning.found.clone().unwrap_or_default();
        let (mut findings, hidden) = told::tell(&configuration, &ground.settings, &settings, all, &known);
        let elsewhere = estate::retain_asked(&mut findings, root, &configuration);
        if let Some(changed) = &self.changed {
            let of = |file: &Path| file.canonicalize().is_ok_and(|path| changed.contains(&path));
            findings.retain(|f| of(&configuration.sources.file(f.span.file).path));
        }
        Ok(LintedConfiguration { root: root.clone(), ground, configuration, findings, hidden, elsewhere })
    }

    /// Runs rules, and notes how long each took if that is wanted.
    fn lint(
        &self,
        configuration: &Configuration,
        config: &Config,
        rules: &[&'static Rule],
    ) -> Vec<Diagnostic> {
        let Some(profile) = &self.profile else { return lint::lint(configuration, config, rules) };
        let mut took: Vec<(&'static str, Duration)> = Vec::with_capacity(rules.len());
        let found =
            lint::lint_timed(configuration, config, rules, &mut |rule, time| took.push((rule.name, time)));
        let mut all = profile.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, time) in took {
            *all.entry(name).or_default() += time;
        }
        found
    }

    /// All configurations, as many at once as there are processors.
    fn all(&self, files: &[Root]) -> Result<Vec<LintedConfiguration>, Failure> {
        // A thread for one file would only cost its own memory arena.
        if let [file] = files {
            return Ok(vec![self.findings(file, &Disk)?]);
        }
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
        let bar = progress(files.len());
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(files.len()));
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some((n, file)) =
                        Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, files.get(n)?)))
                    {
                        let judged = self.findings(file, &Disk);
                        bar.inc(1);
                        // A thread that panicked has left the list whole.
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((n, judged));
                    }
                });
            }
        });
        bar.finish_and_clear();
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(n, _)| *n);
        done.into_iter().map(|(_, judged)| judged).collect()
    }
}

/// The slowest rules first.
fn print_profile(profile: &Profile) {
    let all = profile.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all: Vec<(&str, Duration)> = all.iter().map(|(name, time)| (*name, *time)).collect();
    all.sort_by_key(|(name, time)| (std::cmp::Reverse(*time), *name));
    let total: Duration = all.iter().map(|(_, time)| *time).sum();
    for (name, time) in all.into_iter().chain([("all rules", total)]) {
        note(&format!("{:>9.3} ms  {name}", time.as_secs_f64() * 1000.0));
    }
}

/// A bar on a terminal, when there is something to wait for.
fn progress(files: usize) -> indicatif::ProgressBar {
    if files < 50 || !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    indicatif::ProgressBar::new(files as u64)
}
