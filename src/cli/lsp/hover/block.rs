//! Blocks: the requests of a location, the users of an upstream, the share of a `split_clients` entry.

use std::fmt::Write as _;

use crate::cli::lsp::analysis::Analysed;
use crate::cli::lsp::place::Place;
use crate::eval::split_clients::{HASHES, Range, Table};
use crate::model::{Location, LocationKind};
use crate::source::Span;

/// Facts about the block whose name is at the place.
pub(super) fn of_block(place: &Place<'_>) -> Option<String> {
    let directive = place.directive?;
    match &*directive.name().value() {
        b"location" => of_location(place, directive.head()),
        b"server" if directive.block().is_some() => of_server(place, directive.head()),
        b"upstream" => of_upstream(place, &String::from_utf8_lossy(&directive.arg(0)?.value())),
        _ => None,
    }
}

/// Facts about an argument: of a location those of the block.
pub(super) fn of_argument(place: &Place<'_>) -> Option<String> {
    of_block(place).or_else(|| of_entry(place))
}

fn of_server(place: &Place<'_>, head: Span) -> Option<String> {
    let server = place.analysed.server_of(head)?;
    let urls = place.analysed.urls(server);
    let Some((_, url)) = urls.first() else {
        return Some(
            "no request reaches this server: every name and address of it leads to another".to_owned(),
        );
    };
    let mut text = format!("a request that reaches this server: `{url}`");
    if place.analysed.model().http.servers[server.0 as usize]
        .listen
        .iter()
        .any(|listen| listen.default_server)
    {
        text.push_str("\n\nThe default server of its address: requests with other names end here.");
    }
    Some(text)
}

fn of_location(place: &Place<'_>, head: Span) -> Option<String> {
    let block = place.blocks.iter().rev().find(|block| block.name().is("server"))?;
    let server = place.analysed.server_of(block.head())?;
    let model = &place.analysed.model().http.servers[server.0 as usize];
    let own = find(&model.locations, head)?;
    if let LocationKind::Named(name) = &own.kind {
        return Some(format!("only internal redirects reach `{name}`"));
    }
    let urls = place.analysed.urls(server);
    let mut text = match urls.iter().find(|(span, _)| *span == head) {
        Some((_, url)) => format!("a request that this location takes: `{url}`"),
        None => "no request of its own reaches this location: other locations, or the server before it, take all that fit".to_owned(),
    };
    let sources = &place.analysed.configuration().sources;
    if let LocationKind::Prefix { no_regex: false, .. } = own.kind {
        let first: Vec<String> = expressions(&model.locations)
            .map(|one| format!("- `{}` ({})", one.kind, sources.place(one.span)))
            .collect();
        if !first.is_empty() {
            let _ = write!(
                text,
                "\n\nThese take what matches them before this location does:\n{}",
                first.join("\n")
            );
        }
    }
    if let Some((number, count)) = order(&model.locations, own) {
        let _ = write!(text, "\n\nExpression {number} of {count}: the first that matches takes the request.");
    }
    Some(text)
}

/// Locations that are regular expressions, in their order.
fn expressions(locations: &[Location]) -> impl Iterator<Item = &Location> {
    locations.iter().filter(|one| matches!(one.kind, LocationKind::Regex { .. }))
}

/// Position of an expression among those that are tried with it, from 1, and their number.
pub(crate) fn order(locations: &[Location], own: &Location) -> Option<(usize, usize)> {
    let siblings = siblings(locations, own.span)?;
    let number = expressions(siblings).position(|one| one.span == own.span)?;
    Some((number + 1, expressions(siblings).count()))
}

fn siblings(locations: &[Location], head: Span) -> Option<&[Location]> {
    if locations.iter().any(|one| one.span == head) {
        return Some(locations);
    }
    locations.iter().find_map(|one| siblings(&one.inner, head))
}

fn find(locations: &[Location], head: Span) -> Option<&Location> {
    locations.iter().find_map(|one| if one.span == head { Some(one) } else { find(&one.inner, head) })
}

/// Peers, pool and users of an upstream.
pub(super) fn of_upstream(place: &Place<'_>, name: &str) -> Option<String> {
    let config = place.analysed.model();
    let upstream = config.http.upstreams.iter().find(|one| !one.is_implicit() && one.name == name)?;
    let mut text = format!("upstream `{name}`");
    for peer in &upstream.peers {
        let role = if peer.backup {
            ", backup"
        } else if peer.down {
            ", down"
        } else {
            ""
        };
        let _ = write!(text, "\n- `{}` weight {}{role}", peer.name, peer.weight);
    }
    let _ = write!(text, "\n\n{}", pool(place.analysed, upstream));
    match place.analysed.reuse().users(upstream.span) {
        [] => text.push_str("\n\nNo location passes requests to it."),
        users => {
            let lines: Vec<String> = users.iter().map(|user| format!("- {user}")).collect();
            let _ = write!(text, "\n\nLocations that pass requests to it:\n{}", lines.join("\n"));
        }
    }
    Some(text)
}

/// The pool of idle connections in a sentence.
pub(crate) fn pool(analysed: &Analysed, upstream: &crate::model::Upstream) -> String {
    match upstream.pool() {
        Some(pool) if pool.local => {
            format!("keeps {} idle connections per worker, divided among locations", pool.size)
        }
        Some(pool) => format!("keeps {} idle connections per worker", pool.size),
        None => format!("keeps no idle connections in nginx {}", analysed.version()),
    }
}

/// An entry of `split_clients`: its hashes and their share.
pub(super) fn of_entry(place: &Place<'_>) -> Option<String> {
    let block = place.blocks.last().filter(|block| block.name().is("split_clients"))?;
    let config = place.analysed.model();
    let split = config.http.split_clients.iter().find(|split| split.span == block.head())?;
    let own = place.directive?.head();
    let bucket = split
        .buckets
        .iter()
        .position(|bucket| bucket.span.start == own.start && bucket.span.file == own.file)?;
    let (ranges, rest) = Table::new(split, config.version).ranges();
    let range: Option<Range> = ranges.get(bucket).copied().flatten();
    let mut text = match range {
        Some(range) => {
            // Ten-thousandths of a per cent, so that a share is exact in whole numbers.
            let share = (range.count() * 1_000_000 + HASHES / 2) / HASHES;
            let share = format!("{}.{:04}", share / 10_000, share % 10_000);
            format!(
                "hashes {} to {}: {share} % of all clients get `{}`",
                range.first,
                range.last,
                String::from_utf8_lossy(&split.buckets[bucket].value)
            )
        }
        None => "no hash is left for this entry".to_owned(),
    };
    if let Some(rest) = rest {
        let _ = write!(
            text,
            "\n\nNo entry has hashes {} to {}: the variable is empty there.",
            rest.first, rest.last
        );
    }
    Some(text)
}
