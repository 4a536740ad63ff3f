//! The sockets of a network namespace: `/proc/net/tcp` and `tcp6`, or what `ss` and `netstat` print, grouped as ports are.

mod pasted;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::host::{Host, TIME_WAIT as TIME_WAIT_SECONDS};

/// States as the kernel numbers them.
const ESTABLISHED: u8 = 1;
const SYN_SENT: u8 = 2;
const FIN_WAIT2: u8 = 5;
const TIME_WAIT: u8 = 6;
const LISTEN: u8 = 10;

/// Seconds that the kernel keeps a socket in `TIME_WAIT`.
const TIME_WAIT_LENGTH: f64 = 60.0;

/// One socket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Socket {
    /// Address and port of this side.
    pub local: SocketAddr,
    /// Address and port of the other side.
    pub remote: SocketAddr,
    /// State of the socket, as the kernel numbers it.
    pub state: u8,
    /// In `TIME_WAIT`: seconds since the connection was closed; `None` if the kernel did not say.
    pub age: Option<f64>,
}

impl Socket {
    /// Reads a line of `/proc/net/tcp` or `tcp6`, of `ss -tan` or of `netstat -tan`.
    pub fn parse(line: &str) -> Option<Self> {
        Self::of_kernel(line).or_else(|| pasted::parse(line))
    }

    fn of_kernel(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (address(words.next()?)?, address(words.next()?)?);
        let state = u8::from_str_radix(words.next()?, 16).ok()?;
        // `03:00000F2A`: hundredths of a second until it is destroyed.
        let left = words.nth(1).and_then(|w| u32::from_str_radix(w.strip_prefix("03:")?, 16).ok());
        let age = left.map(|left| (TIME_WAIT_LENGTH - f64::from(left) / 100.0).max(0.0));
        Some(Self { local, remote, state, age })
    }
}

/// `0100007F:1F90`: words of the address in the machine's order.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |i: usize| u32::from_str_radix(address.get(8 * i..8 * i + 8)?, 16).ok().map(u32::to_le_bytes);
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for i in 0..4 {
                bytes[4 * i..4 * i + 4].copy_from_slice(&word(i)?);
            }
            // A peer reached through an IPv6 socket is the same peer.
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Connections from one source address to one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCount {
    /// Closed by this side.
    pub time_wait: u32,
    /// Open.
    pub established: u32,
    /// In any other state.
    pub other: u32,
    /// Of those, connecting.
    pub syn_sent: u32,
    /// Of those, closed by this side and not yet by the other.
    pub fin_wait2: u32,
    /// Of all: those with a port of the parity that is tried first.
    pub first_parity: u32,
}

impl ConnectionCount {
    /// Ports in use.
    pub fn total(&self) -> u32 {
        self.time_wait + self.established + self.other
    }
}

/// Connections that this side closed, and the time in which it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClosedConnections {
    /// Connections that are still in `TIME_WAIT`.
    pub count: u32,
    /// Seconds from the first to the last that was closed, at least 1; a minute if the kernel did not say.
    pub seconds: f64,
    /// Seconds since the last one was closed; `None` if the kernel did not say.
    pub since_last: Option<f64>,
}

impl ClosedConnections {
    /// Connections a second.
    pub fn rate(&self) -> f64 {
        f64::from(self.count) / self.seconds
    }

    /// Count and time, in words.
    pub fn words(&self) -> String {
        format!("{} closed in {:.0} s, by the sockets in TIME_WAIT", self.count, self.seconds)
    }
}

/// Everything that was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sockets {
    /// By source address and destination; only connections whose local port is ephemeral.
    pub outgoing: BTreeMap<(IpAddr, SocketAddr), ConnectionCount>,
    /// Ports that something listens on.
    pub listening: BTreeSet<u16>,
    /// The same with their addresses.
    pub listeners: BTreeSet<SocketAddr>,
    /// `TIME_WAIT` of connections that came in: their local port is a listening one or outside the range.
    pub incoming_time_wait: u32,
    /// Open connections that came in, to a listening port.
    pub incoming_established: u32,
    /// `TIME_WAIT` in all.
    pub time_wait: u32,
    /// Seconds since connections in `TIME_WAIT` were closed, by source address and destination.
    pub ages: BTreeMap<(IpAddr, SocketAddr), Vec<f64>>,
    /// Lines that are no sockets.
    pub foreign: u32,
}

impl Sockets {
    /// Connections that this host closed in the last so many seconds, as far as they are still in `TIME_WAIT`.
    pub fn closed_within(&self, source: IpAddr, peer: SocketAddr, seconds: f64) -> u32 {
        let ages = self.ages.get(&(source, peer)).map_or(&[][..], Vec::as_slice);
        ages.iter().map(|age| u32::from(*age <= seconds)).sum()
    }

    /// The connections between some pairs of source and destination that this host closed in the last so many seconds; `None` if
    /// there are none.
    pub fn closing(&self, pairs: &[(IpAddr, SocketAddr)], within: f64) -> Option<ClosedConnections> {
        let uses = pairs.iter().filter_map(|pair| self.outgoing.get(pair));
        let all: u32 = uses.map(|uses| uses.time_wait).sum();
        let dated: Vec<f64> =
            pairs.iter().filter_map(|pair| self.ages.get(pair)).flatten().copied().collect();
        if dated.is_empty() {
            let seconds = within.min(TIME_WAIT_SECONDS);
            return (all > 0).then_some(ClosedConnections { count: all, seconds, since_last: None });
        }
        let recent = || dated.iter().copied().filter(|age| *age <= within);
        let newest = recent().fold(f64::INFINITY, f64::min);
        let seconds = (recent().fold(0.0, f64::max) - newest).max(1.0);
        let count = recent().count() as u32;
        (count > 0).then_some(ClosedConnections { count, seconds, since_last: Some(newest) })
    }

    /// True if something accepts connections to an IPv4 address: on it, or on all addresses.
    pub fn is_listening(&self, address: SocketAddr) -> bool {
        let port = address.port();
        let all = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        [address, all].iter().any(|address| self.listeners.contains(address))
    }
}

/// Groups the sockets of `/proc/net/tcp` and `tcp6`, or of what was pasted.
pub fn group(texts: &[&str], host: &Host) -> Sockets {
    let mut found = Sockets::default();
    let lines = || texts.iter().flat_map(|t| t.lines()).filter(|l| !pasted::is_head(l));
    let mut sockets = Vec::new();
    for line in lines().filter(|l| !l.trim().is_empty()) {
        match Socket::parse(line) {
            Some(socket) => sockets.push(socket),
            None => found.foreign += 1,
        }
    }
    found.listening = sockets.iter().filter(|s| s.state == LISTEN).map(|s| s.local.port()).collect();
    found.listeners = sockets.iter().filter(|s| s.state == LISTEN).map(|s| s.local).collect();
    let (first, last) = host.range.value;
    for socket in sockets.iter().filter(|s| s.state != LISTEN) {
        let port = socket.local.port();
        found.time_wait += u32::from(socket.state == TIME_WAIT);
        let is_ephemeral = (first..=last).contains(&port) && !found.listening.contains(&port);
        if !is_ephemeral {
            found.incoming_time_wait += u32::from(socket.state == TIME_WAIT);
            let is_client = socket.state == ESTABLISHED && found.listening.contains(&port);
            found.incoming_established += u32::from(is_client);
            continue;
        }
        let uses = found.outgoing.entry((socket.local.ip(), socket.remote)).or_default();
        match socket.state {
            TIME_WAIT => {
                uses.time_wait += 1;
                let ages = found.ages.entry((socket.local.ip(), socket.remote)).or_default();
                ages.extend(socket.age);
            }
            ESTABLISHED => uses.established += 1,
            _ => uses.other += 1,
        }
        uses.syn_sent += u32::from(socket.state == SYN_SENT);
        uses.fin_wait2 += u32::from(socket.state == FIN_WAIT2);
        uses.first_parity += u32::from(port % 2 == first % 2);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 34567 1 0000000000000000 100 0 0 10 0
   1: 0900000A:8000 6400000A:04D2 06 00000000:00000000 03:00000F2A 00000000     0        0 0 3 0000000000000000
   2: 0900000A:8001 6400000A:04D2 06 00000000:00000000 03:00000F2A 00000000     0        0 0 3 0000000000000000
   3: 0900000A:8002 6400000A:04D2 01 00000000:00000000 00:00000000 00000000  1000        0 34568 1 0000000000000000 20 4 30 10 -1
   4: 0900000A:01BB 076433C6:C001 06 00000000:00000000 03:00000F2A 00000000     0        0 0 3 0000000000000000
   5: 0900000A:1F90 076433C6:C002 06 00000000:00000000 03:00000F2A 00000000     0        0 0 3 0000000000000000
   broken";
    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000900000A:8004 0000000000000000FFFF00006400000A:04D2 06 00000000:00000000 03:00000A1B 00000000     0        0 0 3 0000000000000000
   1: B80D0120000000000000000001000000:8006 B80D0120000000000000000002000000:0050 01 00000000:00000000 00:00000000 00000000     0        0 0 3 0000000000000000";

    #[test]
    fn sockets_by_source_and_destination() {
        let found = group(&[TCP, TCP6], &Host::default());
        let v4: (IpAddr, SocketAddr) = ("10.0.0.9".parse().unwrap(), "10.0.0.100:1234".parse().unwrap());
        let v6: (IpAddr, SocketAddr) = ("2001:db8::1".parse().unwrap(), "[2001:db8::2]:80".parse().unwrap());
        assert_eq!(
            found.outgoing[&v4],
            ConnectionCount { time_wait: 3, established: 1, first_parity: 3, ..ConnectionCount::default() }
        );
        assert_eq!(
            found.outgoing[&v6],
            ConnectionCount { established: 1, first_parity: 1, ..ConnectionCount::default() }
        );
        assert_eq!(found.outgoing.len(), 2);
        assert_eq!((found.incoming_time_wait, found.time_wait, found.foreign), (2, 5, 1));
        assert_eq!(found.listening.iter().copied().collect::<Vec<_>>(), [8080]);
    }
}
