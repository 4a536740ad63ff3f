//! Timers: one sweep over all of a worker instead of an entry in the event loop for each wait.
//!
//! A connection has one timer for its life. Setting it stores a number; only when the earliest of all
//! deadlines has passed does the sweeper look at them. Precision is [`GRAIN`].

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::runtime::net::clock;

/// Sweeps are at least this far apart.
const GRAIN: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
struct Slot {
    deadline: Option<Instant>,
    expired: bool,
    /// The waiting task is idle; graceful shutdown may wake it.
    idle: bool,
    /// The waiting task may be asked to make room for another connection; the turn in which it began to wait.
    reusable: Option<u64>,
    /// The task was asked to make room.
    reused: bool,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct TimerState {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Number of the next reusable wait.
    turn: u64,
    /// Next time at which the sweeper wakes up.
    planned: Option<Instant>,
    sweeper: Option<Waker>,
}

/// The timers of a worker.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    state: RefCell<TimerState>,
}

/// The timer of one task.
#[derive(Debug)]
pub(crate) struct Timer {
    timers: Rc<Timers>,
    slot: usize,
}

impl Timers {
    /// A timer that is not set.
    pub(crate) fn timer(self: &Rc<Self>) -> Timer {
        let mut state = self.state.borrow_mut();
        let slot = state.free.pop().map_or(state.slots.len(), |slot| slot as usize);
        if slot == state.slots.len() {
            state.slots.push(Slot::default());
        }
        Timer { timers: Rc::clone(self), slot }
    }

    /// The sweeper; runs as long as the worker.
    pub(crate) async fn sweep(self: Rc<Self>) {
        loop {
            let mut sleep = None;
            poll_fn(|cx| self.wait(cx, &mut sleep)).await;
            self.expire(Instant::now());
        }
    }

    fn wait(
        &self,
        cx: &mut Context<'_>,
        sleep: &mut Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
    ) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        if !state.sweeper.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            state.sweeper = Some(cx.waker().clone());
        }
        let Some(planned) = state.planned else { return Poll::Pending };
        let planned = tokio::time::Instant::from_std(planned);
        let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(planned)));
        if sleep.deadline() != planned {
            sleep.as_mut().reset(planned);
        }
        drop(state);
        sleep.as_mut().poll(cx)
    }

    /// Lets all idle waits end, and those that begin from now on will not wait long.
    pub(crate) fn expire_idle(&self) {
        let mut state = self.state.borrow_mut();
        for slot in state.slots.iter_mut().filter(|slot| slot.idle) {
            slot.deadline = None;
            slot.expired = true;
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
    }

    /// Lets those reusable waits end that began first: an eighth of them, at least one and at most 32
    /// (`ngx_drain_connections`). False if there is none.
    pub(crate) fn reuse(&self) -> bool {
        let mut state = self.state.borrow_mut();
        let slots =
            state.slots.iter().enumerate().filter(|(_, slot)| slot.deadline.is_some() && !slot.expired);
        let mut all: Vec<(u64, usize)> = slots.filter_map(|(i, slot)| Some((slot.reusable?, i))).collect();
        let count = (all.len() / 8).clamp(1, 32);
        if all.len() > count {
            all.select_nth_unstable(count);
        }
        for (_, i) in all.iter().take(count) {
            let slot = &mut state.slots[*i];
            slot.deadline = None;
            slot.expired = true;
            slot.reused = true;
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
        !all.is_empty()
    }

    fn expire(&self, now: Instant) {
        let mut state = self.state.borrow_mut();
        let mut next: Option<Instant> = None;
        for slot in &mut state.slots {
            let Some(deadline) = slot.deadline else { continue };
            if deadline <= now {
                slot.deadline = None;
                slot.expired = true;
                if let Some(waker) = slot.waker.take() {
                    waker.wake();
                }
            } else {
                next = Some(next.map_or(deadline, |n| n.min(deadline)));
            }
        }
        state.planned = next.map(|next| next.max(now + GRAIN));
    }
}

impl Timer {
    /// Lets it expire after `after`.
    pub(crate) fn set(&self, after: Duration) {
        let deadline = clock::instant() + after.min(Duration::from_secs(86_400 * 365));
        let mut state = self.timers.state.borrow_mut();
        let slot = &mut state.slots[self.slot];
        slot.deadline = Some(deadline);
        slot.expired = false;
        if state.planned.is_none_or(|planned| deadline < planned) {
            state.planned = Some(deadline);
            if let Some(waker) = &state.sweeper {
                waker.wake_by_ref();
            }
        }
    }

    /// Stops it.
    pub(crate) fn clear(&self) {
        let slot = &mut self.timers.state.borrow_mut().slots[self.slot];
        slot.deadline = None;
        slot.expired = false;
    }

    /// Ready when it has expired.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let slot = &mut self.timers.state.borrow_mut().slots[self.slot];
        if slot.expired {
            return Poll::Ready(());
        }
        if !slot.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            slot.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The result of `poll`, or `None` when that takes longer than `limit`.
    pub(crate) async fn limit<T>(
        &self,
        limit: Duration,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        let mut is_set = false;
        let out = poll_fn(|cx| {
            if let Poll::Ready(value) = poll(cx) {
                return Poll::Ready(Some(value));
            }
            if !is_set {
                is_set = true;
                self.set(limit);
            }
            self.poll(cx).map(|()| None)
        })
        .await;
        if is_set {
            self.clear();
        }
        out
    }

    /// As [`Timer::limit`], but the wait also ends when the worker stops.
    pub(crate) async fn until_stop<T>(
        &self,
        limit: Duration,
        poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        self.timers.state.borrow_mut().slots[self.slot].idle = true;
        let out = self.limit(limit, poll).await;
        self.timers.state.borrow_mut().slots[self.slot].idle = false;
        out
    }

    /// As [`Timer::limit`], but the wait also ends when another connection needs the room (`ngx_reusable_connection`).
    pub(crate) async fn reusable<T>(
        &self,
        limit: Duration,
        poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        {
            let mut state = self.timers.state.borrow_mut();
            state.turn += 1;
            let turn = state.turn;
            let slot = &mut state.slots[self.slot];
            (slot.reusable, slot.reused) = (Some(turn), false);
        }
        let out = self.limit(limit, poll).await;
        self.timers.state.borrow_mut().slots[self.slot].reusable = None;
        out
    }

    /// As [`Timer::reusable`], and the wait also ends when the worker stops.
    pub(crate) async fn idle<T>(
        &self,
        limit: Duration,
        poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        self.timers.state.borrow_mut().slots[self.slot].idle = true;
        let out = self.reusable(limit, poll).await;
        self.timers.state.borrow_mut().slots[self.slot].idle = false;
        out
    }

    /// True if a wait ended because another connection needed the room.
    pub(crate) fn is_reused(&self) -> bool {
        self.timers.state.borrow().slots[self.slot].reused
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut state = self.timers.state.borrow_mut();
        state.slots[self.slot] = Slot::default();
        state.free.push(self.slot as u32);
    }
}
