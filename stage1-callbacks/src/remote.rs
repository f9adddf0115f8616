//! How other threads reach a loop: a queue, and the poller's `notify` that
//! wakes the loop to look at it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use polling::Poller;

/// A handle to an [`EventLoop`](crate::EventLoop) for other threads.
///
/// It does not keep the loop from being dropped, but a loop that still has
/// one does not end for lack of work.
pub struct Remote {
    inbox: Weak<Inbox>,
}

/// The loop that a [`Remote`] belongs to is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopClosed;

impl fmt::Display for LoopClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop is closed")
    }
}

impl std::error::Error for LoopClosed {}

/// What another thread asks of the loop.
pub(crate) enum Call {
    /// To call this.
    Function(Box<dyn FnOnce() + Send>),
    /// To call the callback that waits for this piece of work.
    ThreadDone(u64),
}

/// The loop's side.
pub(crate) struct Inbox {
    poller: Arc<Poller>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    /// How many `Remote`s there are.
    remotes: usize,
    /// Nobody takes calls out any more.
    closed: bool,
}

impl Inbox {
    pub(crate) fn new(poller: Arc<Poller>) -> Inbox {
        Inbox { poller, state: Mutex::default() }
    }

    /// Takes out what has been sent, in order.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Takes nothing in any more. Returns what has been sent.
    pub(crate) fn close(&self) -> Vec<Call> {
        let mut state = self.lock();
        state.closed = true;
        std::mem::take(&mut state.calls)
    }

    /// Whether there is something to take, or may be some day.
    pub(crate) fn is_alive(&self) -> bool {
        let state = self.lock();
        state.remotes > 0 || !state.calls.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // It fails only if the poller is broken, and then the loop's next
        // wait says so.
        let _ = self.poller.notify();
    }
}

impl Remote {
    pub(crate) fn new(inbox: &Arc<Inbox>) -> Remote {
        inbox.lock().remotes += 1;
        Remote { inbox: Arc::downgrade(inbox) }
    }

    /// Has `callback` called by the loop, on the loop's thread. In asyncio:
    /// `call_soon_threadsafe`.
    ///
    /// # Errors
    ///
    /// The loop has been closed or dropped; `callback` is never called.
    pub fn call_soon_threadsafe(
        &self,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<(), LoopClosed> {
        match self.send(Call::Function(Box::new(callback))) {
            true => Ok(()),
            false => Err(LoopClosed),
        }
    }

    /// False if there is nobody to send to any more.
    pub(crate) fn send(&self, call: Call) -> bool {
        let Some(inbox) = self.inbox.upgrade() else { return false };
        let mut state = inbox.lock();
        if state.closed {
            return false;
        }
        state.calls.push(call);
        drop(state);
        inbox.wake();
        true
    }
}

impl Clone for Remote {
    fn clone(&self) -> Remote {
        if let Some(inbox) = self.inbox.upgrade() {
            inbox.lock().remotes += 1;
        }
        Remote { inbox: self.inbox.clone() }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // The loop may be waiting for nothing but this handle.
        if let Some(inbox) = self.inbox.upgrade() {
            inbox.lock().remotes -= 1;
            inbox.wake();
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}
