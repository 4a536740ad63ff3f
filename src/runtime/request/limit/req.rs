//! The zone of a `limit_req_zone`: a leaky bucket for each key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::runtime::request::limit::NODE;

/// The buckets of a zone.
#[derive(Debug)]
pub(crate) struct ReqZone {
    buckets: Mutex<HashMap<Box<[u8]>, Bucket>>,
    most: usize,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a request above the rate.
    pub(crate) excess: u64,
    /// Milliseconds; 0 until a request was counted.
    pub(crate) last: u64,
}

impl Bucket {
    /// The bucket's excess after one more request, and the time that has passed.
    fn next(self, rate: u64, now: u64) -> (u64, u64) {
        let passed = now.saturating_sub(self.last);
        let drained = u128::from(rate) * u128::from(passed) / 1000;
        let excess = u128::from(self.excess + 1000).saturating_sub(drained);
        (u64::try_from(excess).unwrap_or(u64::MAX), passed)
    }

    fn count(&mut self, excess: u64, passed: u64, now: u64) {
        self.excess = excess;
        if passed > 0 {
            self.last = now;
        }
    }
}

/// The verdict on one more request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Busy(u64),
    Fits(u64),
}

impl ReqZone {
    /// A zone of that many bytes.
    pub(crate) fn new(size: u64) -> Self {
        let most = usize::try_from(size / NODE).unwrap_or(usize::MAX).max(8);
        Self { buckets: Mutex::default(), most }
    }

    /// `ngx_http_limit_req_lookup`; the last limit of a list counts the request at once.
    pub(crate) fn lookup(&self, key: &[u8], rate: u64, burst: u64, is_last: bool, now: u64) -> Verdict {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            let (excess, passed) = bucket.next(rate, now);
            if excess > burst {
                return Verdict::Busy(excess);
            }
            if is_last {
                bucket.count(excess, passed, now);
            }
            return Verdict::Fits(excess);
        }
        if buckets.len() >= self.most {
            make_room(&mut buckets, rate, now);
        }
        buckets.insert(key.into(), Bucket { excess: 0, last: if is_last { now } else { 0 } });
        Verdict::Fits(0)
    }

    /// `ngx_http_limit_req_account`
    pub(crate) fn account(&self, key: &[u8], rate: u64, now: u64) -> u64 {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = buckets.get_mut(key) else { return 0 };
        // Of a bucket that is new the time that has passed is the age of the clock: it is empty.
        let (excess, passed) = if bucket.last == 0 { (0, now) } else { bucket.next(rate, now) };
        bucket.count(excess, passed, now);
        excess
    }
}

/// Forgets the buckets that have drained, and if none has, the eighth that was used longest ago.
fn make_room(buckets: &mut HashMap<Box<[u8]>, Bucket>, rate: u64, now: u64) {
    let before = buckets.len();
    buckets.retain(|_, bucket| bucket.next(rate, now).0 > 0);
    if buckets.len() == before {
        let mut times: Vec<u64> = buckets.values().map(|bucket| bucket.last).collect();
        let (_, oldest, _) = times.select_nth_unstable(before / 8);
        let oldest = *oldest;
        buckets.retain(|_, bucket| bucket.last > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_drain_at_their_rate() {
        let zone = ReqZone::new(1 << 20);
        // Two a second, a burst of one.
        let ask = |now| zone.lookup(b"k", 2000, 1000, true, now);
        assert_eq!(ask(1000), Verdict::Fits(0));
        assert_eq!(ask(1000), Verdict::Fits(1000));
        assert_eq!(ask(1000), Verdict::Busy(2000));
        assert_eq!(ask(1250), Verdict::Busy(1500));
        assert_eq!(ask(1500), Verdict::Fits(1000));
        assert_eq!(ask(10_000), Verdict::Fits(0));
    }

    #[test]
    fn memory_is_bounded() {
        let zone = ReqZone::new(NODE * 100);
        for n in 0..10_000u32 {
            zone.lookup(&n.to_le_bytes(), 1, 0, true, u64::from(n) + 1);
        }
        assert!(zone.buckets.lock().unwrap().len() <= 100);
    }
}
