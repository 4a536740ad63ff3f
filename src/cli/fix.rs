//! `ngxc lint --fix` and `--diff`: applies fixes until nothing changes, then writes each file at once.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lint::{LintArgs, findings, report};
use super::{Failure, Outcome, note, write};
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{self, Applicability, Fix};
use crate::source::{Disk, Loader};
use crate::syntax::Configuration;

/// Fixes make room for others; more rounds than this mean that two of them undo each other.
const MAX_ROUNDS: usize = 10;

/// Files as they are after the fixes so far.
#[derive(Default)]
struct Overlay(BTreeMap<PathBuf, Vec<u8>>);

impl Loader for Overlay {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.0.get(path) {
            Some(text) => Ok(text.clone()),
            None => Disk.read(path),
        }
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Disk.glob(pattern)
    }
}

pub(super) fn run(args: &LintArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if args.input.file == Path::new("-") && !args.diff {
        return Err(
            Failure::new("standard input cannot be fixed in place").help("use `--diff` to see the repairs")
        );
    }
    let mut files = Overlay::default();
    if args.input.file == Path::new("-") {
        files.0.insert(
            "-".into(),
            Disk.read(Path::new("-"))
                .map_err(|e| Failure::new(format!("cannot read standard input: {e}")))?,
        );
    }
    let (before, mut found) = findings(args, &files)?;
    let errors_before = errors(&found);
    let mut configuration = None;
    let mut applied = 0;
    for _ in 0..MAX_ROUNDS {
        let current = configuration.as_ref().unwrap_or(&before);
        let fixes = chosen(&found, args.unsafe_fixes);
        if fixes.is_empty() {
            break;
        }
        applied += fixes.len();
        apply(current, &fixes, &mut files);
        let (next, left) = findings(args, &files)?;
        configuration = Some(next);
        found = left;
    }
    let after = configuration.as_ref().unwrap_or(&before);
    if errors(&found) > errors_before {
        return Err(Failure::new("the fixes would make the configuration worse, so nothing was changed")
            .help("please report the configuration; until then repair it by hand"));
    }
    if args.diff {
        diff(&before, &files, out)?;
        return Ok(if applied > 0 { Outcome::Findings } else { Outcome::Clean });
    }
    for (path, text) in &files.0 {
        write::write(path, text)
            .map_err(|e| Failure::new(format!("cannot write `{}`: {e}", path.display())))?;
    }
    let changed: Vec<String> = files.0.keys().map(|p| p.display().to_string()).collect();
    note(&match changed.as_slice() {
        [] => "nothing to fix".to_owned(),
        [one] => format!("{applied} fixed in {one}"),
        _ => format!("{applied} fixed in {} files", changed.len()),
    });
    report(args, after, found, out)
}

fn errors(found: &[Diagnostic]) -> usize {
    found.iter().filter(|d| d.level == Level::Error).count()
}

fn chosen(found: &[Diagnostic], unsafe_too: bool) -> Vec<&Fix> {
    let allowed = if unsafe_too { Applicability::Unsafe } else { Applicability::Safe };
    edit::select(found.iter().filter_map(|d| d.fix.as_ref()).filter(|f| f.applicability <= allowed))
}

fn apply(configuration: &Configuration, fixes: &[&Fix], files: &mut Overlay) {
    for (id, file) in configuration.sources.files() {
        if fixes.iter().any(|f| f.edits.iter().any(|e| e.span.file == id)) {
            files.0.insert(file.path.clone(), edit::apply(id, &file.text, fixes));
        }
    }
}

fn diff(before: &Configuration, files: &Overlay, out: &mut dyn Write) -> io::Result<()> {
    for (_, file) in before.sources.files() {
        let Some(new) = files.0.get(&file.path) else { continue };
        let diff = similar::TextDiff::from_lines(&file.text[..], &new[..]);
        let name = file.name();
        diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_writer(&mut *out)?;
    }
    Ok(())
}
