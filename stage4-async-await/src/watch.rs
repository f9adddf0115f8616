//! Callbacks on the readiness of any descriptor, as in the documents' echo
//! server. In asyncio: `add_reader` and its kin.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::Rc;

use mio::unix::SourceFd;
use mio::{Interest, Token};

use crate::event_loop::EventLoop;
use crate::source::{Direction, Source, Waiter, closed};

/// What is called, again and again, while a descriptor is ready.
pub(crate) type Callback = Rc<RefCell<dyn FnMut()>>;

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
        let callback = Rc::new(RefCell::new(callback));
        self.watch(fd.as_fd().as_raw_fd(), Direction::Read, Some(callback))
    }

    /// Forgets the callback; false if there is none. In asyncio:
    /// `remove_reader`.
    pub fn remove_reader(&self, fd: impl AsFd) -> bool {
        self.unwatch(fd.as_fd().as_raw_fd(), Direction::Read)
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
        let callback = Rc::new(RefCell::new(callback));
        self.watch(fd.as_fd().as_raw_fd(), Direction::Write, Some(callback))
    }

    /// Forgets the callback; false if there is none. In asyncio:
    /// `remove_writer`.
    pub fn remove_writer(&self, fd: impl AsFd) -> bool {
        self.unwatch(fd.as_fd().as_raw_fd(), Direction::Write)
    }
}
// ANCHOR_END: add_reader

impl EventLoop {
    fn unwatch(&self, fd: RawFd, direction: Direction) -> bool {
        let watched = self.watched(fd, direction).is_some();
        // An error means that the descriptor is closed.
        watched && self.watch(fd, direction, None).is_ok()
    }

    /// The callback of a descriptor.
    fn watched(&self, fd: RawFd, direction: Direction) -> Option<Callback> {
        let token = *self.inner.watched.borrow().get(&fd)?;
        let mut sources = self.inner.sources.borrow_mut();
        match sources.get_mut(token.0)?.waiter(direction) {
            Some(Waiter::Callback(callback, _)) => Some(callback.clone()),
            _ => None,
        }
    }

    /// Sets or clears the callback, and tells the selector.
    fn watch(
        &self,
        fd: RawFd,
        direction: Direction,
        callback: Option<Callback>,
    ) -> io::Result<()> {
        let inner = &*self.inner;
        let mut sources = inner.sources.borrow_mut();
        let known = inner.watched.borrow().get(&fd).copied();
        let token = known.unwrap_or(Token(sources.vacant_key()));
        if known.is_none() {
            sources.insert(Source::default());
        }
        let source = &mut sources[token.0];
        let waiter = callback.map(|callback| Waiter::Callback(callback, fd));
        let before = std::mem::replace(source.waiter(direction), waiter);
        drop(sources);
        drop(before); // without a borrow: it is anybody's
        let result = self.tell_selector(fd, token, known.is_some());
        match result {
            Ok(true) => drop(inner.watched.borrow_mut().insert(fd, token)),
            // Nothing is left to watch, or it cannot be.
            Ok(false) | Err(_) => {
                inner.watched.borrow_mut().remove(&fd);
                let source = inner.sources.borrow_mut().try_remove(token.0);
                drop(source);
            }
        }
        result.map(drop)
    }

    /// What there is to watch of a descriptor; false if nothing.
    fn tell_selector(
        &self,
        fd: RawFd,
        token: Token,
        known: bool,
    ) -> io::Result<bool> {
        let mut sources = self.inner.sources.borrow_mut();
        let source = &mut sources[token.0];
        let read = source.waiter(Direction::Read).is_some();
        let write = source.waiter(Direction::Write).is_some();
        drop(sources);
        let poll = self.inner.poll.borrow();
        let registry = poll.as_ref().ok_or_else(closed)?.registry();
        let read = read.then_some(Interest::READABLE);
        let write = write.then_some(Interest::WRITABLE);
        let interest = read.into_iter().chain(write).reduce(|a, b| a | b);
        let mut fd = SourceFd(&fd);
        match interest {
            None if known => registry.deregister(&mut fd)?,
            None => {}
            Some(interest) if known => {
                registry.reregister(&mut fd, token, interest)?;
            }
            Some(interest) => registry.register(&mut fd, token, interest)?,
        }
        Ok(interest.is_some())
    }

    // ANCHOR: fire
    /// Queues the callback of a descriptor that is ready. The selector
    /// reports changes only; told anew of the descriptor, it reports in the
    /// next turn if that is still ready.
    pub(crate) fn fire(
        &self,
        fd: RawFd,
        direction: Direction,
        callback: Callback,
    ) {
        let event_loop = self.clone();
        self.call_soon(move || {
            // It may have been removed, or replaced, since it was queued.
            let now = event_loop.watched(fd, direction);
            if now.is_some_and(|now| Rc::ptr_eq(&now, &callback)) {
                let again = event_loop.inner.watched.borrow()[&fd];
                // An error means that the descriptor is closed.
                let _ = event_loop.tell_selector(fd, again, true);
                (callback.borrow_mut())();
            }
        });
    }
    // ANCHOR_END: fire
}
