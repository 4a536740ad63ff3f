//! Bytes of a response that wait for the client: in memory first, then in a temporary file
//! (`ngx_event_pipe_write_chain_to_temp_file`).

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::rc::Rc;

use crate::runtime::net::buffer::{Buffer, HEADROOM, SIZE};
use crate::runtime::net::log::errno;
use crate::runtime::request::body_file::BodyFile;
use crate::runtime::request::worker::Worker;

/// Bytes that are read back from a file at a time: two of `output_buffers`, as nginx sends them.
const PIECE: u64 = 32 << 10;

enum Piece {
    /// A buffer as it was read, for a client that takes it at once.
    Whole(Buffer),
    Memory(Vec<u8>),
    /// A range of the temporary file.
    Spooled(u64, u64),
    /// A range of the copy for the cache.
    Kept(Rc<File>, u64, u64),
}

/// Place of temporary files.
pub(super) struct Place {
    pub(super) directory: PathBuf,
    pub(super) levels: Vec<usize>,
}

/// The bytes, in their order.
pub(crate) struct Spool {
    pieces: VecDeque<Piece>,
    /// Bytes in memory, and the highest number of them.
    in_memory: usize,
    most_in_memory: usize,
    place: Place,
    file: Option<BodyFile>,
    /// `proxy_max_temp_file_size`
    most_in_file: u64,
    /// Bytes that are read back from a file at a time.
    piece: u64,
    /// Range of the temporary file with the rest of a write, and the end of what was taken of it.
    aside: Option<(u64, u64)>,
    taken_until: u64,
}

impl Spool {
    /// `is_framed`: the client takes frames, which are shorter than buffers.
    pub(super) fn new(most_in_memory: usize, most_in_file: u64, place: Place, is_framed: bool) -> Self {
        let piece = if is_framed { SIZE as u64 } else { PIECE };
        Self {
            pieces: VecDeque::new(),
            in_memory: 0,
            most_in_memory,
            place,
            file: None,
            most_in_file,
            piece,
            aside: None,
            taken_until: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes that may be added at once; 0: none before the client takes some. `is_kept`: the cache's copy has them too.
    pub(super) fn room(&self, is_kept: bool) -> usize {
        let has_file = is_kept || self.file.as_ref().map_or(0, BodyFile::len) < self.most_in_file;
        if has_file { usize::MAX } else { self.most_in_memory.saturating_sub(self.in_memory) }
    }

    /// Adds a buffer that the client is to get at once.
    pub(super) fn pass(&mut self, buffer: Buffer) {
        self.pieces.push_back(Piece::Whole(buffer));
    }

    /// Adds bytes; `kept` has their place in the cache's copy. The path of a temporary file that was made for them.
    ///
    /// # Errors
    /// The temporary file cannot be written: a message for the error log. The bytes stay in memory, and no more go to a
    /// file.
    pub(super) fn add(
        &mut self,
        data: &[u8],
        kept: Option<(Rc<File>, u64, u64)>,
        worker: &Worker,
    ) -> Result<Option<PathBuf>, String> {
        if data.is_empty() {
            return Ok(None);
        }
        if self.in_memory + data.len() <= self.most_in_memory && !self.is_in_file() {
            self.remember(data);
            return Ok(None);
        }
        if let Some((file, from, to)) = kept {
            match self.pieces.back_mut() {
                Some(Piece::Kept(_, _, end)) if *end == from => *end = to,
                _ => self.pieces.push_back(Piece::Kept(file, from, to)),
            }
            return Ok(None);
        }
        if self.file.as_ref().map_or(0, BodyFile::len) >= self.most_in_file {
            self.remember(data);
            return Ok(None);
        }
        self.write(data, worker).inspect_err(|_| {
            self.most_in_file = 0;
            self.remember(data);
        })
    }

    /// The last bytes are in a file, so those behind them go there too.
    fn is_in_file(&self) -> bool {
        matches!(self.pieces.back(), Some(Piece::Spooled(..) | Piece::Kept(..)))
    }

    fn remember(&mut self, data: &[u8]) {
        self.in_memory += data.len();
        match self.pieces.back_mut() {
            Some(Piece::Memory(bytes)) => bytes.extend_from_slice(data),
            _ => self.pieces.push_back(Piece::Memory(data.to_vec())),
        }
    }

    /// Writes bytes to the file, before them those of the end of the list that are in memory.
    fn write(&mut self, data: &[u8], worker: &Worker) -> Result<Option<PathBuf>, String> {
        let mut made = None;
        if self.file.is_none() {
            let Place { directory, levels } = &self.place;
            let file = BodyFile::create(directory.clone(), levels, worker.next_temporary(), false);
            let file = file.map_err(|error| {
                format!("open() of a temporary file in \"{}\" failed{}", directory.display(), errno(&error))
            })?;
            made = Some(file.os_path().to_owned());
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        let from = file.len();
        let before: &[u8] = match self.pieces.back() {
            Some(Piece::Memory(bytes)) => bytes,
            _ => b"",
        };
        let written = file.append(&[before, data].concat());
        written.map_err(|error| format!("write() to a temporary file failed{}", errno(&error)))?;
        if !before.is_empty() {
            self.in_memory -= before.len();
            self.pieces.pop_back();
        }
        let to = file.len();
        match self.pieces.back_mut() {
            Some(Piece::Spooled(_, end)) if *end == from => *end = to,
            _ => self.pieces.push_back(Piece::Spooled(from, to)),
        }
        Ok(made)
    }

    /// Takes the next bytes for the client.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn take(&mut self, worker: &Worker) -> io::Result<Option<Buffer>> {
        let Some(first) = self.pieces.pop_front() else { return Ok(None) };
        let piece = self.piece;
        let read = |file: &dyn Fn(&mut [u8], u64) -> io::Result<()>, from, to: u64| {
            let to = to.min(from + piece);
            let buffers = &worker.buffers;
            let mut buffer = if piece > SIZE as u64 { buffers.take_large() } else { buffers.take() };
            let length = (to - from) as usize;
            file(&mut buffer.room()[..length], from)?;
            buffer.end = HEADROOM + length;
            io::Result::Ok((buffer, to))
        };
        Ok(Some(match first {
            Piece::Whole(buffer) => buffer,
            Piece::Memory(bytes) => {
                self.in_memory -= bytes.len();
                let mut buffer = worker.buffers.take_large();
                buffer.append(&bytes);
                buffer
            }
            Piece::Spooled(from, to) => {
                let Some(file) = &self.file else { return Ok(None) };
                let (buffer, at) = read(&|out, at| file.read_all(out, at), from, to)?;
                if at < to {
                    self.pieces.push_front(Piece::Spooled(at, to));
                }
                buffer
            }
            Piece::Kept(file, from, to) => {
                let (buffer, at) = read(&|out, at| file.read_exact_at(out, at), from, to)?;
                if at < to {
                    self.pieces.push_front(Piece::Kept(file, at, to));
                }
                buffer
            }
        }))
    }

    /// Puts the rest of a write into the temporary file, if there is one; false if it has to stay in memory.
    pub(super) fn set_aside(&mut self, data: &[u8]) -> bool {
        let Some(file) = self.file.as_mut().filter(|_| self.most_in_file > 0) else { return false };
        let from = file.len();
        let is_kept = file.append(data).is_ok();
        self.aside = is_kept.then(|| (from, file.len()));
        is_kept
    }

    /// Takes the next bytes that were set aside.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn take_aside(&mut self, worker: &Worker) -> io::Result<Option<Buffer>> {
        let (Some((from, to)), Some(file)) = (self.aside, &self.file) else { return Ok(None) };
        let length = (to - from).min(PIECE) as usize;
        let mut buffer = worker.buffers.take_large();
        file.read_all(&mut buffer.room()[..length], from)?;
        buffer.end = HEADROOM + length;
        self.aside = Some((from + length as u64, to)).filter(|(from, to)| from < to);
        self.taken_until = from + length as u64;
        Ok(Some(buffer))
    }

    /// Gives back the last bytes of those that were taken.
    pub(super) fn give_back(&mut self, length: usize) {
        if length > 0 {
            let to = self.aside.map_or(self.taken_until, |(_, to)| to);
            self.aside = Some((self.taken_until - length as u64, to));
        }
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.in_memory = 0;
        self.file = None;
    }
}
