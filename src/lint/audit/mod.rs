//! Known vulnerabilities: those of a version of nginx that a configuration is exposed to.

mod advisory;
mod exposure;
mod verdict;

pub use advisory::{Advisories, Advisory};
pub use verdict::{Status, Verdict, verdicts};

use crate::diagnostic::{Class, Diagnostic};
use crate::source::Span;
use crate::syntax::{Configuration, Directive};
use crate::values::fragment;
use crate::values::levels::Levels;
use crate::version::Version;

/// The vulnerabilities of `version` that a configuration is exposed to, each at the directive that exposes it. Where
/// range or trigger is not known the version is possibly affected, never free of it.
pub fn audit(
    configuration: &Configuration,
    version: Version,
    advisories: &'static Advisories,
) -> Vec<Diagnostic> {
    let levels = Levels::new(configuration, fragment::has_http(configuration));
    let start = configuration.tree(configuration.main).root().directives().next();
    let start = start.map_or(Span::new(configuration.main, 0, 0), Directive::head);
    let mut found: Vec<Diagnostic> = Vec::new();
    for advisory in advisories.advisory.iter().filter(|advisory| advisory.affects(version)) {
        if let Ok(places) = verdict::exposed(advisory, &levels) {
            found.push(finding(advisory, version, advisories.date(), &places, start));
        }
    }
    found.sort_by_key(|d| (std::cmp::Reverse(d.level), d.span, d.code));
    found
}

fn finding(
    advisory: &'static Advisory,
    version: Version,
    date: &str,
    places: &[Span],
    start: Span,
) -> Diagnostic {
    let first = places.first().copied().unwrap_or(start);
    let (possibly, unknown) = match &advisory.unknown {
        Some(unknown) => ("possibly affected, ", format!("{unknown}; ")),
        None => ("", String::new()),
    };
    let message = format!("{} (nginx {version}): {possibly}{}", advisory.name, advisory.summary);
    let label = match (places.is_empty(), &advisory.unknown) {
        (true, None) => "every configuration is exposed",
        (true, Some(_)) => "any configuration may be exposed",
        (false, None) => "exposes it",
        (false, Some(_)) => "may expose it",
    };
    let (good, source) = (advisory.good.join(" and "), &advisory.source);
    let finding = Diagnostic::new(&advisory.name, Class::Rule, advisory.level(), first, message)
        .label(label)
        .help(format!("{unknown}fixed in nginx {good}; source: {source}; advisories of {date}"));
    places.iter().skip(1).fold(finding, |finding, place| finding.related(*place, "takes part"))
}

#[cfg(test)]
mod tests;
