//! `ngxc compile --json`: the model, each value with its place, as docs/json.md describes it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::catalog::{self, Context};
use crate::model::{Config, Server, Stream, StreamServer};
use crate::source::SourceMap;

/// Version of the schema.
const SCHEMA: u32 = 1;

/// Prints the model; with `all` also settings that nothing sets.
pub(super) fn print(config: &Config, sources: &SourceMap, all: bool, out: &mut dyn Write) -> io::Result<()> {
    let view = View { config, sources, all };
    // Server by server: most of what each has is dropped, and of thousands it would not fit into memory before.
    let servers: Vec<Value> = config.http.servers.iter().map(|s| view.of(s)).collect::<io::Result<_>>()?;
    let http = &config.http;
    let mut document = json!({
        "schema": SCHEMA,
        "ngxc": env!("CARGO_PKG_VERSION"),
        "nginx_version": config.version.to_string(),
        "files": sources.files().map(|(_, file)| file.name()).collect::<Vec<_>>(),
        "core": view.of(&config.core)?,
        "http": {
            "place": view.of(&http.span)?,
            "settings": flattened(view.of(&http.settings)?),
            "servers": servers,
            "upstreams": view.of(&http.upstreams)?,
            "variables": view.of(&http.variables)?,
            "maps": view.of(&http.maps)?,
            "geos": view.of(&http.geos)?,
            "charset_maps": view.of(&http.charset_maps)?,
            "split_clients": view.of(&http.split_clients)?,
            "log_formats": view.of(&http.log_formats)?,
        },
        "unsupported": view.of(&config.unsupported)?,
    });
    if let (Some(stream), Some(config)) = (&config.stream, &config.of_stream()) {
        document["stream"] = self::stream(stream, &View { config, sources, all })?;
    }
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// The `stream` block, whose numbers are those of its own tables.
fn stream(stream: &Stream, view: &View<'_>) -> io::Result<Value> {
    // The shared groups have settings of http that stream does not know.
    let exists = |name: &str| {
        [Context::Stream, Context::StreamServer]
            .iter()
            .any(|context| catalog::in_context(name.as_bytes(), *context).is_some())
    };
    let merged = |shared: Value, own: Value| {
        let Value::Object(mut all) = flattened(shared) else { return own };
        all.retain(|name, _| exists(name));
        if let Value::Object(own) = own {
            all.extend(own);
        }
        Value::Object(all)
    };
    let shared = &stream.shared;
    let server = |(both, own): (&Server, &StreamServer)| -> io::Result<Value> {
        Ok(json!({
            "place": view.of(&both.span)?,
            "listen": view.of(&both.listen)?,
            "names": view.of(&both.names)?,
            "settings": merged(view.of(&both.settings)?, view.of(&*own.settings)?),
            "instructions": view.of(&both.instructions)?,
            "handler": view.of(&own.handler)?,
        }))
    };
    let servers = shared.servers.iter().zip(&stream.servers).map(server).collect::<io::Result<Vec<_>>>()?;
    Ok(json!({
        "place": view.of(&stream.span)?,
        "settings": merged(view.of(&shared.settings)?, Value::Null),
        "servers": servers,
        "upstreams": view.of(&shared.upstreams)?,
        "variables": view.of(&shared.variables)?,
        "maps": view.of(&shared.maps)?,
        "geos": view.of(&shared.geos)?,
        "split_clients": view.of(&shared.split_clients)?,
        "log_formats": view.of(&shared.log_formats)?,
    }))
}

/// Tables that turn numbers of the model into names and places.
pub(super) struct View<'v> {
    pub(super) config: &'v Config,
    pub(super) sources: &'v SourceMap,
    pub(super) all: bool,
}

impl View<'_> {
    /// A part of the model in the words of docs/json.md.
    pub(super) fn of(&self, part: &impl Serialize) -> io::Result<Value> {
        Ok(self.value("", serde_json::to_value(part)?))
    }

    fn value(&self, key: &str, value: Value) -> Value {
        match value {
            Value::Array(list) => list.into_iter().map(|v| self.value("", v)).collect(),
            Value::Number(number) => self.number(key, &number),
            Value::Object(map) => self.object(map),
            other => other,
        }
    }

    /// A variable or an upstream has a name.
    fn number(&self, key: &str, number: &serde_json::Number) -> Value {
        let position = number.as_u64().and_then(|n| usize::try_from(n).ok());
        let name = position.and_then(|at| match key {
            "variable" | "source" | "true" => self.variable(at),
            "upstream" => self.config.http.upstreams.get(at).map(|u| u.name.clone()),
            "format" => self.config.http.log_formats.get(at).map(|f| f.name.clone()),
            _ => None,
        });
        name.map_or_else(|| Value::Number(number.clone()), Value::String)
    }

    fn variable(&self, at: usize) -> Option<String> {
        let variables = &self.config.http.variables;
        variables.iter().nth(at).map(|(_, variable)| format!("${}", variable.name))
    }

    fn object(&self, mut map: Map<String, Value>) -> Value {
        if let Some(span) = span(&map) {
            return self.place(span);
        }
        if map.len() == 1
            && let Some(Value::Array(segments)) = map.get("segments")
        {
            let texts: Vec<String> = segments.iter().map(|s| self.segment(s)).collect();
            return Value::String(joined(&texts, segments));
        }
        if map.len() == 2
            && let (Some(seconds), Some(nanos)) =
                (map.get("secs").and_then(Value::as_u64), map.get("nanos").and_then(Value::as_u64))
        {
            let nanos = u32::try_from(nanos).unwrap_or_default();
            let time = std::time::Duration::new(seconds, nanos);
            return if nanos == 0 { json!(seconds) } else { json!(time.as_secs_f64()) };
        }
        if map.len() == 2
            && map.contains_key("value")
            && let Some(origin) = map.get("origin").cloned()
        {
            let value = self.value("", map.remove("value").unwrap_or_default());
            return self.setting(value, &origin);
        }
        let parts = map.into_iter().map(|(key, value)| {
            let value = self.value(&key, value);
            let value = if key == "settings" { flattened(value) } else { value };
            (if key == "span" { "place".to_owned() } else { key }, value)
        });
        // A setting that nothing sets has become null by now, and so has what is not there: both go without saying.
        Value::Object(parts.filter(|(_, value)| !value.is_null()).collect())
    }

    fn setting(&self, value: Value, origin: &Value) -> Value {
        let (name, place) = match origin {
            Value::Object(map) => match map.iter().next() {
                Some((name, Value::Object(at))) => (name.as_str(), span(at).map(|span| self.place(span))),
                _ => ("default", None),
            },
            _ => ("default", None),
        };
        if place.is_none() && !self.all {
            return Value::Null;
        }
        let parts = [("value", Some(value)), ("origin", Some(name.into())), ("place", place)];
        let parts = parts.into_iter().filter_map(|(key, part)| Some((key.to_owned(), part?)));
        Value::Object(parts.collect())
    }

    fn segment(&self, segment: &Value) -> String {
        let Some((kind, value)) = segment.as_object().and_then(|map| map.iter().next()) else {
            return String::new();
        };
        match (kind.as_str(), value) {
            ("literal", Value::String(text)) => text.clone(),
            ("variable", Value::Number(n)) => {
                n.as_u64().and_then(|at| self.variable(at as usize)).unwrap_or_default()
            }
            (_, other) => format!("${other}"),
        }
    }

    fn place(&self, (file, start): (usize, u32)) -> Value {
        let Some((_, file)) = self.sources.files().nth(file) else { return Value::Null };
        let position = file.position(start);
        json!({ "file": file.name(), "line": position.line, "column": position.column })
    }
}

/// Settings by their names alone: how the model groups them is its own affair.
fn flattened(groups: Value) -> Value {
    let Value::Object(groups) = groups else { return groups };
    let groups = groups.into_iter().map(|(_, group)| group);
    groups
        .filter_map(|group| if let Value::Object(settings) = group { Some(settings) } else { None })
        .flatten()
        .collect()
}

/// The pieces of a complex value as one would write them.
fn joined(texts: &[String], segments: &[Value]) -> String {
    let mut out = String::new();
    for (i, text) in texts.iter().enumerate() {
        let is_glued = segments[i].get("variable").is_some()
            && texts
                .get(i + 1)
                .and_then(|t| t.bytes().next())
                .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        match text.strip_prefix('$').filter(|_| is_glued) {
            Some(name) => out.extend(["${", name, "}"]),
            None => out.push_str(text),
        }
    }
    out
}

/// File and offset of a span.
fn span(map: &Map<String, Value>) -> Option<(usize, u32)> {
    let number = |key: &str| map.get(key).and_then(Value::as_u64);
    let (file, start, _) = (number("file")?, number("start")?, number("end")?);
    (map.len() == 3).then_some((file as usize, start as u32))
}
