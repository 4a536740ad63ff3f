//! Logs and key lists: files, plain or gzip, or standard input, with a progress bar on a terminal.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use crate::simulate::lines;

/// A file of this size takes about a second.
const LARGE: u64 = 256 << 20;

/// Opens a file; `-` is standard input.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return lines::decompressed(io::stdin());
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size < LARGE || !io::stderr().is_terminal() {
        return lines::decompressed(file);
    }
    lines::decompressed(indicatif::ProgressBar::new(size).wrap_read(file))
}
