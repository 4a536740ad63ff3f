//! Options for loading a configuration, and the error of a main file that cannot be read.

use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

use crate::syntax::template::Templates;

/// Options for loading a configuration.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Base directory of relative names; otherwise the directory of the main file.
    pub conf_prefix: Option<PathBuf>,
    /// Moved directories: a path below the first is read below the second; a path that does not exist there is read as
    /// if there were no map.
    pub path_maps: Vec<(PathBuf, PathBuf)>,
    /// The configuration is not in the place where nginx reads it: includes from `/etc/nginx` are looked for beside its
    /// main file and never on this machine, and files that every nginx ships may be missing.
    pub elsewhere: bool,
    /// Files that every nginx ships may be missing although the configuration lies in place: people cut them out of dumps.
    pub stand_ins: bool,
    /// Largest number of files.
    pub max_files: usize,
    /// Deepest nesting of includes.
    pub max_depth: usize,
    /// A main file that is the output of `nginx -T` is read as the files in it. nginx itself does not do this.
    pub dumps: bool,
    /// Reading of templates; `None`: every file is read as nginx will read it.
    pub templates: Option<Arc<Templates>>,
    /// The configuration that is meant in a main file that is YAML; `None` for the only one.
    pub embedded: Option<String>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            conf_prefix: None,
            path_maps: Vec::new(),
            elsewhere: false,
            stand_ins: false,
            max_files: 10_000,
            max_depth: 64,
            dumps: true,
            templates: None,
            embedded: None,
        }
    }
}

/// Error: the main file could not be read.
#[derive(Debug)]
pub struct LoadError {
    /// Path of the main file.
    pub path: PathBuf,
    /// Error of the operating system.
    pub error: io::Error,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path.display(), reason(&self.error))
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Common reasons in our own words, so that messages do not depend on the platform.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
