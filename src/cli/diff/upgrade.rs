//! `--versions FROM,TO`: what an upgrade of nginx changes for a configuration.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::json;

use super::entry;
use super::output::{Format, outcome, print};
use super::side::{ComparedInputs, LoadedSide};
use crate::behaviour::diff::class::Class;
use crate::behaviour::diff::compare;
use crate::cli::input::Input;
use crate::cli::{Failure, Outcome};
use crate::diagnostic::Level;
use crate::lint::{Advisories, audit};
use crate::model::{Config, HttpSettings};
use crate::ports::flows;
use crate::ports::upgrade::{Effect, at, effect, words};
use crate::source::Disk;
use crate::syntax::Configuration;
use crate::version::Version;

/// Additions of the report to the requests that differ.
struct Upgrade {
    from: Version,
    to: Version,
    /// Version, place and message of what one of them refuses.
    refused: Vec<(Version, String, String)>,
    /// Settings that nothing sets and whose default differs: name, and both defaults.
    defaults: Vec<(&'static str, String, String)>,
    /// Connections to upstreams, as `ngxc ports --compare-versions` has them: name, and how they are used again.
    flows: Vec<(String, String, String)>,
    /// Advisories that the newer version closes, and those that it opens.
    closed: Vec<String>,
    opened: Vec<String>,
}

/// Compares what a configuration means for two versions.
pub(super) fn run(
    input: &Input,
    (from, to): (Version, Version),
    format: Format,
    classes: &[Class],
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let load = || input.meaning.load(&input.file, &Disk);
    let (one, two) = (load()?, load()?);
    let (before, after) = (input.meaning.compile(&one, from), input.meaning.compile(&two, to));
    let mut refused = Vec::new();
    for (configuration, compiled, version) in [(&one, &before, from), (&two, &after, to)] {
        let found = configuration.diagnostics.iter().chain(&compiled.diagnostics);
        refused.extend(
            found
                .filter(|d| d.level == Level::Error)
                .map(|d| (version, configuration.sources.place(d.span), d.message.clone())),
        );
    }
    let is_refused_by_both = [from, to].iter().all(|version| refused.iter().any(|(by, ..)| by == version));
    let exposed = |configuration: &Configuration, version| -> BTreeSet<String> {
        let found = audit(configuration, version, Advisories::built_in());
        found.into_iter().map(|finding| finding.code.to_owned()).collect()
    };
    let (was, is) = (exposed(&one, from), exposed(&two, to));
    let upgrade = Upgrade {
        from,
        to,
        refused,
        defaults: defaults(&before.config, &after.config),
        flows: connections(&before.config, &after.config),
        closed: was.difference(&is).cloned().collect(),
        opened: is.difference(&was).cloned().collect(),
    };
    if is_refused_by_both {
        tell(&upgrade, out)?;
        return Ok(Outcome::Findings);
    }
    let (old, new) = (LoadedSide::of(one, before.config)?, LoadedSide::of(two, after.config)?);
    let compared = compare(old.side(), new.side(), None);
    let sides =
        ComparedInputs { old: &old, new: &new, names: [format!("nginx {from}"), format!("nginx {to}")] };
    let report = entry::report(&sides, &compared);
    if format == Format::Json {
        let mut document = Vec::new();
        print(&report, &sides, format, &mut document)?;
        let mut document: serde_json::Value = serde_json::from_slice(&document).unwrap_or_default();
        document["upgrade"] = json!({
            "from": from.to_string(),
            "to": to.to_string(),
            "refused": upgrade.refused.iter().map(|(by, place, message)| {
                json!({ "by": by.to_string(), "place": place, "message": message })
            }).collect::<Vec<_>>(),
            "defaults": upgrade.defaults.iter().map(|(name, old, new)| {
                json!({ "name": name, "old": old, "new": new })
            }).collect::<Vec<_>>(),
            "connections": upgrade.flows.iter().map(|(name, old, new)| {
                json!({ "upstream": name, "old": old, "new": new })
            }).collect::<Vec<_>>(),
            "closed": upgrade.closed,
            "opened": upgrade.opened,
        });
        serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        tell(&upgrade, out)?;
        print(&report, &sides, format, out)?;
    }
    let is_worse = !upgrade.refused.is_empty()
        || !upgrade.opened.is_empty()
        || !upgrade.defaults.is_empty()
        || !upgrade.flows.is_empty();
    Ok(if is_worse && classes.is_empty() { Outcome::Findings } else { outcome(&report, classes) })
}

fn tell(upgrade: &Upgrade, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "nginx {} to {}", upgrade.from, upgrade.to)?;
    for (by, place, message) in &upgrade.refused {
        writeln!(out, "\nrefused by {by}: {message}  {place}")?;
    }
    if !upgrade.defaults.is_empty() {
        writeln!(out, "\ndefaults that differ, where nothing is set")?;
    }
    for (name, old, new) in &upgrade.defaults {
        writeln!(out, "  {name}: {old}, then {new}")?;
    }
    if !upgrade.flows.is_empty() {
        writeln!(out, "\nconnections to upstreams; `ngxc ports --compare-versions` has the numbers")?;
    }
    for (name, old, new) in &upgrade.flows {
        writeln!(out, "  {name}: {old}, then {new}")?;
    }
    for (title, names) in
        [("advisories that are closed", &upgrade.closed), ("advisories that are new", &upgrade.opened)]
    {
        if !names.is_empty() {
            writeln!(out, "\n{title}\n  {}", names.join("\n  "))?;
        }
    }
    writeln!(out)
}

/// Connections whose reuse differs, each upstream once.
fn connections(old: &Config, new: &Config) -> Vec<(String, String, String)> {
    let (before, after) = (flows(old), flows(new));
    let mut found = Vec::new();
    for old in &before {
        for (_, span) in &old.passes {
            let Some(new) = at(old, *span, &after) else { continue };
            let change = (old.name.clone(), words(old), words(new));
            if effect(old, new) != Effect::Same && !found.contains(&change) {
                found.push(change);
            }
        }
    }
    found
}

/// Settings whose default differs at some place where nothing sets them.
fn defaults(old: &Config, new: &Config) -> Vec<(&'static str, String, String)> {
    let mut names: BTreeSet<&'static str> = BTreeSet::new();
    let mut add = |one: &HttpSettings, two: &HttpSettings| {
        names.extend(one.core.changed(&two.core));
        names.extend(one.proxy.changed(&two.proxy));
        names.extend(one.reuse.changed(&two.reuse));
        names.extend(one.content.changed(&two.content));
        names.extend(one.filter.changed(&two.filter));
        names.extend(one.files.changed(&two.files));
        names.extend(one.access.changed(&two.access));
        names.extend(one.gzip.changed(&two.gzip));
        names.extend(one.pass.changed(&two.pass));
        names.extend(one.limit.changed(&two.limit));
        names.extend(one.cache.changed(&two.cache));
        names.extend(one.fastcgi.changed(&two.fastcgi));
        names.extend(one.fastcgi_proxy.changed(&two.fastcgi_proxy));
        names.extend(one.client.changed(&two.client));
        names.extend(one.tls.changed(&two.tls));
    };
    for (one, two) in old.http.servers.iter().zip(&new.http.servers) {
        add(&one.settings, &two.settings);
    }
    for ((_, one), (_, two)) in old.http.locations().zip(new.http.locations()) {
        add(&one.settings, &two.settings);
    }
    for (one, two) in old.http.upstreams.iter().zip(&new.http.upstreams) {
        // A bare host has no cache of connections.
        if !one.is_implicit() {
            names.extend(one.keepalive.changed(&two.keepalive));
        }
    }
    let text = |name: &str, version| {
        let mut contexts = crate::catalog::Context::ALL.into_iter();
        let entry = contexts.find_map(|context| crate::catalog::in_context(name.as_bytes(), context));
        let text = entry.and_then(|entry| entry.default_in(version)).filter(|text| !text.is_empty());
        text.unwrap_or("none").to_owned()
    };
    names.into_iter().map(|name| (name, text(name, old.version), text(name, new.version))).collect()
}
