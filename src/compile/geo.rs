//! `geo` (`ngx_http_geo_block`, `ngx_stream_geo_block`).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::access::network;
use super::address::parse_ip4;
use super::argument::refuse;
use super::directive::Directive;
use super::map::{entries, entry_error};
use super::scope::{Check, Compiler};
use super::value;
use crate::catalog::Subsystem;
use crate::diagnostic::Diagnostic;
use crate::model::access::Addresses;
use crate::model::geo::{Geo, GeoTable};
use crate::model::value::VariableSource;
use crate::syntax::{self, Block, Terminator};

/// First version with `volatile` in `geo`.
const VOLATILE: crate::version::Version = crate::version::Version::new(1, 29, 3);

pub(super) const CHECKS: &[(&str, Check)] = &[("geo", variables)];

/// `geo [$address] $variable`
fn variables<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    for n in 1..=directive.len() {
        if directive.arg(n).first() != Some(&b'$') {
            let nginx = format!("invalid variable name \"{}\"", directive.text(n));
            return refuse(cx, directive, n, "a variable", nginx);
        }
    }
    true
}

type Range = (IpAddr, IpAddr, Box<[u8]>);

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an entry of the block")]
struct Building {
    /// In `stream`: no proxies.
    stream: bool,
    is_ranges: bool,
    /// The block has an entry that must not precede `ranges`.
    has_networks: bool,
    networks: Vec<(IpNet, Box<[u8]>)>,
    /// Networks and their values; `default` stands for all addresses of both families.
    known: HashMap<IpNet, Box<[u8]>>,
    ranges: Vec<Range>,
    default: Option<Box<[u8]>>,
    proxies: Vec<Addresses>,
    proxy_recursive: bool,
    volatile: bool,
}

/// Checks the entries of a `geo` block that the model does not hold.
pub(super) fn check<'t>(cx: &mut Compiler<'t>, block: Block<'t>) {
    let mut building = Building { stream: cx.subsystem == Subsystem::Stream, ..Building::default() };
    entries(cx, block, &mut |cx, entry| building.entry(cx, entry));
}

/// Compiles a `geo` block.
pub(super) fn geo<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let has_source = directive.len() == 2;
    let name = directive.arg(1);
    let source = has_source
        .then(|| name.strip_prefix(b"$").map(|name| value::reference(cx, name, directive.arg_span(1))))
        .flatten();
    let position = cx.http.geos.len();
    let n = if has_source { 2 } else { 1 };
    let variable = value::define(cx, directive, n, VariableSource::Geo(position));
    let mut building = Building { stream: cx.subsystem == Subsystem::Stream, ..Building::default() };
    entries(cx, block, &mut |cx, entry| building.entry(cx, entry));
    let Some(variable) = variable else { return };
    let Building { is_ranges, networks, ranges, default, proxies, proxy_recursive, volatile, .. } = building;
    let table = if is_ranges { GeoTable::Ranges(ranges) } else { GeoTable::Networks(networks) };
    let (span, default) = (directive.span(), default.unwrap_or_default());
    cx.http.geos.push(Geo { source, variable, default, table, proxies, proxy_recursive, volatile, span });
}

impl Building {
    fn entry(&mut self, cx: &mut Compiler<'_>, entry: syntax::Directive<'_>) {
        let key = entry.name().value();
        if entry.terminator() == Terminator::Block {
            return entry_error(
                cx,
                entry.head(),
                "an entry of `geo` is a network and a value, not a block",
                "unexpected \"{\"",
            );
        }
        let value = entry.arg(0).map(syntax::Word::value).unwrap_or_default();
        let delete = *key == *b"delete";
        match (&*key, entry.args().len()) {
            (b"ranges", 0) if self.has_networks => {
                let nginx = "the \"ranges\" directive must be the first directive inside \"geo\" block";
                entry_error(cx, entry.head(), "`ranges` stands before all entries", nginx);
            }
            (b"ranges", 0) => self.is_ranges = true,
            (b"proxy_recursive", 0) if !self.stream => self.proxy_recursive = true,
            (b"volatile", 0) if !cx.is_since(VOLATILE) => {
                let message = format!(
                    "`volatile` of `geo` exists since nginx {VOLATILE}; this is checked for {}",
                    cx.version()
                );
                entry_error(cx, entry.head(), &message, "invalid number of the geo parameters");
            }
            (b"volatile", 0) => self.volatile = true,
            (b"proxy", 1) if !self.stream => {
                let net = read_network(cx, entry, &value);
                self.proxies.extend(net.map(Addresses::Net));
            }
            (b"default", 1) => {
                self.set_default(cx, entry, &value);
            }
            (_, 1) if self.is_ranges => {
                let Some((first, last)) = read_range(cx, entry, if delete { &value } else { &key }) else {
                    return;
                };
                if delete {
                    let before = self.ranges.len();
                    self.ranges.retain(|r| (r.0, r.1) != (first, last));
                    if self.ranges.len() == before {
                        warn(cx, entry, format!("no address range \"{}\" to delete", text(&value)));
                    }
                } else if overlap(cx, entry, &self.ranges, (first, last)) {
                    paint(&mut self.ranges, (first, last, (*value).into()));
                }
            }
            (_, 1) => {
                self.has_networks = true;
                let Some(net) = read_network(cx, entry, if delete { &value } else { &key }) else { return };
                if !delete {
                    self.add(cx, entry, net, &value);
                    self.networks.push((net, (*value).into()));
                } else if self.known.remove(&net).is_some() {
                    self.networks.retain(|(other, _)| *other != net);
                } else {
                    warn(cx, entry, format!("no network \"{}\" to delete", text(&value)));
                }
            }
            _ => entry_error(
                cx,
                entry.head(),
                "an entry of `geo` is a network and a value",
                "invalid number of the geo parameters",
            ),
        }
    }
}

impl Building {
    fn set_default(&mut self, cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, value: &[u8]) {
        if self.is_ranges {
            if let Some(old) = &self.default {
                let (value, old) = (text(value), text(old));
                warn(
                    cx,
                    entry,
                    format!("duplicate default geo range value: \"{value}\", old value: \"{old}\""),
                );
            }
        } else {
            self.has_networks = true;
            let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
            for net in everywhere.into_iter().filter_map(|address| IpNet::new(address, 0).ok()) {
                self.add(cx, entry, net, value);
            }
            self.networks.retain(|(net, _)| net.prefix_len() > 0);
        }
        self.default = Some(value.into());
    }

    /// Adds a network; warns about a duplicate (`ngx_http_geo_cidr_add`).
    fn add(&mut self, cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, net: IpNet, value: &[u8]) {
        if self.known.contains_key(&net) {
            // nginx looks up the network's first address, and shows the value of a smaller network.
            let longest = (net.prefix_len()..=net.max_prefix_len()).rev();
            let old = longest
                .filter_map(|length| IpNet::new(net.network(), length).ok())
                .find_map(|n| self.known.get(&n));
            let (shown, old) = (entry.name().value(), text(old.map_or(b"", |old| old)));
            let nginx = format!(
                "duplicate network \"{}\", value: \"{}\", old value: \"{old}\"",
                text(&shown),
                text(value)
            );
            warn(cx, entry, nginx);
        }
        self.known.insert(net, value.into());
    }
}

/// Parses a network and reports a malformed one (`ngx_http_geo_cidr_value`).
fn read_network(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, text: &[u8]) -> Option<IpNet> {
    if text == b"255.255.255.255" {
        return Some(IpNet::from(IpAddr::V4(Ipv4Addr::BROADCAST)));
    }
    let network = network(text);
    super::access::warn_low_bits(cx, text, entry.head());
    if network.is_none() {
        let shown = String::from_utf8_lossy(text).into_owned();
        let message = format!("`{shown}` is no network; expected `10.0.0.0/8`");
        entry_error(cx, entry.name().span(), &message, format!("invalid network \"{shown}\""));
    }
    network
}

/// Parses a range and reports a malformed one.
fn read_range(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, text: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let range = range(text);
    if range.is_none() {
        let shown = String::from_utf8_lossy(text).into_owned();
        let message = format!("`{shown}` is no range; expected `10.0.0.1-10.0.0.9`");
        entry_error(cx, entry.name().span(), &message, format!("invalid range \"{shown}\""));
    }
    range
}

fn range(text: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let dash = text.iter().position(|&b| b == b'-')?;
    let address = |text: &[u8]| parse_ip4(text).filter(|&a| a != Ipv4Addr::BROADCAST).map(IpAddr::V4);
    let (first, last) = (address(&text[..dash])?, address(&text[dash + 1..])?);
    (first <= last).then_some((first, last))
}

/// Low bits of an address within a part: nginx keeps the ranges apart by the addresses' upper 16 bits.
const PART: u32 = 0xffff;

/// Warns about a duplicate range, and refuses a range that overlaps another without lying inside it; true if the range
/// can be added (`ngx_http_geo_add_range`).
fn overlap(
    cx: &mut Compiler<'_>,
    entry: syntax::Directive<'_>,
    ranges: &[Range],
    (first, last): (IpAddr, IpAddr),
) -> bool {
    let (IpAddr::V4(first), IpAddr::V4(last)) = (first, last) else { return true };
    let shown = entry.name().to_string();
    let from = ranges.partition_point(|r| r.1 < IpAddr::V4(first));
    let to = ranges.partition_point(|r| r.0 <= IpAddr::V4(last));
    for (start, end, old) in ranges[from..to].iter().rev() {
        let (IpAddr::V4(start), IpAddr::V4(end)) = (*start, *end) else { continue };
        // Both ranges, cut to one part.
        let base = start.to_bits().max(first.to_bits()) & !PART;
        let clip = |a: Ipv4Addr, b: Ipv4Addr| (a.to_bits().max(base), b.to_bits().min(base | PART));
        let ((new, new_end), (old_start, old_end)) = (clip(first, last), clip(start, end));
        if (new, new_end) == (old_start, old_end) {
            let value = entry.arg(0).map(|word| word.to_string()).unwrap_or_default();
            let old = text(old);
            warn(cx, entry, format!("duplicate range \"{shown}\", value: \"{value}\", old value: \"{old}\""));
        } else if new < old_start || new_end > old_end {
            let (a, b) = (Ipv4Addr::from_bits(old_start), Ipv4Addr::from_bits(old_end));
            let message = format!("`{shown}` overlaps `{a}-{b}` and is not inside it");
            entry_error(cx, entry.name().span(), &message, format!("range \"{shown}\" overlaps \"{a}-{b}\""));
            return false;
        }
    }
    true
}

fn warn(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, nginx: String) {
    let delete = entry.name().is("delete");
    let message = match (delete, entry.arg(0)) {
        (true, Some(network)) => format!("there is no entry `{network}` to delete"),
        (true, None) => "there is nothing to delete".to_owned(),
        (false, _) => {
            format!("`{}` stands twice in this `geo`: the second entry replaces the first", entry.name())
        }
    };
    cx.report(
        Diagnostic::warning("duplicate-entry", entry.head(), message)
            .label(if delete { "no such entry before" } else { "again" })
            .help(if delete { "remove it" } else { "keep one of the two" })
            .nginx(nginx),
    );
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Puts a range over the existing ones (`ngx_http_geo_add_range`).
fn paint(ranges: &mut Vec<Range>, new: Range) {
    let from = ranges.partition_point(|r| r.1 < new.0);
    let to = ranges.partition_point(|r| r.0 <= new.1);
    let mut parts = Vec::with_capacity(3);
    if let Some(first) = ranges[from..to].first().filter(|r| r.0 < new.0)
        && let Some(end) = step(new.0, false)
    {
        parts.push((first.0, end, first.2.clone()));
    }
    let rest = ranges[from..to].last().filter(|r| r.1 > new.1);
    let rest = rest.and_then(|last| Some((step(new.1, true)?, last.1, last.2.clone())));
    parts.push(new);
    parts.extend(rest);
    ranges.splice(from..to, parts);
}

/// Next or previous address.
fn step(address: IpAddr, up: bool) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(a) => {
            let n = a.to_bits();
            IpAddr::V4((if up { n.checked_add(1) } else { n.checked_sub(1) })?.into())
        }
        IpAddr::V6(a) => {
            let n = a.to_bits();
            IpAddr::V6((if up { n.checked_add(1) } else { n.checked_sub(1) })?.into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ranges_lie_over_earlier_ones() {
        let mut ranges = Vec::new();
        for (text, value) in [
            ("10.0.0.0-10.0.0.255", "a"),
            ("10.0.0.10-10.0.0.20", "b"),
            ("10.0.0.0-10.0.0.1", "c"),
            ("10.0.0.20-10.0.0.30", "d"),
            ("10.0.0.254-10.0.0.255", "f"),
        ] {
            let (first, last) = range(text.as_bytes()).unwrap();
            paint(&mut ranges, (first, last, value.as_bytes().into()));
        }
        let shown: Vec<String> =
            ranges.iter().map(|(a, b, v)| format!("{a}-{b} {}", String::from_utf8_lossy(v))).collect();
        assert_eq!(
            shown,
            [
                "10.0.0.0-10.0.0.1 c",
                "10.0.0.2-10.0.0.9 a",
                "10.0.0.10-10.0.0.19 b",
                "10.0.0.20-10.0.0.30 d",
                "10.0.0.31-10.0.0.253 a",
                "10.0.0.254-10.0.0.255 f",
            ]
        );
        assert_eq!(range(b"10.0.0.2-10.0.0.1"), None);
        assert_eq!(range(b"10.0.0.2"), None);
        // There are no ranges of IPv6 addresses.
        assert_eq!(range(b"::1-::2"), None);
    }
}
