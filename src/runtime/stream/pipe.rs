//! One direction of a session: a buffer, its rate, and what has become of it.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::runtime::net::clock::Clock;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::Timer;

/// The rate of a direction: bytes that may be read, and when.
#[derive(Debug)]
pub(super) struct Rate {
    /// Bytes a second; 0: unlimited.
    limit: u64,
    /// The second in which the session began.
    began: u64,
    /// Bytes read.
    pub(super) read: u64,
    /// Runs while nothing may be read.
    delay: Option<Timer>,
}

impl Rate {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, began: Clock::now().as_secs(), read: 0, delay: None }
    }

    /// True while nothing may be read.
    pub(super) fn is_delayed(&self) -> bool {
        self.delay.is_some()
    }

    /// Bytes that may be read now; 0: the task is told when there are more.
    fn room(&mut self, cx: &mut Context<'_>, timer: impl Fn() -> Timer) -> u64 {
        if self.limit == 0 {
            return u64::MAX;
        }
        if let Some(delay) = &self.delay {
            if delay.poll(cx).is_pending() {
                return 0;
            }
            self.delay = None;
        }
        let seconds = Clock::now().as_secs().saturating_sub(self.began) + 1;
        let allowed = self.limit.saturating_mul(seconds);
        if allowed <= self.read {
            self.wait(cx, (self.read - allowed) * 1000 / self.limit + 1, timer);
            return 0;
        }
        allowed - self.read
    }

    /// True if something may be read now, however much.
    pub(super) fn is_free(&mut self, cx: &mut Context<'_>, timer: impl Fn() -> Timer) -> bool {
        self.room(cx, timer) > 0
    }

    /// Counts what was read.
    pub(super) fn took(&mut self, cx: &mut Context<'_>, n: usize, timer: impl Fn() -> Timer) {
        self.read += n as u64;
        if let Some(delay) = (n as u64 * 1000).checked_div(self.limit).filter(|delay| *delay > 0) {
            self.wait(cx, delay, timer);
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>, milliseconds: u64, timer: impl Fn() -> Timer) {
        let delay = timer();
        delay.set(Duration::from_millis(milliseconds));
        // The task is told when it is over.
        let _ = delay.poll(cx);
        self.delay = Some(delay);
    }
}

/// One direction.
#[derive(Debug)]
pub(super) struct Pipe {
    buffer: Vec<u8>,
    size: usize,
    start: usize,
    end: usize,
    /// The source has ended, or failed.
    pub(super) is_ended: bool,
    /// The end has been passed on (`proxy_half_close`).
    pub(super) is_shut: bool,
    pub(super) rate: Rate,
    /// Bytes written.
    pub(super) written: u64,
}

/// Outcome of a turn.
pub(super) enum Turn {
    /// Bytes were moved, or the source has ended.
    Moved,
    Nothing,
    /// The destination takes nothing more.
    Broken(io::Error),
}

impl Pipe {
    /// A direction with a buffer of that size; `first` was read before.
    pub(super) fn new(size: u64, first: Vec<u8>, rate: u64) -> Self {
        let size = usize::try_from(size).unwrap_or(1 << 20).clamp(1, 1 << 24);
        Self {
            end: first.len(),
            buffer: first,
            size,
            start: 0,
            is_ended: false,
            is_shut: false,
            rate: Rate::new(rate),
            written: 0,
        }
    }

    /// True if all that was read has been written.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Moves what can be moved; `failed` is told why the source failed.
    pub(super) fn turn(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
        timer: impl Fn() -> Timer,
        failed: &mut Option<io::Error>,
    ) -> Turn {
        let mut turn = Turn::Nothing;
        loop {
            while self.start < self.end {
                match to.poll_write(cx, &self.buffer[self.start..self.end]) {
                    Poll::Ready(Ok(n)) if n > 0 => {
                        self.start += n;
                        self.written += n as u64;
                        turn = Turn::Moved;
                    }
                    Poll::Ready(Ok(_)) => return Turn::Broken(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(Err(error)) => return Turn::Broken(error),
                    Poll::Pending => break,
                }
            }
            if self.is_empty() {
                (self.start, self.end) = (0, 0);
            }
            if self.is_ended {
                return turn;
            }
            if self.buffer.len() < self.size {
                self.buffer.resize(self.size, 0);
            }
            let mut room = self.size.saturating_sub(self.end);
            if room == 0 {
                return turn;
            }
            room = room.min(usize::try_from(self.rate.room(cx, &timer)).unwrap_or(room));
            if room == 0 {
                return turn;
            }
            match from.poll_read(cx, &mut self.buffer[self.end..self.end + room]) {
                Poll::Pending => return turn,
                Poll::Ready(Ok(0)) => self.is_ended = true,
                Poll::Ready(Err(error)) => {
                    self.is_ended = true;
                    *failed = Some(error);
                }
                Poll::Ready(Ok(n)) => {
                    self.end += n;
                    self.rate.took(cx, n, &timer);
                }
            }
            turn = Turn::Moved;
        }
    }
}
