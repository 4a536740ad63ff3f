//! Entries of `geo` (`ngx_http_geo_module.c`, `ngx_stream_geo_module.c`), `charset_map` and `types`.

use std::net::Ipv4Addr;

use super::access;
use super::address::parse_ip4;
use super::argument::refuse;
use super::checks::Check;
use super::directive::Directive;
use super::map::{entries, entry_error};
use super::scope::Compiler;
use crate::syntax::{self, Block, Terminator};

pub(super) const CHECKS: &[(&str, Check)] = &[("geo", variables), ("charset_map", charsets)];

/// `geo [$address] $variable`
fn variables<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    for n in 1..=directive.len() {
        if directive.arg(n).first() != Some(&b'$') {
            let nginx = format!("invalid variable name \"{}\"", directive.text(n));
            return refuse(cx, directive, n, "a variable", nginx);
        }
    }
    true
}

/// What an entry may follow.
#[derive(Default)]
struct State {
    ranges: bool,
    networks: bool,
}

/// Checks the entries of a `geo` block.
pub(super) fn geo<'t>(cx: &mut Compiler<'t>, block: Block<'t>) {
    let mut state = State::default();
    entries(cx, block, &mut |cx, entry| geo_entry(cx, &mut state, entry));
}

fn geo_entry(cx: &mut Compiler<'_>, state: &mut State, entry: syntax::Directive<'_>) {
    let key = entry.name().value();
    if entry.terminator() == Terminator::Block {
        return entry_error(
            cx,
            entry.head(),
            "an entry of `geo` is a network and a value, not a block",
            "unexpected \"{\"",
        );
    }
    match (&*key, entry.args().len()) {
        (b"ranges", 0) if state.networks => {
            let nginx = "the \"ranges\" directive must be the first directive inside \"geo\" block";
            entry_error(cx, entry.head(), "`ranges` stands before all entries", nginx);
        }
        (b"ranges", 0) => state.ranges = true,
        (b"proxy_recursive" | b"volatile", 0) => {}
        (b"proxy", 1) => network(cx, entry, 0),
        (_, 1) if state.ranges => range(cx, entry),
        (b"default", 1) => state.networks = true,
        (b"delete", 1) => {
            state.networks = true;
            network(cx, entry, 0);
        }
        (_, 1) => {
            state.networks = true;
            name_is_network(cx, entry, &key);
        }
        _ => entry_error(
            cx,
            entry.head(),
            "an entry of `geo` is a network and a value",
            "invalid number of the geo parameters",
        ),
    }
}

fn name_is_network(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, text: &[u8]) {
    if text != b"255.255.255.255" && access::cidr(text).is_none() {
        let shown = String::from_utf8_lossy(text).into_owned();
        let message = format!("`{shown}` is no network; expected `10.0.0.0/8`");
        entry_error(cx, entry.name().span(), &message, format!("invalid network \"{shown}\""));
    }
}

fn network(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>, n: usize) {
    let Some(word) = entry.arg(n) else { return };
    name_is_network(cx, entry, &word.value());
}

fn range(cx: &mut Compiler<'_>, entry: syntax::Directive<'_>) {
    let key = entry.name().value();
    let text = match &*key {
        b"default" => return,
        b"delete" => entry.arg(0).map_or(key.clone(), syntax::Word::value),
        _ => key,
    };
    let address = |text: &[u8]| parse_ip4(text).filter(|&a| a != Ipv4Addr::BROADCAST);
    let dash = text.iter().position(|&b| b == b'-');
    let both = dash.and_then(|at| Some((address(&text[..at])?, address(&text[at + 1..])?)));
    if both.is_none_or(|(first, last)| first > last) {
        let shown = String::from_utf8_lossy(&text).into_owned();
        let message = format!("`{shown}` is no range; expected `10.0.0.1-10.0.0.9`");
        entry_error(cx, entry.name().span(), &message, format!("invalid range \"{shown}\""));
    }
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
    if cx.names.charset_maps.contains(&(from.clone(), to.clone()))
        || cx.names.charset_maps.contains(&(to.clone(), from.clone()))
    {
        let nginx = format!("duplicate \"charset_map\" between \"{a}\" and \"{b}\"");
        return refuse(cx, directive, 1, "one map for two charsets", nginx);
    }
    cx.names.charset_maps.insert((from, to));
    true
}

/// Checks the entries of a `charset_map` block (`ngx_http_charset_map`).
pub(super) fn charset_map<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, block: Block<'t>) {
    let utf8 = directive.arg(2).eq_ignore_ascii_case(b"utf-8");
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
        }
    }
}

/// Whether hexadecimal UTF-8 is one character that fits into 16 bits.
fn decodes(hex: &[u8]) -> bool {
    let bytes: Option<Vec<u8>> =
        hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.is_some_and(|text| text.chars().next().is_some_and(|c| (c as u32) <= 0xffff))
}

/// Checks the entries of a `types` block (`ngx_http_core_type`).
pub(super) fn types<'t>(cx: &mut Compiler<'t>, block: Block<'t>) {
    for entry in block.directives() {
        if entry.terminator() == Terminator::Block {
            entry_error(
                cx,
                entry.head(),
                "an entry of `types` is a type and its extensions",
                "unexpected \"{\"",
            );
        } else if entry.name().is("include") && entry.args().len() != 1 {
            let nginx = "invalid number of arguments in \"include\" directive";
            entry_error(cx, entry.head(), "`include` takes one argument", nginx);
        }
    }
}
