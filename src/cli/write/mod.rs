//! The only place that writes files a person names: whole, or not at all.
//!
//! A regular file is written beside itself and renamed over; mode, owner and links stay. What is no regular file
//! (a device, a FIFO) is written into, `-` is standard output.

mod tree;

pub(super) use tree::tree;

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Failure;

/// Links followed at most until a file is found.
const MOST_LINKS: usize = 40;

/// Names of files that are open already.
const OPEN_FILES: &[&str] = &["/proc", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"];

/// A file that is to be changed.
pub(super) struct Change<'a> {
    pub(super) path: &'a Path,
    /// Text that was read: if the file has another text by now, nothing is written.
    pub(super) old: &'a [u8],
    pub(super) new: &'a [u8],
}

/// Readers of a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    Everybody,
    /// Readable by the owner only, whatever the rights of the old file.
    Owner,
}

/// Writes the output of a command; `inputs` are the files that it read.
///
/// # Errors
/// As the operating system says; also if the output is one of the inputs, by whatever links.
pub(super) fn output<'a>(
    path: &Path,
    text: &[u8],
    readers: Readers,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> io::Result<()> {
    if path == Path::new("-") {
        return io::stdout().lock().write_all(text);
    }
    if let Some(input) = inputs.into_iter().find(|input| is_same(input, path)) {
        let name = input.display();
        return Err(io::Error::other(format!(
            "it is the input `{name}`, which would be lost; name another file"
        )));
    }
    create(path, text, readers)
}

/// Changes files that were read before: all of them, or none.
pub(super) fn replace(changes: &[Change<'_>]) -> Result<(), Failure> {
    let failed = |path: &Path, error: &io::Error| {
        Failure::new(format!("cannot write `{}`: {error}; nothing was changed", path.display()))
    };
    let mut ready = Vec::with_capacity(changes.len());
    for change in changes {
        let staged = StagedFile::new(change.path, change.new).map_err(|error| failed(change.path, &error))?;
        ready.push((change, staged));
    }
    for (change, staged) in &ready {
        staged.compare(change)?;
    }
    let mut done: Vec<(&Change<'_>, StagedFile)> = Vec::with_capacity(ready.len());
    for (change, staged) in ready {
        // Once more: staging the other files took its time.
        let written = staged
            .compare(change)
            .and_then(|()| staged.put(change.new).map_err(|error| failed(change.path, &error)));
        if let Err(failure) = written {
            for (change, staged) in &done {
                if let Err(error) = staged.undo(change) {
                    let name = change.path.display();
                    return Err(
                        failure.help(format!("`{name}` was changed, and cannot be changed back: {error}"))
                    );
                }
            }
            return Err(failure);
        }
        done.push((change, staged));
    }
    Ok(())
}

/// A new text that lies ready on the disk of its file.
struct StagedFile {
    /// The file, links followed.
    path: PathBuf,
    new: NamedTempFile,
    /// True if the text goes into the file itself, because another file would not be the same: it has several names,
    /// or owner or attributes that cannot be given.
    in_place: bool,
}

impl StagedFile {
    fn new(path: &Path, text: &[u8]) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let meta = std::fs::metadata(&path)?;
        if !meta.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut new = beside(&path)?;
        new.write_all(text)?;
        let in_place = has_more_names(&meta) || !is_alike(&path, &meta, new.as_file());
        new.as_file().sync_all()?;
        Ok(Self { path, new, in_place })
    }

    /// Makes sure that the file has not changed since it was read.
    fn compare(&self, change: &Change<'_>) -> Result<(), Failure> {
        let now = std::fs::read(&self.path).map_err(|error| {
            Failure::new(format!(
                "cannot read `{}` again: {error}; nothing was changed",
                change.path.display()
            ))
        })?;
        if now == change.old {
            return Ok(());
        }
        Err(Failure::new(format!(
            "`{}` was changed by somebody else meanwhile; that stays, and nothing was written",
            change.path.display()
        ))
        .help("run the command again"))
    }

    fn put(&self, text: &[u8]) -> io::Result<()> {
        if self.in_place {
            return overwrite(&self.path, text);
        }
        // The copy is renamed: the staged file is still there if this one is to be undone.
        std::fs::rename(self.new.path(), &self.path)
    }

    fn undo(&self, change: &Change<'_>) -> io::Result<()> {
        if self.in_place {
            return overwrite(&self.path, change.old);
        }
        let old = Self::new(&self.path, change.old)?;
        old.put(change.old)
    }
}

/// Writes a file that may be new.
fn create(path: &Path, text: &[u8], readers: Readers) -> io::Result<()> {
    let Some(path) = target(path)? else { return into(path, text) };
    let meta = match std::fs::metadata(&path) {
        Ok(meta) if !meta.is_file() => return into(&path, text),
        Ok(meta) => Some(meta),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut new = beside(&path)?;
    new.write_all(text)?;
    match &meta {
        Some(meta) if has_more_names(meta) || !is_alike(&path, meta, new.as_file()) => {
            if readers == Readers::Owner {
                make_private(&path)?;
            }
            return overwrite(&path, text);
        }
        Some(_) => {}
        None => set_mode(new.as_file(), 0o644)?,
    }
    if readers == Readers::Owner {
        set_mode(new.as_file(), 0o600)?;
    }
    new.as_file().sync_all()?;
    new.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// The file that a name leads to, which may be new; `None` for the name of an open file (`/dev/stdout`).
fn target(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if OPEN_FILES.iter().any(|open| path.starts_with(open)) {
            return Ok(None);
        }
        match path.read_link() {
            Ok(to) => path = directory(&path).join(to),
            Err(_) => return Ok(Some(path)),
        }
    }
    Err(io::Error::other("too many links lead on from here"))
}

/// A file beside another, readable only for its owner.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".ngxc").tempfile_in(directory(path))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes into something that is no regular file.
fn into(path: &Path, text: &[u8]) -> io::Result<()> {
    // Text that another program has redirected there stays.
    OpenOptions::new().append(true).open(path)?.write_all(text)
}

/// Writes into a regular file.
fn overwrite(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(text)?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

/// True if two names are one file, by whatever links.
fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let (Ok(one), Ok(other)) = (std::fs::metadata(one), std::fs::metadata(other)) {
            return one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino());
        }
    }
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(unix)]
fn has_more_names(meta: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(meta) > 1
}

#[cfg(not(unix))]
fn has_more_names(_: &Metadata) -> bool {
    false
}

/// Gives a new file the mode, owner and attributes (access lists among them) of the old one; whether all could be given.
#[cfg(unix)]
fn is_alike(path: &Path, old: &Metadata, new: &File) -> bool {
    use std::os::unix::fs::{MetadataExt, fchown};
    use xattr::FileExt;
    let owner = || {
        let ours = new.metadata()?;
        if (ours.uid(), ours.gid()) != (old.uid(), old.gid()) {
            fchown(new, Some(old.uid()), Some(old.gid()))?;
        }
        // After the owner: to change that takes bits of the mode away.
        new.set_permissions(old.permissions())
    };
    let attributes = || -> io::Result<()> {
        let file = File::open(path)?;
        for name in file.list_xattr()? {
            if let Some(value) = file.get_xattr(&name)?
                && new.get_xattr(&name)?.as_ref() != Some(&value)
            {
                new.set_xattr(&name, &value)?;
            }
        }
        Ok(())
    };
    // A file system without attributes has none to keep.
    let is_without = |error: &io::Error| error.kind() == io::ErrorKind::Unsupported;
    owner().is_ok()
        && attributes().or_else(|error| if is_without(&error) { Ok(()) } else { Err(error) }).is_ok()
}

#[cfg(not(unix))]
fn is_alike(_: &Path, old: &Metadata, new: &File) -> bool {
    new.set_permissions(old.permissions()).is_ok()
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    let private: Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, private)
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn there(directory: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    fn change<'a>(path: &'a Path, old: &'a str, new: &'a str) -> Change<'a> {
        Change { path, old: old.as_bytes(), new: new.as_bytes() }
    }

    fn names(directory: &tempfile::TempDir) -> usize {
        std::fs::read_dir(directory.path()).unwrap().count()
    }

    #[test]
    fn files_are_changed_together_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (there(&directory, "1", "a"), there(&directory, "2", "edited"));
        let failure = replace(&[change(&one, "a", "A"), change(&two, "b", "B")]).err().unwrap();
        assert!(failure.message.contains("changed by somebody else meanwhile"), "{}", failure.message);
        assert_eq!((text(&one), text(&two)), ("a".to_owned(), "edited".to_owned()));
        assert!(replace(&[change(&one, "a", "A"), change(&two, "edited", "B")]).is_ok());
        assert_eq!((text(&one), text(&two), names(&directory)), ("A".to_owned(), "B".to_owned(), 2));
    }

    #[test]
    fn mode_links_and_attributes_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (there(&directory, "1", "long text"), directory.path().join("2"));
        std::fs::set_permissions(&one, Permissions::from_mode(0o640)).unwrap();
        std::fs::hard_link(&one, &two).unwrap();
        assert!(replace(&[change(&one, "long text", "A")]).is_ok());
        assert_eq!((text(&two).as_str(), std::fs::metadata(&one).unwrap().mode() & 0o777), ("A", 0o640));
        std::fs::remove_file(&two).unwrap();
        symlink("1", &two).unwrap();
        let has_attributes = xattr::set(&one, "user.note", b"kept").is_ok();
        assert!(replace(&[change(&two, "A", "B")]).is_ok());
        assert!(two.is_symlink());
        assert_eq!((text(&one).as_str(), std::fs::metadata(&one).unwrap().mode() & 0o777), ("B", 0o640));
        if has_attributes {
            assert_eq!(xattr::get(&one, "user.note").unwrap().unwrap(), b"kept");
        }
    }

    #[test]
    fn a_pipe_is_written_into_and_an_input_is_not_lost() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let name = pipe.clone();
        let reader = std::thread::spawn(move || {
            let mut read = String::new();
            File::open(name).unwrap().read_to_string(&mut read).unwrap();
            read
        });
        output(&pipe, b"text", Readers::Everybody, []).unwrap();
        assert_eq!(reader.join().unwrap(), "text");
        assert!(!std::fs::metadata(&pipe).unwrap().is_file());

        let input = there(&directory, "in", "input");
        let link = directory.path().join("link");
        symlink("in", &link).unwrap();
        let error = output(&link, b"x", Readers::Everybody, [input.as_path()]).unwrap_err();
        assert!(error.to_string().contains("which would be lost"), "{error}");
        assert_eq!(text(&input), "input");
        output(&link, b"x", Readers::Owner, []).unwrap();
        assert_eq!((text(&input).as_str(), std::fs::metadata(&input).unwrap().mode() & 0o777), ("x", 0o600));
        assert!(link.is_symlink());
        let new = directory.path().join("new");
        symlink("new", directory.path().join("leads to new")).unwrap();
        output(&directory.path().join("leads to new"), b"y", Readers::Everybody, []).unwrap();
        assert_eq!(text(&new), "y");
    }
}
