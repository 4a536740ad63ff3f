//! The address that a request comes in on: what `listen` has for its port.

use std::net::IpAddr;

use super::RequestArgs;
use super::url::Url;
use crate::cli::Failure;
use crate::eval::select::{AddressId, Router};
use crate::model::Endpoint;

/// An address, and what a person should know about the choice.
pub(in crate::cli) struct ChosenAddress {
    pub(in crate::cli) address: AddressId,
    pub(in crate::cli) notes: Vec<String>,
}

/// Finds it as a connection does.
pub(in crate::cli) fn find(router: &Router, url: &Url, args: &RequestArgs) -> Result<ChosenAddress, Failure> {
    if router.addresses().next().is_none() {
        return Err(
            Failure::new("the configuration has no server").help("expected a `server` block in `http`")
        );
    }
    let mut notes = Vec::new();
    let address = match args.address.as_deref().map(|text| (text, text.strip_prefix("unix:"))) {
        Some((text, Some(path))) => unix(router, path).ok_or_else(|| nobody(router, text))?,
        Some((text, None)) => {
            let (ip, port) = numeric(text)?;
            let port = port.or(args.port).unwrap_or_else(|| default_port(url));
            by_ip(router, ip, port).ok_or_else(|| nobody(router, &shown(ip, port)))?
        }
        None => by_port(router, url, args, &mut notes)?,
    };
    let listen = &router.listen(address).listen;
    match url.scheme {
        Some("https") if !listen.ssl && !listen.quic => {
            notes.push(format!("`listen {}` has no `ssl`: an https request fails there", listen.endpoint));
        }
        Some("http") if listen.ssl => notes.push(format!(
            "`listen {} ssl` takes https: nginx answers 400 to a plain http request",
            listen.endpoint
        )),
        _ => {}
    }
    Ok(ChosenAddress { address, notes })
}

fn default_port(url: &Url) -> u16 {
    url.port.unwrap_or(if url.scheme == Some("https") { 443 } else { 80 })
}

fn numeric(text: &str) -> Result<(IpAddr, Option<u16>), Failure> {
    let whole = text.trim_start_matches('[').trim_end_matches(']').parse().map(|ip| (ip, None));
    whole.or_else(|_| text.parse::<std::net::SocketAddr>().map(|a| (a.ip(), Some(a.port())))).map_err(|_| {
        Failure::new(format!("`{text}` is no address; expected `10.0.0.1`, `10.0.0.1:8080` or `unix:/path`"))
    })
}

fn shown(ip: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(ip, port).to_string()
}

fn unix(router: &Router, path: &str) -> Option<AddressId> {
    let is = |e: &Endpoint| matches!(e, Endpoint::Unix(own) if own == path);
    router.addresses().find(|(_, a)| is(&a.listen.endpoint)).map(|(id, _)| id)
}

fn port(endpoint: &Endpoint) -> Option<u16> {
    match endpoint {
        Endpoint::Inet(address) => Some(address.port()),
        Endpoint::Name(_, port) => Some(*port),
        Endpoint::Unix(_) => None,
    }
}

/// As the kernel and `ngx_http_init_connection` choose for a connection to an address.
fn by_ip(router: &Router, ip: IpAddr, wanted: u16) -> Option<AddressId> {
    let mut found = None;
    for (i, socket) in router.sockets().iter().enumerate() {
        let bind = &router.listen(socket.bind).listen;
        if port(&bind.endpoint) != Some(wanted) || bind.quic {
            continue;
        }
        let id = router.address(i, || Some(ip));
        let Some(own) = router.listen(id).ip() else { continue };
        if own == ip {
            return Some(id);
        }
        let is_dual = own.is_ipv6() && bind.ipv6only == Some(false);
        if own.is_unspecified() && (own.is_ipv4() == ip.is_ipv4() || is_dual) {
            found = Some(id);
        }
    }
    found
}

fn by_port(
    router: &Router,
    url: &Url,
    args: &RequestArgs,
    notes: &mut Vec<String>,
) -> Result<AddressId, Failure> {
    let is_path = url.authority.is_empty() && url.scheme.is_none() && args.port.is_none();
    let first = router.addresses().next().and_then(|(_, a)| port(&a.listen.endpoint));
    let wanted = match first.filter(|_| is_path) {
        Some(first) => first,
        None => args.port.unwrap_or_else(|| default_port(url)),
    };
    // The host of the URL says where the connection goes, if it is an address.
    let literal = url.authority.strip_prefix('[').map_or_else(
        || url.authority.split(':').next().unwrap_or_default(),
        |rest| rest.split(']').next().unwrap_or_default(),
    );
    if let Ok(ip) = literal.parse::<IpAddr>()
        && let Some(id) = by_ip(router, ip, wanted)
    {
        return Ok(id);
    }
    let candidates: Vec<(AddressId, &Endpoint)> = router
        .addresses()
        .filter(|(_, a)| port(&a.listen.endpoint) == Some(wanted) && !a.listen.quic)
        .map(|(id, a)| (id, &a.listen.endpoint))
        .collect();
    let is_wildcard = |e: &Endpoint| matches!(e, Endpoint::Inet(a) if a.ip().is_unspecified() && a.is_ipv4());
    let chosen = candidates.iter().find(|(_, e)| is_wildcard(e)).or(candidates.first());
    let Some(&(id, endpoint)) = chosen else { return Err(nobody(router, &format!("port {wanted}"))) };
    let others: Vec<String> =
        candidates.iter().filter(|(other, _)| *other != id).take(5).map(|(_, e)| e.to_string()).collect();
    if !others.is_empty() {
        notes.push(format!(
            "assuming the request arrives on {endpoint}; use --address for {}",
            others.join(", ")
        ));
    }
    Ok(id)
}

fn nobody(router: &Router, what: &str) -> Failure {
    const MOST: usize = 10;
    let mut known: Vec<String> = router
        .addresses()
        .filter(|(_, a)| !a.listen.quic)
        .map(|(_, a)| a.listen.endpoint.to_string())
        .collect();
    let more = known.len().saturating_sub(MOST);
    known.truncate(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Failure::new(format!("no server listens on {what}"))
        .help(format!("servers listen on {}{more}", known.join(", ")))
}
