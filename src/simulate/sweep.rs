//! The fast way through a range of IPv4 addresses: keys of 256 neighbours differ in their last bytes only, so the hash
//! of what they share is computed once. The result equals the general way, which a test holds.

use super::population::Ports;
use super::report::Report;
use crate::eval::hash::{MAX_SUFFIX, Prefix};
use crate::eval::inet::write_number;
use crate::eval::split_clients::Table;
use crate::model::{ComplexValue, Config, Segment, VariableSource};

/// Longest text behind the address: with an octet it is the end of a [`Prefix`].
const MOST: usize = MAX_SUFFIX - 3;
/// Longest text before the address.
const LONGEST_HEAD: usize = 256;

/// What stands behind the address.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tail {
    Nothing,
    Port,
    Text(Vec<u8>),
}

/// A key that consists of text, `$remote_addr`, and text or `$remote_port`.
#[derive(Clone, Debug)]
pub(super) struct Template {
    head: Vec<u8>,
    tail: Tail,
}

impl Template {
    /// The template of a key, if it has one.
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

    /// Whether it needs ports.
    pub(super) fn uses_port(&self) -> bool {
        self.tail == Tail::Port
    }
}

/// Bytes of a text, the first lowest, and their number.
type Packed = (u128, u8);

fn pack(text: &[u8]) -> Packed {
    (text.iter().rev().fold(0, |packed, byte| packed << 8 | u128::from(*byte)), text.len() as u8)
}

/// Texts of numbers; of ports they fit into half the size.
fn texts(below: u32) -> Vec<(u64, u8)> {
    let mut out = Vec::with_capacity(5);
    (0..below)
        .map(|number| {
            out.clear();
            write_number(number, &mut out);
            let (packed, length) = pack(&out);
            (packed as u64, length)
        })
        .collect()
}

/// The addresses of one network from its `first` on, and the position of the first client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) count: u64,
    pub(super) client: u64,
}

/// Counts the buckets of the addresses of a run, one port each.
pub(super) fn sweep(table: &Table, template: &Template, run: Run, ports: Ports, report: &mut Report) {
    let octets = texts(256);
    let all_ports = if template.uses_port() { texts(65_536) } else { Vec::new() };
    let text: &[u8] = if let Tail::Text(text) = &template.tail { text } else { b"" };
    let (least, most) = match template.tail {
        Tail::Port => (2, 8),
        _ => (1 + text.len(), 3 + text.len()),
    };
    let mut address = u64::from(run.first);
    let end = address + run.count;
    let (tail, tail_length) = pack(text);
    let mut shared = Vec::with_capacity(template.head.len() + 16);
    let mut take = |hash: u32| match table.find(hash) {
        Some(bucket) => report.observed[bucket] += 1,
        None => report.none += 1,
    };
    while address < end {
        let last = ((address & !255) + 256).min(end);
        shared.clear();
        shared.extend_from_slice(&template.head);
        for shift in [24, 16, 8] {
            write_number((address >> shift) as u32 & 255, &mut shared);
            shared.push(b'.');
        }
        let prefix = Prefix::new(&shared, least..=most);
        let numbers = &octets[(address & 255) as usize..=((last - 1) & 255) as usize];
        // One loop for each tail: nothing is decided per key.
        match template.tail {
            Tail::Nothing => {
                for (octet, length) in numbers {
                    take(prefix.hash(u128::from(*octet), usize::from(*length)));
                }
            }
            Tail::Text(_) => {
                for (octet, length) in numbers {
                    let end = u128::from(*octet) | tail << (8 * length);
                    take(prefix.hash(end, usize::from(length + tail_length)));
                }
            }
            Tail::Port => {
                let first = run.client + (address - u64::from(run.first));
                for (client, (octet, length)) in (first..).zip(numbers) {
                    let (port, digits) = all_ports[usize::from(ports.one_of(client))];
                    let end = *octet | port << (8 * length);
                    take(prefix.hash(u128::from(end), usize::from(length + digits)));
                }
            }
        }
        address = last;
    }
}
