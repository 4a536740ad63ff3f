//! Lookup in a `geo` (`ngx_http_geo_cidr_variable`, `ngx_http_geo_range_variable`).

use std::collections::HashMap;
use std::net::IpAddr;

use crate::model::geo::{Geo, GeoTable};

/// Index of a `geo` for look-ups.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// Networks by the length of their prefix, the longest first; IPv4 and IPv6 apart.
    Networks([Vec<(u8, HashMap<u128, usize>)>; 2]),
    /// Ranges need no index: the model has them sorted.
    Ranges,
}

impl Lookup {
    /// Indexes the networks of a `geo`.
    pub fn new(geo: &Geo) -> Self {
        let GeoTable::Networks(networks) = &geo.table else { return Lookup::Ranges };
        let mut tables: [Vec<(u8, HashMap<u128, usize>)>; 2] = [Vec::new(), Vec::new()];
        for (i, (net, _)) in networks.iter().enumerate() {
            let table = &mut tables[usize::from(net.addr().is_ipv6())];
            let length = net.prefix_len();
            let at = match table.binary_search_by(|(other, _)| length.cmp(other)) {
                Ok(at) => at,
                Err(at) => {
                    table.insert(at, (length, HashMap::new()));
                    at
                }
            };
            // The later value of a duplicate network wins.
            table[at].1.insert(key(net.network(), length), i);
        }
        Lookup::Networks(tables)
    }

    /// Value of an address.
    pub fn find<'g>(&self, geo: &'g Geo, address: IpAddr) -> &'g [u8] {
        let address = address.to_canonical();
        let found = match (self, &geo.table) {
            (Lookup::Networks(tables), GeoTable::Networks(networks)) => tables
                [usize::from(address.is_ipv6())]
            .iter()
            .find_map(|(length, table)| table.get(&key(address, *length)))
            .map(|i| &networks[*i].1),
            (_, GeoTable::Ranges(ranges)) => {
                let at = ranges.partition_point(|(_, last, _)| *last < address);
                ranges.get(at).filter(|(first, ..)| *first <= address).map(|(_, _, value)| value)
            }
            _ => None,
        };
        found.unwrap_or(&geo.default)
    }
}

/// First `length` bits of an address.
fn key(address: IpAddr, length: u8) -> u128 {
    let (bits, width) = match address {
        IpAddr::V4(a) => (u128::from(a.to_bits()), 32),
        IpAddr::V6(a) => (a.to_bits(), 128),
    };
    bits.checked_shr(width - u32::from(length)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VariableId;
    use crate::source::{SourceMap, Span};

    #[test]
    fn longest_prefix_and_ranges() {
        let value = |text: &str| -> Box<[u8]> { text.as_bytes().into() };
        let nets = [("10.0.0.0/8", "a"), ("10.1.0.0/16", "b"), ("0.0.0.0/0", "c"), ("10.1.0.0/16", "d")];
        let nets = nets.iter().chain(&[("2001:db8::/32", "e"), ("10.1.2.3/32", "f")]);
        let networks = nets.map(|(net, v)| (net.parse().unwrap(), value(v))).collect();
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let ranges = [("10.0.0.0", "10.0.0.9", "r"), ("10.0.0.20", "10.0.0.20", "s"), ("::1", "::9", "t")];
        let ranges = ranges.iter().map(|(a, b, v)| (ip(a), ip(b), value(v))).collect();
        let geo = |table| Geo {
            source: None,
            variable: VariableId(0),
            default: value("-"),
            table,
            proxies: Vec::new(),
            proxy_recursive: false,
            volatile: false,
            span: Span::new(SourceMap::default().add("a", *b"a"), 0, 0),
        };
        let (nets, ranges) = (geo(GeoTable::Networks(networks)), geo(GeoTable::Ranges(ranges)));
        for (address, of_nets, of_ranges) in [
            ("10.2.0.1", "a", "-"),
            ("10.1.9.9", "d", "-"),
            ("10.1.2.3", "f", "-"),
            ("10.0.0.9", "a", "r"),
            ("10.0.0.10", "a", "-"),
            ("10.0.0.20", "a", "s"),
            ("192.0.2.1", "c", "-"),
            ("::ffff:192.0.2.1", "c", "-"),
            ("2001:db8::1", "e", "-"),
            ("::5", "-", "t"),
        ] {
            let find =
                |geo: &Geo| String::from_utf8_lossy(Lookup::new(geo).find(geo, ip(address))).into_owned();
            assert_eq!((find(&nets).as_str(), find(&ranges).as_str()), (of_nets, of_ranges), "{address}");
        }
    }
}
