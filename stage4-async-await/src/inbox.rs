//! Where other threads leave what they send to a loop. The loop's thread
//! takes it all at once. `inbox_model.rs` checks every order in which the
//! threads can meet.

use std::fmt;

use super::lock::{Mutex, MutexGuard, lock};

/// A queue with many senders and one receiver, which sleeps elsewhere (in
/// the selector) and has to be woken.
pub(crate) struct Inbox<M> {
    /// `None`: closed.
    open: Mutex<Option<Open<M>>>,
}

struct Open<M> {
    messages: Vec<M>,
    /// Wakes the receiver.
    notify: Box<dyn Fn() + Send>,
}

impl<M> Inbox<M> {
    pub(crate) fn new(notify: impl Fn() + Send + 'static) -> Inbox<M> {
        let open = Open { messages: Vec::new(), notify: Box::new(notify) };
        Inbox { open: Mutex::new(Some(open)) }
    }

    // ANCHOR: push
    /// Leaves a message. The first one of a batch wakes the receiver; those
    /// that follow will be found with it.
    ///
    /// # Errors
    ///
    /// It is closed. The message comes back: it is not dropped under a lock.
    pub(crate) fn push(&self, message: M) -> Result<(), M> {
        let mut open = self.lock();
        let Some(open) = &mut *open else { return Err(message) };
        open.messages.push(message);
        if open.messages.len() == 1 {
            (open.notify)();
        }
        Ok(())
    }

    /// Takes what is there; the next message begins a new batch.
    pub(crate) fn take(&self) -> Vec<M> {
        match &mut *self.lock() {
            Some(open) => std::mem::take(&mut open.messages),
            None => Vec::new(),
        }
    }
    // ANCHOR_END: push

    /// Wakes the receiver without a message.
    pub(crate) fn notify(&self) {
        if let Some(open) = &*self.lock() {
            (open.notify)();
        }
    }

    /// Whether messages wait to be taken.
    pub(crate) fn has_messages(&self) -> bool {
        self.lock().as_ref().is_some_and(|open| !open.messages.is_empty())
    }

    /// Takes nothing more. What is there is dropped, and so is the way to
    /// wake the receiver.
    pub(crate) fn close(&self) {
        let open = self.lock().take();
        drop(open); // without the lock: it may be anybody's code
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open<M>>> {
        lock(&self.open)
    }
}

impl<M> fmt::Debug for Inbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}
