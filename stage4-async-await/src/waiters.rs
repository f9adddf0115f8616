//! Who is told when a future or a task is done: callbacks, and wakers of
//! those who await it, in one list. In asyncio: `_callbacks`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::*;

/// Names a callback, for
/// [`remove_done_callback`](Future::remove_done_callback).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallbackId(u64);

impl CallbackId {
    /// One that comes after all others.
    pub(crate) fn next() -> CallbackId {
        static LAST: AtomicU64 = AtomicU64::new(0);
        CallbackId(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

// ANCHOR: waiters
/// In order of arrival. `A` is what the callbacks are given.
pub(crate) type Waiters<A> = BTreeMap<CallbackId, Waiter<A>>;

pub(crate) enum Waiter<A> {
    Await(Parked),
    Call(Box<dyn FnOnce(&A)>),
}
// ANCHOR_END: waiters

impl EventLoop {
    /// Notes whom to wake. Who waits already keeps its place, which `id`
    /// names. Returns what was noted before: it may be anybody's, so drop it
    /// without a borrow.
    pub(crate) fn park_in<A>(
        &self,
        waiters: &mut Waiters<A>,
        waker: &Waker,
        id: &mut Option<CallbackId>,
    ) -> Option<Waiter<A>> {
        let id = *id.get_or_insert_with(CallbackId::next);
        waiters.insert(id, Waiter::Await(self.park(waker)))
    }

    // ANCHOR: schedule
    /// Wakes and schedules all of them: it calls none itself. In asyncio:
    /// `__schedule_callbacks`.
    pub(crate) fn schedule<A: Clone + 'static>(
        &self,
        waiters: Waiters<A>,
        argument: &A,
    ) {
        for waiter in waiters.into_values() {
            match waiter {
                Waiter::Await(parked) => self.wake_parked(&parked),
                Waiter::Call(_) if self.inner.poll.borrow().is_none() => {}
                Waiter::Call(callback) => {
                    let argument = argument.clone();
                    let call = Kind::call(move || callback(&argument));
                    self.wake(self.insert(call));
                }
            }
        }
    }
    // ANCHOR_END: schedule
}
