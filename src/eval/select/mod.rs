//! Choice of the server and the location of a request.
//!
//! 1. The runtime binds each of [`Router::sockets`]; [`Router::address`] gives the address of a connection.
//! 2. [`host::normalize`] turns the Host header or the request line's host into a name.
//! 3. [`Router::server`] chooses the server of the address, [`Router::location`] the location of the server.

use std::sync::Arc;

use super::regex::{Captures, CompileError, MatchError};
use crate::model::{Config, Location};

pub mod address;
pub mod host;
pub mod location;
pub mod trace;

pub use address::{Address, AddressId, Socket};
pub use location::{Choice, LocationId};
pub use trace::{LocationStep, ServerStep};

/// Id of a server: its position in [`Http::servers`](crate::model::Http::servers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u32);

/// Sockets, servers and locations of a configuration, prepared for the choice.
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

    /// Sockets to bind.
    pub fn sockets(&self) -> &[Socket] {
        &self.sockets
    }

    /// Address of an id.
    pub fn listen(&self, id: AddressId) -> &Address {
        &self.addresses[id.0 as usize]
    }

    /// Address of a connection that a socket accepted; `local` is the connection's own address, needed only if the
    /// socket has several (`ngx_http_init_connection`).
    pub fn address(&self, socket: usize, local: impl FnOnce() -> Option<std::net::IpAddr>) -> AddressId {
        let socket = &self.sockets[socket];
        let Some((&wildcard, exact)) = socket.addresses.split_last() else { return AddressId(0) };
        if exact.is_empty() {
            return wildcard;
        }
        let Some(local) = local() else { return wildcard };
        exact.iter().copied().find(|id| self.listen(*id).ip() == Some(local)).unwrap_or(wildcard)
    }

    /// Server of an address for a name made by [`host::normalize`], with the captures of its regular expression
    /// (`ngx_http_find_virtual_server`). An empty name is a request without Host.
    ///
    /// # Errors
    /// If PCRE2 gave up a match: nginx closes the connection.
    pub fn server(
        &self,
        address: AddressId,
        name: &[u8],
    ) -> Result<(ServerId, Option<Captures>), MatchError> {
        self.listen(address).server(name, &mut ())
    }

    /// Server as by [`Router::server`], with a trace of each step.
    ///
    /// # Errors
    /// Those of [`Router::server`].
    pub fn trace_server(
        &self,
        address: AddressId,
        name: &[u8],
        steps: &mut Vec<ServerStep>,
    ) -> Result<(ServerId, Option<Captures>), MatchError> {
        self.listen(address).server(name, steps)
    }

    /// Location in a server for a decoded and normalized URI without arguments.
    ///
    /// # Errors
    /// If PCRE2 gave up a match: nginx answers 500.
    pub fn location(&self, server: ServerId, uri: &[u8]) -> Result<Choice, MatchError> {
        self.locations.find(server, uri, &mut ())
    }

    /// Location as by [`Router::location`], with a trace of each step.
    ///
    /// # Errors
    /// Those of [`Router::location`].
    pub fn trace_location(
        &self,
        server: ServerId,
        uri: &[u8],
        steps: &mut Vec<LocationStep>,
    ) -> Result<Choice, MatchError> {
        self.locations.find(server, uri, steps)
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Addresses in source order.
    pub fn addresses(&self) -> impl Iterator<Item = (AddressId, &Address)> {
        self.addresses.iter().enumerate().map(|(i, address)| (AddressId(i as u32), address))
    }

    /// Path of a location in the model: its server, its position in `locations` and those in `inner`.
    pub fn path(&self, id: LocationId) -> (ServerId, &[u32]) {
        self.locations.path(id)
    }

    /// Location `@name`, with the `@`.
    pub fn named(&self, server: ServerId, name: &str) -> Option<LocationId> {
        self.locations.named(server, name)
    }

    /// Location of an id.
    pub fn get(&self, id: LocationId) -> &Location {
        self.locations.get(&self.config, id)
    }

    /// Number of locations, `if` and `limit_except` included; ids are below it.
    pub fn location_count(&self) -> usize {
        self.locations.len()
    }

    /// Block at a position of a location's `inner`.
    pub fn inner(&self, outer: LocationId, position: usize) -> Option<LocationId> {
        self.locations.inner(Some(outer), ServerId(0), position)
    }

    /// Block at a position of a server's `locations`.
    pub fn outermost(&self, server: ServerId, position: usize) -> Option<LocationId> {
        self.locations.inner(None, server, position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::Builder;
    use crate::model::{Endpoint, LocationKind};
    use crate::version::Version;

    fn builder() -> Builder {
        Builder::new(Version::new(1, 31, 5))
    }

    #[test]
    fn sockets_and_addresses() {
        let mut b = builder();
        b.server(&["127.0.0.1:80", "127.0.0.2:80 bind", "[::]:80", "unix:/run/a"], &[""], vec![]);
        b.server(&["0.0.0.0:80", "127.0.0.1:81", "[::1]:80", "127.0.0.1:80 default ssl"], &["x"], vec![]);
        let router = Router::new(b.build()).unwrap();
        let name = |id: &AddressId| match &router.listen(*id).listen.endpoint {
            Endpoint::Inet(address) => address.to_string(),
            other => other.to_string().replace("unix:unix:", "unix:"),
        };
        let sockets: Vec<String> = router
            .sockets()
            .iter()
            .map(|s| s.addresses.iter().map(name).collect::<Vec<_>>().join(" "))
            .collect();
        let expected =
            ["127.0.0.2:80", "127.0.0.1:80 0.0.0.0:80", "[::1]:80 [::]:80", "unix:/run/a", "127.0.0.1:81"];
        assert_eq!(sockets, expected);
        let local = |ip: &str| router.address(1, || ip.parse().ok());
        assert_eq!(name(&local("127.0.0.1")), "127.0.0.1:80");
        assert_eq!(name(&local("127.0.0.9")), "0.0.0.0:80");
        assert_eq!(name(&router.address(0, || panic!("not asked for"))), "127.0.0.2:80");
        let address = router.listen(local("127.0.0.1"));
        assert_eq!((address.default_server, address.listen.ssl), (ServerId(1), true));
        assert_eq!(router.listen(local("127.0.0.9")).default_server, ServerId(1));
    }

    #[test]
    fn servers() {
        let mut b = builder();
        b.variable("sub", crate::model::VariableSource::Capture);
        let at = ["127.0.0.1:80"];
        let servers: [&[&str]; 9] = [
            &["first.example"],
            &["example.com"],
            &["*.example.com"],
            &["www.*"],
            &["~^(?<sub>[a-z]+)\\.re\\.net$"],
            &["~^A.*$"],
            &[".example.org", "example.com"],
            &[""],
            &["~^.*\\.re\\.net$"],
        ];
        for names in servers {
            b.server(&at, names, vec![]);
        }
        let config = b.build();
        let sub = config.http.variables.find("sub").unwrap();
        let router = Router::new(config).unwrap();
        let cases: &[(&str, u32)] = &[
            ("first.example", 0),
            ("example.com", 1),
            ("a.b.example.com", 2),
            ("www.example.com", 2),
            ("www.elsewhere", 3),
            ("x.re.net", 4),
            ("1.re.net", 8),
            ("abc", 5),
            ("example.org", 6),
            ("a.example.org", 6),
            ("", 7),
            ("unknown", 0),
        ];
        for (host, expected) in cases {
            let (server, captures) = router.server(AddressId(0), host.as_bytes()).unwrap();
            assert_eq!(server, ServerId(*expected), "{host}");
            let text = captures.and_then(|c| c.named().next().map(|(id, v)| (id, v.to_vec())));
            assert_eq!(text, (*host == "x.re.net").then(|| (sub, b"x".to_vec())), "{host}");
        }
    }

    /// Head of the location as written.
    fn written(location: &Location) -> String {
        match &location.kind {
            LocationKind::Exact(uri) => format!("= {}", String::from_utf8_lossy(uri)),
            LocationKind::Prefix { uri, .. } => String::from_utf8_lossy(uri).into_owned(),
            LocationKind::Regex { pattern, .. } => format!("~ {pattern}"),
            other => format!("{other:?}"),
        }
    }

    /// tests/it/simulate.rs compares these cases with nginx.
    #[test]
    fn locations() {
        let mut b = builder();
        let l = |text: &str, inner: Vec<Location>| b.location(text, inner);
        let locations = vec![
            l("/", vec![]),
            l("= /", vec![]),
            l("/a", vec![l("/ab", vec![l("~ \\.deep$", vec![])]), l("~ \\.inner$", vec![])]),
            l("^~ /static/", vec![l("~ \\.png$", vec![])]),
            l("~ \\.(png|gif)$", vec![l("/a/", vec![])]),
            l("~* \\.JPG$", vec![]),
            l("= /exact", vec![]),
            l("/exactly", vec![]),
            l("/dir/ pass", vec![]),
            l("/dir-x", vec![]),
            l("/user", vec![]),
            l("/user/ pass", vec![]),
            l("@named", vec![]),
            l("if", vec![]),
        ];
        b.server(&["127.0.0.1:80"], &[""], locations);
        let router = Router::new(b.build()).unwrap();
        let cases = [
            ("/", "= /", 0),
            ("/x", "/", 0),
            ("/a", "/a", 0),
            ("/abc", "/ab", 0),
            ("/abc.deep", "~ \\.deep$", 0),
            ("/abc.inner", "~ \\.inner$", 0),
            ("/abc.png", "~ \\.(png|gif)$", 1),
            ("/a/b.gif", "/a/", 1),
            ("/static/x.png", "~ \\.png$", 0),
            ("/static/x.gif", "/static/", 0),
            ("/x.jpg", "~ \\.JPG$", 0),
            ("/x.png", "~ \\.(png|gif)$", 1),
            ("/exact", "= /exact", 0),
            ("/exact2", "/", 0),
            ("/exactly2", "/exactly", 0),
            ("/dir", "/dir/ 301", 0),
            ("/dir-xy", "/dir-x", 0),
            ("/dir/x", "/dir/", 0),
            ("/user", "/user", 0),
            ("", "", 0),
        ];
        for (uri, expected, captures) in cases {
            let choice = router.location(ServerId(0), uri.as_bytes()).unwrap();
            let mut got = choice.location.map_or(String::new(), |id| written(router.get(id)));
            if choice.redirect {
                got.push_str(" 301");
            }
            assert_eq!(got, expected, "{uri}");
            let groups = choice.captures.iter().filter(|c| c.get(1).is_some()).count();
            assert_eq!(groups, captures, "{uri}");
        }
        assert!(router.named(ServerId(0), "@named").is_some());
        assert!(router.named(ServerId(0), "@other").is_none());
        let outermost = router.outermost(ServerId(0), 2).unwrap();
        assert_eq!(written(router.get(outermost)), "/a");
        assert_eq!(written(router.get(router.inner(outermost, 0).unwrap())), "/ab");
    }
}
