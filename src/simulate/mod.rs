//! Previews by [`eval`](crate::eval): the shares of `split_clients`, for a population of requests that is counted, and
//! the way of one request.

pub mod log;
pub mod population;
pub mod report;
pub mod sample;

pub mod imagined;
pub mod walk;

pub use population::{Clients, Error, Ports};
pub use report::Report;
pub use sample::Known;
