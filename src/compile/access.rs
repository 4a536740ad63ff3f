//! Reading who may ask: `allow`, `deny`, `set_real_ip_from`, `real_ip_header`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::argument;
use super::directive::Directive;
use super::scope::Compiler;
use super::settings::{Value, extend};
use crate::catalog::Kind;
use crate::model::access::{Addresses, RealIpHeader, Rule};
use crate::model::{Setting, Unsupported};

/// An address, or one with the length of its network (`ngx_ptocidr`). Bits behind the length are cleared.
pub(super) fn network(text: &[u8]) -> Option<IpNet> {
    let text = std::str::from_utf8(text).ok()?;
    match text.split_once('/') {
        Some((address, length)) => {
            let address = ip(address)?;
            Some(IpNet::new(address, length.parse().ok()?).ok()?.trunc())
        }
        None => ip(text).map(IpNet::from),
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
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

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        let who = if *text == *b"all" { Some(Addresses::All) } else { addresses(&text) };
        let expected = "an address, a network, `unix:` or `all`";
        let nginx = format!("invalid parameter \"{}\"", directive.text(1));
        let Some(who) = who else {
            argument::invalid(cx, directive, 1, expected, &nginx);
            return None;
        };
        Some(vec![Rule { allow: directive.name() == "allow", who }])
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
            return Some(vec![one]);
        }
        // A host: whom it names is known when nginx starts.
        let what = format!("a name in `{}`", directive.name());
        cx.unsupported.push(Unsupported { what, span: directive.span(), safe_because: None });
        Some(Vec::new())
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
