//! A number for each finding that stays the same in every run, also when lines above it move.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::cli::paths;
use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;

/// Fingerprints of one report: of equal findings each has its own.
#[derive(Default)]
pub(super) struct Fingerprints {
    counts: HashMap<u64, u32>,
    /// Places of files in their repositories, by the path they were read by.
    places: HashMap<PathBuf, PathBuf>,
}

impl Fingerprints {
    /// Path of a file in its repository, whatever way the path was typed; outside of any, relative to the working directory.
    fn place(&mut self, path: &Path) -> PathBuf {
        if let Some(known) = self.places.get(path) {
            return known.clone();
        }
        let identity = paths::identity(path);
        let root = identity.ancestors().skip(1).find(|directory| directory.join(".git").exists());
        let place = match root {
            Some(root) => identity.strip_prefix(root).unwrap_or(&identity).to_owned(),
            None => paths::relative(path, Path::new(".")),
        };
        self.places.insert(path.to_owned(), place.clone());
        place
    }

    /// That of the next finding: made of its name, its file and the words of its line. A message may name other lines,
    /// which move.
    pub(super) fn next(&mut self, sources: &SourceMap, finding: &Diagnostic) -> String {
        let file = sources.file(finding.span.file);
        let line = file.line(file.position(finding.span.start).line);
        let mut hash = Fnv::default();
        hash.add(finding.code.as_bytes());
        hash.add(self.place(&file.path).as_os_str().as_encoded_bytes());
        hash.add(&file.text[finding.span.range()]);
        line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).for_each(|word| hash.add(word));
        let count = self.counts.entry(hash.0).or_default();
        *count += 1;
        if *count > 1 {
            hash.add(&count.to_be_bytes());
        }
        format!("{:016x}", hash.0)
    }
}

/// FNV-1a: the same on every machine and for every version of the compiler.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Adds some bytes, and that they end.
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
