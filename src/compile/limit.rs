//! `limit_req`, `limit_conn` and their zones, in http and in stream.

use super::argument::{digits, refuse};
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::settings::{Value, extend};
use super::value;
use super::zone::{self, PAGE};
use crate::catalog::{Kind, Subsystem};
use crate::diagnostic::Diagnostic;
use crate::model::Setting;
use crate::model::limit::{LimitConn, LimitReq, Zone};

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("limit_req_zone", limit_zone),
    ("limit_conn_zone", limit_zone),
    ("limit_req", limit_req),
    ("limit_conn", limit_conn),
];

pub(super) const REMEMBERED: &[&str] = &["limit_req", "limit_conn"];

fn tag(cx: &Compiler<'_>, directive: &Directive<'_>) -> &'static str {
    match (directive.name().starts_with("limit_req"), cx.subsystem) {
        (true, _) => "limit_req",
        (false, Subsystem::Http) => "limit_conn",
        (false, _) => "stream limit_conn",
    }
}

/// `ngx_http_limit_req_zone`, `ngx_http_limit_conn_zone`, `ngx_stream_limit_conn_zone`
fn limit_zone<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let mut zone = None;
    for (n, text) in directive.args_from(2) {
        let shown = directive.text(n);
        if let Some(value) = text.strip_prefix(b"zone=") {
            let expected = "`zone=NAME:SIZE`, at least 32k";
            let Some((name, size)) = zone::name_and_size(value) else {
                return refuse(cx, directive, n, expected, format!("invalid zone size \"{shown}\""));
            };
            if size < 8 * PAGE {
                return refuse(cx, directive, n, expected, format!("zone \"{shown}\" is too small"));
            }
            zone = Some((name.to_vec(), size));
        } else if let Some(rate) =
            text.strip_prefix(b"rate=").filter(|_| directive.name() == "limit_req_zone")
        {
            let number = rate.strip_suffix(b"r/s").or_else(|| rate.strip_suffix(b"r/m")).unwrap_or(rate);
            if digits(number).is_none_or(|n| n == 0) {
                let nginx = format!("invalid rate \"{shown}\"");
                return refuse(cx, directive, n, "a rate: `rate=10r/s`, `rate=30r/m`", nginx);
            }
        } else {
            return refuse(cx, directive, n, "`zone=NAME:SIZE`", format!("invalid parameter \"{shown}\""));
        }
    }
    let Some((name, size)) = zone.filter(|(name, _)| !name.is_empty()) else {
        return no_zone(cx, directive);
    };
    let tag = tag(cx, directive);
    zone::add(cx, directive, &name, size, tag) && zone::bind(cx, directive, &name, directive.text(1))
}

fn no_zone(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let name = directive.name();
    cx.report(
        Diagnostic::error("missing-parameter", directive.span(), format!("`{name}` needs `zone=`"))
            .label("expected `zone=`")
            .help(super::wording::syntax_help(directive.catalog))
            .nginx(format!("\"{name}\" must have \"zone\" parameter")),
    );
    false
}

/// `ngx_http_limit_req`
fn limit_req<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let mut zone = None;
    for (n, text) in directive.args_from(1) {
        let positive = |value: &[u8]| digits(value).is_some_and(|n| n > 0);
        let fault = if let Some(name) = text.strip_prefix(b"zone=") {
            zone = Some(name.to_vec());
            None
        } else if let Some(value) = text.strip_prefix(b"burst=") {
            (!positive(value)).then_some("invalid burst value")
        } else if let Some(value) = text.strip_prefix(b"delay=") {
            (!positive(value)).then_some("invalid delay value")
        } else if *text == *b"nodelay" {
            None
        } else {
            Some("invalid parameter")
        };
        if let Some(fault) = fault {
            let nginx = format!("{fault} \"{}\"", directive.text(n));
            return refuse(cx, directive, n, "`zone=NAME`, `burst=N`, `delay=N` or `nodelay`", nginx);
        }
    }
    let Some(zone) = zone else { return no_zone(cx, directive) };
    zone::add(cx, directive, &zone, 0, "limit_req")
        && once(cx, directive, |d| parameter(d, b"zone=") == Some(zone.clone()))
}

/// `ngx_http_limit_conn`, `ngx_stream_limit_conn`
fn limit_conn<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let name = directive.arg(1);
    let tag = tag(cx, directive);
    if !zone::add(cx, directive, &name, 0, tag) || !once(cx, directive, |d| d.arg(1) == name) {
        return false;
    }
    let expected = "a number from 1 to 65535";
    match digits(&directive.arg(2)) {
        None | Some(0) => {
            let nginx = format!("invalid number of connections \"{}\"", directive.text(2));
            refuse(cx, directive, 2, expected, nginx)
        }
        Some(65_536..) => refuse(cx, directive, 2, expected, "connection limit must be less 65536"),
        Some(_) => true,
    }
}

fn parameter(directive: &Directive<'_>, key: &[u8]) -> Option<Vec<u8>> {
    directive.args_from(1).find_map(|(_, text)| text.strip_prefix(key).map(<[u8]>::to_vec))
}

/// Reports a second directive of a name in one block for which `same` holds.
pub(super) fn once(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    same: impl Fn(&Directive<'_>) -> bool,
) -> bool {
    let me = directive.syntax.id();
    let earlier = cx.levels.last().and_then(|level| {
        level.remembered.iter().find(|d| d.name() == directive.name() && d.syntax.id() != me && same(d))
    });
    let Some(first) = earlier.map(Directive::span) else { return true };
    let name = directive.name();
    cx.report(
        Diagnostic::error(
            "duplicate-directive",
            directive.span(),
            format!("`{name}` is set twice in one block"),
        )
        .label("set again here")
        .related(first, "first set here")
        .help("remove one of the two")
        .nginx(format!("\"{name}\" directive is duplicate")),
    );
    false
}

/// Adds the zone that `limit_req_zone` or `limit_conn_zone` defines; `limit_zone` has checked the directive.
pub(super) fn define(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let key = value::argument(cx, directive, 1);
    let mut zone = Zone { name: String::new(), key, size: 0, rate: 0, span: directive.span() };
    for (_, text) in directive.args_from(2) {
        if let Some((name, size)) = text.strip_prefix(b"zone=").and_then(zone::name_and_size) {
            zone.name = String::from_utf8_lossy(name).into_owned();
            zone.size = size;
        } else if let Some(rate) = text.strip_prefix(b"rate=") {
            let per_minute = rate.strip_suffix(b"r/m");
            let number = per_minute.or_else(|| rate.strip_suffix(b"r/s")).unwrap_or(rate);
            let number = digits(number).unwrap_or(1).min(u64::MAX / 1000);
            zone.rate = number * 1000 / if per_minute.is_some() { 60 } else { 1 };
        }
    }
    let zones = match directive.name() {
        "limit_req_zone" => &mut cx.http.limit_req_zones,
        _ => &mut cx.http.limit_conn_zones,
    };
    zones.push(zone);
}

impl Value for Vec<LimitReq> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let mut limit = LimitReq { zone: String::new(), burst: 0, delay: 0 };
        for (_, text) in directive.args_from(1) {
            let thousand = |value: &[u8]| digits(value).map_or(0, |n| n.saturating_mul(1000));
            if let Some(name) = text.strip_prefix(b"zone=") {
                limit.zone = String::from_utf8_lossy(name).into_owned();
            } else if let Some(value) = text.strip_prefix(b"burst=") {
                limit.burst = thousand(value);
            } else if let Some(value) = text.strip_prefix(b"delay=") {
                limit.delay = thousand(value);
            } else if *text == *b"nodelay" {
                limit.delay = u64::MAX;
            }
        }
        Some(vec![limit])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}

impl Value for Vec<LimitConn> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let number = digits(&directive.arg(2)).and_then(|n| u32::try_from(n).ok())?;
        Some(vec![LimitConn { zone: directive.text(1), number }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}
