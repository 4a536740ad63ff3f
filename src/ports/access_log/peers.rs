//! Peers of the access log, and bursts of failures: of all requests, or of one peer.

use std::collections::BTreeMap;

/// Peers that are distinguished.
const MOST_PEERS: usize = 500;
/// Seconds of peers that are distinguished.
const MOST_SECONDS: usize = 1_000_000;

/// Attempts at peers, by peer and second: how many, and how many ended with 5xx.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    by_name: BTreeMap<String, BTreeMap<i64, (u64, u64)>>,
    seconds: usize,
}

/// Some seconds in each of which more than a tenth failed, and at least two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// First second of the burst.
    pub first: i64,
    /// Last second of the burst.
    pub last: i64,
    /// Requests, or attempts at a peer, in that time.
    pub requests: u64,
    /// Failed requests or attempts.
    pub errors: u64,
}

impl Burst {
    /// Failed share, in percent.
    pub fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let share = 100.0 * self.errors as f64 / self.requests.max(1) as f64;
        share
    }
}

/// Bursts in seconds with their requests and failures, most failures first. A time divides those before it, and in its own
/// second, from those after it.
pub(super) fn bursts(seconds: impl Iterator<Item = (i64, u64, u64)>, divide: Option<i64>) -> Vec<Burst> {
    let is_divided = |first: i64, second: i64| divide.is_some_and(|at| first <= at && at < second);
    let mut found: Vec<Burst> = Vec::new();
    for (at, requests, errors) in
        seconds.filter(|(_, requests, errors)| *errors >= 2 && errors * 10 > *requests)
    {
        match found.last_mut() {
            // Gaps of a second or two without requests do not end a burst.
            Some(run) if at - run.last <= 2 && !is_divided(run.last, at) => {
                run.last = at;
                run.requests += requests;
                run.errors += errors;
            }
            _ => found.push(Burst { first: at, last: at, requests, errors }),
        }
    }
    found.sort_by_key(|burst| std::cmp::Reverse(burst.errors));
    found
}

impl Peers {
    /// Takes in the peers of a request and the status of each: `a, b : c`, as nginx writes several.
    pub(super) fn add(&mut self, at: i64, peers: &[u8], statuses: &[u8]) {
        let split = |text: &'_ [u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(text).replace(" : ", ", ");
            text.split(", ").map(str::to_owned).collect()
        };
        for (name, status) in split(peers).into_iter().zip(split(statuses)) {
            let is_known = self.by_name.contains_key(&name);
            if name.is_empty() || name == "-" || !is_known && self.by_name.len() >= MOST_PEERS {
                continue;
            }
            let seconds = self.by_name.entry(name).or_default();
            if self.seconds >= MOST_SECONDS && !seconds.contains_key(&at) {
                continue;
            }
            self.seconds += usize::from(!seconds.contains_key(&at));
            let (attempts, failed) = seconds.entry(at).or_default();
            *attempts += 1;
            *failed += u64::from(status.starts_with('5'));
        }
    }

    /// Attempts at each peer, and those that failed, in some seconds; most failures first.
    pub fn between(&self, first: i64, last: i64) -> Vec<(&str, u64, u64)> {
        let sum = |seconds: &BTreeMap<i64, (u64, u64)>| {
            seconds
                .range(first..=last)
                .fold((0, 0), |(n, f), (_, (attempts, failed))| (n + attempts, f + failed))
        };
        let all = self.by_name.iter().map(|(name, seconds)| (name.as_str(), sum(seconds)));
        let mut all: Vec<_> =
            all.filter(|(_, (n, _))| *n > 0).map(|(name, (n, failed))| (name, n, failed)).collect();
        all.sort_by_key(|(_, _, failed)| std::cmp::Reverse(*failed));
        all
    }

    /// The worst burst of each peer that has one, most failures first.
    pub fn bursts(&self, divide: Option<i64>) -> Vec<(&str, Burst)> {
        let worst = |seconds: &BTreeMap<i64, (u64, u64)>| {
            let all = bursts(seconds.iter().map(|(at, (n, failed))| (*at, *n, *failed)), divide);
            // Those after the time say what is so now.
            let after = all.iter().find(|burst| divide.is_some_and(|at| burst.last > at));
            after.or(all.first()).copied()
        };
        let mut all: Vec<_> = self
            .by_name
            .iter()
            .filter_map(|(name, seconds)| Some((name.as_str(), worst(seconds)?)))
            .collect();
        all.sort_by_key(|(_, burst)| std::cmp::Reverse(burst.errors));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_of_many_fails() {
        let mut peers = Peers::default();
        for at in 0..30 {
            for peer in 0..20 {
                let status: &[u8] = if peer == 7 && (10..14).contains(&at) { b"503" } else { b"200" };
                for _ in 0..3 {
                    peers.add(at, format!("10.0.0.{peer}:80").as_bytes(), status);
                }
            }
        }
        let found = peers.bursts(None);
        assert_eq!(found, [("10.0.0.7:80", Burst { first: 10, last: 13, requests: 12, errors: 12 })]);
        assert_eq!(peers.between(10, 13)[0], ("10.0.0.7:80", 12, 12));
        peers.add(50, b"10.0.0.1:80, 10.0.0.2:80 : -", b"502, 504 : -");
        assert_eq!(peers.between(50, 50), [("10.0.0.1:80", 1, 1), ("10.0.0.2:80", 1, 1)]);
    }
}
