//! Where other threads leave what they send to a loop. The loop's thread
//! takes it all at once. `inbox_model.rs` checks every order in which the
//! threads can meet.

use super::lock::{AtomicBool, Mutex, Ordering, lock};

/// A queue with many senders and one receiver, which sleeps elsewhere (in
/// the selector) and has to be woken. `None`: it is closed.
pub(crate) struct Inbox<M>(Mutex<Option<Open<M>>>);

struct Open<M> {
    messages: Vec<M>,
    /// Wakes the receiver.
    notify: Box<dyn Fn() + Send>,
}

impl<M> Inbox<M> {
    pub(crate) fn new(notify: impl Fn() + Send + 'static) -> Inbox<M> {
        let open = Open { messages: Vec::new(), notify: Box::new(notify) };
        Inbox(Mutex::new(Some(open)))
    }

    // ANCHOR: push
    /// Leaves a message. The first one of a batch wakes the receiver; those
    /// that follow will be found with it.
    ///
    /// # Errors
    ///
    /// It is closed. The message comes back: it is not dropped under a lock.
    pub(crate) fn push(&self, message: M) -> Result<(), M> {
        let mut open = lock(&self.0);
        let Some(open) = &mut *open else { return Err(message) };
        open.messages.push(message);
        if open.messages.len() == 1 {
            (open.notify)();
        }
        Ok(())
    }

    /// Takes what is there; the next message begins a new batch.
    pub(crate) fn take(&self) -> Vec<M> {
        let mut open = lock(&self.0);
        let messages = open.as_mut().map(|open| &mut open.messages);
        messages.map(std::mem::take).unwrap_or_default()
    }
    // ANCHOR_END: push

    /// Whether nothing waits to be taken.
    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.0).as_ref().is_none_or(|open| open.messages.is_empty())
    }

    /// Wakes the receiver without a message.
    pub(crate) fn notify(&self) {
        if let Some(open) = &*lock(&self.0) {
            (open.notify)();
        }
    }

    /// Takes nothing more. What is there is dropped, and so is the way to
    /// wake the receiver.
    pub(crate) fn close(&self) {
        let open = lock(&self.0).take();
        drop(open); // without the lock: it may be anybody's code
    }
}

// ANCHOR: sent
/// Whether a message that is the same each time is in the inbox already: once
/// is enough.
#[derive(Default)]
pub(crate) struct Sent(AtomicBool);

impl Sent {
    /// True for the one who has to send it.
    pub(crate) fn begin(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// It has been received: the next one counts. What was written before a
    /// `begin` that was told `false` is seen from here on. A mere `store`
    /// would not see it.
    pub(crate) fn received(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}
// ANCHOR_END: sent
