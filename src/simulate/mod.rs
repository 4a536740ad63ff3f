//! Previews by [`eval`](crate::eval): the shares of `split_clients` for a population of requests, and the route of one
//! request.
//!
//! The route of one request, as `ngxc show` prints it:
//!
//! ```
//! use std::sync::Arc;
//!
//! use ngxc::simulate::imagined::DescribedRequest;
//! use ngxc::simulate::walk::{End, RoutingConfiguration};
//! use ngxc::{compile, source::Memory, syntax};
//!
//! let files = Memory::default().with(
//!     "nginx.conf",
//!     "events {} http { server { listen 80; server_name a.test; location /api/ { return 204; } } }",
//! );
//! let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default())?;
//! let options = compile::Options::new(ngxc::catalog::NEWEST);
//! let ground = RoutingConfiguration::new(Arc::new(compile::compile(&configuration, &options).config))?;
//! let (address, _) = ground.router.addresses().next().ok_or("no server listens")?;
//!
//! let request = DescribedRequest::new(&ground.router, address, "a.test", "/api/users").map_err(|_| "no host")?;
//! let route = ground.walk(&request)?;
//! let location = ground.router.get(route.location.ok_or("the server itself answers")?);
//! assert_eq!(configuration.sources.text(location.span), b"location /api/");
//! assert!(matches!(route.end, End::Answer(_, 204, _)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The shares of a `split_clients` for all clients of a network, as `ngxc split` counts them:
//!
//! ```
//! use std::sync::Arc;
//!
//! use ngxc::eval::Program;
//! use ngxc::simulate::{Clients, Ports};
//! use ngxc::{compile, source::Memory, syntax};
//!
//! let files = Memory::default().with(
//!     "nginx.conf",
//!     "events {} http { split_clients $remote_addr $source { 25% 10.0.0.1; * 10.0.0.2; } }",
//! );
//! let configuration = syntax::load(&files, "nginx.conf".as_ref(), &syntax::LoadOptions::default())?;
//! let options = compile::Options::new(ngxc::catalog::NEWEST);
//! let program = Program::new(Arc::new(compile::compile(&configuration, &options).config))?;
//!
//! let clients = Clients::new(vec!["192.0.2.0/24".parse()?], Ports::default(), None)?;
//! let report = clients.run(&program, 0)?;
//! assert_eq!((report.total(), report.none), (256, 0));
//! assert!((48..80).contains(&report.observed[0]), "a quarter of 256 keys, more or less");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
pub use sample::ValueSource;
