//! What the compiler knows while it walks: findings, variables, upstreams, and where it is.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::directive::Directive;
use super::{Compiled, Options, fragment};
use crate::catalog::{self, Context, Runtime, Subsystem};
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::model::value::Variables;
use crate::model::{Config, CoreSettings, Http, Unsupported, UpstreamId};
use crate::source::Span;
use crate::syntax::Configuration;
use crate::version::Version;

/// Findings above this number are counted, not kept: a generated file must not flood memory.
const MAX_DIAGNOSTICS: usize = 10_000;

/// The state of a compilation.
#[expect(clippy::struct_excessive_bools, reason = "each says of another thing whether it was seen")]
pub(super) struct Compiler<'t> {
    pub(super) configuration: &'t Configuration,
    pub(super) options: Options,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The `include`s through which the directive at hand was reached.
    pub(super) includes: Rc<[Span]>,
    /// Whether `http` or `stream` is being compiled.
    pub(super) subsystem: Subsystem,
    /// Variables of `http` and of `stream`.
    pub(super) variables: [VariableTable; 2],
    /// What the model will hold.
    pub(super) http: Http,
    pub(super) core: Option<CoreSettings>,
    pub(super) unsupported: Vec<Unsupported>,
    /// Upstreams by lower-case host, blocks and implicit ones.
    pub(super) upstreams: HashMap<String, Vec<KnownUpstream>>,
    /// A directive of a module that we do not know inside out was seen: it may define variables.
    pub(super) foreign_modules: bool,
    /// The values at hand are compiled when `http` ends.
    pub(super) late: bool,
    /// Modules outside open-source nginx that were seen.
    pub(super) modules: HashSet<&'static str>,
    /// Directives that have been read.
    pub(super) order: u32,
    /// The blocks around the directive at hand, outermost first.
    pub(super) levels: Vec<Scope<'t>>,
    /// Files that nginx opens at load.
    pub(super) files: Vec<super::host::File>,
    /// Names that one directive defines and others use: zones, pools, sockets.
    pub(super) names: Names,
    /// See [`Compiled::same_since`].
    same_since: Cell<Version>,
    loads_modules: bool,
    loads_unknown: bool,
    /// It is a fragment, or files are missing that lie elsewhere: they may define what it uses.
    is_fragment: bool,
    dropped: usize,
}

/// A block that is being read: what stands directly in it, as far as later checks ask for it.
pub(super) struct Scope<'t> {
    pub(super) context: Context,
    /// The block's directive; none for the file.
    pub(super) head: Option<Span>,
    /// The directives that [`super::checks::is_remembered`] names.
    pub(super) remembered: Vec<Directive<'t>>,
}

impl<'t> Scope<'t> {
    /// The last directive of a name in the block.
    pub(super) fn find(&self, name: &str) -> Option<&Directive<'t>> {
        self.remembered.iter().rev().find(|d| d.name() == name)
    }
}

/// Names that one directive defines and others use.
#[derive(Default)]
pub(super) struct Names {
    pub(super) zones: HashMap<Vec<u8>, super::zone::Zone>,
    pub(super) sockets: super::socket::Sockets,
    pub(super) thread_pools: HashMap<Vec<u8>, Span>,
    /// `log_format`s of `stream`.
    pub(super) stream_formats: HashMap<Vec<u8>, Span>,
    /// Patterns that compile.
    pub(super) patterns: HashSet<(Vec<u8>, bool)>,
    pub(super) stream_upstreams: HashMap<String, Span>,
    /// Of the servers of `stream`, by their number among all servers.
    pub(super) of_stream: HashMap<usize, Vec<(String, Span)>>,
    pub(super) charset_maps: HashSet<(Vec<u8>, Vec<u8>)>,
    /// Where in the reading order each `log_format` of http stands.
    pub(super) format_places: HashMap<Vec<u8>, Vec<(u32, usize)>>,
    /// Server names that a hash cannot hold.
    pub(super) no_wildcards: Vec<super::server::NoWildcard>,
    /// Sizes of hash tables.
    pub(super) hash_sizes: super::hash::Sizes,
    /// Files that buffered access logs write, and with what parameters.
    pub(super) buffered_logs: HashMap<(Subsystem, String), (super::log_target::Buffered, Span)>,
    /// Directories of caches and temporary files.
    pub(super) paths: HashMap<Vec<u8>, super::paths::Known>,
    /// Charsets that a response is to be converted between, with the place of the first.
    pub(super) recodes: Vec<super::charset::Recode>,
    /// Masks of `worker_cpu_affinity`.
    pub(super) affinity: Option<(u64, Span)>,
    /// Thread pools that `aio` uses.
    pub(super) used_pools: Vec<(Vec<u8>, Span, Rc<[Span]>)>,
    /// Addresses without a port.
    pub(super) unported: Vec<super::pass::Unported>,
}

/// An upstream as `ngx_http_upstream_add` tells them apart.
#[derive(Clone, Copy)]
pub(super) struct KnownUpstream {
    pub(super) id: UpstreamId,
    /// Port written or implied in `proxy_pass`; `None` for a block, which any port means.
    pub(super) port: Option<u16>,
}

/// Variables of one subsystem while they are being collected.
#[derive(Default)]
pub(super) struct VariableTable {
    /// The table that goes into the model.
    pub(super) list: Variables,
    /// Names that were used and that nothing has defined yet, with the places of use.
    pub(super) undefined: HashMap<u32, Vec<Span>>,
    /// Places of use that matter only where a server inherits them.
    pub(super) late: HashSet<Span>,
}

impl<'t> Compiler<'t> {
    pub(super) fn new(configuration: &'t Configuration, options: &Options) -> Self {
        Self {
            configuration,
            options: options.clone(),
            diagnostics: Vec::new(),
            includes: Rc::from([]),
            subsystem: Subsystem::Http,
            variables: Default::default(),
            http: Http::default(),
            core: None,
            unsupported: Vec::new(),
            upstreams: HashMap::new(),
            // A file that is missing may define what the rest uses.
            foreign_modules: configuration.diagnostics.iter().any(|d| d.class == Class::Environment),
            late: false,
            modules: HashSet::new(),
            order: 0,
            levels: Vec::new(),
            files: Vec::new(),
            names: Names::default(),
            same_since: Cell::new(Version::new(0, 0, 0)),
            loads_modules: configuration.trees.iter().any(loads_modules),
            loads_unknown: configuration.trees.iter().any(loads_unknown),
            is_fragment: !options.contexts.is_empty() || is_incomplete(configuration),
            dropped: 0,
        }
    }

    pub(super) fn version(&self) -> Version {
        self.options.version
    }

    /// Whether the selected version is `first` or a later one, where that decides what the configuration means.
    pub(super) fn is_since(&self, first: Version) -> bool {
        let is_since = first <= self.options.version;
        if is_since {
            self.same_since.set(self.same_since.get().max(first));
        }
        is_since
    }

    /// Notes the versions that changed what decides.
    pub(super) fn note_changes(&self, changes: impl Iterator<Item = Version>) {
        for change in changes {
            self.is_since(change);
        }
    }

    /// Whether directives and parameters of a tier are accepted.
    pub(super) fn knows(&self, tier: catalog::Tier) -> bool {
        tier == catalog::Tier::OpenSource || !self.options.strict_modules || self.loads_modules
    }

    /// Whether a `load_module` may bring directives and variables that nginx has not.
    pub(super) fn loads_modules(&self) -> bool {
        self.loads_modules
    }

    /// Whether a `load_module` brings a module of which no directive is known.
    pub(super) fn loads_unknown(&self) -> bool {
        self.loads_unknown
    }

    /// Reports a finding at the current place of the walk.
    pub(super) fn report(&mut self, mut diagnostic: Diagnostic) {
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            self.dropped += 1;
            return;
        }
        diagnostic.includes = self.includes.to_vec();
        if self.is_fragment {
            fragment::soften(&mut diagnostic);
        }
        self.diagnostics.push(diagnostic);
    }

    /// A directive of a name that stands directly in the block at hand.
    pub(super) fn here(&self, name: &str) -> Option<&Directive<'t>> {
        self.levels.last()?.find(name)
    }

    /// The directive of a name that holds in the block at hand: its own, or that of the nearest block around.
    pub(super) fn in_force(&self, name: &str) -> Option<&Directive<'t>> {
        self.levels.iter().rev().find_map(|level| level.find(name))
    }

    /// Where a place comes in the order in which nginx reads, for comparing.
    pub(super) fn position(&self, span: Span) -> Vec<(u32, usize)> {
        self.includes.iter().chain([&span]).map(|s| (s.start, s.file.index())).collect()
    }

    /// The variables of the subsystem at hand.
    pub(super) fn table(&mut self) -> &mut VariableTable {
        &mut self.variables[self.subsystem as usize]
    }

    /// Notes what our runtime does not execute.
    pub(super) fn note_runtime(&mut self, directive: &Directive<'_>) {
        let safe_because = match directive.catalog.runtime {
            Runtime::Executed => return,
            Runtime::Ignored(reason) => Some(reason),
            Runtime::Refused => None,
        };
        let what = directive.name().to_owned();
        self.unsupported.push(Unsupported { what, span: directive.span(), safe_because });
    }

    /// The result: resolves what had to wait until everything was known.
    pub(super) fn finish(mut self) -> Compiled {
        super::pass::report_unported(&mut self);
        super::names::report_stream_conflicts(&mut self);
        super::socket::report_missing_certificates(&mut self);
        super::charset::report_unmapped(&mut self);
        super::names::report_conflicts(&mut self);
        super::core::report_processes(&mut self);
        super::core::report_pools(&mut self);
        super::zone::report_undefined(&mut self);
        super::value::report_undefined(&mut self);
        super::hash::variables(&mut self);
        if self.dropped > 0 {
            let span = self.diagnostics[0].span;
            let message = format!("{} more findings are not shown", self.dropped);
            self.diagnostics.push(Diagnostic::new(
                "too-many-findings",
                Class::Configuration,
                Level::Info,
                span,
                message,
            ));
        }
        let core = self.core.take().unwrap_or_else(|| super::settings::core_defaults(self.options.version));
        let [http_variables, _] = self.variables;
        self.http.variables = http_variables.list;
        let config = Config {
            version: self.options.version,
            core,
            http: self.http,
            unsupported: self.unsupported,
            embedded: std::collections::BTreeMap::new(),
        };
        let same_since = self.same_since.get();
        Compiled { config, diagnostics: self.diagnostics, files: self.files, same_since }
    }
}

/// Whether an included file is missing that need not be here.
fn is_incomplete(configuration: &Configuration) -> bool {
    configuration.diagnostics.iter().any(|d| d.code == "include-not-found" && d.level < Level::Error)
}

/// A `load_module` of a module that no directive of the catalog belongs to.
fn loads_unknown(tree: &crate::syntax::Tree) -> bool {
    tree.root().directives().filter(|d| d.name().is("load_module")).any(|d| {
        let Some(path) = d.arg(0).map(crate::syntax::Word::value) else { return false };
        let path = String::from_utf8_lossy(&path);
        let file = path.rsplit('/').next().unwrap_or_default();
        !catalog::is_module(file.strip_suffix(".so").unwrap_or(file))
    })
}

/// `load_module` stands before anything else, in the main context.
fn loads_modules(tree: &crate::syntax::Tree) -> bool {
    tree.root().directives().any(|d| d.name().is("load_module"))
}
