//! `proxy_limit_rate`: how fast a response is read (`ngx_event_pipe_read_upstream`).

use std::time::Duration;

use super::request::ProxyRequest;
use crate::runtime::net::clock::Clock;

/// Bytes a second, and what has been read of the response since when.
pub(super) struct Pace {
    rate: u64,
    begun: u64,
    read: u64,
}

impl Pace {
    /// The pace of a response of which so much has come with its head; none if it is not read ahead.
    pub(super) fn new(p: &mut ProxyRequest<'_>, read: usize) -> Self {
        let plan = p.plan;
        let value = &plan.on_way.limit_rate.value;
        let mut rate = 0;
        if p.is_buffering && value.constant() != Some(b"0") {
            let mut text = Vec::new();
            p.scope().evaluate(value, &mut text);
            rate = crate::model::time::size(&text).unwrap_or(0);
        }
        Self { rate, begun: Clock::now().as_secs(), read: read as u64 }
    }

    /// Number of bytes of `most` that may be read.
    ///
    /// # Errors
    /// None before so much time has passed.
    pub(super) fn most(&self, most: usize) -> Result<usize, Duration> {
        if self.rate == 0 {
            return Ok(most);
        }
        let elapsed = Clock::now().as_secs().saturating_sub(self.begun);
        let may = self.rate.saturating_mul(elapsed + 1);
        if may > self.read {
            return Ok(most.min(usize::try_from(may - self.read).unwrap_or(usize::MAX)));
        }
        Err(Duration::from_millis((self.read - may).saturating_mul(1000) / self.rate + 1))
    }

    /// Notes `n` bytes as read; the pause before the next read.
    pub(super) fn done(&mut self, n: usize) -> Option<Duration> {
        self.read += n as u64;
        let wait = (n as u64 * 1000).checked_div(self.rate).filter(|wait| *wait > 0);
        wait.map(Duration::from_millis)
    }
}
