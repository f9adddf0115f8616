//! Callbacks that are to be called, soon or at a given time, and the handles
//! to cancel them. In asyncio: `_scheduled`, `Handle` and `TimerHandle`.

use std::any::type_name;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::*;

// ANCHOR: timers
/// The timers of a loop: the earliest first; of the same time, in the order
/// of their making. One whose entry has gone is cancelled.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Key)>>,
    /// How many are cancelled. When they are more than half, all of them are
    /// thrown out at once.
    cancelled: usize,
}

impl EventLoop {
    /// When the next timer is due.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let mut timers = self.inner.timers.borrow_mut();
        let mut table = self.inner.table.borrow_mut();
        while let Some(Reverse((when, key))) = timers.heap.peek() {
            if table.get(*key).is_some() {
                return Some(*when);
            }
            timers.heap.pop();
            timers.cancelled -= 1;
        }
        None
    }

    /// Takes out a callback or a timer before its turn.
    pub(crate) fn cancel(&self, key: Key) {
        let mut table = self.inner.table.borrow_mut();
        let Some(entry) = table.remove(key) else { return };
        if !entry.woken {
            // It was a timer, and not due yet.
            let Timers { heap, cancelled } =
                &mut *self.inner.timers.borrow_mut();
            *cancelled += 1;
            if *cancelled * 2 > heap.len() {
                heap.retain(|Reverse((_, key))| table.get(*key).is_some());
                *cancelled = 0;
            }
            self.record(|| trace::Event::TimerCancelled(key.id));
        }
        drop(table); // before the callback
    }
    // ANCHOR_END: timers

    /// Takes out the next timer, if it is due `now`.
    pub(crate) fn due_timer(&self, now: Instant) -> Option<Key> {
        let is_due = self.next_timer()? <= now;
        let timer = is_due.then(|| self.inner.timers.borrow_mut().heap.pop());
        timer.flatten().map(|Reverse((_, key))| key)
    }

    // ANCHOR: call_soon
    /// Has `callback` called in the next turn, after those already waiting
    /// for it. In asyncio: `call_soon`.
    ///
    /// # Panics
    ///
    /// If the loop is closed.
    pub fn call_soon<F: FnOnce() + 'static>(&self, callback: F) -> Handle {
        self.check_open();
        let key = self.insert(Kind::call(callback));
        self.wake(key);
        Handle { event_loop: self.clone(), key }
    }

    /// Has `callback` called once `after` has passed. In asyncio:
    /// `call_later`.
    ///
    /// # Panics
    ///
    /// If the loop is closed.
    pub fn call_later<F: FnOnce() + 'static>(
        &self,
        after: Duration,
        callback: F,
    ) -> TimerHandle {
        self.timer(deadline(after), Some(after), callback)
    }

    /// Has `callback` called at the time `when`; timers of the same time in
    /// the order of their making. In asyncio: `call_at`.
    ///
    /// # Panics
    ///
    /// If the loop is closed.
    pub fn call_at<F: FnOnce() + 'static>(
        &self,
        when: Instant,
        callback: F,
    ) -> TimerHandle {
        self.timer(when, None, callback)
    }

    fn timer<F: FnOnce() + 'static>(
        &self,
        when: Instant,
        after: Option<Duration>,
        callback: F,
    ) -> TimerHandle {
        self.check_open();
        let key = self.set_timer(when, after, Kind::call(callback));
        TimerHandle { handle: Handle { event_loop: self.clone(), key }, when }
    }
    // ANCHOR_END: call_soon

    /// An entry that is queued when it is due; `after` is for the trace, if
    /// that is how the time was given.
    pub(crate) fn set_timer(
        &self,
        when: Instant,
        after: Option<Duration>,
        kind: Kind,
    ) -> Key {
        let name = kind.name();
        let key = self.insert(kind);
        self.inner.timers.borrow_mut().heap.push(Reverse((when, key)));
        self.record(|| {
            let until = || when.saturating_duration_since(Instant::now());
            trace::Event::TimerSet(key.id, after.unwrap_or_else(until), name)
        });
        key
    }
}

impl Kind {
    pub fn call<F: FnOnce() + 'static>(callback: F) -> Kind {
        Kind::Call(type_name::<F>(), Box::new(callback))
    }

    /// What the trace calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Call(name, _) => name,
            _ => type_name::<Sleep>(),
        }
    }
}

/// A callback that is to be called. Dropping the handle cancels nothing. In
/// asyncio: `Handle`.
#[derive(Clone, Debug)]
pub struct Handle {
    event_loop: EventLoop,
    key: Key,
}

impl Handle {
    /// Drops the callback, unless it has been called.
    pub fn cancel(&self) {
        self.event_loop.cancel(self.key);
    }
}

/// A callback that is to be called at a given time. Dropping the handle
/// cancels nothing. In asyncio: `TimerHandle`.
#[derive(Clone, Debug)]
pub struct TimerHandle {
    handle: Handle,
    when: Instant,
}

impl TimerHandle {
    /// Drops the callback, unless it has been called.
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// When it is to be called.
    pub fn when(&self) -> Instant {
        self.when
    }
}

/// So long from now. What no clock can show never comes: thirty years.
pub(crate) fn deadline(after: Duration) -> Instant {
    let never = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    Instant::now() + after.min(never)
}
