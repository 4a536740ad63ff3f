//! The upgrade report: which flows open more or fewer connections with another nginx.

use super::flow::Flow;
use crate::reuse::{Cause, Connection, Verdict};
use crate::source::Span;

/// Effect of an upgrade on a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Connections are used again that were not.
    Better,
    /// Connections are no longer used again, or nginx now is the side that keeps `TIME_WAIT`.
    Worse,
    /// Nothing that matters to ports.
    Same,
}

/// The effect of going from one nginx to another.
pub fn effect(before: &Flow<'_>, after: &Flow<'_>) -> Effect {
    match badness(after).cmp(&badness(before)) {
        std::cmp::Ordering::Less => Effect::Better,
        std::cmp::Ordering::Greater => Effect::Worse,
        std::cmp::Ordering::Equal => Effect::Same,
    }
}

/// The same flow as another nginx has it: to the same target from the same place. If its places differ there, the worst.
pub fn same<'f, 'c>(flow: &Flow<'_>, others: &'f [Flow<'c>]) -> Option<&'f Flow<'c>> {
    let found = flow.passes.iter().filter_map(|(_, place)| at(flow, *place, others));
    found.max_by_key(|other| badness(other))
}

/// The same for one of its places.
pub fn at<'f, 'c>(flow: &Flow<'_>, place: Span, others: &'f [Flow<'c>]) -> Option<&'f Flow<'c>> {
    let is_there = |other: &&Flow<'_>| other.passes.iter().any(|(_, span)| *span == place);
    others.iter().filter(|other| other.name == flow.name).find(is_there)
}

/// Counted by what is left on this host: a connection that nginx closes keeps its port for a minute, one that the peer
/// closes does not, and how many are opened in spite of a pool that is divided or too small is not known.
fn badness(flow: &Flow<'_>) -> u32 {
    match (flow.verdict, flow.closer) {
        (Verdict::Reused, _) => 0,
        (Verdict::Partly(_) | Verdict::Unknown, super::flow::ClosingSide::Race) => 1,
        (Verdict::NotReused(_), super::flow::ClosingSide::Race) => 2,
        (Verdict::Partly(_) | Verdict::Unknown, super::flow::ClosingSide::Nginx) => 3,
        (Verdict::NotReused(_), super::flow::ClosingSide::Nginx) => 4,
    }
}

/// The verdict in words.
pub fn words(flow: &Flow<'_>) -> String {
    let pool = flow.upstream.and_then(crate::model::Upstream::pool);
    match flow.verdict {
        Verdict::Reused => {
            let pool = pool.map_or(String::new(), |p| {
                format!(": keepalive {}{}", p.size, if p.local { " local" } else { "" })
            });
            format!("connections are used again{pool}")
        }
        Verdict::NotReused(cause) => format!("a connection for each request: {}", cause_words(cause)),
        Verdict::Partly(cause) => format!("used again in part at best: {}", cause_words(cause)),
        Verdict::Unknown => "not known: it depends on the request".to_owned(),
    }
}

fn cause_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Connection(Connection::CloseByDefault) => "nginx sends `Connection: close`",
        Cause::NoUpstream => "no `upstream` block, so no connection cache",
        Cause::NoPool => "the upstream has no `keepalive`",
        Cause::Version => "HTTP/1.0",
        other => other.text(),
    }
}

/// Sentence about the side that closes, which is left with `TIME_WAIT`.
pub fn closer_words(flow: &Flow<'_>) -> &'static str {
    match (flow.verdict, flow.closer) {
        (Verdict::Reused, _) => "nginx closes a connection after its last request",
        (Verdict::Partly(_) | Verdict::Unknown, super::flow::ClosingSide::Nginx) => {
            "nginx closes those that are not: each of them leaves TIME_WAIT here"
        }
        (_, super::flow::ClosingSide::Nginx) => "nginx closes every connection: each leaves TIME_WAIT here",
        (_, super::flow::ClosingSide::Race) => {
            "the peer usually closes first; TIME_WAIT here for 0.5 to 30 %"
        }
    }
}
