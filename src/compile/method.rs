//! Balancing methods of an `upstream`: `hash`, `ip_hash`, `least_conn`, `least_time`, `random`, `sticky`.

use super::argument::refuse;
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::upstream::UpstreamBlock;
use super::value;
use crate::catalog::Tier;
use crate::diagnostic::Diagnostic;
use crate::model::upstream::Balancer;
use crate::model::{Origin, Setting};
use crate::version::Version;

/// First version that allows `keepalive` before the balancing method.
const ORDER_DOES_NOT_MATTER: Version = Version::new(1, 29, 7);

pub(super) const CHECKS: &[(&str, Check)] =
    &[("hash", hash), ("random", random), ("least_time", least_time), ("sticky", sticky)];

/// Directives that select the balancing method.
pub(super) const BALANCERS: &[&str] =
    &["hash", "ip_hash", "least_conn", "least_time", "ntlm", "random", "sticky", "queue"];

/// Handles a balancing method.
pub(super) fn balance(cx: &mut Compiler<'_>, upstream: &mut UpstreamBlock, directive: &Directive<'_>) {
    let balancer = match directive.name() {
        "ip_hash" => Balancer::IpHash,
        "least_conn" => Balancer::LeastConn,
        "hash" => {
            let consistent = directive.len() == 2;
            Balancer::Hash { key: value::argument(cx, directive, 1), consistent }
        }
        // `two` has only the method `least_conn` in open-source nginx.
        "random" => Balancer::Random { two: directive.len() > 0 },
        other => Balancer::Other(other),
    };
    if matches!(directive.name(), "queue" | "sticky" | "ntlm") {
        // These directives accompany a method and are not a method themselves.
        if directive.name() == "sticky" {
            upstream.sticky = super::sticky::of(cx, directive).or(upstream.sticky.take());
        }
        return;
    }
    if let Origin::Set(keepalive) = upstream.keepalive.size.origin
        && !cx.is_since(ORDER_DOES_NOT_MATTER)
    {
        upstream.keepalive_overridden = Some(keepalive);
        let name = directive.name();
        cx.report(
            Diagnostic::warning(
                "balancer-after-keepalive",
                directive.span(),
                format!("`{name}` stands after `keepalive` and switches it off (before nginx 1.29.7)"),
            )
            .label("the load balancing method is set here")
            .related(keepalive, "this has no effect")
            .help(format!("put `{name}` before `keepalive`"))
            .nginx("load balancing method redefined"),
        );
    }
    if upstream.method.is_some() && upstream.keepalive_overridden.is_none() {
        report_redefined(cx, directive);
    }
    upstream.method = Some(directive.name());
    upstream.balancer = Setting::set(balancer, directive.span());
}

/// Warns about a second method, which replaces the first.
pub(super) fn report_redefined(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let name = directive.name();
    cx.report(
        Diagnostic::warning(
            "balancer-redefined",
            directive.span(),
            format!("`{name}` replaces the balancing method above"),
        )
        .label("the second method")
        .help("keep one of the two")
        .nginx("load balancing method redefined"),
    );
}

/// `hash key [consistent]`
fn hash<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    directive.len() < 2 || one_of(cx, directive, 2, &["consistent"])
}

/// `random [two [least_conn]]`
fn random<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let plus: &[&str] = if cx.knows(Tier::Plus) {
        &["least_conn", "least_time=header", "least_time=last_byte"]
    } else {
        &["least_conn"]
    };
    (directive.len() < 1 || one_of(cx, directive, 1, &["two"]))
        && (directive.len() < 2 || one_of(cx, directive, 2, plus))
}

/// `least_time header | last_byte [inflight]`
fn least_time<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if directive.len() == 2 && !one_of(cx, directive, 2, &["inflight"]) {
        return false;
    }
    let text = directive.arg(1);
    let words: &[&[u8]] = if super::directive::is_stream(directive) {
        &[b"connect", b"first_byte", b"last_byte"]
    } else {
        &[b"header", b"last_byte"]
    };
    let nginx = format!("invalid value \"{}\"", directive.text(1));
    words.iter().any(|w| text.eq_ignore_ascii_case(w))
        || refuse(cx, directive, 1, "what time to compare", nginx)
}

fn one_of(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize, words: &[&str]) -> bool {
    if words.iter().any(|w| *directive.arg(n) == *w.as_bytes()) {
        return true;
    }
    let nginx = format!("invalid parameter \"{}\"", directive.text(n));
    refuse(cx, directive, n, &format!("`{}`", words.join("` or `")), nginx)
}

/// `sticky cookie | route | learn …` (`ngx_http_upstream_sticky_module.c`)
fn sticky<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    match &*text {
        b"cookie" => super::sticky::cookie(cx, directive),
        b"route" => super::sticky::route(cx, directive),
        b"learn" => super::sticky::learn(cx, directive),
        _ => {
            let nginx = format!("unknown parameter \"{}\"", directive.text(1));
            refuse(cx, directive, 1, "`cookie`, `route` or `learn`", nginx)
        }
    }
}
