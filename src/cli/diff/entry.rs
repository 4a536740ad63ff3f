//! The entries of a report: one for each edit, with the requests and settings that it changes.

use super::settings::{self, Change};
use super::side::{ComparedInputs, LoadedSide};
use crate::behaviour::diff::class::Class;
use crate::behaviour::diff::node::Edit;
use crate::behaviour::diff::{DiffResult, Difference, Witness};
use crate::model::Target;
use crate::model::location::Handler;
use crate::source::Span;

/// One difference, with all that it changes.
pub(super) struct Entry {
    /// Most severe class of its effects.
    pub(super) class: Class,
    /// The difference in words.
    pub(super) what: String,
    /// Directives of the old configuration: text and place.
    pub(super) old: Vec<(String, String)>,
    /// Directives of the new configuration.
    pub(super) new: Vec<(String, String)>,
    /// Requests that show it.
    pub(super) witnesses: Vec<Witness>,
    /// Settings that differ.
    pub(super) settings: Vec<Change>,
}

/// All differences, the most severe first.
pub(super) struct Report {
    pub(super) entries: Vec<Entry>,
    /// Questions that could not be decided.
    pub(super) notes: Vec<String>,
}

/// Directives that decide about requests: what no request shows is said.
const DECISIVE: [&str; 12] = [
    "location",
    "if",
    "rewrite",
    "return",
    "set",
    "map",
    "geo",
    "server",
    "server_name",
    "try_files",
    "error_page",
    "proxy_pass",
];

/// Makes the entries of a comparison.
pub(super) fn report(sides: &ComparedInputs<'_>, compared: &DiffResult) -> Report {
    let mut entries = Vec::new();
    let mut notes = Vec::new();
    for (at, edit) in compared.edits.iter().enumerate() {
        let own: Vec<&Difference> = compared.differences.iter().filter(|d| d.edit == Some(at)).collect();
        let settings = settings::changes(sides, edit, &compared.places);
        let class = own.iter().map(|difference| difference.class).min();
        let class = class.or_else(|| (!settings.is_empty()).then(|| Class::of(&edit.name)));
        let class = class.or_else(|| definition(sides, edit, compared));
        match class {
            Some(class) => entries.push(entry(sides, edit, class, &own, settings)),
            None if is_told(edit, compared) => {}
            None if DECISIVE.contains(&edit.name.as_str()) || is_entry(sides, edit) => {
                let place = edit.new.map(|span| place_of(sides.new, span));
                let (text, place) =
                    place.or_else(|| edit.old.map(|span| place_of(sides.old, span))).unwrap_or_default();
                notes.push(format!("no request was found that `{text}` ({place}) changes"));
            }
            None => {}
        }
    }
    // Without an edit: a change of order. Places and effect tell one from another.
    let mut left: Vec<&Difference> = compared.differences.iter().filter(|d| d.edit.is_none()).collect();
    while let Some(first) = left.first().copied() {
        let (own, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|d| d.places == first.places);
        left = others;
        entries.push(without_edit(sides, &own));
    }
    for (endpoint, is_new, span) in &compared.addresses {
        let (side, class) = if *is_new { (sides.new, Class::Access) } else { (sides.old, Class::Routing) };
        let written: Vec<(String, String)> = span.map(|span| place_of(side, span)).into_iter().collect();
        let what = if *is_new { "is listened on" } else { "is not listened on any more" };
        let (old, new) = if *is_new { (Vec::new(), written) } else { (written, Vec::new()) };
        let what = format!("`{endpoint}` {what}");
        entries.push(Entry { class, what, old, new, witnesses: Vec::new(), settings: Vec::new() });
    }
    entries.sort_by_key(|entry| entry.class);
    if compared.skipped > 0 {
        notes.push(format!(
            "{} more servers, whose own directives are equal, were not asked about what differs outside of them",
            compared.skipped
        ));
    }
    for pattern in &compared.undecided {
        notes.push(format!(
            "`{pattern}` looks around or refers back: requests that only it tells apart may be missing"
        ));
    }
    if !compared.is_complete {
        notes.push("the search for requests ended at its bounds: differences may be missing".to_owned());
    }
    Report { entries, notes }
}

/// Blocks whose entries decide about requests.
const BLOCKS_OF_ENTRIES: [&str; 3] = ["map ", "geo ", "split_clients "];

/// True if an edit is an entry of such a block.
fn is_entry(sides: &ComparedInputs<'_>, edit: &Edit) -> bool {
    let owner = |(text, _): (String, String)| BLOCKS_OF_ENTRIES.iter().any(|name| text.starts_with(name));
    let old = edit.old_owners.last().map(|span| place_of(sides.old, *span));
    let new = edit.new_owners.last().map(|span| place_of(sides.new, *span));
    old.is_some_and(owner) || new.is_some_and(owner)
}

/// True if a difference belongs to another edit of the same block, which took the place of this one.
fn is_told(edit: &Edit, compared: &DiffResult) -> bool {
    let others = compared.differences.iter().filter_map(|difference| difference.edit);
    let owners = |edit: &Edit| (edit.old_owners.last().copied(), edit.new_owners.last().copied());
    others.into_iter().any(|at| owners(&compared.edits[at]) == owners(edit))
}

fn place_of(side: &LoadedSide, span: Span) -> (String, String) {
    (side.book().text(span), side.book().place(span))
}

fn entry(
    sides: &ComparedInputs<'_>,
    edit: &Edit,
    class: Class,
    own: &[&Difference],
    settings: Vec<Change>,
) -> Entry {
    let verb = match (edit.old, edit.new) {
        (Some(_), Some(_)) => "differs",
        (Some(_), None) => "is gone",
        _ => "is new",
    };
    let word = |side: &LoadedSide, span: Span| {
        place_of(side, span).0.split_whitespace().next().map(str::to_owned).unwrap_or_default()
    };
    let new_name = edit.new.map(|span| word(sides.new, span));
    let what = match new_name.filter(|name| edit.old.is_some() && *name != edit.name) {
        Some(name) => format!("`{name}` in place of `{}`", edit.name),
        None => format!("`{}` {verb}", edit.name),
    };
    let what = match reachable(own) {
        Some(more) => format!("{what}: {more}"),
        None => what,
    };
    Entry {
        class,
        what,
        old: edit.old.map(|span| place_of(sides.old, span)).into_iter().collect(),
        new: edit.new.map(|span| place_of(sides.new, span)).into_iter().collect(),
        witnesses: own.iter().map(|difference| difference.witness.clone()).collect(),
        settings,
    }
}

/// Meaning of a difference of access.
fn reachable(own: &[&Difference]) -> Option<&'static str> {
    let is_denied = |value: &Option<String>| {
        value.as_deref().is_some_and(|value| {
            ["401", "403", "404, internal"].iter().any(|closed| value.starts_with(closed))
        })
    };
    let of_access = own.iter().filter(|difference| difference.class == Class::Access);
    let mut answers =
        of_access.map(|difference| &difference.witness).filter(|witness| witness.field == "answer");
    let opens = |witness: &&Witness| is_denied(&witness.old) && !is_denied(&witness.new);
    let closes = |witness: &&Witness| !is_denied(&witness.old) && is_denied(&witness.new);
    if answers.clone().any(|witness| opens(&witness)) {
        return Some("something becomes reachable");
    }
    answers.any(|witness| closes(&witness)).then_some("something is not reachable any more")
}

fn without_edit(sides: &ComparedInputs<'_>, own: &[&Difference]) -> Entry {
    let class = own.iter().map(|difference| difference.class).min().unwrap_or(Class::Other);
    let what = match reachable(own) {
        Some(what) => format!("the order differs: {what}"),
        None => "the order, or what it depends on, differs".to_owned(),
    };
    let places = own.first().map(|difference| difference.places).unwrap_or_default();
    Entry {
        class,
        what,
        old: places.0.map(|span| place_of(sides.old, span)).into_iter().collect(),
        new: places.1.map(|span| place_of(sides.new, span)).into_iter().collect(),
        witnesses: own.iter().map(|difference| difference.witness.clone()).collect(),
        settings: Vec::new(),
    }
}

/// Class of an edit that no request and no setting shows, if it has an effect all the same.
fn definition(sides: &ComparedInputs<'_>, edit: &Edit, compared: &DiffResult) -> Option<Class> {
    let class = Some(Class::of(&edit.name));
    let blocks: Vec<&str> = edit.blocks.iter().map(String::as_str).collect();
    match blocks.as_slice() {
        [] => (edit.name != "http").then_some(Class::of(&edit.name)),
        ["http"] => match edit.name.as_str() {
            "server" | "map" | "geo" | "upstream" => None,
            _ if crate::cli::show::settings::is_setting(&edit.name) => None,
            _ => class,
        },
        ["http", "upstream", ..] => is_used(sides, edit).then(|| match Class::of(&edit.name) {
            Class::Ports => Class::Ports,
            _ => Class::Upstream,
        }),
        ["http", "split_clients", ..] => Some(Class::Ports),
        ["http", "map" | "geo", ..] => None,
        ["http", "server"] if edit.name == "listen" => {
            // Addresses have entries of their own.
            let differs = |span: &Option<Span>| *span == edit.old || *span == edit.new;
            let is_told = compared.addresses.iter().any(|(.., span)| span.is_some() && differs(span));
            (!is_told).then_some(Class::Ports)
        }
        ["http", .., "types"] => Some(Class::Headers),
        ["http", ..] => None,
        _ => class.map(|class| class.max(Class::Upstream)),
    }
}

/// True if some side passes requests to the upstream that an edit is in.
fn is_used(sides: &ComparedInputs<'_>, edit: &Edit) -> bool {
    let uses = |side: &LoadedSide, owner: Option<&Span>| {
        let upstreams = &side.config.http.upstreams;
        let at = upstreams.iter().position(|upstream| Some(&upstream.span) == owner);
        at.is_some_and(|at| {
            side.config.http.locations().any(|(_, location)| {
                location.handler.as_ref().and_then(Handler::target).is_some_and(|(_, target)| match target {
                    Target::Upstream(id) => id.0 as usize == at,
                    Target::Value(_) => true,
                })
            })
        })
    };
    uses(sides.old, edit.old_owners.last()) || uses(sides.new, edit.new_owners.last())
}
