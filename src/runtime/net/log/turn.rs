//! Access lines of one turn of a worker's event loop, written together before it waits.
//!
//! nginx writes each line by itself, also those of requests that it answers in the same turn. Here a line is in the
//! file when the worker has nothing left to do, or its client's connection is closed, whichever is first.

use std::cell::RefCell;
use std::sync::Arc;

use crate::runtime::net::log::Sink;

/// No more than this in one write: several workers may write to one pipe, which keeps up to so many bytes together
/// (`PIPE_BUF`).
const MOST: usize = 4096;

/// Lines that are written when the thread ends, at the latest.
#[derive(Default)]
struct Lines(Vec<(Arc<Sink>, Vec<u8>)>);

thread_local! {
    static LINES: RefCell<Lines> = RefCell::default();
}

impl Lines {
    fn add(&mut self, sink: &Arc<Sink>, line: &[u8]) {
        let at = self.0.iter().position(|(other, _)| Arc::ptr_eq(other, sink));
        let at = at.unwrap_or_else(|| {
            self.0.push((Arc::clone(sink), Vec::with_capacity(MOST)));
            self.0.len() - 1
        });
        let lines = &mut self.0[at].1;
        if lines.len() + line.len() > MOST {
            sink.write(lines, None);
            lines.clear();
        }
        lines.extend_from_slice(line);
    }

    fn write(&mut self) {
        for (sink, lines) in self.0.iter_mut().filter(|(_, lines)| !lines.is_empty()) {
            sink.write(lines, None);
            lines.clear();
        }
        // Logs of a previous configuration are not kept open.
        self.0.retain(|(sink, _)| Arc::strong_count(sink) > 1);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.write();
    }
}

/// Takes a line with its line feed; `write` follows in the same turn.
pub(crate) fn add(sink: &Arc<Sink>, line: &[u8]) {
    LINES.with_borrow_mut(|lines| lines.add(sink, line));
}

/// Writes what the turn has collected.
pub(crate) fn write() {
    LINES.with_borrow_mut(Lines::write);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::log::LogTarget;
    use crate::runtime::net::log::Files;

    fn sink(files: &Files) -> Arc<Sink> {
        files.open(&LogTarget::File("access.log".to_owned()), None).unwrap().unwrap()
    }

    #[test]
    fn lines_are_whole_and_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let files = Files::new(directory.path(), None);
        let (mut lines, sink) = (Lines::default(), sink(&files));
        let numbered: Vec<String> = (0..1000).map(|n| format!("line {n}\n")).collect();
        for line in &numbered {
            lines.add(&sink, line.as_bytes());
        }
        let written = fs::metadata(&path).unwrap().len();
        assert!(written > 0 && fs::read(&path).unwrap().ends_with(b"\n"));
        assert!(written < numbered.concat().len() as u64);
        let long = "x".repeat(3 * MOST);
        lines.add(&sink, long.as_bytes());
        lines.write();
        assert_eq!(fs::read_to_string(&path).unwrap(), numbered.concat() + &long);
    }

    #[test]
    fn a_thread_that_ends_writes_its_lines() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::new(directory.path(), None);
        let sink = sink(&files);
        std::thread::spawn(move || add(&sink, b"last\n")).join().unwrap();
        assert_eq!(fs::read_to_string(directory.path().join("access.log")).unwrap(), "last\n");
    }

    #[test]
    fn files_of_a_configuration_that_is_gone_are_closed() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::new(directory.path(), None);
        let (mut lines, sink) = (Lines::default(), sink(&files));
        lines.add(&sink, b"a\n");
        drop((files, sink));
        lines.write();
        assert!(lines.0.is_empty());
        assert_eq!(fs::read_to_string(directory.path().join("access.log")).unwrap(), "a\n");
    }
}
