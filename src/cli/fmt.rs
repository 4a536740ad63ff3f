//! `ngxc fmt`: lays configuration files out in one way.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::reading::InputArgs;
use super::render::{self, Report};
use super::{Failure, Outcome, detail, estate, extract, note, unified, write};
use crate::catalog::NEWEST;
use crate::diagnostic::Diagnostic;
use crate::source::{Disk, Loader, SourceMap};
use crate::syntax::{self, Dump, Templates};

/// Arguments of `ngxc fmt`.
#[derive(Args)]
pub(super) struct FmtArgs {
    /// The files to lay out, in place, or directories of them; `-` is standard input and goes to standard output.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Change nothing; name the files that are laid out otherwise.
    #[arg(long)]
    check: bool,

    /// Change nothing; show what would change.
    #[arg(long)]
    diff: bool,

    #[command(flatten)]
    reading: InputArgs,
}

pub(super) fn run(args: &mut FmtArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let reading = &mut args.reading;
    reading.stdin.settle(args.files.iter_mut())?;
    let loader = reading.stdin.over(&Disk);
    let mut outcome = Outcome::Clean;
    let mut broken = Vec::new();
    let mut changed: Vec<(PathBuf, Vec<u8>, Vec<u8>)> = Vec::new();
    for (path, is_found) in estate::files(&args.files, reading)? {
        let name = path.display();
        let failed = |what: &str, error| Failure::new(format!("cannot {what} `{name}`: {error}"));
        let before = loader.read(&path).map_err(|error| failed("read", error))?;
        detail(&format!("read: {name}"));
        if Dump::read(&before).is_some() {
            return Err(extract::refused(&path));
        }
        let mut template = reading.template.clone();
        template.settle(&*reading.settings.of(&path)?)?;
        let templates = template.templates()?;
        if !syntax::embedded(&path, &before, &templates).is_empty() {
            if is_found {
                note(&format!("{name}: YAML, left as it is"));
                continue;
            }
            return Err(Failure::new(format!("`{name}` is YAML, which has no layout of nginx's own"))
                .help("it was left as it is; keep the configuration in a file of its own to lay it out"));
        }
        if let Some(language) = syntax::is_template(&path, &before, &templates) {
            if is_found {
                note(&format!("{name}: a template in {}, left as it is", language.name()));
                continue;
            }
            return Err(Failure::new(format!(
                "`{name}` is a template in {}, which has no layout of its own",
                language.name()
            ))
            .help("it was left as it is; format what it is rendered to"));
        }
        let Some(after) = formatted(&path, &before, &templates) else {
            broken.push(name.to_string());
            continue;
        };
        let same = before == after;
        if args.diff || args.check {
            outcome = if same { outcome } else { Outcome::Findings };
            if args.diff {
                show(&name.to_string(), &before, &after, out)?;
            } else if !same {
                writeln!(out, "{name}")?;
            }
        } else if reading.stdin.is(&path) {
            out.write_all(&after)?;
        } else if !same {
            changed.push((path, before, after));
        }
    }
    let all = changed.iter().map(|(path, old, new)| write::Change { path, old, new });
    write::replace(&all.collect::<Vec<_>>())?;
    for (path, ..) in &changed {
        note(&format!("formatted {}", path.display()));
    }
    if broken.is_empty() {
        return Ok(outcome);
    }
    Err(Failure::new(format!("left as it is because of syntax errors: {}", broken.join(", "))))
}

/// The new text; none if there are syntax errors, which have been printed.
fn formatted(path: &Path, text: &[u8], templates: &Templates) -> Option<Vec<u8>> {
    let mut sources = SourceMap::default();
    let file = sources.add(path, text);
    match syntax::layout(&sources, file, templates) {
        Ok(text) => Some(text),
        Err(errors) => {
            let errors: Vec<Diagnostic> = errors.into_iter().map(Diagnostic::from).collect();
            render::complain(&Report::one(&sources, errors, NEWEST, path));
            None
        }
    }
}

fn show(name: &str, before: &[u8], after: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
    Ok(unified::write(name, before, after, out)?)
}
