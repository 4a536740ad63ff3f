//! Compilation of a block: includes expanded, each directive checked against the catalog, inner blocks last.
//!
//! Inner blocks wait until the block's own directives are read, because nginx merges after it has parsed:
//! a `proxy_http_version` below a location still holds in it.

mod refused;

use std::rc::Rc;

use super::directive::Directive;
use super::scope::{Compiler, Scope, module_of};
use super::{argument, forgotten, value};
use crate::catalog::{self, Body, Context, Duplicate, Tier};
use crate::diagnostic::{Class, Diagnostic, FaultPhase, Level, Place};
use crate::source::{FileId, Span};
use crate::syntax::{self, Block, Terminator};
use refused::{missing_block, report_unknown, unexpected_block, wrong_arity};

/// Handling of the directives in one kind of block.
pub(super) trait Blocks<'t> {
    /// Handles a directive that ends with `;`; false if the model has no place for the directive, so that only the
    /// catalog's checks apply.
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool;

    /// Order of the inner blocks: a block that others refer to has a lower rank than those.
    fn rank(&self, _: &Directive<'t>) -> u8 {
        0
    }

    /// Handles a block, after all simple directives; false if the model has no place for the block.
    fn block(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool;
}

/// Directives that only the catalog checks: `stream`, `mail`, `events` of other subsystems …
pub(super) struct Unmodelled;

impl<'t> Blocks<'t> for Unmodelled {
    fn simple(&mut self, _: &mut Compiler<'t>, _: &Directive<'t>) -> bool {
        false
    }

    fn block(&mut self, _: &mut Compiler<'t>, _: &Directive<'t>) -> bool {
        false
    }
}

/// Compiles the directives of a block in `context`.
pub(super) fn directives<'t>(
    cx: &mut Compiler<'t>,
    block: Block<'t>,
    context: Context,
    blocks: &mut dyn Blocks<'t>,
) {
    let mut walk = Walk { context, seen: Vec::new(), inner: Vec::new() };
    let head = block.owner().map(syntax::Directive::head);
    cx.levels.push(Scope { context, head, remembered: Vec::new() });
    walk_block(cx, block, &mut walk, blocks);
    (cx.rules.merge)(cx);
    let outer = Rc::clone(&cx.includes);
    walk.inner.sort_by_key(|directive| blocks.rank(directive));
    for directive in walk.inner {
        cx.includes = Rc::clone(&directive.includes);
        if !blocks.block(cx, &directive) {
            (cx.rules.unmodelled)(cx, &directive, context);
        }
    }
    cx.includes = outer;
    cx.levels.pop();
}

struct Walk<'t> {
    context: Context,
    /// Directives that may occur only once, with the place of the first.
    seen: Vec<(u16, Span)>,
    inner: Vec<Directive<'t>>,
}

fn walk_block<'t>(cx: &mut Compiler<'t>, block: Block<'t>, walk: &mut Walk<'t>, blocks: &mut dyn Blocks<'t>) {
    for syntax in block.directives() {
        let included = included(cx, syntax);
        if !included.is_empty() {
            let outer = Rc::clone(&cx.includes);
            cx.includes = outer.iter().copied().chain([syntax.head()]).collect();
            for &file in included {
                walk_block(cx, cx.configuration.tree(file).root(), walk, blocks);
            }
            cx.includes = outer;
            continue;
        }
        let Some(directive) = check(cx, syntax, walk.context) else { continue };
        if !check_duplicate(cx, &directive, walk) {
            continue;
        }
        if (cx.rules.is_remembered)(directive.catalog.id)
            && let Some(level) = cx.levels.last_mut()
        {
            level.remembered.push(directive.clone());
        }
        if syntax.terminator() == Terminator::Block {
            (cx.rules.check)(cx, &directive);
            walk.inner.push(directive);
        } else {
            let before = cx.diagnostics.len();
            simple(cx, &directive, blocks);
            forgotten::explain(cx, syntax, walk.context, before);
        }
    }
}

/// Files that replace an `include`; most directives are not one.
pub(super) fn included<'t>(cx: &Compiler<'t>, directive: syntax::Directive<'t>) -> &'t [FileId] {
    if directive.name().is("include") { cx.configuration.included(directive) } else { &[] }
}

fn simple<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, blocks: &mut dyn Blocks<'t>) {
    // nginx compiles headers and parameters for an upstream where it merges them: at the end of `http`, and only if
    // there is a server.
    let name = directive.name();
    let late = name.ends_with("_set_header") || LATE_PARAMETERS.contains(&name);
    if !late {
        return read(cx, directive, blocks);
    }
    let before = cx.diagnostics.len();
    cx.late = true;
    read(cx, directive, blocks);
    cx.late = false;
    for diagnostic in &mut cx.diagnostics[before..] {
        if diagnostic.code == "invalid-variable" {
            diagnostic.when = FaultPhase::EndOfSubsystem { step: 25, place: Place::Close };
        }
    }
}

const LATE_PARAMETERS: &[&str] = &["fastcgi_param", "uwsgi_param", "scgi_param"];

fn read<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, blocks: &mut dyn Blocks<'t>) {
    if !(cx.rules.arguments)(cx, directive) || !(cx.rules.check)(cx, directive) {
        return;
    }
    if !blocks.simple(cx, directive) {
        value::check_arguments(cx, directive);
    }
    argument::deprecated(cx, directive);
}

/// Records modules outside open-source nginx, and directives that our runtime does not execute.
fn note(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    cx.note_runtime(directive);
    let module = directive.catalog.module;
    let foreign = matches!(directive.catalog.tier, Tier::ThirdParty | Tier::External);
    // Modules of one project come together: the first directive is told, and none if the configuration loads the module.
    let project = |catalog: &'static catalog::Directive| {
        if catalog.project.is_empty() { catalog.module } else { catalog.project }
    };
    if directive.name() == "load_module" {
        let name = module_of(&directive.arg(1));
        let brought =
            catalog::DIRECTIVES.iter().filter(|known| known.module == name && known.tier != Tier::OpenSource);
        cx.modules.extend(brought.map(project));
        cx.loaded.insert(name);
    } else if foreign && !cx.loaded.contains(module) {
        cx.loaded.insert(module.to_owned());
    }
    cx.foreign_modules |= foreign || directive.name() == "load_module";
    if !matches!(directive.catalog.tier, Tier::OpenSource | Tier::Declared)
        && cx.modules.insert(project(directive.catalog))
    {
        let whose = match directive.catalog.tier {
            Tier::Plus => "NGINX Plus",
            Tier::External => "a module that is built separately",
            _ => "a third-party module",
        };
        let message = format!(
            "`{}` belongs to {module}, {whose}: open-source nginx does not know it",
            directive.name()
        );
        cx.report(
            Diagnostic::new(
                "foreign-directive",
                Class::Configuration,
                Level::Info,
                directive.span(),
                message,
            )
            .label(format!("needs {module}"))
            .nginx(format!("unknown directive \"{}\"", directive.name())),
        );
    }
}

/// Name, context, terminator, number of arguments: the checks of `ngx_conf_handler` before it calls the
/// directive's own function.
fn check<'t>(
    cx: &mut Compiler<'t>,
    syntax: syntax::Directive<'t>,
    context: Context,
) -> Option<Directive<'t>> {
    let name = syntax.name().value();
    let Some(catalog) = lookup(cx, &name, context) else {
        report_unknown(cx, syntax, &name, context);
        return None;
    };
    if !cx.knows(catalog.tier) {
        report_unknown(cx, syntax, &name, context);
        return None;
    }
    cx.order += 1;
    let directive = Directive { syntax, catalog, includes: Rc::clone(&cx.includes), order: cx.order };
    note(cx, &directive);
    match (catalog.body, syntax.terminator()) {
        // The parser has already reported the missing terminator.
        (_, Terminator::Missing) => {}
        (Body::None, Terminator::Block) => {
            cx.report(unexpected_block(syntax, catalog));
            return None;
        }
        (Body::None, _) | (_, Terminator::Block) => {}
        (_, Terminator::Semicolon) => {
            let diagnostic =
                forgotten::semicolon(cx, syntax, context).unwrap_or_else(|| missing_block(syntax, catalog));
            cx.report(diagnostic);
            return None;
        }
    }
    cx.note_changes(catalog.arity_changes(syntax.args().len(), cx.version()));
    if !catalog.arity_in(cx.version()).allows(syntax.args().len()) {
        if syntax.terminator() == Terminator::Missing {
            // nginx stops before it counts, and the words behind the forgotten `;` are no arguments.
            return None;
        }
        let diagnostic = forgotten::semicolon(cx, syntax, context)
            .unwrap_or_else(|| wrong_arity(syntax, catalog, cx.version()));
        cx.report(diagnostic);
        return None;
    }
    Some(directive)
}

/// Catalog entry that nginx of the selected version would find; nginx's own entries come first.
fn lookup(cx: &Compiler<'_>, name: &[u8], context: Context) -> Option<&'static catalog::Directive> {
    let version = cx.version();
    let declared = cx.options.declared.iter().find_map(|d| d.in_context(name, context));
    if declared.is_some() {
        return declared;
    }
    catalog::directives(name)
        .iter()
        .inspect(|d| cx.note_changes(d.changes()))
        .find(|d| d.contexts_in(version).contains(context) && d.exists_in(version))
}

fn check_duplicate(cx: &mut Compiler<'_>, directive: &Directive<'_>, walk: &mut Walk<'_>) -> bool {
    if directive.catalog.duplicate != Duplicate::Reject {
        return true;
    }
    let id = directive.catalog.id;
    let Some(&(_, first)) = walk.seen.iter().find(|(seen, _)| *seen == id) else {
        walk.seen.push((id, directive.span()));
        return true;
    };
    let name = directive.name();
    let place = cx.configuration.sources.place(first);
    cx.report(
        Diagnostic::error(
            "duplicate-directive",
            directive.span(),
            format!("`{name}` is set twice in one block, first at {place}"),
        )
        .label("set again here")
        .related(first, "first set here")
        .help("remove one of the two")
        .nginx(format!("\"{name}\" directive is duplicate")),
    );
    false
}
