//! State that modules keep while a configuration is compiled: one value of each type, without a list of all types.

use std::any::{Any, TypeId};
use std::collections::HashMap;

/// Values by type.
#[derive(Default)]
pub(super) struct States(HashMap<TypeId, Box<dyn Any>>);

impl States {
    /// The value of a type; `None` if nothing has been noted yet.
    pub(super) fn get<T: 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// The value of a type, made empty at first.
    pub(super) fn of<T: Default + 'static>(&mut self) -> &mut T {
        let value = self.0.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        value.downcast_mut().expect("a value has the type of its key")
    }

    /// Takes the value of a type.
    pub(super) fn take<T: Default + 'static>(&mut self) -> T {
        std::mem::take(self.of())
    }
}
