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

    /// Waits until more may be read; the number of bytes, or an error if the client closed the connection.
    pub(super) async fn wait(&self, p: &mut ProxyRequest<'_>, most: usize) -> std::io::Result<usize> {
        if self.rate == 0 {
            return Ok(most);
        }
        loop {
            let elapsed = Clock::now().as_secs().saturating_sub(self.begun);
            let may = self.rate.saturating_mul(elapsed + 1).saturating_sub(self.read);
            if may > 0 {
                return Ok(most.min(usize::try_from(may).unwrap_or(usize::MAX)));
            }
            let over = self.read.saturating_sub(self.rate.saturating_mul(elapsed + 1));
            p.c.pause(Duration::from_millis(over.saturating_mul(1000) / self.rate + 1)).await?;
        }
    }

    /// Notes `n` bytes as read; the next read waits accordingly.
    pub(super) async fn done(&mut self, p: &mut ProxyRequest<'_>, n: usize) -> std::io::Result<()> {
        self.read += n as u64;
        match (n as u64 * 1000).checked_div(self.rate) {
            Some(wait) if wait > 0 => p.c.pause(Duration::from_millis(wait)).await,
            _ => Ok(()),
        }
    }
}
