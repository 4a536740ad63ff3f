//! Reuse of upstream connections, in words, at the places of a configuration.

use std::collections::HashMap;

use crate::model::Config;
use crate::reuse::{Overview, ReachedTarget, Verdict};
use crate::source::Span;
use crate::syntax::Configuration;

/// Verdicts of a configuration.
pub(super) struct Reuse {
    /// Each directive that passes requests on, with the verdict.
    pub(super) passes: Vec<(Span, String)>,
    users: HashMap<Span, Vec<String>>,
}

impl Reuse {
    pub(super) fn of(config: &Config, configuration: &Configuration) -> Self {
        let overview = Overview::new(config);
        let mut passes = Vec::new();
        for judged in &overview.leaves {
            let Some(handler) = &judged.leaf.location.handler else { continue };
            let mut verdicts: Vec<String> =
                judged.reached.iter().map(|(_, verdict)| words(*verdict)).collect();
            verdicts.dedup();
            if let [one] = verdicts.as_slice() {
                passes.push((handler.span(), one.clone()));
            }
        }
        // An `if` repeats the directive of its location.
        passes.sort_unstable();
        passes.dedup_by_key(|(span, _)| *span);
        let mut users: HashMap<Span, Vec<String>> = HashMap::new();
        for upstream in &config.http.upstreams {
            let of = overview.users(upstream).map(|user| {
                let place = configuration.sources.place(user.leaf.location.span);
                let own = user.reached.iter().find_map(|(reached, verdict)| match reached {
                    ReachedTarget::Upstream(own) if std::ptr::eq(*own, upstream) => Some(words(*verdict)),
                    _ => None,
                });
                format!("`{}` ({place}): {}", user.leaf.location.kind, own.unwrap_or_default())
            });
            users.insert(upstream.span, of.collect());
        }
        Self { passes, users }
    }

    /// Locations that pass requests to an upstream, by its head, each with the verdict.
    pub(super) fn users(&self, upstream: Span) -> &[String] {
        self.users.get(&upstream).map_or(&[], Vec::as_slice)
    }
}

/// A verdict in words.
fn words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Reused => "connections are reused".to_owned(),
        Verdict::Partly(cause) => format!("connections are reused in part: {}", cause.text()),
        Verdict::NotReused(cause) => format!("connections are not reused: {}", cause.text()),
        Verdict::Unknown => "the request decides whether connections are reused".to_owned(),
    }
}
