//! How other threads reach a loop: a channel, and the poller's `notify` that
//! wakes the loop to look into it.

use std::fmt;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};

use polling::Poller;

/// A callback that may come from another thread.
pub(crate) type SendCallback = Box<dyn FnOnce() + Send>;

/// A handle to an [`EventLoop`](crate::EventLoop) for other threads.
///
/// It does not keep the loop from being dropped, but a loop that still has
/// one does not end for lack of work.
#[derive(Clone, Debug)]
pub struct Remote {
    // Dropped in this order: the loop that is woken sees the channel closed.
    pub(crate) sender: Sender<SendCallback>,
    pub(crate) notifier: Notifier,
}

impl Remote {
    /// Has `callback` called by the loop, on the loop's thread, after those
    /// that this handle and its clones have sent before. In asyncio:
    /// `call_soon_threadsafe`.
    ///
    /// # Errors
    ///
    /// The loop has been closed or dropped; `callback` is never called.
    pub fn call_soon_threadsafe(
        &self,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<(), LoopClosed> {
        self.sender.send(Box::new(callback)).map_err(|_| LoopClosed)?;
        self.notifier.notify();
        Ok(())
    }

    /// Has the loop begin its next turn, should it be waiting.
    pub fn wake(&self) {
        self.notifier.notify();
    }
}

/// The loop that a [`Remote`] belongs to is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopClosed;

impl fmt::Display for LoopClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop is closed")
    }
}

impl std::error::Error for LoopClosed {}

/// Wakes the loop, also when dropped: the loop may be waiting for nothing
/// but the thread that had it.
#[derive(Clone, Debug)]
pub(crate) struct Notifier(Weak<Poller>);

impl Notifier {
    pub(crate) fn new(poller: &Arc<Poller>) -> Notifier {
        Notifier(Arc::downgrade(poller))
    }

    pub(crate) fn notify(&self) {
        if let Some(poller) = self.0.upgrade() {
            // It fails only if the poller is broken; the loop's next wait
            // says so.
            let _ = poller.notify();
        }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.notify();
    }
}
