//! State of a compilation: findings, variables, upstreams, and the current place.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::directive::Directive;
use super::fragment;
use super::output::{File, Options};
use super::state::States;
use crate::catalog::{self, Context, Runtime, Subsystem};
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::model::value::Variables;
use crate::model::{CoreSettings, Http, Stream, Unsupported, UpstreamId};
use crate::source::Span;
use crate::syntax::{Configuration, UnreadPlaces};
use crate::version::Version;

/// Findings above this number are counted, not kept: a generated file must not flood memory.
const MAX_DIAGNOSTICS: usize = 10_000;

/// Checks the arguments of a directive; false if it reported something.
pub(super) type Check = for<'t> fn(&mut Compiler<'t>, &Directive<'t>) -> bool;

/// Checks a level after all its own directives have been read, before its inner blocks.
pub(super) type Merge = for<'t> fn(&mut Compiler<'t>);

/// Checks that the modules register; the walk through blocks knows them only by this.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Checks arguments by their kind.
    pub(super) arguments: Check,
    /// Runs a directive's own check.
    pub(super) check: Check,
    /// True if a level keeps its directives of an id for later checks.
    pub(super) is_remembered: fn(u16) -> bool,
    /// Checks a level as nginx merges it.
    pub(super) merge: Merge,
    /// Checks a block that the model does not hold.
    pub(super) unmodelled: for<'t> fn(&mut Compiler<'t>, &Directive<'t>, Context),
}

/// The state of a compilation.
#[expect(clippy::struct_excessive_bools, reason = "each says of another thing whether it was seen")]
pub(super) struct Compiler<'t> {
    pub(super) configuration: &'t Configuration,
    pub(super) options: Options,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// `include`s that lead to the current directive.
    pub(super) includes: Rc<[Span]>,
    /// Subsystem that is being compiled: `http` or `stream`.
    pub(super) subsystem: Subsystem,
    /// Variables of `http` and of `stream`.
    pub(super) variables: [VariableTable; 2],
    /// `http` of the model.
    pub(super) http: Http,
    /// `stream` of the model. While it is compiled, its tables stand in `http`.
    pub(super) stream: Option<Stream>,
    pub(super) core: Option<CoreSettings>,
    pub(super) unsupported: Vec<Unsupported>,
    /// Heads of blocks that our runtime refuses.
    refused: HashSet<Span>,
    /// Upstreams by lower-case host, both blocks and implicit ones.
    pub(super) upstreams: HashMap<String, Vec<KnownUpstream>>,
    /// The configuration has a directive of a module that the catalog does not describe fully: it may define variables.
    pub(super) foreign_modules: bool,
    /// Modules outside of nginx that the configuration uses or loads: they may define variables.
    pub(super) loaded: HashSet<String>,
    /// True while values are compiled at the end of `http`.
    pub(super) late: bool,
    /// Modules outside open-source nginx in the configuration.
    pub(super) modules: HashSet<&'static str>,
    /// Number of directives read so far.
    pub(super) order: u32,
    /// Blocks around the current directive, outermost first.
    pub(super) levels: Vec<Scope<'t>>,
    /// Files that nginx opens at load.
    pub(super) files: Vec<File>,
    /// State of the modules: zones, pools, sockets …
    pub(super) states: States,
    /// Checks of the modules.
    pub(super) rules: Rules,
    /// See [`Compiled::same_since`].
    same_since: Cell<Version>,
    loads_modules: bool,
    loads_unknown: bool,
    /// Places of which a part was not read.
    unread: UnreadPlaces,
    /// The file is a fragment, or included files are missing: names may be defined elsewhere.
    is_fragment: bool,
    dropped: usize,
}

/// Block that is being read, with those of its own directives that later checks look up.
pub(super) struct Scope<'t> {
    pub(super) context: Context,
    /// Directive of the block; `None` for the file.
    pub(super) head: Option<Span>,
    /// Directives that [`Rules::is_remembered`] selects.
    pub(super) remembered: Vec<Directive<'t>>,
}

impl<'t> Scope<'t> {
    /// Last directive of a name in the block.
    pub(super) fn find(&self, name: &str) -> Option<&Directive<'t>> {
        self.remembered.iter().rev().find(|d| d.name() == name)
    }
}

/// Upstream, by the key of `ngx_http_upstream_add`.
#[derive(Clone, Copy)]
pub(super) struct KnownUpstream {
    pub(super) id: UpstreamId,
    /// Port written or implied in `proxy_pass`; `None` for a block, which stands for any port.
    pub(super) port: Option<u16>,
}

/// Variables of one subsystem while they are being collected.
#[derive(Default)]
pub(super) struct VariableTable {
    /// The table that goes into the model.
    pub(super) list: Variables,
    /// Names that are used but not defined yet, with the places of use.
    pub(super) undefined: HashMap<u32, Vec<Span>>,
    /// Places of use that matter only if a server inherits them.
    pub(super) late: HashSet<Span>,
}

impl<'t> Compiler<'t> {
    pub(super) fn new(configuration: &'t Configuration, options: &Options, rules: Rules) -> Self {
        Self {
            configuration,
            options: options.clone(),
            diagnostics: Vec::new(),
            includes: Rc::from([]),
            subsystem: Subsystem::Http,
            variables: Default::default(),
            http: Http::default(),
            stream: None,
            core: None,
            unsupported: Vec::new(),
            refused: HashSet::new(),
            upstreams: HashMap::new(),
            // A missing file may define names that the others use.
            foreign_modules: lacks_files(configuration),
            loaded: HashSet::new(),
            late: false,
            modules: HashSet::new(),
            order: 0,
            levels: Vec::new(),
            files: Vec::new(),
            states: States::default(),
            rules,
            same_since: Cell::new(Version::new(0, 0, 0)),
            loads_modules: configuration.trees.iter().any(loads_modules),
            loads_unknown: configuration.trees.iter().any(loads_unknown) || lacks_modules(configuration),
            unread: configuration.unread(),
            is_fragment: !options.contexts.is_empty() || is_incomplete(configuration),
            dropped: 0,
        }
    }

    pub(super) fn version(&self) -> Version {
        self.options.version
    }

    /// True if the selected version is `first` or later, where this decides the meaning of the configuration.
    pub(super) fn is_since(&self, first: Version) -> bool {
        let is_since = first <= self.options.version;
        if is_since {
            self.same_since.set(self.same_since.get().max(first));
        }
        is_since
    }

    /// Records versions that changed a decision.
    pub(super) fn note_changes(&self, changes: impl Iterator<Item = Version>) {
        for change in changes {
            self.is_since(change);
        }
    }

    /// True if a file is missing.
    pub(super) fn is_incomplete(&self) -> bool {
        lacks_files(self.configuration)
    }

    /// True if directives and parameters of a tier are accepted.
    pub(super) fn knows(&self, tier: catalog::Tier) -> bool {
        matches!(tier, catalog::Tier::OpenSource | catalog::Tier::Declared)
            || !self.options.strict_modules
            || self.loads_modules
    }

    /// True if a `load_module` may bring directives and variables that nginx does not have.
    pub(super) fn loads_modules(&self) -> bool {
        self.loads_modules
    }

    /// True if a `load_module` brings a module without known directives, or the files that load modules are not here.
    pub(super) fn loads_unknown(&self) -> bool {
        self.loads_unknown
    }

    /// True if a part of the block itself, whose head is given, was not read.
    pub(super) fn is_unread(&self, head: Span) -> bool {
        self.unread.is_part_of(head)
    }

    /// Reports a finding at the current place.
    pub(super) fn report(&mut self, mut diagnostic: Diagnostic) {
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            self.dropped += 1;
            return;
        }
        diagnostic.includes = self.includes.to_vec();
        if self.is_fragment {
            fragment::soften(&mut diagnostic);
        } else if let Some(include) = self.unread.around(diagnostic.span) {
            let name = String::from_utf8_lossy(self.configuration.sources.text(include));
            let around = self.configuration.tree(include.file).enclosing(include.start);
            let is_in_server = around.iter().any(|block| block.name().is("server"));
            fragment::hedge(&mut diagnostic, &name, is_in_server);
        }
        self.diagnostics.push(diagnostic);
    }

    /// Directive of a name in the current block itself.
    pub(super) fn here(&self, name: &str) -> Option<&Directive<'t>> {
        self.levels.last()?.find(name)
    }

    /// Directive of a name in force in the current block: its own, or that of the nearest outer block.
    pub(super) fn in_force(&self, name: &str) -> Option<&Directive<'t>> {
        self.levels.iter().rev().find_map(|level| level.find(name))
    }

    /// Position of a span in the order in which nginx reads, for comparisons.
    pub(super) fn position(&self, span: Span) -> Vec<(u32, usize)> {
        self.includes.iter().chain([&span]).map(|s| (s.start, s.file.index())).collect()
    }

    /// Variables of the current subsystem.
    pub(super) fn table(&mut self) -> &mut VariableTable {
        &mut self.variables[self.subsystem as usize]
    }

    /// Records directives that our runtime does not execute.
    pub(super) fn note_runtime(&mut self, directive: &Directive<'_>) {
        let safe_because = match directive.catalog.runtime {
            Runtime::Executed => return,
            Runtime::Ignored(reason) => Some(reason),
            Runtime::Refused => None,
        };
        if safe_because.is_none() {
            // The content of a refused block is refused with the block.
            if self.levels.iter().filter_map(|level| level.head).any(|head| self.refused.contains(&head)) {
                return;
            }
            if directive.syntax.block().is_some() {
                self.refused.insert(directive.syntax.head());
            }
        }
        let what = directive.name().to_owned();
        self.unsupported.push(Unsupported { what, span: directive.span(), safe_because });
    }

    /// Number of findings beyond [`MAX_DIAGNOSTICS`].
    pub(super) fn dropped(&self) -> usize {
        self.dropped
    }

    /// See [`Compiled::same_since`](super::Compiled::same_since).
    pub(super) fn same_since(&self) -> Version {
        self.same_since.get()
    }
}

/// True if a file is missing: it may define what is used elsewhere.
fn lacks_files(configuration: &Configuration) -> bool {
    configuration.diagnostics.iter().any(|d| d.class == Class::Environment)
}

/// True if an included file is missing and this is not an error.
fn is_incomplete(configuration: &Configuration) -> bool {
    configuration.diagnostics.iter().any(|d| d.code == "include-not-found" && d.level < Level::Error)
}

/// True for a `load_module` of a module without directives in the catalog.
fn loads_unknown(tree: &crate::syntax::Tree) -> bool {
    let mut loads = tree.root().directives().filter(|d| d.name().is("load_module"));
    loads.any(|d| d.arg(0).is_some_and(|path| !catalog::is_module(&module_of(&path.value()))))
}

/// True if an `include` of the main context that names a directory of modules brings nothing: Debian's
/// `modules-enabled/*.conf` loads the modules that are installed.
fn lacks_modules(configuration: &Configuration) -> bool {
    let root = configuration.tree(configuration.main).root();
    root.directives().any(|d| {
        d.name().is("include")
            && configuration.included(d).is_empty()
            && d.arg(0).is_some_and(|path| path.to_string().contains("modules"))
    })
}

/// Name of the module in a file of `load_module`.
pub(super) fn module_of(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    let file = path.rsplit('/').next().unwrap_or_default();
    file.strip_suffix(".so").unwrap_or(file).to_owned()
}

/// True for a `load_module`, which stands before all else in the main context.
fn loads_modules(tree: &crate::syntax::Tree) -> bool {
    tree.root().directives().any(|d| d.name().is("load_module"))
}
