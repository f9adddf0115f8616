//! What is to be called: callbacks that are ready, and timers. In asyncio:
//! the handles in `_ready` and the heap `_scheduled`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use slab::Slab;

use crate::wake::{Key, Parked};

/// What happens when a handle's turn comes.
pub(crate) enum Action {
    /// A callback, with the name of its type for the trace.
    Call(&'static str, Box<dyn FnOnce()>),
    /// Whoever sleeps is woken.
    Wake(Parked),
}

// ANCHOR: schedule
/// The handles of a loop.
#[derive(Default)]
pub(crate) struct Schedule {
    handles: Slab<Scheduled>,
    /// The earliest first; of the same time, in the order of their making.
    timers: BinaryHeap<Reverse<(Instant, Key)>>,
    /// How many in `timers` are cancelled. When they are more than half, all
    /// of them are thrown out at once.
    cancelled: usize,
    last_id: u64,
}

struct Scheduled {
    id: u64,
    is_timer: bool,
    action: Action,
}
// ANCHOR_END: schedule

impl Schedule {
    pub fn soon(&mut self, action: Action) -> Key {
        self.insert(action, false)
    }

    pub fn at(&mut self, when: Instant, action: Action) -> Key {
        let key = self.insert(action, true);
        self.timers.push(Reverse((when, key)));
        key
    }

    fn insert(&mut self, action: Action, is_timer: bool) -> Key {
        self.last_id += 1;
        let id = self.last_id;
        let index = self.handles.insert(Scheduled { id, is_timer, action });
        Key { id, index }
    }

    /// Its action, unless it has happened or is cancelled.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut Action> {
        let scheduled = self.handles.get_mut(key.index)?;
        (scheduled.id == key.id).then_some(&mut scheduled.action)
    }

    /// Takes out the action of one whose turn has come.
    pub fn take(&mut self, key: Key) -> Option<Action> {
        self.get_mut(key)?;
        Some(self.handles.remove(key.index).action)
    }

    // ANCHOR: cancel
    /// Takes out the action before its turn has come.
    pub fn cancel(&mut self, key: Key) -> Option<Action> {
        self.get_mut(key)?;
        let scheduled = self.handles.remove(key.index);
        if scheduled.is_timer {
            self.cancelled += 1;
            if self.cancelled * 2 > self.timers.len() {
                let handles = &self.handles;
                self.timers.retain(|Reverse((_, key))| is_in(handles, *key));
                self.cancelled = 0;
            }
        }
        Some(scheduled.action)
    }
    // ANCHOR_END: cancel

    /// When the next timer is due.
    pub fn next_timer(&mut self) -> Option<Instant> {
        while let Some(Reverse((when, key))) = self.timers.peek() {
            if is_in(&self.handles, *key) {
                return Some(*when);
            }
            self.timers.pop();
            self.cancelled -= 1;
        }
        None
    }

    /// Takes the next timer that is due `now` from the heap. It can still be
    /// cancelled, until its turn comes.
    pub fn due(&mut self, now: Instant) -> Option<Key> {
        if self.next_timer()? > now {
            return None;
        }
        let Reverse((_, key)) = self.timers.pop()?;
        self.handles[key.index].is_timer = false;
        Some(key)
    }
}

fn is_in(handles: &Slab<Scheduled>, key: Key) -> bool {
    handles.get(key.index).is_some_and(|scheduled| scheduled.id == key.id)
}
