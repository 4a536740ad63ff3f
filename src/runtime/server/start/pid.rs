//! The file with the process id.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::Config;
use crate::runtime::net::log::errno;
use crate::runtime::server::start::{StartError, failed};

/// The file; it is removed when the last configuration that names it has ended.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes the file that the configuration names, unless `before` is the same.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(
        config: &Config,
        prefix: &Path,
        before: Option<&Arc<PidFile>>,
    ) -> Result<Option<Arc<Self>>, StartError> {
        let path = prefix.join(&config.core.pid.value);
        if let Some(same) = before.filter(|before| before.path == path) {
            return Ok(Some(Arc::clone(same)));
        }
        let Some(span) = config.core.pid.origin.span() else { return Ok(None) };
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
            Ok(file)
        });
        let file = written
            .map_err(|e| failed(format!("open() \"{}\" failed{}", path.display(), errno(&e)), Some(span)))?;
        Ok(Some(Arc::new(Self { path, file })))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if std::fs::remove_file(&self.path).is_err() {
            // A process that is root no more may not remove it from root's directory: then at least nobody takes the
            // number for that of a process that runs.
            let _ = self.file.set_len(0);
        }
    }
}
