//! Settings of the host: the local ports that `connect()` may choose, and the time that a closed connection holds one.

use std::collections::BTreeSet;

use super::sysctl::Sysctls;

/// Seconds that a connection stays in `TIME_WAIT`: `TCP_TIMEWAIT_LEN` is 60 s and no setting changes it; the timer
/// wheel frees ports up to two seconds later, 61 s in the mean.
pub const TIME_WAIT: f64 = 61.0;

/// A number and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// True if it was read; otherwise it is Linux's default.
    pub is_read: bool,
}

impl<T> Fact<T> {
    fn assumed(value: T) -> Self {
        Self { value, is_read: false }
    }
}

/// The settings of a network namespace that ports depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `net.ipv4.ip_local_port_range`, which rules IPv6 too.
    pub range: Fact<(u16, u16)>,
    /// `net.ipv4.ip_local_reserved_ports`
    pub reserved: Fact<Vec<(u16, u16)>>,
    /// `net.ipv4.tcp_tw_reuse`: 0 never, 1 always, 2 over loopback.
    pub tw_reuse: Fact<u32>,
    /// `net.ipv4.tcp_timestamps`, without which no port in `TIME_WAIT` is used again.
    pub timestamps: Fact<u32>,
    /// `net.ipv4.tcp_tw_reuse_delay` in milliseconds; older kernels have a fixed second.
    pub tw_reuse_delay: Fact<u32>,
    /// `net.ipv4.tcp_max_tw_buckets`: above it `TIME_WAIT` sockets are destroyed at once.
    pub max_tw_buckets: Fact<u32>,
    /// `net.ipv4.tcp_fin_timeout` in seconds, which has nothing to do with `TIME_WAIT`.
    pub fin_timeout: Fact<u32>,
    /// Ports with a listening or bound socket; `connect()` skips them whatever their address.
    pub listening: BTreeSet<u16>,
    /// CPUs, which `worker_processes auto` makes workers.
    pub cpus: Fact<u32>,
}

impl Default for Host {
    /// Linux's defaults.
    fn default() -> Self {
        Self {
            range: Fact::assumed((32768, 60999)),
            reserved: Fact::assumed(Vec::new()),
            tw_reuse: Fact::assumed(2),
            timestamps: Fact::assumed(1),
            tw_reuse_delay: Fact::assumed(1000),
            max_tw_buckets: Fact::assumed(131_072),
            fin_timeout: Fact::assumed(60),
            listening: BTreeSet::new(),
            cpus: Fact::assumed(4),
        }
    }
}

/// The settings that [`Host::read`] looks at.
pub const NAMES: [&str; 7] = [
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_fin_timeout",
];

impl Host {
    /// Takes over what `sysctls` tells; the rest stays assumed.
    ///
    /// # Errors
    /// If a value cannot be one of its setting, with what was expected.
    pub fn read(sysctls: &Sysctls) -> Result<Self, String> {
        let mut host = Self::default();
        if let Some(text) = sysctls.get(NAMES[0]) {
            host.range = read(NAMES[0], text, parse_range(text))?;
        }
        if let Some(text) = sysctls.get(NAMES[1]) {
            host.reserved = read(NAMES[1], text, parse_ports(text))?;
        }
        let mut numbers = [
            (&mut host.tw_reuse, 2),
            (&mut host.timestamps, 2),
            (&mut host.tw_reuse_delay, 60_000),
            (&mut host.max_tw_buckets, i32::MAX.unsigned_abs()),
            (&mut host.fin_timeout, i32::MAX.unsigned_abs()),
        ];
        for (name, (fact, most)) in NAMES[2..].iter().zip(&mut numbers) {
            if let Some(text) = sysctls.get(name) {
                let value = text.parse().ok().filter(|n: &u32| *n <= *most);
                **fact =
                    read(name, text, value.ok_or_else(|| format!("expected a number from 0 to {most}")))?;
            }
        }
        Ok(host)
    }

    /// Seconds for which a connection that this side closed holds its port.
    pub fn time_wait(&self, to_loopback: bool) -> f64 {
        let reused = match self.tw_reuse.value {
            0 => false,
            1 => true,
            _ => to_loopback,
        };
        if reused && self.timestamps.value != 0 {
            // A delay of 0 would divide by nothing; the kernel's clock has milliseconds.
            f64::from(self.tw_reuse_delay.value.max(1)) / 1000.0
        } else {
            TIME_WAIT
        }
    }

    /// The ports that `connect()` can choose, and how many of them it tries first.
    pub fn ports(&self) -> Ports {
        let (first, last) = self.range.value;
        let (mut all, mut first_parity) = (0, 0);
        for port in first..=last {
            if self.is_taken(port) {
                continue;
            }
            all += 1;
            first_parity += u32::from(port % 2 == first % 2);
        }
        // A search of a range of odd size leaves out one port.
        let size = u32::from(last - first) + 1;
        Ports { all, first_parity: first_parity.min((size / 2).max(1)) }
    }

    fn is_taken(&self, port: u16) -> bool {
        self.is_reserved(port) || self.listening.contains(&port)
    }

    /// True if a port is set apart from automatic choice.
    pub fn is_reserved(&self, port: u16) -> bool {
        self.reserved.value.iter().any(|&(first, last)| (first..=last).contains(&port))
    }

    /// Listening ports inside the range that are not reserved.
    pub fn exposed(&self) -> Vec<u16> {
        let (first, last) = self.range.value;
        self.listening.range(first..=last).copied().filter(|&p| !self.is_reserved(p)).collect()
    }
}

/// Number of ports that one source address has towards one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// All ports: the hard limit.
    pub all: u32,
    /// Those of the parity that is tried first. When they are taken each `connect()` searches all of them in vain
    /// before it tries the others: the cliff.
    pub first_parity: u32,
}

fn read<T>(name: &str, text: &str, value: Result<T, String>) -> Result<Fact<T>, String> {
    match value {
        Ok(value) => Ok(Fact { value, is_read: true }),
        Err(expected) => Err(format!("{name} = `{text}`: {expected}")),
    }
}

/// Two ports as the kernel prints them (`32768 60999`) or as a person writes them (`32768-60999`).
///
/// # Errors
/// With what was expected.
pub fn parse_range(text: &str) -> Result<(u16, u16), String> {
    let mut parts = text.split(|c: char| c == '-' || c.is_whitespace()).filter(|p| !p.is_empty());
    let port = |text: Option<&str>| text?.parse::<u16>().ok().filter(|&p| p > 0);
    match (port(parts.next()), port(parts.next()), parts.next()) {
        (Some(first), Some(last), None) if first <= last => Ok((first, last)),
        _ => Err("expected two ports from 1 to 65535, the lower first, for example `15000-65000`".to_owned()),
    }
}

/// A list such as `8080,9000-9010`; may be empty.
///
/// # Errors
/// With what was expected.
pub fn parse_ports(text: &str) -> Result<Vec<(u16, u16)>, String> {
    let one = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?)).filter(|(first, last): &(u16, u16)| first <= last)
    };
    let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
    parts
        .map(one)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| "expected ports from 0 to 65535 such as `8080,9000-9010`".to_owned())
}

/// A range as a person writes it.
pub fn show_range(range: (u16, u16)) -> String {
    let (first, last) = range;
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<Host, String> {
        Host::read(&Sysctls::parse(text))
    }

    #[test]
    fn ports_of_a_range() {
        // Range, reserved, listening: what connect() can choose, and what it tries first.
        let cases: &[(&str, &str, &[u16], u32, u32)] = &[
            ("32768 60999", "", &[], 28_232, 14_116),
            ("1024-65000", "", &[], 63_977, 31_988),
            ("15000\t65000", "", &[], 50_001, 25_000),
            ("20000 20063", "", &[], 64, 32),
            ("20000 20063", "20000-20031", &[], 32, 16),
            (
                "20000 20063",
                "",
                &[20000, 20001, 20002, 20003, 20004, 20005, 20006, 20007, 20008, 20009],
                54,
                27,
            ),
            ("20001 20001", "", &[], 1, 1),
            ("20000 20003", "20000,20002", &[443], 2, 0),
        ];
        for (range, reserved, listening, all, first_parity) in cases {
            let text = format!(
                "net.ipv4.ip_local_port_range = {range}\nnet.ipv4.ip_local_reserved_ports = {reserved}"
            );
            let mut host = host(&text).unwrap();
            host.listening.extend(*listening);
            assert_eq!(host.ports(), Ports { all: *all, first_parity: *first_parity }, "{range} {reserved}");
        }
    }

    #[test]
    fn time_wait_depends_on_three_settings() {
        let cases = [
            ("", false, 61.0),
            ("", true, 1.0),
            ("net.ipv4.tcp_tw_reuse=0", true, 61.0),
            ("net.ipv4.tcp_tw_reuse=1", false, 1.0),
            ("net.ipv4.tcp_tw_reuse=1\nnet.ipv4.tcp_timestamps=0", false, 61.0),
            ("net.ipv4.tcp_tw_reuse=1\nnet.ipv4.tcp_tw_reuse_delay=100", false, 0.1),
            ("net.ipv4.tcp_fin_timeout=5", false, 61.0),
        ];
        for (text, loopback, expected) in cases {
            let seconds = host(text).unwrap().time_wait(loopback);
            assert!((seconds - expected).abs() < 1e-9, "{text} {loopback}: {seconds}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_was_expected() {
        let cases = [
            ("net.ipv4.ip_local_port_range = 5", "two ports from 1 to 65535"),
            ("net.ipv4.ip_local_port_range = 60000 5", "the lower first"),
            ("net.ipv4.ip_local_port_range = 0 5", "from 1 to 65535"),
            ("net.ipv4.ip_local_port_range = 1 70000", "from 1 to 65535"),
            ("net.ipv4.ip_local_reserved_ports = x", "ports from 0 to 65535"),
            ("net.ipv4.tcp_tw_reuse = 3", "a number from 0 to 2"),
            ("net.ipv4.tcp_tw_reuse = -1", "a number from 0 to 2"),
        ];
        for (text, expected) in cases {
            let error = host(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_not_told_is_assumed() {
        let host = host("# comment\nnet/ipv4/ip_local_port_range = 1024 2047\nnonsense\n").unwrap();
        assert_eq!(host.range, Fact { value: (1024, 2047), is_read: true });
        assert!(!host.tw_reuse.is_read);
        assert_eq!(Sysctls::parse("a\nb = 1").foreign, [1]);
    }
}
