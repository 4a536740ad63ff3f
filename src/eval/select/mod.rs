//! Which server and which location take a request.
//!
//! 1. The runtime binds each of [`Router::sockets`]; [`Router::address`] says which address a connection came in on.
//! 2. [`host::normalize`] turns the Host header or the request line's host into a name.
//! 3. [`Router::server`] chooses the server of the address, [`Router::location`] the location of the server.

use std::sync::Arc;

use super::regex::{Captures, CompileError, MatchError};
use crate::model::{Config, Location};

pub mod address;
pub mod host;
pub mod location;

pub use address::{Address, AddressId, Socket};
pub use location::{Choice, LocationId};

/// A server of a configuration: its position in [`Http::servers`](crate::model::Http::servers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u32);

/// The sockets, servers and locations of a configuration prepared for choosing.
#[derive(Debug)]
pub struct Router {
    config: Arc<Config>,
    addresses: Vec<Address>,
    sockets: Vec<Socket>,
    locations: location::Index,
}

impl Router {
    /// Prepares a configuration.
    ///
    /// # Errors
    /// If a regular expression of a server name or location does not compile.
    pub fn new(config: Arc<Config>) -> Result<Self, CompileError> {
        let (addresses, sockets) = address::group(&config)?;
        let locations = location::Index::new(&config)?;
        Ok(Self { config, addresses, sockets, locations })
    }

    /// The sockets to bind.
    pub fn sockets(&self) -> &[Socket] {
        &self.sockets
    }

    /// The address of an id.
    pub fn listen(&self, id: AddressId) -> &Address {
        &self.addresses[id.0 as usize]
    }

    /// The address that a connection accepted by a socket came in on; `local` is the connection's own address and
    /// is asked for only if the socket serves several (`ngx_http_init_connection`).
    pub fn address(&self, socket: usize, local: impl FnOnce() -> Option<std::net::IpAddr>) -> AddressId {
        let socket = &self.sockets[socket];
        let Some((&wildcard, exact)) = socket.addresses.split_last() else { return AddressId(0) };
        if exact.is_empty() {
            return wildcard;
        }
        let Some(local) = local() else { return wildcard };
        exact.iter().copied().find(|id| self.listen(*id).ip() == Some(local)).unwrap_or(wildcard)
    }

    /// The server of an address for a name made by [`host::normalize`], with what its regular expression captured
    /// (`ngx_http_find_virtual_server`). An empty name is a request without Host.
    ///
    /// # Errors
    /// If matching was given up: nginx closes the connection.
    pub fn server(
        &self,
        address: AddressId,
        name: &[u8],
    ) -> Result<(ServerId, Option<Captures>), MatchError> {
        self.listen(address).server(name)
    }

    /// The location of a server for a decoded and normalized URI without arguments.
    ///
    /// # Errors
    /// If matching was given up: nginx answers 500.
    pub fn location(&self, server: ServerId, uri: &[u8]) -> Result<Choice, MatchError> {
        self.locations.find(server, uri)
    }

    /// The location `@name`, with the `@`.
    pub fn named(&self, server: ServerId, name: &str) -> Option<LocationId> {
        self.locations.named(server, name)
    }

    /// The location of an id.
    pub fn get(&self, id: LocationId) -> &Location {
        self.locations.get(&self.config, id)
    }

    /// How many locations there are: ids are below it, `if` and `limit_except` included.
    pub fn location_count(&self) -> usize {
        self.locations.len()
    }

    /// The block at a position of a location's `inner`.
    pub fn inner(&self, outer: LocationId, position: usize) -> Option<LocationId> {
        self.locations.inner(Some(outer), ServerId(0), position)
    }

    /// The block at a position of a server's `locations`.
    pub fn outermost(&self, server: ServerId, position: usize) -> Option<LocationId> {
        self.locations.inner(None, server, position)
    }
}
