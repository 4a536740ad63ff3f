//! The nginx configuration compiler as a library.

pub mod source;
pub mod version;

pub mod diagnostic;
pub mod edit;

pub mod model;

pub mod eval;

pub mod runtime;
