//! Comparison of what is expected with what happens. Only what is written is compared.

use std::collections::BTreeMap;

use super::case::{Expect, Header};
use super::outcome::{Known, Missing, Outcome};
use super::{passed, response};
use crate::model::LocationKind;
use crate::source::{SourceMap, Span};

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Field of `expect`.
    pub field: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: Found,
}

/// What was found in place of the expected value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A value.
    Value(String),
    /// Nothing: there is no such header, file, upstream …
    Nothing,
    /// The value is unknown, and why.
    Unknown(Missing),
}

/// Comparison in progress.
struct Comparison<'c> {
    differences: Vec<Difference>,
    sources: &'c SourceMap,
}

type Text = Known<Option<String>>;

fn text(value: Known<Vec<u8>>) -> Text {
    value.map(|bytes| Some(String::from_utf8_lossy(&bytes).into_owned()))
}

impl Comparison<'_> {
    fn compare(&mut self, field: &str, expected: Option<&String>, found: impl FnOnce() -> Text) {
        let Some(expected) = expected else { return };
        let found = match found() {
            // An empty text and nothing are the same to a test.
            Ok(found) if found.as_deref().unwrap_or_default() == expected => return,
            Ok(Some(value)) => Found::Value(value),
            Ok(None) => Found::Nothing,
            Err(missing) => Found::Unknown(missing),
        };
        self.add(field, format!("{expected:?}"), found);
    }

    fn add(&mut self, field: &str, expected: String, found: Found) {
        self.differences.push(Difference { field: field.to_owned(), expected, found });
    }

    fn headers(&mut self, field: &str, expected: &BTreeMap<String, Header>, lines: Known<response::Lines>) {
        let lines = match lines {
            Ok(lines) => lines,
            Err(missing) => {
                for (name, header) in expected {
                    self.add(&format!("{field}.{name}"), shown(header), Found::Unknown(missing.clone()));
                }
                return;
            }
        };
        for (name, header) in expected {
            let own: Vec<&Known<Vec<u8>>> =
                lines.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect();
            let values: Result<Vec<String>, &Missing> =
                own.iter().map(|v| v.as_ref().map(|v| String::from_utf8_lossy(v).into_owned())).collect();
            let fits = match (header, &values) {
                (Header::Present(is_there), _) => own.is_empty() != *is_there,
                (Header::Values(expected), Ok(values)) => expected.all() == values,
                (Header::Values(_), Err(_)) => false,
            };
            if fits {
                continue;
            }
            let found = match values {
                Err(missing) => Found::Unknown(missing.clone()),
                Ok(values) if values.is_empty() => Found::Nothing,
                Ok(values) => Found::Value(values.join("`, `")),
            };
            self.add(&format!("{field}.{name}"), shown(header), found);
        }
    }

    fn zones(
        &mut self,
        field: &str,
        expected: Option<&BTreeMap<String, String>>,
        found: impl FnOnce() -> Known<Vec<(String, Vec<u8>)>>,
    ) {
        let Some(expected) = expected else { return };
        let written = |zones: &mut dyn Iterator<Item = (String, String)>| {
            let mut zones: Vec<String> = zones.map(|(zone, key)| format!("{zone} = {key:?}")).collect();
            zones.sort();
            zones.join(", ")
        };
        let wanted = written(&mut expected.iter().map(|(zone, key)| (zone.clone(), key.clone())));
        let found = match found() {
            Err(missing) => Found::Unknown(missing),
            Ok(zones) => {
                let mut zones =
                    zones.into_iter().map(|(zone, key)| (zone, String::from_utf8_lossy(&key).into_owned()));
                match written(&mut zones) {
                    zones if zones == wanted => return,
                    zones if zones.is_empty() => Found::Nothing,
                    zones => Found::Value(zones),
                }
            }
        };
        self.add(field, if wanted.is_empty() { "none".to_owned() } else { wanted }, found);
    }

    fn place(&self, span: Span) -> (String, String) {
        let text = String::from_utf8_lossy(self.sources.text(span)).into_owned();
        let text = text.trim_end_matches([';', '{', ' ']).split_whitespace().collect::<Vec<_>>().join(" ");
        (text, self.sources.place(span))
    }
}

fn shown(header: &Header) -> String {
    match header {
        Header::Present(true) => "some value".to_owned(),
        Header::Present(false) => "no such header".to_owned(),
        Header::Values(values) => {
            values.all().iter().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(", ")
        }
    }
}

/// The location as written, without the word `location`; empty: the server itself.
pub fn location(outcome: &Outcome<'_>) -> String {
    let Some(id) = outcome.location() else { return String::new() };
    let location = outcome.ground.router.get(id);
    match &location.kind {
        kind @ (LocationKind::If | LocationKind::LimitExcept(_)) => kind.to_string(),
        kind => kind.to_string().trim_start_matches("location ").to_owned(),
    }
}

/// All that is not as expected.
pub fn compare(expect: &Expect, outcome: &mut Outcome<'_>, sources: &SourceMap) -> Vec<Difference> {
    let mut c = Comparison { differences: Vec::new(), sources };
    if let Some(expected) = &expect.server {
        let names: Vec<String> = outcome.server_names().collect();
        if !names.contains(expected) {
            c.add("server", format!("{expected:?}"), Found::Value(names.join(" ")));
        }
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = expect.location.as_deref().map(words);
    c.compare("location", wanted.as_ref(), || Ok(Some(words(&location(outcome)))));
    if let Some(expected) = expect.status {
        match outcome.status() {
            Ok(status) if status == expected => {}
            Ok(status) => c.add("status", expected.to_string(), Found::Value(status.to_string())),
            Err(missing) => c.add("status", expected.to_string(), Found::Unknown(missing)),
        }
    }
    c.compare("redirect", expect.redirect.as_ref(), || {
        Ok(response::location(outcome)?.map(|value| String::from_utf8_lossy(&value).into_owned()))
    });
    let file = expect.file.as_ref().map(|path| clean(path.as_bytes()));
    c.compare("file", file.as_ref(), || outcome.file().map(|path| path.map(clean)));
    c.compare("body", expect.body.as_ref(), || response::body(outcome).map(|b| b.map(|text| lossy(&text))));
    c.compare("upstream", expect.upstream.as_ref(), || outcome.upstream());
    c.compare("upstream_method", expect.upstream_method.as_ref(), || text(passed::method(outcome)));
    c.compare("upstream_uri", expect.upstream_uri.as_ref(), || text(passed::uri(outcome)));
    if !expect.upstream_headers.is_empty() {
        c.headers("upstream_headers", &expect.upstream_headers, passed::headers(outcome));
    }
    c.compare("source", expect.source.as_ref(), || text(outcome.source()));
    if !expect.headers.is_empty() {
        c.headers("headers", &expect.headers, response::headers(outcome));
    }
    for (name, value) in &expect.variables {
        c.compare(&format!("variables.{name}"), Some(value), || text(outcome.variable(name)));
    }
    access(&mut c, expect, outcome);
    c.zones("limit_req", expect.limit_req.as_ref(), || outcome.zones("limit_req"));
    c.zones("limit_conn", expect.limit_conn.as_ref(), || outcome.zones("limit_conn"));
    c.compare("cache", expect.cache.as_ref(), || outcome.cache());
    c.compare("cache_key", expect.cache_key.as_ref(), || text(passed::cache_key(outcome)));
    c.differences
}

/// `allowed` and `access`: without a rule that applies the client is let in.
fn access(c: &mut Comparison<'_>, expect: &Expect, outcome: &Outcome<'_>) {
    let decided = outcome.access();
    let needs = outcome.needs_client().filter(|_| decided.is_none());
    if let Some(expected) = expect.allowed {
        let word = |allowed: bool| if allowed { "allowed" } else { "denied" }.to_owned();
        let allowed = decided.is_none_or(|(_, allowed)| allowed);
        match needs.clone() {
            Some(missing) => c.add("allowed", word(expected), Found::Unknown(missing)),
            None if allowed == expected => {}
            None => c.add("allowed", word(expected), Found::Value(word(allowed))),
        }
    }
    if let Some(expected) = &expect.access {
        let found = match (needs, decided) {
            (Some(missing), _) => Found::Unknown(missing),
            (None, None) => Found::Nothing,
            (None, Some((span, _))) => {
                let (text, place) = c.place(span);
                let wanted = expected.trim_end_matches(';');
                let is_place = place == wanted || place.ends_with(&format!("/{wanted}"));
                if text == wanted || is_place {
                    return;
                }
                Found::Value(format!("{text} ({place})"))
            }
        };
        c.add("access", format!("{expected:?}"), found);
    }
}

fn clean(path: &[u8]) -> String {
    String::from_utf8_lossy(&crate::simulate::facts::clean(path)).into_owned()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
