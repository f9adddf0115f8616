//! The event loop, part by part as asyncio's: `_ready`, `_scheduled`, and a
//! selector. Read stage 1's `event_loop.rs` first: that one calls callbacks;
//! this one also steps tasks, and wakes them.

use std::collections::VecDeque;
use std::sync::atomic::{Ordering, fence};

use mio::{Events, Token};
use support::trace::Trace;

use crate::inbox::Inbox;
use crate::source::Sources;
use crate::timers::Timers;
use crate::wake::{Table, WakeCell};
use crate::*;

/// While something is ready, the selector is asked in every so many turns.
const SELECT_EVERY: u32 = 61;
/// How much one step of a task may read and write, in operations, before the
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
/// [`close`](Self::close) breaks that circle. [`run`] does it for you. In
/// asyncio: `BaseSelectorEventLoop`.
#[derive(Clone)]
pub struct EventLoop {
    pub(crate) inner: Rc<Inner>,
}

// ANCHOR: inner
pub(crate) struct Inner {
    /// The selector; `None` when the loop is closed.
    pub poll: RefCell<Option<mio::Poll>>,
    events: RefCell<Events>,
    /// The sockets it looks after.
    pub sources: Sources,
    #[cfg(unix)]
    pub watched: crate::watch::Watched,
    /// Whose turn is next, in order.
    pub ready: RefCell<VecDeque<Key>>,
    /// What is to be queued at its time.
    pub timers: RefCell<Timers>,
    /// Tasks and callbacks: whatever can have its turn.
    pub table: RefCell<Table>,
    /// Where other threads leave what they send.
    pub inbox: Arc<Inbox<Message>>,
    pub state: State,
    pub trace: Trace,
}

/// What the loop remembers from step to step.
#[derive(Default)]
pub(crate) struct State {
    /// Counts the handles that other threads have.
    pub remotes: Arc<()>,
    /// Who is being polled,
    pub current: Cell<Option<Current>>,
    /// where it waits, when it does,
    pub place: Cell<Option<Place>>,
    /// and what is left of its [`IO_BUDGET`].
    pub budget: Cell<u32>,
    /// Where sockets read to, so that none needs a buffer while it waits.
    pub scratch: RefCell<Vec<u8>>,
    /// The threads that work for tasks.
    pub threads: RefCell<Vec<std::thread::JoinHandle<()>>>,
    /// How many tasks there have been.
    pub tasks: Cell<u32>,
    pub turn: Cell<u32>,
    pub stopping: Cell<bool>,
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

/// Polls the future that the loop runs for.
pub(crate) type PollRoot<'a> = &'a mut dyn FnMut(&Waker);

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
        let inbox = Arc::new(Inbox::new(move || drop(waker.wake())));
        let inner = Inner {
            poll: RefCell::new(Some(poll)),
            events: RefCell::new(Events::with_capacity(1024)),
            sources: Sources::default(),
            #[cfg(unix)]
            watched: RefCell::default(),
            ready: RefCell::default(),
            timers: RefCell::default(),
            table: RefCell::default(),
            inbox,
            state: State::default(),
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
    pub(crate) fn run_once(&self, root: &mut Option<PollRoot<'_>>) {
        let inner = &*self.inner;
        self.record(|| trace::Event::Turn);
        let turn = inner.state.turn.get().wrapping_add(1);
        inner.state.turn.set(turn);

        // 1. Select.
        let empty = inner.ready.borrow().is_empty();
        if empty || turn.is_multiple_of(SELECT_EVERY) {
            let idle = empty && !inner.state.stopping.get();
            self.select(idle, root.is_some());
        }

        // 2. Timers that are due.
        if self.next_timer().is_some() {
            let now = Instant::now();
            while let Some(key) = self.due_timer(now) {
                self.record(|| trace::Event::TimerFired(key.id));
                self.wake(key);
            }
        }

        // 3. A snapshot of the ready queue. This is the only place where
        // callbacks are called and futures are polled, and nothing is
        // borrowed meanwhile.
        let snapshot = inner.ready.borrow().len();
        for _ in 0..snapshot {
            let key = inner.ready.borrow_mut().pop_front();
            self.step(key.expect("only this takes from the queue"), root);
        }
    }
    // ANCHOR_END: run_once

    // ANCHOR: select
    /// Waits until something happens, if the loop is `idle`, and wakes
    /// whoever waits for it.
    fn select(&self, idle: bool, must_end: bool) {
        let timeout = match self.next_timer() {
            _ if !idle => Some(Duration::ZERO),
            Some(when) => Some(when.saturating_duration_since(Instant::now())),
            None if must_end && self.is_stuck() => {
                panic!("nothing can ever happen any more{}", self.dump())
            }
            None => None,
        };
        self.record(|| trace::Event::Wait(timeout));
        let mut events = self.inner.events.borrow_mut();
        let mut poll = self.inner.poll.borrow_mut();
        let selector = poll.as_mut().expect("a loop that runs is open");
        match selector.poll(&mut events, timeout) {
            // A signal came first: it is as if nothing had happened.
            Err(error) if support::net::interrupted(&error) => events.clear(),
            result => result.expect("the selector works"),
        }
        drop(poll); // whoever is woken may use it
        for event in &*events {
            match event.token() {
                INBOX => self.take_messages(),
                token => self.report(token.0, event),
            }
        }
    }

    fn take_messages(&self) {
        for message in self.inner.inbox.take() {
            self.wake(match message {
                Message::Call(name, f) => self.insert(Kind::Call(name, f)),
                Message::Wake(cell) => {
                    cell.sent.received();
                    cell.key
                }
            });
        }
    }
    // ANCHOR_END: select

    // ANCHOR: step
    /// Gives an entry its turn, unless it has gone.
    fn step(&self, key: Key, root: &mut Option<PollRoot<'_>>) {
        let mut table = self.inner.table.borrow_mut();
        let Some(entry) = table.get(key) else { return };
        let work = match &mut entry.kind {
            Kind::Root => None,
            Kind::Task(task) if task.end.is_some() => return,
            Kind::Task(task) => task.work.take(),
            _ => {
                let entry = table.remove(key).expect("it is there");
                drop(table);
                return self.call(entry.kind);
            }
        };
        // Whoever wakes it from here on gives it another turn.
        entry.woken = false;
        let waker = entry.waker(key, &self.inner.inbox);
        drop(table);
        let State { current, place, budget, .. } = &self.inner.state;
        current.set(Some(Current { key, waker: waker.data(), task: key }));
        let _current = defer(|| current.set(None));
        budget.set(IO_BUDGET);
        place.set(None);
        match (work, root) {
            (Some(work), _) => self.step_task(key, work, &waker),
            (None, Some(root)) => root(&waker),
            (None, None) => unreachable!("it is there for a run only"),
        }
        if let Some(entry) = self.inner.table.borrow_mut().get(key) {
            entry.waits_at = place.take();
        }
    }

    fn call(&self, kind: Kind) {
        self.record(|| trace::Event::Call(kind.name()));
        match kind {
            Kind::Call(_, callback) => callback(),
            Kind::Alarm(parked) => self.wake_parked(&parked),
            _ => unreachable!("it is polled"),
        }
    }
    // ANCHOR_END: step

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
        if self.inner.poll.take().is_none() {
            return;
        }
        self.inner.inbox.close();
        // What is dropped here may call the loop: hold no borrow meanwhile.
        self.drop_entries();
        drop(self.inner.sources.take());
    }
    // ANCHOR_END: close

    /// Whether nothing can happen any more, given that nothing is ready and
    /// no timer is set.
    fn is_stuck(&self) -> bool {
        if self.is_any_source_waited_for()
            || Arc::strong_count(&self.inner.state.remotes) > 1
            || self.inner.table.borrow().has_wakers_elsewhere()
        {
            return false;
        }
        // What the last of them has sent is seen from here on.
        fence(Ordering::Acquire);
        self.inner.inbox.is_empty()
    }

    pub(crate) fn record<'a>(&self, event: impl FnOnce() -> trace::Event<'a>) {
        if self.inner.trace.is_on() {
            self.inner.trace.record(event());
        }
    }

    /// Notes where the one who is being polled waits.
    pub(crate) fn waits_at(&self, place: Place) {
        self.inner.state.place.set(Some(place));
    }

    pub(crate) fn check_open(&self) {
        let closed = self.inner.poll.borrow().is_none();
        assert!(!closed, "the event loop is closed");
    }
}

impl PartialEq for EventLoop {
    fn eq(&self, other: &EventLoop) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventLoop")
    }
}
