//! Counters of the kernel: `/proc/net/netstat` and `snmp`, and connection tracking.

use std::collections::BTreeMap;

/// Counters by `Prefix.Name`, for example `TcpExt.TW`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, i64>);

impl Counters {
    /// Reads pairs of lines: names, then numbers.
    pub fn parse(text: &str) -> Self {
        let mut read = BTreeMap::new();
        let mut lines = text.lines();
        while let (Some(names), Some(numbers)) = (lines.next(), lines.next()) {
            let (Some((prefix, names)), Some((_, numbers))) =
                (names.split_once(':'), numbers.split_once(':'))
            else {
                continue;
            };
            for (name, number) in names.split_ascii_whitespace().zip(numbers.split_ascii_whitespace()) {
                if let Ok(number) = number.parse() {
                    read.insert(format!("{prefix}.{name}"), number);
                }
            }
        }
        Self(read)
    }

    /// One counter; 0 if the kernel has none of the name.
    pub fn get(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or_default()
    }
}

/// `insert_failed` of `/proc/net/stat/nf_conntrack`, all CPUs together.
pub fn insert_failed(text: &str) -> u64 {
    let mut lines = text.lines();
    let Some(column) =
        lines.next().and_then(|h| h.split_ascii_whitespace().position(|n| n == "insert_failed"))
    else {
        return 0;
    };
    let values = lines.filter_map(|l| l.split_ascii_whitespace().nth(column));
    values.filter_map(|v| u64::from_str_radix(v, 16).ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_texts() {
        let netstat = "TcpExt: SyncookiesSent TW TWRecycled TCPTimeWaitOverflow\nTcpExt: 0 1216 7 933\nIpExt: InOctets\nIpExt: 99\n";
        let counters = Counters::parse(netstat);
        assert_eq!(counters.get("TcpExt.TW"), 1216);
        assert_eq!(counters.get("TcpExt.TCPTimeWaitOverflow"), 933);
        assert_eq!(counters.get("IpExt.InOctets"), 99);
        assert_eq!(counters.get("TcpExt.None"), 0);
        assert_eq!(Counters::parse("garbage").get("x"), 0);
        let conntrack = "entries  clashres found new invalid insert_failed drop\n00000010 00000000 00000000 0 0 0000000a 0\n00000010 00000000 00000000 0 0 00000001 0\n";
        assert_eq!(insert_failed(conntrack), 11);
        assert_eq!(insert_failed(""), 0);
    }
}
