//! `--watch`: the cases run again whenever a file has changed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{TestArgs, once};
use crate::cli::{Failure, Outcome, complain, note};

/// Time between two looks at the files.
const PAUSE: Duration = Duration::from_millis(250);

/// When files were changed, and how long they are; `None`: there is no such file.
type Seen = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

/// Runs until a signal ends it, or until nobody reads the output.
pub(super) fn run(args: &TestArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if args.input.file == Path::new("-") {
        return Err(
            Failure::new("standard input cannot be watched").help("name the file of the configuration")
        );
    }
    let mut known = Vec::new();
    loop {
        let mut files = vec![args.input.file.clone()];
        files.extend(args.cases.iter().cloned());
        let start = SystemTime::now();
        match once(args, out, &mut files) {
            Ok(_) => known.clone_from(&files),
            Err(failure) if failure.is_unread => return Err(failure),
            // A file that is being written may have errors for a moment. Those that were read before are watched on.
            Err(failure) => {
                complain(&failure);
                files.extend(known.iter().cloned());
            }
        }
        out.flush()?;
        let seen = look(&files);
        note(&format!("watching {} files: Ctrl-C ends it", seen.len()));
        // A file that was written while the cases ran may have been read before.
        let is_late = |file: &PathBuf| seen.get(file).copied().flatten().is_some_and(|(at, _)| at >= start);
        while !files.iter().any(is_late) && look(&files) == seen {
            std::thread::sleep(PAUSE);
        }
        writeln!(out)?;
    }
}

/// State of the files and of the directories around them, where new ones appear.
fn look(files: &[PathBuf]) -> Seen {
    let around = files.iter().filter_map(|file| file.parent()).map(|directory| match directory {
        empty if empty.as_os_str().is_empty() => Path::new("."),
        directory => directory,
    });
    let state = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(PathBuf::as_path).chain(around).map(|path| (path.to_owned(), state(path))).collect()
}
