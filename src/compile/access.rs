//! Access rules, networks and file permissions: `allow`, `deny`, `set_real_ip_from`, `*_store_access`.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::address::{self, parse_ip4, parse_ip6};
use super::argument::{digits, refuse};
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::settings::{Value, extend};
use super::value;
use crate::catalog::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::access::{Addresses, Assignment, RealIpHeader, Rule};
use crate::model::{Setting, VariableSource};
use crate::source::Span;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("allow", rule),
    ("deny", rule),
    ("set_real_ip_from", real_ip_from),
    ("debug_connection", debug_connection),
];

pub(super) const REMEMBERED: &[&str] = &[];

/// `allow`, `deny`: `all`, `unix:` or a network (`ngx_http_access_rule`, `ngx_stream_access_rule`).
fn rule<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if *text == *b"all" || *text == *b"unix:" || cidr(&text).is_some() {
        warn_low_bits(cx, &text, directive.arg_span(1));
        return true;
    }
    let nginx = format!("invalid parameter \"{}\"", directive.text(1));
    refuse(cx, directive, 1, "an address, a network `10.0.0.0/8`, `unix:` or `all`", nginx)
}

/// `set_real_ip_from`: what is no network is a host (`ngx_http_realip_from`).
fn real_ip_from<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if *text == *b"unix:" || cidr(&text).is_some() || !address::is_no_host(&text) {
        return true;
    }
    let nginx = format!("host not found in set_real_ip_from \"{}\"", directive.text(1));
    refuse(cx, directive, 1, "an address, a network `10.0.0.0/8`, a host or `unix:`", nginx)
}

/// `debug_connection`: as `set_real_ip_from`, but only an nginx built with `--with-debug` looks at the word
/// (`ngx_event_debug_connection`).
fn debug_connection<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if *text == *b"unix:" || cidr(&text).is_some() || !address::is_no_host(&text) {
        return true;
    }
    let shown = directive.text(1);
    let message = format!("expected an address, a network, a host or `unix:`, found `{shown}`");
    cx.report(
        Diagnostic::warning("invalid-value", directive.arg_span(1), message)
            .label("an nginx built with `--with-debug` refuses this; others ignore the directive")
            .help("write a network such as `10.0.0.0/8`")
            .nginx(format!("host not found in debug_connection \"{shown}\"")),
    );
    true
}

/// `address[/prefix]` (`ngx_ptocidr`).
pub(super) fn cidr(text: &[u8]) -> Option<(IpAddr, u8)> {
    let (address, prefix) = match text.iter().position(|&b| b == b'/') {
        Some(slash) => (&text[..slash], Some(&text[slash + 1..])),
        None => (text, None),
    };
    let address = match parse_ip4(address).filter(|&a| a != Ipv4Addr::BROADCAST) {
        Some(address) => IpAddr::V4(address),
        None => IpAddr::V6(parse_ip6(address)?),
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(text) => digits(text).filter(|&n| n <= longest)?,
        None => longest,
    };
    Some((address, prefix as u8))
}

/// Warns about address bits behind the prefix: `10.0.0.1/8` means `10.0.0.0/8` (`NGX_DONE` of `ngx_ptocidr`).
pub(super) fn warn_low_bits(cx: &mut Compiler<'_>, text: &[u8], span: Span) {
    let (Some((address, _)), Some(network)) = (cidr(text), network(text)) else { return };
    if network.addr() == address {
        return;
    }
    let shown = String::from_utf8_lossy(text).into_owned();
    cx.report(
        Diagnostic::warning("low-address-bits", span, format!("`{shown}` means `{network}`"))
            .label("bits behind the prefix are cleared")
            .help(format!("write `{network}`"))
            .nginx(format!("low address bits of {shown} are meaningless")),
    );
}

/// Network of [`cidr`], with the bits behind the prefix cleared.
pub(super) fn network(text: &[u8]) -> Option<IpNet> {
    let (address, prefix) = cidr(text)?;
    Some(IpNet::new(address, prefix).ok()?.trunc())
}

/// `user:rw group:r all:r` (`ngx_conf_set_access_slot`).
pub(super) fn rights(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    for (n, text) in directive.args_from(1) {
        let right = [&b"user:"[..], b"group:", b"all:"].iter().find_map(|who| text.strip_prefix(*who));
        if !matches!(right, Some(b"rw" | b"r")) {
            let nginx = format!("invalid value \"{}\"", directive.text(n));
            return refuse(cx, directive, n, "`user:`, `group:` or `all:` with `rw` or `r`", nginx);
        }
    }
    true
}

/// `path [level [level [level]]]` (`ngx_conf_set_path_slot`).
pub(super) fn path_levels(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let mut length = 0;
    let mut count = 0;
    for (n, text) in directive.args_from(2) {
        match digits(&text) {
            Some(level @ 1..=32) => length += level + 1,
            _ => return refuse(cx, directive, n, "a number of characters", "invalid value"),
        }
        count += 1;
    }
    length <= 10 + count || refuse(cx, directive, 2, "up to three levels of 1 or 2 digits", "invalid value")
}

fn addresses(text: &[u8]) -> Option<Addresses> {
    match text {
        b"unix:" => Some(Addresses::Unix),
        _ => network(text).map(Addresses::Net),
    }
}

impl Value for Vec<Rule> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        // `rule` has already reported an argument that is neither.
        let who = if *text == *b"all" { Addresses::All } else { addresses(&text)? };
        Some(vec![Rule { allow: directive.name() == "allow", who, span: directive.span() }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}

impl Value for Vec<Assignment> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let variable = value::define(cx, directive, 1, VariableSource::Other("auth_request_set"))?;
        Some(vec![Assignment { variable, value: value::argument(cx, directive, 2) }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}

impl Value for Vec<Addresses> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        if let Some(one) = addresses(&directive.arg(1)) {
            warn_low_bits(cx, &directive.arg(1), directive.arg_span(1));
            return Some(vec![one]);
        }
        // Host name: its addresses are resolved when nginx starts.
        Some(vec![Addresses::Name(directive.text(1))])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}

impl Value for RealIpHeader {
    fn default(_: Option<&str>, _: Kind) -> Self {
        RealIpHeader::Header((*b"X-Real-IP").into())
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        Some(match &*text {
            b"X-Forwarded-For" => RealIpHeader::ForwardedFor,
            b"proxy_protocol" => RealIpHeader::ProxyProtocol,
            name => RealIpHeader::Header(name.into()),
        })
    }
}
