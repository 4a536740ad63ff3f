//! Comparison of two versions of a `split_clients`: the number of hashes whose value differs.

use crate::eval::Program;
use crate::eval::split_clients::{HASHES, Range};

/// Values with their ranges of hashes; empty for the hashes without a bucket.
fn values(program: &Program, split: usize) -> Vec<(Range, &[u8])> {
    let (ranges, rest) = program.split(split).ranges();
    let buckets = &program.config().http.split_clients[split].buckets;
    let taken = ranges.into_iter().zip(buckets).filter_map(|(range, b)| Some((range?, &*b.value)));
    let mut all: Vec<_> = taken.chain(rest.map(|range| (range, &b""[..]))).collect();
    all.sort_by_key(|(range, _)| range.first);
    all
}

/// Number of hashes (of 2^32) whose value differs; exact. The number is the share of keys that move if both hash the
/// same key.
pub fn moved(old: (&Program, usize), new: (&Program, usize)) -> u64 {
    let (old, new) = (values(old.0, old.1), values(new.0, new.1));
    let mut same = 0;
    for (a, value) in &old {
        for (b, _) in new.iter().filter(|(_, v)| v == value) {
            let (first, last) = (a.first.max(b.first), a.last.min(b.last));
            if first <= last {
                same += Range { first, last }.count();
            }
        }
    }
    HASHES - same
}
