//! `--baseline` and `--write-baseline`: the findings that an old estate has already.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use clap::Args;

use super::estate::Root;
use super::settings::FoundSettings;
use super::{Failure, note, paths, write};
use crate::diagnostic::Diagnostic;
use crate::lint::Baseline;
use crate::source::SourceFile;
use crate::syntax::Configuration;

/// Known findings.
#[derive(Args, Clone, Debug)]
pub(super) struct BaselineArgs {
    /// Report only what is not in this file, which --write-baseline has written.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write what is found into FILE, or into that of --baseline or of `ngxc.toml`, and report nothing.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true
    )]
    #[expect(clippy::option_option, reason = "the option is there or not, and its value may be left out")]
    write_baseline: Option<Option<PathBuf>>,
}

impl BaselineArgs {
    /// Takes the baseline from the front of the files: `--write-baseline known.json nginx.conf` means what it says.
    pub(super) fn settle(&mut self, files: &mut Vec<PathBuf>) {
        let is_ours = |file: &PathBuf| file.extension().is_some_and(|e| e == "json");
        if self.write_baseline == Some(None) && files.len() > 1 && is_ours(&files[0]) {
            self.write_baseline = Some(Some(files.remove(0)));
        }
    }

    /// True if a baseline is to be written.
    pub(super) fn is_written(&self) -> bool {
        self.write_baseline.is_some()
    }

    /// Takes out the findings that a baseline knows, or writes them into it.
    ///
    /// # Errors
    /// If a baseline is missing, is none, or cannot be written.
    pub(super) fn apply(&self, parts: Vec<BaselinePart<'_>>) -> Result<(), Failure> {
        let mut by_baseline: BTreeMap<PathBuf, Vec<BaselinePart<'_>>> = BTreeMap::new();
        for part in parts {
            let asked = self.write_baseline.clone().flatten().or_else(|| self.baseline.clone());
            match asked.or_else(|| part.settled.clone()) {
                Some(path) => by_baseline.entry(path).or_default().push(part),
                None if self.write_baseline.is_some() => {
                    return Err(Failure::new("which file is the baseline?").help(
                        "say `--write-baseline=known.json`, or `baseline = \"known.json\"` in `ngxc.toml`",
                    ));
                }
                None => {}
            }
        }
        for (path, mut parts) in by_baseline {
            if self.write_baseline.is_some() { write(&path, &mut parts)? } else { take(&path, &mut parts)? }
        }
        Ok(())
    }
}

/// Findings of one configuration.
pub(super) struct BaselinePart<'p> {
    pub(super) root: &'p Root,
    pub(super) configuration: &'p Configuration,
    pub(super) findings: &'p mut Vec<Diagnostic>,
    /// The baseline that the settings file names.
    pub(super) settled: Option<PathBuf>,
}

impl BaselinePart<'_> {
    /// The baseline that a settings file names.
    pub(super) fn settled(found: Option<&FoundSettings>) -> Option<PathBuf> {
        found.and_then(|found| Some(found.directory.join(found.file.baseline.as_ref()?)))
    }
}

/// The name of a file in a baseline: relative to it, so that it holds wherever the tree is checked out.
fn name(file: &SourceFile, part: &BaselinePart<'_>, baseline: &Path) -> String {
    if part.configuration.is_dump || file.path == Path::new("-") {
        return file.name();
    }
    let directory = paths::absolute(baseline).parent().map(Path::to_owned).unwrap_or_default();
    paths::relative(&file.path, &directory).display().to_string()
}

fn write(path: &Path, parts: &mut [BaselinePart<'_>]) -> Result<(), Failure> {
    let mut new = Baseline::default();
    let mut count = 0;
    for part in parts.iter_mut() {
        count += part.findings.len();
        for finding in std::mem::take(part.findings) {
            let file = part.configuration.sources.file(finding.span.file);
            new.add(&name(file, part, path), file, &finding);
        }
    }
    let inputs = parts.iter().flat_map(|p| p.configuration.sources.files().map(|(_, f)| f.path.as_path()));
    write::output(path, new.write().as_bytes(), write::Readers::Everybody, inputs)
        .map_err(|e| Failure::new(format!("cannot write `{}`: {e}", path.display())))?;
    note(&format!("{count} findings written to {}", path.display()));
    Ok(())
}

fn take(path: &Path, parts: &mut [BaselinePart<'_>]) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let failure = Failure::new(format!("cannot read the baseline `{}`: {e}", path.display()));
        if e.kind() == std::io::ErrorKind::NotFound {
            return failure.help(format!("write it with `ngxc lint --write-baseline={} …`", path.display()));
        }
        failure
    })?;
    let mut known = Baseline::parse(&text)
        .map_err(|e| Failure::new(format!("cannot read the baseline `{}`: {e}", path.display())))?;
    let mut judged = HashSet::new();
    for part in parts {
        let names: Vec<String> = {
            let sources = &part.configuration.sources;
            let wanted = |file: &SourceFile| part.root.wants(&file.path);
            judged.extend(sources.files().filter(|(_, f)| wanted(f)).map(|(_, f)| name(f, part, path)));
            part.findings.iter().map(|f| name(sources.file(f.span.file), part, path)).collect()
        };
        let mut names = names.iter();
        let sources = &part.configuration.sources;
        part.findings.retain(|finding| {
            let name = names.next().map_or("", String::as_str);
            !known.take(name, sources.file(finding.span.file), finding)
        });
    }
    let gone = known.left(|file| judged.contains(file));
    if gone > 0 {
        note(&format!("{gone} findings of {} are gone: shrink it with --write-baseline", path.display()));
    }
    Ok(())
}
