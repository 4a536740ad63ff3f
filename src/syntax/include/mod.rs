//! From the main file to the configuration: `include`s are followed, each file is parsed once.
//!
//! Equivalent of `ngx_conf_include` and `ngx_conf_full_name` (`src/core/ngx_conf_file.c`), except that a file that
//! includes itself is an error: nginx crashes.

mod inside;
mod load;
pub(super) mod named;
mod options;
mod place;
mod problem;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::configuration::Configuration;
use super::dump::Dump;
use super::reading::{self, ParsedFile, ReadFile};
use super::template::Templates;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Loader, SourceMap, Span};
use load::{Extent, Load};
use named::{Include, includes};
pub use options::{LoadError, LoadOptions};
pub use place::FRAGMENT_DIRECTORIES;
use place::Places;

/// Most inclusions in a walk over the configuration: a file may be included many times, and its own includes count each
/// time.
const MAX_INCLUSIONS: u64 = 1_000_000;

/// Reads the main file and all included files.
///
/// # Errors
/// If the main file cannot be read. All other errors are among the diagnostics.
pub fn load(loader: &dyn Loader, main: &Path, options: &LoadOptions) -> Result<Configuration, LoadError> {
    let text = loader.read(main).map_err(|error| LoadError { path: main.to_owned(), error })?;
    if let Some(dump) = Some(()).filter(|()| options.dumps).and_then(|()| Dump::read(&text)) {
        drop(text);
        let main = dump.main().to_owned();
        // Path maps and prefixes do not apply: a dump has every file that nginx read.
        let options = LoadOptions {
            conf_prefix: None,
            path_maps: Vec::new(),
            elsewhere: false,
            stand_ins: true,
            ..options.clone()
        };
        let mut configuration = load_text(&dump, &main, dump.read(&main).unwrap_or_default(), &options);
        configuration.is_dump = true;
        report_ambiguous(&mut configuration, &dump);
        return Ok(configuration);
    }
    Ok(load_text(loader, main, text, options))
}

/// Reports the files of a dump whose text is uncertain.
fn report_ambiguous(configuration: &mut Configuration, dump: &Dump) {
    for path in &dump.ambiguous {
        let Some((file, _)) = configuration.sources.files().find(|(_, f)| f.path == *path) else { continue };
        let message =
            format!("the dump holds `{}` twice with different texts; the first is taken", path.display());
        configuration.diagnostics.push(
            Diagnostic::warning("dump-ambiguous", Span::new(file, 0, 0), message)
                .help("write the output of one `nginx -T` into a file of its own"),
        );
    }
}

/// Reads one file without its includes.
///
/// # Errors
/// If the file cannot be read. All other errors are among the diagnostics.
pub fn load_one(
    loader: &dyn Loader,
    file: &Path,
    embedded: Option<&str>,
    templates: &Templates,
) -> Result<Configuration, LoadError> {
    let text = loader.read(file).map_err(|error| LoadError { path: file.to_owned(), error })?;
    let mut sources = SourceMap::default();
    let (id, mut read) = reading::add(&mut sources, file, text, Some(templates));
    read.look_inside(sources.file(id), embedded, Some(templates));
    let ParsedFile { tree, errors, .. } = reading::tree(&sources, id, read, Some(templates));
    Ok(Configuration::of_one(sources, tree, errors))
}

/// Loads a configuration whose main file's text is already read.
fn load_text(loader: &dyn Loader, main: &Path, text: Vec<u8>, options: &LoadOptions) -> Configuration {
    let prefix =
        options.conf_prefix.clone().or_else(|| main.parent().map(Path::to_owned)).unwrap_or_default();
    let mut sources = SourceMap::default();
    let templates = options.templates.as_deref();
    let (id, mut read) = reading::add(&mut sources, main, text, templates);
    read.look_inside(sources.file(id), options.embedded.as_deref(), templates);
    let mut load = Load {
        loader,
        options,
        prefix,
        configuration: Configuration {
            embedded: read.embedded().cloned(),
            ..Configuration::empty(sources, id)
        },
        files: HashMap::from([(main.to_owned(), id)]),
        extents: Vec::new(),
        open: Vec::new(),
        chain: Vec::new(),
        exceeded: Vec::new(),
        first_stand_in: None,
        has_said_beside: false,
        others: inside::by_path(main, std::mem::take(&mut read.others)),
    };
    load.file(id, read);
    load.report_stand_ins();
    load.configuration
}

impl Load<'_> {
    /// Parses a newly added file and follows its includes. Recursion is bounded by `max_depth`.
    fn file(&mut self, file: FileId, read: ReadFile) {
        let templates = self.options.templates.as_deref();
        let ParsedFile { tree, errors, said, uncertain } =
            reading::tree(&self.configuration.sources, file, read, templates);
        for diagnostic in said {
            self.report(diagnostic);
        }
        if !uncertain.is_empty() {
            self.configuration.uncertain.insert(file, uncertain);
        }
        let includes = includes(&tree);
        self.configuration.trees.push(tree);
        self.extents.push(Extent { depth: 1, inclusions: 1 });
        self.open.push(file);
        let mut errors = errors.into_iter().peekable();
        for include in includes {
            while let Some(error) = errors.next_if(|e| e.nginx_place().start < include.end) {
                self.syntax_error(error);
            }
            let files = self.include(&include);
            self.configuration.inclusions.insert(include.id, files);
        }
        errors.for_each(|error| self.syntax_error(error));
        self.open.pop();
    }

    /// Files of an `include`; failed inclusions are reported and left out.
    fn include(&mut self, include: &Include) -> Vec<FileId> {
        let Places { paths, instead_of } = match self.inside(include) {
            Some(paths) => Places { paths, instead_of: None },
            None => self.paths(include),
        };
        let files: Vec<FileId> =
            paths.into_iter().filter_map(|path| self.include_file(include, path)).collect();
        if let Some(written) = instead_of {
            for &file in &files {
                self.configuration.instead_of.entry(file).or_insert_with(|| written.clone());
            }
        }
        files
    }

    fn include_file(&mut self, include: &Include, path: PathBuf) -> Option<FileId> {
        let from = include.id.file;
        let known = self.files.get(&path).copied();
        if let Some(start) = known.and_then(|file| self.open.iter().position(|&f| f == file)) {
            self.report_cycle(include, start);
            return None;
        }
        let extent = known.map_or(Extent { depth: 1, inclusions: 1 }, |file| self.extents[file.index()]);
        if self.exceeds_limits(include, extent, known.is_none()) {
            return None;
        }
        let file = if let Some(file) = known {
            file
        } else {
            let (file, read) = self.read(include, &path)?;
            self.files.insert(path, file);
            self.chain.push(include.argument);
            self.file(file, read);
            self.chain.pop();
            file
        };
        let added = self.extents[file.index()];
        let extent = &mut self.extents[from.index()];
        // The file's size is known only now: it may be too much for this place.
        if extent.inclusions + added.inclusions > MAX_INCLUSIONS {
            self.report_limit(include, "inclusions", MAX_INCLUSIONS as usize);
            return None;
        }
        extent.inclusions += added.inclusions;
        extent.depth = extent.depth.max(added.depth + 1);
        Some(file)
    }

    /// Adds a new file to the sources; an error is reported.
    fn read(&mut self, include: &Include, path: &Path) -> Option<(FileId, ReadFile)> {
        if let Some(one) = self.others.get(path).cloned() {
            return Some(self.read_inside(one));
        }
        let (text, stands_in) = match (self.loader.read_included(path), self.known_text(path)) {
            (Ok(text), _) => (text, false),
            (Err(error), Some(text)) if error.kind() == io::ErrorKind::NotFound => (text.to_vec(), true),
            (Err(error), _) => {
                self.report_unreadable(include, path, &error);
                return None;
            }
        };
        let templates = self.options.templates.as_deref();
        let (file, read) = reading::add(&mut self.configuration.sources, path, text, templates);
        if stands_in {
            self.configuration.stand_ins.push(file);
            self.first_stand_in.get_or_insert_with(|| (include.argument, self.chain.clone()));
        }
        Some((file, read))
    }

    fn exceeds_limits(&mut self, include: &Include, extent: Extent, is_new: bool) -> bool {
        if self.open.len() + extent.depth > self.options.max_depth {
            self.report_limit(include, "files within each other", self.options.max_depth);
            true
        } else if is_new && self.configuration.trees.len() >= self.options.max_files {
            self.report_limit(include, "files", self.options.max_files);
            true
        } else {
            false
        }
    }
}
