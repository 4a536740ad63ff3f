//! glob(3) of the GNU C library without flags and in the C locale, as `ngx_open_glob` calls it: names are bytes, the
//! result is in byte order, an unreadable directory matches nothing.

use super::pattern;

/// Directories that a pattern is matched against.
pub(super) trait Directories {
    /// Names in a directory, `.` and `..` included; none if the directory is unreadable. With `directories`, names that
    /// certainly are not directories may be left out.
    fn names(&self, directory: &[u8], directories: bool) -> Vec<Vec<u8>>;

    /// True if the path exists; a dangling link does.
    fn exists(&self, path: &[u8]) -> bool;

    /// True if the path is a directory, links followed.
    fn is_directory(&self, path: &[u8]) -> bool;
}

/// Paths that match a pattern, in byte order.
pub(super) fn glob(directories: &dyn Directories, pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut paths = unsorted(directories, pattern, false);
    paths.sort();
    paths
}

fn unsorted(directories: &dyn Directories, pattern: &[u8], only_directories: bool) -> Vec<Vec<u8>> {
    let Some(slash) = memchr::memrchr(b'/', pattern) else {
        return within(directories, b".", pattern, only_directories);
    };
    let (before, name) = (&pattern[..slash], &pattern[slash + 1..]);
    if before.is_empty() || before == b"\\" {
        return joined(b"/", within(directories, b"/", name, only_directories));
    }
    if name.is_empty() && before.len() > 1 {
        // A pattern may end with any number of slashes; the path gets one.
        let mut inner = unescaped_end(before);
        while inner.len() > 1 && inner.ends_with(b"/") {
            inner = unescaped_end(&inner[..inner.len() - 1]);
        }
        let mut paths = unsorted(directories, inner, true);
        for path in paths.iter_mut().filter(|path| directories.is_directory(path)) {
            path.push(b'/');
        }
        return paths;
    }
    if !is_magic(before) {
        let directory = without_escapes(before);
        return joined(&directory, within(directories, &directory, name, only_directories));
    }
    let parents = unsorted(directories, unescaped_end(before), true);
    parents
        .iter()
        .flat_map(|parent| joined(parent, within(directories, parent, name, only_directories)))
        .collect()
}

/// Names in one directory that match a pattern without a slash.
fn within(
    directories: &dyn Directories,
    directory: &[u8],
    name: &[u8],
    only_directories: bool,
) -> Vec<Vec<u8>> {
    if name.iter().any(|b| b"*?[\\".contains(b)) {
        let names = directories.names(directory, only_directories);
        return names.into_iter().filter(|found| pattern::matches(name, found)).collect();
    }
    let path = [directory, b"/", name].concat();
    if directories.exists(&path) { vec![name.to_owned()] } else { Vec::new() }
}

fn joined(directory: &[u8], names: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let directory = if directory == b"/" { b"" } else { directory };
    names.into_iter().map(|name| [directory, b"/", &name].concat()).collect()
}

/// True if a pattern has wildcards: `*`, `?` or a bracket that closes, none of them escaped.
fn is_magic(pattern: &[u8]) -> bool {
    let mut is_open = false;
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' => return true,
            b'\\' => {
                bytes.next();
            }
            b'[' => is_open = true,
            b']' if is_open => return true,
            _ => {}
        }
    }
    false
}

/// Drops a backslash before a slash: it escapes nothing.
fn unescaped_end(pattern: &[u8]) -> &[u8] {
    let backslashes = pattern.iter().rev().take_while(|&&b| b == b'\\').count();
    &pattern[..pattern.len() - backslashes % 2]
}

fn without_escapes(pattern: &[u8]) -> Vec<u8> {
    let mut bytes = pattern.iter();
    let mut plain = Vec::with_capacity(pattern.len());
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            _ => plain.push(byte),
        }
    }
    plain
}
