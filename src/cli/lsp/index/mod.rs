//! Names that a configuration defines and uses: upstreams, zones, caches, log formats, named locations, variables.

mod occurrence;
mod table;
mod variable;

pub(super) use occurrence::{Key, Names, Occurrence};
pub(super) use table::{Argument, Kind, ROWS};
pub(super) use variable::used as variables_of;
