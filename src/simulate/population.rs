//! Populations: all clients of networks, keys from a list, requests from an access log.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::log::{Entry, MAX_LINE};
use super::report::Report;
use super::sample::{Sample, knowledge, uses_port};
use crate::eval::Program;
use crate::eval::hash::murmur2;
use crate::model::Variable;

/// Most keys that are generated.
pub const MAX_KEYS: u64 = 1 << 32;

/// Why a population cannot be simulated.
#[derive(Debug)]
pub enum Error {
    /// The key depends on a variable that the population does not know.
    Unknown {
        /// The variable.
        variable: Variable,
        /// Whether the population is a log.
        from_log: bool,
    },
    /// More keys than [`MAX_KEYS`].
    TooMany {
        /// Addresses of all networks.
        addresses: u128,
        /// Ports of each.
        ports: u32,
    },
    /// More ports than the range has.
    Ports(Ports),
    /// Reading failed.
    Read(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unknown { variable, from_log } => {
                let name = &variable.name;
                let source =
                    if *from_log { "a line in the format `combined`" } else { "the address of a client" };
                write!(f, "the key depends on `${name}`, which {source} does not tell")
            }
            Error::TooMany { addresses, ports } => {
                write!(
                    f,
                    "{addresses} addresses with {ports} ports each are too many, at most {MAX_KEYS} keys"
                )
            }
            Error::Ports(Ports { first, last, per_client }) => {
                write!(f, "`{first}-{last}` has no {per_client} different ports")
            }
            Error::Read(error) => write!(f, "reading failed: {error}"),
        }
    }
}

impl Error {
    /// What to type instead.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Error::Unknown { from_log: false, .. } => {
                Some("use `--log FILE` if the log has it, or `--keys FILE` with one whole key a line")
            }
            Error::Unknown { from_log: true, .. } => Some("use `--keys FILE` with one whole key a line"),
            Error::TooMany { .. } => Some(
                "use a longer prefix, fewer `--ports`, or `--sample 1000000` to take addresses at even distances",
            ),
            Error::Ports(_) => Some("write `--port-range FIRST-LAST` and at most that many `--ports`"),
            Error::Read(_) => None,
        }
    }
}

impl std::error::Error for Error {}

/// The ports that a client's connections come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Lowest port.
    pub first: u16,
    /// Highest port.
    pub last: u16,
    /// Different ports of each client.
    pub per_client: u32,
}

impl Default for Ports {
    /// One port of Linux' default range.
    fn default() -> Self {
        Self { first: 32768, last: 60999, per_client: 1 }
    }
}

impl Ports {
    fn size(self) -> u32 {
        (u32::from(self.last) + 1).saturating_sub(u32::from(self.first))
    }

    /// The ports of the client at a position: at even distances from a start that differs from client to client, the
    /// same in every run.
    fn of(self, client: u64) -> impl Iterator<Item = u16> {
        let size = u64::from(self.size());
        let start = scatter(client) % size;
        let per_client = u64::from(self.per_client);
        (0..per_client).map(move |i| self.first + ((start + i * size / per_client) % size) as u16)
    }
}

/// Mixes the bits of a number (the finalizer of `SplitMix64`).
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// All addresses of some networks, the first and last of each included.
#[derive(Clone, Debug)]
pub struct Clients {
    networks: Vec<IpNet>,
    ports: Ports,
    addresses: u128,
    taken: u64,
}

impl Clients {
    /// The clients of networks; with `sample` only so many addresses at even distances.
    ///
    /// # Errors
    /// If they are too many, or the ports are impossible.
    pub fn new(networks: Vec<IpNet>, ports: Ports, sample: Option<u64>) -> Result<Self, Error> {
        if ports.per_client == 0 || ports.per_client > ports.size() {
            return Err(Error::Ports(ports));
        }
        let addresses = networks.iter().map(size).fold(0, u128::saturating_add);
        let taken = sample.map_or(addresses, |n| addresses.min(u128::from(n)));
        match u64::try_from(taken) {
            Ok(taken) if taken.saturating_mul(u64::from(ports.per_client)) <= MAX_KEYS => {
                Ok(Self { networks, ports, addresses, taken })
            }
            _ => Err(Error::TooMany { addresses, ports: ports.per_client }),
        }
    }

    /// Addresses of all networks.
    pub fn addresses(&self) -> u128 {
        self.addresses
    }

    /// Addresses that are simulated.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The ports of each.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    fn each(&self, mut see: impl FnMut(u64, IpAddr)) {
        if self.taken == 0 {
            return;
        }
        let stride = self.addresses / u128::from(self.taken);
        let (mut client, mut at) = (0, 0_u128);
        for network in &self.networks {
            let size = size(network);
            while at < size && client < self.taken {
                see(client, address(network, at));
                client += 1;
                at = at.saturating_add(stride);
            }
            at -= size.min(at);
        }
    }

    /// Counts the buckets of a `split_clients`, by its position.
    ///
    /// # Errors
    /// If its key depends on what is not known of a client.
    pub fn run(&self, program: &Program, split: usize) -> Result<Report, Error> {
        let known = knowledge(program, &program.config().http.split_clients[split].key, false)?;
        let mut report = Report::new(program, split);
        let keys = self.taken * u64::from(self.ports.per_client);
        report.count_distinct(keys <= super::report::DISTINCT_LIMIT as u64);
        report.assumed_ports = uses_port(&known).then_some(self.ports);
        let mut sample = Sample::new(&known);
        let mut key = Vec::with_capacity(256);
        self.each(|client, address| {
            sample.set_address(address);
            for port in self.ports.of(client) {
                sample.port = port;
                sample.reset();
                key.clear();
                let (_, bucket) = program.bucket(split, &mut sample, &mut key);
                report.add(&key, bucket);
            }
        });
        Ok(report)
    }
}

/// Addresses of a network; of `::/0` one too few, as 2^128 is no `u128`.
fn size(network: &IpNet) -> u128 {
    let bits = u32::from(network.max_prefix_len() - network.prefix_len());
    1_u128.checked_shl(bits).unwrap_or(u128::MAX)
}

#[inline]
fn address(network: &IpNet, at: u128) -> IpAddr {
    match network {
        IpNet::V4(n) => IpAddr::V4(Ipv4Addr::from(u32::from(n.network()).wrapping_add(at as u32))),
        IpNet::V6(n) => IpAddr::V6(Ipv6Addr::from(u128::from(n.network()).wrapping_add(at))),
    }
}

/// Calls `see` with the number and text of each line without its end; `None` for one longer than [`MAX_LINE`].
fn lines(mut input: impl BufRead, mut see: impl FnMut(u64, Option<&[u8]>)) -> Result<(), Error> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let limit = MAX_LINE as u64 + 2;
        if input.by_ref().take(limit).read_until(b'\n', &mut line).map_err(Error::Read)? == 0 {
            break;
        }
        let ended = line.last() == Some(&b'\n');
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        see(number, (text.len() <= MAX_LINE).then_some(text));
        if !ended {
            input.skip_until(b'\n').map_err(Error::Read)?;
        }
    }
    Ok(())
}

/// Counts whole keys, one a line; neither the key of the `split_clients` nor a variable is looked at.
///
/// # Errors
/// If reading fails.
pub fn run_keys(program: &Program, split: usize, input: impl BufRead) -> Result<Report, Error> {
    let mut report = Report::new(program, split);
    report.count_distinct(true);
    lines(input, |number, line| match line {
        Some(key) => report.add(key, program.split(split).find(murmur2(key))),
        None => report.malformed(number, "expected a line of at most 64 KiB"),
    })?;
    Ok(report)
}

/// Counts the requests of an access log in the format `combined`, which lacks ports: each line gets one.
///
/// # Errors
/// If the key depends on what the log does not tell, or reading fails.
pub fn run_log(program: &Program, split: usize, ports: Ports, input: impl BufRead) -> Result<Report, Error> {
    let ports = Ports { per_client: 1, ..ports };
    if ports.size() == 0 {
        return Err(Error::Ports(ports));
    }
    let known = knowledge(program, &program.config().http.split_clients[split].key, true)?;
    let mut report = Report::new(program, split);
    report.count_distinct(true);
    report.assumed_ports = uses_port(&known).then_some(ports);
    let mut sample = Sample::new(&known);
    let mut key = Vec::new();
    lines(input, |number, line| {
        let parsed = line.ok_or("expected a line of at most 64 KiB").and_then(Entry::parse);
        match parsed {
            Ok(entry) => {
                sample.set_address_text(&entry.remote_addr);
                sample.port = ports.of(number).next().unwrap_or(ports.first);
                sample.entry = Some(entry);
                sample.reset();
                key.clear();
                let (_, bucket) = program.bucket(split, &mut sample, &mut key);
                report.add(&key, bucket);
            }
            Err(expected) => report.malformed(number, expected),
        }
    })?;
    Ok(report)
}
