//! The nginx configuration compiler as a library.
//!
//! ```text
//! files ─ Loader ► source ─ syntax::load ► tree ─ compile ► model::Config ─► lint, simulate, ports, runtime
//! ```
//!
//! ```
//! use ngxc::{compile, lint, source::Memory, syntax};
//!
//! let files = Memory::default().with("nginx.conf", "events {} http { include app.conf; }")
//!     .with("app.conf", "upstream app { server 10.0.0.1; } server { location / { proxy_pass http://app; } }");
//! let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default())?;
//! let options = compile::Options::new(ngxc::catalog::NEWEST);
//! let compiled = compile::compile(&configuration, &options);
//! assert!(compiled.is_valid());
//! let rules: Vec<_> = lint::RULES.iter().copied().filter(|rule| rule.recommended).collect();
//! assert!(lint::lint(&configuration, &compiled.config, &rules).is_empty());
//! # Ok::<(), syntax::LoadError>(())
//! ```
//!
//! [`simulate`] has examples that route one request and count the shares of a `split_clients`.
//!
//! Features: `cli` is the program, `runtime` executes a configuration; without both this is the library of parser, catalog,
//! compiler, linter, evaluation, previews and the plan of ports. `runtime` and `cli` are on by default.
//!
//! The modules in reading order; ARCHITECTURE.md has the allowed imports.

pub mod source;
pub mod version;

pub mod diagnostic;
pub mod edit;

pub mod catalog;
pub mod syntax;

pub mod model;

pub mod compile;
pub mod eval;

pub mod reuse;
pub mod values;

pub mod lint;
pub mod ports;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod settings;
pub mod simulate;

pub mod behaviour;

pub mod site;

#[cfg(feature = "cli")]
pub mod cli;
