//! Changes of one number of a setup, for `--what-if`.

use super::capacity::{Reuse, Setup};
use super::host::{parse_ports, parse_range};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// `keepalive=64`: the whole remedy, with HTTP/1.1 and an empty `Connection`; 0: none.
    Keepalive(u32),
    /// `keepalive_requests=10000`
    KeepaliveRequests(u32),
    /// `range=15000-65000`
    Range((u16, u16)),
    /// `reserved=8080+9000-9010`
    Reserved(Vec<(u16, u16)>),
    /// `sources=4`: so many addresses with equal shares.
    Sources(u32),
    /// `destinations=4`: so many addresses or ports of the upstream with equal shares.
    Destinations(u32),
    /// `tw_reuse=1`
    TwReuse(u32),
    /// `workers=8`
    Workers(u32),
}

/// Every name with the numbers that it takes.
const NUMBERS: [(&str, u32, u32); 6] = [
    ("keepalive", 0, 1_000_000),
    ("keepalive_requests", 1, 1_000_000_000),
    ("sources", 1, 65_535),
    ("destinations", 1, 65_535),
    ("tw_reuse", 0, 2),
    ("workers", 1, 1024),
];

impl Change {
    /// Reads `name=value`.
    ///
    /// # Errors
    /// With what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known =
            "keepalive, keepalive_requests, sources, destinations, tw_reuse, workers, range, reserved";
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}`: expected NAME=VALUE, NAME one of {known}"))?;
        let wrong = |expected: String| format!("`{text}`: {expected}");
        match name {
            "range" => return parse_range(value).map(Change::Range).map_err(wrong),
            "reserved" => return parse_ports(&value.replace('+', ",")).map(Change::Reserved).map_err(wrong),
            _ => {}
        }
        let Some(&(_, least, most)) = NUMBERS.iter().find(|(n, ..)| *n == name) else {
            return Err(format!("`{name}` cannot be changed; expected one of {known}"));
        };
        let number = value.parse().ok().filter(|n| (least..=most).contains(n));
        let n = number.ok_or_else(|| wrong(format!("expected a number from {least} to {most}")))?;
        Ok(match name {
            "keepalive" => Change::Keepalive(n),
            "keepalive_requests" => Change::KeepaliveRequests(n),
            "sources" => Change::Sources(n),
            "destinations" => Change::Destinations(n),
            "tw_reuse" => Change::TwReuse(n),
            _ => Change::Workers(n),
        })
    }

    /// Makes the change.
    pub fn apply(&self, setup: &mut Setup) {
        match self {
            Change::Keepalive(0) => {
                setup.reuse = None;
                setup.active_close = 1.0;
            }
            Change::Keepalive(pool) => {
                let requests = setup.reuse.map_or(setup.default_requests, |r| r.requests);
                setup.reuse = Some(Reuse { pool: *pool, requests });
            }
            Change::KeepaliveRequests(requests) => {
                setup.default_requests = *requests;
                if let Some(reuse) = &mut setup.reuse {
                    reuse.requests = *requests;
                }
            }
            Change::Range(range) => setup.host.range.value = *range,
            Change::Reserved(ports) => setup.host.reserved.value.clone_from(ports),
            Change::Sources(n) => {
                setup.sources = *n;
                setup.heaviest_source = 1.0 / f64::from(*n);
            }
            Change::Destinations(n) => {
                setup.destinations = *n;
                setup.heaviest_destination = 1.0 / f64::from(*n);
            }
            Change::TwReuse(n) => setup.host.tw_reuse.value = *n,
            Change::Workers(n) => setup.workers = *n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_nonsense() {
        let good = [
            ("keepalive=64", Change::Keepalive(64)),
            ("range=15000-65000", Change::Range((15000, 65000))),
            ("reserved=8080+9000-9010", Change::Reserved(vec![(8080, 8080), (9000, 9010)])),
            ("sources=4", Change::Sources(4)),
            ("tw_reuse=1", Change::TwReuse(1)),
        ];
        for (text, expected) in good {
            assert_eq!(Change::parse(text).unwrap(), expected);
        }
        let bad = [
            ("keepalive", "expected NAME=VALUE"),
            ("speed=9", "cannot be changed; expected one of keepalive"),
            ("sources=0", "from 1 to 65535"),
            ("sources=-1", "from 1 to 65535"),
            ("keepalive=99999999999", "from 0 to 1000000"),
            ("tw_reuse=3", "from 0 to 2"),
            ("range=0-5", "from 1 to 65535"),
            ("range=9-5", "the lower first"),
        ];
        for (text, expected) in bad {
            let error = Change::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
