//! Requests as access logs have them: which fields of a `log_format` say what, and the request that they make.

mod counter;
mod hash;
mod judge;
mod reader;
mod request;

pub use counter::{Counter, Time};
pub use judge::Counts;
pub use reader::Reader;
pub use request::Logged;
