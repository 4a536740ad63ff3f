//! An access log that grows: the requests to each peer since this program began to look.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::ports::trace::Trace;

/// Bytes that are read at one look; what is more is left out.
const MOST: u64 = 64 << 20;

/// The log and how far it was read.
pub(super) struct Follower {
    path: PathBuf,
    trace: Trace,
    /// Device, inode and offset; `None`: the file is not there.
    place: Option<(u64, u64, u64)>,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
    /// Connections that requests wanted, by the peer as the log names it.
    pub(super) requests: BTreeMap<String, u64>,
}

impl Follower {
    /// From the end of the log as it is now.
    pub(super) fn new(path: PathBuf, trace: Trace) -> Self {
        let place = fs::metadata(&path).ok().map(|meta| (meta.dev(), meta.ino(), meta.len()));
        Self { path, trace, place, rest: Vec::new(), requests: BTreeMap::new() }
    }

    /// Takes in what was written since. A log that was replaced or emptied is read from its beginning.
    pub(super) fn read(&mut self) {
        let Ok(mut file) = File::open(&self.path) else { return };
        let Ok(meta) = file.metadata() else { return };
        let offset = match self.place {
            Some((device, inode, offset))
                if (device, inode) == (meta.dev(), meta.ino()) && offset <= meta.len() =>
            {
                offset
            }
            _ => {
                self.rest.clear();
                0
            }
        };
        let from = if meta.len() - offset > MOST {
            // The line in whose middle this is, is no line of the format.
            self.rest.clear();
            meta.len() - MOST
        } else {
            offset
        };
        let mut text = std::mem::take(&mut self.rest);
        let read = file.seek(SeekFrom::Start(from)).and_then(|_| file.take(MOST).read_to_end(&mut text));
        let Ok(read) = read else { return };
        self.place = Some((meta.dev(), meta.ino(), from + read as u64));
        let end = memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1);
        self.rest = text.split_off(end);
        self.rest.truncate(1 << 20);
        for line in text.split(|b| *b == b'\n') {
            self.trace.add(line);
        }
        for request in self.trace.requests.drain(..) {
            let peer = &self.trace.destinations[request.destination as usize];
            match self.requests.get_mut(peer) {
                Some(count) => *count += 1,
                None => {
                    self.requests.insert(peer.clone(), 1);
                }
            }
        }
    }
}
