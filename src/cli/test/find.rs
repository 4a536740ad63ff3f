//! Files of cases: named, or found by directory.

use std::path::{Path, PathBuf};

use crate::behaviour::case::{Case, CaseFile};
use crate::cli::Failure;
use crate::source::{Disk, Loader as _};

/// End of the name of a file of cases.
pub(super) const SUFFIX: &str = ".test.toml";
/// Deepest directory below the first one.
const MAX_DEPTH: usize = 32;

/// A case with its place.
pub(super) struct FoundCase {
    /// File of the case.
    pub(super) file: PathBuf,
    /// Line, from 1.
    pub(super) line: usize,
    /// The case.
    pub(super) case: Case,
}

/// All cases, in the order of their files' names.
///
/// # Errors
/// If there is no file of cases, or if one cannot be read.
pub(super) fn cases(
    config: &Path,
    named: &[PathBuf],
    filter: Option<&str>,
) -> Result<Vec<FoundCase>, Failure> {
    let own = config.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let roots = if named.is_empty() { std::slice::from_ref(&own) } else { named };
    let mut files = Vec::new();
    for root in roots {
        if root.is_dir() {
            below(root, 0, &mut files).map_err(|error| {
                Failure::new(format!("cannot read the directory `{}`: {error}", root.display()))
            })?;
        } else {
            files.push(root.clone());
        }
    }
    files.sort();
    files.dedup();
    if files.is_empty() {
        let roots: Vec<String> = roots.iter().map(|root| format!("`{}`", root.display())).collect();
        return Err(Failure::new(format!("there is no file `*{SUFFIX}` in {}", roots.join(", ")))
            .help("`ngxc test FILE --init > www.test.toml` writes a case for each location"));
    }
    let mut found = Vec::new();
    for file in files {
        let file = file.strip_prefix("./").unwrap_or(&file).to_owned();
        let read = |why: String| Failure::new(format!("{}: cannot be read: {why}", file.display()));
        let text = Disk.read(&file).map_err(|error| read(error.to_string()))?;
        let text = String::from_utf8(text).map_err(|_| read("it is not UTF-8".to_owned()))?;
        let cases =
            CaseFile::parse(&text).map_err(|fault| Failure::new(format!("{}:{fault}", file.display())))?;
        let is_asked = |case: &Case| filter.is_none_or(|text| case.title().contains(text));
        found.extend(
            cases.all(&text).into_iter().filter(|(_, case)| is_asked(case)).map(|(line, case)| FoundCase {
                file: file.clone(),
                line,
                case,
            }),
        );
    }
    Ok(found)
}

/// Files of cases in a directory and below it; symbolic links to directories are not followed.
fn below(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_dir() && depth < MAX_DEPTH && !name.starts_with('.') {
            below(&path, depth + 1, files)?;
        } else if name.ends_with(SUFFIX) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}
