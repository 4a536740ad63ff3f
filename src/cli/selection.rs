//! Selection of rules, and of files whose findings are shown: the command line over the settings.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueEnum};

use super::Failure;
use super::settings::FoundSettings;
use super::told::LevelArgs;
use crate::lint::{Profile, Settings};

/// Selection of rules and files.
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

    /// Report only what is in files that differ from this git revision.
    #[arg(long, value_name = "REV")]
    pub(super) changed_since: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    /// Only what is about the reuse of upstream connections.
    Reuse,
    /// Rules that are worth a look in nearly every configuration.
    Recommended,
    /// Every rule, and nothing is less than a warning.
    Strict,
}

impl Selection {
    /// The rules and their levels, over those of a settings file.
    ///
    /// # Errors
    /// If a rule is named that there is not.
    pub(super) fn settings(&self, found: &FoundSettings, level: &LevelArgs) -> Result<Settings, Failure> {
        let profile = self.profile.map(|p| match p {
            ProfileName::Reuse => Profile::Reuse,
            ProfileName::Recommended => Profile::Recommended,
            ProfileName::Strict => Profile::Strict,
        });
        let mut settings = found.file.settings(profile).map_err(Failure::new)?;
        if !self.select.is_empty() {
            settings.select(&self.select).map_err(Failure::new)?;
        }
        for name in &self.ignore {
            settings.set(name, None).map_err(Failure::new)?;
        }
        level.set(&mut settings)?;
        Ok(settings)
    }

    /// The files that findings are wanted of, if not of all.
    ///
    /// # Errors
    /// If git cannot say which files differ.
    pub(super) fn changed(&self) -> Result<Option<HashSet<PathBuf>>, Failure> {
        self.changed_since.as_deref().map(changed_since).transpose()
    }
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
