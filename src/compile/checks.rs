//! Checks of a directive's arguments beyond the catalog's kinds, and the directives that later checks look up.
//!
//! One table: directive to function. A function reports the errors of nginx's own setter, and returns true if there was
//! none.

use std::sync::OnceLock;

use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog::{DIRECTIVES, Tier};

/// Checks the arguments of a directive; false if it reported something.
pub(super) type Check = for<'t> fn(&mut Compiler<'t>, &Directive<'t>) -> bool;

/// Checks a level after all its own directives have been read, before its inner blocks.
pub(super) type Merge = for<'t> fn(&mut Compiler<'t>);

/// Names and checks of each module family. A name that begins with `*_` stands for all existing directives of `proxy`,
/// `fastcgi`, `uwsgi`, `scgi`, `grpc`, `memcached` and `tunnel`.
const FAMILIES: &[&[(&str, Check)]] = &[
    super::core::CHECKS,
    super::access::CHECKS,
    super::cache::CHECKS,
    super::charset::CHECKS,
    super::content::CHECKS,
    super::geo::CHECKS,
    super::hash::CHECKS,
    super::headers::CHECKS,
    super::limit::CHECKS,
    super::log::CHECKS,
    super::pass::CHECKS,
    super::paths::CHECKS,
    super::resolver::CHECKS,
    super::rewrite::CHECKS,
    super::socket::CHECKS,
    super::stream::CHECKS,
    super::tls::CHECKS,
    super::types::CHECKS,
    super::method::CHECKS,
    super::zone::CHECKS,
];

/// Directives that [`Compiler::here`] and [`Compiler::in_force`] can find.
const REMEMBERED: &[&[&str]] = &[
    super::access::REMEMBERED,
    super::charset::REMEMBERED,
    super::mail::REMEMBERED,
    super::cache::REMEMBERED,
    super::content::REMEMBERED,
    super::headers::REMEMBERED,
    super::limit::REMEMBERED,
    super::pass::REMEMBERED,
    super::tls::REMEMBERED,
    super::types::REMEMBERED,
    super::upstream::REMEMBERED,
];

const MERGES: &[Merge] = &[
    super::socket::merge,
    super::cache::merge,
    super::charset::merge,
    super::content::merge,
    super::headers::merge,
    super::tls::merge,
    super::mail::merge,
];

const FAMILY: &[&str] = &["proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached", "tunnel"];

struct Entry {
    check: Option<Check>,
    remembered: bool,
}

/// Checks and flags, by the directive's id.
fn table() -> &'static [Entry] {
    static TABLE: OnceLock<Vec<Entry>> = OnceLock::new();
    TABLE.get_or_init(|| {
        DIRECTIVES
            .iter()
            .map(|d| {
                let mut found = FAMILIES.iter().flat_map(|family| family.iter());
                let check = found.find(|(name, _)| matches(name, d.name)).map(|(_, check)| *check);
                let remembered = REMEMBERED.iter().flat_map(|names| names.iter()).any(|n| matches(n, d.name));
                let own = d.tier == Tier::OpenSource;
                Entry { check: check.filter(|_| own), remembered: remembered && own }
            })
            .collect()
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*_") {
        None => pattern == name,
        Some(rest) => {
            name.strip_suffix(rest).and_then(|p| p.strip_suffix('_')).is_some_and(|p| FAMILY.contains(&p))
        }
    }
}

/// Prefix of a proxying module's directive: `proxy`, `fastcgi` …
pub(super) fn family(name: &'static str) -> &'static str {
    name.split_once('_').map_or(name, |(prefix, _)| prefix)
}

/// Runs the check of a directive; false if it reported something.
pub(super) fn check<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let check = table().get(usize::from(directive.catalog.id)).and_then(|entry| entry.check);
    check.is_none_or(|check| check(cx, directive))
}

/// True if a level keeps its directives of this id.
pub(super) fn is_remembered(id: u16) -> bool {
    table().get(usize::from(id)).is_some_and(|entry| entry.remembered)
}

/// Runs the checks of a level: nginx merges servers and their inner blocks.
pub(super) fn merge(cx: &mut Compiler<'_>) {
    use crate::catalog::Context::{IfInLocation, LimitExcept, Location, MailServer, Server, StreamServer};
    let Some(level) = cx.levels.last() else { return };
    let context = level.context;
    let inner = matches!(context, Location | IfInLocation | LimitExcept);
    if inner && level.remembered.is_empty()
        || !inner && !matches!(context, Server | StreamServer | MailServer)
    {
        return;
    }
    for merge in MERGES {
        merge(cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_names_every_check() {
        let documented = include_str!("../../ARCHITECTURE.md");
        for (name, _) in FAMILIES.iter().flat_map(|family| family.iter()) {
            assert!(documented.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name `{name}`");
        }
    }

    #[test]
    fn every_name_is_a_directive() {
        let names = FAMILIES.iter().flat_map(|f| f.iter().map(|(name, _)| *name));
        for name in names.chain(REMEMBERED.iter().flat_map(|names| names.iter().copied())) {
            assert!(DIRECTIVES.iter().any(|d| matches(name, d.name)), "{name} is no directive");
        }
    }
}
