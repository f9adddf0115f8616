//! What the selector reports of a socket, and who waits for it. In asyncio:
//! `_add_reader`, `_add_writer` and `_process_events`.

use std::any::type_name;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use mio::{Interest, Token};
use support::net::{interrupted, would_block};
use support::trace::{self, Event};

use crate::event_loop::EventLoop;
use crate::place::Place;
use crate::wake::Parked;

/// Whether a read or write that moved less than it could have leaves nothing
/// to move: the selector reports again when that changes. Elsewhere only an
/// operation that would block says so.
const SHORT_IS_ALL: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
));

// ANCHOR: source
/// A socket as the loop knows it.
#[derive(Default)]
pub(crate) struct Source {
    read: Side,
    write: Side,
}

/// One direction of a socket.
#[derive(Default)]
pub(crate) struct Side {
    /// Nothing says that an operation would block.
    ready: bool,
    /// Nothing more will be reported: the end has been.
    ended: bool,
    waiter: Option<Waiter>,
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

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Direction {
    Read,
    Write,
}
// ANCHOR_END: source

impl Source {
    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }

    #[cfg(unix)]
    pub fn waiter(&mut self, direction: Direction) -> &mut Option<Waiter> {
        &mut self.side(direction).waiter
    }

    pub fn is_waited_for(&self) -> bool {
        self.read.waiter.is_some() || self.write.waiter.is_some()
    }
}

impl Side {
    // ANCHOR: poll_ready
    /// Waits until it is ready.
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

    // ANCHOR: is_ready
    /// Takes in a report; returns whom to tell.
    fn is_ready(&mut self, ended: bool) -> Option<Waiter> {
        self.ready = true;
        self.ended |= ended;
        self.waiter.clone()
    }
    // ANCHOR_END: is_ready
}

impl EventLoop {
    /// Takes in what the selector reports, and wakes who waits for it.
    pub(crate) fn socket_is_ready(
        &self,
        token: Token,
        event: &mio::event::Event,
    ) {
        self.record(|| Event::Ready(token.0));
        let mut sources = self.inner.sources.borrow_mut();
        let Some(source) = sources.get_mut(token.0) else { return };
        let failed = event.is_error();
        let (mut reader, mut writer) = (None, None);
        if event.is_readable() || event.is_read_closed() || failed {
            reader = source.read.is_ready(event.is_read_closed() || failed);
        }
        if event.is_writable() || event.is_write_closed() || failed {
            writer = source.write.is_ready(event.is_write_closed() || failed);
        }
        drop(sources); // before anybody is woken
        self.tell(Direction::Read, reader);
        self.tell(Direction::Write, writer);
    }

    fn tell(&self, direction: Direction, waiter: Option<Waiter>) {
        match waiter {
            Some(Waiter::Operation(parked) | Waiter::Poll(parked)) => {
                self.wake_parked(&parked);
            }
            #[cfg(unix)]
            Some(Waiter::Callback(callback, fd)) => {
                self.fire(fd, direction, callback);
            }
            None => {}
        }
    }
}

// ANCHOR: registered
/// A socket that is registered with a loop, once, until it is dropped.
#[derive(Debug)]
pub(crate) struct Registered<S: mio::event::Source> {
    pub socket: S,
    token: Token,
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
        let poll = event_loop.inner.poll.borrow();
        let registry = poll.as_ref().ok_or_else(closed)?.registry();
        let mut sources = event_loop.inner.sources.borrow_mut();
        let entry = sources.vacant_entry();
        let token = Token(entry.key());
        registry.register(&mut socket, token, interest)?;
        let write = Side { ready: writable, ..Side::default() };
        entry.insert(Source { read: Side::default(), write });
        drop((poll, sources));
        let register = |interest| {
            let name = type_name::<S>();
            event_loop.record(|| Event::Register(token.0, interest, name));
        };
        register(trace::Interest::Readable);
        if interest.is_writable() {
            register(trace::Interest::Writable);
        }
        Ok(Registered { socket, token, event_loop })
    }
    // ANCHOR_END: registered

    /// Its name in the trace.
    pub fn key(&self) -> usize {
        self.token.0
    }

    /// `None`: the loop is closed, and has forgotten it.
    fn side<T>(
        &self,
        direction: Direction,
        f: impl FnOnce(&mut Side) -> T,
    ) -> Option<T> {
        let mut sources = self.event_loop.inner.sources.borrow_mut();
        sources.get_mut(self.token.0).map(|s| f(s.side(direction)))
    }

    // ANCHOR: poll_io
    /// Does `operation` when the socket is ready for it, and once more if it
    /// would block after all.
    ///
    /// `waits` tells whether the one who asks is the one who waits. Without
    /// it, whoever asks last is the one to wake.
    pub fn poll_io<T>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut waits: Option<&mut bool>,
        mut operation: impl FnMut(&Self) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let event_loop = &self.event_loop;
        loop {
            let parked = event_loop.park(cx.waker());
            let waiter = waits.as_deref_mut();
            let ready = self.side(direction, |s| s.poll_ready(parked, waiter));
            ready!(ready.unwrap_or_else(|| Poll::Ready(Err(closed()))))?;
            // Whoever is always ready lets others have a turn.
            let Some(left) = event_loop.inner.budget.get().checked_sub(1)
            else {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            };
            event_loop.inner.budget.set(left);
            match operation(self) {
                Err(error) if would_block(&error) => {
                    self.side(direction, |side| side.ready = false);
                }
                Err(error) if interrupted(&error) => {}
                result => {
                    self.wait_no_more(direction, waits);
                    return Poll::Ready(result);
                }
            }
        }
    }
    // ANCHOR_END: poll_io

    // ANCHOR: moved
    /// Notes that `n` bytes were moved where there was room for `most`.
    pub fn moved(&self, direction: Direction, n: usize, most: usize) {
        if SHORT_IS_ALL && 0 < n && n < most {
            // Data and the end may have been reported together.
            self.side(direction, |side| side.ready = side.ended);
        }
    }
    // ANCHOR_END: moved

    fn wait_no_more(&self, direction: Direction, waits: Option<&mut bool>) {
        if waits.is_some_and(std::mem::take) {
            self.side(direction, |side| side.waiter = None);
        }
    }

    /// A future that does `operation`.
    pub fn operation<T, F>(
        &self,
        direction: Direction,
        place: Place,
        operation: F,
    ) -> Operation<'_, S, F>
    where
        F: FnMut(&Self) -> io::Result<T>,
    {
        Operation { io: self, direction, operation, waits: false, place }
    }
}

impl<S: mio::event::Source> Drop for Registered<S> {
    fn drop(&mut self) {
        let inner = &self.event_loop.inner;
        if let Some(poll) = &*inner.poll.borrow() {
            // An error means that it is not registered any more.
            let _ = poll.registry().deregister(&mut self.socket);
        }
        let mut sources = inner.sources.borrow_mut();
        let source = sources.try_remove(self.token.0);
        drop(sources); // before the waker that it may hold
        drop(source);
        self.event_loop.record(|| Event::Unregister(self.token.0));
    }
}

// ANCHOR: operation
/// One operation on a socket, to be awaited.
#[must_use = "an operation does nothing unless it is awaited"]
pub(crate) struct Operation<'a, S: mio::event::Source, F> {
    io: &'a Registered<S>,
    direction: Direction,
    operation: F,
    /// We stand in the list of those who wait.
    waits: bool,
    place: Place,
}

impl<S: mio::event::Source, F> Unpin for Operation<'_, S, F> {}

impl<S, T, F> std::future::Future for Operation<'_, S, F>
where
    S: mio::event::Source,
    F: FnMut(&Registered<S>) -> io::Result<T>,
{
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Operation { io, direction, operation, waits, place } =
            self.get_mut();
        let polled = io.poll_io(*direction, cx, Some(waits), operation);
        if polled.is_pending() {
            io.event_loop.waits_at(*place);
        }
        polled
    }
}

impl<S: mio::event::Source, F> Drop for Operation<'_, S, F> {
    fn drop(&mut self) {
        self.io.wait_no_more(self.direction, Some(&mut self.waits));
    }
}
// ANCHOR_END: operation

pub(crate) fn closed() -> io::Error {
    io::Error::other("the event loop is closed")
}
