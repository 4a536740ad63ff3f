//! Facts about the world outside of a configuration that decide the route of a request: files, responses of upstreams,
//! passwords.

use std::collections::{BTreeSet, HashMap};

/// Facts about the outside, stated by the user. A missing fact ends the route at the step that needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Files that exist; `None`: unknown.
    pub files: Option<Files>,
    /// Response of the upstream; `None`: unknown.
    pub upstream: Option<Response>,
    /// The upstream gave no response: its status is that of nginx's own.
    pub has_failed: bool,
    /// Status of the response to `auth_request`.
    pub auth_request: Option<u16>,
    /// User whose name and password `auth_basic` accepts.
    pub user: Option<String>,
    /// Length of the request's body in bytes.
    pub body: Option<u64>,
    /// Values of variables that nothing else decides, by name without `$`.
    pub variables: HashMap<String, Vec<u8>>,
}

/// Response of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Status of the response.
    pub status: u16,
    /// Headers of the response.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Kind of a fact, for a message that names the missing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The files that exist.
    Files,
    /// The upstream's response.
    Upstream,
    /// The response to `auth_request`.
    AuthRequest,
    /// The user of `auth_basic`.
    User,
    /// The client's address.
    Client,
}

impl Fact {
    /// The fact in words.
    pub fn name(self) -> &'static str {
        match self {
            Fact::Files => "the files that exist",
            Fact::Upstream => "the upstream's response",
            Fact::AuthRequest => "the response to `auth_request`",
            Fact::User => "the user of `auth_basic`",
            Fact::Client => "the client's address",
        }
    }
}

/// Kind of a path that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// Paths that exist: the stated files, and the directories around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    regular: BTreeSet<Vec<u8>>,
    directories: BTreeSet<Vec<u8>>,
    /// Every path exists: with a slash at its end a directory, else a file.
    all: bool,
}

impl Files {
    /// The files of these paths; a path with a slash at its end is a directory. Relative paths are relative to nginx's
    /// prefix, as in the configuration.
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let mut all = Self::default();
        for path in paths {
            let clean = clean(path);
            for (at, _) in clean.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
                all.directories.insert(clean[..at].to_vec());
            }
            if path.ends_with(b"/") {
                all.directories.insert(clean);
            } else {
                all.regular.insert(clean);
            }
        }
        all
    }

    /// Every path exists: with a slash at its end it is a directory, else a file.
    pub fn all() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Kind of a path; `None` if it does not exist.
    pub fn kind(&self, path: &[u8]) -> Option<Kind> {
        if self.all {
            return Some(if path.ends_with(b"/") { Kind::Directory } else { Kind::File });
        }
        let clean = clean(path);
        if self.directories.contains(&clean) {
            return Some(Kind::Directory);
        }
        // A file has nothing below it: `stat` of `file/` fails.
        (!path.ends_with(b"/") && self.regular.contains(&clean)).then_some(Kind::File)
    }

    /// Paths of the files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &[u8]> {
        self.regular.iter().map(Vec::as_slice)
    }

    /// Paths of the directories, in order; an outer one comes before an inner one.
    pub fn directories(&self) -> impl Iterator<Item = &[u8]> {
        self.directories.iter().map(Vec::as_slice)
    }
}

/// A path with single slashes, and without `.` segments and a slash at its end.
pub fn clean(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    if path.starts_with(b"/") {
        out.push(b'/');
    }
    for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
        if out.last().is_some_and(|byte| *byte != b'/') {
            out.push(b'/');
        }
        out.extend_from_slice(part);
    }
    if out == b"/" { Vec::new() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_the_directories_around_them() {
        let files = Files::new([&b"/var/www/a.html"[..], b"html//b", b"/srv/empty/"]);
        for (path, expected) in [
            ("/var/www/a.html", Some(Kind::File)),
            ("/var/www//a.html", Some(Kind::File)),
            ("/var/www/a.html/", None),
            ("/var/www/", Some(Kind::Directory)),
            ("/var", Some(Kind::Directory)),
            ("/", Some(Kind::Directory)),
            ("html/b", Some(Kind::File)),
            ("html", Some(Kind::Directory)),
            ("/srv/empty", Some(Kind::Directory)),
            ("/var/www/b", None),
        ] {
            assert_eq!(files.kind(path.as_bytes()), expected, "{path}");
        }
    }
}
