//! Which source waits for what: a safe wrapper over `polling`, on which
//! `event_loop.rs` stands. Python's `selectors` module is its model.

use std::collections::HashMap;
use std::fmt;
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
pub trait Pollable: sealed::Sealed + AsSource {
    /// Has every operation fail with `WouldBlock` instead of waiting.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn make_nonblocking(&self) -> io::Result<()>;
}

impl Pollable for TcpListener {
    fn make_nonblocking(&self) -> io::Result<()> {
        self.set_nonblocking(true)
    }
}

impl Pollable for TcpStream {
    fn make_nonblocking(&self) -> io::Result<()> {
        self.set_nonblocking(true)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::net::TcpListener {}
    impl Sealed for std::net::TcpStream {}
}

/// The name of a source in a loop. No two sources of a loop ever share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub(crate) usize);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Sources, each with at most one `D` that waits for it: one-shot, as in the
/// documents' "register, one event, unregister". In Python:
/// `selectors.DefaultSelector`, with a callback as `data`.
pub struct Selector<D> {
    poller: Arc<Poller>,
    /// Kept between calls to save its allocation.
    events: Events,
    sources: HashMap<Key, Entry<D>>,
    next_key: usize,
    /// How many sources have a `D`.
    waiting: usize,
}

struct Entry<D> {
    /// Owned here, so that its descriptor is open as long as `poller` knows
    /// it; `Source` has another handle, to lend it out.
    source: Rc<dyn Pollable>,
    /// Whether `poller` knows it: not before its first registration.
    added: bool,
    data: Option<D>,
}

impl<D> Selector<D> {
    /// A selector without sources.
    ///
    /// # Errors
    ///
    /// The system has no file descriptor left for it.
    pub fn new() -> io::Result<Selector<D>> {
        Ok(Selector {
            poller: Arc::new(Poller::new()?),
            events: Events::new(),
            sources: HashMap::new(),
            next_key: 0,
            waiting: 0,
        })
    }

    /// What wakes [`select`](Self::select) from another thread.
    pub(crate) fn poller(&self) -> Arc<Poller> {
        self.poller.clone()
    }

    /// Takes a source in. Nothing waits for it yet.
    pub fn insert(&mut self, source: Rc<dyn Pollable>) -> Key {
        let key = Key(self.next_key);
        self.next_key += 1;
        self.sources.insert(key, Entry { source, added: false, data: None });
        key
    }

    /// Gives up a source, and what waited for it.
    pub fn remove(&mut self, key: Key) -> Option<D> {
        let entry = self.sources.remove(&key)?;
        self.waiting -= usize::from(entry.data.is_some());
        forget(&self.poller, &entry);
        entry.data
    }

    /// Has `data` wait for one event, and leaves there what waited before.
    ///
    /// # Errors
    ///
    /// `NotFound` for a source that is gone; those of the system. Then `data`
    /// stays where it is.
    pub fn register(
        &mut self,
        key: Key,
        interest: Interest,
        data: &mut Option<D>,
    ) -> io::Result<()> {
        let entry =
            self.sources.get_mut(&key).ok_or(io::ErrorKind::NotFound)?;
        let event = match interest {
            Interest::Readable => Event::readable(key.0),
            Interest::Writable => Event::writable(key.0),
        };
        match entry.added {
            true => self.poller.modify(&*entry.source, event)?,
            false => add(&self.poller, entry, event)?,
        }
        self.waiting += usize::from(entry.data.is_none());
        std::mem::swap(&mut entry.data, data);
        Ok(())
    }

    /// Ends a wait early. Returns what waited.
    pub fn unregister(&mut self, key: Key) -> Option<D> {
        let entry = self.sources.get_mut(&key)?;
        let data = entry.data.take()?;
        self.waiting -= 1;
        // If this fails, the source reports once more, to nobody.
        let _ = self.poller.modify(&*entry.source, Event::none(key.0));
        Some(data)
    }

    /// Waits until a source is ready, the time is over, or the poller is
    /// notified. Each `D` whose source is ready goes to `ready`.
    ///
    /// # Errors
    ///
    /// Those of the system; never `Interrupted`.
    pub fn select(
        &mut self,
        timeout: Option<Duration>,
        mut ready: impl FnMut(Key, D),
    ) -> io::Result<()> {
        self.events.clear();
        self.poller.wait(&mut self.events, timeout)?;
        for event in self.events.iter() {
            let key = Key(event.key);
            if let Some(entry) = self.sources.get_mut(&key)
                && let Some(data) = entry.data.take()
            {
                self.waiting -= 1;
                ready(key, data);
            }
        }
        Ok(())
    }

    /// Whether anything waits for a source.
    pub fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Takes out everything that waits.
    pub fn clear(&mut self) -> Vec<D> {
        self.waiting = 0;
        self.sources.values_mut().filter_map(|e| e.data.take()).collect()
    }
}

impl<D> fmt::Debug for Selector<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector")
            .field("sources", &self.sources.len())
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl<D> Drop for Selector<D> {
    fn drop(&mut self) {
        for entry in self.sources.values() {
            forget(&self.poller, entry);
        }
    }
}

/// Makes the source known to the poller.
fn add<D>(
    poller: &Poller,
    entry: &mut Entry<D>,
    event: Event,
) -> io::Result<()> {
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

/// Makes the source unknown to the poller again.
fn forget<D>(poller: &Poller, entry: &Entry<D>) {
    if entry.added {
        // It was added, so the only way to fail is that the kernel has
        // removed it already.
        let _ = poller.delete(&*entry.source);
    }
}
