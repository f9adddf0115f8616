//! Who is told when a future or a task is done: callbacks, and wakers of
//! those who await it, in one list. In asyncio: `_callbacks`.

use std::collections::BTreeMap;
use std::task::Waker;

use crate::event_loop::EventLoop;
use crate::wake::Parked;

/// Names a callback, for
/// [`remove_done_callback`](crate::Future::remove_done_callback).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallbackId(u64);

// ANCHOR: waiters
/// In order of arrival. `A` is what the callbacks are given.
pub(crate) struct Waiters<A> {
    list: BTreeMap<CallbackId, Waiter<A>>,
    last_id: u64,
}

enum Waiter<A> {
    Await(Parked),
    Call(Box<dyn FnOnce(&A)>),
}
// ANCHOR_END: waiters

impl<A> Default for Waiters<A> {
    fn default() -> Waiters<A> {
        Waiters { list: BTreeMap::new(), last_id: 0 }
    }
}

impl<A: Clone + 'static> Waiters<A> {
    fn push(&mut self, waiter: Waiter<A>) -> CallbackId {
        self.last_id += 1;
        let id = CallbackId(self.last_id);
        self.list.insert(id, waiter);
        id
    }

    pub fn push_callback(
        &mut self,
        callback: impl FnOnce(&A) + 'static,
    ) -> CallbackId {
        self.push(Waiter::Call(Box::new(callback)))
    }

    /// Notes whom to wake. Who is in the list already keeps its place, which
    /// `id` names.
    pub fn park(
        &mut self,
        event_loop: &EventLoop,
        waker: &Waker,
        id: &mut Option<CallbackId>,
    ) {
        let parked = Waiter::Await(event_loop.park(waker));
        match id.and_then(|id| self.list.get_mut(&id)) {
            Some(waiter) => *waiter = parked,
            None => *id = Some(self.push(parked)),
        }
    }

    /// Forgets one; false if it is not there any more.
    #[must_use = "what it held is dropped with this: not under a borrow"]
    pub fn remove(&mut self, id: CallbackId) -> Option<impl Sized + use<A>> {
        self.list.remove(&id)
    }

    // ANCHOR: schedule
    /// Wakes and schedules all of them: it calls none itself. In asyncio:
    /// `__schedule_callbacks`.
    pub fn schedule(self, event_loop: &EventLoop, argument: &A) {
        for waiter in self.list.into_values() {
            match waiter {
                Waiter::Await(parked) => event_loop.wake_parked(&parked),
                Waiter::Call(callback) if !event_loop.is_closed() => {
                    let argument = argument.clone();
                    event_loop.call_soon(move || callback(&argument));
                }
                Waiter::Call(_) => {}
            }
        }
    }
    // ANCHOR_END: schedule

    /// Takes out all. Their names are not given to others.
    pub fn take(&mut self) -> Waiters<A> {
        Waiters { list: std::mem::take(&mut self.list), ..*self }
    }

    pub fn contains(&self, id: CallbackId) -> bool {
        self.list.contains_key(&id)
    }
}
