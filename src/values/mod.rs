//! Possible values of a text with variables at a place of a configuration: `set`, `map`, groups of patterns and nginx's own
//! variables followed in the order in which nginx executes, each with the reason.
//!
//! The blocks are taken as they are written ([`levels`]), because the model does not hold every directive.

mod builtin;
pub(crate) mod codes;
pub(crate) mod condition;
mod facts;
pub(crate) mod fragment;
pub(crate) mod groups;
pub(crate) mod levels;
mod matches;
mod part;
pub(crate) mod pattern;
mod rows;
mod sets;
mod shape;
pub(crate) mod sources;
mod tables;
pub(crate) mod text;
mod uri;
mod url;
mod view;
mod words;

pub(crate) use facts::is_filled;
pub(crate) use part::{Open, Row, ValuePart};
pub(crate) use rows::{can_have, replacement, rows, rows_at};
pub use shape::{Reason, Shape, at};
pub(crate) use url::{chosen_host, host_name, url};
pub(crate) use view::View;
