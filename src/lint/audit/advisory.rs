//! The table of known vulnerabilities: which versions have each, and since when it is repaired.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::diagnostic::Level;
use crate::version::Version;

/// `grammar/advisories.toml`, which the tests read.
static BUILT_IN: LazyLock<Advisories> =
    LazyLock::new(|| Advisories::parse(include_str!("../../../grammar/advisories.toml")).unwrap_or_default());

/// Published vulnerabilities of nginx, as they were known on a day.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisories {
    /// Date of collection: `YYYY-MM-DD`.
    date: String,
    pub(super) advisory: Vec<Advisory>,
}

impl Advisories {
    /// Advisories that are compiled into the program.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Those of a file in the form of `grammar/advisories.toml`.
    ///
    /// # Errors
    /// If the text is not TOML of that form, has a date or a version that is none, or an unknown level; says which.
    pub fn parse(text: &str) -> Result<Self, String> {
        let advisories: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if days(&advisories.date).is_none() {
            return Err(format!("`date`: expected a day such as `2026-11-30`, found `{}`", advisories.date));
        }
        advisories.advisory.iter().try_for_each(Advisory::check)?;
        Ok(advisories)
    }

    /// Date of collection: `YYYY-MM-DD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The number of them.
    pub fn count(&self) -> usize {
        self.advisory.len()
    }

    /// Age in days, for a day that is given as days since 1970-01-01.
    pub fn age(&self, today: i64) -> i64 {
        days(&self.date).map_or(0, |day| today - day)
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days(date: &str) -> Option<i64> {
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let is_written = [(year, 4), (month, 2), (day, 2)]
        .iter()
        .all(|(part, length)| part.len() == *length && part.bytes().all(|b| b.is_ascii_digit()));
    let (year, month, day): (i64, i64, i64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    if !is_written || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March: the day that only some years have is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

/// A vulnerability.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    /// Name of the advisory: `CVE-2026-42530`.
    pub name: String,
    pub(super) level: String,
    /// Ranges of versions: `1.1.3-1.23.1`, or one version. Without any, every version that is not repaired may have it.
    #[serde(default)]
    pub(super) vulnerable: Vec<String>,
    /// The first repaired release of each branch that has one.
    pub good: Vec<String>,
    /// All of the lists must hold, of each any entry.
    #[serde(default)]
    pub(super) when: Vec<Vec<String>>,
    /// In a line, what can happen.
    pub summary: String,
    /// Facts that no source tells.
    pub(super) unknown: Option<String>,
    /// The source that it was read in.
    pub source: String,
}

impl Advisory {
    /// True if a version has the fault: it lies in a range, and its branch was not repaired before it.
    pub(super) fn affects(&self, version: Version) -> bool {
        let parse = |text: &str| text.parse::<Version>().ok();
        let contains = |range: &String| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            parse(first) <= Some(version) && parse(last).is_some_and(|last| version <= last)
        };
        let is_older = || self.newest_good().is_none_or(|good| version < good);
        let may = if self.vulnerable.is_empty() { is_older() } else { self.vulnerable.iter().any(contains) };
        may && !self.is_repaired_in_branch(version)
    }

    /// True if a version was repaired: its branch was, or it is newer than every repair.
    pub(super) fn is_repaired(&self, version: Version) -> bool {
        self.is_repaired_in_branch(version) || self.newest_good().is_some_and(|good| good <= version)
    }

    fn is_repaired_in_branch(&self, version: Version) -> bool {
        let same = |good: &Version| (good.major, good.minor) == (version.major, version.minor);
        self.repairs().any(|good| same(&good) && good <= version)
    }

    fn newest_good(&self) -> Option<Version> {
        self.repairs().max()
    }

    fn repairs(&self) -> impl Iterator<Item = Version> {
        self.good.iter().filter_map(|good| good.parse().ok())
    }

    /// True if its versions and its level are such.
    fn check(&self) -> Result<(), String> {
        let ends = self.vulnerable.iter().flat_map(|range| range.split('-'));
        for version in ends.chain(self.good.iter().map(String::as_str)) {
            version.parse::<Version>().map_err(|error| format!("{}: {error}", self.name))?;
        }
        if self.vulnerable.is_empty() && self.unknown.is_none() {
            return Err(format!("{}: expected `vulnerable`, or `unknown` with what is not known", self.name));
        }
        if !["error", "warning", "info"].contains(&self.level.as_str()) {
            let expected = "expected `error`, `warning` or `info`";
            return Err(format!("{}: `level`: {expected}, found `{}`", self.name, self.level));
        }
        Ok(())
    }

    /// The level of its findings.
    pub fn level(&self) -> Level {
        match self.level.as_str() {
            "error" => Level::Error,
            "warning" => Level::Warning,
            _ => Level::Info,
        }
    }
}
