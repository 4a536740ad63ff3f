//! `ngxc lint --fix` and `--diff`: applies fixes until nothing changes, makes sure that they changed nothing else, then
//! writes each file at once. A fix that would change something else is refused with its reason; the others are made.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::estate::Root;
use super::lint::{LintArgs, LintProfile, LintedConfiguration, report};
use super::meaning::Meaning;
use super::{Failure, Outcome, extract, note, paths, unified, write, yaml};
use crate::catalog::NEWEST;
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::edit::{self, Applicability, Fix};
use crate::lint::verify;
use crate::model::Config;
use crate::source::{Disk, FileId, Loader};
use crate::syntax::{Configuration, Dump};
use crate::version::Version;

/// Fixes make room for others; more rounds than this mean that two of them undo each other.
const MAX_ROUNDS: usize = 10;

/// Files as they are after the fixes so far, by [`paths::identity`].
#[derive(Clone)]
struct Overlay<'l> {
    inner: &'l dyn Loader,
    files: BTreeMap<PathBuf, Repair>,
}

/// A file that is repaired.
#[derive(Clone)]
struct Repair {
    /// The path by which it was read first.
    path: PathBuf,
    /// The text it had; `None` while nothing is repaired.
    old: Option<Vec<u8>>,
    new: Vec<u8>,
}

impl<'l> Overlay<'l> {
    fn new(inner: &'l dyn Loader) -> Self {
        Self { inner, files: BTreeMap::new() }
    }

    fn of(&self, path: &Path) -> Option<&Repair> {
        (!self.files.is_empty()).then(|| self.files.get(&paths::identity(path)))?
    }

    /// Repaired files with their old and new texts, in the order of the paths.
    fn changed(&self) -> Vec<(&Path, &[u8], &[u8])> {
        let files = self.files.values();
        let mut all: Vec<(&Path, &[u8], &[u8])> =
            files.filter_map(|r| Some((r.path.as_path(), r.old.as_deref()?, &*r.new))).collect();
        all.sort_unstable_by_key(|(path, ..)| *path);
        all
    }
}

impl Loader for Overlay<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.of(path) {
            Some(repair) => Ok(repair.new.clone()),
            None => self.inner.read(path),
        }
    }

    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.of(path) {
            Some(repair) => Ok(repair.new.clone()),
            None => self.inner.read_included(path),
        }
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.glob(pattern)
    }

    fn link_in_tree(&self, path: &Path) -> Option<PathBuf> {
        self.inner.link_in_tree(path)
    }
}

pub(super) fn run(
    args: &LintArgs,
    judge: &LintProfile<'_>,
    roots: Vec<Root>,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let mut overlay = Overlay::new(&Disk);
    let stdin = &args.meaning.reading.stdin;
    if let Some(root) = roots.iter().find(|root| yaml::is_of_input(&root.file)) {
        return Err(Failure::new(format!(
            "standard input holds several configurations: `{}`",
            root.file.display()
        ))
        .help("write it into a file, and fix that"));
    }
    if let Some(file) = roots.iter().flat_map(|root| root.names()).find(|name| stdin.is(name)) {
        // Standard input can be read only once.
        let failed = |e| Failure::new(format!("cannot read standard input: {e}"));
        let text = stdin.over(&Disk).read(file).map_err(failed)?;
        if !args.diff && Dump::read(&text).is_none() {
            return Err(Failure::new("standard input cannot be fixed in place")
                .help("use `--diff` to see the repairs"));
        }
        let repair = Repair { path: file.to_owned(), old: None, new: text };
        overlay.files.insert(paths::identity(file), repair);
    }
    let (mut applied, mut refused, mut unsafe_left) = (0, false, 0);
    let mut judged = Vec::new();
    for root in roots {
        let repaired = repair(judge, &root, &mut overlay, args.unsafe_fixes)?;
        applied += repaired.applied;
        refused |= !repaired.refused.is_empty();
        for text in &repaired.refused {
            note(text);
        }
        let fixes = repaired.judged.findings.iter().filter_map(|finding| finding.fix.as_ref());
        unsafe_left += fixes.filter(|fix| fix.applicability == Applicability::Unsafe).count();
        judged.push(repaired.judged);
    }
    let (changed, outside): (Vec<_>, Vec<_>) =
        overlay.changed().into_iter().partition(|(path, ..)| args.extract.holds(path));
    for (path, ..) in &outside {
        note(&format!("{} lies outside of the directory of --extract: it is left as it is", path.display()));
    }
    if args.diff {
        let names = paths::of_diff(changed.iter().map(|(path, ..)| *path));
        for ((_, old, new), name) in changed.iter().zip(names) {
            unified::write(&name.display().to_string(), old, new, out)?;
        }
        if applied == 0 && unsafe_left > 0 && !args.unsafe_fixes {
            let noun = if unsafe_left == 1 { "repair is" } else { "repairs are" };
            note(&format!(
                "no repair is safe without a look; {unsafe_left} {noun} shown with `--diff --unsafe`"
            ));
        }
        return Ok(if applied > 0 || refused { Outcome::Findings } else { Outcome::Clean });
    }
    let all = changed.iter().map(|(path, old, new)| write::Change { path, old, new });
    write::replace(&all.collect::<Vec<_>>())?;
    note(&match changed.as_slice() {
        [] => "nothing to fix".to_owned(),
        [(one, ..)] => format!("{applied} fixed in {}", one.display()),
        _ => format!("{applied} fixed in {} files", changed.len()),
    });
    report(args, judged, out)
}

/// A configuration after its repairs.
struct RepairedConfiguration {
    applied: usize,
    /// Refused fixes with their reasons, one message each.
    refused: Vec<String>,
    judged: LintedConfiguration,
}

/// Files of a configuration that safe fixes change, with their new texts.
///
/// # Errors
/// If the configuration cannot be read or its text cannot be edited, such as that of a dump.
pub(super) fn all(
    judge: &LintProfile<'_>,
    root: &Root,
    loader: &dyn Loader,
) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let mut overlay = Overlay::new(loader);
    repair(judge, root, &mut overlay, false)?;
    Ok(overlay.changed().into_iter().map(|(path, _, new)| (path.to_owned(), new.to_vec())).collect())
}

/// Reason why one fix of a judged configuration would do what it is not for; `None` if it does not.
///
/// # Errors
/// If the configuration cannot be read again.
pub(super) fn problem(
    judged: &LintedConfiguration,
    fix: &Diagnostic,
    loader: &dyn Loader,
) -> Result<Option<String>, Failure> {
    let Some(edits) = fix.fix.as_ref() else { return Ok(None) };
    let overlay = Overlay::new(loader);
    let mut trial = Trial::new(judged, &overlay);
    trial.is_of_refused = is_of_refused(fix);
    trial.problem(&[edits])
}

/// True for an error for which nginx refuses the configuration.
fn is_of_refused(finding: &Diagnostic) -> bool {
    finding.class != Class::Rule && finding.level == Level::Error
}

/// Repairs one configuration in memory.
fn repair(
    judge: &LintProfile<'_>,
    root: &Root,
    overlay: &mut Overlay<'_>,
    unsafe_too: bool,
) -> Result<RepairedConfiguration, Failure> {
    let mut applied = 0;
    let mut refused = Vec::new();
    let mut judged = judge.findings(root, overlay)?;
    if let Some((_, filled)) = judged.configuration.sources.files().find(|(_, f)| f.is_filled()) {
        return Err(Failure::new(format!(
            "`{}` has values filled in; repairs would write them into it",
            filled.name()
        ))
        .help("leave out `--define` and `--env-file`: the places they fill are unknown then, and stay"));
    }
    if judged.configuration.is_dump {
        return Err(extract::refused(&root.file));
    }
    let configuration = &judged.configuration;
    if configuration.embedded.iter().chain(configuration.inside()).any(|embedded| !embedded.is_literal()) {
        return Err(yaml::refused(&root.file));
    }
    for _ in 0..MAX_ROUNDS {
        let (configuration, found) = (&judged.configuration, &judged.findings);
        let mut trial = Trial::new(&judged, overlay);
        // A configuration that nginx refuses does nothing yet: its errors are repaired first.
        trial.run(found.iter().filter(|d| is_of_refused(d)), unsafe_too)?;
        trial.is_of_refused = false;
        if trial.admitted.is_empty() {
            trial.run(found.iter().filter(|d| !is_of_refused(d)), unsafe_too)?;
        }
        // Refused fixes are tried again in the next round: another fix may have made room for them.
        refused = trial.refused.iter().map(|(fix, why)| refusal(configuration, found, fix, why)).collect();
        let admitted = trial.admitted;
        if admitted.is_empty() {
            break;
        }
        apply(configuration, &admitted, overlay);
        applied += admitted.len();
        judged = judge.findings(root, overlay)?;
    }
    Ok(RepairedConfiguration { applied, refused, judged })
}

/// A trial of fixes: those that change more than their finding are refused.
struct Trial<'t, 'f> {
    meaning: &'t Meaning,
    root: &'t Root,
    before: &'t Configuration,
    overlay: &'t Overlay<'t>,
    config: Config,
    errors: usize,
    /// Errors that an older nginx sees, if nothing tells which nginx it is for.
    older: Option<Vec<String>>,
    /// The fixes repair errors for which nginx refuses the configuration: they cannot change what it does.
    is_of_refused: bool,
    admitted: Vec<&'f Fix>,
    refused: Vec<(&'f Fix, String)>,
}

impl<'t, 'f> Trial<'t, 'f> {
    fn new(judged: &'t LintedConfiguration, overlay: &'t Overlay<'t>) -> Self {
        let (meaning, before) = (&judged.ground.meaning, &judged.configuration);
        let (config, errors) = compiled(meaning, before);
        // One that the older nginx refuses already is not meant for it.
        let of = |version| refusals(meaning, before, version);
        let older = if meaning.nginx_version.is_none() { Some(of(OLDER)) } else { None };
        let older = older.filter(|older| {
            older.is_empty() || {
                let now = of(NEWEST);
                older.iter().all(|error| now.contains(error))
            }
        });
        let (admitted, refused) = (Vec::new(), Vec::new());
        let is_of_refused = true;
        Self {
            meaning,
            root: &judged.root,
            before,
            overlay,
            config,
            errors,
            older,
            is_of_refused,
            admitted,
            refused,
        }
    }

    /// Tries the fixes of some findings. A fix that is refused makes room for those that touch the same text.
    fn run(&mut self, found: impl Iterator<Item = &'f Diagnostic>, unsafe_too: bool) -> Result<(), Failure> {
        let found: Vec<&Diagnostic> = found.collect();
        loop {
            let fixes = self.next(&found, unsafe_too);
            if fixes.is_empty() {
                return Ok(());
            }
            self.admit(&fixes)?;
        }
    }

    /// Fixes that were not tried and that fit those that are admitted.
    fn next(&self, found: &[&'f Diagnostic], unsafe_too: bool) -> Vec<&'f Fix> {
        let allowed = if unsafe_too { Applicability::Unsafe } else { Applicability::Safe };
        let all = found.iter().filter_map(|d| d.fix.as_ref()).filter(|f| f.applicability <= allowed);
        // A place that a template fills in stays as it is.
        let all = all.filter(|fix| !fix.edits.iter().any(|e| self.before.touches_template(e.span)));
        // Files that were not named stay as they are too.
        let path = |edit: &edit::Edit| &self.before.sources.file(edit.span.file).path;
        let all = all.filter(|fix| fix.edits.iter().all(|e| self.root.wants(path(e))));
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

    /// A change that the fixes would make beyond their findings; `None`: there is none.
    fn problem(&self, fixes: &[&Fix]) -> Result<Option<String>, Failure> {
        if verify::loses_bytes(self.before, fixes) {
            return Ok(Some("the text has bytes that are not UTF-8, which a repair cannot write".to_owned()));
        }
        let mut overlay = self.overlay.clone();
        apply(self.before, fixes, &mut overlay);
        let after = self.meaning.load(&self.root.file, &overlay)?;
        let (config, errors) = compiled(self.meaning, &after);
        if errors > self.errors {
            return Ok(Some("nginx would refuse the result".to_owned()));
        }
        if let Some(known) = &self.older
            && let Some(new) =
                refusals(self.meaning, &after, OLDER).into_iter().find(|error| !known.contains(error))
        {
            return Ok(Some(format!(
                "nginx {OLDER} would refuse the result ({new}); if a newer one runs, say so with --nginx-version"
            )));
        }
        if self.is_of_refused {
            return Ok(None);
        }
        Ok(verify::beyond(&self.config, &config, &verify::touched(self.before, fixes)))
    }
}

/// A configuration compiled, and the number of errors that nginx would see.
fn compiled(meaning: &Meaning, configuration: &Configuration) -> (Config, usize) {
    let compiled = meaning.compile(configuration, meaning.version());
    let all = configuration.diagnostics.iter().chain(&compiled.diagnostics);
    let errors = all.filter(|d| d.level == Level::Error).count();
    (compiled.config, errors)
}

/// The nginx of an old distribution that is still in use: fixes have to suit it where nothing tells which nginx runs.
const OLDER: Version = Version::new(1, 22, 1);

/// Errors for which an nginx refuses a configuration.
fn refusals(meaning: &Meaning, configuration: &Configuration, version: Version) -> Vec<String> {
    let compiled = meaning.compile(configuration, version);
    let errors = compiled.diagnostics.into_iter().filter(|d| d.level == Level::Error);
    errors.map(|error| error.message).collect()
}

/// Message about a refused fix: its place, its rule and the reason.
fn refusal(configuration: &Configuration, found: &[Diagnostic], fix: &Fix, why: &str) -> String {
    let of = found.iter().find(|d| d.fix.as_ref().is_some_and(|own| std::ptr::eq(own, fix)));
    let (rule, place) = of.map_or_else(Default::default, |d| (d.code, configuration.sources.place(d.span)));
    format!("{place}: the fix of {rule} ({}) was refused: {why}; repair it by hand", fix.title)
}

fn apply(configuration: &Configuration, fixes: &[&Fix], overlay: &mut Overlay<'_>) {
    // A YAML file is in the sources once for each of its configurations.
    let mut files: BTreeMap<PathBuf, Vec<FileId>> = BTreeMap::new();
    for (id, file) in configuration.sources.files() {
        if fixes.iter().any(|f| f.edits.iter().any(|e| e.span.file == id)) {
            files.entry(paths::identity(&file.path)).or_default().push(id);
        }
    }
    for (identity, ids) in files {
        let file = configuration.sources.file(ids[0]);
        let new = || Repair { path: file.path.clone(), old: None, new: Vec::new() };
        let repair = overlay.files.entry(identity).or_insert_with(new);
        repair.old.get_or_insert_with(|| file.text.to_vec());
        repair.new = edit::apply(&ids, &file.text, fixes);
    }
}
