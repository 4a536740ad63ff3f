//! Name servers for names that are looked up at run time.

use std::net::IpAddr;

use super::{Case, Edit, Finding};

/// The name servers of this host, before the first server.
pub(super) fn resolver(case: &Case<'_>, mut finding: Finding) -> Finding {
    let Some(first) = case.config.http.servers.first() else { return finding };
    let Some(servers) = own(case) else { return finding };
    // Names have addresses of both families, and an IPv6 address is no use where there is no IPv6.
    let has_ipv6 = case.evidence.addresses.as_ref().is_none_or(crate::ports::addresses::Addresses::has_ipv6);
    let family = if has_ipv6 { "" } else { " ipv6=off" };
    finding.edits.push(Edit::Before { place: first.span, text: format!("resolver {servers}{family};") });
    finding.effect = Some(
        "names are looked up at the name servers that this host uses (/etc/resolv.conf), by their whole name: `search` and \
         /etc/hosts do not count"
            .to_owned(),
    );
    finding
}

/// Says which name servers this host uses.
pub(super) fn servers(case: &Case<'_>, finding: Finding) -> Finding {
    match own(case) {
        Some(servers) => finding.seen(format!(
            "this host itself asks {servers} (/etc/resolv.conf); nginx asks those that `resolver` names, once at the start \
             those of the host"
        )),
        None => finding,
    }
}

fn own(case: &Case<'_>) -> Option<String> {
    let servers = &case.evidence.name_servers;
    let text = |ip: &IpAddr| if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
    (!servers.is_empty()).then(|| servers.iter().map(text).collect::<Vec<_>>().join(" "))
}
