//! `Arc`s that several levels share: each is stored once.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Shared values of the configuration that this thread stores or loads.
enum Table {
    /// Numbers of the stored values, by type and address.
    Store(HashMap<(TypeId, usize), u32, BuildHasherDefault<Address>>),
    /// Loaded values, by number.
    Load(Vec<Arc<dyn Any + Send + Sync>>),
}

/// Hasher for types and addresses, which no user chooses: mixing their bits is enough, and a large configuration looks
/// up hundreds of thousands.
#[derive(Default)]
struct Address(u64);

impl Hasher for Address {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
}

thread_local! {
    // serde passes no context along; without this table each server would get its own copy of every group.
    static TABLE: RefCell<Option<Table>> = const { RefCell::new(None) };
}

fn with_table<R>(table: Table, work: impl FnOnce() -> R) -> R {
    let before = TABLE.replace(Some(table));
    let result = work();
    TABLE.set(before);
    result
}

/// Runs `work`, which stores a model, with shared groups stored once.
pub fn store<R>(work: impl FnOnce() -> R) -> R {
    with_table(Table::Store(HashMap::default()), work)
}

/// Runs `work`, which loads what [`store`] stored.
pub fn load<R>(work: impl FnOnce() -> R) -> R {
    with_table(Table::Load(Vec::new()), work)
}

#[derive(Serialize, Deserialize)]
enum Sharing<T> {
    First(T),
    Again(u32),
}

pub(crate) fn serialize<T, S>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error>
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

pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Arc<T>, D::Error>
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
