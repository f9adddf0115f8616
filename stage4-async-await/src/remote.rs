//! How other threads reach a loop.

use std::fmt;
use std::sync::Arc;

use crate::event_loop::{EventLoop, Message};
use crate::inbox::Inbox;

/// A handle to an [`EventLoop`] for other threads. It does not keep the loop
/// alive; but while one exists, the loop does not say that nothing can
/// happen any more.
#[derive(Clone, Debug)]
pub struct Remote {
    // Dropped in this order: the loop that is woken does not count us.
    _counted: Arc<()>,
    sender: Sender,
}

impl EventLoop {
    /// A handle for other threads.
    pub fn remote(&self) -> Remote {
        let sender = Sender(self.inner.inbox.clone());
        Remote { _counted: self.inner.remotes.clone(), sender }
    }
}

impl Remote {
    // ANCHOR: call_soon_threadsafe
    /// Has `callback` called by the loop, on the loop's thread, after those
    /// that were sent before. A loop that sleeps is woken: once for all that
    /// comes until it looks. In asyncio: `call_soon_threadsafe`.
    ///
    /// # Errors
    ///
    /// The loop has been closed; `callback` is never called.
    pub fn call_soon_threadsafe<F: FnOnce() + Send + 'static>(
        &self,
        callback: F,
    ) -> Result<(), LoopClosed> {
        let name = std::any::type_name::<F>();
        let message = Message::Call(name, Box::new(callback));
        self.sender.0.push(message).map_err(|_| LoopClosed)
    }
    // ANCHOR_END: call_soon_threadsafe
}

/// Wakes the loop, also when dropped: the loop may be waiting for nothing
/// but the thread that had it.
#[derive(Clone, Debug)]
struct Sender(Arc<Inbox<Message>>);

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.notify();
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
