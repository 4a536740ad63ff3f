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
mod wording;
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
mod output;
mod peer;
mod protocols;
mod proxy;
mod rewrite;
mod server;
mod socket;
mod split_clients;
mod state;
mod stream;
mod unmodelled;
mod upstream;
mod virtual_server;

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
pub use output::{Compiled, Options};

use crate::diagnostic::{Class, Diagnostic, Level};
use crate::model::Config;
use crate::syntax::Configuration;

/// Compiles a configuration.
pub fn compile(configuration: &Configuration, options: &Options) -> Compiled {
    let mut cx = scope::Compiler::new(configuration, options, checks::RULES);
    core::configuration(&mut cx);
    finish(cx)
}

/// Checks of modules that had to wait until all names were known, in nginx's order.
const AT_END: &[scope::Merge] = &[
    pass::report_unported,
    names::report_stream_conflicts,
    socket::report_missing_certificates,
    charset::report_unmapped,
    names::report_conflicts,
    core::report_processes,
    core::report_pools,
    zone::report_undefined,
    value::report_undefined,
    hash::variables,
];

fn finish(mut cx: scope::Compiler<'_>) -> Compiled {
    for check in AT_END {
        check(&mut cx);
    }
    if let (1.., Some(first)) = (cx.dropped(), cx.diagnostics.first()) {
        let (message, span) = (format!("{} more findings are not shown", cx.dropped()), first.span);
        let class = Class::Configuration;
        cx.diagnostics.push(Diagnostic::new("too-many-findings", class, Level::Info, span, message));
    }
    let core = cx.core.take().unwrap_or_else(|| settings::core_defaults(cx.options.version));
    let same_since = cx.same_since();
    let [http_variables, stream_variables] = cx.variables;
    cx.http.variables = http_variables.list;
    if let Some(stream) = &mut cx.stream {
        stream.shared.variables = stream_variables.list;
    }
    let config = Config {
        version: cx.options.version,
        core,
        http: cx.http,
        stream: cx.stream,
        unsupported: cx.unsupported,
        embedded: std::collections::BTreeMap::new(),
    };
    Compiled { config, diagnostics: cx.diagnostics, files: cx.files, same_since }
}
