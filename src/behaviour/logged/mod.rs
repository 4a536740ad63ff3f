//! Requests as access logs have them: which fields of a `log_format` say what, and the request that they make.

mod counter;
mod hash;
mod judge;
mod reader;

pub use counter::{Counter, Counts, Time};
pub use reader::{Logged, Reader};
