//! Which source waits for what: a safe wrapper over `polling`, on which
//! `event_loop.rs` stands. Python's `selectors` module is its model.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use polling::{AsSource, Event, Events, Poller};
use support::trace::Interest;

/// What a loop can wait for: a socket of the standard library.
///
/// Sealed. A foreign type could answer with another descriptor each time it
/// is asked for its own, and [`Selector`] must be able to trust it.
pub trait Pollable: sealed::Sealed + AsSource + Debug {}

impl Pollable for TcpListener {}
impl Pollable for TcpStream {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::net::TcpListener {}
    impl Sealed for std::net::TcpStream {}
}

/// The name of a source in its selector, never used for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub usize);

// ANCHOR: selector
/// Sources, and what is asked of each: one-shot, as in the documents'
/// "register, one event, unregister". In Python: `selectors.DefaultSelector`.
#[derive(Debug)]
pub struct Selector {
    /// Shared with what wakes `select` from other threads.
    pub(crate) poller: Arc<Poller>,
    sources: HashMap<Key, Entry>,
    next_key: usize,
    /// Kept between calls to save its allocation.
    events: Events,
}
// ANCHOR_END: selector

// ANCHOR: entry
#[derive(Debug)]
struct Entry {
    /// Owned here, so that its descriptor is open as long as `poller` knows
    /// it; whoever reads from it has another handle.
    source: Rc<dyn Pollable>,
    /// Whether `poller` knows it: not before its first registration.
    added: bool,
}
// ANCHOR_END: entry

impl Selector {
    /// A selector without sources.
    ///
    /// # Errors
    ///
    /// The system has no file descriptor left for it.
    pub fn new() -> io::Result<Selector> {
        Ok(Selector {
            poller: Arc::new(Poller::new()?),
            sources: HashMap::new(),
            next_key: 0,
            events: Events::new(),
        })
    }

    /// Takes a source in. Nothing is asked of it yet.
    pub fn insert(&mut self, source: Rc<dyn Pollable>) -> Key {
        let key = Key(self.next_key);
        self.next_key += 1;
        self.sources.insert(key, Entry { source, added: false });
        key
    }

    /// Gives a source up.
    pub fn remove(&mut self, key: Key) {
        if let Some(entry) = self.sources.remove(&key) {
            forget(&self.poller, &entry);
        }
    }

    /// Asks to be told once when the source is ready.
    ///
    /// # Errors
    ///
    /// `NotFound` for a source that is gone; those of the system.
    pub fn register(&mut self, key: Key, interest: Interest) -> io::Result<()> {
        let entry =
            self.sources.get_mut(&key).ok_or(io::ErrorKind::NotFound)?;
        let event = match interest {
            Interest::Readable => Event::readable(key.0),
            Interest::Writable => Event::writable(key.0),
        };
        match entry.added {
            true => self.poller.modify(&*entry.source, event),
            false => add(&self.poller, entry, event),
        }
    }

    /// Asks nothing of the source any more. It may be reported once more all
    /// the same.
    pub fn unregister(&mut self, key: Key) {
        if let Some(entry) = self.sources.get(&key) {
            // If this fails, the source may be reported once more.
            let _ = self.poller.modify(&*entry.source, Event::none(key.0));
        }
    }

    // ANCHOR: select
    /// Waits until sources are ready, the time is over, or the poller is
    /// notified. Returns the sources that are ready, each registered no more.
    ///
    /// # Errors
    ///
    /// Those of the system; never `Interrupted`.
    pub fn select(
        &mut self,
        timeout: Option<Duration>,
    ) -> io::Result<Vec<Key>> {
        self.events.clear();
        self.poller.wait(&mut self.events, timeout)?;
        Ok(self.events.iter().map(|event| Key(event.key)).collect())
    }
    // ANCHOR_END: select
}

impl Drop for Selector {
    fn drop(&mut self) {
        for entry in self.sources.values() {
            forget(&self.poller, entry);
        }
    }
}

// ANCHOR: add
/// Makes the source known to the poller.
fn add(poller: &Poller, entry: &mut Entry, event: Event) -> io::Result<()> {
    // SAFETY: `polling` demands that the source is deleted from the poller
    // before it is dropped. `entry` owns it, and whoever drops an entry
    // (`remove` and `drop`) calls `forget` before. Its type is sealed, so
    // this descriptor is the one that `forget` will name.
    #[allow(unsafe_code)]
    unsafe {
        poller.add(&entry.source.source(), event)?;
    }
    entry.added = true;
    Ok(())
}
// ANCHOR_END: add

/// Makes the source unknown to the poller again.
fn forget(poller: &Poller, entry: &Entry) {
    if entry.added {
        // It was added, so the only way to fail is that the kernel has
        // removed it already.
        let _ = poller.delete(&*entry.source);
    }
}
