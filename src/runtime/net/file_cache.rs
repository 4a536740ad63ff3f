//! Files that stay open: `open_file_cache`, `open_log_file_cache` (`ngx_open_file_cache.c`). As in nginx each worker has a
//! cache for each directive.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::rc::{Rc, Weak};

use crate::model::files::FileCache;
use crate::runtime::net::clock::Clock;
use crate::runtime::net::path::os;
use crate::runtime::net::symlink::Links;
use crate::source::Span;

/// Kind, size and times of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) is_dir: bool,
    pub(crate) is_file: bool,
    pub(crate) size: u64,
    pub(crate) is_executable: bool,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    /// `ngx_file_uniq`
    inode: u64,
}

impl From<Metadata> for Info {
    fn from(metadata: Metadata) -> Self {
        Self {
            is_dir: metadata.is_dir(),
            is_file: metadata.is_file(),
            is_executable: metadata.mode() & 0o100 != 0,
            size: metadata.size(),
            modified: metadata.mtime(),
            inode: metadata.ino(),
        }
    }
}

/// An open file; a directory is not kept open.
#[derive(Clone, Debug)]
pub(crate) struct OpenedFile {
    pub(crate) file: Option<Rc<File>>,
    pub(crate) info: Info,
}

/// Mode in which a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenMode {
    Read(Links),
    Append,
}

impl OpenMode {
    pub(crate) fn open(self, path: &[u8]) -> io::Result<OpenedFile> {
        let file = match self {
            OpenMode::Read(links) => links.open(path)?,
            OpenMode::Append => OpenOptions::new().append(true).create(true).open(os(path))?,
        };
        let info = Info::from(file.metadata()?);
        Ok(OpenedFile { file: (!info.is_dir).then(|| Rc::new(file)), info })
    }

    pub(crate) fn info(self, path: &[u8]) -> io::Result<Info> {
        match self {
            OpenMode::Read(links) => links.metadata(path),
            OpenMode::Append => std::fs::metadata(os(path)),
        }
        .map(Info::from)
    }
}

/// The caches of a worker, by the directive that asks for them.
#[derive(Debug, Default)]
pub(crate) struct Caches(RefCell<HashMap<Span, Rc<RefCell<Cache>>>>);

impl Caches {
    /// The cache of a directive.
    pub(crate) fn of(&self, span: Span, settings: FileCache) -> Rc<RefCell<Cache>> {
        let mut all = self.0.borrow_mut();
        Rc::clone(all.entry(span).or_insert_with(|| Rc::new(RefCell::new(Cache::new(settings)))))
    }
}

/// Time for which a file stays open, and the uses after which it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Seconds.
    pub(crate) valid: u64,
    pub(crate) min_uses: u32,
    pub(crate) errors: bool,
}

#[derive(Debug)]
enum CachedPath {
    /// The number of the error.
    Error(i32),
    Directory(Info),
    /// Open, or open as long as another user holds it.
    File(Info, Result<Rc<File>, Weak<File>>),
}

#[derive(Debug)]
struct Entry {
    found: CachedPath,
    way: OpenMode,
    uses: u32,
    created: u64,
    accessed: u64,
    /// Place of the entry in the order of use.
    turn: u64,
}

/// Files by name; the one that was used longest ago goes first.
#[derive(Debug)]
pub(crate) struct Cache {
    max: usize,
    inactive: u64,
    entries: HashMap<Rc<[u8]>, Entry>,
    turns: BTreeMap<u64, Rc<[u8]>>,
    turn: u64,
}

impl Cache {
    fn new(settings: FileCache) -> Self {
        Self {
            max: settings.max as usize,
            inactive: settings.inactive.as_secs(),
            entries: HashMap::new(),
            turns: BTreeMap::new(),
            turn: 0,
        }
    }

    /// Opens a file, or takes it as it was opened before.
    pub(crate) fn open(&mut self, name: &[u8], rules: Rules, way: OpenMode) -> io::Result<OpenedFile> {
        self.open_at(name, rules, way, Clock::now().as_secs())
    }

    /// `ngx_open_cached_file`
    fn open_at(&mut self, name: &[u8], rules: Rules, way: OpenMode, now: u64) -> io::Result<OpenedFile> {
        let Some(mut entry) = self.take(name) else {
            let opened = way.open(name);
            if let Some(found) = found(&opened, rules, 1) {
                if self.entries.len() >= self.max {
                    self.expire(now, true);
                }
                let entry = Entry { found, way, uses: 1, created: now, accessed: now, turn: 0 };
                self.put(name, entry);
            }
            self.expire(now, false);
            return opened;
        };
        entry.uses = entry.uses.saturating_add(1);
        entry.accessed = now;
        let known = entry.known();
        if let Some(known) = &known
            && now.saturating_sub(entry.created) < rules.valid
            && entry.way == way
        {
            let opened = known.clone().map_err(io::Error::from_raw_os_error);
            self.put(name, entry);
            self.expire(now, false);
            return opened;
        }
        let opened = match known {
            Some(Ok(OpenedFile { file: Some(file), info })) => way.info(name).and_then(|now| {
                if now.inode == info.inode {
                    Ok(OpenedFile { file: Some(file), info: now })
                } else {
                    way.open(name)
                }
            }),
            Some(Ok(OpenedFile { file: None, .. })) => way.info(name).and_then(|info| {
                if info.is_dir { Ok(OpenedFile { file: None, info }) } else { way.open(name) }
            }),
            Some(Err(_)) | None => way.open(name),
        };
        if let Some(found) = found(&opened, rules, entry.uses) {
            self.put(name, Entry { found, way, created: now, ..entry });
        }
        self.expire(now, false);
        opened
    }

    fn take(&mut self, name: &[u8]) -> Option<Entry> {
        let entry = self.entries.remove(name)?;
        self.turns.remove(&entry.turn);
        Some(entry)
    }

    fn put(&mut self, name: &[u8], mut entry: Entry) {
        let name: Rc<[u8]> = name.into();
        self.turn += 1;
        entry.turn = self.turn;
        self.turns.insert(self.turn, Rc::clone(&name));
        self.entries.insert(name, entry);
    }

    /// Removes one or two entries that were not used for long; with `force` the oldest entry whatever its age
    /// (`ngx_expire_old_cached_files`).
    fn expire(&mut self, now: u64, force: bool) {
        for n in usize::from(!force)..3 {
            let Some((turn, name)) = self.turns.first_key_value() else { return };
            let is_old =
                self.entries.get(name).is_none_or(|e| now.saturating_sub(e.accessed) > self.inactive);
            if n != 0 && !is_old {
                return;
            }
            let turn = *turn;
            if let Some(name) = self.turns.remove(&turn) {
                self.entries.remove(&name);
            }
        }
    }
}

impl Entry {
    /// The entry's result; none if the file was not used often enough to stay open.
    fn known(&self) -> Option<Result<OpenedFile, i32>> {
        Some(match &self.found {
            CachedPath::Error(error) => Err(*error),
            CachedPath::Directory(info) => Ok(OpenedFile { file: None, info: *info }),
            CachedPath::File(info, file) => {
                let file = file.as_ref().map_or_else(Weak::upgrade, |file| Some(Rc::clone(file)))?;
                Ok(OpenedFile { file: Some(file), info: *info })
            }
        })
    }
}

/// The entry of an attempt.
fn found(opened: &io::Result<OpenedFile>, rules: Rules, uses: u32) -> Option<CachedPath> {
    match opened {
        Ok(OpenedFile { file: None, info }) => Some(CachedPath::Directory(*info)),
        Ok(OpenedFile { file: Some(file), info }) => {
            let stays = uses >= rules.min_uses;
            Some(CachedPath::File(*info, if stays { Ok(Rc::clone(file)) } else { Err(Rc::downgrade(file)) }))
        }
        Err(error) => error.raw_os_error().filter(|_| rules.errors).map(CachedPath::Error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::ffi::OsStrExt;
    use std::time::Duration;

    use super::*;

    const FOLLOW: OpenMode = OpenMode::Read(Links::FOLLOW);

    fn cache(max: u32) -> Cache {
        Cache::new(FileCache { max, inactive: Duration::from_secs(60) })
    }

    fn text(opened: &OpenedFile) -> String {
        use std::os::unix::fs::FileExt;
        let file = opened.file.as_ref().unwrap();
        let mut text = vec![0; 100];
        let n = file.read_at(&mut text, 0).unwrap();
        String::from_utf8(text[..n].to_vec()).unwrap()
    }

    #[test]
    fn an_old_file_is_kept_until_it_is_asked_for_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let name = path.as_os_str().as_bytes();
        let replace = |text: &str| {
            std::fs::write(directory.path().join("new"), text).unwrap();
            std::fs::rename(directory.path().join("new"), &path).unwrap();
        };
        let rules = Rules { valid: 10, min_uses: 1, errors: false };
        let mut cache = cache(10);
        replace("one");
        assert_eq!(text(&cache.open_at(name, rules, FOLLOW, 100).unwrap()), "one");
        replace("second");
        assert_eq!(text(&cache.open_at(name, rules, FOLLOW, 109).unwrap()), "one");
        let opened = cache.open_at(name, rules, FOLLOW, 110).unwrap();
        assert_eq!((text(&opened).as_str(), opened.info.size), ("second", 6));
        std::fs::remove_file(&path).unwrap();
        assert!(cache.open_at(name, rules, FOLLOW, 119).is_ok());
        assert!(cache.open_at(name, rules, FOLLOW, 120).is_err());
        assert!(cache.entries.is_empty() && cache.turns.is_empty());
    }

    #[test]
    fn what_is_not_used_often_is_not_kept_open() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"text").unwrap();
        let name = file.path().as_os_str().as_bytes();
        let rules = Rules { valid: 10, min_uses: 3, errors: false };
        let mut cache = cache(10);
        for (uses, is_kept) in [(1, false), (2, false), (3, true), (4, true)] {
            let opened = cache.open_at(name, rules, FOLLOW, 100).unwrap();
            // A file that is open already is shared.
            assert!(cache.entries[name].known().is_some(), "{uses}");
            drop(opened);
            assert_eq!(cache.entries[name].known().is_some(), is_kept, "{uses}");
        }
        let mut read = String::new();
        file.reopen().unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "text");
    }

    #[test]
    fn errors_are_kept_if_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let name = path.as_os_str().as_bytes();
        for errors in [false, true] {
            let _ = std::fs::remove_file(&path);
            let rules = Rules { valid: 10, min_uses: 1, errors };
            let mut cache = cache(10);
            assert_eq!(cache.open_at(name, rules, FOLLOW, 100).unwrap_err().raw_os_error(), Some(2));
            std::fs::write(&path, "a").unwrap();
            let second = cache.open_at(name, rules, FOLLOW, 101);
            assert_eq!(second.is_err(), errors);
            assert!(cache.open_at(name, rules, FOLLOW, 110).is_ok());
        }
    }

    #[test]
    fn the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let name = |n: u32| {
            let path = directory.path().join(n.to_string());
            std::fs::write(&path, "x").unwrap();
            path.as_os_str().as_bytes().to_vec()
        };
        let rules = Rules { valid: 1000, min_uses: 1, errors: false };
        let mut cache = cache(2);
        let open = |cache: &mut Cache, n, now| cache.open_at(&name(n), rules, FOLLOW, now).unwrap();
        for (n, now) in [(1, 100), (2, 101), (1, 102), (3, 103)] {
            open(&mut cache, n, now);
            assert!(cache.entries.len() <= 2 && cache.entries.len() == cache.turns.len());
        }
        assert!(cache.entries.contains_key(&name(1)[..]) && !cache.entries.contains_key(&name(2)[..]));
        // Inactive entries are removed with the next use.
        open(&mut cache, 3, 164);
        assert_eq!(cache.entries.len(), 1);
    }
}
