//! Rules over the model: what nginx accepts and a person should know.
//!
//! A rule is one file under `rules/`: its documentation with a bad and a good example, the check, the fix. The slice
//! [`RULES`] drives the engine, `ngxc explain`, the settings and `docs/rules.md`; tests execute every example.

mod place;
mod rule;
mod rules;

mod baseline;
mod settings;
mod suppress;

pub mod verify;

pub use rule::{Category, Rule};
pub use rules::RULES;

pub use baseline::Baseline;
pub use settings::{File, Profile, Settings};
pub use suppress::suppress;

use crate::diagnostic::Diagnostic;
use crate::model::Config;
pub use crate::reuse::BEFORE_DEFAULT_KEEPALIVE;
use crate::reuse::{DEFAULT_KEEPALIVE, Leaf, Reached, leaves, targets};
use crate::syntax::Configuration;

/// What a rule looks at.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The compiled configuration.
    pub config: &'a Config,
    /// The source, for the places of fixes.
    pub configuration: &'a Configuration,
}

/// Runs `rules` over a configuration.
pub fn lint(configuration: &Configuration, config: &Config, rules: &[&'static Rule]) -> Vec<Diagnostic> {
    let target = Target { config, configuration };
    let mut found = Vec::new();
    for rule in rules {
        (rule.check)(target, &mut found);
    }
    found.sort_by_key(|d| (d.span, d.code));
    found
}

/// Findings of a configuration whose nginx is not known: those for the newest version, and those that hold only
/// before upstream connections were reused by default, which say so.
pub fn merge_versions(newest: Vec<Diagnostic>, before: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let known: std::collections::HashSet<_> = newest.iter().map(|d| (d.code, d.span)).collect();
    let only_before: Vec<Diagnostic> =
        before.into_iter().filter(|d| !known.contains(&(d.code, d.span))).collect();
    let mut all = newest;
    all.extend(only_before.into_iter().map(|mut d| {
        d.message = format!("{} (nginx before {DEFAULT_KEEPALIVE})", d.message);
        d
    }));
    all.sort_by_key(|d| (d.span, d.code));
    all
}

/// The leaves that speak HTTP/1 to an upstream that keeps connections, with its name; a leaf whose only purpose is to
/// upgrade connections is none of them.
fn pooled_http_leaves(config: &Config) -> Vec<(Leaf<'_>, String)> {
    let mut found = Vec::new();
    for leaf in leaves(config) {
        if !leaf.is_http() || leaf.is_websocket_only() {
            continue;
        }
        let pooled = targets(config, &leaf).into_iter().find_map(|reached| match reached {
            Reached::Upstream(upstream) if upstream.pool().is_some() => Some(upstream.name.clone()),
            _ => None,
        });
        found.extend(pooled.map(|name| (leaf, name)));
    }
    found
}
