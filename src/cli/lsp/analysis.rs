//! The configurations that the open files belong to, read, judged and compiled.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::documents::Documents;
use super::index::Names;
use super::reuse::Reuse;
use crate::behaviour::witness::place;
use crate::catalog::Context;
use crate::cli::estate::{self, Root};
use crate::cli::lint::{LintProfile, LintedConfiguration};
use crate::cli::meaning::Meaning;
use crate::cli::show::url;
use crate::cli::{Failure, fix, paths, show};
use crate::diagnostic::Diagnostic;
use crate::eval::select::ServerId;
use crate::model::Config;
use crate::simulate::walk::RoutingConfiguration;
use crate::source::{FileId, Span};
use crate::syntax::{Configuration, Directive};
use crate::version::Version;

/// All configurations of the open files.
#[derive(Default)]
pub(super) struct Analysis {
    pub(super) configurations: Vec<Analysed>,
    /// Reason why a configuration could not be judged, such as a wrong settings file.
    pub(super) failures: Vec<String>,
}

/// A configuration.
pub(super) struct Analysed {
    pub(super) judged: LintedConfiguration,
    files: HashMap<PathBuf, Vec<FileId>>,
    parents: HashMap<FileId, Span>,
    model: OnceCell<Arc<Config>>,
    ground: OnceCell<Option<RoutingConfiguration>>,
    names: OnceCell<Names>,
    reuse: OnceCell<Reuse>,
    urls: RefCell<HashMap<ServerId, Vec<(Span, String)>>>,
    /// Fixes that were tried, by the position of their finding: the reason against each, if there is one.
    tried: RefCell<HashMap<usize, Option<String>>>,
}

impl Analysis {
    /// Reads and judges the configurations.
    pub(super) fn new(judge: &LintProfile<'_>, roots: &[Root], documents: &Documents) -> Self {
        let mut analysis = Analysis::default();
        for root in roots {
            match judge.findings(&root.of_all_files(), documents) {
                Ok(judged) => analysis.configurations.push(Analysed::new(judged)),
                Err(failure) => analysis.failures.push(text(&failure)),
            }
        }
        analysis
    }

    /// Configurations that a file belongs to, with its id in each.
    pub(super) fn of<'a>(&'a self, path: &Path) -> impl Iterator<Item = (&'a Analysed, FileId)> + use<'a> {
        let identity = paths::identity(path);
        self.configurations.iter().filter_map(move |one| Some((one, *one.files.get(&identity)?.first()?)))
    }
}

/// The main files around the open files, or why they cannot be found: then each file is judged alone.
pub(super) fn roots(meaning: &Meaning, documents: &Documents) -> (Vec<Root>, Option<String>) {
    let files: Vec<PathBuf> = documents.all().map(|document| document.path.clone()).collect();
    if files.is_empty() {
        return (Vec::new(), None);
    }
    match estate::roots_in(&files, meaning, documents) {
        Ok(roots) => (roots, None),
        Err(failure) => (files.iter().map(|file| Root::alone(file)).collect(), Some(text(&failure))),
    }
}

impl Analysed {
    fn new(judged: LintedConfiguration) -> Self {
        let configuration = &judged.configuration;
        let mut files: HashMap<PathBuf, Vec<FileId>> = HashMap::new();
        for (id, file) in configuration.sources.files().filter(|(id, _)| !configuration.is_stand_in(*id)) {
            files.entry(paths::identity(&file.path)).or_default().push(id);
        }
        let mut parents = HashMap::new();
        for (id, included) in &configuration.inclusions {
            let Some(include) = configuration.directive(*id) else { continue };
            for file in included {
                parents.entry(*file).or_insert(include.head());
            }
        }
        let (model, ground, names) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let (reuse, urls, tried) = (OnceCell::new(), RefCell::default(), RefCell::default());
        Self { judged, files, parents, model, ground, names, reuse, urls, tried }
    }

    /// The configuration as written.
    pub(super) fn configuration(&self) -> &Configuration {
        &self.judged.configuration
    }

    /// True if a file, by its identity, belongs to the configuration.
    pub(super) fn has(&self, identity: &Path) -> bool {
        self.files.contains_key(identity)
    }

    /// True if the same is found in a file of the configuration.
    pub(super) fn has_finding(&self, identity: &Path, finding: &Diagnostic) -> bool {
        let ids = self.files.get(identity).map_or(&[][..], Vec::as_slice);
        let place = |one: &Diagnostic| (one.code, one.span.start, one.span.end);
        self.judged.findings.iter().any(|own| {
            ids.contains(&own.span.file) && place(own) == place(finding) && own.message == finding.message
        })
    }

    /// Reason why the fix of a finding would do what it is not for.
    pub(super) fn problem(&self, finding: usize, documents: &Documents) -> Option<String> {
        if let Some(known) = self.tried.borrow().get(&finding) {
            return known.clone();
        }
        let found = fix::problem(&self.judged, self.judged.findings.get(finding)?, documents);
        let problem = found.unwrap_or_else(|failure| Some(text(&failure)));
        self.tried.borrow_mut().insert(finding, problem.clone());
        problem
    }

    /// Version of nginx that the configuration is judged for.
    pub(super) fn version(&self) -> Version {
        self.judged.ground.meaning.version()
    }

    /// The compiled configuration.
    pub(super) fn model(&self) -> &Arc<Config> {
        self.model.get_or_init(|| {
            let meaning = &self.judged.ground.meaning;
            Arc::new(meaning.compile(&self.judged.configuration, meaning.version()).config)
        })
    }

    /// The configuration prepared for routing; `None` if an expression in it does not compile.
    pub(super) fn ground(&self) -> Option<&RoutingConfiguration> {
        self.ground.get_or_init(|| RoutingConfiguration::new(Arc::clone(self.model())).ok()).as_ref()
    }

    /// Names that the configuration defines and uses.
    pub(super) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(self.configuration(), &self.outer_contexts()))
    }

    /// A URL for each place of a server that some request reaches, by the head of the location or server.
    pub(super) fn urls(&self, server: ServerId) -> Vec<(Span, String)> {
        if let Some(known) = self.urls.borrow().get(&server) {
            return known.clone();
        }
        let Some(ground) = self.ground() else { return Vec::new() };
        let reached = place::of_server(&ground.router, self.model(), server);
        let urls = reached.into_iter().filter_map(|one| {
            let span = match one.location {
                Some(location) => ground.router.get(location).span,
                None => self.model().http.servers[one.server.0 as usize].span,
            };
            let url = url::of_reached(&ground.router.listen(one.address).listen, &one);
            show::ends_at(ground, &url, one.location).then_some((span, url))
        });
        let urls: Vec<_> = urls.collect();
        self.urls.borrow_mut().insert(server, urls.clone());
        urls
    }

    /// The server that a block is in or is, by its head.
    pub(super) fn server_of(&self, head: Span) -> Option<ServerId> {
        let at = self.model().http.servers.iter().position(|server| server.span == head)?;
        Some(ServerId(at as u32))
    }

    /// Reuse of the connections to upstreams.
    pub(super) fn reuse(&self) -> &Reuse {
        self.reuse.get_or_init(|| Reuse::of(self.model(), &self.judged.configuration))
    }

    /// Blocks and directives that a place lies in, those of the including files too, outermost first.
    pub(super) fn around(&self, file: FileId, offset: u32) -> Vec<Directive<'_>> {
        let mut chain = vec![self.judged.configuration.tree(file).enclosing(offset)];
        let mut inner = file;
        // A file that includes itself has no end.
        let mut seen = HashSet::from([file]);
        while let Some(include) = self.parents.get(&inner).filter(|include| seen.insert(include.file)) {
            let mut outer = self.judged.configuration.tree(include.file).enclosing(include.start);
            outer.pop();
            chain.push(outer);
            inner = include.file;
        }
        chain.into_iter().rev().flatten().collect()
    }

    /// Blocks of the including files around a whole file, outermost first.
    pub(super) fn around_file(&self, file: FileId) -> Vec<Directive<'_>> {
        let mut around = self.around(file, 0);
        around.retain(|block| block.head().file != file);
        around
    }

    /// Meaning of the files of the configuration: version, settings, paths.
    pub(super) fn meaning(&self) -> &Meaning {
        &self.judged.ground.meaning
    }

    /// Blocks around the whole main file: those of a fragment.
    pub(super) fn outer_contexts(&self) -> Vec<Context> {
        self.judged.ground.meaning.contexts(&self.judged.configuration)
    }
}

/// A failure in one line.
pub(super) fn text(failure: &Failure) -> String {
    match &failure.help {
        Some(help) => format!("{}; {help}", failure.message),
        None => failure.message.clone(),
    }
}
