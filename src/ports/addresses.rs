//! The addresses and routes of a network namespace: `/proc/net/fib_trie`, `if_inet6` and `route`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of the host, and which interface leads where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    own: BTreeSet<IpAddr>,
    /// Destination, bits of its prefix, interface.
    routes: Vec<(Ipv4Addr, u32, String)>,
}

impl Addresses {
    /// Reads the three files; one that is absent is empty.
    pub fn parse(fib_trie: &str, if_inet6: &str, route: &str) -> Self {
        let mut own = BTreeSet::new();
        let mut leaf = None;
        for line in fib_trie.lines().map(str::trim) {
            if let Some(address) = line.strip_prefix("|-- ") {
                leaf = address.parse::<Ipv4Addr>().ok();
            } else if line == "/32 host LOCAL" {
                own.extend(leaf.map(IpAddr::V4));
            }
        }
        let first = |line: &str| line.split_ascii_whitespace().next().map(str::to_owned);
        own.extend(if_inet6.lines().filter_map(|line| {
            Some(IpAddr::V6(Ipv6Addr::from(u128::from_str_radix(&first(line)?, 16).ok()?)))
        }));
        Self { own, routes: route.lines().skip(1).filter_map(self::route).collect() }
    }

    /// True if the host has the address; it has every address of 127.0.0.0/8.
    pub fn has(&self, address: IpAddr) -> bool {
        matches!(address, IpAddr::V4(v4) if v4.is_loopback()) || self.own.contains(&address)
    }

    /// True if the host has an IPv6 address that others can reach.
    pub fn has_ipv6(&self) -> bool {
        self.own
            .iter()
            .any(|a| matches!(a, IpAddr::V6(v6) if !v6.is_loopback() && v6.segments()[0] & 0xffc0 != 0xfe80))
    }

    /// The interface that an address belongs to: of the narrowest route to it, else loopback.
    pub fn interface(&self, address: IpAddr) -> &str {
        let IpAddr::V4(v4) = address else { return "lo" };
        let is_in = |net: &Ipv4Addr, bits: u32| {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            v4.to_bits() & mask == net.to_bits()
        };
        let fits = self.routes.iter().filter(|(net, bits, _)| is_in(net, *bits));
        fits.max_by_key(|(_, bits, _)| *bits).map_or("lo", |(_, _, name)| name)
    }
}

/// `eth0 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0`
fn route(line: &str) -> Option<(Ipv4Addr, u32, String)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let word = |n: usize| u32::from_str_radix(words.get(n)?, 16).ok().map(u32::swap_bytes);
    Some((Ipv4Addr::from_bits(word(1)?), word(7)?.leading_ones(), (*words.first()?).to_owned()))
}

/// The name servers in the text of a resolv.conf; one with a zone (`fe80::1%eth0`) cannot be written in nginx.
pub fn name_servers(text: &str) -> Vec<IpAddr> {
    let words = text.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let of = |words: Vec<&str>| match words[..] {
        ["nameserver", address, ..] => address.parse().ok(),
        _ => None,
    };
    words.filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_of_a_host() {
        let text = "# nameserver 9.9.9.9\nsearch a.example\nnameserver 127.0.0.53\nnameserver\t::1 # local\nnameserver fe80::1%eth0\n";
        let expected: Vec<IpAddr> = vec!["127.0.0.53".parse().unwrap(), "::1".parse().unwrap()];
        assert_eq!(name_servers(text), expected);
    }

    #[test]
    fn addresses_and_the_interface_of_a_new_one() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\nLocal:\n     |-- 192.168.7.9\n        /32 host LOCAL\n     |-- 192.168.7.255\n        /32 link BROADCAST\n";
        let inet6 = "00000000000000000000000000000001 01 80 10 80       lo\nfe80000000000000000000fffe000001 02 40 20 80     eth0\n";
        let route = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\neth0\t00000000\t0107A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth1\t0007A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let read = Addresses::parse(trie, inet6, route);
        let is_own = |text: &str| read.has(text.parse().unwrap());
        assert!(is_own("192.168.7.9") && is_own("127.9.9.9") && is_own("::1"));
        assert!(!is_own("192.168.7.255") && !is_own("192.168.7.10") && !is_own("::2"));
        assert!(!read.has_ipv6());
        let interface = |text: &str| read.interface(text.parse().unwrap()).to_owned();
        assert_eq!(
            (interface("192.168.7.10"), interface("10.0.0.1")),
            ("eth1".to_owned(), "eth0".to_owned())
        );
        assert_eq!(Addresses::parse("", "x\n", "y\nz\n").interface("10.0.0.1".parse().unwrap()), "lo");
    }
}
