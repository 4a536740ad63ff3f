//! Unified diffs, as `git apply` and `patch -p1` take them.

use std::io::{self, Write};

/// Writes the difference of two texts of a file. The name of an absolute path goes without its first slash: a second slash
/// behind `a/` would not be taken by `git apply`; `patch -p1 -d /` takes the diff.
pub(super) fn write(name: &str, before: &[u8], after: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let name = name.trim_start_matches('/');
    let diff = similar::TextDiff::from_lines(before, after);
    diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_writer(out)
}
