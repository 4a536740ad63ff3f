//! `Connection` header that a leaf sends with an ordinary request: one without `Upgrade`.

use std::cell::OnceCell;

use super::DEFAULT_KEEPALIVE;
use super::fold::Scope;
use super::leaf::Leaf;
use crate::model::map::MapKey;
use crate::model::proxy::Header;
use crate::model::{ComplexValue, Config, Map, Segment, VariableId, VariableSource};
use crate::source::Span;

/// Value of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The header is not sent.
    Absent,
    /// `close`, which nginx adds before 1.29.7 when nothing sets the header.
    CloseByDefault,
    /// `close`, set by the configuration; with the span of the map entry or directive.
    Close(Span),
    /// `keep-alive`
    KeepAlive,
    /// `upgrade`, even with requests without `Upgrade`.
    Upgrade,
    /// The client's own value.
    Client(Span),
    /// Another value, or an unknown one.
    Other,
}

impl Connection {
    /// True if the peer closes the connection after the response, or may because of the client's value.
    pub fn closes(self) -> bool {
        matches!(self, Connection::CloseByDefault | Connection::Close(_) | Connection::Client(_))
    }
}

/// Values that a leaf can send with a request without `Upgrade`.
pub fn connections(config: &Config, leaf: &Leaf<'_>) -> Vec<Connection> {
    sent(&Scope::new(config, Some(leaf), &OnceCell::new()), leaf)
}

pub(super) fn sent(scope: &Scope<'_, '_>, leaf: &Leaf<'_>) -> Vec<Connection> {
    let config = scope.config;
    let Some(header) = leaf.proxy().header(b"connection") else {
        let before = config.version < DEFAULT_KEEPALIVE;
        return vec![if before { Connection::CloseByDefault } else { Connection::Absent }];
    };
    if let [Segment::Variable(id)] = header.value.segments.as_slice() {
        if is_builtin(config, *id, "http_connection") {
            return vec![Connection::Client(header.span)];
        }
        if let Some(map) = upgrade_map(config, *id) {
            let (value, span) = without_upgrade(map);
            return values(scope, value, span);
        }
    }
    let mentions = header.value.variables().any(|id| is_builtin(config, id, "http_connection"));
    if mentions { vec![Connection::Client(header.span)] } else { of_header(scope, header) }
}

fn of_header(scope: &Scope<'_, '_>, header: &Header) -> Vec<Connection> {
    values(scope, &header.value, header.span)
}

fn values(scope: &Scope<'_, '_>, value: &ComplexValue, place: Span) -> Vec<Connection> {
    let values = scope.fold(value);
    let mut found: Vec<Connection> = values
        .known
        .iter()
        .map(|(text, span)| match text.to_ascii_lowercase().as_slice() {
            b"" => Connection::Absent,
            b"close" => Connection::Close(span.unwrap_or(place)),
            b"keep-alive" => Connection::KeepAlive,
            b"upgrade" => Connection::Upgrade,
            _ => Connection::Other,
        })
        .collect();
    if values.open {
        found.push(Connection::Other);
    }
    found
}

fn is_builtin(config: &Config, id: VariableId, name: &str) -> bool {
    let variable = config.http.variables.get(id);
    variable.source == VariableSource::Builtin && variable.name == name
}

/// Map of `$http_upgrade` that defines a variable.
pub fn upgrade_map(config: &Config, id: VariableId) -> Option<&Map> {
    let VariableSource::Map(position) = config.http.variables.get(id).source else { return None };
    let map = &config.http.maps[position];
    match map.source.segments.as_slice() {
        [Segment::Variable(source)] if is_builtin(config, *source, "http_upgrade") => Some(map),
        _ => None,
    }
}

/// Value of a `$http_upgrade` map for a request without `Upgrade`: the entry `''`, else the default.
fn without_upgrade(map: &Map) -> (&ComplexValue, Span) {
    const EMPTY: &ComplexValue = &ComplexValue { segments: Vec::new() };
    let empty = map.entries.iter().find(|e| matches!(&e.key, MapKey::Exact(key) if key.is_empty()));
    match (empty, &map.default) {
        (Some(entry), _) => (&entry.value, entry.span),
        (None, Some(default)) => (&default.value, default.span),
        (None, None) => (EMPTY, map.span),
    }
}
