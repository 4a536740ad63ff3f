//! Small setters of filter modules: `expires`, `add_header`, `userid_*`, `charset*`, `valid_referers`, browsers.

use std::collections::HashSet;

use super::argument::{refuse, time};
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::settings::{Value, extend};
use super::{regex, value};
use crate::catalog::{Context, Kind};
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::Setting;
use crate::model::content::{AddHeader, Expires};

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("expires", expires),
    ("add_header", always),
    ("add_trailer", always),
    ("userid_expires", userid_expires),
    ("userid_mark", userid_mark),
    ("valid_referers", valid_referers),
    ("modern_browser", modern_browser),
    ("gzip_disable", gzip_disable),
    ("sub_filter", sub_filter),
    ("index", index),
];

pub(super) const REMEMBERED: &[&str] =
    &["secure_link", "secure_link_md5", "secure_link_secret", "server_name", "sub_filter", "valid_referers"];

/// `ngx_http_headers_expires`
fn expires<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let expected = "a time: `30d`, `-1`, `@15h30m`, `epoch`, `max` or `off`";
    let modified = directive.len() == 2;
    if modified && *directive.arg(1) != *b"modified" {
        return refuse(cx, directive, 1, "`modified`", "invalid value");
    }
    let n = directive.len();
    let text = directive.arg(n);
    if text.contains(&b'$') || !modified && matches!(&*text, b"epoch" | b"max" | b"off") {
        return true;
    }
    let daily = text.first() == Some(&b'@');
    let fault = if daily && modified {
        "daily time cannot be used with \"modified\" parameter"
    } else {
        let number = match text.first() {
            Some(b'@' | b'+' | b'-') => &text[1..],
            _ => &text[..],
        };
        match time(number, true) {
            None => "invalid value",
            Some(time) if daily && time.as_secs() > 86_400 => "daily time value must be less than 24 hours",
            Some(_) => return true,
        }
    };
    let nginx = format!("\"expires\" directive {fault}");
    refuse(cx, directive, n, expected, nginx)
}

/// Third argument of `add_header` and `add_trailer`.
fn always<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if directive.len() < 3 || *directive.arg(3) == *b"always" {
        return true;
    }
    let nginx = format!("invalid parameter \"{}\"", directive.text(3));
    refuse(cx, directive, 3, "`always`; quote a value that contains spaces", nginx)
}

fn userid_expires<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    matches!(&*text, b"max" | b"off")
        || time(&text, true).is_some()
        || refuse(cx, directive, 1, "a time, `max` or `off`", "invalid value")
}

fn userid_mark<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    let nginx = "\"userid_mark\" directive value must be \"off\" or a single letter, digit or \"=\"";
    *text == *b"off"
        || matches!(&*text, [b'=' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z'])
        || refuse(cx, directive, 1, "`off`, one letter, one digit or `=`", nginx)
}

/// `ngx_http_valid_referers`
fn valid_referers<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    // All `valid_referers` of a level share one list of names.
    let level = cx.levels.last().into_iter().flat_map(|level| &level.remembered);
    let before = level.filter(|d| d.name() == "valid_referers" && d.order < directive.order);
    let mut seen = HashKeys::default();
    for name in before.flat_map(|d| d.args_from(1)).filter_map(|(_, text)| referer(&text)) {
        seen.add(&name);
    }
    for (n, text) in directive.args_from(1) {
        if text.is_empty() {
            return refuse(cx, directive, n, "a name", "invalid referer \"\"");
        }
        if matches!(&*text, b"none" | b"blocked" | b"server_names") {
            continue;
        }
        if let Some(pattern) = text.strip_prefix(b"~") {
            if pattern.is_empty() {
                return refuse(cx, directive, n, "a pattern after `~`", "empty regex in \"~\"");
            }
            value::define_captures(cx, pattern, directive.arg_span(n));
            if !regex::check(cx, pattern, true, directive.arg_span(n)) {
                return false;
            }
            continue;
        }
        let name = referer(&text).unwrap_or_default();
        let shown = String::from_utf8_lossy(&name).into_owned();
        if !wildcard(&name) {
            let nginx = format!("invalid hostname or wildcard \"{shown}\"");
            return refuse(cx, directive, n, "a name, `*.example.com` or `www.example.*`", nginx);
        }
        if !seen.add(&name) {
            let nginx = format!("conflicting parameter \"{shown}\"");
            return refuse(cx, directive, n, "each name once", nginx);
        }
    }
    true
}

/// Name of a referer: the part before the path; `None` for keywords and patterns.
fn referer(text: &[u8]) -> Option<Vec<u8>> {
    let special = matches!(text, b"" | b"none" | b"blocked" | b"server_names") || text.starts_with(b"~");
    let name = text.split(|&b| b == b'/').next().unwrap_or_default();
    (!special).then(|| name.to_ascii_lowercase())
}

/// Names in a hash with wildcards (`ngx_hash_keys_arrays_t`).
#[derive(Default)]
pub(super) struct HashKeys {
    exact: HashSet<Vec<u8>>,
    head: HashSet<Vec<u8>>,
    tail: HashSet<Vec<u8>>,
}

impl HashKeys {
    /// Names that are not covered by a wildcard too.
    pub(super) fn plain(&self) -> impl Iterator<Item = &[u8]> {
        self.exact.iter().filter(|name| !self.head.contains(*name)).map(Vec::as_slice)
    }

    /// Longest label of the names with a wildcard.
    pub(super) fn longest_label(&self) -> Option<&[u8]> {
        let labels = self.head.iter().chain(&self.tail).flat_map(|name| name.split(|&b| b == b'.'));
        labels.max_by_key(|label| label.len())
    }

    /// Adds a lower-case name; false for a duplicate. `.example.com` is both `example.com` and `*.example.com`.
    pub(super) fn add(&mut self, name: &[u8]) -> bool {
        match name {
            [b'.', rest @ ..] if !rest.is_empty() => {
                self.exact.insert(rest.to_vec()) && self.head.insert(rest.to_vec())
            }
            [b'*', b'.', rest @ ..] if !rest.is_empty() => self.head.insert(rest.to_vec()),
            [rest @ .., b'.', b'*'] if !rest.is_empty() => self.tail.insert(rest.to_vec()),
            exact => self.exact.insert(exact.to_vec()),
        }
    }
}

/// True for a name with at most one `*`, at one end (`ngx_hash_add_key`).
pub(super) fn wildcard(name: &[u8]) -> bool {
    let stars = memchr::memchr_iter(b'*', name).count();
    let dots = name.windows(2).any(|pair| pair == b"..");
    let at_end = name.starts_with(b"*.") && name.len() > 2 || name.ends_with(b".*") && name.len() > 2;
    !name.contains(&0) && !dots && (stars == 0 || stars == 1 && at_end)
}

const BROWSERS: &[&str] = &["msie", "gecko", "opera", "safari", "konqueror"];

fn modern_browser<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if directive.len() == 1 {
        let plain = matches!(&*directive.arg(1), b"unlisted");
        return plain
            || refuse(
                cx,
                directive,
                1,
                "`unlisted`, or a browser and its version",
                "invalid number of arguments in \"modern_browser\" directive",
            );
    }
    let browser = directive.arg(1);
    if !BROWSERS.iter().any(|name| browser.eq_ignore_ascii_case(name.as_bytes())) {
        let nginx = format!("unknown browser name \"{}\"", directive.text(1));
        return refuse(cx, directive, 1, "`msie`, `gecko`, `opera`, `safari` or `konqueror`", nginx);
    }
    let version = directive.arg(2);
    let valid = version.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let nginx = format!("invalid browser version \"{}\"", directive.text(2));
    valid || refuse(cx, directive, 2, "a version: `5.5`", nginx)
}

fn gzip_disable<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    directive.args_from(1).all(|(n, text)| {
        *text == *b"msie6" || *text == *b"degradation" || regex::check(cx, &text, true, directive.arg_span(n))
    })
}

fn sub_filter<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if directive.arg(1).is_empty() {
        return refuse(cx, directive, 1, "a text to search for", "empty search pattern");
    }
    let before = cx.levels.last().map_or(0, |level| {
        level.remembered.iter().filter(|d| d.name() == "sub_filter" && d.order < directive.order).count()
    });
    before < 255 || refuse(cx, directive, 1, "at most 255 patterns", "number of search patterns exceeds 255")
}

/// `ngx_http_index_set_index`
fn index<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    for (n, text) in directive.args_from(1) {
        if n < directive.len() && text.first() == Some(&b'/') {
            cx.report(
                Diagnostic::warning(
                    "absolute-index",
                    directive.arg_span(n),
                    "only the last `index` should be absolute",
                )
                .label("no later one is tried")
                .nginx("only the last index in \"index\" directive should be absolute"),
            );
        }
        if text.is_empty() {
            let nginx = format!("index \"{}\" in \"index\" directive is invalid", directive.text(1));
            return refuse(cx, directive, n, "the name of a file", nginx);
        }
    }
    true
}

pub(super) fn merge(cx: &mut Compiler<'_>) {
    secure_link_mixed(cx);
    referers_only_special(cx);
}

/// `ngx_http_secure_link_merge_conf`
fn secure_link_mixed(cx: &mut Compiler<'_>) {
    // Only the directives of one block conflict: each form replaces the other if that is inherited.
    let Some(secret) = cx.here("secure_link_secret").cloned() else { return };
    let other = ["secure_link", "secure_link_md5"].iter().find_map(|name| cx.here(name)).map(Directive::span);
    let Some(other) = other else { return };
    cx.report(
        Diagnostic::error(
            "incompatible-directives",
            secret.span(),
            "`secure_link_secret` cannot be mixed with `secure_link` and `secure_link_md5`",
        )
        .label("not together")
        .related(other, "the other")
        .nginx("\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"")
        .when(FaultPhase::EndOfSubsystem { step: 40, place: Place::Close }),
    );
}

fn referers_only_special(cx: &mut Compiler<'_>) {
    let words = |d: &Directive<'_>| d.args_from(1).map(|(_, text)| text.into_owned()).collect::<Vec<_>>();
    let Some(level) = cx.levels.last() else { return };
    if level.context == Context::Http {
        return;
    }
    let all: Vec<Vec<u8>> =
        level.remembered.iter().filter(|d| d.name() == "valid_referers").flat_map(words).collect();
    if all.iter().any(|w| w == b"server_names") {
        return server_names_too(cx, &all);
    }
    let special = |w: &[u8]| matches!(w, b"none" | b"blocked") || w.starts_with(b"~");
    let some = all.iter().any(|w| matches!(&w[..], b"none" | b"blocked"));
    let Some(directive) = level.find("valid_referers").cloned() else { return };
    if !some || !all.iter().all(|w| special(w)) {
        return;
    }
    cx.report(
        Diagnostic::error(
            "no-valid-referer",
            directive.span(),
            "`none` and `blocked` are the only referers here; expected at least one name",
        )
        .label("no name")
        .nginx("the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive without any valid referer")
        .when(FaultPhase::EndOfSubsystem { step: 35, place: Place::None }),
    );
}

/// Reports referers that repeat a name added by `server_names` (`ngx_http_referer_merge_conf`).
fn server_names_too(cx: &mut Compiler<'_>, referers: &[Vec<u8>]) {
    let mut keys = HashKeys::default();
    for name in referers.iter().filter_map(|text| referer(text)) {
        keys.add(&name);
    }
    let level = cx.levels.iter().rev().find(|level| level.context == Context::Server);
    let directives =
        level.into_iter().flat_map(|level| &level.remembered).filter(|d| d.name() == "server_name");
    let mut names: Vec<Vec<u8>> =
        directives.flat_map(|d| d.args_from(1)).map(|(_, text)| text.to_ascii_lowercase()).collect();
    // The name of this host is unknown.
    names.retain(|name| !name.starts_with(b"~") && name != b"$hostname");
    if level.is_some_and(|level| level.find("server_name").is_none()) {
        names.push(Vec::new());
    }
    let Some(twice) = names.iter().find(|name| !keys.add(name)) else { return };
    let Some(span) = cx.here("valid_referers").map(Directive::span) else { return };
    let shown = String::from_utf8_lossy(twice).into_owned();
    cx.report(
        Diagnostic::error(
            "conflicting-referer",
            span,
            format!(
                "`server_names` brings `{shown}`, which is a referer here already; expected each name once"
            ),
        )
        .label("together with `server_names`")
        .help("leave out either")
        .nginx(format!("conflicting parameter \"{shown}\""))
        .when(FaultPhase::EndOfSubsystem { step: 35, place: Place::Close }),
    );
}

impl Value for Expires {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Expires::Off
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let n = directive.len();
        let modified = n == 2;
        let text = directive.arg(n);
        if text.contains(&b'$') {
            return Some(Expires::Value { value: value::argument(cx, directive, n), modified });
        }
        Expires::of(&text, modified)
    }
}

impl Value for Vec<AddHeader> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let always = directive.len() == 3;
        let value = value::argument(cx, directive, 2);
        Some(vec![AddHeader { name: directive.arg(1).into(), value, always, span: directive.span() }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}
