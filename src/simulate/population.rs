//! Populations: all clients of networks, keys from a list, requests from an access log.

use std::fmt;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::lines;
use super::report::Report;
use super::sample::{Known, Line, Sample, knowledge, uses_port};
use super::sweep::{Run, Template, sweep};
use crate::eval::Program;
use crate::eval::hash::murmur2;
use crate::eval::log_format::Format;
use crate::model::Variable;
use crate::model::log::LogFormat;

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
                let source = if *from_log { "the log's format" } else { "the address of a client" };
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
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Error::Unknown { from_log: false, .. } => {
                "use `--log FILE` if the log has it, or `--keys FILE` with one whole key a line"
            }
            Error::Unknown { from_log: true, variable } => {
                return Some(format!(
                    "add it to the format, for example `log_format split '$remote_addr \"${}\"';`, or use `--keys FILE` with \
                     one whole key a line",
                    variable.name
                ));
            }
            Error::TooMany { .. } => {
                "use a longer prefix, fewer `--ports`, or `--sample 1000000` to take addresses at even distances"
            }
            Error::Ports(_) => "write `--port-range FIRST-LAST` and at most that many `--ports`",
            Error::Read(_) => return None,
        };
        Some(text.to_owned())
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
        let start = u64::from(self.one_of(client) - self.first);
        let per_client = u64::from(self.per_client);
        (0..per_client).map(move |i| self.first + ((start + i * size / per_client) % size) as u16)
    }

    /// The first of them.
    pub(super) fn one_of(self, client: u64) -> u16 {
        let size = u64::from(self.size());
        let within = client % Self::BLOCK;
        self.first + ((self.start(client) + within * self.stride()) % size) as u16
    }

    /// Clients that share a start; from one to the next the ports are a stride apart.
    pub(super) const BLOCK: u64 = 256;

    /// Where the ports of a client's block start, counted from the first port.
    pub(super) fn start(self, client: u64) -> u64 {
        ((scatter(client / Self::BLOCK) >> 32) * u64::from(self.size())) >> 32
    }

    /// The golden section of the range: no number of steps comes back near an earlier one.
    pub(super) fn stride(self) -> u64 {
        u64::from(self.size()) * 618 / 1000
    }

    /// The size of the range.
    pub(super) fn count(self) -> u64 {
        u64::from(self.size())
    }

    /// Lowest port.
    pub(super) fn lowest(self) -> u16 {
        self.first
    }
}

/// Threads that share the work.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(16)
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

    /// Calls `see` with the clients from one position to another.
    fn each(&self, from: u64, to: u64, mut see: impl FnMut(u64, IpAddr)) {
        if self.taken == 0 {
            return;
        }
        let stride = self.addresses / u128::from(self.taken);
        let (mut client, mut at) = (from, u128::from(from) * stride);
        for network in &self.networks {
            let size = size(network);
            while at < size && client < to {
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
        let key = &program.config().http.split_clients[split].key;
        let known = knowledge(program, key, None)?;
        let mut report = Report::new(program, split);
        let keys = self.taken * u64::from(self.ports.per_client);
        let distinct = keys <= super::report::DISTINCT_LIMIT as u64;
        report.count_distinct(distinct);
        report.assumed_ports = uses_port(&known).then_some(self.ports);
        let template = Template::new(program.config(), key)
            .filter(|t| !distinct && (self.ports.per_client == 1 || !t.uses_port()))
            .filter(|_| u128::from(self.taken) == self.addresses);
        let threads = if keys < 100_000 { 1 } else { threads() as u64 };
        let parts: Vec<Report> = std::thread::scope(|scope| {
            let workers = (0..threads).map(|i| {
                let (from, to) = (self.taken * i / threads, self.taken * (i + 1) / threads);
                let mut part = report.empty();
                let (known, template) = (&known, template.as_ref());
                scope.spawn(move || {
                    match template {
                        Some(template) => self.fast(program, template, (from, to), &mut part),
                        None => self.slow(program, known, (from, to), &mut part),
                    }
                    part
                })
            });
            let workers: Vec<_> = workers.collect();
            // A worker only counts: it cannot panic unless memory is gone.
            workers.into_iter().filter_map(|w| w.join().ok()).collect()
        });
        for part in parts {
            report.merge(part);
        }
        Ok(report)
    }

    /// Each key evaluated.
    fn slow(&self, program: &Program, known: &[Known], (from, to): (u64, u64), report: &mut Report) {
        let mut sample = Sample::new(known);
        let mut key = Vec::with_capacity(256);
        let split = report.split;
        self.each(from, to, |client, address| {
            sample.set_address(address);
            for port in self.ports.of(client) {
                sample.port = port;
                sample.reset();
                key.clear();
                let (_, bucket) = program.bucket(split, &mut sample, &mut key);
                report.add(&key, bucket);
            }
        });
    }

    /// Keys of IPv4 addresses in a row.
    fn fast(&self, program: &Program, template: &Template, (from, to): (u64, u64), report: &mut Report) {
        let table = program.split(report.split);
        let mut before = 0;
        for network in &self.networks {
            let size = size(network) as u64;
            let (first, last) = (from.max(before), to.min(before + size));
            if let (IpNet::V4(net), true) = (network, first < last) {
                let start = u32::from(net.network()).wrapping_add((first - before) as u32);
                let run = Run { first: start, count: last - first, client: first };
                // A client asks its ports' share of keys, which are all alike where the port is not in the key.
                let mut one = report.empty();
                sweep(table, template, run, self.ports, &mut one);
                one.scale(if template.uses_port() { 1 } else { u64::from(self.ports.per_client) });
                report.merge(one);
            } else if first < last {
                let known = vec![Known::Address; program.config().http.variables.iter().len()];
                let mut part = report.empty();
                self.one_network(program, &known, network, (first, last, before), &mut part);
                report.merge(part);
            }
            before += size;
        }
    }

    /// Keys of an IPv6 network whose key has a template: text, address, and text or port.
    fn one_network(
        &self,
        program: &Program,
        known: &[Known],
        network: &IpNet,
        (first, last, before): (u64, u64, u64),
        report: &mut Report,
    ) {
        let mut known = known.to_vec();
        if let Some(port) = program.config().http.variables.find("remote_port") {
            known[port.0 as usize] = Known::Port;
        }
        let mut sample = Sample::new(&known);
        let mut key = Vec::with_capacity(256);
        let split = report.split;
        for client in first..last {
            sample.set_address(address(network, u128::from(client - before)));
            for port in self.ports.of(client) {
                sample.port = port;
                key.clear();
                let (_, bucket) = program.bucket(split, &mut sample, &mut key);
                report.add(&key, bucket);
            }
        }
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

/// Counts whole keys, one a line; neither the key of the `split_clients` nor a variable is looked at.
///
/// # Errors
/// If reading fails.
pub fn run_keys(program: &Program, split: usize, input: impl Read + Send) -> Result<Report, Error> {
    let mut report = Report::new(program, split);
    report.count_distinct(true);
    let table = program.split(split);
    in_parallel(&report.clone(), &mut report, input, |part, number, block| {
        let mut number = number;
        lines::of_block(block, |line| {
            number += 1;
            match line {
                Some(key) => part.add(key, table.find(murmur2(key))),
                None => part.malformed(number, || TOO_LONG.to_owned()),
            }
        });
    })?;
    Ok(report)
}

const TOO_LONG: &str = "expected a line of at most 64 KiB";

/// Counts the requests of an access log in one of the configuration's formats. If the key has a port that the format
/// lacks, each line gets one.
///
/// # Errors
/// If the key depends on what the log does not tell, or reading fails.
pub fn run_log(
    program: &Program,
    split: usize,
    format: &LogFormat,
    ports: Ports,
    input: impl Read + Send,
) -> Result<Report, Error> {
    let ports = Ports { per_client: 1, ..ports };
    if ports.size() == 0 {
        return Err(Error::Ports(ports));
    }
    let variables = &program.config().http.variables;
    let format = Format::new(format, variables);
    let known = knowledge(program, &program.config().http.split_clients[split].key, Some(&format))?;
    let address = variables.find("remote_addr").and_then(|id| format.position(id));
    let mut report = Report::new(program, split);
    report.count_distinct(true);
    report.assumed_ports = uses_port(&known).then_some(ports);
    in_parallel(&report.clone(), &mut report, input, |part, number, block| {
        let mut sample = Sample::new(&known);
        let (mut key, mut text) = (Vec::new(), Vec::new());
        let mut number = number;
        lines::of_block(block, |line| {
            number += 1;
            let Some(line) = line else { return part.malformed(number, || TOO_LONG.to_owned()) };
            if let Err(foreign) = format.read(line, &mut sample.fields) {
                return part.malformed(number, || foreign.to_string());
            }
            if let Some(position) = address {
                text.clear();
                format.value(line, &sample.fields[position], &mut text);
                sample.set_address_text(&text);
            }
            sample.port = ports.one_of(number);
            sample.line = Some(Line { format: &format, text: line });
            sample.reset();
            key.clear();
            let (_, bucket) = program.bucket(split, &mut sample, &mut key);
            part.add(&key, bucket);
        });
    })?;
    Ok(report)
}

/// Reads blocks of lines and counts them in as many threads as there are CPUs. `count` gets the number of lines before
/// the block.
fn in_parallel(
    empty: &Report,
    report: &mut Report,
    input: impl Read + Send,
    count: impl Fn(&mut Report, u64, &[u8]) + Sync,
) -> Result<(), Error> {
    let threads = threads();
    let (sender, receiver) = std::sync::mpsc::sync_channel::<(u64, Vec<u8>)>(2 * threads);
    let receiver = std::sync::Mutex::new(receiver);
    let (read, parts) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut part = empty.empty();
                    loop {
                        // The lock is held only while a block is taken.
                        let next = receiver.lock().ok().and_then(|r| r.recv().ok());
                        let Some((number, block)) = next else { return part };
                        count(&mut part, number, &block);
                    }
                })
            })
            .collect();
        let mut number = 0;
        let read = lines::blocks(input, |block| {
            let in_block = memchr::memchr_iter(b'\n', &block).count() as u64;
            // It fails only when all workers are gone.
            let _ = sender.send((number, block));
            number += in_block;
        });
        drop(sender);
        let parts: Vec<Report> = workers.into_iter().filter_map(|w| w.join().ok()).collect();
        (read, parts)
    });
    for part in parts {
        report.merge(part);
    }
    read.map_err(Error::Read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::Builder;
    use crate::version::Version;

    #[test]
    fn the_fast_way_equals_the_general_one() {
        let buckets: Vec<(u32, String)> =
            (0..10).map(|i| (if i < 9 { 999 } else { 0 }, format!("10.0.0.{i}"))).collect();
        let networks = [
            "9.255.255.0/24",
            "203.0.113.7/32",
            "10.9.96.0/20",
            "2001:db8::/120",
            "0.0.0.0/30",
            "255.255.255.0/25",
        ];
        for key in [
            "$remote_addr",
            "$remote_addr$remote_port",
            "client $remote_addr",
            "a$remote_addr:443",
            "ab${remote_addr}x",
            "abc$remote_addr$remote_port",
        ] {
            let mut builder = Builder::new(Version::new(1, 31, 5));
            let key = key.replace("${remote_addr}x", "$remote_addr/x");
            builder.split(&key, "s", &buckets);
            let program = Program::new(builder.build()).unwrap();
            let value = &program.config().http.split_clients[0].key;
            let template = Template::new(program.config(), value).unwrap();
            let known = knowledge(&program, value, None).unwrap();
            let networks = networks.iter().map(|n| n.parse().unwrap()).collect();
            let clients = Clients::new(networks, Ports::default(), None).unwrap();
            for (from, to) in [(0, clients.taken()), (3, 4000), (250, 260), (4350, clients.taken() - 1)] {
                let (mut fast, mut slow) = (Report::new(&program, 0), Report::new(&program, 0));
                clients.fast(&program, &template, (from, to), &mut fast);
                clients.slow(&program, &known, (from, to), &mut slow);
                assert_eq!((fast.total(), slow.total()), (to - from, to - from), "{key} {from} {to}");
                assert_eq!(fast.observed, slow.observed, "{key} {from} {to}");
            }
        }
    }
}
