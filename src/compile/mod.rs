//! Syntax to model: looks up every directive in the catalog, checks it, and merges its value.
//!
//! The order of checks is nginx's (`ngx_conf_handler`): name, context, block or semicolon, number of arguments, then
//! the directive's own checks. Unlike nginx the compiler goes on after an error.

mod block;
mod checks;
mod directive;
mod forgotten;
mod scope;

mod address;
mod argument;
mod regex;
mod settings;
mod value;
mod values;
mod zone;

mod core;
mod http;
mod listen;
mod location;
mod log;
mod log_target;
mod mail;
mod map;
mod method;
mod names;
mod peer;
mod protocols;
mod proxy;
mod rewrite;
mod server;
mod socket;
mod split_clients;
mod stream;
mod upstream;

mod access;
mod cache;
mod cached;
mod charset;
mod client;
mod content;
mod fastcgi;
mod files;
mod geo;
mod hash;
mod headers;
mod inherit;
mod limit;
mod older;
mod pass;
mod paths;
mod resolver;
mod rewrites;
mod sticky;
mod tls;
mod types;

pub mod fragment;
pub mod host;

pub use older::make_older;

use std::sync::Arc;

use crate::catalog::{Context, Declared};
use crate::diagnostic::{Diagnostic, Level};
use crate::model::Config;
use crate::syntax::Configuration;
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
    pub declared: Vec<Arc<Declared>>,
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
    pub files: Vec<host::File>,
    /// Oldest version with the same errors as the selected one, and the same model except for defaults: [`make_older`]
    /// makes that model.
    pub same_since: Version,
}

impl Compiled {
    /// True if nginx would start with the configuration.
    pub fn is_valid(&self) -> bool {
        self.diagnostics.iter().all(|d| d.level != Level::Error)
    }
}

/// Compiles a configuration.
pub fn compile(configuration: &Configuration, options: &Options) -> Compiled {
    let mut cx = scope::Compiler::new(configuration, options);
    core::configuration(&mut cx);
    cx.finish()
}
