//! Options and result of a compilation.

use std::sync::Arc;

use crate::catalog::{Context, DeclaredNames};
use crate::diagnostic::{Diagnostic, Level};
use crate::model::Config;
use crate::source::Span;
use crate::version::Version;

/// Options of a compilation: the nginx version, and the part of a configuration that a file is.
#[derive(Clone, Debug)]
pub struct Options {
    /// Version of nginx, which decides the existing directives and the defaults.
    pub version: Version,
    /// Blocks around the file, outermost first: empty for a whole configuration, `[Http, Server]` for a fragment that
    /// is included in a server.
    pub contexts: Vec<Context>,
    /// Directives of modules outside open-source nginx are errors unless a `load_module` may bring them, as in a real
    /// `nginx -t`.
    pub strict_modules: bool,
    /// Directives and variables of modules that only the user knows.
    pub declared: Vec<Arc<DeclaredNames>>,
}

impl Options {
    /// Options for a whole configuration and a version.
    pub fn new(version: Version) -> Self {
        Self { version, contexts: Vec::new(), strict_modules: false, declared: Vec::new() }
    }
}

/// Result of a compilation; the model is complete only if there is no error.
#[derive(Debug)]
pub struct Compiled {
    /// Model of the part of the configuration that could be understood.
    pub config: Config,
    /// Errors and warnings that nginx would report.
    pub diagnostics: Vec<Diagnostic>,
    /// Files that nginx opens when it reads the configuration, except includes and files that nginx creates.
    pub files: Vec<File>,
    /// Oldest version with the same errors as the selected one, and the same model except for defaults: [`make_older`](super::make_older)
    /// makes that model.
    pub same_since: Version,
}

impl Compiled {
    /// True if nginx would start with the configuration.
    pub fn is_valid(&self) -> bool {
        self.diagnostics.iter().all(|d| d.level != Level::Error)
    }
}

/// File that a directive names and that nginx opens at load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Name of the directive.
    pub directive: &'static str,
    /// Name of the file as written.
    pub name: String,
    /// Place of the name.
    pub span: Span,
}
