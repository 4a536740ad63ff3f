//! Which rules and which files: the command line over `ngxc.toml`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};

use super::Failure;
use super::input::{Meaning, say_newer};
use crate::diagnostic::Level;
use crate::lint::{File, Profile, Settings};
use crate::source::matches;

/// The name of the settings file, looked for upwards from the first configuration.
const NAME: &str = "ngxc.toml";

/// What is judged and how.
#[derive(Args, Clone, Debug)]
pub(super) struct Selection {
    /// The rules to start from [default: recommended].
    #[arg(long, value_enum, value_name = "PROFILE")]
    profile: Option<ProfileName>,

    /// Only these rules or categories; may be repeated.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,

    /// Not these rules or categories; may be repeated.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,

    /// The level of a rule, category or diagnostic: `include-not-found=warning`; may be repeated.
    #[arg(long, value_name = "NAME=LEVEL", value_delimiter = ',', value_parser = parse_level)]
    level: Vec<(String, Option<Level>)>,

    /// The settings file [default: `ngxc.toml`, looked for upwards from the first FILE].
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,

    /// Report only what is not in this file; writes it if there is none.
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,

    /// With --baseline: write the file anew.
    #[arg(long, requires = "baseline")]
    pub(super) update_baseline: bool,

    /// Report only what is in files that differ from this git revision.
    #[arg(long, value_name = "REV")]
    changed_since: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    /// Only what is about the reuse of upstream connections.
    Reuse,
    /// What is worth a look in nearly every configuration.
    Recommended,
    /// Every rule, and nothing is less than a warning.
    Strict,
}

/// A selection with the settings file read.
pub(super) struct Selected {
    pub(super) settings: Settings,
    exclude: Vec<(PathBuf, String)>,
    changed: Option<HashSet<PathBuf>>,
}

impl Selection {
    /// Reads the settings file; what it says of versions and paths goes to `meaning`, unless the command line says it.
    pub(super) fn resolve(&self, files: &[PathBuf], meaning: &mut Meaning) -> Result<Selected, Failure> {
        let found = self.settings.clone().or_else(|| find(files));
        let (file, directory) = match &found {
            Some(path) => (read(path)?, path.parent().unwrap_or(Path::new("")).to_owned()),
            None => (File::default(), PathBuf::new()),
        };
        if meaning.nginx_version.is_none()
            && let Some(release) = file.release()
        {
            say_newer(release);
            meaning.nginx_version = Some(release.version);
        }
        if meaning.map_path.is_empty() {
            meaning.map_path =
                file.path_map.iter().map(|(from, to)| (from.into(), directory.join(to))).collect();
        }
        let profile = self.profile.map(|p| match p {
            ProfileName::Reuse => Profile::Reuse,
            ProfileName::Recommended => Profile::Recommended,
            ProfileName::Strict => Profile::Strict,
        });
        let mut settings = file.settings(profile).map_err(Failure::new)?;
        if !self.select.is_empty() {
            settings.select(&self.select).map_err(Failure::new)?;
        }
        for name in &self.ignore {
            settings.set(name, None).map_err(Failure::new)?;
        }
        for (name, level) in &self.level {
            settings.set(name, *level).map_err(Failure::new)?;
        }
        let exclude = file.exclude.iter().map(|pattern| (directory.clone(), pattern.clone())).collect();
        let changed = self.changed_since.as_deref().map(changed_since).transpose()?;
        Ok(Selected { settings, exclude, changed })
    }
}

impl Selected {
    /// Whether the settings leave a file out.
    pub(super) fn excludes(&self, file: &Path) -> bool {
        self.exclude.iter().any(|(directory, pattern)| {
            let relative = file.strip_prefix(directory).unwrap_or(file);
            let name = relative.as_os_str().as_encoded_bytes();
            // `**/` may stand for no directory at all.
            [pattern.clone(), pattern.replace("**/", "")].iter().any(|p| matches(p.as_bytes(), name))
        })
    }

    /// Whether findings in a file are wanted.
    pub(super) fn wants(&self, file: &Path) -> bool {
        let Some(changed) = &self.changed else { return true };
        file.canonicalize().is_ok_and(|path| changed.contains(&path))
    }
}

fn parse_level(text: &str) -> Result<(String, Option<Level>), String> {
    let expected = "expected NAME=error, NAME=warning, NAME=info or NAME=off";
    let (name, level) = text.split_once('=').ok_or(expected)?;
    let level = match level {
        "error" => Some(Level::Error),
        "warning" => Some(Level::Warning),
        "info" => Some(Level::Info),
        "off" => None,
        _ => return Err(expected.to_owned()),
    };
    Ok((name.to_owned(), level))
}

/// The version that the settings file of a configuration names, and that file.
pub(super) fn version_of(file: &Path) -> Result<Option<(crate::version::Version, PathBuf)>, Failure> {
    let Some(path) = find(&[file.to_owned()]) else { return Ok(None) };
    Ok(read(&path)?.version().map(|version| (version, path)))
}

fn find(files: &[PathBuf]) -> Option<PathBuf> {
    let first = files.first().filter(|f| *f != Path::new("-")).cloned().unwrap_or_default();
    let start = if first.is_dir() { first.join("x") } else { first };
    let here = std::env::current_dir().ok()?;
    let absolute = here.join(start);
    let path =
        absolute.ancestors().skip(1).map(|directory| directory.join(NAME)).find(|path| path.is_file())?;
    // As short as it was typed.
    Some(path.strip_prefix(&here).map(Path::to_owned).unwrap_or(path))
}

fn read(path: &Path) -> Result<File, Failure> {
    let failed = |error: String| Failure::new(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    File::parse(&text).map_err(failed)
}

/// Files that differ from a revision, untracked ones included.
fn changed_since(revision: &str) -> Result<HashSet<PathBuf>, Failure> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(arguments)
            .output()
            .map_err(|e| Failure::new(format!("--changed-since needs git, which cannot be run: {e}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Failure::new(format!("git {}: {reason}", arguments[0])))
    };
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let root = PathBuf::from(top.trim_end());
    // `--end-of-options`: a revision that begins with a dash is not an option.
    let changed = git(&["diff", "--name-only", "-z", "--end-of-options", revision, "--"])?;
    let untracked = git(&["ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/"])?;
    let names = changed.split('\0').chain(untracked.split('\0')).filter(|name| !name.is_empty());
    Ok(names.filter_map(|name| root.join(name).canonicalize().ok()).collect())
}
