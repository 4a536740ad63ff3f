//! Sessions of `stream` (`src/stream` of nginx): a connection of TCP, or the datagrams of one UDP client.
//!
//! A session is a `Connection` and a `Request` without HTTP: so variables, `set`, `map`, limits, access rules, logs,
//! TLS, balancers and peers are those of HTTP. `request::session` has what a session has beyond a request.
//!
//! | file | what |
//! |---|---|
//! | `phases` | the life of a session: PROXY protocol, realip, limits, access, TLS, preread, content, log |
//! | `preread`, `hello` | the client's first bytes, which are read but not taken (`ssl_preread`) |
//! | `content` | `return` and `pass` |
//! | `proxy`, `connect` | `proxy_pass`: one peer after the other until one accepts |
//! | `relay`, `pipe` | bytes in both directions, with their rates and timeouts |
//! | `announce` | the PROXY protocol towards upstreams |
//! | `udp`, `udp_proxy`, `datagrams` | sessions of UDP |
//! | `variable` | the variables that HTTP does not have, or has otherwise |

pub(crate) mod announce;
pub(crate) mod connect;
pub(crate) mod content;
pub(crate) mod datagrams;
pub(crate) mod hello;
pub(crate) mod phases;
pub(crate) mod pipe;
pub(crate) mod preread;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod udp;
pub(crate) mod udp_proxy;
pub(crate) mod variable;
