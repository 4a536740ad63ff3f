//! Values that workers share beside logs and counters: zones and peers, which later workers take over.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

type Kept = Arc<dyn Any + Send + Sync>;
type Held = Weak<dyn Any + Send + Sync>;
type HeldKey = (TypeId, (usize, usize));

/// Values by their type and a key.
#[derive(Default)]
pub(crate) struct Shared {
    kept: Mutex<HashMap<(TypeId, Vec<u8>), Kept>>,
    held: Mutex<HashMap<HeldKey, Held>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// The value of a key, made by who asks first. It stays until the process ends, also over reloads, as zones do
    /// (`ngx_init_cycle`).
    pub(crate) fn kept<T: Any + Send + Sync>(&self, key: Vec<u8>, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (TypeId::of::<T>(), key);
        if let Some(known) = all.get(&key).and_then(|known| Arc::clone(known).downcast().ok()) {
            return known;
        }
        let made = make();
        all.insert(key, Arc::clone(&made) as Kept);
        made
    }

    /// The value at a position of a configuration (its address, and the position), made by the first worker. It is
    /// dropped with the last worker of that configuration.
    pub(crate) fn held<T: Any + Send + Sync>(
        &self,
        key: (usize, usize),
        make: impl FnOnce() -> Arc<T>,
    ) -> Arc<T> {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, value| value.strong_count() > 0);
        let key = (TypeId::of::<T>(), key);
        if let Some(known) = all.get(&key).and_then(Weak::upgrade).and_then(|known| known.downcast().ok()) {
            return known;
        }
        let made = make();
        let known: Kept = Arc::<T>::clone(&made);
        all.insert(key, Arc::downgrade(&known));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_again_by_type_and_key() {
        let shared = Shared::default();
        let one = shared.kept(b"a".to_vec(), || Arc::new(1_u8));
        assert!(Arc::ptr_eq(&one, &shared.kept(b"a".to_vec(), || Arc::new(2_u8))));
        assert_eq!(*shared.kept(b"a".to_vec(), || Arc::new(3_u16)), 3);
        assert_eq!(*shared.kept(b"b".to_vec(), || Arc::new(4_u8)), 4);
    }

    #[test]
    fn what_nobody_holds_is_made_anew() {
        let shared = Shared::default();
        let one = shared.held((1, 1), || Arc::new(1_u8));
        assert_eq!(*shared.held((1, 1), || Arc::new(2_u8)), 1);
        drop(one);
        assert_eq!(*shared.held((1, 1), || Arc::new(2_u8)), 2);
    }
}
