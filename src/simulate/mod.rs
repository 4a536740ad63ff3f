//! Previews by [`eval`](crate::eval): the shares of `split_clients`, for a population of requests that is counted, and
//! the way of one request.

pub mod lines;
pub mod sample;

mod keys;
pub mod population;
mod sweep;

pub mod compare;
pub mod report;
pub mod statistics;

pub mod imagined;
pub mod walk;

pub use population::{Clients, Error, Ports};
pub use report::Report;
pub use sample::Known;
