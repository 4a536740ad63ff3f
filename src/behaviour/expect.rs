//! Comparison of what is expected with what happens. Only what is written is compared.

use std::collections::BTreeMap;

use super::case::{Expect, Header};
use super::happened::AnsweredRequest;
use super::outcome::{Knowable, Missing};
use super::response;
use crate::source::{SourceMap, Span};

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Field of `expect`.
    pub field: String,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: FoundValue,
}

/// Value found in place of the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundValue {
    /// A value.
    Value(String),
    /// Several lines of one header.
    Several(Vec<String>),
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

type Text = Knowable<Option<String>>;

fn text(value: Knowable<Vec<u8>>) -> Text {
    value.map(|bytes| Some(String::from_utf8_lossy(&bytes).into_owned()))
}

impl Comparison<'_> {
    fn compare(&mut self, field: &str, expected: Option<&String>, found: impl FnOnce() -> Text) {
        let Some(expected) = expected else { return };
        let found = match found() {
            // An empty text and nothing are the same to a test.
            Ok(found) if found.as_deref().unwrap_or_default() == expected => return,
            Ok(Some(value)) => FoundValue::Value(value),
            Ok(None) => FoundValue::Nothing,
            Err(missing) => FoundValue::Unknown(missing),
        };
        self.add(field, format!("{expected:?}"), found);
    }

    fn add(&mut self, field: &str, expected: String, found: FoundValue) {
        self.differences.push(Difference { field: field.to_owned(), expected, found });
    }

    fn headers(
        &mut self,
        field: &str,
        expected: &BTreeMap<String, Header>,
        lines: Knowable<response::Lines>,
    ) {
        let lines = match lines {
            Ok(lines) => lines,
            Err(missing) => {
                for (name, header) in expected {
                    self.add(&format!("{field}.{name}"), shown(header), FoundValue::Unknown(missing.clone()));
                }
                return;
            }
        };
        for (name, header) in expected {
            let own: Vec<&Knowable<Vec<u8>>> =
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
                Err(missing) => FoundValue::Unknown(missing.clone()),
                Ok(values) if values.is_empty() => FoundValue::Nothing,
                Ok(mut values) if values.len() == 1 => FoundValue::Value(values.remove(0)),
                Ok(values) => FoundValue::Several(values),
            };
            self.add(&format!("{field}.{name}"), shown(header), found);
        }
    }

    fn zones(
        &mut self,
        field: &str,
        expected: Option<&BTreeMap<String, String>>,
        found: impl FnOnce() -> Knowable<Vec<(String, Vec<u8>)>>,
    ) {
        let Some(expected) = expected else { return };
        let written = |zones: &mut dyn Iterator<Item = (String, String)>| {
            let mut zones: Vec<String> = zones.map(|(zone, key)| format!("{zone} = {key:?}")).collect();
            zones.sort();
            zones.join(", ")
        };
        let wanted = written(&mut expected.iter().map(|(zone, key)| (zone.clone(), key.clone())));
        let found = match found() {
            Err(missing) => FoundValue::Unknown(missing),
            Ok(zones) => {
                let mut zones =
                    zones.into_iter().map(|(zone, key)| (zone, String::from_utf8_lossy(&key).into_owned()));
                match written(&mut zones) {
                    zones if zones == wanted => return,
                    zones if zones.is_empty() => FoundValue::Nothing,
                    zones => FoundValue::Value(zones),
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

/// All that is not as expected.
pub fn compare(expect: &Expect, happened: &mut dyn AnsweredRequest, sources: &SourceMap) -> Vec<Difference> {
    let mut c = Comparison { differences: Vec::new(), sources };
    if let Some(expected) = &expect.server {
        match happened.names() {
            Ok(names) if names.contains(expected) => {}
            Ok(names) => c.add("server", format!("{expected:?}"), FoundValue::Value(names.join(" "))),
            Err(missing) => c.add("server", format!("{expected:?}"), FoundValue::Unknown(missing)),
        }
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = expect.location.as_deref().map(words);
    c.compare("location", wanted.as_ref(), || Ok(Some(words(&happened.location()?))));
    if let Some(expected) = expect.status {
        match happened.status() {
            Ok(status) if status == expected => {}
            Ok(status) => c.add("status", expected.to_string(), FoundValue::Value(status.to_string())),
            Err(missing) => c.add("status", expected.to_string(), FoundValue::Unknown(missing)),
        }
    }
    let some = |value: Option<Vec<u8>>| value.map(|value| lossy(&value));
    c.compare("redirect", expect.redirect.as_ref(), || happened.redirect().map(some));
    let file = expect.file.as_ref().map(|path| clean(path.as_bytes()));
    c.compare("file", file.as_ref(), || Ok(happened.file()?.map(|path| clean(&path))));
    c.compare("body", expect.body.as_ref(), || happened.body().map(some));
    c.compare("upstream", expect.upstream.as_ref(), || happened.upstream());
    c.compare("upstream_method", expect.upstream_method.as_ref(), || text(happened.upstream_method()));
    c.compare("upstream_uri", expect.upstream_uri.as_ref(), || text(happened.upstream_uri()));
    if !expect.upstream_headers.is_empty() {
        c.headers("upstream_headers", &expect.upstream_headers, happened.upstream_headers());
    }
    c.compare("source", expect.source.as_ref(), || text(happened.source()));
    if !expect.headers.is_empty() {
        c.headers("headers", &expect.headers, happened.headers());
    }
    for (name, value) in &expect.variables {
        c.compare(&format!("variables.{name}"), Some(value), || text(happened.variable(name)));
    }
    access(&mut c, expect, happened);
    c.zones("limit_req", expect.limit_req.as_ref(), || happened.zones("limit_req"));
    c.zones("limit_conn", expect.limit_conn.as_ref(), || happened.zones("limit_conn"));
    c.compare("cache", expect.cache.as_ref(), || happened.cache());
    c.compare("cache_key", expect.cache_key.as_ref(), || text(happened.cache_key()));
    c.differences
}

/// `allowed` and `access`: without a rule that applies the client is let in.
fn access(c: &mut Comparison<'_>, expect: &Expect, happened: &mut dyn AnsweredRequest) {
    if expect.allowed.is_none() && expect.access.is_none() {
        return;
    }
    let decided = happened.access();
    if let Some(expected) = expect.allowed {
        let word = |allowed: bool| if allowed { "allowed" } else { "denied" }.to_owned();
        match decided.as_ref().map(|decided| decided.is_none_or(|(_, allowed)| allowed)) {
            Err(missing) => c.add("allowed", word(expected), FoundValue::Unknown(missing.clone())),
            Ok(allowed) if allowed == expected => {}
            Ok(allowed) => c.add("allowed", word(expected), FoundValue::Value(word(allowed))),
        }
    }
    if let Some(expected) = &expect.access {
        let found = match decided {
            Err(missing) => FoundValue::Unknown(missing),
            Ok(None) => FoundValue::Nothing,
            Ok(Some((span, _))) => {
                let (text, place) = c.place(span);
                let wanted = expected.trim_end_matches(';');
                let is_place = place == wanted || place.ends_with(&format!("/{wanted}"));
                if text == wanted || is_place {
                    return;
                }
                FoundValue::Value(format!("{text} ({place})"))
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
