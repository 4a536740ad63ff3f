//! Cases through the simulator, in parallel.

use super::find::FoundCase;
use crate::behaviour::case::Case;
use crate::behaviour::coverage::Coverage;
use crate::behaviour::expect::{self, Difference};
use crate::behaviour::outcome::Outcome;
use crate::cli::show::{RequestArgs, address, url};
use crate::simulate::imagined::DescribedRequest;
use crate::simulate::walk::{RoutingConfiguration, Walk};
use crate::source::SourceMap;

/// Case with its result.
pub(super) struct Result {
    /// The case.
    pub(super) found: FoundCase,
    /// Everything that is not as expected.
    pub(super) verdict: Verdict,
    /// Treatment of the request by servers on loopback.
    pub(super) live: Vec<LiveServer>,
}

/// A server on loopback, and what it did with a case.
pub(super) struct LiveServer {
    /// `ngxc run`, or nginx with its version.
    pub(super) engine: String,
    pub(super) seen: LiveResult,
}

/// Result of a case on loopback.
pub(super) enum LiveResult {
    /// All that can be seen is as expected.
    Agreed,
    /// Something differs; the way of the request is that of the simulator.
    Differs(Vec<Difference>, Box<(DescribedRequest, Walk)>),
    /// The case cannot be asked there, and why.
    NotAsked(String),
    /// The server did not answer.
    Failed(String),
}

/// Result of a case.
pub(super) enum Verdict {
    /// All is as expected.
    Passed,
    /// Something differs; the way of the request explains it.
    Failed(Vec<Difference>, Box<(DescribedRequest, Walk)>),
    /// The request cannot be made.
    Broken(String),
}

impl Result {
    /// True if all is as expected.
    pub(super) fn is_passed(&self) -> bool {
        matches!(self.verdict, Verdict::Passed)
            && self.live.iter().all(|live| matches!(live.seen, LiveResult::Agreed | LiveResult::NotAsked(_)))
    }

    /// The request with its way, if something differs.
    pub(super) fn request(&self) -> Option<&(DescribedRequest, Walk)> {
        let live = self.live.iter().find_map(|live| match &live.seen {
            LiveResult::Differs(_, request) => Some(&**request),
            _ => None,
        });
        match &self.verdict {
            Verdict::Failed(_, request) => Some(&**request),
            _ => live,
        }
    }
}

/// Fewer cases than this are run by one thread.
const FEW: usize = 200;

/// Runs all cases; the order is kept.
pub(super) fn all(
    ground: &RoutingConfiguration,
    sources: &SourceMap,
    cases: Vec<FoundCase>,
    mut coverage: Coverage,
) -> (Vec<Result>, Coverage) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = if cases.len() < FEW { 1 } else { cores.min(16) };
    let size = cases.len().div_ceil(threads).max(1);
    let mut parts: Vec<Vec<FoundCase>> = Vec::new();
    let mut rest = cases.into_iter().peekable();
    while rest.peek().is_some() {
        parts.push(rest.by_ref().take(size).collect());
    }
    let empty = &coverage.clone();
    let done: Vec<(Vec<Result>, Coverage)> = std::thread::scope(|scope| {
        let workers: Vec<_> = parts
            .into_iter()
            .map(|part| {
                scope.spawn(move || {
                    let mut coverage = empty.clone();
                    let results = part
                        .into_iter()
                        .map(|found| {
                            let verdict = one(ground, sources, &found.case, &mut coverage);
                            Result { found, verdict, live: Vec::new() }
                        })
                        .collect();
                    (results, coverage)
                })
            })
            .collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let mut results = Vec::new();
    for (part, own) in done {
        results.extend(part);
        coverage.add(&own);
    }
    (results, coverage)
}

fn one(ground: &RoutingConfiguration, sources: &SourceMap, case: &Case, coverage: &mut Coverage) -> Verdict {
    let asked = match asked(ground, case) {
        Ok(asked) => asked,
        Err(why) => return Verdict::Broken(why),
    };
    let (differences, walk) = match Outcome::of(ground, &asked) {
        Err(why) => return Verdict::Broken(why),
        Ok(mut outcome) => {
            let differences = expect::compare(&case.expect, &mut outcome, sources);
            coverage.count(&mut outcome);
            (differences, outcome.walk)
        }
    };
    if differences.is_empty() {
        return Verdict::Passed;
    }
    Verdict::Failed(differences, Box::new((asked, walk)))
}

/// The request of a case.
///
/// # Errors
/// If the URL is none, or if no server listens where it leads; in words.
pub(in crate::cli) fn asked(
    ground: &RoutingConfiguration,
    case: &Case,
) -> std::result::Result<DescribedRequest, String> {
    let words = |failure: crate::cli::Failure| match failure.help {
        Some(help) => format!("{}; {help}", failure.message),
        None => failure.message,
    };
    let url = url::Url::parse(case.url.as_deref().unwrap_or_default()).map_err(words)?;
    let args = RequestArgs {
        host: case.host.clone(),
        port: case.port,
        address: case.address.clone(),
        client: case.client,
        method: case.method.clone().unwrap_or_else(|| "GET".to_owned()),
        headers: Vec::new(),
    };
    let found = address::find(&ground.router, &url, &args).map_err(words)?;
    let mut asked = url::asked(&url, &args, &ground.router, found.address).map_err(words)?;
    let lines = case.header_lines();
    if let Some((_, host)) = lines.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")) {
        return Err(format!(
            "the headers have `Host`: write `host = \"{}\"` in the case",
            String::from_utf8_lossy(host)
        ));
    }
    match (url.scheme, asked.scheme) {
        (Some("https"), "http") => {
            return Err(format!("`listen {}` has no `ssl`: an https request fails there", asked.endpoint));
        }
        (Some(scheme), _) => asked.scheme = scheme,
        (None, _) => {}
    }
    asked.headers = lines;
    case.protocol().clone_into(&mut asked.protocol);
    asked.facts = Some(case.facts());
    Ok(asked)
}
