//! Syntax to model: looks every directive up in the catalog, checks it, and merges what it says.
//!
//! The order of checks is nginx's (`ngx_conf_handler`): name, context, block or semicolon, number of
//! arguments, then what the directive itself demands. Unlike nginx it goes on after an error.

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

use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, Level};
use crate::model::Config;
use crate::syntax::Configuration;
use crate::version::Version;

/// For which nginx, and how much of a configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides which directives exist and which defaults hold.
    pub version: Version,
    /// The blocks that would enclose the file, outermost first: empty for a whole configuration,
    /// `[Http, Server]` for a fragment that is included in a server.
    pub contexts: Vec<Context>,
    /// Directives of modules that open-source nginx does not have are errors unless a `load_module` may bring
    /// them: what a real `nginx -t` would say.
    pub strict_modules: bool,
}

impl Options {
    /// A whole configuration for a version.
    pub fn new(version: Version) -> Self {
        Self { version, contexts: Vec::new(), strict_modules: false }
    }
}

/// What came of a compilation; the model is complete only if there is no error.
#[derive(Debug)]
pub struct Compiled {
    /// The model, of all that could be understood.
    pub config: Config,
    /// What nginx would refuse or warn about.
    pub diagnostics: Vec<Diagnostic>,
    /// Files that nginx opens when it reads the configuration, besides what it includes and what it creates.
    pub files: Vec<host::File>,
    /// The oldest version for which it is valid or not as for the selected one, and of the same model but for
    /// defaults: [`make_older`] makes that.
    pub same_since: Version,
}

impl Compiled {
    /// Whether nginx would start with it.
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
