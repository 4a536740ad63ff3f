//! From the main file to the configuration: `include`s are followed, each file is parsed once.
//!
//! Equivalent of `ngx_conf_include` and `ngx_conf_full_name` (`src/core/ngx_conf_file.c`), except that a file that
//! includes itself is an error: nginx crashes.

mod place;
mod problem;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ast::{Directive, DirectiveId, Terminator, Tree};
use super::dump::Dump;
use super::error::SyntaxError;
use super::reading::{self, Read, Uncertain};
use super::template::Templates;
use super::yaml::Embedded;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Loader, SourceMap, Span, os_path};
pub use place::FRAGMENT_DIRECTORIES;
use place::Places;
use problem::reason;

/// Most inclusions in a walk over the configuration: a file may be included many times, and its own includes count each
/// time.
const MAX_INCLUSIONS: u64 = 1_000_000;

/// Options for loading a configuration.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Base directory of relative names; otherwise the directory of the main file.
    pub conf_prefix: Option<PathBuf>,
    /// Moved directories: a path below the first is read below the second; a path that does not exist there is read as
    /// if there were no map.
    pub path_maps: Vec<(PathBuf, PathBuf)>,
    /// The configuration is not in the place where nginx reads it: includes from `/etc/nginx` are looked for beside its
    /// main file and never on this machine, and files that every nginx ships may be missing.
    pub elsewhere: bool,
    /// Largest number of files.
    pub max_files: usize,
    /// Deepest nesting of includes.
    pub max_depth: usize,
    /// A main file that is the output of `nginx -T` is read as the files in it. nginx itself does not do this.
    pub dumps: bool,
    /// Reading of templates; `None`: every file is read as nginx will read it.
    pub templates: Option<Arc<Templates>>,
    /// The configuration that is meant in a main file that is YAML; `None` for the only one.
    pub embedded: Option<String>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            conf_prefix: None,
            path_maps: Vec::new(),
            elsewhere: false,
            max_files: 10_000,
            max_depth: 64,
            dumps: true,
            templates: None,
            embedded: None,
        }
    }
}

/// Error: the main file could not be read.
#[derive(Debug)]
pub struct LoadError {
    /// Path of the main file.
    pub path: PathBuf,
    /// Error of the operating system.
    pub error: io::Error,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path.display(), reason(&self.error))
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Syntax of a whole configuration.
#[derive(Debug)]
pub struct Configuration {
    /// Text of every file.
    pub sources: SourceMap,
    /// Tree of every file, by [`FileId::index`].
    pub trees: Vec<Tree>,
    /// Main file.
    pub main: FileId,
    /// Included files of each `include`; an `include` with no argument or several is not in the map.
    pub inclusions: HashMap<DirectiveId, Vec<FileId>>,
    /// Findings so far, in the order in which nginx would meet them: syntax errors and failed includes, each with the
    /// includes that lead to it.
    pub diagnostics: Vec<Diagnostic>,
    /// Syntax errors again, with nginx's messages.
    pub syntax_errors: Vec<SyntaxError>,
    /// The files come from a dump of `nginx -T`: none of them can be changed.
    pub is_dump: bool,
    /// The place of the configuration in a main file that is YAML; what is around it is blank in the tree.
    pub embedded: Option<Embedded>,
    /// Missing files that every nginx ships: known texts replace them.
    pub stand_ins: Vec<FileId>,
    /// Files that were read from another place than the configuration names: the path for nginx.
    instead_of: HashMap<FileId, PathBuf>,
    /// Texts that only the rendering of a template decides.
    pub(super) uncertain: HashMap<FileId, Uncertain>,
}

impl Configuration {
    /// Configuration of one file without its includes.
    pub fn of_one(sources: SourceMap, tree: Tree, syntax_errors: Vec<SyntaxError>) -> Self {
        Self {
            sources,
            main: tree.file(),
            trees: vec![tree],
            inclusions: HashMap::new(),
            diagnostics: Vec::new(),
            syntax_errors,
            is_dump: false,
            embedded: None,
            stand_ins: Vec::new(),
            instead_of: HashMap::new(),
            uncertain: HashMap::new(),
        }
    }

    /// Tree of a file.
    pub fn tree(&self, file: FileId) -> &Tree {
        &self.trees[file.index()]
    }

    /// Directive of an id.
    pub fn directive(&self, id: DirectiveId) -> Option<Directive<'_>> {
        self.tree(id.file).directive(id.index)
    }

    /// True if a known text replaces a missing file.
    pub fn is_stand_in(&self, file: FileId) -> bool {
        self.stand_ins.contains(&file)
    }

    /// Path that an `include` names, for a file that was read from another place on this machine.
    pub fn instead_of(&self, file: FileId) -> Option<&Path> {
        self.instead_of.get(&file).map(PathBuf::as_path)
    }

    /// Files of an `include`, in order.
    pub fn included(&self, include: Directive<'_>) -> &[FileId] {
        self.inclusions.get(&include.id()).map_or(&[], Vec::as_slice)
    }
}

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
        let options =
            LoadOptions { conf_prefix: None, path_maps: Vec::new(), elsewhere: false, ..options.clone() };
        let mut configuration = load_text(&dump, &main, dump.read(&main).unwrap_or_default(), &options);
        configuration.report_ambiguous(&dump);
        return Ok(configuration);
    }
    Ok(load_text(loader, main, text, options))
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
    let (tree, errors, ..) = reading::tree(&sources, id, read, true);
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
            sources,
            trees: Vec::new(),
            main: id,
            inclusions: HashMap::new(),
            diagnostics: Vec::new(),
            syntax_errors: Vec::new(),
            is_dump: false,
            embedded: read.embedded().cloned(),
            stand_ins: Vec::new(),
            instead_of: HashMap::new(),
            uncertain: HashMap::new(),
        },
        files: HashMap::from([(main.to_owned(), id)]),
        extents: Vec::new(),
        open: Vec::new(),
        chain: Vec::new(),
        exceeded: Vec::new(),
        first_stand_in: None,
        has_said_beside: false,
    };
    load.file(id, read);
    load.report_stand_ins();
    load.configuration
}

/// Size of a file with its includes.
#[derive(Clone, Copy)]
struct Extent {
    /// Deepest nesting, the file itself counted.
    depth: usize,
    /// Number of inclusions, the file itself counted.
    inclusions: u64,
}

struct Load<'a> {
    loader: &'a dyn Loader,
    options: &'a LoadOptions,
    prefix: PathBuf,
    configuration: Configuration,
    files: HashMap<PathBuf, FileId>,
    /// Sizes by file; that of an open file is provisional.
    extents: Vec<Extent>,
    /// Files being read, the main file first.
    open: Vec<FileId>,
    /// `include` directives that lead from each open file to the next.
    chain: Vec<Span>,
    /// Limits already reported: a pattern may match a million files.
    exceeded: Vec<&'static str>,
    /// First `include` of a file that a known text replaces, and the includes that lead to it.
    first_stand_in: Option<(Span, Vec<Span>)>,
    /// The note about files beside the main file has been given.
    has_said_beside: bool,
}

/// `include` found in a tree.
pub(super) struct Include {
    id: DirectiveId,
    /// Offset up to which nginx has read when it opens the file.
    end: u32,
    argument: Span,
    pub(super) name: Vec<u8>,
}

impl Load<'_> {
    /// Parses a newly added file and follows its includes. Recursion is bounded by `max_depth`.
    fn file(&mut self, file: FileId, read: Read) {
        let templates = self.options.templates.is_some();
        let (tree, errors, said, uncertain) =
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

    fn syntax_error(&mut self, mut error: SyntaxError) {
        error.diagnostic.includes.clone_from(&self.chain);
        self.configuration.diagnostics.push(error.diagnostic.clone());
        self.configuration.syntax_errors.push(error);
    }

    fn report(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.includes.clone_from(&self.chain);
        self.configuration.diagnostics.push(diagnostic);
    }

    /// Files of an `include`; failed inclusions are reported and left out.
    fn include(&mut self, include: &Include) -> Vec<FileId> {
        let Places { paths, instead_of } = self.paths(include);
        let files: Vec<FileId> =
            paths.into_iter().filter_map(|path| self.include_file(include, path)).collect();
        if let Some(written) = instead_of {
            for &file in &files {
                self.configuration.instead_of.entry(file).or_insert_with(|| written.clone());
            }
        }
        files
    }

    /// glob(3): byte order, empty without a match.
    fn matches(&self, pattern: &Path) -> Vec<PathBuf> {
        let mut paths = self.loader.glob(pattern).unwrap_or_default();
        paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
        paths
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
            let (text, stands_in) = match (self.loader.read_included(&path), self.known_text(&path)) {
                (Ok(text), _) => (text, false),
                (Err(error), Some(text)) if error.kind() == io::ErrorKind::NotFound => (text.to_vec(), true),
                (Err(error), _) => {
                    self.report_unreadable(include, &path, &error);
                    return None;
                }
            };
            let templates = self.options.templates.as_deref();
            let (file, read) = reading::add(&mut self.configuration.sources, &path, text, templates);
            if stands_in {
                self.configuration.stand_ins.push(file);
                self.first_stand_in.get_or_insert_with(|| (include.argument, self.chain.clone()));
            }
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

/// All `include`s with one argument, in order. In the bodies of `split_clients` and `charset_map` the word is an
/// ordinary entry: their handlers have no `include`.
pub(super) fn includes(tree: &Tree) -> Vec<Include> {
    let mut includes = Vec::new();
    let mut foreign_until = 0;
    for directive in tree.directives() {
        let name = directive.name();
        if let Some(block) = directive.block() {
            if name.is("split_clients") || name.is("charset_map") {
                foreign_until = foreign_until.max(block.span().end);
            }
            continue;
        }
        let is_include = name.is("include") && directive.terminator() != Terminator::Block;
        if !is_include || directive.args().len() != 1 || directive.head().start < foreign_until {
            continue;
        }
        if let Some(argument) = directive.arg(0) {
            includes.push(Include {
                id: directive.id(),
                end: directive.span().end,
                argument: argument.span(),
                name: argument.value().into_owned(),
            });
        }
    }
    includes
}

/// True if `include` treats a name as a pattern.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|b| b"*?[".contains(b))
}

/// `ngx_get_full_name`: adds the prefix to a name that does not start with `/`.
pub(super) fn full_name(prefix: &Path, name: &[u8]) -> PathBuf {
    if name.is_empty() { directory(prefix).to_owned() } else { prefix.join(os_path(name)) }
}

fn directory(prefix: &Path) -> &Path {
    if prefix.as_os_str().is_empty() { Path::new(".") } else { prefix }
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
