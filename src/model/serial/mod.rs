//! How the model is stored: text as text where a person reads it, groups of settings once however many levels
//! share them.

pub(super) mod nested;
pub(super) mod shared;
pub(super) mod table;
pub(super) mod text;
pub(super) mod word;

pub use shared::{load, store};
