//! From the main file to the configuration: `include` is followed, each file is parsed once.
//!
//! Equals `ngx_conf_include` and `ngx_conf_full_name` (`src/core/ngx_conf_file.c`), except that a file that
//! includes itself is an error: nginx dies of it.

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
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Loader, SourceMap, Span, os_path};
pub use place::FRAGMENT_DIRECTORIES;
use place::Places;
use problem::reason;

/// Bound on the inclusions that walking a configuration meets: a file may be included many times, and what
/// it includes counts each time.
const MAX_INCLUSIONS: u64 = 1_000_000;

/// How `include` is followed.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// What relative names are relative to; otherwise the directory of the main file.
    pub conf_prefix: Option<PathBuf>,
    /// Directories that lie elsewhere on this machine: a path below the first is read below the second, and where
    /// nothing is there, as if there were no map.
    pub path_maps: Vec<(PathBuf, PathBuf)>,
    /// The configuration does not lie where nginx reads it: what it includes from `/etc/nginx` is looked for beside
    /// its main file and never on this machine, and files that every nginx ships need not be there.
    pub elsewhere: bool,
    /// Files read at most.
    pub max_files: usize,
    /// Files within each other at most.
    pub max_depth: usize,
    /// Whether a main file that is the output of `nginx -T` stands for the files in it. nginx knows no such thing.
    pub dumps: bool,
    /// How templates are read; `None` if every file is as nginx will read it.
    pub templates: Option<Arc<Templates>>,
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
        }
    }
}

/// The main file could not be read.
#[derive(Debug)]
pub struct LoadError {
    /// The main file.
    pub path: PathBuf,
    /// Why.
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

/// The syntax of a whole configuration.
#[derive(Debug)]
pub struct Configuration {
    /// The text of every file.
    pub sources: SourceMap,
    /// The tree of every file, by [`FileId::index`].
    pub trees: Vec<Tree>,
    /// The file it starts with.
    pub main: FileId,
    /// What each `include` stands for; those that name no argument or several are not in it.
    pub inclusions: HashMap<DirectiveId, Vec<FileId>>,
    /// Everything found so far, in the order in which nginx would meet it: the syntax errors and the
    /// includes that could not be followed, each with the includes that lead to it.
    pub diagnostics: Vec<Diagnostic>,
    /// The syntax errors again, with nginx's words for them.
    pub syntax_errors: Vec<SyntaxError>,
    /// Whether the files come out of a dump of `nginx -T`: there is none of them to be changed.
    pub is_dump: bool,
    /// Files that are missing and that every nginx ships: known texts stand in for them.
    pub stand_ins: Vec<FileId>,
    /// Files that were read where the configuration does not say: the name as nginx would have it.
    instead_of: HashMap<FileId, PathBuf>,
    /// What only the rendering of a template decides.
    pub(super) uncertain: HashMap<FileId, Uncertain>,
}

impl Configuration {
    /// One file without what it includes.
    pub fn of_one(sources: SourceMap, tree: Tree, syntax_errors: Vec<SyntaxError>) -> Self {
        Self {
            sources,
            main: tree.file(),
            trees: vec![tree],
            inclusions: HashMap::new(),
            diagnostics: Vec::new(),
            syntax_errors,
            is_dump: false,
            stand_ins: Vec::new(),
            instead_of: HashMap::new(),
            uncertain: HashMap::new(),
        }
    }

    /// The tree of a file.
    pub fn tree(&self, file: FileId) -> &Tree {
        &self.trees[file.index()]
    }

    /// The directive of an id.
    pub fn directive(&self, id: DirectiveId) -> Option<Directive<'_>> {
        self.tree(id.file).directive(id.index)
    }

    /// Whether a known text stands in for a file that is missing.
    pub fn is_stand_in(&self, file: FileId) -> bool {
        self.stand_ins.contains(&file)
    }

    /// What an `include` names, of a file that was found in another place on this machine.
    pub fn instead_of(&self, file: FileId) -> Option<&Path> {
        self.instead_of.get(&file).map(PathBuf::as_path)
    }

    /// The files an `include` stands for, in order.
    pub fn included(&self, include: Directive<'_>) -> &[FileId] {
        self.inclusions.get(&include.id()).map_or(&[], Vec::as_slice)
    }
}

/// Reads the main file and all it includes.
///
/// # Errors
/// If the main file cannot be read. Whatever else is wrong is among the diagnostics.
pub fn load(loader: &dyn Loader, main: &Path, options: &LoadOptions) -> Result<Configuration, LoadError> {
    let text = loader.read(main).map_err(|error| LoadError { path: main.to_owned(), error })?;
    if let Some(dump) = Some(()).filter(|()| options.dumps).and_then(|()| Dump::read(&text)) {
        drop(text);
        let main = dump.main().to_owned();
        // Whatever lies where on this machine: the dump has every file that nginx read.
        let options =
            LoadOptions { conf_prefix: None, path_maps: Vec::new(), elsewhere: false, ..options.clone() };
        let mut configuration = load_text(&dump, &main, dump.read(&main).unwrap_or_default(), &options);
        configuration.report_ambiguous(&dump);
        return Ok(configuration);
    }
    Ok(load_text(loader, main, text, options))
}

/// Reads one file and nothing that it includes.
///
/// # Errors
/// If it cannot be read. Whatever else is wrong is among the diagnostics.
pub fn load_one(loader: &dyn Loader, file: &Path, templates: &Templates) -> Result<Configuration, LoadError> {
    let text = loader.read(file).map_err(|error| LoadError { path: file.to_owned(), error })?;
    let mut sources = SourceMap::default();
    let (id, read) = reading::add(&mut sources, file, text, Some(templates));
    let (tree, errors, ..) = reading::tree(&sources, id, read, true);
    Ok(Configuration::of_one(sources, tree, errors))
}

/// The same with the main file's text at hand.
fn load_text(loader: &dyn Loader, main: &Path, text: Vec<u8>, options: &LoadOptions) -> Configuration {
    let prefix =
        options.conf_prefix.clone().or_else(|| main.parent().map(Path::to_owned)).unwrap_or_default();
    let mut sources = SourceMap::default();
    let (id, read) = reading::add(&mut sources, main, text, options.templates.as_deref());
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

/// What including a file brings with it.
#[derive(Clone, Copy)]
struct Extent {
    /// Files within each other, itself counted.
    depth: usize,
    /// Inclusions in it and in what it includes, itself counted.
    inclusions: u64,
}

struct Load<'a> {
    loader: &'a dyn Loader,
    options: &'a LoadOptions,
    prefix: PathBuf,
    configuration: Configuration,
    files: HashMap<PathBuf, FileId>,
    /// By file; that of an open file is provisional.
    extents: Vec<Extent>,
    /// The files being read, the main file first.
    open: Vec<FileId>,
    /// The `include` directives that led from one of them to the next.
    chain: Vec<Span>,
    /// Limits reported: once is enough, a pattern may match a million files.
    exceeded: Vec<&'static str>,
    /// The first `include` of a file that a known text stands in for, and the includes that lead to it.
    first_stand_in: Option<(Span, Vec<Span>)>,
    /// The note that files are read beside the main file is given once.
    has_said_beside: bool,
}

/// An `include` as found in a tree.
pub(super) struct Include {
    id: DirectiveId,
    /// Up to here nginx has read when it opens the file.
    end: u32,
    argument: Span,
    pub(super) name: Vec<u8>,
}

impl Load<'_> {
    /// Parses a file just added and follows what it includes. Recursion is bounded by `max_depth`.
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

    /// The files an `include` stands for; what could not be included is reported and left out.
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

    /// glob(3): byte order, nothing if nothing matches.
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
            let (text, stands_in) = match (self.loader.read(&path), self.known_text(&path)) {
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
        // What the file brings is known only now: it may be too much for this place.
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

/// Every `include` with one argument, in order. In the bodies of `split_clients` and `charset_map` the
/// word is an ordinary entry: their handlers do not know it.
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

/// Whether `include` takes a name as a pattern.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|b| b"*?[".contains(b))
}

/// `ngx_get_full_name`: the prefix before a name that does not start with `/`.
pub(super) fn full_name(prefix: &Path, name: &[u8]) -> PathBuf {
    if name.is_empty() { directory(prefix).to_owned() } else { prefix.join(os_path(name)) }
}

fn directory(prefix: &Path) -> &Path {
    if prefix.as_os_str().is_empty() { Path::new(".") } else { prefix }
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
