//! The event loop, part by part as asyncio's: `_ready`, `_scheduled`, and a
//! selector. Read stage 1's `event_loop.rs` first: that one calls callbacks;
//! this one also steps tasks, and wakes them.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Events, Token};
use slab::Slab;
use support::trace::{Event, Trace};

use crate::inbox::Inbox;
use crate::place::Place;
use crate::running::with_running;
use crate::schedule::{Action, Schedule};
use crate::source::Source;
use crate::task::TaskRef;
use crate::wake::{Key, Kind, Sleeper, Sleepers, WakeCell};

/// While something is ready, the selector is asked in every so many turns.
const SELECT_EVERY: u32 = 61;
/// How much a task may read and write in one step, in operations, before the
/// others get their turn.
const IO_BUDGET: u32 = 128;
/// The selector reports this one when something is in the inbox.
const INBOX: Token = Token(usize::MAX);

/// An event loop, on one thread. Clones are handles to the same loop.
///
/// ```
/// use stage4_async_await as aio;
///
/// let event_loop = aio::EventLoop::new()?;
/// let sum = event_loop.run_until_complete(async {
///     let task = aio::create_task(async { 1 + 2 });
///     task.await.unwrap()
/// });
/// assert_eq!(sum, 3);
/// event_loop.close();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Tasks and callbacks may hold handles to the loop that holds them;
/// [`close`](Self::close) breaks that circle. [`run`](crate::run) does it
/// for you. In asyncio: `BaseSelectorEventLoop`.
#[derive(Clone)]
pub struct EventLoop {
    pub(crate) inner: Rc<Inner>,
}

// ANCHOR: inner
pub(crate) struct Inner {
    /// The selector; `None` when the loop is closed.
    pub poll: RefCell<Option<mio::Poll>>,
    events: Cell<Events>,
    /// The sockets it looks after.
    pub sources: RefCell<Slab<Source>>,
    /// The descriptors that callbacks look at, and their names there.
    #[cfg(unix)]
    pub watched: RefCell<HashMap<RawFd, Token>>,
    /// What runs next, in order.
    pub ready: RefCell<VecDeque<Ready>>,
    /// Callbacks and timers.
    pub schedule: RefCell<Schedule>,
    /// Tasks, and whoever else can be woken.
    pub sleepers: RefCell<Sleepers>,
    /// Where other threads leave what they send.
    pub inbox: Arc<Inbox<Message>>,
    /// Counts the handles that other threads have.
    pub remotes: Arc<()>,
    /// Who is being polled.
    pub current: Cell<Option<Current>>,
    /// Where it waits, when it does.
    pub place: Cell<Option<Place>>,
    /// What is left of its [`IO_BUDGET`].
    pub budget: Cell<u32>,
    /// Where sockets read to, so that none needs a buffer while it waits.
    pub scratch: RefCell<Vec<u8>>,
    /// The tasks that were cancelled because nobody waits for them any more,
    /// if somebody wants to know.
    pub abandoned: RefCell<Option<Vec<TaskRef>>>,
    /// Who works for tasks: see `threads.rs`.
    pub threads: RefCell<Vec<JoinHandle<()>>>,
    turn: Cell<u32>,
    pub stopping: Cell<bool>,
    trace: Trace,
}

/// What can stand in the ready queue.
#[derive(Clone, Copy)]
pub(crate) enum Ready {
    /// A handle: a callback, or a timer that is due.
    Handle(Key),
    /// A step of a task, or of the future that the loop runs for.
    Step(Key),
}
// ANCHOR_END: inner

/// What other threads send.
pub(crate) enum Message {
    Wake(Arc<WakeCell>),
    Call(&'static str, Box<dyn FnOnce() + Send>),
}

/// Who is being polled.
#[derive(Clone, Copy)]
pub(crate) struct Current {
    pub key: Key,
    /// The data of its waker, to know the waker again.
    pub waker: *const (),
    /// The task, which may be the parent of who is being polled.
    pub task: Key,
}

impl EventLoop {
    /// A loop with nothing to do.
    ///
    /// # Errors
    ///
    /// The system has no file descriptor left for the selector.
    pub fn new() -> io::Result<EventLoop> {
        EventLoop::with_trace(Trace::off())
    }

    /// A loop that records what it does.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_trace(trace: Trace) -> io::Result<EventLoop> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), INBOX)?;
        // It fails only if the selector is broken; the next wait says so.
        let inbox = Inbox::new(move || drop(waker.wake()));
        let inner = Inner {
            poll: RefCell::new(Some(poll)),
            events: Cell::new(Events::with_capacity(1024)),
            sources: RefCell::default(),
            #[cfg(unix)]
            watched: RefCell::default(),
            ready: RefCell::default(),
            schedule: RefCell::default(),
            sleepers: RefCell::default(),
            inbox: Arc::new(inbox),
            remotes: Arc::new(()),
            current: Cell::new(None),
            place: Cell::new(None),
            budget: Cell::new(IO_BUDGET),
            scratch: RefCell::default(),
            abandoned: RefCell::default(),
            threads: RefCell::default(),
            turn: Cell::new(0),
            stopping: Cell::new(false),
            trace,
        };
        Ok(EventLoop { inner: Rc::new(inner) })
    }

    // ANCHOR: run_once
    /// One turn. In asyncio: `BaseEventLoop._run_once`.
    ///
    /// 1. Select: wait for sockets, timers or other threads, but do not wait
    ///    while something is ready, and seldom ask. Wake who waits for them.
    /// 2. Queue the timers that are due.
    /// 3. Run what is in the queue now. What that queues is for the next
    ///    turn: nothing can keep the loop from its sockets.
    pub(crate) fn run_once(&self, root: &mut Option<&mut dyn FnMut(&Waker)>) {
        let inner = &*self.inner;
        self.record(|| Event::Turn);
        inner.turn.set(inner.turn.get().wrapping_add(1));

        // 1. Select.
        let idle = inner.ready.borrow().is_empty();
        if idle || inner.turn.get().is_multiple_of(SELECT_EVERY) {
            self.select(idle, root.is_some());
        }

        // 2. Timers that are due.
        let mut schedule = inner.schedule.borrow_mut();
        if schedule.next_timer().is_some() {
            let now = Instant::now();
            while let Some(key) = schedule.due(now) {
                self.record(|| Event::TimerFired(key.id));
                inner.ready.borrow_mut().push_back(Ready::Handle(key));
            }
        }
        drop(schedule);

        // 3. A snapshot of the ready queue. This is the only place where
        // callbacks are called and futures are polled, and nothing is
        // borrowed meanwhile.
        let snapshot = inner.ready.borrow().len();
        for _ in 0..snapshot {
            let next = inner.ready.borrow_mut().pop_front();
            match next.expect("only this takes from the queue") {
                Ready::Handle(key) => self.call(key),
                Ready::Step(key) => self.step(key, root),
            }
        }
    }
    // ANCHOR_END: run_once

    // ANCHOR: select
    /// Waits until something happens, if the loop is `idle`, and wakes
    /// whoever waits for it.
    fn select(&self, idle: bool, must_end: bool) {
        let inner = &*self.inner;
        let timeout = match inner.schedule.borrow_mut().next_timer() {
            _ if !idle => Some(Duration::ZERO),
            Some(when) => Some(when.saturating_duration_since(Instant::now())),
            None if must_end && self.is_stuck() => {
                panic!("nothing can ever happen any more{}", self.dump())
            }
            None => None,
        };
        self.record(|| Event::Wait(timeout));
        let mut events = inner.events.replace(Events::with_capacity(0));
        let mut poll = inner.poll.borrow_mut();
        let polled = poll.as_mut().map(|poll| poll.poll(&mut events, timeout));
        drop(poll); // whoever is woken may use it
        match polled.expect("a loop that runs is open") {
            Err(error) if !support::net::interrupted(&error) => {
                panic!("the selector failed: {error}")
            }
            // A signal came first: it is as if nothing had happened.
            Err(_) => events.clear(),
            Ok(()) => {}
        }
        for event in &events {
            match event.token() {
                INBOX => self.take_messages(),
                token => self.socket_is_ready(token, event),
            }
        }
        inner.events.set(events);
    }
    // ANCHOR_END: select

    fn take_messages(&self) {
        for message in self.inner.inbox.take() {
            match message {
                Message::Wake(cell) => {
                    cell.sent.store(false, Ordering::Release);
                    self.wake(cell.key);
                }
                Message::Call(name, callback) => {
                    let action = Action::Call(name, callback);
                    let key = self.inner.schedule.borrow_mut().soon(action);
                    self.push_ready(Ready::Handle(key));
                }
            }
        }
    }

    /// Calls a handle, unless it was cancelled.
    fn call(&self, key: Key) {
        let action = self.inner.schedule.borrow_mut().take(key);
        let Some(action) = action else { return };
        self.record(|| Event::Call(action.name()));
        match action {
            Action::Call(_, callback) => callback(),
            Action::Wake(parked) => self.wake_parked(&parked),
        }
    }

    // ANCHOR: step
    /// Polls a sleeper, unless it has gone.
    fn step(&self, key: Key, root: &mut Option<&mut dyn FnMut(&Waker)>) {
        let inner = &*self.inner;
        let mut sleepers = inner.sleepers.borrow_mut();
        let Some(sleeper) = sleepers.get_mut(key) else { return };
        sleeper.woken = false;
        let waker = Waker::from(sleeper.cell.clone());
        let is_root = matches!(sleeper.kind, Kind::Root);
        drop(sleepers);

        let now = Current { key, waker: waker.data(), task: key };
        let _current = self.set_current(Some(now));
        inner.budget.set(IO_BUDGET);
        inner.place.set(None);
        match root {
            Some(poll) if is_root => poll(&waker),
            _ => self.step_task(key, &waker),
        }
        let mut sleepers = inner.sleepers.borrow_mut();
        if let Some(sleeper) = sleepers.get_mut(key) {
            sleeper.waits_at = inner.place.take();
        }
    }
    // ANCHOR_END: step

    pub(crate) fn add_sleeper(&self, kind: Kind) -> Key {
        let inner = &*self.inner;
        inner.sleepers.borrow_mut().insert(&inner.inbox, kind)
    }

    pub(crate) fn remove_sleeper(&self, key: Key) -> Option<Sleeper> {
        self.inner.sleepers.borrow_mut().remove(key)
    }

    /// Notes where the one who is being polled waits.
    pub(crate) fn waits_at(&self, place: Place) {
        self.inner.place.set(Some(place));
    }

    /// Says who is being polled, until the value returned is dropped.
    pub(crate) fn set_current(&self, now: Option<Current>) -> impl Drop {
        let before = self.inner.current.replace(now);
        Restore(&self.inner.current, before)
    }

    // ANCHOR: close
    /// Drops every task, timer and callback. Afterwards nothing is called
    /// any more. A second call does nothing. In asyncio: `close`.
    ///
    /// # Panics
    ///
    /// If the loop is running.
    pub fn close(&self) {
        let runs = with_running(|running| running == self);
        assert!(runs != Some(true), "cannot close a running event loop");
        let inner = &*self.inner;
        if inner.poll.take().is_none() {
            return;
        }
        inner.inbox.close();
        // What is dropped here may call the loop: hold no borrow meanwhile.
        drop((inner.ready.take(), inner.schedule.take()));
        self.drop_tasks();
        drop(inner.sources.take());
    }
    // ANCHOR_END: close

    /// Whether nothing can happen any more, given that nothing is ready and
    /// no timer is set.
    fn is_stuck(&self) -> bool {
        let inner = &*self.inner;
        let sources = inner.sources.borrow();
        if sources.iter().any(|(_, source)| source.is_waited_for())
            || Arc::strong_count(&inner.remotes) > 1
            || inner.sleepers.borrow().have_wakers_elsewhere()
        {
            return false;
        }
        // What the last of them has sent is seen from here on.
        fence(Ordering::Acquire);
        !inner.inbox.has_messages()
    }

    /// Where this loop records what it does, for the programs on it.
    pub fn trace(&self) -> &Trace {
        &self.inner.trace
    }

    pub(crate) fn record<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if self.inner.trace.is_on() {
            self.inner.trace.record(event());
        }
    }

    pub(crate) fn push_ready(&self, ready: Ready) {
        self.inner.ready.borrow_mut().push_back(ready);
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Borrowed is in use.
        self.inner.poll.try_borrow().is_ok_and(|poll| poll.is_none())
    }

    pub(crate) fn check_open(&self) {
        assert!(!self.is_closed(), "the event loop is closed");
    }
}

impl PartialEq for EventLoop {
    fn eq(&self, other: &EventLoop) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for EventLoop {}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_closed() {
            "EventLoop(closed)"
        } else {
            "EventLoop"
        })
    }
}

struct Restore<'a>(&'a Cell<Option<Current>>, Option<Current>);

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}
