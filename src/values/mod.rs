//! What a text with variables can be at a place of a configuration: `set`, `map`, groups of patterns and nginx's own
//! variables followed in the order in which nginx executes, each with the reason.
//!
//! The blocks are taken as they are written ([`levels`]), because the model does not hold every directive.

pub(crate) mod fragment;
pub(crate) mod levels;
pub(crate) mod pattern;
mod rows;
mod shape;
pub(crate) mod sources;
pub(crate) mod text;

pub(crate) use rows::{Open, Part, Row, chosen_host, host_name, rows, url};
pub use shape::{Reason, Shape, at};

use crate::model::Config;
use levels::Levels;

/// A configuration: the model, and the blocks as they are written.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) config: &'a Config,
    pub(crate) levels: &'a Levels<'a>,
}
