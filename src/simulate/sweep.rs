//! Fast path for a range of IPv4 addresses: keys of 256 neighbours differ in their last bytes only, so the hash of the
//! common part is computed once. A test compares the result with the general path.

use super::Ports;
use super::report::Report;
use crate::eval::hash::{MAX_SUFFIX, Prefix};
use crate::eval::inet::write_number;
use crate::eval::split_clients::Table;
use crate::model::{ComplexValue, Config, Segment, VariableSource};

/// Longest text after the address: with an octet, the text is the end of a [`Prefix`].
const MOST: usize = MAX_SUFFIX - 3;
/// Longest text before the address.
const LONGEST_HEAD: usize = 256;

/// Part of the key after the address.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tail {
    Nothing,
    Port,
    Text(Vec<u8>),
}

/// Key that consists of text, `$remote_addr`, and text or `$remote_port`.
#[derive(Clone, Debug)]
pub(super) struct Template {
    head: Vec<u8>,
    tail: Tail,
}

impl Template {
    /// Template of a key, if the key has this form.
    pub(super) fn new(config: &Config, key: &ComplexValue) -> Option<Self> {
        let builtin = |segment: &Segment| match segment {
            Segment::Variable(id) => {
                let variable = config.http.variables.get(*id);
                (variable.source == VariableSource::Builtin).then_some(variable.name.as_str())
            }
            _ => None,
        };
        let (head, rest) = match key.segments.as_slice() {
            [Segment::Literal(text), rest @ ..] => (text.to_vec(), rest),
            rest => (Vec::new(), rest),
        };
        let [address, rest @ ..] = rest else { return None };
        if builtin(address) != Some("remote_addr") {
            return None;
        }
        let tail = match rest {
            [] => Tail::Nothing,
            [Segment::Literal(text)] => Tail::Text(text.to_vec()),
            [port] if builtin(port) == Some("remote_port") => Tail::Port,
            _ => return None,
        };
        let fits = if let Tail::Text(text) = &tail { text.len() <= MOST } else { true };
        (fits && head.len() <= LONGEST_HEAD).then_some(Self { head, tail })
    }

    /// True if the key needs ports.
    pub(super) fn uses_port(&self) -> bool {
        self.tail == Tail::Port
    }
}

/// Bytes of a text, the first lowest, and their number.
type Packed = (u128, usize);

fn pack(text: &[u8]) -> Packed {
    (text.iter().rev().fold(0, |packed, byte| packed << 8 | u128::from(*byte)), text.len())
}

/// Texts of numbers, packed.
fn texts(numbers: impl Iterator<Item = u32>) -> Vec<u64> {
    let mut out = Vec::with_capacity(5);
    numbers
        .map(|number| {
            out.clear();
            write_number(number, &mut out);
            pack(&out).0 as u64
        })
        .collect()
}

/// Addresses of one network from its `first` on, and the position of the first client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) count: u64,
    pub(super) client: u64,
}

/// Octets by the number of their digits.
const OCTETS: [(usize, std::ops::Range<usize>); 3] = [(1, 0..10), (2, 10..100), (3, 100..256)];

/// Ports by the number of their digits.
const PORTS: [(usize, std::ops::RangeInclusive<u32>); 5] =
    [(1, 0..=9), (2, 10..=99), (3, 100..=999), (4, 1000..=9999), (5, 10_000..=65_535)];

/// Counts the buckets of a run's addresses, one port each.
pub(super) fn sweep(table: &Table, template: &Template, run: Run, ports: Ports, report: &mut Report) {
    let mut sweep = Sweep::new(template, ports);
    let mut address = u64::from(run.first);
    let end = address + run.count;
    while address < end {
        let last = ((address & !255) + 256).min(end);
        let octets = (address & 255) as usize..((last - 1) & 255) as usize + 1;
        let client = run.client + (address - u64::from(run.first));
        for hash in sweep.block(address as u32, octets, client) {
            match table.find(*hash) {
                Some(bucket) => report.observed[bucket] += 1,
                None => report.none += 1,
            }
        }
        address = last;
    }
}

/// Values that are computed once for all addresses.
struct Sweep<'t> {
    template: &'t Template,
    ports: Ports,
    /// Text after the address, if all keys have the same.
    tail: Packed,
    octets: Vec<u64>,
    port_texts: Vec<u64>,
    /// Number of digits of all ports; 0: ports of different lengths.
    digits: usize,
    shared: Vec<u8>,
    /// For each client of a block, the distance of its port from the block's start.
    steps: Vec<u32>,
    /// For each address of a block, the position of its port in the range.
    chosen: [u32; 256],
    hashes: [u32; 256],
}

impl<'t> Sweep<'t> {
    fn new(template: &'t Template, ports: Ports) -> Self {
        let lowest = u32::from(ports.lowest());
        let range = lowest..lowest + ports.count() as u32;
        let digits =
            PORTS.iter().find(|(_, all)| all.contains(&range.start) && all.contains(&(range.end - 1)));
        Self {
            template,
            ports,
            tail: if let Tail::Text(text) = &template.tail { pack(text) } else { (0, 0) },
            octets: texts(0..256),
            port_texts: if template.uses_port() { texts(range) } else { Vec::new() },
            digits: digits.map_or(0, |(digits, _)| *digits),
            shared: Vec::with_capacity(template.head.len() + 16),
            steps: (0..Ports::BLOCK).map(|client| (client * ports.stride() % ports.count()) as u32).collect(),
            chosen: [0; 256],
            hashes: [0; 256],
        }
    }

    /// Hashes of the keys of some addresses with the same first three octets.
    fn block(&mut self, address: u32, octets: std::ops::Range<usize>, client: u64) -> &[u32] {
        self.shared.clear();
        self.shared.extend_from_slice(&self.template.head);
        for shift in [24, 16, 8] {
            write_number(address >> shift & 255, &mut self.shared);
            self.shared.push(b'.');
        }
        if self.template.uses_port() {
            self.choose(octets.clone(), client);
        }
        for (length, all) in OCTETS {
            let part = octets.start.max(all.start)..octets.end.min(all.end);
            if part.is_empty() {
                continue;
            }
            if !self.template.uses_port() {
                self.texts(length, part);
            } else if self.digits == 5 {
                self.five_digits(length, part);
            } else {
                self.ports(length, part);
            }
        }
        &self.hashes[octets]
    }

    /// Chooses ports like [`Ports::one_of`], with the steps of a block computed once.
    fn choose(&mut self, octets: std::ops::Range<usize>, client: u64) {
        let count = self.ports.count() as u32;
        let mut rest = &mut self.chosen[octets];
        let mut client = client;
        while !rest.is_empty() {
            let start = self.ports.start(client) as u32;
            let steps = &self.steps[(client % Ports::BLOCK) as usize..];
            let (block, others) = rest.split_at_mut(steps.len().min(rest.len()));
            for (chosen, step) in block.iter_mut().zip(steps) {
                let position = start + step;
                *chosen = if position < count { position } else { position - count };
            }
            client += block.len() as u64;
            rest = others;
        }
    }

    /// Keys that end with the octet and a text.
    fn texts(&mut self, length: usize, part: std::ops::Range<usize>) {
        let prefix = Prefix::new(&self.shared, length + self.tail.1);
        let tail = self.tail.0 << (8 * length);
        let hashes = &mut self.hashes[part.clone()];
        prefix.hashes(self.octets[part].iter().map(|octet| u128::from(*octet) | tail), hashes);
    }

    /// Keys that end with the octet and a port of any length.
    fn ports(&mut self, length: usize, part: std::ops::Range<usize>) {
        for i in part {
            let port = self.chosen[i];
            let number = u32::from(self.ports.lowest()) + port;
            let digits = PORTS.iter().find(|(_, all)| all.contains(&number)).map_or(5, |(digits, _)| *digits);
            let end = u128::from(self.octets[i] | self.port_texts[port as usize] << (8 * length));
            let prefix = Prefix::new(&self.shared, length + digits);
            prefix.hashes(std::iter::once(end), &mut self.hashes[i..=i]);
        }
    }

    /// Keys that end with the octet and a port of five digits, as nearly all are.
    fn five_digits(&mut self, length: usize, part: std::ops::Range<usize>) {
        let prefix = Prefix::new(&self.shared, length + 5);
        let ends = self.octets[part.clone()].iter().zip(&self.chosen[part.clone()]);
        let ends = ends.map(|(octet, port)| octet | self.port_texts[*port as usize] << (8 * length));
        prefix.short_hashes(ends, &mut self.hashes[part]);
    }
}
