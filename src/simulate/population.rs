//! Population of all clients of some networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::parallel::threads;
use super::report::Report;
use super::sample::{Sample, ValueSource, knowledge, uses_port};
use super::sweep::{Run, Template, sweep};
use super::{Error, Ports};
use crate::eval::Program;

/// Largest number of generated keys.
pub const MAX_KEYS: u64 = 1 << 32;

/// All addresses of some networks, the first and last of each included.
#[derive(Clone, Debug)]
pub struct Clients {
    networks: Vec<IpNet>,
    ports: Ports,
    addresses: u128,
    taken: u64,
}

impl Clients {
    /// Clients of networks; with `sample`, only this many addresses at even distances.
    ///
    /// # Errors
    /// If there are too many clients, or the ports are impossible.
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

    /// Number of addresses in all networks.
    pub fn addresses(&self) -> u128 {
        self.addresses
    }

    /// Number of addresses that are simulated.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Ports of each address.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// Calls `see` with the clients between two positions.
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
    /// If the key depends on unknown properties of a client.
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
            // A worker only counts: it cannot panic unless memory is exhausted.
            workers.into_iter().filter_map(|w| w.join().ok()).collect()
        });
        for part in parts {
            report.merge(part);
        }
        Ok(report)
    }

    /// Counts by evaluating each key.
    fn slow(&self, program: &Program, known: &[ValueSource], (from, to): (u64, u64), report: &mut Report) {
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

    /// Counts the keys of consecutive IPv4 addresses.
    fn fast(&self, program: &Program, template: &Template, (from, to): (u64, u64), report: &mut Report) {
        let table = program.split(report.split);
        let mut before = 0;
        for network in &self.networks {
            let size = size(network) as u64;
            let (first, last) = (from.max(before), to.min(before + size));
            if let (IpNet::V4(net), true) = (network, first < last) {
                let start = u32::from(net.network()).wrapping_add((first - before) as u32);
                let run = Run { first: start, count: last - first, client: first };
                // A client stands for as many keys as it has ports; without the port in the key these are all equal.
                let mut one = report.empty();
                sweep(table, template, run, self.ports, &mut one);
                one.scale(if template.uses_port() { 1 } else { u64::from(self.ports.per_client) });
                report.merge(one);
            } else if first < last {
                let known = vec![ValueSource::Address; program.config().http.variables.iter().len()];
                let mut part = report.empty();
                self.one_network(program, &known, network, (first, last, before), &mut part);
                report.merge(part);
            }
            before += size;
        }
    }

    /// Counts the keys of an IPv6 network by a template: text, address, and text or port.
    fn one_network(
        &self,
        program: &Program,
        known: &[ValueSource],
        network: &IpNet,
        (first, last, before): (u64, u64, u64),
        report: &mut Report,
    ) {
        let mut known = known.to_vec();
        if let Some(port) = program.config().http.variables.find("remote_port") {
            known[port.0 as usize] = ValueSource::Port;
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

/// Number of addresses of a network; for `::/0` one less, as 2^128 exceeds `u128`.
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
