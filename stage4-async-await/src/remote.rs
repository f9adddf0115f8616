//! How other threads reach a loop.

use crate::event_loop::Message;
use crate::inbox::Inbox;
use crate::*;

/// A handle to an [`EventLoop`] for other threads. It does not keep the loop
/// alive; but while one exists, the loop does not say that nothing can
/// happen any more.
#[derive(Clone)]
pub struct Remote {
    inbox: Arc<Inbox<Message>>,
    /// The loop counts these.
    counted: Arc<()>,
}

impl EventLoop {
    /// A handle for other threads.
    pub fn remote(&self) -> Remote {
        let inner = &self.inner;
        Remote {
            inbox: inner.inbox.clone(),
            counted: inner.state.remotes.clone(),
        }
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
        self.inbox.push(message).map_err(|_| LoopClosed)
    }
    // ANCHOR_END: call_soon_threadsafe
}

impl Drop for Remote {
    /// The loop may be waiting for nothing but this: it looks again.
    fn drop(&mut self) {
        drop(std::mem::take(&mut self.counted));
        self.inbox.notify();
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}

/// The loop that a [`Remote`] belongs to is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event loop is closed")]
pub struct LoopClosed;
