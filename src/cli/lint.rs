//! `ngxc lint`: check, and what nginx accepts but a person should know; repairs it if asked.

use std::collections::{BTreeMap, HashSet};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;

use super::input::Meaning;
use super::render::{self, Report};
use super::selection::{Selected, Selection};
use super::{Failure, Outcome, estate, extract, fix, note, write};
use crate::compile;
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::lint::{self, BEFORE_DEFAULT_KEEPALIVE, Baseline, Rule};
use crate::model::Config;
use crate::source::{Disk, Loader, SourceMap, Span};
use crate::syntax::Configuration;

/// Arguments of `ngxc lint`.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct LintArgs {
    /// Configurations, or directories of them; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,

    #[command(flatten)]
    meaning: Meaning,

    #[command(flatten)]
    extract: extract::Extract,

    #[command(flatten)]
    selection: Selection,

    /// Repair what can be repaired safely, in place.
    #[arg(long)]
    pub(super) fix: bool,

    /// With --fix or --diff: also make the edits that a person should look at.
    #[arg(long = "unsafe")]
    pub(super) unsafe_fixes: bool,

    /// Show the repairs as a diff and change nothing.
    #[arg(long)]
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
    /// What nginx refuses, and rules of that level.
    Error,
    /// Those and warnings.
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

/// What configurations are judged by.
pub(super) struct Judge {
    pub(super) meaning: Meaning,
    pub(super) selected: Selected,
    /// How long each rule took, if somebody wants to know.
    profile: Option<Profile>,
    /// By configuration: how many findings that nginx refuses were taken out.
    hidden: Mutex<BTreeMap<PathBuf, usize>>,
}

/// Time by rule.
type Profile = Mutex<BTreeMap<&'static str, Duration>>;

/// A configuration with what was found.
pub(super) type Judged = (Configuration, Vec<Diagnostic>);

pub(super) fn run(args: &LintArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let mut meaning = args.meaning.clone();
    let mut files = args.files.clone();
    args.extract.files(&mut files, &mut meaning)?;
    let selected = args.selection.resolve(&files, &mut meaning)?;
    let files = estate::configurations(&files, |file| selected.excludes(file))?;
    let profile = args.profile_rules.then(Profile::default);
    let judge = Judge { meaning, selected, profile, hidden: Mutex::default() };
    if args.fix || args.diff {
        return fix::run(args, &judge, &files, out);
    }
    let judged = judge.all(&files)?;
    if let Some(profile) = &judge.profile {
        print_profile(profile);
    }
    report(args, &judge, &files, judged, out)
}

/// Prints findings and says how the command ends.
pub(super) fn report(
    args: &LintArgs,
    judge: &Judge,
    files: &[PathBuf],
    judged: Vec<Judged>,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let (configurations, mut findings): (Vec<Configuration>, Vec<Vec<Diagnostic>>) =
        judged.into_iter().unzip();
    for (configuration, found) in configurations.iter().zip(&mut findings) {
        found.retain(|f| judge.selected.wants(&configuration.sources.file(f.span.file).path));
    }
    if let Some(path) = &args.selection.baseline {
        let sources = configurations.iter().map(|c| &c.sources);
        baseline(path, args.selection.update_baseline, sources.zip(&mut findings))?;
    }
    let mut report = Report::new("nothing to report");
    for ((file, configuration), found) in files.iter().zip(&configurations).zip(findings) {
        report.add(&configuration.sources, found, judge.meaning.version(), file);
    }
    report.hide(judge.hidden.lock().unwrap_or_else(std::sync::PoisonError::into_inner).values().sum());
    args.output.print(&report, out)?;
    Ok(report.outcome_from(args.fail_on.level()))
}

impl Judge {
    /// Everything that is wrong with a configuration, as the settings and the comments in it want it told.
    pub(super) fn findings(&self, file: &Path, loader: &dyn Loader) -> Result<Judged, Failure> {
        let configuration = self.meaning.load(file, loader)?;
        let rules = self.selected.settings.rules();
        let mut compiled = self.meaning.compile(&configuration, self.meaning.version());
        let mut found = self.lint(&configuration, &compiled.config, &rules);
        let valid = compiled.is_valid();
        let by_version = lint::by_version(&rules);
        let differs = !by_version.is_empty() && lint::depends_on_version(&compiled.config);
        // The findings of an older nginx are not told.
        let refused = std::mem::take(&mut compiled.diagnostics);
        if differs && self.meaning.nginx_version.is_none() {
            // Which nginx it is for is not known, and connections are reused by default only since 1.29.7.
            let older = if compile::make_older(&mut compiled, BEFORE_DEFAULT_KEEPALIVE) {
                Some(compiled)
            } else {
                // One model at a time: that of a large estate is large.
                drop(compiled);
                let compiled = self.meaning.compile(&configuration, BEFORE_DEFAULT_KEEPALIVE);
                // What only a newer nginx accepts is not meant for an older one.
                (compiled.is_valid() || !valid).then_some(compiled)
            };
            if let Some(older) = older {
                let before = self.lint(&configuration, &older.config, &by_version);
                found = lint::merge_versions(found, before);
            }
        }
        found.retain(|d| !configuration.is_uncertain(d));
        self.selected.settings.apply(&mut found);
        let known: Vec<&str> = rules.iter().map(|rule| rule.name).collect();
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
        all.retain(|d| d.level == Level::Error || !configuration.is_stand_in(d.span.file));
        let mut hidden = self.selected.settings.settle(&mut all);
        let refused = |all: &[Diagnostic]| {
            all.iter().filter(|d| d.class != Class::Rule && (d.level == Level::Error || d.lowered)).count()
        };
        let before = refused(&all);
        let all = lint::suppress(&configuration, all, &known);
        hidden += before - refused(&all);
        self.hidden.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(file.to_owned(), hidden);
        Ok((configuration, all))
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
        let mut all = profile.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (name, time) in took {
            *all.entry(name).or_default() += time;
        }
        found
    }

    /// All configurations, as many at once as there are processors.
    fn all(&self, files: &[PathBuf]) -> Result<Vec<Judged>, Failure> {
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
                        done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((n, judged));
                    }
                });
            }
        });
        bar.finish_and_clear();
        let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        done.sort_by_key(|(n, _)| *n);
        done.into_iter().map(|(_, judged)| judged).collect()
    }
}

/// The slowest rules first.
fn print_profile(profile: &Profile) {
    let all = profile.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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

/// Takes out the findings that a baseline knows; writes it if there is none.
fn baseline<'a>(
    path: &Path,
    update: bool,
    all: impl Iterator<Item = (&'a SourceMap, &'a mut Vec<Diagnostic>)>,
) -> Result<(), Failure> {
    let failed =
        |what: &str, error: String| Failure::new(format!("cannot {what} `{}`: {error}", path.display()));
    if update || !path.exists() {
        let mut new = Baseline::default();
        let mut count = 0;
        let mut inputs = Vec::new();
        for (sources, findings) in all {
            inputs.extend(sources.files().map(|(_, file)| file.path.as_path()));
            count += findings.len();
            for finding in findings.drain(..) {
                new.add(sources, &finding);
            }
        }
        write::output(path, new.write().as_bytes(), write::Readers::Everybody, inputs)
            .map_err(|e| failed("write", e.to_string()))?;
        note(&format!("{count} findings written to {}", path.display()));
        return Ok(());
    }
    let text = std::fs::read_to_string(path).map_err(|e| failed("read", e.to_string()))?;
    let mut known = Baseline::parse(&text).map_err(|e| failed("read the baseline", e))?;
    for (sources, findings) in all {
        findings.retain(|finding| !known.take(sources, finding));
    }
    if known.left() > 0 {
        note(&format!(
            "{} findings of {} are gone: shrink it with --update-baseline",
            known.left(),
            path.display()
        ));
    }
    Ok(())
}
