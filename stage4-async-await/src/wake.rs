//! Wakers: how what is waited for tells the loop who waits. In asyncio a
//! callback, `Task.__wakeup`, does it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use slab::Slab;

use crate::combinators::Parent;
use crate::event_loop::{EventLoop, Message, Ready};
use crate::inbox::Inbox;
use crate::place::Place;
use crate::running::with_running;
use crate::work::TaskState;

// ANCHOR: key
/// Names a sleeper of one loop. The number is never used again, so that a
/// late waker can not wake the next one at the same index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub id: u64,
    pub index: usize,
}

/// Whoever can be woken.
pub(crate) struct Sleeper {
    id: u64,
    /// It is in the ready queue already.
    pub woken: bool,
    pub cell: Arc<WakeCell>,
    pub kind: Kind,
    /// Where it waits, for reports.
    pub waits_at: Option<Place>,
}

/// What is done when a sleeper is woken.
pub(crate) enum Kind {
    /// `run_until_complete` polls its future.
    Root,
    /// The loop polls a task.
    Task(TaskState),
    /// `gather` is told which of its children to poll.
    Child { index: usize, parent: Rc<Parent> },
}
// ANCHOR_END: key

/// The sleepers of a loop.
#[derive(Default)]
pub(crate) struct Sleepers {
    slab: Slab<Sleeper>,
    last_id: u64,
}

impl Sleepers {
    pub fn insert(&mut self, inbox: &Arc<Inbox<Message>>, kind: Kind) -> Key {
        self.last_id += 1;
        let (id, index) = (self.last_id, self.slab.vacant_key());
        let key = Key { id, index };
        let (inbox, sent) = (inbox.clone(), AtomicBool::new(false));
        let cell = Arc::new(WakeCell { key, sent, inbox });
        let (woken, waits_at) = (false, None);
        self.slab.insert(Sleeper { id, woken, cell, kind, waits_at });
        key
    }

    /// The sleeper of this name, if it is still there.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut Sleeper> {
        self.slab.get_mut(key.index).filter(|sleeper| sleeper.id == key.id)
    }

    pub fn task(&mut self, key: Key) -> Option<&mut TaskState> {
        match &mut self.get_mut(key)?.kind {
            Kind::Task(task) => Some(task),
            _ => None,
        }
    }

    pub fn remove(&mut self, key: Key) -> Option<Sleeper> {
        self.get_mut(key)?;
        Some(self.slab.remove(key.index))
    }

    /// All sleepers, in the order in which they were made.
    pub fn in_order(&self) -> Vec<(Key, &Sleeper)> {
        let key = |(index, s): (usize, _)| (Key { id: 0, index }, s);
        let mut all: Vec<(Key, &Sleeper)> = self.slab.iter().map(key).collect();
        all.iter_mut().for_each(|(key, sleeper)| key.id = sleeper.id);
        all.sort_by_key(|(key, _)| *key);
        all
    }

    /// Whether anybody outside of the loop's own structures has a waker.
    pub fn have_wakers_elsewhere(&self) -> bool {
        self.slab.iter().any(|(_, s)| Arc::strong_count(&s.cell) > 1)
    }
}

// ANCHOR: wake
/// What a [`Waker`] of this crate holds. It may go to any thread, and live
/// longer than who it wakes, and longer than the loop.
pub(crate) struct WakeCell {
    pub key: Key,
    /// It is in the inbox already.
    pub sent: AtomicBool,
    inbox: Arc<Inbox<Message>>,
}

impl Wake for WakeCell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let here = with_running(|event_loop| {
            let here = Arc::ptr_eq(&event_loop.inner.inbox, &self.inbox);
            if here {
                event_loop.wake(self.key);
            }
            here
        });
        // Another thread, or a loop that does not run now.
        if here != Some(true) && !self.sent.swap(true, Ordering::AcqRel) {
            // An error means that the loop is closed: nobody is to be woken.
            let _ = self.inbox.push(Message::Wake(self.clone()));
        }
    }
}
// ANCHOR_END: wake

// ANCHOR: parked
/// A waker that is kept in the loop's own structures. One that wakes a
/// sleeper of the same loop, as nearly all do, is kept as a key: no counter
/// of an `Arc` is touched. And the loop can see when nobody else has a waker.
#[derive(Clone)]
pub(crate) enum Parked {
    Here(Key),
    Elsewhere(Waker),
}

impl EventLoop {
    /// Keeps what `waker` says.
    pub(crate) fn park(&self, waker: &Waker) -> Parked {
        match self.inner.current.get() {
            Some(now) if now.waker == waker.data() => Parked::Here(now.key),
            _ => Parked::Elsewhere(waker.clone()),
        }
    }

    pub(crate) fn wake_parked(&self, parked: &Parked) {
        match parked {
            Parked::Here(key) => self.wake(*key),
            Parked::Elsewhere(waker) => waker.wake_by_ref(),
        }
    }

    /// Queues a sleeper, unless it is queued already or has gone.
    pub(crate) fn wake(&self, key: Key) {
        let mut sleepers = self.inner.sleepers.borrow_mut();
        let Some(sleeper) = sleepers.get_mut(key) else { return };
        if std::mem::replace(&mut sleeper.woken, true) {
            return;
        }
        if let Kind::Child { index, parent } = &sleeper.kind {
            let (index, parent) = (*index, parent.clone());
            drop(sleepers);
            parent.woken.borrow_mut().push(index);
            let parked = parent.parked.borrow().clone();
            self.wake_parked(&parked);
        } else {
            drop(sleepers);
            self.push_ready(Ready::Step(key));
        }
    }
}
// ANCHOR_END: parked
