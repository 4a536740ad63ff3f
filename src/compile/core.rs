//! The main context and `events`.

use std::collections::HashMap;
use std::rc::Rc;

use super::argument::{digits, refuse};
use super::block::{self, Blocks};
use super::directive::Directive;
use super::output::File;
use super::scope::{Check, Compiler};
use super::{charset, geo, http, map, settings, split_clients, stream, types};
use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, FaultPhase};
use crate::model::CoreSettings;
use crate::model::core::WorkerProcesses;
use crate::source::Span;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("worker_connections", worker_connections),
    ("worker_cpu_affinity", cpu_affinity),
    ("worker_priority", priority),
    ("thread_pool", thread_pool),
    ("load_module", load_module),
];

/// Workers and thread pools, for the checks at the end.
#[derive(Default)]
struct Processes {
    /// Number of words of `worker_cpu_affinity` with its masks.
    affinity: Option<(u64, Span)>,
    /// Thread pools.
    pools: HashMap<Vec<u8>, Span>,
    /// Thread pools that `aio` uses.
    used_pools: Vec<(Vec<u8>, Span, Rc<[Span]>)>,
}

/// Compiles the whole file, as if it stood in the blocks that the options name.
pub(super) fn configuration(cx: &mut Compiler<'_>) {
    let core = settings::core_defaults(cx.version());
    let mut main = Main { core, has_events: false };
    let tree = cx.configuration.tree(cx.configuration.main);
    let root = tree.root();
    let context = cx.options.contexts.last().copied().unwrap_or(Context::Main);
    match context {
        Context::Main => {
            block::directives(cx, root, Context::Main, &mut main);
            // No `events` in these cases is not an error: a syntax error may have hidden the block, a file declared as
            // a part of the main context has it elsewhere, and a file of comments only is meant to be included.
            let is_part = !cx.options.contexts.is_empty();
            let is_called_main = cx
                .configuration
                .sources
                .file(cx.configuration.main)
                .path
                .file_name()
                .is_some_and(|n| n == "nginx.conf");
            let is_empty =
                root.directives().next().is_none() && !cx.options.strict_modules && !is_called_main;
            if !main.has_events && !is_part && !is_empty && cx.configuration.syntax_errors.is_empty() {
                report_no_events(cx);
            }
        }
        Context::Http | Context::Server | Context::Location | Context::Upstream => {
            http::fragment(cx, root, context);
        }
        Context::Map => map::fragment(cx, root),
        Context::Geo => geo::check(cx, root),
        Context::Types => types::fragment(cx, root),
        Context::CharsetMap => charset::fragment(cx, root),
        Context::Stream | Context::StreamServer | Context::StreamUpstream => {
            stream::fragment(cx, root, context);
        }
        Context::SplitClients => split_clients::fragment(cx, root),
        _ => block::directives(cx, root, context, &mut block::Unmodelled),
    }
    cx.core = Some(main.core);
}

struct Main {
    core: CoreSettings,
    has_events: bool,
}

impl<'t> Blocks<'t> for Main {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        settings::read_core(cx, &mut self.core, directive)
    }

    fn block(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        let Some(inner) = directive.syntax.block() else { return true };
        match directive.name() {
            "events" => {
                self.has_events = true;
                block::directives(cx, inner, Context::Events, self);
                true
            }
            "http" => {
                http::http(cx, directive, inner);
                true
            }
            "stream" => {
                stream::stream(cx, directive, inner);
                true
            }
            _ => false,
        }
    }
}

fn report_no_events(cx: &mut Compiler<'_>) {
    let main = cx.configuration.main;
    let end = cx.configuration.sources.file(main).text.len();
    cx.report(
        Diagnostic::error(
            "no-events",
            Span::new(main, end, end),
            "the configuration has no `events` block, which nginx demands",
        )
        .label("expected `events { }` before the end of the file")
        .help("add `events { }`; for a file that is included somewhere, say where: `--context main`, `--context http`")
        .nginx("no \"events\" section in configuration")
        .when(FaultPhase::EndOfFile),
    );
}

fn worker_connections<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    match digits(&directive.arg(1)) {
        Some(0) => {
            let message = "no worker may open a connection";
            let diagnostic = Diagnostic::error("invalid-value", directive.arg_span(1), message)
                .label("expected a number from 1")
                .nginx("0 worker_connections are not enough for 0 listening sockets")
                .when(FaultPhase::EndOfFile);
            cx.report(diagnostic);
            false
        }
        _ => true,
    }
}

/// `ngx_set_cpu_affinity`
fn cpu_affinity<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let auto = *directive.arg(1) == *b"auto";
    if auto && directive.len() > 2 {
        let nginx = "invalid number of arguments in \"worker_cpu_affinity\" directive";
        return refuse(cx, directive, 3, "one mask behind `auto`", nginx);
    }
    for (n, text) in directive.args_from(if auto { 2 } else { 1 }) {
        if text.len() > 1024 {
            let nginx = "\"worker_cpu_affinity\" supports up to 1024 CPUs only";
            return refuse(cx, directive, n, "at most 1024 digits", nginx);
        }
        // nginx reads the mask from its end.
        if let Some(&other) = text.iter().rev().find(|b| !matches!(b, b' ' | b'0' | b'1')) {
            let nginx = format!("invalid character \"{}\" in \"worker_cpu_affinity\"", char::from(other));
            return refuse(cx, directive, n, "`auto`, or masks of `0` and `1`", nginx);
        }
    }
    if !auto {
        cx.states.of::<Processes>().affinity = Some((directive.len() as u64, directive.span()));
    }
    true
}

/// `ngx_set_priority`
fn priority<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    let number = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(&text);
    digits(number).is_some() || refuse(cx, directive, 1, "a number, perhaps with a sign", "invalid number")
}

/// `ngx_thread_pool`
fn thread_pool<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let name = directive.arg(1).into_owned();
    if cx.states.of::<Processes>().pools.contains_key(&name) {
        let nginx = format!("duplicate thread pool \"{}\"", directive.text(1));
        return refuse(cx, directive, 1, "another name", nginx);
    }
    let mut threads = false;
    for (n, text) in directive.args_from(2) {
        let shown = directive.text(n);
        if let Some(value) = text.strip_prefix(b"threads=") {
            threads = true;
            if digits(value).is_none_or(|n| n == 0) {
                return refuse(
                    cx,
                    directive,
                    n,
                    "a number from 1",
                    format!("invalid threads value \"{shown}\""),
                );
            }
        } else if let Some(value) = text.strip_prefix(b"max_queue=")
            && digits(value).is_none()
        {
            return refuse(cx, directive, n, "a number", format!("invalid max_queue value \"{shown}\""));
        }
    }
    cx.states.of::<Processes>().pools.insert(name, directive.span());
    threads || refuse(cx, directive, 1, "`threads=N`", "\"thread_pool\" must have \"threads\" parameter")
}

/// Records a pool that `aio` uses.
pub(super) fn use_pool(cx: &mut Compiler<'_>, directive: &Directive<'_>, name: &[u8]) {
    let includes = Rc::clone(&cx.includes);
    cx.states.of::<Processes>().used_pools.push((name.to_vec(), directive.span(), includes));
}

/// Reports pools that are used but not defined (`ngx_thread_pool_init_conf`).
pub(super) fn report_pools(cx: &mut Compiler<'_>) {
    for (name, span, includes) in std::mem::take(&mut cx.states.of::<Processes>().used_pools) {
        let nowhere = name != b"default" && !cx.states.of::<Processes>().pools.contains_key(&name);
        // A missing file, or the file around a fragment, may define the pool.
        if !nowhere || cx.foreign_modules || !cx.options.contexts.is_empty() {
            continue;
        }
        let name = String::from_utf8_lossy(&name).into_owned();
        cx.includes = includes;
        cx.report(
            Diagnostic::error(
                "undefined-thread-pool",
                span,
                format!("no `thread_pool` has the name `{name}`"),
            )
            .label("used here")
            .help(format!("define it: `thread_pool {name} threads=32;` beside `http`"))
            .nginx(format!("unknown thread pool \"{name}\""))
            .when(FaultPhase::EndOfFileAt),
        );
        cx.states.of::<Processes>().pools.insert(name.into_bytes(), span);
    }
}

/// Warns about a number of CPU masks that differs from the number of worker processes (`ngx_core_module_init_conf`).
pub(super) fn report_processes(cx: &mut Compiler<'_>) {
    let Some((masks, span)) = cx.states.of::<Processes>().affinity else { return };
    // `auto` depends on the host.
    let Some(WorkerProcesses::Count(processes)) = cx.core.as_ref().map(|core| core.worker_processes.value)
    else {
        return;
    };
    if masks == 1 || masks == u64::from(processes) {
        return;
    }
    cx.includes = Rc::from([]);
    cx.report(
        Diagnostic::warning(
            "cpu-affinity-count",
            span,
            format!("{masks} masks for {processes} worker processes"),
        )
        .label("the last is used for those that remain")
        .help("give as many masks as `worker_processes` says, or `auto`")
        .nginx(
            "the number of \"worker_processes\" is not equal to the number of \"worker_cpu_affinity\" masks, \
             using last mask for remaining worker processes",
        )
        .when(FaultPhase::EndOfFile),
    );
}

/// nginx counts modules when the first block of any module begins (`ngx_load_module`).
fn load_module<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let file = File { directive: "load_module", name: directive.text(1), span: directive.arg_span(1) };
    cx.files.push(file);
    let blocks = ["events", "http", "stream", "mail"];
    let Some(first) = blocks.iter().find_map(|name| cx.here(name)).map(Directive::span) else { return true };
    cx.report(
        Diagnostic::error(
            "load-module-too-late",
            directive.span(),
            "`load_module` must stand before all blocks",
        )
        .label("too late")
        .related(first, "the first block")
        .help("move it to the top of the file")
        .nginx("\"load_module\" directive is specified too late"),
    );
    false
}
