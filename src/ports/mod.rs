//! Source ports: what a configuration needs of them, what a host has, and what each remedy buys.
//!
//! `host` says which ports there are and for how long each is held; `flow` finds in the configuration who connects
//! from where to where and whether connections are used again; `capacity` is the arithmetic; `plan` applies it to a
//! load and to remedies. `trace` reads an access log and `replay`
//! runs it through the model. `doctor` joins that with logs (`error_log`, `signal`, `access_log`), `sockets` and `counters`.

pub mod host;
pub mod sysctl;

pub mod flow;
pub mod session;
pub mod sources;

pub mod capacity;
pub mod change;
pub mod plan;
pub mod pool;

pub mod idle;
pub mod nat;
pub mod upgrade;

pub mod access_log;
pub mod replay;
pub mod trace;

pub mod addresses;
pub mod counters;
pub mod dates;
pub mod error_log;
pub mod signal;
pub mod sockets;

pub mod doctor;

pub use capacity::{Capacity, Load, Setup};
pub use flow::{Flow, flows};
pub use host::{Fact, Host};
