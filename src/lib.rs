//! The nginx configuration compiler as a library.

pub mod source;

pub mod diagnostic;
pub mod edit;

pub mod syntax;
