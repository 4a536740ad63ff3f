//! Previews by [`eval`](crate::eval): the shares of `split_clients` for a population of requests, and the route of one
//! request.

pub mod lines;
pub mod parallel;
pub mod sample;

mod error;
mod keys;
mod population;
mod ports;
mod read;
mod sweep;

pub mod compare;
pub mod report;
pub mod statistics;

pub mod facts;
pub mod imagined;
pub mod walk;

pub use error::Error;
pub use population::{Clients, MAX_KEYS};
pub use ports::Ports;
pub use read::{run_keys, run_log};
pub use report::Report;
pub use sample::Known;
