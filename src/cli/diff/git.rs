//! Files as they are in a revision of a git repository.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::Failure;
use crate::source::{Loader, Memory};

/// A repository at a revision.
pub(super) struct Repository {
    root: PathBuf,
    revision: String,
    /// Names of all files, without contents: for patterns.
    names: Memory,
}

/// Most links that are followed.
const MAX_LINKS: usize = 16;

impl Repository {
    /// The repository of a file.
    ///
    /// # Errors
    /// If the file is in no repository, or there is no such revision.
    pub(super) fn of(file: &Path, revision: &str) -> Result<Self, Failure> {
        let directory =
            file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let failed = |error: String| Failure::new(format!("`--git {revision}`: {error}"));
        let root = git(directory, &["rev-parse", "--show-toplevel"]).map_err(failed)?;
        let root = PathBuf::from(String::from_utf8_lossy(&root).trim_end().to_owned());
        let commit = format!("{revision}^{{commit}}");
        let id = git(&root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
        let id =
            id.map_err(|_| failed("there is no such revision".to_owned()).help("`git log` lists them"))?;
        let revision = String::from_utf8_lossy(&id).trim().to_owned();
        let listed = git(&root, &["ls-tree", "-r", "-z", "--name-only", &revision]).map_err(failed)?;
        let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let names = names.fold(Memory::default(), |all, name| {
            all.with(root.join(String::from_utf8_lossy(name).into_owned()), Vec::new())
        });
        Ok(Self { root, revision, names })
    }

    /// A path below the root, in git's words.
    fn relative(&self, path: &Path) -> io::Result<String> {
        let absolute = std::path::absolute(path)?;
        let below = |path: &Path| path.strip_prefix(&self.root).ok().map(|p| p.display().to_string());
        let parent = absolute.parent().and_then(|parent| parent.canonicalize().ok());
        let real = parent.zip(absolute.file_name()).map(|(parent, name)| parent.join(name));
        let found = below(&absolute).or_else(|| real.as_deref().and_then(below));
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

/// The output of git.
fn git(directory: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git").arg("-C").arg(directory).args(args).output();
    let output = output.map_err(|error| format!("cannot run git: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

impl Loader for Repository {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut name = self.relative(path)?;
        for _ in 0..MAX_LINKS {
            let entry = git(&self.root, &["ls-tree", "-z", &self.revision, "--", &name]);
            let entry = entry.map_err(io::Error::other)?;
            let entry = String::from_utf8_lossy(&entry).into_owned();
            let Some((head, _)) = entry.split_once('\t') else {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            };
            let mut fields = head.split(' ');
            let (mode, id) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
            let text = git(&self.root, &["cat-file", "blob", id]).map_err(io::Error::other)?;
            if mode != "120000" {
                return Ok(text);
            }
            let target = String::from_utf8_lossy(&text).into_owned();
            let beside = Path::new(&name).parent().unwrap_or(Path::new("")).join(target);
            let mut clean = PathBuf::new();
            for part in beside.components() {
                match part {
                    std::path::Component::ParentDir => {
                        clean.pop();
                    }
                    std::path::Component::CurDir => {}
                    part => clean.push(part),
                }
            }
            name = self.relative(&self.root.join(clean))?;
        }
        Err(io::Error::other("too many symbolic links"))
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let pattern = self.root.join(self.relative(pattern)?);
        self.names.glob(&pattern)
    }
}
