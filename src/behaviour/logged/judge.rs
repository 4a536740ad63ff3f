//! A logged answer beside the route that the configuration has for its request.

use std::collections::BTreeMap;

use super::request::Logged;
use crate::behaviour::outcome::Outcome;
use crate::simulate::walk::End;

/// Counts of lines beside those of the parts: where log and configuration do not fit.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Lines by the variable that their choice depends on and that the format lacks.
    pub lacking: BTreeMap<String, u64>,
    /// Lines that the configuration would have answered otherwise.
    pub contradicted: u64,
    /// Both answers of the most frequent of them, in words, and their number.
    pub contradictions: BTreeMap<String, u64>,
    /// Lines by the upstream that failed.
    pub failed: BTreeMap<String, u64>,
}

impl Counts {
    /// Adds the counts of another log.
    pub fn add(&mut self, other: Counts) {
        self.contradicted += other.contradicted;
        for (own, other) in [
            (&mut self.lacking, other.lacking),
            (&mut self.contradictions, other.contradictions),
            (&mut self.failed, other.failed),
        ] {
            for (name, count) in other {
                *own.entry(name).or_default() += count;
            }
        }
    }
}

/// Notes on a route that all its lines share.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Variables that decided and that the format lacks.
    lacking: Vec<String>,
    /// Both answers in words, if they cannot both be.
    contradiction: Option<String>,
    /// Upstream that failed.
    failed: Option<String>,
}

impl Judged {
    pub(super) fn count(&self, hits: u64, counts: &mut Counts) {
        for name in &self.lacking {
            *counts.lacking.entry(name.clone()).or_default() += hits;
        }
        if let Some(words) = &self.contradiction {
            counts.contradicted += hits;
            *counts.contradictions.entry(words.clone()).or_default() += hits;
        }
        if let Some(upstream) = &self.failed {
            *counts.failed.entry(upstream.clone()).or_default() += hits;
        }
    }
}

/// Prefixes of variables that stand for something that only the log can say.
const LOGGED: [&str; 4] = ["http_", "ssl_", "geoip_", "geoip2_"];

/// Compares a route with the line that it was followed for.
pub(super) fn judge(outcome: &Outcome<'_>, logged: &Logged, has: impl Fn(&str) -> bool) -> Judged {
    let names = outcome.request.reads().names().into_iter();
    let is_lacking = |name: &String| {
        let is_host = matches!(name.as_str(), "http_host");
        !is_host && LOGGED.iter().any(|prefix| name.starts_with(prefix)) && !has(name)
    };
    let lacking: Vec<String> = names.filter(is_lacking).collect();
    let status = logged.status();
    let is_failed =
        logged.passed != Some(false) && status.is_some_and(|status| (502..=504).contains(&status));
    let upstream = outcome.upstream().ok().flatten();
    Judged {
        // A header that is not in the log may be the reason.
        contradiction: if lacking.is_empty() { contradiction(outcome, logged, status) } else { None },
        failed: upstream.filter(|_| is_failed),
        lacking,
    }
}

/// True if a route can have ended as the line says.
pub(super) fn fits(outcome: &Outcome<'_>, logged: &Logged) -> bool {
    let Some(status) = logged.status() else { return true };
    match &outcome.walk.end {
        End::Answer(_, own, _) => {
            outcome.status() != Ok(*own) || *own == status && logged.passed != Some(true)
        }
        End::Slash => status == 301,
        _ => true,
    }
}

/// Words for two answers that cannot both be.
fn contradiction(outcome: &Outcome<'_>, logged: &Logged, status: Option<u16>) -> Option<String> {
    let status = status?;
    // Errors on the way may end any request.
    if status >= 400 {
        return None;
    }
    match &outcome.walk.end {
        End::Answer(_, own, _) if outcome.status() == Ok(*own) && *own != status => {
            Some(format!("the log says {status}, the configuration answers {own}"))
        }
        End::Answer(..) | End::File(_) | End::Slash
            if logged.passed == Some(true) && !outcome.request.is_answered =>
        {
            Some(
                "the log says that the request was passed on, the configuration answers by itself".to_owned(),
            )
        }
        _ => None,
    }
}
