//! Source text: the files a configuration is made of, places in them, and the only way to open them.
//!
//! Text is bytes, as nginx reads it: a comment in latin-1 is not an error.

mod disk;
pub mod encoding;
mod glob;
mod loader;
mod map;
mod memory;
mod path;
mod pattern;
pub mod shipped;

pub use disk::{Disk, put_back};
pub use loader::{Loader, MAX_FILE_SIZE};
pub use map::{FileId, Position, SourceFile, SourceMap, Span};
pub use memory::Memory;
pub use path::os_path;

/// True if a name matches a pattern of `*`, `?` and `[…]` with the rules of fnmatch(3) without flags: the wildcards
/// match slashes and dots too.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    pattern::matches_any(pattern, name)
}
