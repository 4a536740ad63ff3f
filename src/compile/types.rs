//! `types`, and the directives that name MIME types: `gzip_types`, `charset_types` …

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::directive::Directive;
use super::hash::{self, Table};
use super::map::{entries, entry_error};
use super::scope::{Check, Compiler};
use super::settings::Value;
use crate::catalog::Kind;
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::Setting;
use crate::model::content::Types;
use crate::model::filter::MimeTypes;
use crate::syntax::{Block, Terminator, Word};

impl Value for Types {
    fn default(text: Option<&str>, _: Kind) -> Self {
        let mut types = BTreeMap::new();
        for entry in text.unwrap_or_default().split(';') {
            let mut words = entry.split_ascii_whitespace();
            let Some(name) = words.next() else { continue };
            types.extend(words.map(|extension| (extension.as_bytes().into(), name.as_bytes().into())));
        }
        Types(Arc::new(types))
    }

    /// `types` is a block: [`types`].
    fn parse(_: &mut Compiler<'_>, _: &Directive<'_>) -> Option<Self> {
        None
    }
}

/// Compiles a `types` block (`ngx_http_core_types`).
pub(super) fn types<'t>(
    cx: &mut Compiler<'t>,
    directive: &Directive<'t>,
    block: Block<'t>,
    setting: &mut Setting<Types>,
) {
    let mut types = if setting.is_set_here() { setting.value.0.as_ref().clone() } else { BTreeMap::new() };
    body(cx, block, &mut types);
    *setting = Setting::set(Types(Arc::new(types)), directive.span());
}

/// Types by extension.
type ByExtension = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// Checks a file that holds entries of `types`.
pub(super) fn fragment<'t>(cx: &mut Compiler<'t>, block: Block<'t>) {
    body(cx, block, &mut BTreeMap::new());
}

fn body<'t>(cx: &mut Compiler<'t>, block: Block<'t>, types: &mut ByExtension) {
    for entry in block.directives() {
        if entry.name().is("include") && entry.args().len() != 1 && entry.terminator() != Terminator::Block {
            let nginx = "invalid number of arguments in \"include\" directive";
            entry_error(cx, entry.head(), "`include` takes one argument", nginx);
        }
    }
    entries(cx, block, &mut |cx, entry| {
        if entry.terminator() == Terminator::Block {
            let message = "an entry of `types` is a type and its extensions";
            return entry_error(cx, entry.head(), message, "unexpected \"{\"");
        }
        let name: Box<[u8]> = entry.name().value().into();
        for extension in entry.args() {
            let key: Box<[u8]> = extension.value().to_ascii_lowercase().into();
            let old = types.insert(key, name.clone());
            if let Some(old) = old {
                warn_extension(cx, extension, &name, &old);
            }
        }
    });
}

fn warn_extension(cx: &mut Compiler<'_>, extension: Word<'_>, name: &[u8], old: &[u8]) {
    let shown = extension.to_string().to_ascii_lowercase();
    let (name, old) = (String::from_utf8_lossy(name), String::from_utf8_lossy(old));
    cx.report(
        Diagnostic::warning(
            "duplicate-extension",
            extension.span(),
            format!("`{shown}` had the type `{old}` before"),
        )
        .label(format!("is `{name}` from here on"))
        .help("keep one of the two")
        .nginx(format!(
            "duplicate extension \"{shown}\", content type: \"{name}\", previous content type: \"{old}\""
        )),
    );
}

/// Warns about types that are in the list already (`ngx_http_types_slot`).
fn warn_types(cx: &mut Compiler<'_>, directive: &Directive<'_>, before: &[Box<[u8]>]) {
    let mut seen: HashSet<Vec<u8>> = before.iter().map(|name| name.to_vec()).collect();
    for (n, text) in directive.args_from(1).filter(|(_, text)| **text != *b"*") {
        if seen.insert(text.to_ascii_lowercase()) {
            continue;
        }
        let shown = directive.text(n).to_ascii_lowercase();
        let always = shown == "text/html";
        cx.report(
            Diagnostic::warning(
                "duplicate-mime-type",
                directive.arg_span(n),
                format!("`{shown}` is in the list already{}", if always { ": it always is" } else { "" }),
            )
            .label("again")
            .help("leave it out")
            .nginx(format!("duplicate MIME type \"{shown}\"")),
        );
    }
}

pub(super) const REMEMBERED: &[&str] = &["xslt_types"];

/// Directives that the model does not hold.
pub(super) const CHECKS: &[(&str, Check)] = &[("xslt_types", unmodelled)];

fn unmodelled<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let earlier = cx.levels.last().into_iter().flat_map(|level| &level.remembered);
    let earlier = earlier.filter(|d| d.name() == directive.name() && d.order < directive.order);
    let words = earlier.flat_map(|d| d.args_from(1).map(|(_, text)| text.to_ascii_lowercase().into()));
    let before: Vec<Box<[u8]>> = std::iter::once((*b"text/xml").into()).chain(words).collect();
    warn_types(cx, directive, &before);
    true
}

impl Value for MimeTypes {
    fn default(text: Option<&str>, _: Kind) -> Self {
        let words = text.unwrap_or("text/html").split_ascii_whitespace();
        MimeTypes { any: false, list: words.map(|word| word.as_bytes().into()).collect() }
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let mut types = MimeTypes { any: false, list: vec![(*b"text/html").into()] };
        for (_, text) in directive.args_from(1) {
            if *text == *b"*" {
                types.any = true;
            } else {
                types.list.push(text.to_ascii_lowercase().into());
            }
        }
        Some(types)
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let Some(more) = Self::parse(cx, directive) else { return };
        let html: &[Box<[u8]>] = &[(*b"text/html").into()];
        warn_types(cx, directive, if setting.is_set_here() { &setting.value.list } else { html });
        if setting.is_set_here() {
            setting.value.any |= more.any;
            setting.value.list.extend(more.list);
        } else {
            *setting = Setting::set(more, directive.span());
        }
        let mut seen = HashSet::new();
        setting.value.list.retain(|name| seen.insert(name.clone()));
        if !setting.value.any {
            let names: Vec<&[u8]> = setting.value.list.iter().map(|name| &**name).collect();
            let when = FaultPhase::EndOfSubsystem { step: 30, place: Place::None };
            let table = Table {
                name: "test_types_hash",
                place: directive.span(),
                max_size: 2048,
                names: &names,
                when,
            };
            hash::check(cx, &table);
        }
    }
}
