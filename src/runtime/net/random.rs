//! Unpredictable random numbers.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use crate::runtime::net::clock::Clock;
use crate::runtime::net::counters::Counters;

/// The system's source of randomness, read in pieces: a request does not pay for a call of its own.
#[derive(Debug)]
pub(crate) struct Random {
    bytes: RefCell<Vec<u8>>,
    counters: Arc<Counters>,
}

impl Random {
    pub(crate) fn new(counters: &Arc<Counters>) -> Self {
        Self { bytes: RefCell::default(), counters: Arc::clone(counters) }
    }

    /// A number of 64 bits.
    pub(crate) fn number(&self) -> u64 {
        u64::from_str_radix(&self.id()[..16], 16).unwrap_or_default()
    }

    /// Sixteen bytes as hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        let mut bytes = self.bytes.borrow_mut();
        if bytes.len() < 16 {
            let mut fresh = [0; 512];
            let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut fresh));
            if read.is_err() {
                let now = Clock::now().as_nanos() ^ u128::from(self.counters.next_temporary()) << 64;
                return format!("{now:032x}");
            }
            bytes.extend_from_slice(&fresh);
        }
        let at = bytes.len() - 16;
        bytes.drain(at..).fold(String::with_capacity(32), |id, byte| format!("{id}{byte:02x}"))
    }
}
