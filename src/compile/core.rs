//! The main context and `events`.

use super::block::{self, Blocks};
use super::directive::Directive;
use super::scope::Compiler;
use super::{http, settings};
use crate::catalog::{Context, Subsystem};
use crate::diagnostic::Diagnostic;
use crate::model::CoreSettings;
use crate::source::Span;

/// Compiles the whole file, as if it stood in the blocks that the options name.
pub(super) fn configuration(cx: &mut Compiler<'_>) {
    let core = settings::core_defaults(cx);
    let mut main = Main { core, has_events: false };
    let tree = cx.configuration.tree(cx.configuration.main);
    let root = tree.root();
    let context = cx.options.contexts.last().copied().unwrap_or(Context::Main);
    match context {
        Context::Main => {
            block::directives(cx, root, Context::Main, &mut main);
            // After a syntax error the block may only be lost.
            if !main.has_events && cx.configuration.syntax_errors.is_empty() {
                report_no_events(cx);
            }
        }
        Context::Http | Context::Server | Context::Location | Context::Upstream => {
            http::fragment(cx, root, context);
        }
        _ => {
            cx.subsystem = subsystem(context);
            block::directives(cx, root, context, &mut block::Unmodelled);
        }
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
                cx.subsystem = Subsystem::Stream;
                block::directives(cx, inner, Context::Stream, &mut block::Unmodelled);
                cx.subsystem = Subsystem::Http;
                true
            }
            _ => false,
        }
    }
}

fn subsystem(context: Context) -> Subsystem {
    match context {
        Context::Stream | Context::StreamServer | Context::StreamUpstream => Subsystem::Stream,
        _ => Subsystem::Http,
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
        .help("add `events { }`; for a file that is included somewhere, say where: `--context http`")
        .nginx("no \"events\" section in configuration"),
    );
}
