//! Locations that nothing reached: which location takes the requests that are written for them.

use std::collections::HashSet;
use std::io::{self, Write};

use crate::behaviour::coverage::{Coverage, Kind};
use crate::behaviour::witness::place::of_locations;
use crate::behaviour::witness::{Kind as Text, Questions};
use crate::eval::regex::Regex;
use crate::eval::select::LocationId;
use crate::model::LocationKind;
use crate::simulate::walk::RoutingConfiguration;
use crate::source::SourceMap;

/// Locations that no request can reach, each with the location that takes its requests.
pub(super) fn find(coverage: &Coverage, ground: &RoutingConfiguration) -> Vec<(LocationId, LocationId)> {
    let missed = coverage.items.iter().filter(|item| item.kind == Kind::Location && item.hits == 0);
    let missed: HashSet<_> = missed.map(|item| item.span).collect();
    let all = (0..ground.router.location_count() as u32).map(LocationId);
    let missed = all.filter(|id| missed.contains(&ground.router.get(*id).span));
    missed.filter_map(|id| Some((id, taken_by(ground, id)?))).collect()
}

/// Prints these locations, and what takes their requests.
pub(super) fn print(
    shadows: &[(LocationId, LocationId)],
    ground: &RoutingConfiguration,
    sources: &SourceMap,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !shadows.is_empty() {
        writeln!(out, "\nshadowed: no request reaches it")?;
    }
    for (id, by) in shadows {
        let (location, by) = (ground.router.get(*id), ground.router.get(*by));
        let (own, place) = (sources.place(location.span), sources.place(by.span));
        writeln!(out, "  {}  {own}: `{}` takes them ({place})", location.kind, by.kind)?;
    }
    Ok(())
}

/// The same for machines.
pub(super) fn json(
    shadows: &[(LocationId, LocationId)],
    ground: &RoutingConfiguration,
    sources: &SourceMap,
) -> serde_json::Value {
    let told = |id: &LocationId| {
        let location = ground.router.get(*id);
        serde_json::json!({ "location": location.kind.to_string(), "place": sources.place(location.span) })
    };
    shadows.iter().map(|(id, by)| serde_json::json!({ "shadowed": told(id), "by": told(by) })).collect()
}

/// The location that takes the requests of a location, if the location gets none of them.
fn taken_by(ground: &RoutingConfiguration, id: LocationId) -> Option<LocationId> {
    let (server, _) = ground.router.path(id);
    let location = ground.router.get(id);
    let all = of_locations(&ground.router.config().http.servers[server.0 as usize].locations);
    let own: Questions = match &location.kind {
        LocationKind::Exact(uri) | LocationKind::Prefix { uri, .. } => {
            Questions { literals: vec![uri.to_vec()], patterns: Vec::new() }
        }
        LocationKind::Regex { pattern, caseless } => {
            Questions { literals: Vec::new(), patterns: vec![(pattern.clone(), *caseless)] }
        }
        LocationKind::Named(_) | LocationKind::If | LocationKind::LimitExcept(_) => return None,
    };
    let witnesses = all.witnesses(Text::Path);
    if !witnesses.is_complete || !witnesses.undecided.is_empty() {
        return None;
    }
    let chosen = |text: &[u8]| ground.router.location(server, text).ok().and_then(|choice| choice.location);
    if witnesses.texts.iter().any(|text| chosen(text) == Some(id)) {
        return None;
    }
    // A text that the location would take if it were alone.
    let alone = own.witnesses(Text::Path).texts;
    let fits = |text: &&Vec<u8>| match &location.kind {
        LocationKind::Exact(uri) => **text == **uri,
        LocationKind::Prefix { uri, .. } => text.starts_with(uri),
        LocationKind::Regex { pattern, caseless } => {
            let regex = Regex::new(pattern, *caseless, location.span, ground.router.config());
            regex.is_ok_and(|regex| regex.exec(text).is_ok_and(|found| found.is_some()))
        }
        _ => false,
    };
    alone.iter().filter(fits).find_map(|text| chosen(text).filter(|by| *by != id))
}
