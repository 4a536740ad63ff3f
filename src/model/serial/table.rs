//! A shared table of texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserializer, Serializer};

use super::shared;
use super::text::Text;

type Table = BTreeMap<Box<[u8]>, Box<[u8]>>;

pub(crate) fn serialize<S: Serializer>(value: &Arc<Table>, to: S) -> Result<S::Ok, S::Error> {
    if to.is_human_readable() {
        return to.collect_map(value.iter().map(|(key, text)| (Text(key), Text(text))));
    }
    shared::serialize(value, to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Table>, D::Error> {
    shared::deserialize(from)
}
