//! Files of cases (`*.test.toml`): requests, facts about the outside, and what is expected.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use crate::catalog::closest;
use crate::simulate::facts::{Facts, Files, Response};

/// A file of cases.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Request and facts that hold for each case unless the case says otherwise; `host` and `port` for paths only.
    #[serde(default)]
    pub defaults: Case,
    /// Cases in order.
    #[serde(default, rename = "case")]
    pub cases: Vec<Spanned<Case>>,
    /// Redirects in order: a short form of a case.
    #[serde(default, rename = "redirect")]
    pub redirects: Vec<Spanned<Redirect>>,
}

/// A request, the facts that its route depends on, and what is expected.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Name in reports; the method and URL if there is none.
    pub name: Option<String>,
    /// `https://www.example.com/a?b=c`, or a path.
    pub url: Option<String>,
    /// Method; GET if there is none.
    pub method: Option<String>,
    /// The Host header; that of the URL if there is none.
    pub host: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Values>,
    /// Address of the client.
    pub client: Option<IpAddr>,
    /// Address that is connected to: `10.0.0.1:8080`, `unix:/run/nginx.sock`.
    pub address: Option<String>,
    /// Port that is connected to; that of the URL if there is none.
    pub port: Option<u16>,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub protocol: Option<Protocol>,
    /// Length of the request's body in bytes.
    pub body_size: Option<u64>,
    /// Files that exist, by paths as `root` and `alias` make them; relative ones are relative to nginx's prefix.
    pub files: Option<Vec<String>>,
    /// Response of the upstream.
    pub upstream: Option<Upstream>,
    /// Status of the response to `auth_request`.
    pub auth_request: Option<u16>,
    /// User whose name and password `auth_basic` accepts.
    pub user: Option<String>,
    /// Values of variables that nothing else decides: of TLS, `GeoIP`, other modules.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Expectations; only those that are written are compared.
    #[serde(default)]
    pub expect: Expect,
}

/// A redirect that is expected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// URL or path that is asked for.
    pub from: String,
    /// `Location` of the response.
    pub to: String,
    /// Status; any status of a redirect if there is none.
    pub status: Option<u16>,
}

/// Protocol of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// `HTTP/1.0`
    #[serde(rename = "HTTP/1.0")]
    Http10,
    /// `HTTP/1.1`
    #[serde(rename = "HTTP/1.1")]
    Http11,
    /// `HTTP/2`
    #[serde(rename = "HTTP/2")]
    Http2,
}

/// Response of an upstream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Status; 200 if there is none.
    pub status: Option<u16>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Values>,
}

/// One value or several.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// One value.
    One(String),
    /// One line for each.
    Many(Vec<String>),
}

impl Values {
    /// The values in order.
    pub fn all(&self) -> &[String] {
        match self {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
        }
    }
}

/// Header that is expected: its values, or `false` for none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Header {
    /// `false`: the header is absent; `true`: it has some value.
    Present(bool),
    /// Values of its lines, in order.
    Values(Values),
}

/// Expectations of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// One of the names of the server.
    pub server: Option<String>,
    /// Location as written: `/api/`, `= /a`, `~ \.php$`, `@name`; empty: none, the server itself.
    pub location: Option<String>,
    /// Status of the response.
    pub status: Option<u16>,
    /// `Location` of the response.
    pub redirect: Option<String>,
    /// Path of the file that is served.
    pub file: Option<String>,
    /// Text of `return`.
    pub body: Option<String>,
    /// Name of the upstream, or host and port as written; empty: none.
    pub upstream: Option<String>,
    /// Method passed to the upstream.
    pub upstream_method: Option<String>,
    /// URI passed to the upstream.
    pub upstream_uri: Option<String>,
    /// Headers passed to the upstream.
    pub upstream_headers: BTreeMap<String, Header>,
    /// Source address of the upstream's connection (`proxy_bind`); empty: the kernel's choice.
    pub source: Option<String>,
    /// Headers of the response.
    pub headers: BTreeMap<String, Header>,
    /// Values of variables at the end.
    pub variables: BTreeMap<String, String>,
    /// `allow` and `deny` let the client in.
    pub allowed: Option<bool>,
    /// The `allow` or `deny` that decides: as written, or its place `nginx.conf:7`.
    pub access: Option<String>,
    /// Zones of `limit_req` with the request's keys.
    pub limit_req: Option<BTreeMap<String, String>>,
    /// Zones of `limit_conn` with the request's keys.
    pub limit_conn: Option<BTreeMap<String, String>>,
    /// Zone of the cache; empty: none.
    pub cache: Option<String>,
    /// Key in the cache.
    pub cache_key: Option<String>,
}

/// Fault in a file of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1.
    pub line: usize,
    /// Found and expected values that differ.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

/// Line of a position in a text, from 1.
pub fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

impl CaseFile {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// If it is no TOML, or a field is unknown or has another type than expected.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let file: Self = toml::from_str(text).map_err(|error| fault(text, &error))?;
        let at = |spanned: std::ops::Range<usize>| line(text, spanned.start);
        if file.defaults.url.is_some() || file.defaults.expect != Expect::default() {
            let message = "`defaults` has a `url` or `expect`, which belong to a case".to_owned();
            return Err(Fault { line: 1, message });
        }
        if let Some(case) = file.cases.iter().find(|case| case.get_ref().url.is_none()) {
            let message = "the case has no `url`".to_owned();
            return Err(Fault { line: at(case.span()), message });
        }
        if let Some(case) = file.cases.iter().find(|case| case.get_ref().expect == Expect::default()) {
            let message = "the case expects nothing: write `expect = { status = 200 }`".to_owned();
            return Err(Fault { line: at(case.span()), message });
        }
        Ok(file)
    }

    /// All cases with their lines, defaults filled in; redirects come last.
    pub fn all(&self, text: &str) -> Vec<(usize, Case)> {
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
        let line = |at: usize| ends.partition_point(|end| *end < at) + 1;
        let cases = self.cases.iter().map(|case| (line(case.span().start), case.get_ref().clone()));
        let redirects = self.redirects.iter().map(|redirect| {
            let Redirect { from, to, status } = redirect.get_ref();
            let expect = Expect { redirect: Some(to.clone()), status: *status, ..Expect::default() };
            let case = Case { url: Some(from.clone()), expect, ..Case::default() };
            (line(redirect.span().start), case)
        });
        cases.chain(redirects).map(|(line, case)| (line, case.with(&self.defaults))).collect()
    }
}

/// The fault behind an error of the reader, with a suggestion for an unknown field.
fn fault(text: &str, error: &toml::de::Error) -> Fault {
    let line = line(text, error.span().map_or(0, |span| span.start));
    let mut message = error.message().lines().next().unwrap_or_default().to_owned();
    if let Some(rest) = error.message().strip_prefix("unknown field `")
        && let Some((name, known)) = rest.split_once('`')
    {
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        message = match closest(name.as_bytes(), known.iter().copied()) {
            Some(near) => format!("unknown field `{name}`; did you mean `{near}`?"),
            None => format!("unknown field `{name}`; expected one of `{}`", known.join("`, `")),
        };
    }
    Fault { line, message }
}

impl Case {
    /// The case with the defaults where it says nothing.
    #[must_use]
    fn with(self, defaults: &Case) -> Case {
        // A URL with a host says itself where it leads.
        let is_path = self.url.as_deref().is_some_and(|url| url.starts_with('/'));
        let mut headers = defaults.headers.clone();
        // Names of headers are compared without case.
        headers.retain(|name, _| !self.headers.keys().any(|own| own.eq_ignore_ascii_case(name)));
        headers.extend(self.headers);
        let mut variables = defaults.variables.clone();
        variables.extend(self.variables);
        Case {
            name: self.name,
            url: self.url,
            method: self.method.or_else(|| defaults.method.clone()),
            host: self.host.or_else(|| defaults.host.clone().filter(|_| is_path)),
            headers,
            client: self.client.or(defaults.client),
            address: self.address.or_else(|| defaults.address.clone()),
            port: self.port.or(defaults.port.filter(|_| is_path)),
            protocol: self.protocol.or(defaults.protocol),
            body_size: self.body_size.or(defaults.body_size),
            files: self.files.or_else(|| defaults.files.clone()),
            upstream: self.upstream.or_else(|| defaults.upstream.clone()),
            auth_request: self.auth_request.or(defaults.auth_request),
            user: self.user.or_else(|| defaults.user.clone()),
            variables,
            expect: self.expect,
        }
    }

    /// Name in reports.
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let method = self.method.as_deref().unwrap_or("GET");
            let url = self.url.as_deref().unwrap_or_default();
            match &self.host {
                Some(host) if url.starts_with('/') => format!("{method} {host}{url}"),
                _ => format!("{method} {url}"),
            }
        })
    }

    /// The stated facts.
    pub fn facts(&self) -> Facts {
        Facts {
            files: self.files.as_ref().map(|paths| Files::new(paths.iter().map(String::as_bytes))),
            upstream: self.upstream.as_ref().map(|upstream| Response {
                status: upstream.status.unwrap_or(200),
                headers: lines(&upstream.headers),
            }),
            has_failed: false,
            auth_request: self.auth_request,
            user: self.user.clone(),
            body: self.body_size,
            variables: self
                .variables
                .iter()
                .map(|(name, value)| (name.trim_start_matches('$').to_owned(), value.clone().into_bytes()))
                .collect(),
        }
    }

    /// Headers of the request, a line each.
    pub fn header_lines(&self) -> Vec<(String, Vec<u8>)> {
        lines(&self.headers)
    }

    /// Protocol as `$server_protocol` has it.
    pub fn protocol(&self) -> &'static str {
        match self.protocol {
            Some(Protocol::Http10) => "HTTP/1.0",
            Some(Protocol::Http2) => "HTTP/2.0",
            _ => "HTTP/1.1",
        }
    }
}

fn lines(headers: &BTreeMap<String, Values>) -> Vec<(String, Vec<u8>)> {
    let lines = headers.iter().flat_map(|(name, values)| values.all().iter().map(move |v| (name, v)));
    lines.map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_take_what_they_do_not_say_from_the_defaults() {
        let text = "[defaults]\nhost = 'a.test'\nheaders = { Accept = 'x', X-One = '1' }\n[[case]]\nurl = '/'\n\
                    headers = { accept = 'y' }\nexpect = { status = 200 }\n[[redirect]]\nfrom = '/old'\nto = '/new'\n";
        let file = CaseFile::parse(text).unwrap();
        let all = file.all(text);
        assert_eq!(all.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 8]);
        let (case, redirect) = (&all[0].1, &all[1].1);
        assert_eq!(case.title(), "GET a.test/");
        let lines = case.header_lines();
        assert_eq!(lines.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["X-One", "accept"]);
        assert_eq!(redirect.expect.redirect.as_deref(), Some("/new"));
    }

    #[test]
    fn faults_name_line_and_remedy() {
        for (text, line, message) in [
            ("[[case]]\nurl = '/'\nexpekt = {}\n", 3, "unknown field `expekt`; did you mean `expect`?"),
            ("[[case]]\nurl = '/'\nexpect = { statu = 200 }\n", 3, "did you mean `status`?"),
            ("[[case]]\nexpect = { status = 200 }\n", 1, "the case has no `url`"),
            ("\n[[case]]\nurl = '/'\n", 2, "expects nothing"),
            ("[[case]]\nurl = 1\n", 2, "invalid type: integer"),
            ("[[case]\n", 1, ""),
            ("[[redirect]]\nfrom = '/a'\n", 1, "missing field `to`"),
        ] {
            let fault = CaseFile::parse(text).unwrap_err();
            assert_eq!(fault.line, line, "{text}: {fault}");
            assert!(fault.message.contains(message), "{text}: {fault}");
        }
    }
}
