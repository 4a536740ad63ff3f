//! Rules of access: `allow`, `deny` and passwords (`ngx_http_access_module`, `satisfy`).

use super::levels::Level;
use crate::catalog::Context;
use crate::syntax::{Directive, Word};

/// The list of `allow` and `deny` that holds, in order: the two form one list, which an inner level replaces.
pub(super) fn rules(level: Level<'_>) -> Vec<Directive<'_>> {
    let is_rule = |d: &Directive<'_>| d.name().is("allow") || d.name().is("deny");
    let holder = level.outward().find(|level| level.get("allow").or_else(|| level.get("deny")).is_some());
    let directives = holder.map_or(&[][..], Level::directives);
    directives.iter().copied().filter(is_rule).collect()
}

/// True if those who match no `allow` are refused: of each family of addresses that the server listens on, the first rule
/// for everybody is a `deny`.
pub(super) fn denies_others(level: Level<'_>) -> bool {
    let rules = rules(level);
    let denies = |family: &&[&str]| first_for_all(&rules, family).is_some_and(|rule| rule.name().is("deny"));
    !rules.is_empty() && families(level).iter().all(denies)
}

/// The `allow` that lets everybody in of a family of addresses that the server listens on.
pub(super) fn allows_all(level: Level<'_>) -> Option<Directive<'_>> {
    let rules = rules(level);
    if rules.is_empty() {
        return None;
    }
    let first = families(level).into_iter().filter_map(|family| first_for_all(&rules, family));
    first.into_iter().find(|rule| rule.name().is("allow"))
}

/// The first rule that speaks of every address of a family.
fn first_for_all<'a>(rules: &[Directive<'a>], family: &[&str]) -> Option<Directive<'a>> {
    let speaks = |rule: &&Directive<'_>| {
        rule.arg(0).is_some_and(|word| word.is("all") || family.iter().any(|all| word.is(all)))
    };
    rules.iter().find(speaks).copied()
}

/// The families of addresses that a server listens on, each with the networks that are all of it. A name can have
/// addresses of both.
fn families(level: Level<'_>) -> Vec<&'static [&'static str]> {
    const IPV4: &[&str] = &["0.0.0.0/0", "0/0"];
    const IPV6: &[&str] = &["::/0"];
    let server = level.around(Context::Server);
    let listens: Vec<_> = server.into_iter().flat_map(|server| server.own("listen")).collect();
    let addresses: Vec<_> = listens.iter().filter_map(|listen| listen.arg(0)).map(Word::content).collect();
    let is_name = |address: &&[u8]| {
        address.first().is_some_and(u8::is_ascii_alphabetic) && !address.starts_with(b"unix:")
    };
    let ipv6 = addresses.iter().any(|address| address.starts_with(b"[") || is_name(address));
    // Without `listen` a server is at `*:80`.
    let is_ipv4 = |address: &&[u8]| !address.starts_with(b"[") && !address.starts_with(b"unix:");
    let ipv4 = addresses.is_empty() || addresses.iter().any(is_ipv4);
    let all = [(ipv4, IPV4), (ipv6, IPV6)];
    all.into_iter().filter(|(listens, _)| *listens).map(|(_, networks)| networks).collect()
}

/// True if a rule speaks of every address.
pub(super) fn is_for_all(rule: &Directive<'_>) -> bool {
    rule.arg(0).is_some_and(|w| w.is("all") || w.is("0.0.0.0/0") || w.is("::/0") || w.is("0/0"))
}

/// True if a block refuses every request: `deny all` or `return 403` at its own level.
pub(super) fn refuses(level: Level<'_>) -> bool {
    let is_error = |d: Directive<'_>| d.arg(0).is_some_and(|w| w.content().starts_with(b"4"));
    let denies = level.own("allow").next().is_none()
        && level.own("deny").any(|d| d.arg(0).is_some_and(|w| w.is("all")));
    denies || level.own("return").any(is_error)
}

/// True if a password or the like is asked for.
pub(super) fn asks_password(level: Level<'_>) -> bool {
    ["auth_basic", "auth_request", "auth_jwt", "auth_oidc", "auth_delay_pam", "auth_pam", "auth_digest"]
        .iter()
        .any(|name| level.effective(name).is_some_and(|d| !d.arg(0).is_some_and(|w| w.is("off"))))
        || level.effective("ssl_verify_client").is_some_and(|d| d.arg(0).is_some_and(|w| w.is("on")))
        || level
            .outward()
            .any(|l| l.get("access_by_lua_block").or_else(|| l.get("access_by_lua_file")).is_some())
}

/// True if `satisfy any` lets those in who know a password, whatever their address.
pub(super) fn password_suffices(level: Level<'_>) -> bool {
    level.is("satisfy", "any") && asks_password(level)
}
