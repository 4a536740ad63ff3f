//! Clients whose requests found no connection to a peer: how many in one second, however often each tried again.

use std::collections::BTreeSet;

use super::line::Line;

/// Clients that are told apart in one second.
const MOST: usize = 100_000;

/// Connections of clients, by the numbers that lines have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    second: i64,
    numbers: BTreeSet<u64>,
    most: usize,
    /// True if a client can have several requests on one connection under way.
    is_multiplexed: bool,
}

impl Clients {
    /// Takes in a line about a connection that could not be made.
    pub(super) fn add(&mut self, line: &Line<'_>) {
        let Some(number) = line.connection else { return };
        if line.time != self.second {
            self.second = line.time;
            self.numbers.clear();
        }
        if self.numbers.len() < MOST {
            self.numbers.insert(number);
        }
        self.most = self.most.max(self.numbers.len());
        let request = line.part("request").unwrap_or_default();
        self.is_multiplexed |= ["HTTP/2.0", "HTTP/3.0"].iter().any(|protocol| request.ends_with(protocol));
    }

    /// Requests that waited for a connection at once, at most: one for each client, as HTTP/1 has it. `None` if no line
    /// says it; infinite if clients speak HTTP/2 or HTTP/3.
    pub fn at_once(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "bounded by MOST")]
        let most = self.most as f64;
        (self.most > 0).then_some(if self.is_multiplexed { f64::INFINITY } else { most })
    }
}
