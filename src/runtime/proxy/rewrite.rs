//! Headers of a response that name the peer: `Location`, `Refresh` and cookies
//! (`ngx_http_proxy_rewrite_redirect`, `ngx_http_proxy_rewrite_cookie`).

use super::cookie;
use crate::eval::Request as _;
use crate::eval::regex::Regex;
use crate::model::pass::{PassSettings, Pattern, Rewrite, Rewrites};
use crate::model::{ComplexValue, Config};
use crate::runtime::request::plan::rewriting::{Find, Rewriting};
use crate::runtime::request::scope::Scope;

impl Rewriting {
    /// `default` is the replacement of `proxy_redirect default`.
    pub(crate) fn new(
        settings: &PassSettings,
        default: Option<&(Vec<u8>, Vec<u8>)>,
        config: &Config,
    ) -> Self {
        let compile = |rewrites: &Rewrites| {
            let each = rewrites.iter().flatten().filter_map(|rewrite| match rewrite {
                Rewrite::Default => {
                    let (from, to) = default?;
                    Some((Find::Text(ComplexValue::literal(from)), ComplexValue::literal(to)))
                }
                Rewrite::Replace(pattern, value) => Some((find(pattern, config)?, value.clone())),
            });
            each.collect()
        };
        let flags = settings.cookie_flags.value.iter().flatten();
        Self {
            redirect: compile(&settings.redirect.value),
            domain: compile(&settings.cookie_domain.value),
            path: compile(&settings.cookie_path.value),
            flags: flags.filter_map(|f| Some((find(&f.cookie, config)?, f.flags.clone()))).collect(),
        }
    }

    /// True if cookies are rewritten.
    pub(super) fn has_cookies(&self) -> bool {
        !(self.domain.is_empty() && self.path.is_empty() && self.flags.is_empty())
    }

    /// The new value of a `Location`.
    pub(super) fn location(&self, scope: &mut Scope<'_>, value: &[u8]) -> Option<Vec<u8>> {
        self.redirect.iter().find_map(|(find, new)| replace_start(scope, find, new, value))
    }

    /// The new value of a `Refresh`: what follows `url=` is rewritten.
    pub(super) fn refresh(&self, scope: &mut Scope<'_>, value: &[u8]) -> Option<Vec<u8>> {
        let at = value.windows(4).position(|text| text.eq_ignore_ascii_case(b"url="))? + 4;
        let new = self.location(scope, &value[at..])?;
        Some([&value[..at], &new].concat())
    }

    /// The new value of a `Set-Cookie`.
    pub(super) fn cookie(&self, scope: &mut Scope<'_>, value: &[u8]) -> Option<Vec<u8>> {
        cookie::rewrite(self, scope, value)
    }
}

fn find(pattern: &Pattern, config: &Config) -> Option<Find> {
    Some(match pattern {
        Pattern::Text(value) => Find::Text(value.clone()),
        // The compiler has tried it.
        Pattern::Regex { pattern, caseless, span } => {
            Find::Regex(Regex::new(pattern, *caseless, *span, config).ok()?)
        }
    })
}

/// True if a pattern matches; its groups are then those of the request.
pub(super) fn matches(scope: &mut Scope<'_>, regex: &Regex, value: &[u8]) -> bool {
    match regex.exec(value) {
        Ok(Some(captures)) => {
            scope.set_captures(captures);
            true
        }
        _ => false,
    }
}

fn evaluated(scope: &mut Scope<'_>, value: &ComplexValue) -> Vec<u8> {
    let mut out = Vec::new();
    scope.evaluate(value, &mut out);
    out
}

/// Replaces the text that the value begins with, or all of it if it matches.
pub(super) fn replace_start(
    scope: &mut Scope<'_>,
    find: &Find,
    new: &ComplexValue,
    value: &[u8],
) -> Option<Vec<u8>> {
    match find {
        Find::Regex(regex) => matches(scope, regex, value).then(|| evaluated(scope, new)),
        Find::Text(text) => {
            let text = evaluated(scope, text);
            let rest = value.strip_prefix(&text[..])?;
            Some([&evaluated(scope, new)[..], rest].concat())
        }
    }
}

/// Replaces a domain as a whole, but for its first dot.
pub(super) fn replace_domain(
    scope: &mut Scope<'_>,
    find: &Find,
    new: &ComplexValue,
    value: &[u8],
) -> Option<Vec<u8>> {
    let Find::Text(text) = find else { return replace_start(scope, find, new, value) };
    let text = evaluated(scope, text);
    let (dot, domain) = match value.strip_prefix(b".") {
        Some(domain) => (&b"."[..], domain),
        None => (&b""[..], value),
    };
    domain.eq_ignore_ascii_case(&text).then(|| [dot, &evaluated(scope, new)].concat())
}
