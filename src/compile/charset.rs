//! `charset_map` (`ngx_http_charset_map_block`).

use std::collections::HashSet;

use super::argument::refuse;
use super::directive::Directive;
use super::map::entry_error;
use super::scope::{Check, Compiler};
use super::value;
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::content::CharsetMap;
use crate::source::Span;
use crate::syntax::{self, Block, Terminator};

pub(super) const CHECKS: &[(&str, Check)] =
    &[("charset_map", charsets), ("charset", variable), ("source_charset", variable)];

pub(super) const REMEMBERED: &[&str] = &["charset", "source_charset"];

/// Conversion between two charsets that a level needs.
struct Recode {
    from: Vec<u8>,
    to: Vec<u8>,
    span: Span,
    includes: std::rc::Rc<[Span]>,
}

/// Maps of charsets, and the conversions that levels need.
#[derive(Default)]
struct Charsets {
    maps: HashSet<(Vec<u8>, Vec<u8>)>,
    recodes: Vec<Recode>,
}

/// Records the conversions of a level (`ngx_http_charset_merge_loc_conf`).
pub(super) fn merge(cx: &mut Compiler<'_>) {
    let (Some(to), Some(from)) = (cx.in_force("charset"), cx.in_force("source_charset")) else { return };
    let span = to.span();
    let (from, to) = (from.arg(1).to_ascii_lowercase(), to.arg(1).to_ascii_lowercase());
    let fixed = |name: &[u8]| name != b"off" && !name.starts_with(b"$");
    let known = |r: &Recode| r.from == from && r.to == to;
    if from == to || !fixed(&from) || !fixed(&to) || cx.states.of::<Charsets>().recodes.iter().any(known) {
        return;
    }
    let includes = std::rc::Rc::clone(&cx.includes);
    cx.states.of::<Charsets>().recodes.push(Recode { from, to, span, includes });
}

/// Reports conversions without a `charset_map` (`ngx_http_charset_postconfiguration`).
pub(super) fn report_unmapped(cx: &mut Compiler<'_>) {
    let Charsets { maps, recodes } = cx.states.take();
    for recode in recodes {
        let (from, to) = (recode.from, recode.to);
        if maps.contains(&(from.clone(), to.clone())) || maps.contains(&(to.clone(), from.clone())) {
            continue;
        }
        let (from, to) =
            (String::from_utf8_lossy(&from).into_owned(), String::from_utf8_lossy(&to).into_owned());
        cx.includes = recode.includes;
        cx.report(
            Diagnostic::error(
                "missing-charset-map",
                recode.span,
                format!("no `charset_map` from `{from}` to `{to}`"),
            )
            .label(format!("responses in `{from}` are to become `{to}`"))
            .help("include nginx's `koi-win`, `koi-utf` or `win-utf`, or write a `charset_map`")
            .nginx(format!("no \"charset_map\" between the charsets \"{from}\" and \"{to}\""))
            .when(FaultPhase::EndOfSubsystem { step: 260, place: Place::None }),
        );
    }
}

/// `$` and the name of a variable, of any characters (`ngx_http_set_charset_slot`).
fn variable<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    let Some(name) = text.strip_prefix(b"$") else { return true };
    if name.is_empty() {
        return refuse(cx, directive, 1, "a charset or a variable", "invalid variable name \"$\"");
    }
    let plain = name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') && !name[0].is_ascii_digit();
    if !plain {
        // No directive can define such a variable; `report_undefined` finds this at the end.
        value::reference(cx, name, directive.arg_span(1));
    }
    plain
}

/// The two names of `charset_map` (`ngx_http_charset_map_block`).
fn charsets<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let lower = |n| directive.arg(n).to_ascii_lowercase();
    let (from, to) = (lower(1), lower(2));
    let (a, b) = (directive.text(1), directive.text(2));
    if from == to {
        let nginx = format!("\"charset_map\" between the same charsets \"{a}\" and \"{b}\"");
        return refuse(cx, directive, 2, "another charset", nginx);
    }
    if from == b"utf-8" {
        let nginx = "\"charset_map\" with \"utf-8\" charset should be given in the second column";
        return refuse(cx, directive, 1, "`utf-8` as the second", nginx);
    }
    let maps = &cx.states.of::<Charsets>().maps;
    if maps.contains(&(from.clone(), to.clone())) || maps.contains(&(to.clone(), from.clone())) {
        let nginx = format!("duplicate \"charset_map\" between \"{a}\" and \"{b}\"");
        return refuse(cx, directive, 1, "one map for two charsets", nginx);
    }
    cx.states.of::<Charsets>().maps.insert((from, to));
    true
}

/// Compiles a `charset_map` block (`ngx_http_charset_map`).
pub(super) fn charset_map<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let utf8 = directive.arg(2).eq_ignore_ascii_case(b"utf-8");
    let entries = body(cx, block, Some(utf8));
    let (from, to) = (directive.text(1), directive.text(2));
    cx.http.charset_maps.push(CharsetMap { from, to, entries, span: directive.span() });
}

/// Checks a file that holds entries of `charset_map`.
pub(super) fn fragment<'t>(cx: &mut Compiler<'t>, block: Block<'t>) {
    body(cx, block, None);
}

/// Entries of the block; without `utf8`, each entry is judged by itself.
fn body<'t>(cx: &mut Compiler<'t>, block: Block<'t>, utf8: Option<bool>) -> Vec<(u8, Vec<u8>)> {
    let mut map = Vec::new();
    for entry in block.directives() {
        let Some(word) = entry.arg(0).filter(|_| entry.args().len() == 1) else {
            if entry.terminator() == Terminator::Block {
                entry_error(cx, entry.head(), "not a block", "unexpected \"{\"");
            } else {
                entry_error(cx, entry.head(), "an entry is two codes", "invalid parameters number");
            }
            continue;
        };
        let hex = |text: &[u8]| {
            let text = std::str::from_utf8(text).ok().filter(|t| !t.starts_with('+'))?;
            u64::from_str_radix(text, 16).ok().filter(|&n| n <= 255)
        };
        let invalid = |word: syntax::Word<'_>| (word.span(), format!("invalid value \"{word}\""));
        let value = word.value();
        let utf8 = utf8.unwrap_or(value.len() > 2);
        let wrong = if hex(&entry.name().value()).is_none() {
            Some(invalid(entry.name()))
        } else if utf8 {
            let valid =
                value.len() / 2 <= 4 && value.len() % 2 == 0 && value.chunks(2).all(|c| hex(c).is_some());
            (!valid || !decodes(&value)).then(|| invalid(word))
        } else {
            hex(&value).is_none().then(|| invalid(word))
        };
        if let Some((span, nginx)) = wrong {
            entry_error(cx, span, "expected a code in hexadecimal digits", nginx);
        } else if let (Some(from), Some(to)) = (hex(&entry.name().value()), bytes(&value)) {
            map.push((from as u8, to));
        }
    }
    map
}

/// True if hexadecimal UTF-8 is one character that fits into 16 bits.
fn decodes(hex: &[u8]) -> bool {
    let bytes: Option<Vec<u8>> =
        hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes.and_then(|bytes| utf8_decode(&bytes)).is_some_and(|c| c <= 0xffff)
}

/// First character, of more than one byte (`ngx_utf8_decode`).
fn utf8_decode(bytes: &[u8]) -> Option<u32> {
    let (&first, rest) = bytes.split_first()?;
    let (bits, above, more) = match first {
        0xf8.. => return None,
        0xf0.. => (first & 0x07, 0xffff, 3),
        0xe0.. => (first & 0x0f, 0x7ff, 2),
        0xc2.. => (first & 0x1f, 0x7f, 1),
        _ => return None,
    };
    let rest = rest.get(..more)?;
    let low = |u: u32, b: &u8| (*b >= 0x80).then(|| u << 6 | u32::from(b & 0x3f));
    rest.iter().try_fold(u32::from(bits), low).filter(|&u| u > above)
}

/// Bytes of hexadecimal digits.
fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let even = if text.len() == 1 { [b"0", text].concat() } else { text.to_vec() };
    if even.is_empty() || !even.len().is_multiple_of(2) {
        return None;
    }
    even.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
