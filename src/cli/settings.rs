//! The `ngxc.toml` that holds for a configuration: the nearest one upwards from it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use super::declared::read_declared;
use super::{Failure, detail, paths};
use crate::catalog::DeclaredNames;
use crate::settings::File;
use crate::source::{Disk, Loader, matches};

/// The name of the settings file.
const NAME: &str = "ngxc.toml";

/// Arguments about the settings file.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct SettingsArgs {
    /// The settings file [default: for each configuration the nearest `ngxc.toml` upwards from it].
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// A settings file, or that there is none.
#[derive(Debug, Default)]
pub(super) struct FoundSettings {
    /// The file; `None` if there is none.
    pub(super) path: Option<PathBuf>,
    /// Names in it are relative to this.
    pub(super) directory: PathBuf,
    /// Settings in the file.
    pub(super) file: File,
}

/// Settings files that were read.
static READ: Mutex<Option<HashMap<PathBuf, Arc<FoundSettings>>>> = Mutex::new(None);

/// Has settings files read again: a language server outlives their changes, and so does a server that reloads.
pub(super) fn forget() {
    READ.lock().unwrap_or_else(PoisonError::into_inner).take();
}

impl SettingsArgs {
    /// The settings of a configuration.
    ///
    /// # Errors
    /// If the settings file cannot be read or says what there is not.
    pub(super) fn of(&self, file: &Path) -> Result<Arc<FoundSettings>, Failure> {
        let Some(path) = self.settings.clone().or_else(|| nearest(file)) else {
            return Ok(Arc::default());
        };
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        let read = read.get_or_insert_default();
        if let Some(found) = read.get(&path) {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(FoundSettings::read(path.clone())?);
        detail(&format!("settings: {}", path.display()));
        read.insert(path, Arc::clone(&found));
        Ok(found)
    }
}

/// The settings file nearest to a configuration, as short as its path can be written.
fn nearest(file: &Path) -> Option<PathBuf> {
    let file = if file == Path::new("-") { Path::new("") } else { file };
    let here = std::env::current_dir().ok()?;
    let absolute = here.join(file);
    // Of a directory its own, of a file that of the directory around it.
    let skip = usize::from(file != Path::new("") && !absolute.is_dir());
    let found =
        absolute.ancestors().skip(skip).map(|directory| directory.join(NAME)).find(|p| p.is_file())?;
    Some(found.strip_prefix(&here).map(Path::to_owned).unwrap_or(found))
}

impl FoundSettings {
    fn read(path: PathBuf) -> Result<Self, Failure> {
        let failed = |why: String| Failure::new(format!("{}: cannot be read: {why}", path.display()));
        let text = Disk.read(&path).map_err(|e| failed(e.to_string()))?;
        let text = String::from_utf8(text).map_err(|_| failed("it is not UTF-8".to_owned()))?;
        let file =
            File::parse(&text).map_err(|problem| Failure::new(format!("{}:{problem}", path.display())))?;
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { path: Some(path), directory, file })
    }

    /// The directives of the files that it names.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub(super) fn declared(&self) -> Result<Vec<Arc<DeclaredNames>>, Failure> {
        let files = self.file.directives.iter().map(|file| self.directory.join(file).display().to_string());
        files.map(|file| read_declared(&file).map_err(Failure::new)).collect()
    }

    /// True if a pattern of the settings file names a file.
    fn names(&self, pattern: &str, file: &Path) -> bool {
        let (file, directory) = (paths::absolute(file), paths::absolute(&self.directory));
        let name = file.strip_prefix(directory).unwrap_or(&file).as_os_str().as_encoded_bytes();
        // `**/` also matches no directory at all.
        [pattern.to_owned(), pattern.replace("**/", "")].iter().any(|p| matches(p.as_bytes(), name))
    }

    /// True if the settings leave a file out.
    pub(super) fn excludes(&self, file: &Path) -> bool {
        self.file.exclude.iter().any(|pattern| self.names(pattern, file))
    }

    /// Names of the findings that are suppressed in a file.
    pub(super) fn allowed(&self, file: &Path) -> Vec<&str> {
        let here = self.file.allow.iter().filter(|(pattern, _)| self.names(pattern, file));
        here.flat_map(|(_, names)| names.0.iter().map(String::as_str)).collect()
    }
}
