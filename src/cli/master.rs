//! Masters of nginx that run on this host, and the configuration file that each has read.

use std::cmp::Reverse;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Largest executable that is searched.
const MAX_EXECUTABLE: u64 = 256 << 20;

/// The title of a master begins like this; behind it is its command line.
const TITLE: &str = "nginx: master process ";

/// The master that has read a file: the one whose options, working directory and mount namespace lead to it; of several
/// the one that started last.
pub(super) fn of_file(file: &Path) -> Option<u32> {
    let wanted = fs::metadata(file).ok()?;
    let masters = all().filter(|(pid, title)| {
        let Some(place) = configuration(*pid, title) else { return false };
        match fs::metadata(place.seen_from_here(*pid)) {
            Ok(found) => (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()),
            // Another account's: its path says it, if it is not in a container.
            Err(_) => place.is_absolute() && !is_in_container(*pid) && is_same(&place.path(), file),
        }
    });
    masters.map(|(pid, _)| pid).min_by_key(|pid| Reverse(field(*pid, 22)))
}

fn is_same(path: &Path, file: &Path) -> bool {
    path.canonicalize().ok().zip(file.canonicalize().ok()).is_some_and(|(a, b)| a == b)
}

/// Every master of this host, with the command line in its title.
pub(super) fn all() -> impl Iterator<Item = (u32, String)> {
    processes().filter_map(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        Some((pid, line.strip_prefix(TITLE)?.to_owned()))
    })
}

/// Every process of this host.
pub(super) fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A number of `/proc/PID/stat`, whose second word may have spaces in it.
pub(super) fn field(pid: u32, number: usize) -> Option<i64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(number - 3)?.parse().ok()
}

/// The bytes of the executable of a process, which is not run.
pub(super) fn executable(pid: u32) -> Option<Vec<u8>> {
    let path = format!("/proc/{pid}/exe");
    if fs::metadata(&path).ok()?.len() > MAX_EXECUTABLE {
        return None;
    }
    fs::read(path).ok()
}

/// True if a process has another number in its own namespace of processes than here.
fn is_in_container(pid: u32) -> bool {
    let numbers = |pid: &str| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        line.map_or(0, |line| line.split_ascii_whitespace().count())
    };
    numbers(&pid.to_string()) > numbers("self")
}

/// A configuration file as a process names it: relative to `-p`, which is relative to its working directory.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    prefix: PathBuf,
    file: PathBuf,
}

impl Place {
    fn path(&self) -> PathBuf {
        self.prefix.join(&self.file)
    }

    fn is_absolute(&self) -> bool {
        self.path().is_absolute()
    }

    /// The file through `/proc`, which leads into the process's mount namespace.
    fn seen_from_here(&self, pid: u32) -> PathBuf {
        let path = self.path();
        match path.strip_prefix("/") {
            Ok(below) => Path::new(&format!("/proc/{pid}/root")).join(below),
            Err(_) => Path::new(&format!("/proc/{pid}/cwd")).join(path),
        }
    }
}

fn configuration(pid: u32, title: &str) -> Option<Place> {
    let (file, prefix) = (option(title, 'c'), option(title, 'p'));
    if let (Some(file), Some(prefix)) = (file, prefix) {
        return Some(Place { prefix: prefix.into(), file: file.into() });
    }
    if let Some(file) = file.filter(|file| file.starts_with('/')) {
        return Some(Place { prefix: PathBuf::new(), file: file.into() });
    }
    let built = executable(pid)?;
    let prefix = prefix.map_or_else(|| argument(&built, "--prefix=", "/usr/local/nginx"), str::to_owned);
    let file = file.map_or_else(|| argument(&built, "--conf-path=", "conf/nginx.conf"), str::to_owned);
    Some(Place { prefix: prefix.into(), file: file.into() })
}

/// The value of an option of the command line, `-c FILE` or `-cFILE`; the last one counts.
fn option(title: &str, name: char) -> Option<&str> {
    let mut found = None;
    let mut words = title.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let Some(flags) = word.strip_prefix('-') else { continue };
        // Other flags may stand before it, those without a value.
        let Some((at, flag)) = flags.char_indices().find(|(_, c)| matches!(c, 'c' | 'p' | 'e' | 'g' | 's'))
        else {
            continue;
        };
        let value = &flags[at + 1..];
        let value = if value.is_empty() { words.next() } else { Some(value) };
        if flag == name {
            found = value;
        }
    }
    found
}

/// An argument of `configure` out of an executable.
fn argument(executable: &[u8], name: &str, default: &str) -> String {
    let found = memchr::memmem::find(executable, name.as_bytes()).and_then(|at| {
        let text = &executable[at + name.len()..];
        let end = text.iter().position(|b| *b == 0 || b.is_ascii_whitespace())?;
        std::str::from_utf8(&text[..end]).ok()
    });
    found.filter(|value| !value.is_empty()).unwrap_or(default).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_master() {
        let cases = [
            ("nginx", None, None),
            ("/usr/sbin/nginx -g daemon off;", None, None),
            ("nginx -p /x -c nginx.conf", Some("nginx.conf"), Some("/x")),
            ("nginx -c/a/b.conf -p.", Some("/a/b.conf"), Some(".")),
            ("nginx -qc a.conf -e error.log -g pid c;", Some("a.conf"), None),
            ("nginx -c a -c b", Some("b"), None),
        ];
        for (title, file, prefix) in cases {
            assert_eq!((option(title, 'c'), option(title, 'p')), (file, prefix), "{title}");
        }
    }

    #[test]
    fn places_of_a_configuration() {
        let place = |prefix: &str, file: &str| Place { prefix: prefix.into(), file: file.into() };
        assert_eq!(place("/x", "nginx.conf").seen_from_here(7), Path::new("/proc/7/root/x/nginx.conf"));
        assert_eq!(place("x", "nginx.conf").seen_from_here(7), Path::new("/proc/7/cwd/x/nginx.conf"));
        assert_eq!(place("x", "/etc/nginx.conf").seen_from_here(7), Path::new("/proc/7/root/etc/nginx.conf"));
        let built = b"\0configure arguments: --with-cc-opt='-g' --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf\0";
        assert_eq!(argument(built, "--conf-path=", "x"), "/etc/nginx/nginx.conf");
        assert_eq!(argument(built, "--pid-path=", "x"), "x");
        assert_eq!(of_file(Path::new("/proc/self/status")), None);
    }
}
