//! `location`, and the blocks that nginx compiles as locations without a name: `if` and `limit_except`.

use std::collections::HashMap;

use super::block::{self, Blocks};
use super::directive::Directive;
use super::scope::Compiler;
use super::{argument, content, proxy, rewrite, settings, types, value};
use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::model::location::Handler;
use crate::model::rewrite::Instruction;
use crate::model::{HttpSettings, Location, LocationKind};
use crate::source::Span;
use crate::syntax::Block;

/// Level that can have locations: a server, a location, an `if`.
pub(super) struct Level {
    pub(super) context: Context,
    pub(super) settings: HttpSettings,
    /// Instructions with their positions in the reading order.
    pub(super) instructions: Vec<(u32, Instruction)>,
    pub(super) inner: Vec<Location>,
    pub(super) handler: Option<Handler>,
    /// Kind of the location; `None` for a server.
    kind: Option<LocationKind>,
    /// Locations compiled so far, by exactness and name.
    names: HashMap<(bool, Box<[u8]>), Span>,
    started: HttpSettings,
    inherited: Option<HttpSettings>,
}

impl Level {
    pub(super) fn new(context: Context, outer: &HttpSettings) -> Self {
        Self {
            context,
            settings: outer.clone(),
            instructions: Vec::new(),
            inner: Vec::new(),
            handler: None,
            kind: None,
            names: HashMap::new(),
            started: outer.clone(),
            inherited: None,
        }
    }
}

impl<'t> Blocks<'t> for Level {
    fn simple(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        if let Some(instruction) = rewrite::instruction(cx, directive) {
            self.instructions.push((directive.order, instruction));
            return true;
        }
        if directive.name() == "proxy_pass" {
            let kind = self.kind.as_ref();
            if let Some(pass) = proxy::proxy_pass(cx, directive, kind) {
                self.handler = Some(Handler::Proxy(pass));
            }
            return true;
        }
        if directive.catalog.content_handler {
            let (name, span) = (directive.name(), directive.span());
            let pass = proxy::pass(cx, directive);
            self.handler = Some(match (name, pass) {
                (_, Some(pass)) => Handler::Pass(pass),
                ("stub_status", _) => Handler::StubStatus(span),
                ("empty_gif", _) => Handler::EmptyGif(span),
                _ => Handler::Other(name, span),
            });
            return false;
        }
        if directive.name() == "alias" && matches!(self.kind, Some(LocationKind::Named(_))) {
            let nginx = "the \"alias\" directive cannot be used inside the named location";
            argument::refuse(
                cx,
                directive,
                1,
                "`root` in a named location, which has no prefix to replace",
                nginx,
            );
            return true;
        }
        let is_setting = settings::read_http(cx, &mut self.settings, directive);
        if directive.name() == "alias" {
            let root = &mut std::sync::Arc::make_mut(&mut self.settings.content).root.value;
            root.alias = root.alias.and(Some(content::replaces(self.kind.as_ref())));
        }
        is_setting
    }

    fn rank(&self, directive: &Directive<'t>) -> u8 {
        rank(directive)
    }

    fn block(&mut self, cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
        block(cx, self, directive)
    }
}

/// Rank of a block: blocks that set something come before those that inherit it.
pub(super) fn rank(directive: &Directive<'_>) -> u8 {
    u8::from(directive.name() != "types")
}

/// Compiles a block inside a level; false if the block is not a location.
pub(super) fn block<'t>(cx: &mut Compiler<'t>, outer: &mut Level, directive: &Directive<'t>) -> bool {
    let Some(block) = directive.syntax.block() else { return true };
    if directive.name() == "types" {
        let setting = &mut std::sync::Arc::make_mut(&mut outer.settings.content).types;
        types::types(cx, directive, block, setting);
        return true;
    }
    let Some(inner) = directive.catalog.inner(outer.context) else { return false };
    let kind = match directive.name() {
        "location" => match kind(cx, directive) {
            Some(kind) => {
                check_nesting(cx, outer, directive, &kind);
                kind
            }
            // The directives of a malformed location are still checked.
            None => LocationKind::Prefix { uri: Box::from(*b"/"), no_regex: false },
        },
        "if" => {
            let condition = rewrite::condition(cx, directive);
            let inner = outer.inner.len();
            let instruction = Instruction::If { inner, condition, span: directive.span() };
            outer.instructions.push((directive.order, instruction));
            LocationKind::If
        }
        "limit_except" => {
            LocationKind::LimitExcept((1..=directive.len()).map(|n| directive.text(n)).collect())
        }
        _ => return false,
    };
    let started =
        outer.inherited.get_or_insert_with(|| settings::inherited(&outer.settings, &outer.started)).clone();
    let inherits_handler = matches!(kind, LocationKind::If | LocationKind::LimitExcept(_));
    let handler = inherits_handler.then(|| outer.handler.clone()).flatten();
    let location = location(cx, directive.span(), block, inner, kind, &started, handler);
    outer.inner.push(location);
    true
}

/// Compiles a file that is included in a location.
pub(super) fn fragment<'t>(
    cx: &mut Compiler<'t>,
    head: Span,
    block: Block<'t>,
    outer: &HttpSettings,
) -> Location {
    let kind = LocationKind::Prefix { uri: Box::from(*b"/"), no_regex: false };
    location(cx, head, block, Context::Location, kind, outer, None)
}

/// Instructions in the order of their execution: `if` blocks are compiled after all simple directives.
pub(super) fn in_order(mut instructions: Vec<(u32, Instruction)>) -> Vec<Instruction> {
    instructions.sort_by_key(|(order, _)| *order);
    fitted(instructions.into_iter().map(|(_, instruction)| instruction).collect())
}

/// A list of the model without room for more: an estate has thousands of them.
pub(super) fn fitted<T>(mut list: Vec<T>) -> Vec<T> {
    list.shrink_to_fit();
    list
}

fn location<'t>(
    cx: &mut Compiler<'t>,
    span: Span,
    block: Block<'t>,
    context: Context,
    kind: LocationKind,
    outer: &HttpSettings,
    handler: Option<Handler>,
) -> Location {
    let mut level = Level { kind: Some(kind), ..Level::new(context, outer) };
    level.handler = handler;
    block::directives(cx, block, context, &mut level);
    let body = Span { end: block.span().start, ..block.span() };
    Location {
        kind: level.kind.unwrap_or(LocationKind::If),
        span,
        body,
        settings: level.settings,
        handler: level.handler,
        instructions: in_order(level.instructions),
        inner: fitted(level.inner),
    }
}

/// Modifier and name of a location (`ngx_http_core_location`).
fn kind(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<LocationKind> {
    let first = directive.arg(1);
    if directive.len() == 2 {
        let name = directive.arg(2);
        return Some(match &*first {
            b"=" => LocationKind::Exact(name.into()),
            b"^~" => LocationKind::Prefix { uri: name.into(), no_regex: true },
            b"~" => regex(cx, directive, 2, &name, false),
            b"~*" => regex(cx, directive, 2, &name, true),
            _ => {
                report_modifier(cx, directive);
                return None;
            }
        });
    }
    Some(match &*first {
        [b'=', name @ ..] => LocationKind::Exact(name.into()),
        [b'^', b'~', name @ ..] => LocationKind::Prefix { uri: name.into(), no_regex: true },
        [b'~', b'*', pattern @ ..] => regex(cx, directive, 1, pattern, true),
        [b'~', pattern @ ..] => regex(cx, directive, 1, pattern, false),
        [b'@', ..] => LocationKind::Named(directive.text(1)),
        name => LocationKind::Prefix { uri: name.into(), no_regex: false },
    })
}

fn regex(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    n: usize,
    pattern: &[u8],
    caseless: bool,
) -> LocationKind {
    value::define_captures(cx, pattern, directive.arg_span(n));
    super::regex::check(cx, pattern, caseless, directive.arg_span(n));
    LocationKind::Regex { pattern: String::from_utf8_lossy(pattern).into_owned(), caseless }
}

fn report_modifier(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let shown = directive.text(1);
    cx.report(
        Diagnostic::error(
            "invalid-location-modifier",
            directive.arg_span(1),
            format!("`{shown}` is no location modifier; expected `=`, `^~`, `~` or `~*`"),
        )
        .label("expected `=`, `^~`, `~` or `~*`")
        .nginx(format!("invalid location modifier \"{shown}\"")),
    );
}

fn check_nesting(cx: &mut Compiler<'_>, outer: &mut Level, directive: &Directive<'_>, kind: &LocationKind) {
    check_repeated(cx, outer, directive, kind);
    let inner = shown(kind);
    let (message, nginx) = match (&outer.kind, kind) {
        (Some(LocationKind::Exact(name)), _) => {
            let outer = String::from_utf8_lossy(name);
            (
                format!(
                    "`location {inner}` is inside the exact location `{outer}`, which matches nothing longer"
                ),
                format!("location \"{inner}\" cannot be inside the exact location \"{outer}\""),
            )
        }
        (Some(LocationKind::Named(outer)), _) => (
            format!("`location {inner}` is inside the named location `{outer}`"),
            format!("location \"{inner}\" cannot be inside the named location \"{outer}\""),
        ),
        (Some(_), LocationKind::Named(_)) => (
            format!("the named location `{inner}` must stand directly in a `server`"),
            format!("named location \"{inner}\" can be on the server level only"),
        ),
        (
            Some(LocationKind::Prefix { uri: outer, .. }),
            LocationKind::Prefix { uri: name, .. } | LocationKind::Exact(name),
        ) if !name.starts_with(outer) => {
            let outer = String::from_utf8_lossy(outer);
            (
                format!("`location {inner}` can never match inside `location {outer}`"),
                format!("location \"{inner}\" is outside location \"{outer}\""),
            )
        }
        // nginx compares the inner name with the text of the pattern, so a regex location rejects almost any prefix.
        (
            Some(LocationKind::Regex { pattern, .. }),
            LocationKind::Prefix { uri: name, .. } | LocationKind::Exact(name),
        ) if !name.starts_with(pattern.as_bytes()) => (
            format!(
                "`location {inner}` cannot be inside the regex location `{pattern}`; only a regex location can"
            ),
            format!("location \"{inner}\" is outside location \"{pattern}\""),
        ),
        _ => return,
    };
    cx.report(
        Diagnostic::error("location-nesting", directive.span(), message)
            .label("not allowed here")
            .help("move it out of the enclosing location")
            .nginx(nginx),
    );
}

fn check_repeated(cx: &mut Compiler<'_>, outer: &mut Level, directive: &Directive<'_>, kind: &LocationKind) {
    // Key as nginx sorts locations: `^~ /a` is the same location as `/a`, `= /a` is another.
    let key = match kind {
        LocationKind::Exact(name) => (true, name.clone()),
        LocationKind::Prefix { uri, .. } => (false, uri.clone()),
        LocationKind::Named(name) => (false, name.as_bytes().into()),
        _ => return,
    };
    let first = *outer.names.entry(key).or_insert(directive.span());
    if first == directive.span() {
        return;
    }
    let shown = shown(kind);
    let place = cx.configuration.sources.place(first);
    cx.report(
        Diagnostic::error(
            "duplicate-location",
            directive.span(),
            format!("`location {shown}` is defined twice, first at {place}"),
        )
        .label("defined again here")
        .related(first, "first defined here")
        .help("merge the two")
        .nginx(format!("duplicate location \"{shown}\"")),
    );
}

fn shown(kind: &LocationKind) -> String {
    match kind {
        LocationKind::Exact(name) => String::from_utf8_lossy(name).into_owned(),
        LocationKind::Prefix { uri, .. } => String::from_utf8_lossy(uri).into_owned(),
        LocationKind::Regex { pattern, .. } => pattern.clone(),
        LocationKind::Named(name) => name.clone(),
        LocationKind::If => "if".to_owned(),
        LocationKind::LimitExcept(_) => "limit_except".to_owned(),
    }
}
