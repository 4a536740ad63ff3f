//! Effective settings of places that both sides have, where they differ.

use super::side::{ComparedInputs, LoadedSide};
use crate::behaviour::diff::PlacePair;
use crate::behaviour::diff::node::Edit;
use crate::cli::show::settings::{self as shown, ShownSetting};
use crate::eval::select::{LocationId, ServerId};
use crate::model::{Config, HttpSettings};
use crate::simulate::walk::{End, Walk};
use crate::source::Span;

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Name of the directive.
    pub(super) name: String,
    /// Block in which it differs, in the new configuration.
    pub(super) block: String,
    /// Old value and its origin.
    pub(super) old: (String, String),
    /// New value and its origin.
    pub(super) new: (String, String),
}

/// Changes that an edit makes to effective settings; places with the same change are told once.
pub(super) fn changes(sides: &ComparedInputs<'_>, edit: &Edit, places: &[PlacePair]) -> Vec<Change> {
    if !shown::is_setting(&edit.name) {
        return Vec::new();
    }
    let mut found: Vec<Change> = Vec::new();
    for pair in places.iter().filter(|pair| is_around(sides, edit, pair)) {
        let (old, new) = (at(sides.old, pair.old, &edit.name), at(sides.new, pair.new, &edit.name));
        if old.text == new.text || is_equal(sides, pair, &edit.name) {
            continue;
        }
        let change = Change {
            name: edit.name.clone(),
            block: block(sides.new, pair.new),
            old: value(&old),
            new: value(&new),
        };
        let is_known = found.iter().any(|known| known.old == change.old && known.new == change.new);
        if !is_known {
            found.push(change);
        }
    }
    found
}

/// The text of a setting and its origin.
fn value(shown: &ShownSetting) -> (String, String) {
    let text = match (shown.text.is_empty(), shown.origin) {
        (true, _) => "not set".to_owned(),
        (false, "default") => format!("{} {}", shown.name, shown.text.join(" ")),
        (false, _) => shown.text.join("; "),
    };
    let origin = match shown.places.first() {
        Some(place) => place.clone(),
        None => "default".to_owned(),
    };
    (text, origin)
}

/// True if the edit's blocks are around a place on some side.
fn is_around(sides: &ComparedInputs<'_>, edit: &Edit, pair: &PlacePair) -> bool {
    let holds = |loaded: &LoadedSide, place, owners: &[Span]| {
        let chain = chain(loaded, place);
        owners.last().is_some_and(|owner| chain.contains(owner))
    };
    edit.old.is_some() && holds(sides.old, pair.old, &edit.old_owners)
        || edit.new.is_some() && holds(sides.new, pair.new, &edit.new_owners)
}

/// Heads of the blocks around a place, itself included.
fn chain(loaded: &LoadedSide, (server, location): (ServerId, Option<LocationId>)) -> Vec<Span> {
    let config = &loaded.config;
    let mut chain: Vec<Span> = config.http.span.into_iter().collect();
    chain.push(config.http.servers[server.0 as usize].span);
    if let Some(id) = location {
        let (server, path) = loaded.ground.router.path(id);
        let mut inside = &config.http.servers[server.0 as usize].locations[..];
        for at in path {
            let Some(location) = inside.get(*at as usize) else { break };
            chain.push(location.span);
            inside = &location.inner;
        }
    }
    chain
}

fn block(loaded: &LoadedSide, (server, location): (ServerId, Option<LocationId>)) -> String {
    let server = &loaded.config.http.servers[server.0 as usize];
    let name = server.names.first().map(ToString::to_string).unwrap_or_default();
    match location {
        Some(id) => {
            format!("{} of server {name}", loaded.book().text(loaded.ground.router.get(id).span))
        }
        None => format!("server {name}"),
    }
}

fn at(loaded: &LoadedSide, (server, location): (ServerId, Option<LocationId>), name: &str) -> ShownSetting {
    let walk = Walk {
        events: Vec::new(),
        server,
        location,
        uri: Vec::new(),
        end: End::Unknown(None, Vec::new()),
        otherwise: Vec::new(),
    };
    let wanted = [name.to_owned()];
    let found = shown::of(loaded.book(), &loaded.configuration, &loaded.ground.router, &walk, &wanted, false);
    found.into_iter().next().unwrap_or_else(|| ShownSetting {
        name: name.to_owned(),
        text: Vec::new(),
        origin: "default",
        from: None,
        places: Vec::new(),
    })
}

/// True if the model has the same value on both sides, however it is written.
fn is_equal(sides: &ComparedInputs<'_>, pair: &PlacePair, name: &str) -> bool {
    let of = |loaded: &LoadedSide, (server, location): (ServerId, Option<LocationId>)| {
        let settings = match location {
            Some(id) => &loaded.ground.router.get(id).settings,
            None => &loaded.config.http.servers[server.0 as usize].settings,
        };
        modelled(settings, name).map(|value| canonical(&value, &loaded.config))
    };
    // The position of a log_format says nothing about the format.
    let (old, new) = (of(sides.old, pair.old), of(sides.new, pair.new));
    name != "access_log" && old.is_some() && old == new
}

/// The value that the model has of a directive.
fn modelled(settings: &HttpSettings, name: &str) -> Option<String> {
    let name = match name {
        "alias" => "root",
        "deny" => "allow",
        name => name,
    };
    let mut found = None;
    let mut see = |own: &'static str, value: &dyn std::fmt::Debug, _| {
        if own == name {
            found = Some(format!("{value:?}"));
        }
    };
    settings.core.each(&mut see);
    settings.proxy.each(&mut see);
    settings.reuse.each(&mut see);
    settings.content.each(&mut see);
    settings.filter.each(&mut see);
    settings.files.each(&mut see);
    settings.access.each(&mut see);
    settings.gzip.each(&mut see);
    settings.pass.each(&mut see);
    settings.limit.each(&mut see);
    settings.cache.each(&mut see);
    settings.fastcgi.each(&mut see);
    settings.fastcgi_proxy.each(&mut see);
    settings.client.each(&mut see);
    settings.tls.each(&mut see);
    found
}

/// A value without places, and with names in place of positions.
fn canonical(value: &str, config: &Config) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some(at) = ["Span {", "VariableId("].iter().filter_map(|word| rest.find(word)).min() {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if rest.starts_with("Span") { '}' } else { ')' };
        let end = rest.find(end).map_or(rest.len(), |end| end + 1);
        let number = rest[..end].trim_start_matches("VariableId(").trim_end_matches(')').parse::<u32>();
        if let Ok(number) = number
            && (number as usize) < config.http.variables.iter().len()
        {
            out.push('$');
            out.push_str(&config.http.variables.get(crate::model::VariableId(number)).name);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}
