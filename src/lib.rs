//! The nginx configuration compiler as a library.

pub mod source;
pub mod version;

pub mod diagnostic;
pub mod edit;

pub mod catalog;
pub mod syntax;

pub mod model;

pub mod eval;

pub mod compile;
pub mod lint;

pub mod runtime;

#[doc(hidden)]
pub mod cli;
