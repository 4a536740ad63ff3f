//! `resolver` of http, stream, mail and upstreams (`ngx_resolver_create`).

use super::address::{self, Form};
use super::argument::{refuse, time};
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::settings::Value;
use crate::catalog::{Kind, Tier};
use crate::model::limit::Resolver;

pub(super) const CHECKS: &[(&str, Check)] = &[("resolver", resolver)];

fn resolver<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    // Only mail's `resolver` can be `off`.
    let mail = directive.catalog.module.starts_with("ngx_mail");
    if mail && *directive.arg(1) == *b"off" {
        return true;
    }
    let (mut servers, mut ipv4, mut ipv6) = (0, true, true);
    for (n, text) in directive.args_from(1) {
        let shown = directive.text(n);
        let flag = |value: &[u8]| match value {
            b"on" => Some(true),
            b"off" => Some(false),
            _ => None,
        };
        let valid = if let Some(value) = text.strip_prefix(b"valid=") {
            time(value, true).is_some()
        } else if let Some(value) = text.strip_prefix(b"ipv4=") {
            flag(value).map(|on| ipv4 = on).is_some()
        } else if let Some(value) = text.strip_prefix(b"ipv6=") {
            flag(value).map(|on| ipv6 = on).is_some()
        } else if text.starts_with(b"status_zone=") && cx.knows(Tier::Plus) {
            true
        } else if is_of_openresty(&text) && uses_lua(cx) {
            servers += 1;
            true
        } else {
            servers += 1;
            match address::parse_resolved(&text, 53, Form::Peer) {
                Ok(_) => true,
                Err(fault) => {
                    let nginx = format!("{fault} in resolver \"{shown}\"");
                    return refuse(cx, directive, n, "the address of a name server", nginx);
                }
            }
        };
        if !valid {
            let expected = "`valid=TIME`, `ipv4=on|off` or `ipv6=on|off`";
            return refuse(cx, directive, n, expected, format!("invalid parameter: {shown}"));
        }
    }
    if !ipv4 && !ipv6 {
        return refuse(cx, directive, 1, "one of the two", "\"ipv4\" and \"ipv6\" cannot both be \"off\"");
    }
    servers > 0 || refuse(cx, directive, 1, "the address of a name server", "no name servers defined")
}

/// `local=on` of `openresty`: the name servers of the host.
fn is_of_openresty(text: &[u8]) -> bool {
    matches!(text, b"local=on" | b"local=off")
}

/// True if the configuration is for `openresty`: it has a directive of the Lua module.
fn uses_lua(cx: &Compiler<'_>) -> bool {
    let is_lua = |name: &[u8]| name.starts_with(b"lua_") || memchr::memmem::find(name, b"_by_lua").is_some();
    !cx.options.strict_modules
        && cx.configuration.trees.iter().any(|tree| tree.directives().any(|d| is_lua(d.name().content())))
}

impl Value for Resolver {
    fn default(_: Option<&str>, _: Kind) -> Self {
        <Self as Default>::default()
    }

    /// `resolver` has checked the directive.
    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let mut resolver = <Self as Default>::default();
        for (_, text) in directive.args_from(1) {
            match &*text {
                b"ipv4=off" => resolver.no_ipv4 = true,
                b"ipv6=off" => resolver.no_ipv6 = true,
                b"ipv4=on" | b"ipv6=on" => {}
                text => match text.strip_prefix(b"valid=") {
                    Some(value) => resolver.valid = time(value, true),
                    None if text.starts_with(b"status_zone=") || is_of_openresty(text) => {}
                    None => resolver.servers.push(address::parse(text, 53, Form::Peer).ok()?.endpoint),
                },
            }
        }
        Some(resolver)
    }
}
