//! A request and all that is known of it: its client and connection, its reply, the plan of its location, its worker. What
//! a module notes of a request is plain data here; what the module does with it stays in the module.

pub(crate) mod ahead;
pub(crate) mod body;
pub(crate) mod body_file;
pub(crate) mod connection;
pub(crate) mod content_type;
pub(crate) mod cookies;
pub(crate) mod file;
pub(crate) mod filter;
pub(crate) mod flow;
pub(crate) mod limit;
pub(crate) mod mirror;
pub(crate) mod open_file;
pub(crate) mod peer;
pub(crate) mod plan;
pub(crate) mod referer;
pub(crate) mod reply;
pub(crate) mod scope;
pub(crate) mod script;
pub(crate) mod session;
pub(crate) mod sink;
pub(crate) mod ssi;
pub(crate) mod state;
pub(crate) mod subrequest;
pub(crate) mod uid;
pub(crate) mod variable;
pub(crate) mod worker;
pub(crate) mod write;
