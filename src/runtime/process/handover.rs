//! Handover from the master to a worker process, which opens nothing itself: the compiled configuration in memory, listening
//! sockets, logs, addresses of peers, and the account to change to.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::{Gid, Uid};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use serde::{Deserialize, Serialize};

use crate::model::Endpoint;
use crate::runtime::net::log::Files;
use crate::runtime::process::channel::Message;
use crate::runtime::server::listener::Listener;
use crate::runtime::server::start::account::Account;
use crate::runtime::upstream::peer::{Address, Resolved};

/// The text of a message that hands a configuration over; its descriptors are, in this order: the compiled file, the
/// listening sockets, the logs, the socket of `--metrics`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Name of the process.
    pub(crate) name: String,
    /// The worker process goes on without its master.
    pub(crate) stays: bool,
    pub(crate) improve: bool,
    prefix: Vec<u8>,
    listeners: Vec<Endpoint>,
    logs: Vec<Vec<u8>>,
    has_metrics: bool,
    account: Option<(String, u32, u32)>,
    peers: Vec<Vec<(usize, Endpoint, String)>>,
}

/// A handover on the side of the master, borrowed.
pub(crate) struct HandoverParts<'p> {
    pub(crate) name: &'p str,
    pub(crate) stays: bool,
    /// The process is a daemon: it has no terminal.
    pub(crate) is_daemon: bool,
    pub(crate) improve: bool,
    pub(crate) prefix: &'p Path,
    pub(crate) site: &'p OwnedFd,
    pub(crate) listeners: &'p [(Endpoint, Listener)],
    pub(crate) files: &'p Files,
    pub(crate) metrics: Option<&'p TcpListener>,
    pub(crate) account: Option<&'p Account>,
    pub(crate) peers: &'p [Vec<(usize, Resolved)>],
}

/// A handover on the side of the worker process, owned.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) head: Head,
    pub(crate) site: File,
    pub(crate) listeners: Vec<(Endpoint, Listener)>,
    pub(crate) logs: HashMap<PathBuf, Arc<File>>,
    pub(crate) metrics: Option<TcpListener>,
}

/// A sealed file in memory.
///
/// # Errors
/// There is no memory, or the kernel has no such files.
pub(crate) fn in_memory(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = memfd_create("configuration", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file.into())
}

/// The bytes of such a file; its position, which several processes share, stays as it is.
///
/// # Errors
/// Those of reading.
pub(crate) fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Hands everything to `send`, as a text and descriptors.
///
/// # Errors
/// Those of `send`.
pub(crate) fn give<T>(
    parts: &HandoverParts<'_>,
    send: impl FnOnce(&[u8], &[BorrowedFd<'_>]) -> io::Result<T>,
) -> io::Result<T> {
    let logs = parts.files.opened();
    let peer = |(at, (address, name)): &(usize, Resolved)| {
        let endpoint = match address {
            Address::Inet(address) => Endpoint::Inet(*address),
            Address::Unix(path) => Endpoint::Unix(path.to_string_lossy().into_owned()),
        };
        (*at, endpoint, name.clone())
    };
    let head = Head {
        name: parts.name.to_owned(),
        stays: parts.stays,
        improve: parts.improve,
        prefix: parts.prefix.as_os_str().as_bytes().to_vec(),
        listeners: parts.listeners.iter().map(|(endpoint, _)| endpoint.clone()).collect(),
        logs: logs.iter().map(|(path, _)| path.as_os_str().as_bytes().to_vec()).collect(),
        has_metrics: parts.metrics.is_some(),
        account: parts.account.map(|a| (a.name.clone(), a.uid.as_raw(), a.gid.as_raw())),
        peers: parts.peers.iter().map(|peers| peers.iter().map(peer).collect()).collect(),
    };
    let text = postcard::to_stdvec(&head).map_err(io::Error::other)?;
    let mut descriptors = vec![parts.site.as_fd()];
    descriptors.extend(parts.listeners.iter().map(|(_, listener)| listener.as_fd()));
    descriptors.extend(logs.iter().map(|(_, file)| file.as_fd()));
    descriptors.extend(parts.metrics.map(AsFd::as_fd));
    send(&text, &descriptors)
}

/// The handover of a message; `None` if a part is missing.
pub(crate) fn take(message: Message) -> Option<Handover> {
    let head: Head = postcard::from_bytes(&message.text).ok()?;
    let mut descriptors = message.descriptors.into_iter();
    let site = File::from(descriptors.next()?);
    let listener = |(at, fd): (&Endpoint, OwnedFd)| match at {
        Endpoint::Unix(_) => (at.clone(), Listener::of(fd, true)),
        Endpoint::Inet(_) | Endpoint::Name(..) => (at.clone(), Listener::of(fd, false)),
    };
    let listeners: Vec<_> = head.listeners.iter().zip(&mut descriptors).map(listener).collect();
    let files = paths(&head.logs);
    let logs = files.into_iter().zip(&mut descriptors).map(|(path, fd)| (path, Arc::new(File::from(fd))));
    let logs: HashMap<_, _> = logs.collect();
    let metrics = if head.has_metrics { Some(TcpListener::from(descriptors.next()?)) } else { None };
    let is_whole = listeners.len() == head.listeners.len() && logs.len() == head.logs.len();
    is_whole.then_some(Handover { head, site, listeners, logs, metrics })
}

fn paths(names: &[Vec<u8>]) -> Vec<PathBuf> {
    names.iter().map(|name| PathBuf::from(OsString::from_vec(name.clone()))).collect()
}

/// Logs as a text and descriptors, for [`taken_logs`].
///
/// # Errors
/// Those of `send`.
pub(crate) fn give_logs<T>(
    files: &Files,
    send: impl FnOnce(&[u8], &[BorrowedFd<'_>]) -> io::Result<T>,
) -> io::Result<T> {
    let logs = files.opened();
    let names: Vec<&[u8]> = logs.iter().map(|(path, _)| path.as_os_str().as_bytes()).collect();
    let descriptors: Vec<_> = logs.iter().map(|(_, file)| file.as_fd()).collect();
    send(&postcard::to_stdvec(&names).map_err(io::Error::other)?, &descriptors)
}

/// The logs of such a message.
pub(crate) fn taken_logs(message: Message) -> HashMap<PathBuf, Arc<File>> {
    let names: Vec<Vec<u8>> = postcard::from_bytes(&message.text).unwrap_or_default();
    let files = message.descriptors.into_iter().map(|fd| Arc::new(File::from(fd)));
    paths(&names).into_iter().zip(files).collect()
}

impl Head {
    /// The directory that relative paths belong to.
    pub(crate) fn prefix(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.prefix.clone()))
    }

    /// Whom the process has to become.
    pub(crate) fn account(&self) -> Option<Account> {
        let (name, uid, gid) = self.account.clone()?;
        Some(Account { name, uid: Uid::from_raw(uid), gid: Gid::from_raw(gid) })
    }

    /// The addresses of all peers.
    pub(crate) fn peers(&self) -> Vec<Vec<(usize, Resolved)>> {
        let peer = |(at, endpoint, name): &(usize, Endpoint, String)| {
            let address = match endpoint {
                Endpoint::Inet(address) => Address::Inet(*address),
                Endpoint::Unix(path) => Address::Unix(path.into()),
                // The master sends none.
                Endpoint::Name(..) => return None,
            };
            Some((*at, (address, name.clone())))
        };
        self.peers.iter().map(|peers| peers.iter().filter_map(peer).collect()).collect()
    }
}
