//! Settings of a location: each as it is written, and its origin.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;
use serde_json::Value;

use super::{ModelNames, written};
use crate::catalog::{self, Context};
use crate::cli::Failure;
use crate::eval::select::Router;
use crate::model::location::Handler;
use crate::model::{
    AccessSettings, CacheSettings, ClientSettings, ContentSettings, FastcgiProxySettings, FastcgiSettings,
    FileSettings, FilterSettings, GzipSettings, HttpSettings, LimitSettings, Location, PassSettings,
    ProxySettings, ScgiSettings, TlsSettings, UwsgiSettings, core_http, reuse,
};
use crate::simulate::walk::{End, Walk};
use crate::source::Span;
use crate::syntax::Configuration;

/// A setting.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct ShownSetting {
    /// The directive's name.
    pub(in crate::cli) name: String,
    /// As written, one line a directive; the default as nginx documents it; empty if there is none.
    pub(in crate::cli) text: Vec<String>,
    /// `set`, `inherited`, `default`
    pub(in crate::cli) origin: &'static str,
    /// The block that sets it.
    pub(in crate::cli) from: Option<String>,
    /// File and line of each line of `text`.
    pub(in crate::cli) places: Vec<String>,
}

/// Settings that matter although nothing sets them.
const STATIC: &[&str] = &["root", "index"];
const PROXY: &[&str] = &["proxy_http_version", "proxy_set_header", "proxy_bind"];

/// Names of the settings that the model holds.
fn evaluated() -> impl Iterator<Item = &'static str> {
    [
        core_http::CoreHttpSettings::DIRECTIVES,
        ProxySettings::DIRECTIVES,
        reuse::ReuseSettings::DIRECTIVES,
        ContentSettings::DIRECTIVES,
        FilterSettings::DIRECTIVES,
        FileSettings::DIRECTIVES,
        AccessSettings::DIRECTIVES,
        GzipSettings::DIRECTIVES,
        PassSettings::DIRECTIVES,
        LimitSettings::DIRECTIVES,
        CacheSettings::DIRECTIVES,
        FastcgiSettings::DIRECTIVES,
        FastcgiProxySettings::DIRECTIVES,
        ScgiSettings::DIRECTIVES,
        UwsgiSettings::DIRECTIVES,
        ClientSettings::DIRECTIVES,
        TlsSettings::DIRECTIVES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// True if a directive is a setting of a location, a server or of `http`.
pub(in crate::cli) fn is_setting(name: &str) -> bool {
    written::entry(name).is_some() || evaluated().any(|known| known == name)
}

/// A setting inside of some blocks, given by head and name from outer to inner; `None` if the name is no setting.
pub(in crate::cli) fn inside(
    book: ModelNames<'_>,
    configuration: &Configuration,
    heads: &[(Span, String)],
    name: &str,
) -> Option<ShownSetting> {
    written::entry(name)?;
    Some(written::setting(book, &written::levels(configuration, heads), name))
}

/// Checks the names of `--setting`.
pub(super) fn check_names(book: ModelNames<'_>, wanted: &[String]) -> Result<(), Failure> {
    let is_known = |name: &str| written::entry(name).is_some() || evaluated().any(|known| known == name);
    let Some(unknown) = wanted.iter().find(|name| !is_known(name)) else { return Ok(()) };
    let failure = if catalog::directives(unknown.as_bytes()).is_empty() {
        Failure::new(format!("no directive is called `{unknown}`"))
    } else {
        Failure::new(format!("`{unknown}` is no setting of a location"))
    };
    let near = written::names(book).min_by_key(|name| strsim::damerau_levenshtein(name, unknown));
    Err(match near.filter(|name| strsim::damerau_levenshtein(name, unknown) <= 3) {
        Some(name) => failure.help(format!("did you mean `{name}`?")),
        None => failure,
    })
}

/// The settings of where a request ended.
pub(in crate::cli) fn of(
    book: ModelNames<'_>,
    configuration: &Configuration,
    router: &Router,
    walk: &Walk,
    wanted: &[String],
    all: bool,
) -> Vec<ShownSetting> {
    let server = &book.config.http.servers[walk.server.0 as usize];
    // Outer before inner; the last is the one in force.
    let mut levels: Vec<(String, Vec<Raw>)> = Vec::new();
    let mut heads: Vec<(Span, String)> = Vec::new();
    if let Some(settings) = &book.config.http.settings {
        levels.push(("http".to_owned(), raw(settings)));
    }
    heads.extend(book.config.http.span.map(|span| (span, "http".to_owned())));
    levels.push(("server".to_owned(), raw(&server.settings)));
    heads.push((server.span, "server".to_owned()));
    let mut handler = None;
    if let Some(id) = walk.location {
        let (_, path) = router.path(id);
        let mut inside: &[Location] = &server.locations;
        for &at in path {
            let Some(location) = inside.get(at as usize) else { break };
            levels.push((book.text(location.span), raw(&location.settings)));
            heads.push((location.span, book.text(location.span)));
            handler = location.handler.as_ref();
            inside = &location.inner;
        }
    }
    let matters = match (&walk.end, handler) {
        (End::Content(_), None) => STATIC,
        (End::Content(_), Some(Handler::Proxy(_))) => PROXY,
        _ => &[],
    };
    let Some((_, own)) = levels.last() else { return Vec::new() };
    let written = written::levels(configuration, &heads);
    let mut shown: Vec<ShownSetting> = Vec::new();
    for setting in own {
        let is_wanted = if wanted.is_empty() {
            all || setting.origin.is_some() || matters.contains(&setting.name.as_str())
        } else {
            wanted.iter().any(|w| group(w) == setting.name)
        };
        if is_wanted {
            let mut one = show(book, &levels, setting);
            // Of a list whose parts do not know their places the model has but the first one.
            let lines = written::setting(book, &written, &setting.name);
            if one.places.len() == 1 && lines.places.len() > 1 && lines.places.first() == one.places.first() {
                (one.text, one.places) = (lines.text, lines.places);
            }
            shown.push(one);
        }
    }
    let names: Vec<String> = match (wanted.is_empty(), all) {
        (true, false) => written::written(&written),
        (true, true) => {
            let known = written::names(book).map(str::to_owned);
            known.chain(written::written(&written)).collect::<BTreeSet<_>>().into_iter().collect()
        }
        (false, _) => wanted.to_vec(),
    };
    let evaluated: HashSet<&str> = evaluated().collect();
    for name in names {
        if evaluated.contains(name.as_str()) || written::entry(&name).is_none() {
            continue;
        }
        let setting = written::setting(book, &written, &name);
        // Settings at their default are shown only if they were asked for.
        if setting.origin != "default" || all || !wanted.is_empty() {
            shown.push(setting);
        }
    }
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    shown
}

/// The name under which the model has what several directives set.
fn group(name: &str) -> &str {
    match name {
        "alias" => "root",
        "deny" => "allow",
        name => name,
    }
}

/// A setting of a level as the model has it.
struct Raw {
    name: String,
    value: Value,
    origin: Option<(bool, Span)>,
}

fn raw(settings: &HttpSettings) -> Vec<Raw> {
    let Ok(Value::Object(groups)) = serde_json::to_value(settings) else { return Vec::new() };
    let settings = groups.into_iter().filter_map(|(_, group)| match group {
        Value::Object(settings) => Some(settings),
        _ => None,
    });
    let raw = |(name, mut setting): (String, Value)| {
        let origin = setting.get("origin").and_then(Value::as_object).and_then(|o| o.iter().next());
        let origin = origin.and_then(|(how, at)| Some((how == "set", span(at)?)));
        let value = setting.get_mut("value").map(Value::take).unwrap_or_default();
        Raw { name, value, origin }
    };
    settings.flatten().map(raw).collect()
}

fn span(value: &Value) -> Option<Span> {
    serde_json::from_value(value.clone()).ok()
}

/// The places that the parts of a value know of themselves.
fn spans(value: &Value, found: &mut Vec<Span>) {
    if let Some(span) = span(value) {
        found.push(span);
    }
    match value {
        Value::Array(list) => list.iter().for_each(|v| spans(v, found)),
        Value::Object(map) => map.values().for_each(|v| spans(v, found)),
        _ => {}
    }
}

fn show(book: ModelNames<'_>, levels: &[(String, Vec<Raw>)], setting: &Raw) -> ShownSetting {
    let name = setting.name.clone();
    let Some((is_own, at)) = setting.origin else {
        let contexts = [Context::Location, Context::Server, Context::Http];
        let entry = contexts.iter().find_map(|&c| catalog::in_context(name.as_bytes(), c));
        let text = written::default(book, entry);
        return ShownSetting { name, text, origin: "default", from: None, places: Vec::new() };
    };
    // One file can be included at two levels: the inner one counts.
    let from = levels
        .iter()
        .rev()
        .find(|(_, level)| level.iter().any(|other| other.name == name && other.origin == Some((true, at))));
    let mut parts = Vec::new();
    spans(&setting.value, &mut parts);
    parts.dedup();
    if parts.is_empty() {
        parts.push(at);
    }
    ShownSetting {
        text: parts.iter().map(|span| book.text(*span)).collect(),
        places: parts.iter().map(|span| book.place(*span)).collect(),
        origin: if is_own { "set" } else { "inherited" },
        from: from.map(|(block, _)| block.clone()),
        name,
    }
}
