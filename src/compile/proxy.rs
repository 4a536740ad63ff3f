//! `proxy_pass` and the settings of `ngx_http_proxy_module` that have a grammar of their own.

use super::address::{self, Form};
use super::directive::Directive;
use super::scope::Compiler;
use super::settings::Value;
use super::{argument, upstream, value};
use crate::catalog::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::location::Pass;
use crate::model::proxy::{Bind, Header, HttpVersion, ProxyPass, Target};
use crate::model::{ComplexValue, Endpoint, LocationKind, Setting};

/// `proxy_pass URL` (`ngx_http_proxy_pass`) in a location of the given kind.
pub(super) fn proxy_pass(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    location: Option<&LocationKind>,
) -> Option<ProxyPass> {
    let text = directive.arg(1);
    let span = directive.span();
    let prefix = match location {
        Some(LocationKind::Exact(uri) | LocationKind::Prefix { uri, .. }) => uri.clone(),
        _ => Box::default(),
    };
    if text.contains(&b'$') {
        let tls = text.len() >= 8 && text[..8].eq_ignore_ascii_case(b"https://");
        let target = Target::Value(value::argument(cx, directive, 1));
        return Some(ProxyPass { tls, target, host: String::new(), uri: None, prefix, span });
    }
    let (tls, rest) = scheme(cx, directive, &text)?;
    let default_port = if tls { 443 } else { 80 };
    let url = match address::parse(rest, default_port, Form::WithUri) {
        Ok(url) => url,
        Err(fault) => {
            let nginx = format!("{fault} in upstream \"{}\"", String::from_utf8_lossy(rest));
            argument::invalid(cx, directive, 1, "a URL: `http://host:port`, `http://upstream`", &nginx);
            return None;
        }
    };
    let port = match url.endpoint {
        Endpoint::Inet(address) => address.port(),
        Endpoint::Name(_, port) => port,
        Endpoint::Unix(_) => 0,
    };
    if !url.uri.is_empty() && !may_have_uri(location) {
        report_uri(cx, directive, &url.uri);
    }
    let target = Target::Upstream(upstream::of_url(cx, directive, &url, port)?);
    let host = match url.endpoint {
        Endpoint::Unix(_) => "localhost".to_owned(),
        _ if url.has_port && port != default_port => format!("{}:{port}", url.host),
        _ => url.host.clone(),
    };
    let uri = (!url.uri.is_empty()).then(|| ComplexValue::literal(&url.uri));
    Some(ProxyPass { tls, target, host, uri, prefix, span })
}

/// Schemes and default ports of the directives that pass requests on in other protocols.
const PASSES: &[(&str, &[(&str, u16)])] = &[
    ("fastcgi_pass", &[("", 0)]),
    ("grpc_pass", &[("grpc://", 80), ("grpcs://", 443), ("", 80)]),
    ("memcached_pass", &[("", 0)]),
    ("scgi_pass", &[("", 0)]),
    ("uwsgi_pass", &[("uwsgi://", 0), ("suwsgi://", 0), ("", 0)]),
];

/// Handler of another protocol's `…_pass`; `None` for a handler that produces the response itself.
pub(super) fn pass(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Pass> {
    let (name, schemes) = PASSES.iter().find(|(name, _)| *name == directive.name())?;
    let text = directive.arg(1);
    let span = directive.span();
    if text.contains(&b'$') {
        let target = Target::Value(value::argument(cx, directive, 1));
        return Some(Pass { directive: name, tls: false, target, span });
    }
    let (scheme, port) = schemes.iter().find(|(scheme, _)| text.starts_with(scheme.as_bytes()))?;
    let url = address::parse(&text[scheme.len()..], *port, Form::Peer).ok()?;
    let port = match url.endpoint {
        Endpoint::Inet(address) => address.port(),
        Endpoint::Name(_, port) => port,
        Endpoint::Unix(_) => 0,
    };
    let target = Target::Upstream(upstream::of_url(cx, directive, &url, port)?);
    let tls = matches!(*scheme, "suwsgi://" | "grpcs://");
    Some(Pass { directive: name, tls, target, span })
}

fn scheme<'a>(cx: &mut Compiler<'_>, directive: &Directive<'_>, text: &'a [u8]) -> Option<(bool, &'a [u8])> {
    for (prefix, tls) in [(&b"http://"[..], false), (b"https://", true)] {
        if text.len() >= prefix.len() && text[..prefix.len()].eq_ignore_ascii_case(prefix) {
            return Some((tls, &text[prefix.len()..]));
        }
    }
    let shown = directive.text(1);
    cx.report(
        Diagnostic::error(
            "invalid-url",
            directive.arg_span(1),
            format!(
                "`proxy_pass` cannot be `{shown}`; expected a URL that begins with `http://` or `https://`"
            ),
        )
        .label("expected `http://` or `https://`")
        .help(format!("write `proxy_pass http://{shown};`"))
        .nginx("invalid URL prefix"),
    );
    None
}

/// True if a location may have a URI part in its `proxy_pass`: the URI part replaces the matched prefix, so there must
/// be one.
fn may_have_uri(location: Option<&LocationKind>) -> bool {
    matches!(location, Some(LocationKind::Exact(_) | LocationKind::Prefix { .. }))
}

fn report_uri(cx: &mut Compiler<'_>, directive: &Directive<'_>, uri: &[u8]) {
    let uri = String::from_utf8_lossy(uri).into_owned();
    cx.report(
        Diagnostic::error(
            "proxy-pass-uri",
            directive.arg_span(1),
            format!(
                "`proxy_pass` cannot have a URI part (`{uri}`) in a regex or named location, in `if` or in `limit_except`"
            ),
        )
        .label("no prefix that this could replace")
        .help("leave the URI part out, and change the URI with `rewrite … break;` if it has to change")
        .nginx(
            "\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named \
             location, or inside \"if\" statement, or inside \"limit_except\" block",
        ),
    );
}

impl Value for HttpVersion {
    fn default(text: Option<&str>, _: Kind) -> Self {
        version(text.unwrap_or_default().as_bytes()).unwrap_or(HttpVersion::Http10)
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        // The catalog's check allows only its words.
        let text = directive.arg(1);
        argument::expect(cx, directive, 1, version(&text), "`1.0`, `1.1` or `2`")
    }
}

fn version(text: &[u8]) -> Option<HttpVersion> {
    [HttpVersion::Http10, HttpVersion::Http11, HttpVersion::Http2]
        .into_iter()
        .find(|v| v.name().as_bytes() == text)
}

impl Value for Vec<Header> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        // nginx's own headers are not a setting: see `ngx_http_proxy_headers`.
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let value = value::argument(cx, directive, 2);
        Some(vec![Header { name: directive.arg(1).into(), value, span: directive.span() }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let Some(headers) = Self::parse(cx, directive) else { return };
        if setting.is_set_here() {
            setting.value.extend(headers);
        } else {
            // A level with one header of its own sends none of the outer level's.
            *setting = Setting::set(headers, directive.span());
        }
    }
}

impl Value for Bind {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Bind::Off
    }

    /// `ngx_http_upstream_bind_set_slot`
    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        if directive.len() == 1 && *text == *b"off" {
            return Some(Bind::Off);
        }
        let transparent = directive.len() == 2;
        if transparent && *directive.arg(2) != *b"transparent" {
            let nginx = format!("invalid parameter \"{}\"", directive.text(2));
            argument::invalid(cx, directive, 2, "`transparent`", &nginx);
            return None;
        }
        if text.contains(&b'$') {
            return Some(Bind::Value { value: value::argument(cx, directive, 1), transparent });
        }
        let Ok(address) = address::parse_address(&text) else {
            let nginx = format!("invalid address \"{}\"", directive.text(1));
            argument::invalid(
                cx,
                directive,
                1,
                "an address of this host: `10.0.0.9`, a variable, or `off`",
                &nginx,
            );
            return None;
        };
        Some(Bind::Address { address, transparent })
    }
}
