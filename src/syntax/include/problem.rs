//! Findings about an `include` that cannot be followed.

use std::io;
use std::path::{Path, PathBuf};

use super::load::Load;
use super::named::{Include, directory, lossy};
use super::options::reason;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, os_path};

impl Load<'_> {
    pub(super) fn report_limit(&mut self, include: &Include, what: &'static str, limit: usize) {
        if self.exceeded.contains(&what) {
            return;
        }
        self.exceeded.push(what);
        self.report(
            Diagnostic::error(
                "include-limit",
                include.argument,
                format!("expected at most {limit} {what}, found more at `{}`", lossy(&include.name)),
            )
            .label("not included"),
        );
    }

    pub(super) fn report_cycle(&mut self, include: &Include, start: usize) {
        let name = |file: FileId| self.configuration.sources.file(file).name();
        let round: Vec<String> = self.open[start..]
            .iter()
            .chain(&self.open[start..=start])
            .map(|&f| format!("`{}`", name(f)))
            .collect();
        let message = match round.as_slice() {
            [one, _] => format!("{one} includes itself"),
            _ => format!("{} includes itself: {}", round[0], round.join(" → ")),
        };
        let mut diagnostic = Diagnostic::error("include-cycle", include.argument, message)
            .label("closes the cycle")
            .help("remove one of the includes; nginx crashes on them");
        for &span in &self.chain[start..] {
            diagnostic = diagnostic.related(span, "included here");
        }
        self.report(diagnostic);
    }

    pub(super) fn report_unreadable(&mut self, include: &Include, path: &Path, error: &io::Error) {
        let from = PathBuf::from(self.configuration.sources.file(include.id.file).name());
        // A path that nobody wrote is told with the name that stands in the file.
        let name = os_path(&include.name);
        let written =
            if path.ends_with(&name) { String::new() } else { format!(" as `{}`", lossy(&include.name)) };
        let message = format!(
            "cannot read `{}`, included{written} from `{}`: {}",
            lossy(path.as_os_str().as_encoded_bytes()),
            from.display(),
            reason(error)
        );
        let not_found = error.kind() == io::ErrorKind::NotFound;
        let code = if not_found { "include-not-found" } else { "include-unreadable" };
        let help = if include.name.is_empty() {
            "write the name of a file".to_owned()
        } else if error.kind() == io::ErrorKind::IsADirectory {
            format!(
                "write `{}/*.conf` to include the files in it",
                lossy(&include.name).trim_end_matches('/')
            )
        } else if let Some(beside) = self.beside(&from, include) {
            format!("write `{}`: names are relative to the directory of the main file", beside.display())
        } else if include.name.starts_with(b"/") {
            "check the path, or map its directory to where it lies on this machine".to_owned()
        } else {
            format!(
                "names are relative to the directory of the main file, `{}`",
                directory(&self.prefix).display()
            )
        };
        self.report(
            Diagnostic::environment(code, include.argument, message).label("not included").help(help),
        );
    }

    /// File of that name in the directory of the including file, as the `include` would have to name it.
    fn beside(&self, from: &Path, include: &Include) -> Option<PathBuf> {
        let beside = from.parent().filter(|&parent| parent != self.prefix)?.join(os_path(&include.name));
        self.loader.read(&beside).ok()?;
        Some(beside.strip_prefix(&self.prefix).unwrap_or(&beside).to_owned())
    }
}
