//! Effects of a configuration on one request, as values that can be compared between configurations.

use super::class::Class;
use crate::behaviour::outcome::{Knowable, Outcome};
use crate::behaviour::{passed, response};
use crate::model::Target;
use crate::model::location::Handler;
use crate::simulate::walk::{End, Event};
use crate::source::{SourceMap, Span};

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Class of a difference in this effect.
    pub class: Class,
    /// Name of the effect: `answer`, `headers.X-Frame-Options` …
    pub field: String,
    /// Value of the effect.
    pub value: String,
    /// Directives that set it.
    pub causes: Vec<Span>,
}

/// All effects on a request.
#[derive(Clone, Debug)]
pub struct Effects {
    /// The effects; `answer` comes first.
    pub list: Vec<Effect>,
    /// The answer in words.
    pub told: String,
    /// Directive that answers.
    pub place: Option<Span>,
    /// Blocks and directives that the route went through.
    pub trail: Vec<Span>,
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A value, or why it is unknown: two unknown values of one reason are equal.
fn known<T>(value: Knowable<T>, show: impl FnOnce(T) -> String) -> String {
    match value {
        Ok(value) => show(value),
        Err(missing) => format!("unknown: {missing}"),
    }
}

/// The effects of an outcome.
pub fn effects(outcome: &mut Outcome<'_>, sources: &SourceMap) -> Effects {
    let mut list = Vec::new();
    let (class, value, told, place) = answer(outcome, sources);
    let mut add = |class, field: &str, value: String, causes: Vec<Span>| {
        list.push(Effect { class, field: field.to_owned(), value, causes });
    };
    add(class, "answer", value, place.into_iter().collect());
    let is_passed = matches!(outcome.upstream(), Ok(Some(_)));
    if is_passed {
        let handler = outcome.handler().map(Handler::span).into_iter().collect::<Vec<_>>();
        if let Some(Handler::Proxy(_)) = outcome.handler() {
            add(Class::Upstream, "upstream URI", known(passed::uri(outcome), |v| lossy(&v)), handler.clone());
            add(
                Class::Upstream,
                "upstream method",
                known(passed::method(outcome), |v| lossy(&v)),
                Vec::new(),
            );
            add(Class::Cache, "cache", known(outcome.cache(), Option::unwrap_or_default), Vec::new());
            if matches!(outcome.cache(), Ok(Some(_))) {
                add(Class::Cache, "cache key", known(passed::cache_key(outcome), |v| lossy(&v)), Vec::new());
            }
            let set = &outcome.settings().proxy.set_header.value;
            let spans = |name: &str| -> Vec<Span> {
                let own = set.iter().filter(|header| header.name.eq_ignore_ascii_case(name.as_bytes()));
                own.map(|header| header.span).collect()
            };
            match passed::headers(outcome) {
                Err(missing) => {
                    add(Class::Headers, "headers to the upstream", missing.to_string(), Vec::new());
                }
                Ok(lines) => {
                    for (name, value) in joined(lines) {
                        let spans = spans(&name);
                        add(Class::Headers, &format!("header {name} to the upstream"), value, spans);
                    }
                }
            }
        }
        add(Class::Ports, "source address", known(outcome.source(), |v| lossy(&v)), Vec::new());
    }
    if outcome.status().is_ok() {
        let lines = response::headers(outcome).unwrap_or_default();
        let set = &outcome.settings().content.add_header.value;
        let spans: Vec<(String, Span)> =
            set.iter().map(|header| (lossy(&header.name), header.span)).collect();
        for (name, value) in joined(lines) {
            let own = spans.iter().filter(|(other, _)| other.eq_ignore_ascii_case(&name));
            let spans = own.map(|(_, span)| *span).collect();
            if !name.eq_ignore_ascii_case("location") {
                add(Class::Headers, &format!("header {name}"), value, spans);
            }
        }
    }
    for directive in ["limit_req", "limit_conn"] {
        let zones = known(outcome.zones(directive), |zones| {
            let zones = zones.iter().map(|(zone, key)| format!("{zone} = {}", lossy(key)));
            zones.collect::<Vec<_>>().join(", ")
        });
        add(Class::Limits, directive, zones, Vec::new());
    }
    Effects { list, told, place, trail: trail(outcome) }
}

/// Lines of one name together, in the order of the first.
fn joined(lines: response::Lines) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in lines {
        let value = known(value, |value| lossy(&value));
        match all.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(&name)) {
            Some((_, own)) => {
                own.push_str(", ");
                own.push_str(&value);
            }
            None => all.push((name, value)),
        }
    }
    all
}

/// Class and value of the answer, the answer in words, and the directive that answers.
fn answer(outcome: &mut Outcome<'_>, sources: &SourceMap) -> (Class, String, String, Option<Span>) {
    let text = |span: Span| {
        let text = lossy(sources.text(span));
        text.trim_end_matches([';', '{', ' ']).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let status = known(outcome.status(), |status| status.to_string());
    match outcome.walk.end.clone() {
        End::Answer(span, 301 | 302 | 303 | 307 | 308, _) => {
            let to = known(response::location(outcome), |to| lossy(&to.unwrap_or_default()));
            let value = format!("{status} to {to}");
            (Class::Redirects, value.clone(), format!("`{}`: {value}", text(span)), Some(span))
        }
        End::Slash => {
            let to = known(response::location(outcome), |to| lossy(&to.unwrap_or_default()));
            (Class::Redirects, format!("{status} to {to}"), format!("{status} to {to}"), None)
        }
        End::Answer(span, _, body) => {
            let body = body.map_or_else(|| "unknown".to_owned(), |body| lossy(&body));
            let class = if matches!(status.as_str(), "401" | "403") { Class::Access } else { Class::Routing };
            (class, format!("{status} {body:?}"), format!("{status}, `{}`", text(span)), Some(span))
        }
        End::Status(_, why) => {
            // An internal location is closed to clients as a denied one is.
            let is_internal = why.contains("`internal`");
            let is_closed = is_internal || matches!(status.as_str(), "401" | "403");
            let class = match status.as_str() {
                _ if is_closed => Class::Access,
                "413" => Class::Limits,
                _ => Class::Routing,
            };
            let told = format!("{status}: {why}");
            let status = if is_internal { format!("{status}, internal") } else { status };
            let place = outcome.access().filter(|(_, allowed)| !allowed).map(|(span, _)| span);
            (class, status, told, place)
        }
        End::File(path) => {
            let span = outcome.settings().content.root.origin.span();
            (
                Class::Routing,
                format!("{status}, the file {}", lossy(&path)),
                format!("the file `{}`", lossy(&path)),
                span,
            )
        }
        End::List(path) => {
            let told = format!("the list of the directory `{}`", lossy(&path));
            (Class::Access, told.clone(), told, outcome.settings().content.autoindex.origin.span())
        }
        End::Content(span) => {
            if let Ok(Some(upstream)) = outcome.upstream() {
                let tls = outcome.destination().is_some_and(|destination| destination.tls);
                let value = format!("{status}, upstream {upstream}{}", if tls { " by TLS" } else { "" });
                let target = outcome.handler().and_then(Handler::target);
                let is_computed = matches!(target, Some((_, Target::Value(_))));
                let told = match span.map(text) {
                    Some(text) if is_computed => format!("`{text}`: {upstream}"),
                    Some(text) => format!("`{text}`"),
                    None => value.clone(),
                };
                (Class::Upstream, value, told, span)
            } else {
                let told = span.map_or_else(String::new, text);
                (Class::Routing, told.clone(), format!("`{told}`"), span)
            }
        }
        End::Unknown(span, _) | End::Needs(_, span) => {
            let why = known(outcome.status(), |status| status.to_string());
            let own = span.map_or_else(String::new, text);
            (Class::Routing, format!("{own} {why}"), why, span)
        }
    }
}

/// Blocks and directives that the route went through, the last first.
fn trail(outcome: &Outcome<'_>) -> Vec<Span> {
    let config = outcome.config();
    let router = &outcome.ground.router;
    let mut trail = Vec::new();
    for event in &outcome.walk.events {
        match event {
            Event::Server(id, _) => trail.push(config.http.servers[id.0 as usize].span),
            Event::Location(_, Some(id), _) => {
                let (server, path) = router.path(*id);
                let mut outer = path.first().and_then(|first| router.outermost(server, *first as usize));
                let mut rest = path.iter().skip(1);
                while let Some(id) = outer {
                    trail.push(router.get(id).span);
                    outer = rest.next().and_then(|at| router.inner(id, *at as usize));
                }
            }
            Event::Limited(id) => trail.push(router.get(*id).span),
            Event::Set(span, ..)
            | Event::If(span, ..)
            | Event::Rewrite(span, _)
            | Event::Break(span)
            | Event::ErrorPage(span, ..)
            | Event::Access(span, _)
            | Event::Answer(span, _)
            | Event::Tried(Some(span), _) => trail.push(*span),
            Event::Location(_, None, _) | Event::Redirect(_) | Event::Tried(None, _) => {}
        }
    }
    for (map, entry) in &outcome.request.looked_up {
        let map = &config.http.maps[*map];
        let entry = entry.map(|entry| map.entries[entry].span);
        trail.extend(entry.or(map.default.as_ref().map(|default| default.span)));
        trail.push(map.span);
    }
    trail.extend(&outcome.request.tables);
    if let Some(id) = outcome.request.destination.as_ref().and_then(|d| d.upstream) {
        trail.push(config.http.upstream(id).span);
    }
    trail.reverse();
    trail
}
