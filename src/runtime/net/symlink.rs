//! Opening files where symbolic links may not lead just anywhere: `disable_symlinks` (`ngx_open_file_wrapper`).

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstat, fstatat};

use crate::model::content::LinkPolicy;
use crate::runtime::net::path::os;

/// The links that are followed on the way to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Links {
    policy: LinkPolicy,
    /// As many bytes of the path may have links of any kind.
    from: usize,
}

impl Links {
    /// All links are followed.
    #[cfg(test)]
    pub(crate) const FOLLOW: Self = Self { policy: LinkPolicy::Follow, from: 0 };

    /// The links that a policy follows; as many bytes of the path as `from` says may have links of any kind.
    pub(crate) fn new(policy: LinkPolicy, from: usize) -> Self {
        Self { policy, from }
    }

    /// The call that fails, for the log.
    pub(crate) fn call(self, followed: &'static str) -> &'static str {
        if self.policy == LinkPolicy::Follow { followed } else { "openat()" }
    }

    /// Opens a file for reading.
    pub(crate) fn open(self, path: &[u8]) -> io::Result<File> {
        // Without O_NONBLOCK a pipe would stop the worker.
        if self.policy == LinkPolicy::Follow {
            return OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(os(path));
        }
        Ok(self.walk(path)?.into())
    }

    /// Metadata of what a path leads to.
    pub(crate) fn metadata(self, path: &[u8]) -> io::Result<Metadata> {
        if self.policy == LinkPolicy::Follow {
            return std::fs::metadata(os(path));
        }
        File::from(self.walk(path)?).metadata()
    }

    /// Opens one part of the path after the other, so that no link can be put in between.
    fn walk(self, path: &[u8]) -> nix::Result<OwnedFd> {
        let search = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let start: &[u8] = if self.from > 0 { &path[..self.from] } else { b"/" };
        let mut at = nix::fcntl::open(os(start), search, Mode::empty())?;
        let mut parts = path[self.from..].split(|b| *b == b'/').filter(|part| !part.is_empty()).peekable();
        let read = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none() && !path.ends_with(b"/");
            at = self.step(&at, part, if is_last { read } else { search })?;
        }
        if path.ends_with(b"/") { openat(&at, ".", read, Mode::empty()) } else { Ok(at) }
    }

    fn step(self, at: &OwnedFd, part: &[u8], flags: OFlag) -> nix::Result<OwnedFd> {
        if self.policy == LinkPolicy::Refuse {
            let next = openat(at, os(part), flags | OFlag::O_NOFOLLOW, Mode::empty())?;
            // With O_PATH the link itself is opened.
            let kind = fstat(&next)?.st_mode & nix::libc::S_IFMT;
            return if kind == nix::libc::S_IFLNK { Err(Errno::ELOOP) } else { Ok(next) };
        }
        let next = openat(at, os(part), flags, Mode::empty())?;
        let named = fstatat(at.as_fd(), os(part), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        // A link may lead only to a file of the same owner (`ngx_openat_file_owner`).
        if fstat(&next)?.st_uid == named.st_uid { Ok(next) } else { Err(Errno::ELOOP) }
    }
}
