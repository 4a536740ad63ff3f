//! Sockets after fixes: fixes change neither addresses nor protocols.

use std::collections::{BTreeMap, HashSet};

use super::FixPurposes;
use crate::model::{Config, Endpoint, Listen, Server};

/// True if servers would listen elsewhere or speak something else there.
pub(super) fn changed(before: &Config, after: &Config, touched: &FixPurposes) -> Option<String> {
    let (by_parameter, by_parameter_later) = (http2_sockets(before), http2_sockets(after));
    for (old, new) in before.http.servers.iter().zip(&after.http.servers) {
        let new_sockets = protocols(new, &by_parameter_later);
        let old_sockets = protocols(old, &by_parameter);
        let places = |all: &BTreeMap<&Endpoint, _>| all.keys().map(ToString::to_string).collect::<Vec<_>>();
        if places(&old_sockets) != places(&new_sockets) {
            let (old, new) = (places(&old_sockets).join(", "), places(&new_sockets).join(", "));
            return Some(format!("a server that listens on {old} would listen on {new}"));
        }
        for ((place, had), has) in old_sockets.iter().zip(new_sockets.values()) {
            for ((name, had), (_, has)) in had.iter().zip(has) {
                // A fix may replace a parameter by a directive that switches the protocol on; no fix may switch one off.
                if *had && !has {
                    return Some(format!("{place} would not speak {name} any more"));
                }
                let meant = touched.directives.contains(match *name {
                    "HTTP/2" => "http2",
                    "TLS" => "ssl",
                    _ => "",
                });
                if !had && *has && !meant {
                    return Some(format!("{place} would speak {name}"));
                }
            }
        }
    }
    None
}

/// The protocols of a server on each of its sockets.
type Protocols<'c> = BTreeMap<&'c Endpoint, [(&'static str, bool); 4]>;

fn protocols<'c>(server: &'c Server, by_parameter: &HashSet<&Endpoint>) -> Protocols<'c> {
    let by_directive = server.settings.tls.http2.value;
    let of = |listen: &'c Listen| {
        let http2 = !listen.quic && (by_directive || by_parameter.contains(&listen.endpoint));
        let spoken = [
            ("TLS", listen.ssl),
            ("HTTP/2", http2),
            ("HTTP/3", listen.quic),
            ("the PROXY protocol", listen.proxy_protocol),
        ];
        (&listen.endpoint, spoken)
    };
    server.listen.iter().map(of).collect()
}

/// The sockets on which the parameter of one `listen` lets all servers speak HTTP/2.
fn http2_sockets(config: &Config) -> HashSet<&Endpoint> {
    let all = config.http.servers.iter().flat_map(|server| &server.listen);
    all.filter(|listen| listen.http2).map(|listen| &listen.endpoint).collect()
}
