//! The command line.

pub mod split;
