//! Reading what answers from files and what filters responses: `root`, `index`, `try_files`, `types`, `add_header` …

use std::collections::BTreeMap;
use std::sync::Arc;

use super::directive::Directive;
use super::scope::Compiler;
use super::settings::{Value, extend};
use super::{argument, map, value};
use crate::catalog::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::content::{
    AddHeader, Alias, CharsetMap, Expires, Index, MimeTypes, Root, TryFiles, TryLast, Types,
};
use crate::model::{ComplexValue, LocationKind, Setting};
use crate::syntax::Block;

impl Value for Root {
    fn default(text: Option<&str>, _: Kind) -> Self {
        Root { path: ComplexValue::literal(text.unwrap_or("html").as_bytes()), alias: None }
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let mut path = value::argument(cx, directive, 1);
        if directive.name() == "alias" {
            // What it replaces is known to the location only: `replaces`.
            return Some(Root { path, alias: Some(Alias::Prefix(0)) });
        }
        if let [crate::model::Segment::Literal(text)] = path.segments.as_mut_slice()
            && let Some(without) = text.strip_suffix(b"/")
        {
            *text = without.into();
        }
        Some(Root { path, alias: None })
    }
}

/// What of the URI an `alias` in a location of this kind replaces.
pub(super) fn replaces(kind: Option<&LocationKind>) -> Alias {
    match kind {
        Some(LocationKind::Exact(name) | LocationKind::Prefix { uri: name, .. }) => Alias::Prefix(name.len()),
        _ => Alias::All,
    }
}

impl Value for Index {
    fn default(text: Option<&str>, _: Kind) -> Self {
        Index(text.into_iter().map(|t| ComplexValue::literal(t.as_bytes())).collect())
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(Index((1..=directive.len()).map(|n| value::argument(cx, directive, n)).collect()))
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let Some(more) = Self::parse(cx, directive) else { return };
        if setting.is_set_here() {
            setting.value.0.extend(more.0);
        } else {
            *setting = Setting::set(more, directive.span());
        }
    }
}

impl Value for Option<TryFiles> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        None
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let last = directive.len();
        let mut files = Vec::new();
        for (n, text) in directive.args_from(1).take(last - 1) {
            let is_directory = text.ends_with(b"/");
            let text = text.strip_suffix(b"/").unwrap_or(&text);
            files.push((value::text(cx, text, directive.arg_span(n)), is_directory));
        }
        let text = directive.arg(last);
        let last = match text.strip_prefix(b"=") {
            Some(code) => {
                let code = argument::digits(code).filter(|&code| code <= 999);
                let Some(code) = code else {
                    let nginx = format!("invalid code \"{}\"", directive.text(last).trim_start_matches('='));
                    argument::invalid(cx, directive, last, "a status from 0 to 999 after `=`", &nginx);
                    return None;
                };
                TryLast::Status(code as u16)
            }
            None => TryLast::Uri(value::argument(cx, directive, last)),
        };
        Some(Some(TryFiles { files, last }))
    }
}

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
    map::entries(cx, block, &mut |_, entry| {
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

impl Value for Expires {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Expires::Off
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let modified = directive.len() == 2;
        if modified && *directive.arg(1) != *b"modified" {
            argument::invalid(cx, directive, 1, "`modified`", "invalid value");
            return None;
        }
        let n = directive.len();
        let text = directive.arg(n);
        if text.contains(&b'$') {
            return Some(Expires::Value { value: value::argument(cx, directive, n), modified });
        }
        let parsed = Expires::of(&text, modified);
        if parsed.is_none() {
            let expected = "a time, `epoch`, `max`, `off`, or a time of the day like `@15h30m`";
            argument::invalid(cx, directive, n, expected, "invalid value");
        }
        parsed
    }
}

impl Value for Vec<AddHeader> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let always = directive.len() == 3;
        if always && *directive.arg(3) != *b"always" {
            let nginx = format!("invalid parameter \"{}\"", directive.text(3));
            argument::invalid(cx, directive, 3, "`always`", &nginx);
            return None;
        }
        let value = value::argument(cx, directive, 2);
        Some(vec![AddHeader { name: directive.arg(1).into(), value, always, span: directive.span() }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}

/// Compiles a `charset_map` block (`ngx_http_charset_map_block`).
pub(super) fn charset_map<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let (from, to) = (directive.text(1), directive.text(2));
    let mut entries = Vec::new();
    map::entries(cx, block, &mut |cx, entry| {
        let left = hex(&entry.name().value());
        let right = entry.arg(0).and_then(|word| hex(&word.value()));
        match (left.as_deref(), right, entry.args().len()) {
            (Some(&[byte]), Some(right), 1) => entries.push((byte, right)),
            _ => cx.report(
                Diagnostic::error(
                    "invalid-entry",
                    entry.head(),
                    "an entry of `charset_map` is two numbers of two hexadecimal digits for each byte",
                )
                .label("expected for example `80 E282AC;`")
                .nginx("invalid parameters number"),
            ),
        }
    });
    cx.http.charset_maps.push(CharsetMap { from, to, entries, span: directive.span() });
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let even = if text.len() == 1 { [b"0", text].concat() } else { text.to_vec() };
    if even.is_empty() || !even.len().is_multiple_of(2) {
        return None;
    }
    even.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
