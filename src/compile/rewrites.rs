//! `proxy_redirect`, `proxy_cookie_*`: settings of the proxy that rewrite response headers of a peer.

use super::directive::Directive;
use super::scope::Compiler;
use super::settings::Value;
use super::value;
use crate::catalog::Kind;
use crate::model::pass::{CookieFlags, Pattern, Rewrite, Rewrites};
use crate::model::{ComplexValue, Setting};

impl Value for Option<ComplexValue> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        None
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(Some(value::argument(cx, directive, 1)))
    }
}

/// First argument, as a text, or after `~` as a regular expression; `pass::CHECKS` has checked it.
fn pattern(cx: &mut Compiler<'_>, directive: &Directive<'_>, caseless: bool) -> Pattern {
    let first = directive.arg(1);
    let (text, span) = (first.strip_prefix(b"~"), directive.arg_span(1));
    let Some(pattern) = text else { return Pattern::Text(plain(cx, directive, 1)) };
    value::define_captures(cx, pattern, span);
    let (pattern, caseless) = match pattern.strip_prefix(b"*") {
        Some(pattern) if !caseless => (pattern, true),
        _ => (pattern, caseless),
    };
    let pattern = String::from_utf8_lossy(pattern).into_owned();
    Pattern::Regex { pattern, caseless, span: directive.span() }
}

/// Argument as a text; domains are compared and written without their first dot.
fn plain(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize) -> ComplexValue {
    let text = directive.arg(n);
    match text.strip_prefix(b".").filter(|_| directive.name() == "proxy_cookie_domain") {
        Some(text) => value::text(cx, text, directive.arg_span(n)),
        None => value::argument(cx, directive, n),
    }
}

fn is_off(directive: &Directive<'_>) -> bool {
    directive.len() == 1 && matches!(&*directive.arg(1), b"off" | b"false")
}

/// Adds to the level's list; arguments after `off` do not count.
fn add<T>(setting: &mut Setting<Option<Vec<T>>>, more: Option<Vec<T>>, directive: &Directive<'_>) {
    let is_here = setting.is_set_here();
    match (&mut setting.value, more) {
        (Some(list), Some(more)) if is_here => list.extend(more),
        (None, _) if is_here => {}
        (_, more) => *setting = Setting::set(more, directive.span()),
    }
}

impl Value for Rewrites {
    fn default(text: Option<&str>, _: Kind) -> Self {
        (text == Some("default")).then(|| vec![Rewrite::Default])
    }

    /// `ngx_http_proxy_redirect`, `ngx_http_proxy_cookie_domain`, `ngx_http_proxy_cookie_path`
    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        if is_off(directive) {
            return Some(None);
        }
        if directive.len() == 1 {
            return Some(Some(vec![Rewrite::Default]));
        }
        let pattern = pattern(cx, directive, directive.name() == "proxy_cookie_domain");
        let replacement = match pattern {
            Pattern::Text(_) => plain(cx, directive, 2),
            Pattern::Regex { .. } => value::argument(cx, directive, 2),
        };
        Some(Some(vec![Rewrite::Replace(pattern, replacement)]))
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        if let Some(more) = Self::parse(cx, directive) {
            add(setting, more, directive);
        }
    }
}

impl Value for Option<Vec<CookieFlags>> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        None
    }

    /// `ngx_http_proxy_cookie_flags`
    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        if is_off(directive) {
            return Some(None);
        }
        let cookie = pattern(cx, directive, true);
        let flags = (2..=directive.len()).map(|n| value::argument(cx, directive, n)).collect();
        Some(Some(vec![CookieFlags { cookie, flags }]))
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        if let Some(more) = Self::parse(cx, directive) {
            add(setting, more, directive);
        }
    }
}
