//! The file with the process id.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::model::Config;
use crate::runtime::net::log::errno;
use crate::runtime::server::start::{StartError, failed};

/// The file; it is removed when the last configuration that names it has ended.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    /// To empty it, for a process that may not remove it.
    file: Option<File>,
    /// Another program is taking over: the file has `.oldbin` behind its name.
    is_aside: AtomicBool,
}

impl PidFile {
    /// Writes the file that the configuration names, unless `before` is the same. A process that stays who it is may remove
    /// it in the end.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(
        config: &Config,
        prefix: &Path,
        before: Option<&Arc<PidFile>>,
        stays_who_it_is: bool,
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
            .map(Some)
            .map_err(|e| failed(format!("open() \"{}\" failed{}", path.display(), errno(&e)), Some(span)))?;
        Ok(Some(Arc::new(Self {
            path,
            file: file.filter(|_| !stays_who_it_is),
            is_aside: AtomicBool::new(false),
        })))
    }

    /// The name while another program is taking over (`NGX_OLDPID_EXT`).
    fn old(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".oldbin");
        name.into()
    }

    /// Renames the file, so that a program that takes over can write its own, or back.
    ///
    /// # Errors
    /// The failure of `rename()`, in nginx's words.
    pub(crate) fn set_aside(&self, aside: bool) -> Result<(), String> {
        if self.is_aside.load(Relaxed) == aside {
            return Ok(());
        }
        let (mut from, mut to) = (self.path.clone(), self.old());
        if !aside {
            std::mem::swap(&mut from, &mut to);
        }
        std::fs::rename(&from, &to).map_err(|error| {
            format!("rename() {} to {} failed{}", from.display(), to.display(), errno(&error))
        })?;
        self.is_aside.store(aside, Relaxed);
        Ok(())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let path = if self.is_aside.load(Relaxed) { self.old() } else { self.path.clone() };
        if std::fs::remove_file(&path).is_err() {
            // A process that is root no more may not remove it from root's directory: then at least nobody takes the
            // number for that of a process that runs.
            let _ = self.file.as_ref().map(|file| file.set_len(0));
        }
    }
}
