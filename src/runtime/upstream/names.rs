//! Addresses of the names of peers: known from the start after a reload.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::runtime::net::shared::Shared;

/// Addresses by upstream and name.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<(String, String), Vec<IpAddr>>>);

impl Names {
    /// The names of the process.
    pub(crate) fn of(shared: &Shared) -> Arc<Self> {
        shared.kept(Vec::new(), Arc::default)
    }

    pub(crate) fn known(&self, upstream: &str, host: &str) -> Vec<IpAddr> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&(upstream.to_owned(), host.to_owned())).cloned().unwrap_or_default()
    }

    pub(crate) fn learn(&self, upstream: &str, host: &str, addresses: &[IpAddr]) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert((upstream.to_owned(), host.to_owned()), addresses.to_vec());
    }
}
