//! Who is let in: `allow`, `deny` and passwords (`ngx_http_access_module`, `satisfy`).

use super::levels::Level;
use crate::syntax::Directive;

/// The list of `allow` and `deny` that holds, in order: the two form one list, which an inner level replaces.
pub(super) fn rules(level: Level<'_>) -> Vec<Directive<'_>> {
    let is_rule = |d: &Directive<'_>| d.name().is("allow") || d.name().is("deny");
    level
        .outward()
        .map(|level| level.directives().iter().copied().filter(is_rule).collect::<Vec<_>>())
        .find(|rules| !rules.is_empty())
        .unwrap_or_default()
}

/// Whether those who match no `allow` are refused: the first rule for everybody is a `deny`.
pub(super) fn denies_others(rules: &[Directive<'_>]) -> bool {
    let for_all = |d: &&Directive<'_>| {
        d.arg(0).is_some_and(|w| w.is("all") || w.is("0.0.0.0/0") || w.is("::/0") || w.is("0/0"))
    };
    rules.iter().find(for_all).is_some_and(|d| d.name().is("deny"))
}

/// Whether a password or the like is asked for.
pub(super) fn asks_password(level: Level<'_>) -> bool {
    ["auth_basic", "auth_request", "auth_jwt", "auth_oidc", "auth_delay_pam", "auth_pam", "auth_digest"]
        .iter()
        .any(|name| level.effective(name).is_some_and(|d| !d.arg(0).is_some_and(|w| w.is("off"))))
        || level.effective("ssl_verify_client").is_some_and(|d| d.arg(0).is_some_and(|w| w.is("on")))
        || level
            .outward()
            .any(|l| l.get("access_by_lua_block").or_else(|| l.get("access_by_lua_file")).is_some())
}

/// Whether `satisfy any` lets those in who know a password, whatever their address.
pub(super) fn password_suffices(level: Level<'_>) -> bool {
    level.is("satisfy", "any") && asks_password(level)
}
