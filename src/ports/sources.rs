//! Source addresses: what `proxy_bind` makes of them, and which share of the connections each gets.

use std::net::IpAddr;

use crate::eval::split_clients::{HASHES, Table};
use crate::model::proxy::Bind;
use crate::model::{ComplexValue, Config, Segment, VariableSource};
use crate::reuse::fold;

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The address; `None`: the kernel chooses the one that its routes say.
    pub address: Option<IpAddr>,
    /// Share of the connections, 0 to 1.
    pub share: f64,
}

/// Reason why the sources are not known as a list of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownSources {
    /// The value comes with the request: `$remote_addr`, `$server_addr` …; counted as one source.
    Request,
    /// The values are known, their shares are not; counted as equal.
    Shares,
    /// The value fixes the port, so each address has one connection to each destination.
    Port,
}

/// The sources of a location.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    /// At least one.
    pub list: Vec<Source>,
    /// The unknown part of the sources; `None`: addresses and shares are known.
    pub doubt: Option<UnknownSources>,
    /// `transparent`: the client's address and port.
    pub transparent: bool,
}

impl Sources {
    /// The address that the kernel chooses.
    pub fn kernel() -> Self {
        Self { list: vec![Source { address: None, share: 1.0 }], doubt: None, transparent: false }
    }

    /// So many imagined addresses with equal shares.
    pub fn equal(count: u32) -> Self {
        let share = 1.0 / f64::from(count.max(1));
        let list = vec![Source { address: None, share }; count.max(1) as usize];
        Self { list, doubt: None, transparent: false }
    }

    /// The largest share: the first source to run out.
    pub fn heaviest(&self) -> f64 {
        self.list.iter().map(|s| s.share).fold(0.0, f64::max)
    }
}

/// The sources that `proxy_bind` gives.
pub fn sources(config: &Config, bind: &Bind) -> Sources {
    match bind {
        Bind::Off => Sources::kernel(),
        Bind::Address { address, transparent } => Sources {
            list: vec![Source { address: Some(address.ip()), share: 1.0 }],
            doubt: (address.port() != 0).then_some(UnknownSources::Port),
            transparent: *transparent,
        },
        Bind::Value { value, transparent } => {
            Sources { transparent: *transparent, ..of_value(config, value) }
        }
    }
}

fn of_value(config: &Config, value: &ComplexValue) -> Sources {
    if let Some(shares) = of_split(config, value) {
        return shares;
    }
    let values = fold(config, value);
    if values.open || values.known.is_empty() {
        let mut sources = Sources::kernel();
        sources.doubt = Some(UnknownSources::Request);
        return sources;
    }
    let weight = 1.0 / count(values.known.len());
    let mut doubt = (values.known.len() > 1).then_some(UnknownSources::Shares);
    let mut sources = Sources { list: Vec::new(), doubt: None, transparent: false };
    for (text, _) in &values.known {
        let (address, has_port) = parse(text);
        if has_port {
            doubt = Some(UnknownSources::Port);
        }
        add(&mut sources.list, address, weight);
    }
    sources.doubt = doubt;
    sources
}

/// The exact shares of a variable that one `split_clients` defines.
fn of_split(config: &Config, value: &ComplexValue) -> Option<Sources> {
    let [Segment::Variable(id)] = value.segments.as_slice() else { return None };
    let VariableSource::SplitClients(position) = config.http.variables.get(*id).source else { return None };
    let split = &config.http.split_clients[position];
    let (ranges, rest) = Table::new(split, config.version).ranges();
    let mut sources = Sources { list: Vec::new(), doubt: None, transparent: false };
    for (bucket, range) in split.buckets.iter().zip(ranges) {
        let Some(range) = range else { continue };
        let (address, has_port) = parse(&bucket.value);
        if has_port {
            sources.doubt = Some(UnknownSources::Port);
        }
        add(&mut sources.list, address, share(range.count()));
    }
    if let Some(rest) = rest {
        // An empty value binds no address.
        add(&mut sources.list, None, share(rest.count()));
    }
    Some(sources)
}

/// Two buckets may have one address.
fn add(list: &mut Vec<Source>, address: Option<IpAddr>, share: f64) {
    match list.iter_mut().find(|s| s.address == address) {
        Some(source) => source.share += share,
        None => list.push(Source { address, share }),
    }
}

/// The address of a value, and whether it has a port. nginx goes on unbound with a value that is no address.
fn parse(text: &[u8]) -> (Option<IpAddr>, bool) {
    let text = String::from_utf8_lossy(text);
    if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        return (Some(address.ip()), address.port() != 0);
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(&text);
    (bare.parse().ok(), false)
}

#[expect(clippy::cast_precision_loss, reason = "at most 2^32")]
fn share(hashes: u64) -> f64 {
    hashes as f64 / HASHES as f64
}

#[expect(clippy::cast_precision_loss, reason = "a few dozen values")]
fn count(n: usize) -> f64 {
    n as f64
}
