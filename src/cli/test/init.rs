//! `--init`: a case for each location, with what holds today; and how such cases are written.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;

use super::execute::asked;
use crate::behaviour::case::Case;
use crate::behaviour::outcome::Outcome;
use crate::behaviour::witness::place::{self, PlaceWitness};
use crate::behaviour::write::{WrittenCase, expected, quote};
use crate::cli::Failure;
use crate::model::Endpoint;
use crate::simulate::facts::Fact;
use crate::simulate::walk::{End, Event, RoutingConfiguration};

/// Client of a case whose route depends on the client: an address for documentation.
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Writes a case for each location that some request reaches.
pub(super) fn init(ground: &RoutingConfiguration, out: &mut dyn Write) -> Result<(), Failure> {
    let config = ground.router.config();
    let mut cases = String::new();
    let reached = place::all(&ground.router, config);
    let mut servers = HashSet::new();
    for place in &reached {
        let listen = &ground.router.listen(place.address).listen;
        let scheme = if listen.ssl { "https" } else { "http" };
        let mut case = Case::default();
        match &listen.endpoint {
            Endpoint::Inet(address) => {
                let default = if listen.ssl { 443 } else { 80 };
                let port = Some(address.port()).filter(|port| *port != default);
                case.port = port;
                if !address.ip().is_unspecified() {
                    case.address = Some(address.to_string());
                    case.port = None;
                }
            }
            Endpoint::Name(_, port) => case.port = Some(*port),
            Endpoint::Unix(path) => case.address = Some(format!("unix:{path}")),
        }
        if place.host.is_empty() {
            case.url = Some(place.path.clone());
        } else {
            case.url = Some(format!("{scheme}://{}{}", place.host, place.path));
        }
        // Requests may be answered before a location is chosen; one case shows that.
        let is_first = servers.insert(place.server);
        if !is_first && !reaches(ground, &case, place) {
            continue;
        }
        if let Some(written) = written(ground, case) {
            let _ = writeln!(cases, "{written}");
        }
    }
    out.write_all(cases.trim_end().as_bytes())?;
    writeln!(out)?;
    Ok(())
}

/// True if the request comes to the place that it is for.
fn reaches(ground: &RoutingConfiguration, case: &Case, place: &PlaceWitness) -> bool {
    let Ok(mut request) = asked(ground, case) else { return false };
    request.client = request.client.or(Some(CLIENT));
    let Ok(outcome) = Outcome::of(ground, &request) else { return false };
    outcome.walk.events.iter().any(|event| match event {
        Event::Location(_, location, _) => *location == place.location,
        _ => false,
    })
}

/// The case with what holds today; `None` if the request cannot be made.
pub(in crate::cli) fn written(ground: &RoutingConfiguration, mut case: Case) -> Option<WrittenCase> {
    let mut request = asked(ground, &case).ok()?;
    let mut outcome = Outcome::of(ground, &request).ok()?;
    if matches!(outcome.walk.end, End::Needs(Fact::Client, _) | End::Unknown(..)) && case.client.is_none() {
        case.client = Some(CLIENT);
        request = asked(ground, &case).ok()?;
        outcome = Outcome::of(ground, &request).ok()?;
    }
    let expect = expected(&mut outcome);
    let mut fields = vec![("url".to_owned(), quote(case.url.as_deref().unwrap_or_default()))];
    let mut add = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    add("method", case.method.as_deref().filter(|method| *method != "GET").map(quote));
    add("host", case.host.as_deref().map(quote));
    add("address", case.address.as_deref().map(quote));
    add("port", case.port.map(|port| port.to_string()));
    let list = |texts: &mut dyn Iterator<Item = String>| texts.collect::<Vec<_>>().join(", ");
    let headers = case.headers.iter().map(|(name, values)| {
        let values = list(&mut values.all().iter().map(|value| quote(value)));
        format!("{} = [{values}]", quote(name)).replace("[\"", "\"").replace("\"]", "\"")
    });
    let headers = list(&mut headers.collect::<Vec<_>>().into_iter());
    add("headers", (!headers.is_empty()).then(|| format!("{{ {headers} }}")));
    add("client", case.client.map(|client| quote(&client.to_string())));
    add("files", case.files.as_ref().map(|files| format!("[{}]", list(&mut files.iter().map(|f| quote(f))))));
    add("user", case.user.as_deref().map(quote));
    add("auth_request", case.auth_request.map(|status| status.to_string()));
    Some(WrittenCase { request: fields, expect })
}
