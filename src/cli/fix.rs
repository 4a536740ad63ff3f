//! `ngxc lint --fix` and `--diff`: applies fixes until nothing changes, makes sure that they changed nothing else, then
//! writes each file at once.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lint::{Judge, Judged, LintArgs, report};
use super::{Failure, Outcome, extract, note, write};
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{self, Applicability, Fix};
use crate::lint::verify;
use crate::source::{Disk, Loader};
use crate::syntax::{Configuration, Dump};

/// Fixes make room for others; more rounds than this mean that two of them undo each other.
const MAX_ROUNDS: usize = 10;

/// Files as they are after the fixes so far, and the texts they had.
#[derive(Default)]
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
    let mut applied = 0;
    let mut judged = Vec::new();
    for file in files {
        let (count, result) = repair(args, judge, file, &mut overlay)?;
        applied += count;
        judged.push(result);
    }
    if args.diff {
        diff(&overlay, out)?;
        return Ok(if applied > 0 { Outcome::Findings } else { Outcome::Clean });
    }
    for path in overlay.old.keys() {
        let text = &overlay.new[path];
        write::write(path, text)
            .map_err(|e| Failure::new(format!("cannot write `{}`: {e}", path.display())))?;
    }
    let changed: Vec<String> = overlay.old.keys().map(|p| p.display().to_string()).collect();
    note(&match changed.as_slice() {
        [] => "nothing to fix".to_owned(),
        [one] => format!("{applied} fixed in {one}"),
        _ => format!("{applied} fixed in {} files", changed.len()),
    });
    report(args, judge, files, judged, out)
}

/// Repairs one configuration in memory.
fn repair(
    args: &LintArgs,
    judge: &Judge,
    file: &Path,
    overlay: &mut Overlay,
) -> Result<(usize, Judged), Failure> {
    let mut applied = 0;
    let (mut configuration, mut found) = judge.findings(file, overlay)?;
    if configuration.is_dump {
        return Err(extract::refused(file));
    }
    for _ in 0..MAX_ROUNDS {
        let fixes = chosen(&found, args.unsafe_fixes);
        if fixes.is_empty() {
            break;
        }
        apply(&configuration, &fixes, overlay);
        let (next, left) = judge.findings(file, overlay)?;
        harmless(judge, (&configuration, &found), (&next, &left), &fixes)?;
        applied += fixes.len();
        (configuration, found) = (next, left);
    }
    Ok((applied, (configuration, found)))
}

/// Makes sure that the fixes did what they are for and nothing else.
fn harmless(
    judge: &Judge,
    (before, found): (&Configuration, &[Diagnostic]),
    (after, left): (&Configuration, &[Diagnostic]),
    fixes: &[&Fix],
) -> Result<(), Failure> {
    let version = judge.meaning.version();
    let (old, new) = (judge.meaning.compile(before, version), judge.meaning.compile(after, version));
    let problem = if errors(left) > errors(found) {
        Some("they would make new errors".to_owned())
    } else {
        let touched = verify::touched(before, fixes);
        verify::beyond(&old.config, &new.config, &touched)
    };
    match problem {
        None => Ok(()),
        Some(problem) => {
            Err(Failure::new(format!("nothing was changed, the fixes are not safe here: {problem}"))
                .help("repair it by hand, and please report the configuration"))
        }
    }
}

fn errors(found: &[Diagnostic]) -> usize {
    found.iter().filter(|d| d.level == Level::Error).count()
}

fn chosen(found: &[Diagnostic], unsafe_too: bool) -> Vec<&Fix> {
    let allowed = if unsafe_too { Applicability::Unsafe } else { Applicability::Safe };
    edit::select(found.iter().filter_map(|d| d.fix.as_ref()).filter(|f| f.applicability <= allowed))
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
        let diff = similar::TextDiff::from_lines(&old[..], &overlay.new[path][..]);
        let name = path.display();
        diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_writer(&mut *out)?;
    }
    Ok(())
}
