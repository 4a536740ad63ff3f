//! A name server outside.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `resolver` with a public address. Loopback, private and link-local addresses, and the metadata
    /// resolvers of cloud providers, are inside.
    ///
    /// ## Why is this bad
    ///
    /// Answers come over UDP without any protection: who can forge one chooses where requests go. It also ends the
    /// service when the way out is cut.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// resolver 8.8.8.8;
    /// server { listen 80; }
    /// ```
    ///
    /// ```nginx good
    /// resolver 127.0.0.53 10.0.0.2 [::1] 169.254.169.253;
    /// server { listen 80; }
    /// ```
    RESOLVER_EXTERNAL {
        name: "resolver-external",
        category: Security,
        level: Info,
        summary: "names are resolved by a server in the internet",
        doc: "/en/docs/http/ngx_http_core_module.html#resolver",
    }
}

/// Resolvers of cloud providers that have public-looking addresses.
const CLOUD: [&str; 4] = ["168.63.129.16", "100.100.2.136", "100.100.2.138", "161.26.0.10"];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, directive) in target.levels().named("resolver") {
        let public = directive.args().find(|w| is_public(&w.to_string()));
        if let Some(word) = public {
            found.push(
                RESOLVER_EXTERNAL
                    .finding(word.span(), format!("`{word}` is a name server in the internet"))
                    .label("its answers can be forged")
                    .help("use a resolver on this host or in this network"),
            );
        }
    }
}

fn is_public(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|t| t.split(']').next());
    if let Some(address) = bare.and_then(|t| t.parse::<Ipv6Addr>().ok()) {
        let first = address.segments()[0];
        return !address.is_loopback() && first & 0xfe00 != 0xfc00 && first & 0xffc0 != 0xfe80;
    }
    let Ok(address) = text.split(':').next().unwrap_or_default().parse::<Ipv4Addr>() else { return false };
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let documentation = address.is_documentation() || address.is_unspecified();
    let inside = address.is_private() || address.is_loopback() || address.is_link_local();
    !(inside || shared || documentation || CLOUD.contains(&address.to_string().as_str()))
}
