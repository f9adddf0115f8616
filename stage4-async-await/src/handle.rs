//! Callbacks that are to be called, soon or at a given time, and the handles
//! to cancel them. In asyncio: `Handle` and `TimerHandle`.

use std::time::{Duration, Instant};

use support::trace::Event;

use crate::event_loop::{EventLoop, Ready};
use crate::schedule::Action;
use crate::wake::Key;

impl EventLoop {
    // ANCHOR: call_soon
    /// Has `callback` called in the next turn, after those already waiting
    /// for it. In asyncio: `call_soon`.
    ///
    /// # Panics
    ///
    /// If the loop is closed.
    pub fn call_soon<F: FnOnce() + 'static>(&self, callback: F) -> Handle {
        self.check_open();
        let action = Action::call(callback);
        let key = self.inner.schedule.borrow_mut().soon(action);
        self.push_ready(Ready::Handle(key));
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
        self.call_at(deadline(after), callback)
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
        self.check_open();
        let key = self.set_timer(when, Action::call(callback));
        TimerHandle { handle: Handle { event_loop: self.clone(), key }, when }
    }
    // ANCHOR_END: call_soon

    pub(crate) fn set_timer(&self, when: Instant, action: Action) -> Key {
        let name = action.name();
        let key = self.inner.schedule.borrow_mut().at(when, action);
        self.record(|| {
            let after = when.saturating_duration_since(Instant::now());
            Event::TimerSet(key.id, after, name)
        });
        key
    }

    /// Takes out a handle before its turn.
    pub(crate) fn cancel_handle(&self, key: Key, is_timer: bool) {
        let action = self.inner.schedule.borrow_mut().cancel(key);
        if action.is_some() && is_timer {
            self.record(|| Event::TimerCancelled(key.id));
        }
    }
}

impl Action {
    fn call<F: FnOnce() + 'static>(callback: F) -> Action {
        Action::Call(std::any::type_name::<F>(), Box::new(callback))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Action::Call(name, _) => name,
            Action::Wake(_) => std::any::type_name::<crate::time::Sleep>(),
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
        self.event_loop.cancel_handle(self.key, false);
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
        self.handle.event_loop.cancel_handle(self.handle.key, true);
    }

    /// When it is to be called.
    pub fn when(&self) -> Instant {
        self.when
    }
}

/// So long from now. A time that no clock can show is one that never comes:
/// thirty years.
pub(crate) fn deadline(after: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(after).unwrap_or_else(|| now + NEVER)
}
