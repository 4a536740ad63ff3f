//! Preview of `split_clients`: runs a population of requests through [`eval`](crate::eval) and counts.

pub mod lines;
pub mod log;
pub mod population;
pub mod report;
pub mod sample;

pub use population::{Clients, Error, Ports};
pub use report::Report;
pub use sample::Known;
