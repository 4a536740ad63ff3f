//! The catalog: every directive and variable that nginx knows, as static tables made from `grammar/` at build time.
//!
//! A new directive is one entry in a file under `grammar/directives/`; nothing here changes.

mod context;
mod declared;
mod directive;
mod variable;

mod change;
mod lookup;
mod release;

pub use change::{Change, ChangeKind};
pub use context::{Context, Contexts};
pub use declared::DeclaredNames;
pub use directive::{
    Arity, Body, Directive, Duplicate, Inheritance, Kind, ObsoleteWord, OldDefault, Runtime, Tier,
};
pub use lookup::{
    by_id, closest, directives, in_context, is_module, may_define, module_of_prefix, suggest,
    suggest_variable, variable,
};
pub use release::{Release, release};
pub use tables::{CHANGES, DIRECTIVES, NEWEST, RELEASES, RELEASES_DATE, VARIABLES};
pub use variable::{Subsystem, Variable};

#[allow(clippy::all, clippy::pedantic, unreachable_pub, missing_docs, reason = "made by grammar/build.rs")]
mod tables {
    use super::*;
    use crate::version::Version;

    include!(concat!(env!("OUT_DIR"), "/catalog.rs"));
}
