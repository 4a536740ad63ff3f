//! Buckets of `split_clients` as ranges of hashes (`ngx_http_split_clients_module.c`).

use crate::model::SplitClients;
use crate::version::Version;

/// First version in which the entry that reaches 100 % covers the rest of the hashes, as `*` does. Before, rounding
/// left some hashes at the top without a bucket, and the variable empty.
pub const LAST_COVERS_REST: Version = Version::new(1, 31, 2);

/// Number of hashes.
pub const HASHES: u64 = 1 << 32;

/// Range of hashes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Lowest hash.
    pub first: u32,
    /// Highest hash.
    pub last: u32,
}

impl Range {
    /// Number of hashes in the range; its share of all hashes is this divided by 2^32.
    pub fn count(self) -> u64 {
        u64::from(self.last) - u64::from(self.first) + 1
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    first: u32,
    is_whole: bool,
}

/// Thresholds of one `split_clients`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// A bucket has the hashes below its threshold that no earlier bucket has; 0 stands for all of them.
    thresholds: Box<[u32]>,
    /// For each first byte of a hash, the first bucket with any such hash, and true if the bucket has all of them;
    /// otherwise the search begins at that bucket.
    cells: Box<[Cell; 256]>,
}

impl Table {
    /// Thresholds in nginx's order with its arithmetic, `uint32_t` overflow included
    /// (`ngx_conf_split_clients_block`).
    pub fn new(split: &SplitClients, version: Version) -> Self {
        let (mut sum, mut last) = (0_u32, 0_u32);
        let thresholds = split.buckets.iter().map(|bucket| {
            let mut percent = bucket.percent;
            sum = if percent == 0 { 10_000 } else { sum.wrapping_add(percent) };
            if sum == 10_000 && version >= LAST_COVERS_REST {
                percent = 0;
            }
            if percent != 0 {
                // nginx rounds each share down separately, so the errors add up.
                last = last.wrapping_add((u64::from(percent) * 0xffff_ffff / 10_000) as u32);
                percent = last;
            }
            percent
        });
        let thresholds: Box<[u32]> = thresholds.collect();
        let first = |hash: u32| {
            thresholds.iter().position(|&t| hash < t || t == 0).unwrap_or(thresholds.len()) as u32
        };
        let cells = std::array::from_fn(|byte| {
            let low = (byte as u32) << 24;
            let first_bucket = first(low);
            Cell { first: first_bucket, is_whole: first(low | 0x00ff_ffff) == first_bucket }
        });
        Self { thresholds, cells: Box::new(cells) }
    }

    /// Position of a hash's bucket (`ngx_http_split_clients_variable`); `None`: the variable is empty.
    #[inline]
    pub fn find(&self, hash: u32) -> Option<usize> {
        let cell = self.cells[(hash >> 24) as usize];
        let start = cell.first as usize;
        if cell.is_whole {
            return (start < self.thresholds.len()).then_some(start);
        }
        let found = self.thresholds[start..].iter().position(|&t| hash < t || t == 0);
        found.map(|position| start + position)
    }

    /// Hashes of each bucket, `None` for an empty one, and then the hashes without a bucket.
    pub fn ranges(&self) -> (Vec<Option<Range>>, Option<Range>) {
        let mut next = 0_u64;
        let mut take = |end: u64| {
            let range = (next < end).then(|| Range { first: next as u32, last: (end - 1) as u32 });
            next = next.max(end);
            range
        };
        let ranges = self
            .thresholds
            .iter()
            .map(|&threshold| take(if threshold == 0 { HASHES } else { u64::from(threshold) }))
            .collect();
        (ranges, take(HASHES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::Builder;
    use proptest::prelude::*;

    const OLD: Version = Version::new(1, 31, 1);
    const NEW: Version = LAST_COVERS_REST;

    fn table(percents: &[u32], version: Version) -> Table {
        let buckets: Vec<(u32, String)> = percents.iter().map(|&p| (p, p.to_string())).collect();
        let mut builder = Builder::new(version);
        builder.split("$remote_addr", "split", &buckets);
        Table::new(&builder.build().http.split_clients[0], version)
    }

    fn shares(percents: &[u32], version: Version) -> (Vec<u64>, u64) {
        let (ranges, rest) = table(percents, version).ranges();
        (ranges.iter().map(|r| r.map_or(0, Range::count)).collect(), rest.map_or(0, Range::count))
    }

    #[test]
    fn ten_tenths() {
        let star = table(&[1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 0], OLD);
        for (hash, bucket) in [
            (0, 0),
            (150_000_000, 0),
            (429_496_728, 0),
            (429_496_729, 1),
            (1_500_000_000, 3),
            (3_865_470_560, 8),
            (3_865_470_561, 9),
            (u32::MAX, 9),
        ] {
            assert_eq!(star.find(hash), Some(bucket), "{hash}");
        }
        assert_eq!(star.ranges().0[0], Some(Range { first: 0, last: 429_496_728 }));
    }

    #[test]
    fn shares_are_exact() {
        const TENTH: u64 = 429_496_729;
        let tenths = vec![TENTH; 10];
        let last = |n: u64| {
            let mut shares = tenths.clone();
            shares[9] = n;
            shares
        };
        let whole = HASHES - 9 * TENTH;
        let cases: &[(&[u32], Version, Vec<u64>, u64)] = &[
            (&[1000; 10], OLD, tenths.clone(), 6),
            (&[1000; 10], NEW, last(whole), 0),
            (&[1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 0], OLD, last(whole), 0),
            (&[10_000], OLD, vec![HASHES - 1], 1),
            (&[10_000], NEW, vec![HASHES], 0),
            (&[10_000, 0], OLD, vec![HASHES - 1, 1], 0),
            (&[10_000, 0], NEW, vec![HASHES, 0], 0),
            (&[0], OLD, vec![HASHES], 0),
            (&[0], NEW, vec![HASHES], 0),
            (&[1, 0], NEW, vec![429_496, HASHES - 429_496], 0),
            (&[5000], OLD, vec![2_147_483_647], 2_147_483_649),
            (&[5000], NEW, vec![2_147_483_647], 2_147_483_649),
            (&[3333, 3333, 3334], OLD, vec![1_431_512_599, 1_431_512_599, 1_431_942_096], 2),
            (&[], NEW, vec![], HASHES),
        ];
        for (percents, version, expected, rest) in cases {
            assert_eq!(shares(percents, *version), (expected.clone(), *rest), "{percents:?} {version}");
        }
    }

    proptest! {
        #[test]
        fn ranges_are_what_find_says(
            percents in proptest::collection::vec(0_u32..3000, 0..12), new: bool, hash: u32,
        ) {
            let table = table(&percents, if new { NEW } else { OLD });
            let (ranges, rest) = table.ranges();
            let inside = |r: &Option<Range>| r.is_some_and(|r| (r.first..=r.last).contains(&hash));
            prop_assert_eq!(ranges.iter().position(inside), table.find(hash));
            prop_assert_eq!(inside(&rest), table.find(hash).is_none());
            let all: u64 = ranges.iter().chain([&rest]).filter_map(|r| r.map(Range::count)).sum();
            prop_assert_eq!(all, HASHES);
        }
    }
}
