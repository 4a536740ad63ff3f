//! The state of loading: files so far, the includes that lead to the current one, and limits.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::options::LoadOptions;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Loader, Span};
use crate::syntax::configuration::Configuration;
use crate::syntax::error::SyntaxError;
use crate::syntax::yaml::Embedded;

/// Size of a file with its includes.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Deepest nesting, the file itself counted.
    pub(super) depth: usize,
    /// Number of inclusions, the file itself counted.
    pub(super) inclusions: u64,
}

pub(super) struct Load<'a> {
    pub(super) loader: &'a dyn Loader,
    pub(super) options: &'a LoadOptions,
    pub(super) prefix: PathBuf,
    pub(super) configuration: Configuration,
    pub(super) files: HashMap<PathBuf, FileId>,
    /// Sizes by file; that of an open file is provisional.
    pub(super) extents: Vec<Extent>,
    /// Files being read, the main file first.
    pub(super) open: Vec<FileId>,
    /// `include` directives that lead from each open file to the next.
    pub(super) chain: Vec<Span>,
    /// Limits already reported: a pattern may match a million files.
    pub(super) exceeded: Vec<&'static str>,
    /// First `include` of a file that a known text replaces, and the includes that lead to it.
    pub(super) first_stand_in: Option<(Span, Vec<Span>)>,
    /// The note about files beside the main file has been given.
    pub(super) has_said_beside: bool,
    /// Other configurations of a main file that is YAML, by their paths.
    pub(super) others: BTreeMap<PathBuf, Embedded>,
}

impl Load<'_> {
    pub(super) fn syntax_error(&mut self, mut error: SyntaxError) {
        error.diagnostic.includes.clone_from(&self.chain);
        self.configuration.diagnostics.push(error.diagnostic.clone());
        self.configuration.syntax_errors.push(error);
    }

    pub(super) fn report(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.includes.clone_from(&self.chain);
        self.configuration.diagnostics.push(diagnostic);
    }

    /// glob(3): byte order, empty without a match.
    pub(super) fn matches(&self, pattern: &Path) -> Vec<PathBuf> {
        let mut paths = self.loader.glob(pattern).unwrap_or_default();
        paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
        paths
    }
}
