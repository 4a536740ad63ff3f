//! What the integration tests share.

mod config;
pub mod nginx;

pub use config::Builder;
