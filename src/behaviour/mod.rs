//! Behaviour of a configuration as data: cases and what is expected of them, what happens to a request, coverage; cases through a
//! server on loopback.

pub mod case;
pub mod coverage;
pub mod diff;
pub mod expect;
pub mod happened;
#[cfg(feature = "runtime")]
pub mod live;
pub mod logged;
pub mod outcome;
pub mod passed;
pub mod response;
pub mod witness;
pub mod write;
