//! URLs of `ngxc show`, taken apart, and the request that they and the options describe.

use super::RequestArgs;
use crate::behaviour::witness::place::PlaceWitness;
use crate::cli::Failure;
use crate::eval::select::{AddressId, Router, host};
use crate::model::{Endpoint, Listen};
use crate::simulate::imagined::DescribedRequest;
use crate::version::Version;

/// A URL.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Url {
    /// `http` or `https`, if written.
    pub(in crate::cli) scheme: Option<&'static str>,
    /// Host and port as written; empty for a path.
    pub(in crate::cli) authority: String,
    /// The port, if written.
    pub(in crate::cli) port: Option<u16>,
    /// Path and arguments; at least `/`.
    pub(in crate::cli) target: String,
}

impl Url {
    /// Takes a URL apart; the scheme may be left out, or all before the path.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, Failure> {
        let bad = |why: &str| {
            Failure::new(format!("`{text}` is no URL: {why}"))
                .help("expected `http://www.example.com/path`, or a path with `--host www.example.com`")
        };
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Some("http"), rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Some("https"), rest),
            Some((scheme, _)) if !scheme.contains(['/', '?']) => {
                return Err(bad(&format!("the scheme is `{scheme}`, expected `http` or `https`")));
            }
            _ => (None, text),
        };
        // A client keeps the fragment to itself.
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(bad("it has a user name"));
        }
        if authority.is_empty() && (scheme.is_some() || target.is_empty()) {
            return Err(bad("the host is missing"));
        }
        if target.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(bad("there is a space or control character in the path"));
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let port = if authority.is_empty() {
            None
        } else {
            // The version of nginx decides when the request is made; older ones accept more.
            let older = |_| host::normalize_in(Version::new(1, 28, 0), authority.as_bytes(), &mut Vec::new());
            host::normalize(authority.as_bytes(), &mut Vec::new())
                .or_else(older)
                .map_err(|_| bad(&format!("`{authority}` is no host that nginx accepts")))?
        };
        Ok(Self { scheme, authority: authority.to_owned(), port, target })
    }
}

/// The request at an address.
pub(in crate::cli) fn asked(
    url: &Url,
    args: &RequestArgs,
    router: &Router,
    address: AddressId,
) -> Result<DescribedRequest, Failure> {
    let (hosts, headers): (Vec<_>, Vec<_>) =
        args.headers.iter().cloned().partition(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = args.host.clone().or_else(|| hosts.into_iter().next().map(|(_, value)| value));
    let host = host.unwrap_or_else(|| url.authority.clone());
    let mut asked =
        DescribedRequest::new(router, address, host.as_str(), url.target.as_str()).map_err(|_| {
            Failure::new(format!("`{host}` is no host: nginx answers 400 to it"))
                .help("expected a name or an address, and a port if need be")
        })?;
    asked.method.clone_from(&args.method);
    asked.headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
    asked.client = args.client;
    Ok(asked)
}

/// URL of a request that reaches a place; without a host the address takes its place.
pub(in crate::cli) fn of_reached(listen: &Listen, reached: &PlaceWitness) -> String {
    let (scheme, default) = if listen.ssl { ("https", 443) } else { ("http", 80) };
    let (address, port) = match &listen.endpoint {
        Endpoint::Inet(address) if address.ip().is_unspecified() => ("127.0.0.1".to_owned(), address.port()),
        Endpoint::Inet(address) => (address.ip().to_string(), address.port()),
        Endpoint::Name(name, port) => (name.clone(), *port),
        Endpoint::Unix(_) => ("localhost".to_owned(), default),
    };
    let host = if reached.host.is_empty() { &address } else { &reached.host };
    let port = if port == default { String::new() } else { format!(":{port}") };
    format!("{scheme}://{host}{port}{}", reached.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::type_complexity, reason = "a table of cases")]
    fn urls() {
        let cases: &[(&str, Option<(Option<&str>, &str, Option<u16>, &str)>)] = &[
            ("http://a.test/x?y=z#f", Some((Some("http"), "a.test", None, "/x?y=z"))),
            ("HTTPS://a.test:8443", Some((Some("https"), "a.test:8443", Some(8443), "/"))),
            ("a.test/x", Some((None, "a.test", None, "/x"))),
            ("/x", Some((None, "", None, "/x"))),
            ("/x?u=http://b/", Some((None, "", None, "/x?u=http://b/"))),
            ("http://[::1]:80/x", Some((Some("http"), "[::1]:80", Some(80), "/x"))),
            ("http://a.test?x", Some((Some("http"), "a.test", None, "/?x"))),
            ("ftp://a.test/", None),
            ("http:///x", None),
            ("", None),
            ("http://u@a.test/", None),
            ("http://a..b/", None),
            // Older versions of nginx take any port.
            ("http://a.test:99999/", Some((Some("http"), "a.test:99999", None, "/"))),
            ("http://a.test/a b", None),
        ];
        for (text, expected) in cases {
            let got = Url::parse(text).ok();
            let got = got.as_ref().map(|u| (u.scheme, u.authority.as_str(), u.port, u.target.as_str()));
            assert_eq!(got, *expected, "{text}");
        }
    }
}
