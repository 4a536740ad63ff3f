//! Steps with every connection to a peer that nginx does not have: the improvements of `ngxc run --improve`, and the
//! ledger. Off, both cost a comparison.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use nix::libc;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SetUsize;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::model::proxy::Bind;
use crate::model::{ComplexValue, Config, Segment, VariableSource};
use crate::runtime::net::ledger::{ConnectFailure, UpstreamLedger, WorkerLedger};
use crate::runtime::net::stream::Stream;
use crate::runtime::upstream::peer::{self, Address, ConnectError, Local};

const IP_LOCAL_PORT_RANGE: libc::c_int = 51;

/// The kernel's constant is not in `nix`, its macro for socket options is.
#[derive(Clone, Copy, Debug)]
struct LocalPortRange;

nix::setsockopt_impl!(LocalPortRange, libc::IPPROTO_IP, IP_LOCAL_PORT_RANGE, usize, SetUsize);

/// From port 1 to port 65535: the kernel cuts it to the range of the network namespace. What counts is that the socket
/// has a range of its own, for then `connect()` does not try one parity first.
const ALL_PORTS: usize = 0xffff << 16 | 1;

/// True if the kernel lets a socket have a range of its own (Linux 6.3).
pub fn has_port_range() -> bool {
    Socket::new(Domain::IPV4, Type::STREAM, None).is_ok_and(|socket| set_range(&socket).is_ok())
}

fn set_range(socket: &impl AsFd) -> nix::Result<()> {
    setsockopt(socket, LocalPortRange, &ALL_PORTS)
}

/// Improvements and ledger of a worker.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// `--improve`
    pub(crate) improve: bool,
    pub(crate) ledger: Option<Arc<WorkerLedger>>,
    /// By the position of the `split_clients`; empty if neither of the two is on.
    splits: Vec<Vec<Value>>,
}

/// A value that `split_clients` can give.
#[derive(Debug)]
struct Value {
    text: Box<[u8]>,
    address: Option<SocketAddr>,
    given: Option<Arc<AtomicU64>>,
}

impl Outgoing {
    pub(crate) fn new(config: &Config, improve: bool, ledger: Option<Arc<WorkerLedger>>) -> Self {
        let mut splits: Vec<Vec<Value>> = Vec::new();
        if improve || ledger.is_some() {
            splits.resize_with(config.http.split_clients.len(), Vec::new);
            for (_, location) in config.http.locations() {
                let Bind::Value { value, .. } = &location.settings.proxy.bind.value else { continue };
                let Some((position, variable)) = split(config, value) else { continue };
                if splits[position].is_empty() {
                    let buckets = &config.http.split_clients[position].buckets;
                    let values = buckets.iter().map(|bucket| Value {
                        text: bucket.value.clone(),
                        address: peer::parse_local(&bucket.value),
                        given: ledger
                            .as_ref()
                            .map(|l| l.value(variable, &String::from_utf8_lossy(&bucket.value))),
                    });
                    splits[position] = values.collect();
                }
            }
        }
        Self { improve, ledger, splits }
    }

    /// The line of an upstream, if there is a ledger.
    pub(crate) fn upstream(&self, name: &str) -> Option<Arc<UpstreamLedger>> {
        self.ledger.as_ref().map(|ledger| ledger.upstream(name))
    }

    /// Connects a socket that is otherwise ready.
    pub(crate) fn connect(&self, socket: &Socket, to: &SockAddr) -> io::Result<()> {
        if self.improve && !to.is_unix() {
            // Older kernels do not know it; that was said at start.
            let _ = set_range(socket);
        }
        let Some(ledger) = &self.ledger else { return socket.connect(to) };
        let begun = Instant::now();
        let connected = socket.connect(to);
        ledger.syscall(begun.elapsed());
        connected
    }

    /// Counts a value that was given to `proxy_bind`.
    pub(crate) fn given(&self, config: &Config, value: &ComplexValue, text: &[u8]) {
        if self.ledger.is_none() {
            return;
        }
        let values = split(config, value).and_then(|(position, _)| self.splits.get(position));
        let found = values.and_then(|values| values.iter().find(|v| *v.text == *text));
        if let Some(given) = found.and_then(|value| value.given.as_ref()) {
            given.fetch_add(1, Relaxed);
        }
    }

    /// The source to try after the last one of `tried` had no port left: the next value of the same `split_clients`.
    pub(crate) fn next_source(
        &self,
        config: &Config,
        bind: &Bind,
        tried: &[Option<SocketAddr>],
    ) -> Option<Local> {
        let Bind::Value { value, transparent } = bind else { return None };
        if !self.improve {
            return None;
        }
        let values = self.splits.get(split(config, value)?.0)?;
        let last = tried.last().copied().flatten();
        let at = values.iter().position(|v| v.address.is_some() && v.address == last).map_or(0, |at| at + 1);
        let next = values[at..].iter().chain(&values[..at]).find_map(|v| {
            let address = v.address?;
            (!tried.contains(&Some(address))).then_some((address, v))
        });
        let (address, value) = next?;
        let name = String::from_utf8_lossy(&value.text).into_owned();
        Some(Local { address, name, transparent: *transparent })
    }

    /// Counts a connection that could not be opened.
    pub(crate) fn missed(&self, why: ConnectFailure) {
        if let Some(ledger) = &self.ledger {
            ledger.missed(why);
        }
    }

    /// The same, from what `peer::connect` says. A local failure other than 98 is no shortage of ports.
    pub(crate) fn failed(&self, error: &ConnectError) {
        self.missed(match error {
            ConnectError::Connect(error) => ConnectFailure::of(error),
            ConnectError::Local(_, error) if ConnectFailure::of(error) == ConnectFailure::InUse => {
                ConnectFailure::InUse
            }
            ConnectError::Local(..) => ConnectFailure::Other,
        });
    }

    /// Counts a connection that was opened; peers that only one request knows share a line.
    pub(crate) fn opened(&self, line: Option<&Arc<UpstreamLedger>>, stream: &Stream, peer: &Address) {
        let Some(ledger) = &self.ledger else { return };
        let tuple = match peer {
            Address::Inet(peer) => stream.local().map(|local| (local.ip().to_canonical(), *peer)),
            Address::Unix(_) => None,
        };
        match line {
            Some(line) => line.opened(tuple),
            None => ledger.requested().opened(tuple),
        }
    }
}

/// The `split_clients` whose variable is the whole of a value, with the variable's name.
fn split<'c>(config: &'c Config, value: &ComplexValue) -> Option<(usize, &'c str)> {
    let [Segment::Variable(id)] = value.segments.as_slice() else { return None };
    let variable = config.http.variables.get(*id);
    match variable.source {
        VariableSource::SplitClients(position) => Some((position, &variable.name)),
        _ => None,
    }
}

/// True if this host has no free port for the peer, which is not the peer's fault.
pub(crate) fn is_port_shortage(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EADDRNOTAVAIL)
}
