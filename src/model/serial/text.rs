//! `Box<[u8]>`, alone or in lists: bytes that a person reads as text.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that a person reads as text: a string in readable formats, in which invalid UTF-8 becomes U+FFFD.
pub(super) struct Text<'t>(pub(super) &'t [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.serialize_str(&String::from_utf8_lossy(self.0))
        } else {
            to.serialize_bytes(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(from).map(Text)
    }
}

/// Type that contains such bytes, as [`serialize`] stores it.
pub(crate) trait Texts: Sized {
    fn store<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error>;
    fn load<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;
}

impl Texts for Box<[u8]> {
    fn store<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Text(self).serialize(to)
    }
    fn load<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Text::deserialize(from).map(|text| text.0.into())
    }
}

impl Texts for Vec<Box<[u8]>> {
    fn store<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter().map(|text| Text(text)))
    }
    fn load<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = Vec::<Text<'_>>::deserialize(from)?;
        Ok(list.into_iter().map(|text| text.0.into()).collect())
    }
}

impl<K: Serialize + DeserializeOwned> Texts for Vec<(K, Box<[u8]>)> {
    fn store<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter().map(|(key, text)| (key, Text(text))))
    }
    fn load<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = Vec::<(K, Text<'_>)>::deserialize(from)?;
        Ok(list.into_iter().map(|(key, text)| (key, text.0.into())).collect())
    }
}

impl<K: Serialize + DeserializeOwned> Texts for Vec<(K, K, Box<[u8]>)> {
    fn store<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter().map(|(first, last, text)| (first, last, Text(text))))
    }
    fn load<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = Vec::<(K, K, Text<'_>)>::deserialize(from)?;
        Ok(list.into_iter().map(|(first, last, text)| (first, last, text.0.into())).collect())
    }
}

pub(crate) fn serialize<T: Texts, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.store(to)
}

pub(crate) fn deserialize<'de, T: Texts, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    T::load(from)
}
