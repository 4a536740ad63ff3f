//! `geo` (`ngx_http_geo_block`).

use std::net::IpAddr;

use ipnet::IpNet;

use super::access::network;
use super::directive::Directive;
use super::scope::Compiler;
use super::{map, value};
use crate::diagnostic::Diagnostic;
use crate::model::access::Addresses;
use crate::model::geo::{Geo, GeoTable};
use crate::model::value::VariableSource;
use crate::syntax::{self, Block};

type Range = (IpAddr, IpAddr, Box<[u8]>);

#[derive(Default)]
struct Building {
    is_ranges: bool,
    networks: Vec<(IpNet, Box<[u8]>)>,
    ranges: Vec<Range>,
    default: Box<[u8]>,
    proxies: Vec<Addresses>,
    proxy_recursive: bool,
    volatile: bool,
}

/// Compiles a `geo` block of `http`.
pub(super) fn geo<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let has_source = directive.len() == 2;
    let name = directive.arg(1);
    let source = has_source
        .then(|| name.strip_prefix(b"$").map(|name| value::reference(cx, name, directive.arg_span(1))))
        .flatten();
    let position = cx.http.geos.len();
    let n = if has_source { 2 } else { 1 };
    let variable = value::define(cx, directive, n, VariableSource::Geo(position));
    let mut building = Building::default();
    map::entries(cx, block, &mut |cx, entry| building.entry(cx, entry));
    let Some(variable) = variable else { return };
    let Building { is_ranges, networks, ranges, default, proxies, proxy_recursive, volatile } = building;
    let table = if is_ranges { GeoTable::Ranges(ranges) } else { GeoTable::Networks(networks) };
    let span = directive.span();
    cx.http.geos.push(Geo { source, variable, default, table, proxies, proxy_recursive, volatile, span });
}

impl Building {
    fn entry(&mut self, cx: &mut Compiler<'_>, entry: syntax::Directive<'_>) {
        let key = entry.name().value();
        let argument = entry.arg(0).map(syntax::Word::value);
        match (&*key, argument) {
            (b"ranges", None) if self.networks.is_empty() => self.is_ranges = true,
            (b"ranges", None) => {
                let message = "`ranges` must be the first entry of `geo`";
                report(
                    cx,
                    entry,
                    message,
                    "the \"ranges\" directive must be the first directive inside \"geo\" block",
                );
            }
            (b"proxy_recursive", None) => self.proxy_recursive = true,
            (b"volatile", None) => self.volatile = true,
            (_, None) => {
                report(
                    cx,
                    entry,
                    "an entry of `geo` is an address and a value",
                    "invalid number of the geo parameters",
                );
            }
            (b"default", Some(value)) => self.default = (*value).into(),
            (b"proxy", Some(text)) => match network(&text) {
                Some(net) => self.proxies.push(Addresses::Net(net)),
                None => report_network(cx, entry, &text),
            },
            (b"delete", Some(text)) if self.is_ranges => match range(&text) {
                Some((first, last)) => self.ranges.retain(|r| (r.0, r.1) != (first, last)),
                None => report_range(cx, entry, &text),
            },
            (b"delete", Some(text)) => match network(&text) {
                Some(net) => self.networks.retain(|(other, _)| *other != net),
                None => report_network(cx, entry, &text),
            },
            (key, Some(value)) if self.is_ranges => match range(key) {
                Some((first, last)) => paint(&mut self.ranges, (first, last, (*value).into())),
                None => report_range(cx, entry, key),
            },
            (key, Some(value)) => match network(key) {
                Some(net) => self.networks.push((net, (*value).into())),
                None => report_network(cx, entry, key),
            },
        }
    }
}

fn range(text: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let text = std::str::from_utf8(text).ok()?;
    let (first, last) = text.split_once('-')?;
    let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last))
}

/// Puts a range over those that are there (`ngx_http_geo_add_range`).
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

/// The next or the previous address.
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

fn report(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, message: &str, nginx: &str) {
    cx.report(Diagnostic::error("invalid-entry", entry.head(), message).label("this entry").nginx(nginx));
}

fn report_network(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, text: &[u8]) {
    let shown = String::from_utf8_lossy(text);
    let message = format!("`{shown}` is no address or network like `192.0.2.0/24`");
    report(cx, entry, &message, &format!("invalid network \"{shown}\""));
}

fn report_range(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, text: &[u8]) {
    let shown = String::from_utf8_lossy(text);
    let message = format!("`{shown}` is no range of addresses like `192.0.2.1-192.0.2.9`");
    report(cx, entry, &message, &format!("invalid range \"{shown}\""));
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
            ("::1-::2", "e"),
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
                "::1-::2 e",
            ]
        );
        assert_eq!(range(b"10.0.0.2-10.0.0.1"), None);
        assert_eq!(range(b"10.0.0.2"), None);
    }
}
