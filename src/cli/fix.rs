//! `ngxc lint --fix` and `--diff`: applies fixes until nothing changes, makes sure that they changed nothing else, then
//! writes each file at once. A fix that would change something else is refused with its reason; the others are made.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lint::{Judge, Judged, LintArgs, report};
use super::{Failure, Outcome, extract, note, unified, write};
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{self, Applicability, Fix};
use crate::lint::verify;
use crate::model::Config;
use crate::source::{Disk, Loader};
use crate::syntax::{Configuration, Dump};

/// Fixes make room for others; more rounds than this mean that two of them undo each other.
const MAX_ROUNDS: usize = 10;

/// Files as they are after the fixes so far, and the texts they had.
#[derive(Clone, Default)]
struct Overlay {
    new: BTreeMap<PathBuf, Vec<u8>>,
    old: BTreeMap<PathBuf, Vec<u8>>,
}

impl Loader for Overlay {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.new.get(path) {
            Some(text) => Ok(text.clone()),
            None => Disk.read(path),
        }
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Disk.glob(pattern)
    }
}

pub(super) fn run(
    args: &LintArgs,
    judge: &Judge,
    files: &[PathBuf],
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let stdin = Path::new("-");
    let mut overlay = Overlay::default();
    if files.iter().any(|f| f == stdin) {
        // It can be read only once.
        let failed = |e| Failure::new(format!("cannot read standard input: {e}"));
        let text = Disk.read(stdin).map_err(failed)?;
        if !args.diff && Dump::read(&text).is_none() {
            return Err(Failure::new("standard input cannot be fixed in place")
                .help("use `--diff` to see the repairs"));
        }
        overlay.new.insert(stdin.into(), text);
    }
    let (mut applied, mut refused) = (0, false);
    let mut judged = Vec::new();
    for file in files {
        let repaired = repair(args, judge, file, &mut overlay)?;
        applied += repaired.applied;
        refused |= !repaired.refused.is_empty();
        for text in &repaired.refused {
            note(text);
        }
        judged.push(repaired.judged);
    }
    if args.diff {
        diff(&overlay, out)?;
        return Ok(if applied > 0 || refused { Outcome::Findings } else { Outcome::Clean });
    }
    let all = overlay.old.iter().map(|(path, old)| write::Change { path, old, new: &overlay.new[path] });
    write::replace(&all.collect::<Vec<_>>())?;
    let changed: Vec<String> = overlay.old.keys().map(|p| p.display().to_string()).collect();
    note(&match changed.as_slice() {
        [] => "nothing to fix".to_owned(),
        [one] => format!("{applied} fixed in {one}"),
        _ => format!("{applied} fixed in {} files", changed.len()),
    });
    report(args, judge, files, judged, out)
}

/// A configuration after its repairs.
struct Repaired {
    applied: usize,
    /// What was not done, and why.
    refused: Vec<String>,
    judged: Judged,
}

/// Repairs one configuration in memory.
fn repair(args: &LintArgs, judge: &Judge, file: &Path, overlay: &mut Overlay) -> Result<Repaired, Failure> {
    let mut applied = 0;
    let mut refused = Vec::new();
    let (mut configuration, mut found) = judge.findings(file, overlay)?;
    if let Some((_, filled)) = configuration.sources.files().find(|(_, f)| f.is_filled()) {
        return Err(Failure::new(format!(
            "`{}` has values filled in; repairs would write them into it",
            filled.name()
        ))
        .help("leave out `--define` and `--env-file`: the places they fill are unknown then, and stay"));
    }
    if configuration.is_dump {
        return Err(extract::refused(file));
    }
    for _ in 0..MAX_ROUNDS {
        let mut trial = Trial::new(judge, file, &configuration, overlay);
        // A fix that is refused makes room for those that touch the same text.
        loop {
            let fixes = trial.next(&found, args.unsafe_fixes);
            if fixes.is_empty() {
                break;
            }
            trial.admit(&fixes)?;
        }
        // What is refused now is tried again in the next round: another fix may have made room for it.
        refused = trial.refused.iter().map(|(fix, why)| refusal(&configuration, &found, fix, why)).collect();
        let admitted = trial.admitted;
        if admitted.is_empty() {
            break;
        }
        apply(&configuration, &admitted, overlay);
        applied += admitted.len();
        (configuration, found) = judge.findings(file, overlay)?;
    }
    Ok(Repaired { applied, refused, judged: (configuration, found) })
}

/// Which of the fixes do what they are for and nothing else.
struct Trial<'t, 'f> {
    judge: &'t Judge,
    file: &'t Path,
    before: &'t Configuration,
    overlay: &'t Overlay,
    config: Config,
    errors: usize,
    admitted: Vec<&'f Fix>,
    refused: Vec<(&'f Fix, String)>,
}

impl<'t, 'f> Trial<'t, 'f> {
    fn new(judge: &'t Judge, file: &'t Path, before: &'t Configuration, overlay: &'t Overlay) -> Self {
        let (config, errors) = compiled(judge, before);
        Self { judge, file, before, overlay, config, errors, admitted: Vec::new(), refused: Vec::new() }
    }

    /// Fixes that were not tried and that fit those that are admitted.
    fn next(&self, found: &'f [Diagnostic], unsafe_too: bool) -> Vec<&'f Fix> {
        let allowed = if unsafe_too { Applicability::Unsafe } else { Applicability::Safe };
        let all = found.iter().filter_map(|d| d.fix.as_ref()).filter(|f| f.applicability <= allowed);
        // A place that a template fills in stays as it is.
        let all = all.filter(|fix| !fix.edits.iter().any(|e| self.before.touches_template(e.span)));
        let left = all.filter(|fix| !self.refused.iter().any(|(refused, _)| refused.edits == fix.edits));
        edit::select(self.admitted.iter().copied().chain(left)).split_off(self.admitted.len())
    }

    /// Admits the fixes that are harmless together with those that were admitted before: all at once, or half by half
    /// down to the one that is not.
    fn admit(&mut self, fixes: &[&'f Fix]) -> Result<(), Failure> {
        let all = [&self.admitted[..], fixes].concat();
        let Some(problem) = self.problem(&all)? else {
            self.admitted = all;
            return Ok(());
        };
        if let [one] = fixes {
            self.refused.push((*one, problem));
            return Ok(());
        }
        let (left, right) = fixes.split_at(fixes.len() / 2);
        self.admit(left)?;
        self.admit(right)
    }

    /// What fixes would do that they are not for.
    fn problem(&self, fixes: &[&Fix]) -> Result<Option<String>, Failure> {
        let mut overlay = self.overlay.clone();
        apply(self.before, fixes, &mut overlay);
        let after = self.judge.meaning.load(self.file, &overlay)?;
        let (config, errors) = compiled(self.judge, &after);
        if errors > self.errors {
            return Ok(Some("nginx would refuse the result".to_owned()));
        }
        Ok(verify::beyond(&self.config, &config, &verify::touched(self.before, fixes)))
    }
}

/// A configuration compiled, and the number of errors that nginx would see.
fn compiled(judge: &Judge, configuration: &Configuration) -> (Config, usize) {
    let compiled = judge.meaning.compile(configuration, judge.meaning.version());
    let all = configuration.diagnostics.iter().chain(&compiled.diagnostics);
    let errors = all.filter(|d| d.level == Level::Error).count();
    (compiled.config, errors)
}

/// Which fix was refused, where and why.
fn refusal(configuration: &Configuration, found: &[Diagnostic], fix: &Fix, why: &str) -> String {
    let of = found.iter().find(|d| d.fix.as_ref().is_some_and(|own| std::ptr::eq(own, fix)));
    let (rule, place) = of.map_or_else(Default::default, |d| (d.code, configuration.sources.place(d.span)));
    format!("{place}: the fix of {rule} ({}) was refused: {why}; repair it by hand", fix.title)
}

fn apply(configuration: &Configuration, fixes: &[&Fix], overlay: &mut Overlay) {
    for (id, file) in configuration.sources.files() {
        if fixes.iter().any(|f| f.edits.iter().any(|e| e.span.file == id)) {
            overlay.old.entry(file.path.clone()).or_insert_with(|| file.text.to_vec());
            overlay.new.insert(file.path.clone(), edit::apply(id, &file.text, fixes));
        }
    }
}

fn diff(overlay: &Overlay, out: &mut dyn Write) -> io::Result<()> {
    for (path, old) in &overlay.old {
        unified::write(&path.display().to_string(), old, &overlay.new[path], out)?;
    }
    Ok(())
}
