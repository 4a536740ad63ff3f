//! A logged answer beside the route that the configuration has for its request.

use super::counter::Counts;
use super::reader::{Logged, Reader};
use crate::behaviour::outcome::Outcome;
use crate::simulate::walk::End;

/// What a route says of its lines.
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
pub(super) fn judge(outcome: &Outcome<'_>, logged: &Logged, reader: &Reader<'_>) -> Judged {
    let names = outcome.request.reads().names().into_iter();
    let is_lacking = |name: &String| {
        let is_host = matches!(name.as_str(), "http_host");
        !is_host && LOGGED.iter().any(|prefix| name.starts_with(prefix)) && reader.position(name).is_none()
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

/// Words for two answers that cannot both be.
fn contradiction(outcome: &Outcome<'_>, logged: &Logged, status: Option<u16>) -> Option<String> {
    let status = status?;
    // What goes wrong on the way may end any request.
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
