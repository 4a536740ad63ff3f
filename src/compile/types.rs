//! `types`, and the directives that name MIME types: `gzip_types`, `charset_types` …

use std::collections::BTreeMap;
use std::sync::Arc;

use super::directive::Directive;
use super::map::{entries, entry_error};
use super::scope::Compiler;
use super::settings::Value;
use crate::catalog::Kind;
use crate::model::Setting;
use crate::model::content::{MimeTypes, Types};
use crate::syntax::{Block, Terminator};

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
            types.insert(extension.value().to_ascii_lowercase().into(), name.clone());
        }
    });
    *setting = Setting::set(Types(Arc::new(types)), directive.span());
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
        if setting.is_set_here() {
            setting.value.any |= more.any;
            setting.value.list.extend(more.list);
        } else {
            *setting = Setting::set(more, directive.span());
        }
    }
}
