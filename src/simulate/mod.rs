//! Preview of `split_clients`: runs a population of requests through [`eval`](crate::eval) and counts.

pub mod lines;
pub mod sample;

mod keys;
pub mod population;
mod sweep;

pub mod compare;
pub mod report;
pub mod statistics;

pub use population::{Clients, Error, Ports};
pub use report::Report;
pub use sample::Known;
