//! A name server outside.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::rules::correctness::resolver_without_effect::{OTHERS, PASSES};
use crate::lint::{Target, text};
use crate::syntax::{Directive, Word};

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
    for (level, directive) in target.levels().named("resolver") {
        if serves_stapling_only(target, level) {
            continue;
        }
        let public = directive.args().find(|w| is_public(&w.to_string()));
        if let Some(word) = public {
            found.push(
                RESOLVER_EXTERNAL
                    .finding(word.span(), format!("`{word}` is a name server in the internet"))
                    .label("its answers can be forged")
                    .help("use a resolver on this host or in this network, unless that one leads back to this server"),
            );
        }
    }
}

/// True if nothing but OCSP stapling asks the resolver: responses of OCSP are signed, so forged addresses gain nothing.
fn serves_stapling_only(target: Target<'_>, level: Block<'_>) -> bool {
    let levels = target.levels();
    if !levels.has("ssl_stapling")
        || !target.uses().complete
        || OTHERS.iter().any(|name| *name != "ssl_stapling" && levels.has(name))
    {
        return false;
    }
    let resolves =
        |d: &Directive<'_>| d.args().any(|w| w.is("resolve") || w.content().starts_with(b"service="));
    let asks = |(inner, pass): (Block<'_>, Directive<'_>)| {
        let value = pass.arg(0).map(Word::value).filter(|value| value.contains(&b'$'));
        // An address with a path behind it needs no name server.
        let named = value.is_some_and(|value| {
            let host = without_path(text::url(&value).host);
            host.contains(&b'$') || text::is_name(&text::without_port(&host))
        });
        named && inner.holder("resolver").is_some_and(|holder| holder.position() == level.position())
    };
    !levels.named("server").any(|(_, d)| resolves(&d))
        && !PASSES.iter().any(|name| levels.named(name).any(asks))
}

/// The host without a variable behind it that begins the path.
fn without_path(mut host: Vec<u8>) -> Vec<u8> {
    for path in [&b"$request_uri"[..], b"$uri", b"$document_uri", b"$is_args"] {
        if let Some(at) = memchr::memmem::find(&host, path) {
            host.truncate(at);
        }
    }
    host
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
