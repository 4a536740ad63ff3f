//! Rules over the model: what nginx accepts and a person should know.
//!
//! A rule is one file under `rules/`: its documentation with a bad and a good example, the check, the fix. The slice
//! [`RULES`] drives the engine, `ngxc explain`, the settings and `docs/rules.md`; tests execute every example.

mod access;
mod affected;
mod audit;
mod choice;
mod lost;
mod names;
mod place;
pub mod redos;
mod remedy;
mod rule;
mod rules;
mod target;
mod tls;
mod uses;

mod baseline;
mod client_text;
mod columns;
mod settings;
mod suppress;

pub mod verify;
mod witness;

pub use audit::{Advisories, Advisory, Status, Verdict, audit, verdicts};
pub use rule::{Category, Rule};
pub use rules::RULES;
pub use target::Target;

pub use baseline::Baseline;
pub use settings::{LEVELS, Profile, Settings, all_names, check_name};
pub use suppress::{covers, suppress};

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::diagnostic::{Diagnostic, Level};
use crate::model::Config;
pub use crate::reuse::BEFORE_DEFAULT_KEEPALIVE;
use crate::reuse::{DEFAULT_KEEPALIVE, Overview, leaves};
use crate::syntax::{Configuration, UnreadPlaces};
use crate::values::{self, levels, pattern, sources, text};

/// Runs `rules` over a configuration.
pub fn lint(configuration: &Configuration, config: &Config, rules: &[&'static Rule]) -> Vec<Diagnostic> {
    lint_timed(configuration, config, rules, &mut |_, _| {})
}

/// Runs `rules` over a configuration and says how long each took.
pub fn lint_timed(
    configuration: &Configuration,
    config: &Config,
    rules: &[&'static Rule],
    took: &mut dyn FnMut(&'static Rule, Duration),
) -> Vec<Diagnostic> {
    let overview = Overview::new(config);
    let (uses, levels, remedies) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
    let unread = &configuration.unread();
    let target = Target {
        config,
        configuration,
        unread,
        reuse: &overview,
        uses: &uses,
        levels: &levels,
        remedies: &remedies,
    };
    let mut found = Vec::new();
    let mut start = Instant::now();
    for &rule in rules {
        let before = found.len();
        (rule.check)(target, &mut found);
        if rule.absence && !unread.is_empty() {
            found[before..].iter_mut().for_each(|finding| hedge(configuration, unread, finding));
        }
        let end = Instant::now();
        took(rule, end - start);
        start = end;
    }
    for finding in &mut found {
        columns::keep_comments(configuration, finding);
    }
    found.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
    // A file that is included in several blocks is judged in each.
    found.dedup_by(|a, b| (a.span, a.code, &a.message) == (b.span, b.code, &b.message));
    found
}

/// Makes a note of a finding that something is not set, where a file that was not read may set it.
fn hedge(configuration: &Configuration, unread: &UnreadPlaces, finding: &mut Diagnostic) {
    let Some(include) = unread.around(finding.span) else { return };
    // Directives around an upstream or a map change nothing in it.
    let closed = ["upstream", "map", "split_clients"];
    let around = configuration.tree(finding.span.file).enclosing(finding.span.start);
    let block = around.iter().find(|d| closed.iter().any(|name| d.name().is(name)));
    if block.is_some_and(|block| !unread.is_part_of(block.head())) {
        return;
    }
    let name = String::from_utf8_lossy(configuration.sources.text(include)).into_owned();
    finding.level = Level::Info;
    let _ = write!(finding.message, ", unless `{name}` says otherwise, which was not read");
    finding.help = Some(format!("check again where `{name}` can be read"));
    finding.fix = None;
}

/// The rules whose findings depend on whether upstream connections are reused by default.
pub fn by_version(rules: &[&'static Rule]) -> Vec<&'static Rule> {
    rules.iter().copied().filter(|rule| rule.by_version).collect()
}

/// True if the findings of such rules can differ: something is passed on to somewhere.
pub fn depends_on_version(config: &Config) -> bool {
    !config.http.upstreams.is_empty() || !leaves(config).is_empty()
}

/// Findings of a configuration whose nginx is not known: those for the newest version and those for the last one before
/// upstream connections were reused by default, of the rules [`by_version`]; what holds only for one of them says so, and is no error.
pub fn merge_versions(newest: Vec<Diagnostic>, before: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let keys = |all: &[Diagnostic]| all.iter().map(|d| (d.code, d.span)).collect::<HashSet<_>>();
    let (new, old) = (keys(&newest), keys(&before));
    let differs: HashSet<&str> = RULES.iter().filter(|r| r.by_version).map(|r| r.name).collect();
    let holds = |d: &Diagnostic| old.contains(&(d.code, d.span)) || !differs.contains(d.code);
    let only = |mut d: Diagnostic, versions: &str| {
        d.message = format!("{} (nginx {versions} {DEFAULT_KEEPALIVE})", d.message);
        d.level = d.level.min(Level::Warning);
        d
    };
    // A finding that holds for both is repaired so that it is right for both: the older version needs more.
    let mut repairs: HashMap<_, _> = before
        .iter()
        .filter(|d| new.contains(&(d.code, d.span)))
        .map(|d| ((d.code, d.span), (d.help.clone(), d.fix.clone())))
        .collect();
    let mut both = |mut d: Diagnostic| {
        if let Some((help, fix)) = repairs.remove(&(d.code, d.span)) {
            (d.help, d.fix) = (help, fix);
        }
        d
    };
    let mut all: Vec<Diagnostic> =
        newest.into_iter().map(|d| if holds(&d) { both(d) } else { only(d, "since") }).collect();
    let before = before.into_iter().filter(|d| !new.contains(&(d.code, d.span)));
    all.extend(before.map(|d| only(d, "before")));
    all.sort_by_key(|d| (d.span, d.code));
    all
}
