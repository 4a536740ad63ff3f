//! Logs that were emptied or moved away: where their older lines are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files that are named.
const MOST: usize = 3;

/// Says that a log has no line, and which option adds the files that have its older ones; `None` if there are none.
pub(super) fn hint(log: &Path, option: &str) -> Option<String> {
    let state = if log.exists() { "is empty" } else { "is not there" };
    let older = older(log);
    let (newest, _) = older.first()?;
    let names: Vec<String> =
        older.iter().take(MOST).map(|(path, _)| format!("`{}`", path.display())).collect();
    Some(format!(
        "`{}` {state}: rotated? Older lines are in {}; add `{option} {}`",
        log.display(),
        names.join(", "),
        newest.display()
    ))
}

/// Says that a log was rotated after a moment, so that lines from after it are in another file.
pub(super) fn since(log: &Path, option: &str, moment: SystemTime) -> Option<String> {
    let (newest, changed) = older(log).into_iter().next()?;
    (changed > moment).then(|| {
        format!(
            "`{}` was rotated since then: add `{option} {} {option} {}`",
            log.display(),
            newest.display(),
            log.display()
        )
    })
}

/// True if a log is of the past by its name, or comes from elsewhere: `error.log.1`, `error.log-20261130`, `error.log.2.gz`, `-`.
pub(super) fn is_history(log: &Path) -> bool {
    let name = log.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name =
        [".gz", ".bz2", ".xz", ".zst"].iter().fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
    let end = name.rsplit(['.', '-']).next().unwrap_or_default();
    name == "-"
        || !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit())
        || log.extension().is_some_and(|end| end == "gz")
}

/// The files that a log was rotated to, newest first: `access.log.1`, `access.log.2.gz`, `access.log-20261130`.
fn older(log: &Path) -> Vec<(PathBuf, SystemTime)> {
    let Some(name) = log.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let directory = log.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<(PathBuf, SystemTime)> = entries
        .filter_map(|entry| {
            let other = entry.file_name();
            let rest = other.to_str()?.strip_prefix(name)?;
            let is_number = rest.strip_prefix(['.', '-'])?.starts_with(|c: char| c.is_ascii_digit());
            let meta = entry.metadata().ok().filter(|meta| is_number && meta.is_file() && meta.len() > 0)?;
            Some((log.with_file_name(&other), meta.modified().ok()?))
        })
        .collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_the_past() {
        for name in ["error.log.1", "/var/log/error.log-20261130", "error.log.2.gz", "error.log.gz", "-"] {
            assert!(is_history(Path::new(name)), "{name}");
        }
        for name in ["error.log", "/var/log/nginx/error.log", "error", "error.log of the bundle"] {
            assert!(!is_history(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn older_files_of_a_log() {
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("access.log");
        assert_eq!(hint(&log, "--access-log"), None);
        for (age, name) in
            ["access.log", "access.log.1", "access.log-20261130.gz", "access.log.2.gz"].iter().enumerate()
        {
            let text = if age == 0 { "" } else { "a line\n" };
            fs::write(place.path().join(name), text).unwrap();
            let file = fs::File::options().write(true).open(place.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(60 * age as u64)).unwrap();
        }
        fs::write(place.path().join("access.log.bak"), "x").unwrap();
        let text = hint(&log, "--access-log").unwrap().replace(&format!("{}/", place.path().display()), "");
        assert_eq!(
            text,
            "`access.log` is empty: rotated? Older lines are in `access.log.1`, `access.log-20261130.gz`, `access.log.2.gz`; \
             add `--access-log access.log.1`"
        );
        let minute = |n: u64| SystemTime::now() - std::time::Duration::from_secs(60 * n);
        assert!(
            since(&log, "--access-log", minute(2)).is_some_and(|text| text.contains("rotated since then"))
        );
        assert_eq!(since(&log, "--access-log", minute(0)), None);
    }
}
