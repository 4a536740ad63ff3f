//! How the model is stored: text as text where a person reads it, groups of settings once however many levels
//! share them.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is shared in the configuration that this thread stores or loads.
enum Table {
    /// Numbers of what has been stored, by type and address.
    Store(HashMap<(TypeId, usize), u32, BuildHasherDefault<Address>>),
    /// What has been loaded, by number.
    Load(Vec<Arc<dyn Any + Send + Sync>>),
}

/// Types and addresses are no input of anybody: mixing their bits is enough, and a large configuration asks for
/// hundreds of thousands.
#[derive(Default)]
struct Address(u64);

impl Hasher for Address {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
}

thread_local! {
    // serde passes no context along, and without one each server would get its own copy of everything.
    static TABLE: RefCell<Option<Table>> = const { RefCell::new(None) };
}

fn with_table<R>(table: Table, work: impl FnOnce() -> R) -> R {
    let before = TABLE.replace(Some(table));
    let result = work();
    TABLE.set(before);
    result
}

/// Stores in a form in which shared groups stay shared.
pub fn store<R>(work: impl FnOnce() -> R) -> R {
    with_table(Table::Store(HashMap::default()), work)
}

/// Loads what [`store`] stored.
pub fn load<R>(work: impl FnOnce() -> R) -> R {
    with_table(Table::Load(Vec::new()), work)
}

#[derive(Serialize, Deserialize)]
enum Sharing<T> {
    First(T),
    Again(u32),
}

/// An `Arc` that others have too.
pub(super) mod shared {
    use super::{Any, Arc, Deserialize, Deserializer, Serialize, Serializer, Sharing, TABLE, Table, TypeId};
    use serde::de::Error as _;

    pub(in crate::model) fn serialize<T, S>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error>
    where
        T: Serialize + 'static,
        S: Serializer,
    {
        if to.is_human_readable() {
            return T::serialize(value, to);
        }
        let key = (TypeId::of::<T>(), Arc::as_ptr(value) as usize);
        let known = TABLE.with_borrow(|table| match table {
            Some(Table::Store(known)) => known.get(&key).copied(),
            _ => None,
        });
        if let Some(number) = known {
            return Sharing::<&T>::Again(number).serialize(to);
        }
        let done = Sharing::First(&**value).serialize(to)?;
        TABLE.with_borrow_mut(|table| {
            if let Some(Table::Store(known)) = table {
                known.insert(key, known.len() as u32);
            }
        });
        Ok(done)
    }

    pub(in crate::model) fn deserialize<'de, T, D>(from: D) -> Result<Arc<T>, D::Error>
    where
        T: Deserialize<'de> + Any + Send + Sync,
        D: Deserializer<'de>,
    {
        if from.is_human_readable() {
            return T::deserialize(from).map(Arc::new);
        }
        match Sharing::<T>::deserialize(from)? {
            Sharing::First(value) => {
                let value = Arc::new(value);
                TABLE.with_borrow_mut(|table| {
                    if let Some(Table::Load(known)) = table {
                        known.push(value.clone());
                    }
                });
                Ok(value)
            }
            Sharing::Again(number) => TABLE
                .with_borrow(|table| match table {
                    Some(Table::Load(known)) => known.get(number as usize).cloned(),
                    _ => None,
                })
                .and_then(|value| value.downcast().ok())
                .ok_or_else(|| D::Error::custom("a group of settings is missing")),
        }
    }
}

/// Locations in locations: a file could have them so deep that the stack ends.
pub(super) mod nested {
    use super::super::Location;
    use super::{Deserialize, Deserializer, Serialize, Serializer};
    use serde::de::Error as _;
    use std::cell::Cell;

    /// Deeper than blocks in a file that can be compiled.
    const DEEPEST: u32 = 128;

    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }

    pub(in crate::model) fn serialize<S: Serializer>(value: &[Location], to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Location>, D::Error> {
        let depth = DEPTH.get();
        if depth == DEEPEST {
            return Err(D::Error::custom("locations are too deep"));
        }
        DEPTH.set(depth + 1);
        let inner = Vec::deserialize(from);
        DEPTH.set(depth);
        inner
    }
}

/// Bytes that are text for a person: a string where one reads it, which then may have U+FFFD in it.
struct Text<'t>(&'t [u8]);

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

/// A type that holds such bytes, as [`text`] stores it.
pub(super) trait Texts: Sized {
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

/// A shared table of texts.
pub(super) mod table {
    use super::{Arc, BTreeMap, Deserializer, Serializer, Text, shared};

    type Table = BTreeMap<Box<[u8]>, Box<[u8]>>;

    pub(in crate::model) fn serialize<S: Serializer>(value: &Arc<Table>, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            return to.collect_map(value.iter().map(|(key, text)| (Text(key), Text(text))));
        }
        shared::serialize(value, to)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Table>, D::Error> {
        shared::deserialize(from)
    }
}

/// `Box<[u8]>`, alone or in lists.
pub(super) mod text {
    use super::{Deserializer, Serializer, Texts};

    pub(in crate::model) fn serialize<T: Texts, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        value.store(to)
    }

    pub(in crate::model) fn deserialize<'de, T: Texts, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        T::load(from)
    }
}

/// A word that directives know. Under a name of its own, as serde's derive would borrow a `&'static str`.
pub(super) type Known = &'static str;

/// The word of the program that is equal to a text: there are as many as directives know, so each is kept for good.
fn intern(word: &str) -> &'static str {
    static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(word) {
        return known;
    }
    let word: &'static str = Box::leak(word.into());
    words.insert(word);
    word
}

/// `&'static str`, alone or in an `Option` or list.
pub(super) mod word {
    use super::{Deserialize, Deserializer, Serialize, Serializer, intern};

    pub(in crate::model) trait Words: Serialize {
        type Loaded<'de>: Deserialize<'de>;
        fn interned(loaded: Self::Loaded<'_>) -> Self;
    }

    impl Words for &'static str {
        type Loaded<'de> = &'de str;
        fn interned(loaded: &str) -> Self {
            intern(loaded)
        }
    }

    impl Words for Option<&'static str> {
        type Loaded<'de> = Option<&'de str>;
        fn interned(loaded: Option<&str>) -> Self {
            loaded.map(intern)
        }
    }

    impl Words for Vec<&'static str> {
        type Loaded<'de> = Vec<&'de str>;
        fn interned(loaded: Vec<&str>) -> Self {
            loaded.into_iter().map(intern).collect()
        }
    }

    pub(in crate::model) fn serialize<T: Words, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    pub(in crate::model) fn deserialize<'de, T: Words, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        T::Loaded::deserialize(from).map(T::interned)
    }
}
