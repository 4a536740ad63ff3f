//! Storage of the model: readable text is stored as text, and a group of settings is stored once for all levels that
//! share it.

pub(super) mod nested;
pub(super) mod shared;
pub(super) mod table;
pub(super) mod text;
pub(super) mod word;

pub use shared::{load, store};
