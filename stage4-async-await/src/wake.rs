//! Whom a loop knows, and how they are woken. In asyncio, what a future does
//! in the end is to call a callback, `Task.__wakeup`; here it wakes a
//! `Waker`, which may be anybody's.

use std::task::Wake;

use slab::Slab;

use crate::combinators::Parent;
use crate::event_loop::Message;
use crate::inbox::{Inbox, Sent};
use crate::work::TaskState;
use crate::*;

// ANCHOR: key
/// Names an entry of a loop's table. The number is never used again, so that
/// a late waker can not wake the next one at the same index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub id: u64,
    index: usize,
}

/// Whatever can have its turn.
pub(crate) struct Entry {
    id: u64,
    pub kind: Kind,
    /// It stands in the ready queue.
    pub woken: bool,
    /// What its wakers hold, once it has any.
    cell: Option<Arc<WakeCell>>,
    /// Where it waits, for reports.
    pub waits_at: Option<Place>,
}

/// What happens in its turn.
pub(crate) enum Kind {
    /// The future that the loop runs for is polled.
    Root,
    /// A task makes a step.
    Task(TaskState),
    /// A callback is called. Its type's name is for the trace.
    Call(&'static str, Box<dyn FnOnce()>),
    /// Whoever sleeps is woken.
    Alarm(Parked),
    /// A child of `gather`. It has no turn: the parent polls it in its own.
    Child(usize, Rc<Parent>),
}
// ANCHOR_END: key

/// All entries of a loop.
#[derive(Default)]
pub(crate) struct Table {
    slab: Slab<Entry>,
    last_id: u64,
}

impl Table {
    pub fn insert(&mut self, kind: Kind) -> Key {
        self.last_id += 1;
        let id = self.last_id;
        let entry =
            Entry { id, kind, woken: false, cell: None, waits_at: None };
        Key { id, index: self.slab.insert(entry) }
    }

    /// The entry of this name, if it is still there.
    pub fn get(&mut self, key: Key) -> Option<&mut Entry> {
        self.slab.get_mut(key.index).filter(|entry| entry.id == key.id)
    }

    pub fn remove(&mut self, key: Key) -> Option<Entry> {
        self.get(key)?;
        Some(self.slab.remove(key.index))
    }

    /// The names of some entries, in the order in which they were made.
    pub fn keys(&self, which: impl Fn(&Kind) -> bool) -> Vec<Key> {
        let entries = self.slab.iter().filter(|(_, e)| which(&e.kind));
        let keys = entries.map(|(index, entry)| Key { id: entry.id, index });
        let mut keys: Vec<Key> = keys.collect();
        keys.sort();
        keys
    }

    /// Whether anybody outside of the loop's own structures has a waker.
    pub fn has_wakers_elsewhere(&self) -> bool {
        let cells = self.slab.iter().filter_map(|(_, e)| e.cell.as_ref());
        cells.into_iter().any(|cell| Arc::strong_count(cell) > 1)
    }
}

// ANCHOR: wake
/// What a [`Waker`] of this crate holds. It may go to any thread, and live
/// longer than whom it wakes, and longer than the loop.
pub(crate) struct WakeCell {
    pub key: Key,
    /// It is in the inbox already.
    pub sent: Sent,
    inbox: Arc<Inbox<Message>>,
}

impl Wake for WakeCell {
    fn wake(self: Arc<Self>) {
        if self.is_to_be_sent() {
            let inbox = self.inbox.clone();
            // The loop gets our handle, not a copy: when it has looked, it
            // sees that we have none any more. An error means that it is
            // closed: nobody is to be woken.
            let _ = inbox.push(Message::Wake(self));
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_to_be_sent() {
            let _ = self.inbox.push(Message::Wake(self.clone()));
        }
    }
}

impl WakeCell {
    /// Wakes, if it is ours to do: on the thread of the loop, while that
    /// runs. Else says whether a message must be sent; once is enough.
    fn is_to_be_sent(&self) -> bool {
        let is_here = with_running(|event_loop| {
            let is_here = Arc::ptr_eq(&event_loop.inner.inbox, &self.inbox);
            if is_here {
                event_loop.wake(self.key);
            }
            is_here
        });
        is_here != Some(true) && self.sent.begin()
    }
}
// ANCHOR_END: wake

// ANCHOR: parked
/// A waker that is kept in the loop's own structures. One of an entry of the
/// same loop, as nearly all are, is kept as its name: no counter of an `Arc`
/// is touched, and the loop can see when nobody else has a waker.
#[derive(Clone)]
pub(crate) enum Parked {
    Here(Key),
    Elsewhere(Waker),
}

impl EventLoop {
    /// Keeps what `waker` says.
    pub(crate) fn park(&self, waker: &Waker) -> Parked {
        match self.inner.state.current.get() {
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

    /// Queues an entry, unless it is queued already or has gone.
    pub(crate) fn wake(&self, key: Key) {
        let mut table = self.inner.table.borrow_mut();
        let Some(entry) = table.get(key) else { return };
        if std::mem::replace(&mut entry.woken, true) {
            return;
        }
        if let Kind::Child(index, parent) = &entry.kind {
            let (index, parent) = (*index, parent.clone());
            drop(table);
            parent.woken.borrow_mut().push(index);
            let parked = parent.parked.borrow().clone();
            self.wake_parked(&parked);
        } else {
            self.inner.ready.borrow_mut().push_back(key);
        }
    }
    // ANCHOR_END: parked

    /// A new entry, which waits to be woken.
    pub(crate) fn insert(&self, kind: Kind) -> Key {
        self.inner.table.borrow_mut().insert(kind)
    }

    pub(crate) fn remove(&self, key: Key) -> Option<Entry> {
        self.inner.table.borrow_mut().remove(key)
    }
}

impl Entry {
    /// Its waker.
    pub fn waker(&mut self, key: Key, inbox: &Arc<Inbox<Message>>) -> Waker {
        let cell = self.cell.get_or_insert_with(|| {
            let (sent, inbox) = (Sent::default(), inbox.clone());
            Arc::new(WakeCell { key, sent, inbox })
        });
        Waker::from(cell.clone())
    }
}
