//! Callbacks on the readiness of any descriptor, as in the documents' echo
//! server. In asyncio: `add_reader` and its kin.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use mio::unix::SourceFd;
use mio::{Interest, Token};

use crate::source::{READ, WRITE, Waiter};
use crate::*;

/// What is called, again and again, while a descriptor is ready.
pub(crate) type Callback = Rc<RefCell<dyn FnMut()>>;

/// The descriptors that callbacks look at, and their places in the loop.
pub(crate) type Watched = RefCell<HashMap<RawFd, usize>>;

// ANCHOR: add_reader
impl EventLoop {
    /// Has `callback` called in each turn in which something can be read,
    /// until [`remove_reader`](Self::remove_reader). It replaces the one
    /// before. The descriptor must stay open until then. In asyncio:
    /// `add_reader`.
    ///
    /// # Errors
    ///
    /// Those of the system; the loop is closed.
    pub fn add_reader(
        &self,
        fd: impl AsFd,
        callback: impl FnMut() + 'static,
    ) -> io::Result<()> {
        self.watch(fd, READ, Some(Rc::new(RefCell::new(callback)))).map(drop)
    }

    /// Forgets the callback; false if there is none. In asyncio:
    /// `remove_reader`.
    pub fn remove_reader(&self, fd: impl AsFd) -> bool {
        self.watch(fd, READ, None).unwrap_or(false)
    }

    /// Has `callback` called in each turn in which something can be written,
    /// until [`remove_writer`](Self::remove_writer). In asyncio:
    /// `add_writer`.
    ///
    /// # Errors
    ///
    /// As [`add_reader`](Self::add_reader).
    pub fn add_writer(
        &self,
        fd: impl AsFd,
        callback: impl FnMut() + 'static,
    ) -> io::Result<()> {
        self.watch(fd, WRITE, Some(Rc::new(RefCell::new(callback)))).map(drop)
    }

    /// Forgets the callback; false if there is none. In asyncio:
    /// `remove_writer`.
    pub fn remove_writer(&self, fd: impl AsFd) -> bool {
        self.watch(fd, WRITE, None).unwrap_or(false)
    }
    // ANCHOR_END: add_reader

    /// Sets the callback of one side or forgets it, and tells the selector.
    /// Returns whether there was one before.
    fn watch(
        &self,
        fd: impl AsFd,
        side: usize,
        callback: Option<Callback>,
    ) -> io::Result<bool> {
        let fd = fd.as_fd().as_raw_fd();
        let (watched, sources) = (&self.inner.watched, &self.inner.sources);
        let known = watched.borrow().get(&fd).copied();
        let key = match known {
            Some(key) => key,
            None if callback.is_none() => return Ok(false),
            None => sources.borrow_mut().insert(Default::default()),
        };
        let waiter = callback.map(|callback| Waiter::Callback(callback, fd));
        let before = self.with_side(key, side, |side| {
            std::mem::replace(&mut side.waiter, waiter)
        });
        watched.borrow_mut().insert(fd, key);
        let registered = self.register(fd, key, known.is_none());
        // Nothing is left to be watched, or it cannot be.
        if !matches!(registered, Ok(true)) {
            watched.borrow_mut().remove(&fd);
            let source = sources.borrow_mut().try_remove(key);
            drop(source); // without the borrow: it may hold anybody's callback
        }
        registered.map(|_| before.flatten().is_some())
    }

    /// Tells the selector what there is to watch; false if nothing is.
    fn register(&self, fd: RawFd, key: usize, new: bool) -> io::Result<bool> {
        let watches = |side| self.with_side(key, side, |s| s.waiter.is_some());
        let interest = match (watches(READ), watches(WRITE)) {
            (Some(true), Some(true)) => Interest::READABLE | Interest::WRITABLE,
            (Some(true), _) => Interest::READABLE,
            (_, Some(true)) => Interest::WRITABLE,
            _ => {
                // An error means that the descriptor is closed.
                let _ =
                    self.with_registry(|r| r.deregister(&mut SourceFd(&fd)));
                return Ok(false);
            }
        };
        let (source, token) = (&mut SourceFd(&fd), Token(key));
        self.with_registry(|registry| match new {
            true => registry.register(source, token, interest),
            false => registry.reregister(source, token, interest),
        })?;
        Ok(true)
    }

    // ANCHOR: fire
    /// Queues the callback of a descriptor that is ready. The selector
    /// reports changes only; told anew of the descriptor, it reports in the
    /// next turn if that is still ready.
    pub(crate) fn fire(&self, fd: RawFd, side: usize, callback: Callback) {
        let event_loop = self.clone();
        self.call_soon(move || {
            let Some(key) = event_loop.watched(fd, side, &callback) else {
                return; // it was removed or replaced since it was queued
            };
            // An error means that the descriptor is closed.
            let _ = event_loop.register(fd, key, false);
            (callback.borrow_mut())();
        });
    }
    // ANCHOR_END: fire

    /// The place of a descriptor, if this is still its callback.
    fn watched(&self, fd: RawFd, side: usize, f: &Callback) -> Option<usize> {
        let key = *self.inner.watched.borrow().get(&fd)?;
        let waiter = self.with_side(key, side, |side| side.waiter.clone())?;
        let ours =
            matches!(waiter?, Waiter::Callback(g, _) if Rc::ptr_eq(&g, f));
        ours.then_some(key)
    }
}
