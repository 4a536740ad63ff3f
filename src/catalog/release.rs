//! Releases of nginx that a version number on the command line means.

use super::{RELEASES, RELEASES_DATE};
use crate::version::Version;

/// Oldest release whose differences from the newest are all in the data.
const DESCRIBED: Version = Version::new(1, 18, 0);

/// Release that a user named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Release to judge by: one in the catalog's data.
    pub version: Version,
    /// Release that the user named, if it is newer than the data.
    pub newer: Option<Version>,
}

impl Release {
    /// Warning for a release that is newer than the data, or older than those that are described wholly.
    pub fn warning(self) -> Option<String> {
        let Some(newer) = self.newer else {
            return (self.version < DESCRIBED).then(|| {
                format!(
                    "nginx {} is older than {DESCRIBED}, the oldest release that the data describe wholly: directives, \
                     parameters and defaults that it lacks may be taken for its own",
                    self.version
                )
            });
        };
        Some(format!(
            "nginx {newer} is newer than the data, which are of {RELEASES_DATE}: judged as {}, the newest release known",
            self.version
        ))
    }
}

/// Release that `text` names: `1.24.0`, or `1.24` for the newest of a branch. For a release newer than the data, the
/// newest release in the data.
///
/// # Errors
/// If the text is not a version, or if no release below the newest known has the number; the message names the release
/// that was probably meant.
pub fn release(text: &str) -> Result<Release, String> {
    let numbers: Vec<Option<u16>> = text.split('.').map(number).collect();
    let asked = match numbers.as_slice() {
        [Some(major), Some(minor)] => return branch(text, *major, *minor),
        [Some(major), Some(minor), Some(patch)] => Version::new(*major, *minor, *patch),
        _ => return Err(malformed(text)),
    };
    if RELEASES.binary_search(&asked).is_ok() {
        return Ok(Release { version: asked, newer: None });
    }
    if let Some(newest) = newest().filter(|newest| *newest < asked) {
        return Ok(Release { version: newest, newer: Some(asked) });
    }
    // The branch may have got another release after the data were collected.
    match newest_of(asked.major, asked.minor) {
        Some(newest) if newest < asked && is_maintained(newest) => {
            Ok(Release { version: newest, newer: Some(asked) })
        }
        Some(newest) => {
            Err(format!("there is no nginx {asked}; did you mean {newest}, the newest of its branch?"))
        }
        None => Err(never(&asked.to_string(), asked)),
    }
}

fn branch(text: &str, major: u16, minor: u16) -> Result<Release, String> {
    if let Some(version) = newest_of(major, minor) {
        return Ok(Release { version, newer: None });
    }
    let asked = Version::new(major, minor, 0);
    match newest() {
        Some(newest) if newest < asked => Ok(Release { version: newest, newer: Some(asked) }),
        _ => Err(never(text, asked)),
    }
}

/// Number as in release names: digits without a leading zero.
fn number(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

fn malformed(text: &str) -> String {
    let digits = text.trim().trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let meant = digits[..end].trim_end_matches('.');
    // The recursion ends: `meant` is shorter than `text`.
    let is_release = meant.len() < text.len() && release(meant).is_ok_and(|r| r.newer.is_none());
    let expected = if is_release {
        format!("did you mean `{meant}`?")
    } else {
        "expected three numbers, for example `1.29.7`, or a branch such as `1.28`".to_owned()
    };
    format!("`{text}` is no nginx version; {expected}")
}

fn never(text: &str, asked: Version) -> String {
    let before = RELEASES.iter().rev().find(|release| **release < asked).or(RELEASES.first());
    match before {
        Some(before) => format!("there is no nginx {text}; did you mean {before}?"),
        None => format!("there is no nginx {text}"),
    }
}

fn newest() -> Option<Version> {
    RELEASES.last().copied()
}

fn newest_of(major: u16, minor: u16) -> Option<Version> {
    RELEASES.iter().rev().find(|release| (release.major, release.minor) == (major, minor)).copied()
}

/// True if the version's branch is one of the two that still got releases when the data were collected.
fn is_maintained(version: Version) -> bool {
    newest().is_some_and(|newest| newest.major == version.major && newest.minor <= version.minor + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_releases() {
        let cases = [
            ("1.24", "1.24.0", ""),
            ("1.28", "1.28.3", ""),
            ("1.24.0", "1.24.0", ""),
            ("1.31.9", "1.31.9", ""),
            ("1.30.7", "1.30.7", ""),
            ("1.30.8", "1.30.7", "1.30.8"),
            ("1.31.10", "1.31.9", "1.31.10"),
            ("1.99.0", "1.31.9", "1.99.0"),
            ("2.0", "1.31.9", "2.0.0"),
        ];
        for (text, version, newer) in cases {
            let found = release(text).unwrap();
            assert_eq!(found.version.to_string(), version, "{text}");
            assert_eq!(found.newer.map_or(String::new(), |v| v.to_string()), newer, "{text}");
            assert_eq!(found.warning().is_some(), !newer.is_empty());
        }
    }

    #[test]
    fn what_is_no_release_says_what_was_meant() {
        let cases = [
            ("1.24.7", "did you mean 1.24.0"),
            ("1.2.1", "did you mean 1.2.9"),
            ("0.10.0", "did you mean 0.9.7"),
            ("v1.24.0", "did you mean `1.24.0`"),
            ("nginx/1.24.0", "did you mean `1.24.0`"),
            ("1.24.0-alpine", "did you mean `1.24.0`"),
            ("new", "is no nginx version; expected three numbers"),
            ("1.024.0", "is no nginx version"),
            ("1", "is no nginx version"),
            ("1.24.0.1", "is no nginx version"),
            ("", "is no nginx version"),
            ("1.99999999.0", "is no nginx version"),
        ];
        for (text, expected) in cases {
            let error = release(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
