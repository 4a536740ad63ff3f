//! `valid_referers`: whether a link to here may stand where it does (`ngx_http_referer_module.c`).

use crate::eval::names::{Name, Names};
use crate::eval::regex::Regex;
use crate::model::client::Referers;
use crate::model::server::ServerName;
use crate::model::{Config, Server, Setting};
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::request::referer::RefererPlan;
use crate::runtime::request::scope::Scope;

/// The longest name that is looked at.
const LONGEST: usize = 256;

impl RefererPlan {
    /// `None` if any referer will do.
    pub(crate) fn new(setting: &Setting<Referers>, server: &Server, config: &Config) -> Option<Box<Self>> {
        let referers = &setting.value;
        let span = setting.origin.span().filter(|_| referers.is_set)?;
        // The compiler has checked that each pattern compiles.
        let regex = |pattern: &String, caseless| Regex::new(pattern, caseless, span, config).ok();
        let mut names = Names::default();
        let mut paths: Vec<Box<[u8]>> = Vec::new();
        for (name, path) in &referers.names {
            names.add(kind(name.as_bytes()), paths.len());
            paths.push(path.clone());
        }
        let mut server_patterns = Vec::new();
        for name in &server.names {
            let name = match name {
                ServerName::Regex(pattern) => {
                    if referers.server_regexes {
                        let caseless = pattern.bytes().any(|b| b.is_ascii_uppercase());
                        server_patterns.extend(regex(pattern, caseless));
                    }
                    continue;
                }
                _ if !referers.server_names => continue,
                ServerName::Exact(name) => Name::Exact(name.as_bytes()),
                ServerName::WildcardHead(name) => Name::Head(name.as_bytes()),
                ServerName::DotHead(name) => Name::Dot(name.as_bytes()),
                ServerName::WildcardTail(name) => Name::Tail(name.as_bytes()),
            };
            names.add(name, paths.len());
            paths.push(Box::default());
        }
        let patterns = referers.patterns.iter().filter_map(|pattern| regex(pattern, true)).collect();
        let (none, blocked) = (referers.none, referers.blocked);
        Some(Box::new(Self { none, blocked, names, paths, server_patterns, patterns }))
    }

    /// `ngx_http_referer_variable`; `None` if matching was given up.
    fn allows(&self, referer: Option<&[u8]>) -> Option<bool> {
        let Some(referer) = referer else { return Some(self.none) };
        let after = |scheme: &[u8]| {
            let is_it = referer.len() >= b"http://i.ru".len()
                && referer.len() >= scheme.len()
                && referer[..scheme.len()].eq_ignore_ascii_case(scheme);
            is_it.then(|| &referer[scheme.len()..])
        };
        let Some(rest) = after(b"http://").or_else(|| after(b"https://")) else { return Some(self.blocked) };
        let end = rest.iter().position(|b| matches!(b, b'/' | b':')).unwrap_or(rest.len());
        if end > LONGEST {
            return Some(false);
        }
        let host = rest[..end].to_ascii_lowercase();
        if let Some(path) = self.names.find(&host).and_then(|at| self.paths.get(at)) {
            let slash = memchr::memchr(b'/', &rest[end..]).map_or(rest.len(), |at| end + at);
            return Some(rest[slash..].starts_with(path));
        }
        let matches = |patterns: &[Regex], subject: &[u8]| {
            patterns
                .iter()
                .find_map(|p| p.exec(subject).map(|found| found.map(|_| ())).transpose())
                .transpose()
        };
        let by_server = matches(&self.server_patterns, &host).ok()?;
        Some(by_server.is_some() || matches(&self.patterns, rest).ok()?.is_some())
    }
}

/// Forms of a name in `ngx_hash_add_key`.
fn kind(name: &[u8]) -> Name<'_> {
    match name {
        [b'.', rest @ ..] if !rest.is_empty() => Name::Dot(rest),
        [b'*', suffix @ ..] if suffix.len() > 1 => Name::Head(suffix),
        [prefix @ .., b'*'] if prefix.len() > 1 => Name::Tail(prefix),
        name => Name::Exact(name),
    }
}

/// `$invalid_referer`
pub(crate) fn variable(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let r = &*s.request;
    let Some(plan) = &r.plan.referers else { return true };
    match plan.allows(r.head.value(KnownHeader::Referer, r.buffer.all())) {
        Some(allowed) => {
            if !allowed {
                out.push(b'1');
            }
            true
        }
        None => false,
    }
}
