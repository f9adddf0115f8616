//! A socket and the loop: what the selector reports, and who waits for it. In
//! asyncio: `_process_events`, and what `sock_recv` and its kin do.

use std::any::type_name;
use std::task::ready;

use mio::{Interest, Token};
use slab::Slab;
use support::net::{interrupted, would_block};
use support::trace;

use crate::*;

/// Whether a read or write that moved less than it could have leaves nothing
/// to move: the selector reports again when that changes. Elsewhere only an
/// operation that would block says so.
const SHORT_IS_ALL: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple"
));

// ANCHOR: source
/// The sockets of a loop. Each has two sides, [`READ`] and [`WRITE`].
pub(crate) type Sources = RefCell<Slab<[Side; 2]>>;

pub(crate) const READ: usize = 0;
pub(crate) const WRITE: usize = 1;

/// What is known of one direction of a socket.
#[derive(Default)]
pub(crate) struct Side {
    /// Nothing says that an operation would block.
    ready: bool,
    /// The end was reported: nothing more will be.
    ended: bool,
    pub waiter: Option<Waiter>,
}

/// Who is told that a socket is ready.
#[derive(Clone)]
pub(crate) enum Waiter {
    /// An operation. It keeps its place until it is done or dropped.
    Operation(Parked),
    /// Whoever polled last.
    Poll(Parked),
    /// A callback on a descriptor.
    #[cfg(unix)]
    Callback(crate::watch::Callback, std::os::fd::RawFd),
}
// ANCHOR_END: source

impl Side {
    // ANCHOR: poll_ready
    /// Waits until it is ready. `waits` tells whether the operation that asks
    /// is the one that waits; who has none is polled by hand.
    fn poll_ready(
        &mut self,
        parked: Parked,
        waits: Option<&mut bool>,
    ) -> Poll<io::Result<()>> {
        let ours = waits.as_deref() == Some(&true);
        if matches!(self.waiter, Some(Waiter::Operation(_))) && !ours {
            let why = "another task waits for this socket already";
            let error = io::Error::new(io::ErrorKind::ResourceBusy, why);
            return Poll::Ready(Err(error));
        }
        if self.ready {
            return Poll::Ready(Ok(()));
        }
        self.waiter = Some(match waits {
            Some(waits) => {
                *waits = true;
                Waiter::Operation(parked)
            }
            None => Waiter::Poll(parked),
        });
        Poll::Pending
    }
    // ANCHOR_END: poll_ready
}

impl EventLoop {
    // ANCHOR: report
    /// Takes in what the selector reports, and tells who waits for it.
    pub(crate) fn report(&self, key: usize, event: &mio::event::Event) {
        self.record(|| trace::Event::Ready(key));
        let failed = event.is_error();
        let read = (event.is_readable(), event.is_read_closed() || failed);
        let write = (event.is_writable(), event.is_write_closed() || failed);
        for (side, (ready, ended)) in [(READ, read), (WRITE, write)] {
            if ready || ended {
                let waiter = self.with_side(key, side, |side| {
                    side.ready = true;
                    side.ended |= ended;
                    side.waiter.clone()
                });
                self.tell(side, waiter.flatten());
            }
        }
    }
    // ANCHOR_END: report

    fn tell(&self, side: usize, waiter: Option<Waiter>) {
        match waiter {
            Some(Waiter::Operation(parked) | Waiter::Poll(parked)) => {
                self.wake_parked(&parked);
            }
            #[cfg(unix)]
            Some(Waiter::Callback(f, fd)) => self.fire(fd, side, f),
            None => {}
        }
    }

    /// Does something with one side of a socket; `None` if the loop has been
    /// closed, and has forgotten it.
    pub(crate) fn with_side<T>(
        &self,
        key: usize,
        side: usize,
        f: impl FnOnce(&mut Side) -> T,
    ) -> Option<T> {
        let mut sources = self.inner.sources.borrow_mut();
        sources.get_mut(key).map(|sides| f(&mut sides[side]))
    }

    pub(crate) fn is_any_source_waited_for(&self) -> bool {
        let sources = self.inner.sources.borrow();
        sources.iter().any(|(_, s)| s.iter().any(|s| s.waiter.is_some()))
    }

    /// Does something with the selector.
    pub(crate) fn with_registry<T>(
        &self,
        f: impl FnOnce(&mio::Registry) -> io::Result<T>,
    ) -> io::Result<T> {
        f(self.inner.poll.borrow().as_ref().ok_or_else(closed)?.registry())
    }
}

// ANCHOR: registered
/// A socket that is registered with a loop, once, until it is dropped.
#[derive(Debug)]
pub(crate) struct Registered<S: mio::event::Source> {
    pub socket: S,
    pub key: usize,
    pub event_loop: EventLoop,
}

impl<S: mio::event::Source> Registered<S> {
    /// `writable` says that it is connected: there is room to write.
    pub fn new(
        event_loop: EventLoop,
        mut socket: S,
        interest: Interest,
        writable: bool,
    ) -> io::Result<Registered<S>> {
        let write = Side { ready: writable, ..Side::default() };
        let key = event_loop.inner.sources.borrow().vacant_key();
        event_loop.with_registry(|registry| {
            registry.register(&mut socket, Token(key), interest)
        })?;
        event_loop.inner.sources.borrow_mut().insert([Side::default(), write]);
        let register = |interest| {
            let name = type_name::<S>();
            event_loop.record(|| trace::Event::Register(key, interest, name));
        };
        register(trace::Interest::Readable);
        if interest.is_writable() {
            register(trace::Interest::Writable);
        }
        Ok(Registered { socket, key, event_loop })
    }
    // ANCHOR_END: registered

    // ANCHOR: poll_io
    /// Does `operation` when the socket is ready for it; once more if it
    /// would block after all, or if it returns `None`: there is more to do.
    pub fn poll_io<T>(
        &self,
        side: usize,
        cx: &mut Context<'_>,
        mut waits: Option<&mut bool>,
        mut operation: impl FnMut(&Self) -> io::Result<Option<T>>,
    ) -> Poll<io::Result<T>> {
        loop {
            let parked = self.event_loop.park(cx.waker());
            let waiter = waits.as_deref_mut();
            let ready = self.side(side, |s| s.poll_ready(parked, waiter));
            ready!(ready.unwrap_or_else(|| Poll::Ready(Err(closed()))))?;
            // Whoever is always ready lets the others have a turn.
            let budget = &self.event_loop.inner.state.budget;
            let Some(left) = budget.get().checked_sub(1) else {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            };
            budget.set(left);
            match operation(self) {
                Err(error) if would_block(&error) => {
                    self.side(side, |s| s.ready = false);
                }
                Err(error) if interrupted(&error) => {}
                Ok(None) => {}
                result => {
                    self.wait_no_more(side, waits);
                    return Poll::Ready(result.map(|done| done.expect("some")));
                }
            }
        }
    }
    // ANCHOR_END: poll_io

    // ANCHOR: moved
    /// Notes that `n` bytes were moved where there was room for `most`.
    pub fn moved(&self, side: usize, n: usize, most: usize) {
        if SHORT_IS_ALL && 0 < n && n < most {
            // Data and the end may have been reported together.
            self.side(side, |s| s.ready = s.ended);
        }
    }
    // ANCHOR_END: moved

    fn side<T>(&self, n: usize, f: impl FnOnce(&mut Side) -> T) -> Option<T> {
        self.event_loop.with_side(self.key, n, f)
    }

    fn wait_no_more(&self, side: usize, waits: Option<&mut bool>) {
        // Who is polled by hand has the place, if nobody else has it.
        if waits.is_none_or(std::mem::take) {
            let waiter = self.side(side, |s| s.waiter.take());
            drop(waiter); // without the borrow: it may be anybody's
        }
    }

    /// A future that does `operation`.
    pub fn operation<T, F>(
        &self,
        side: usize,
        place: Place,
        operation: F,
    ) -> Operation<'_, S, F>
    where
        F: FnMut(&Self) -> io::Result<Option<T>>,
    {
        let (waits, at_once) = (false, false);
        Operation { io: self, side, operation, waits, at_once, place }
    }
}

impl<S: mio::event::Source> Drop for Registered<S> {
    fn drop(&mut self) {
        let Registered { socket, key, event_loop } = self;
        // An error means that the loop is closed.
        let _ = event_loop.with_registry(|r| r.deregister(socket));
        let source = event_loop.inner.sources.borrow_mut().try_remove(*key);
        drop(source); // without the borrow: it may hold anybody's waker
        event_loop.record(|| trace::Event::Unregister(*key));
    }
}

// ANCHOR: operation
/// One operation on a socket, to be awaited.
#[must_use = "an operation does nothing unless it is awaited"]
pub(crate) struct Operation<'a, S: mio::event::Source, F> {
    io: &'a Registered<S>,
    side: usize,
    operation: F,
    /// We are the one who waits.
    waits: bool,
    /// There is nothing to wait for.
    pub at_once: bool,
    place: Place,
}

impl<S: mio::event::Source, F> Unpin for Operation<'_, S, F> {}

impl<S, T, F> std::future::Future for Operation<'_, S, F>
where
    S: mio::event::Source,
    F: FnMut(&Registered<S>) -> io::Result<Option<T>>,
{
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Operation { io, side, operation, waits, at_once, place } =
            self.get_mut();
        if *at_once {
            return Poll::Ready(operation(io).map(|done| done.expect("some")));
        }
        io.event_loop.waits_at(*place);
        io.poll_io(*side, cx, Some(waits), operation)
    }
}

impl<S: mio::event::Source, F> Drop for Operation<'_, S, F> {
    fn drop(&mut self) {
        self.io.wait_no_more(self.side, Some(&mut self.waits));
    }
}
// ANCHOR_END: operation

fn closed() -> io::Error {
    io::Error::other("the event loop is closed")
}
