//! Place of an included file on this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::load::Load;
use super::named::{Include, full_name, is_pattern, lossy};
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::source::shipped::{below_root, shipped};

/// Directories beside the main file that packages keep fragments in: names in the fragments are relative to the outer
/// directory.
pub const FRAGMENT_DIRECTORIES: [&str; 12] = [
    "conf.d",
    "sites-available",
    "sites-enabled",
    "snippets",
    "modules-available",
    "modules-enabled",
    "http.d",
    "stream.d",
    "default.d",
    "vhosts",
    "vhosts.d",
    "servers",
];

/// Paths of an `include` on this machine.
pub(super) struct Places {
    /// One path, or the matches of a pattern.
    pub(super) paths: Vec<PathBuf>,
    /// Path that nginx would read, if the paths are in another place.
    pub(super) instead_of: Option<PathBuf>,
}

/// True for a pattern that stands for one name, `custom[.]conf`: the usual way to say that the file may be absent.
fn is_optional(name: &[u8]) -> bool {
    let mut sets = name.split(|&b| b == b'[').skip(1);
    name.contains(&b'[')
        && !name.contains(&b'*')
        && !name.contains(&b'?')
        && sets.all(|rest| rest.first() != Some(&b'^') && rest.get(1) == Some(&b']'))
}

impl Places {
    fn at(paths: Vec<PathBuf>, place: &Path, full: PathBuf) -> Self {
        let is_elsewhere = place != full && !paths.is_empty();
        Self { paths, instead_of: is_elsewhere.then_some(full) }
    }
}

impl Load<'_> {
    /// Paths that an `include` names: one, or the matches of a pattern.
    pub(super) fn paths(&mut self, include: &Include) -> Places {
        let mut places = self.named_paths(include);
        if self.options.elsewhere {
            for path in &mut places.paths {
                if let Some(file) = self.loader.link_in_tree(path) {
                    *path = file;
                }
            }
        }
        places
    }

    fn named_paths(&mut self, include: &Include) -> Places {
        let full = full_name(&self.prefix, &include.name);
        let mut places = self.places(&full);
        if is_pattern(&full) {
            let (templates, rendered) = self.rendered(&full);
            for place in &places {
                let mut paths = self.matches(place);
                if paths.is_empty() {
                    continue;
                }
                self.note_beside(include, &full, place);
                // A template that is filled in replaces a file of the same name.
                paths.retain(|path| !rendered.iter().any(|(name, _)| path.file_name() == Some(name)));
                paths.extend(rendered.into_iter().map(|(_, template)| template));
                return Places::at(paths, place, full);
            }
            if !rendered.is_empty() {
                self.note_beside(include, &full, &templates);
                let paths = rendered.into_iter().map(|(_, template)| template).collect();
                return Places::at(paths, &templates, full);
            }
            if !is_optional(&include.name) {
                self.report_no_match(include, &full);
            }
            return Places { paths: Vec::new(), instead_of: None };
        }
        let found = places.iter().position(|place| self.exists(place)).filter(|_| places.len() > 1);
        if let Some(found) = found {
            let place = places.swap_remove(found);
            self.note_beside(include, &full, &place);
            return Places::at(vec![place.clone()], &place, full);
        }
        // Names in a fragment are those of the directory around its own.
        let around = self.around(self.directory_of_main()).is_some() && self.options.path_maps.is_empty();
        let place = places.swap_remove(if around { places.len() - 1 } else { 0 });
        Places::at(vec![place.clone()], &place, full)
    }

    /// Templates that the official image fills in where a pattern looks, `templates/*.template` for `conf.d/*`: their
    /// pattern, and each with the name that its file gets.
    fn rendered(&self, full: &Path) -> (PathBuf, Vec<(OsString, PathBuf)>) {
        let below = below_root(full).filter(|_| self.options.elsewhere);
        let Some(pattern) = below.and_then(|below| below.strip_prefix("conf.d").ok()) else {
            return (PathBuf::new(), Vec::new());
        };
        let mut pattern = self.directory_of_main().join("templates").join(pattern).into_os_string();
        pattern.push(".template");
        let pattern = PathBuf::from(pattern);
        let found = self.matches(&pattern).into_iter();
        let named = found.filter_map(|template| Some((template.file_stem()?.to_owned(), template)));
        (pattern, named.collect())
    }

    /// Possible places of a path, the likeliest first; never empty.
    fn places(&self, full: &Path) -> Vec<PathBuf> {
        let mut places = Vec::new();
        for (from, to) in &self.options.path_maps {
            if let Ok(below) = full.strip_prefix(from) {
                places.push(if below.as_os_str().is_empty() { to.clone() } else { to.join(below) });
            }
        }
        if let Some(below) = below_root(full).filter(|_| self.options.elsewhere) {
            let main = self.directory_of_main();
            places.push(main.join(below));
            places.extend(self.around(main).map(|around| around.join(below)));
            return places;
        }
        places.push(full.to_owned());
        if let Ok(below) = full.strip_prefix(&self.prefix)
            && let Some(around) = self.around(&self.prefix)
        {
            places.push(around.join(below));
        }
        places
    }

    fn directory_of_main(&self) -> &Path {
        self.configuration.sources.file(self.configuration.main).path.parent().unwrap_or(Path::new(""))
    }

    /// Outer directory of a fragments' directory, for a main file that is a fragment.
    fn around<'p>(&self, directory: &'p Path) -> Option<&'p Path> {
        let name = directory.file_name()?;
        let whole = |name: &[u8]| name == b"events" || name == b"http";
        let is_whole = || {
            let root = self.configuration.tree(self.configuration.main).root();
            root.directives().any(|d| whole(&d.name().value()))
        };
        let is_of_fragments = FRAGMENT_DIRECTORIES.iter().any(|known| name == *known);
        directory.parent().filter(|_| is_of_fragments && !is_whole())
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
            || self.loader.read(path).is_ok()
            || self.loader.link_in_tree(path).is_some()
    }

    /// Text of a file that every nginx ships, if it may replace a missing one.
    pub(super) fn known_text(&self, path: &Path) -> Option<&'static [u8]> {
        shipped(path).filter(|_| self.options.elsewhere || self.options.stand_ins)
    }

    /// Reports once that files are read from beside the main file.
    fn note_beside(&mut self, include: &Include, full: &Path, place: &Path) {
        let is_mapped = self.options.path_maps.iter().any(|(from, _)| full.starts_with(from));
        if self.has_said_beside || is_mapped || place == full {
            return;
        }
        self.has_said_beside = true;
        let is_relative = !include.name.starts_with(b"/");
        let (why, label) = if is_relative {
            (
                "names are relative to the directory of the main file, around this one",
                "found in the directory around",
            )
        } else {
            ("the configuration does not lie where nginx reads it", "found beside the main file")
        };
        let message = format!("`{}` is read from `{}`: {why}", lossy(&include.name), place.display());
        let diagnostic = Diagnostic::new(
            "include-elsewhere",
            Class::Configuration,
            Level::Info,
            include.argument,
            message,
        );
        self.report(
            diagnostic.label(label).help("say `--map-path FROM=TO` to read it from another directory"),
        );
    }

    /// Reports a pattern that matches nothing.
    fn report_no_match(&mut self, include: &Include, full: &Path) {
        let message = format!("no file matches `{}`", lossy(&include.name));
        let diagnostic =
            Diagnostic::new("include-no-match", Class::Configuration, Level::Info, include.argument, message);
        let mut diagnostic = diagnostic.label("includes nothing");
        if let Some(directory) =
            full.parent().filter(|_| self.options.elsewhere && below_root(full).is_some())
        {
            let main = self.configuration.sources.file(self.configuration.main).name();
            let directory = directory.display();
            diagnostic = diagnostic.help(format!(
                "if another directory is copied there, `path-map = {{ \"{directory}\" = \"DIR\" }}` in `ngxc.toml` names it, and \
                 `roots = [\"{main}\"]` judges its files inside of this one"
            ));
        }
        self.report(diagnostic);
    }

    /// Reports once the missing files that known texts replace.
    pub(super) fn report_stand_ins(&mut self) {
        let Some((span, includes)) = self.first_stand_in.take() else { return };
        let sources = &self.configuration.sources;
        let names = self.configuration.stand_ins.iter().map(|&file| {
            let path = &sources.file(file).path;
            format!("`{}`", path.file_name().unwrap_or_default().to_string_lossy())
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        let copies = if names.len() == 1 { "the built-in copy" } else { "built-in copies" };
        let message = format!("using {copies} of {}", names.join(", "));
        let mut diagnostic =
            Diagnostic::new("include-shipped", Class::Configuration, Level::Info, span, message)
                .label("not here, but known");
        diagnostic.includes = includes;
        self.configuration.diagnostics.push(diagnostic);
    }
}
