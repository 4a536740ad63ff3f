//! Files as they are in a revision of a git repository.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::cli::Failure;
use crate::source::{Disk, Loader, Memory};

/// A repository at a revision. Files outside of it are those of the disk.
pub(super) struct Repository {
    root: PathBuf,
    tree: BTreeMap<PathBuf, Entry>,
    /// Names of all files, without contents: for patterns.
    names: Memory,
}

/// A file or symbolic link of a revision.
struct Entry {
    is_link: bool,
    id: String,
}

/// Most links that are followed.
const MAX_LINKS: usize = 16;
/// Mode of a symbolic link.
const LINK: &str = "120000";

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
        let listed = git(&root, &["ls-tree", "-r", "-z", &revision]).map_err(failed)?;
        let tree = listed.split(|byte| *byte == 0).filter_map(entry).collect();
        let mut repository = Self { root, tree, names: Memory::default() };
        repository.names = repository.names().map_err(|error| failed(error.to_string()))?;
        Ok(repository)
    }

    /// Names of all files, also those behind links to directories.
    fn names(&self) -> io::Result<Memory> {
        let mut names = Memory::default();
        for (path, entry) in &self.tree {
            names = names.with(self.root.join(path), Vec::new());
            let target = if entry.is_link { self.target(path, entry)? } else { None };
            let Some(target) = target.filter(|target| !self.tree.contains_key(target)) else { continue };
            let behind = self.tree.keys().filter_map(|file| file.strip_prefix(&target).ok());
            names = behind.fold(names, |all, rest| all.with(self.root.join(path).join(rest), Vec::new()));
        }
        Ok(names)
    }

    /// A path below the root; `None`: it is outside.
    fn relative(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let absolute = clean(&std::path::absolute(path)?);
        if let Ok(below) = absolute.strip_prefix(&self.root) {
            return Ok(Some(below.to_owned()));
        }
        // The way to the repository may lead over links; what is in it may be gone, or be a pattern.
        let real = absolute.ancestors().skip(1).find_map(|existing| {
            Some(existing.canonicalize().ok()?.join(absolute.strip_prefix(existing).ok()?))
        });
        Ok(real.and_then(|real| real.strip_prefix(&self.root).ok().map(Path::to_owned)))
    }

    /// Target of a link below the root; `None`: it is outside.
    fn target(&self, path: &Path, entry: &Entry) -> io::Result<Option<PathBuf>> {
        let text = git(&self.root, &["cat-file", "blob", &entry.id]).map_err(io::Error::other)?;
        let target = PathBuf::from(String::from_utf8_lossy(&text).into_owned());
        self.relative(&self.root.join(path).parent().unwrap_or(&self.root).join(target))
    }

    /// The entry of a path whose links are followed; `None`: there is none.
    fn entry(&self, path: &Path) -> io::Result<Option<&Entry>> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let found = path.ancestors().find_map(|own| Some((own.to_owned(), self.tree.get(own)?)));
            match found {
                Some((link, entry)) if entry.is_link => {
                    let rest = path.strip_prefix(&link).unwrap_or(Path::new("")).to_owned();
                    let Some(target) = self.target(&link, entry)? else { return Ok(None) };
                    // `join` with nothing would add a slash.
                    path = if rest.as_os_str().is_empty() { target } else { target.join(rest) };
                }
                Some((own, entry)) if own == path => return Ok(Some(entry)),
                _ => return Ok(None),
            }
        }
        Err(io::Error::other("too many symbolic links"))
    }
}

/// A line of `git ls-tree`: mode, type, number and name.
fn entry(line: &[u8]) -> Option<(PathBuf, Entry)> {
    let line = String::from_utf8_lossy(line).into_owned();
    let (head, name) = line.split_once('\t')?;
    let mut fields = head.split(' ');
    let (mode, id) = (fields.next()?, fields.nth(1)?);
    Some((PathBuf::from(name), Entry { is_link: mode == LINK, id: id.to_owned() }))
}

/// A path without `.` and `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
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
        let Some(below) = self.relative(path)? else { return Disk.read(path) };
        let entry = self.entry(&below)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        git(&self.root, &["cat-file", "blob", &entry.id]).map_err(io::Error::other)
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        match self.relative(pattern)? {
            Some(below) => self.names.glob(&self.root.join(below)),
            None => Disk.glob(pattern),
        }
    }

    fn link_in_tree(&self, path: &Path) -> Option<PathBuf> {
        Disk.link_in_tree(path)
    }
}
