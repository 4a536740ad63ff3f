//! The location of a server that a path gets to, as far as the blocks as written say.

use super::levels::Level;
use super::sources;
use crate::catalog::Context;

/// The most locations that are compared.
const MOST: usize = 2000;

/// The way in which a location is chosen.
enum Kind {
    Exact,
    /// `^~` counts before patterns.
    Prefix {
        first: bool,
    },
}

/// True if a location is the one that a path gets to. Asks first whether it takes the path at all.
pub(super) fn is_chosen(server: Level<'_>, own: Level<'_>, path: &[u8]) -> bool {
    let takes = match plain(own) {
        Some((Kind::Exact, text)) => text == path,
        Some((Kind::Prefix { .. }, text)) => path.starts_with(&text),
        None => {
            own.head().and_then(|head| sources::location_pattern(own, head)?.is_match(path)) == Some(true)
        }
    };
    takes && location(server, path).is_some_and(|chosen| chosen == own)
}

/// The location for a path; `None` if it is none, is nested, or a pattern is not understood.
fn location<'a>(server: Level<'a>, path: &[u8]) -> Option<Level<'a>> {
    let mut best: Option<(usize, bool, Level<'a>)> = None;
    let mut by_pattern = None;
    for (count, inner) in server.inner().filter(|level| level.context() == Context::Location).enumerate() {
        let head = inner.head().filter(|_| count < MOST)?;
        if sources::regex_of_location(head).is_some() {
            if by_pattern.is_none() && sources::location_pattern(inner, head)?.is_match(path)? {
                by_pattern = Some(inner);
            }
            continue;
        }
        let Some((kind, own)) = plain(inner) else { continue };
        match kind {
            Kind::Exact if own == path => return Some(inner),
            Kind::Prefix { first }
                if path.starts_with(&own) && best.is_none_or(|(length, ..)| length < own.len()) =>
            {
                best = Some((own.len(), first, inner));
            }
            Kind::Exact | Kind::Prefix { .. } => {}
        }
    }
    let found = match (best, by_pattern) {
        (Some((_, true, prefix)), _) => prefix,
        (_, Some(pattern)) => pattern,
        (Some((_, _, prefix)), None) => prefix,
        (None, None) => return None,
    };
    let nested = found.inner().any(|level| level.context() == Context::Location);
    (!nested).then_some(found)
}

/// The path of a location without a pattern; none of a named one.
fn plain(location: Level<'_>) -> Option<(Kind, Vec<u8>)> {
    let head = location.head()?;
    let first = head.arg(0)?.value();
    match head.arg(1) {
        Some(path) if *first == *b"=" => Some((Kind::Exact, path.value().into_owned())),
        Some(path) if *first == *b"^~" => Some((Kind::Prefix { first: true }, path.value().into_owned())),
        Some(_) => None,
        None if first.starts_with(b"@") => None,
        None if first.starts_with(b"=/") => Some((Kind::Exact, first[1..].to_vec())),
        None if first.starts_with(b"^~/") => Some((Kind::Prefix { first: true }, first[2..].to_vec())),
        None => Some((Kind::Prefix { first: false }, first.into_owned())),
    }
}

/// True if a location takes every path that begins with a text, whatever follows.
pub(super) fn takes_all(server: Level<'_>, location: Level<'_>, prefix: &[u8]) -> bool {
    let Some((Kind::Prefix { first }, own)) = plain(location) else { return false };
    if !prefix.starts_with(&own) {
        return false;
    }
    server.inner().filter(|level| level.context() == Context::Location).enumerate().all(|(count, other)| {
        if count >= MOST {
            return false;
        }
        let Some(head) = other.head() else { return false };
        if sources::regex_of_location(head).is_some() {
            // A path of this kind may match; only what is anchored elsewhere cannot.
            let pattern = sources::location_pattern(other, head);
            let apart = pattern.and_then(|p| p.prefix()).is_some_and(|begin| {
                !begin.is_empty() && !begin.starts_with(prefix) && !prefix.starts_with(&begin)
            });
            return first || apart;
        }
        other == location
            || plain(other).is_none_or(|(_, path)| {
                path.len() <= own.len() || !path.starts_with(prefix) && !prefix.starts_with(&path)
            })
    })
}
