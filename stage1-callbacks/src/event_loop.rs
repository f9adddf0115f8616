//! The select loop: it waits for sockets, timers and other threads, and calls
//! the callbacks that were registered for them. `crawler.rs` and `echo.rs`
//! stand on it, and so do stages 2 and 3, which leave it as it is.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use support::trace::{Event, Interest, Trace};

use crate::remote::{Notifier, Remote, SendCallback};
use crate::selector::{Key, Pollable, Selector};

/// A loop that calls callbacks, on one thread. Clones are handles to the
/// same loop.
///
/// ```
/// use stage1_callbacks::EventLoop;
///
/// let event_loop = EventLoop::new()?;
/// let inner = event_loop.clone();
/// event_loop.call_soon(move || {
///     println!("first");
///     inner.call_soon(|| println!("second, in the next turn"));
/// });
/// event_loop.run()?; // returns when there is nothing left to do
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Callbacks may hold handles to the loop that holds them; [`close`] breaks
/// that circle. In asyncio: `BaseSelectorEventLoop`.
///
/// [`close`]: EventLoop::close
#[derive(Clone)]
pub struct EventLoop {
    inner: Rc<Inner>,
}

// ANCHOR: inner
struct Inner {
    selector: RefCell<Selector>,
    /// What is called when a source is ready.
    registered: RefCell<HashMap<Key, Callback>>,
    /// Sorted by deadline, then by the order in which they were set.
    timers: RefCell<BTreeMap<(Instant, u64), Callback>>,
    /// What runs next, in order. A cancelled callback leaves its place empty,
    /// so that the length of a snapshot stays true.
    ready: RefCell<VecDeque<(Origin, Option<Callback>)>>,
    /// Where other threads leave what they send.
    mailboxes: RefCell<Vec<Mailbox>>,
    /// For other threads to wake the selector with.
    notifier: Notifier,
    timers_set: Cell<u64>,
    stopping: Cell<bool>,
    closed: Cell<bool>,
    trace: Trace,
}
// ANCHOR_END: inner

/// Takes out what a thread has sent; false if no more can come from there.
type Mailbox = Box<dyn FnMut(&EventLoop) -> bool>;

/// A callback with the name of its type, for the trace.
struct Callback {
    name: &'static str,
    call: Box<dyn FnOnce()>,
}

/// Who put a callback into the ready queue: it may be cancelled there.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Source(Key),
    Timer(u64),
    Other,
}

impl Callback {
    fn new<F: FnOnce() + 'static>(call: F) -> Callback {
        let name = std::any::type_name::<F>();
        Callback { name, call: Box::new(call) }
    }
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
        let selector = Selector::new()?;
        let notifier = Notifier::new(&selector.poller);
        let inner = Inner {
            selector: RefCell::new(selector),
            registered: RefCell::default(),
            timers: RefCell::default(),
            ready: RefCell::default(),
            mailboxes: RefCell::default(),
            notifier,
            timers_set: Cell::new(0),
            stopping: Cell::new(false),
            closed: Cell::new(false),
            trace,
        };
        Ok(EventLoop { inner: Rc::new(inner) })
    }

    /// Has `callback` called in the next turn, after those already waiting
    /// for it. In asyncio: `call_soon`.
    pub fn call_soon(&self, callback: impl FnOnce() + 'static) {
        self.push_ready(Origin::Other, Callback::new(callback));
    }

    // ANCHOR: call_later
    /// Has `callback` called once `after` has passed. In asyncio:
    /// `call_later`. The handle may be dropped; that cancels nothing.
    pub fn call_later(
        &self,
        after: Duration,
        callback: impl FnOnce() + 'static,
    ) -> TimerHandle {
        let id = self.inner.timers_set.get() + 1;
        self.inner.timers_set.set(id);
        let callback = Callback::new(callback);
        self.record(Event::TimerSet(id, after, callback.name));
        let at = deadline(after);
        if !self.inner.closed.get() {
            self.inner.timers.borrow_mut().insert((at, id), callback);
        }
        TimerHandle { event_loop: self.clone(), at, id }
    }
    // ANCHOR_END: call_later

    /// Takes a socket in, makes it non-blocking, and gives it a key to
    /// [`register`](Self::register) callbacks with.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn add_source<S>(&self, socket: S) -> io::Result<Source<S>>
    where
        S: Pollable + 'static,
    {
        SockRef::from(&socket.source()).set_nonblocking(true)?;
        let socket = Rc::new(socket);
        let key = self.inner.selector.borrow_mut().insert(socket.clone());
        Ok(Source { socket, key, event_loop: self.clone() })
    }

    // ANCHOR: register
    /// Has `callback` called once, when the source is ready. It replaces the
    /// callback registered for this source before, if there is one.
    ///
    /// In asyncio: `add_reader` and `add_writer`; but those stay until they
    /// are removed, and these are for one event, as in the documents.
    ///
    /// # Errors
    ///
    /// `NotFound` if the source has been dropped; any if the loop is closed;
    /// those of the system.
    pub fn register(
        &self,
        key: Key,
        interest: Interest,
        callback: impl FnOnce() + 'static,
    ) -> io::Result<()> {
        if self.inner.closed.get() {
            return Err(io::Error::other("the event loop is closed"));
        }
        let callback = Callback::new(callback);
        self.record(Event::Register(key.0, interest, callback.name));
        self.inner.selector.borrow_mut().register(key, interest)?;
        // What it replaces is dropped last, when nothing is borrowed.
        let _ready = self.cancel_ready(Origin::Source(key));
        let _before = self.inner.registered.borrow_mut().insert(key, callback);
        Ok(())
    }
    // ANCHOR_END: register

    /// Forgets the callback registered for the source, also if the source is
    /// ready already and the callback is about to be called.
    pub fn unregister(&self, key: Key) {
        if self.forget(key) {
            self.inner.selector.borrow_mut().unregister(key);
        }
    }

    /// Queues every registered callback as if its source were ready, so that
    /// all who wait look around. Their calls may find that they would block.
    pub fn wake_all(&self) {
        for (key, callback) in self.inner.registered.take() {
            self.push_ready(Origin::Source(key), callback);
        }
    }

    /// Drops the callback of a source; true if the source was waiting.
    fn forget(&self, key: Key) -> bool {
        let waiting = self.inner.registered.borrow_mut().remove(&key);
        let ready = self.cancel_ready(Origin::Source(key));
        if waiting.is_some() || ready.is_some() {
            self.record(Event::Unregister(key.0));
        }
        waiting.is_some()
    }

    // ANCHOR: call_in_thread
    /// Does `work` on a thread of its own, then calls `callback` with what
    /// it returned, here. If `work` panics or the loop is closed, `callback`
    /// is dropped uncalled. In asyncio: `run_in_executor`.
    ///
    /// # Errors
    ///
    /// The system has no thread left.
    pub fn call_in_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        callback: impl FnOnce(T) + 'static,
    ) -> io::Result<()> {
        let mut callback = Some(callback);
        let (sender, notifier) = self.mailbox(move |event_loop, result| {
            if let Some(callback) = callback.take() {
                event_loop.call_soon(move || callback(result));
            }
        });
        thread::Builder::new().spawn(move || {
            // Dropped in reverse order, so that the loop is woken last.
            let (_notifier, sender) = (notifier, sender);
            // An error means that the loop is closed.
            let _ = sender.send(work());
        })?;
        Ok(())
    }
    // ANCHOR_END: call_in_thread

    /// A handle for other threads. While one exists, [`run`](Self::run) does
    /// not return for lack of work: more may come from there.
    pub fn remote(&self) -> Remote {
        let call = |this: &EventLoop, f: SendCallback| this.call_soon(f);
        let (sender, notifier) = self.mailbox(call);
        Remote { sender, notifier }
    }

    /// Has `receive` called for what other threads send, in the turn in which
    /// it comes, and before callbacks are called.
    fn mailbox<T: 'static>(
        &self,
        mut receive: impl FnMut(&EventLoop, T) + 'static,
    ) -> (Sender<T>, Notifier) {
        let (sender, receiver) = channel();
        let mailbox = move |event_loop: &EventLoop| {
            // Not without end: a busy thread would keep the loop from others.
            for _ in 0..1024 {
                match receiver.try_recv() {
                    Ok(value) => receive(event_loop, value),
                    Err(error) => return error == TryRecvError::Empty,
                }
            }
            event_loop.inner.notifier.notify(); // there may be more
            true
        };
        if !self.inner.closed.get() {
            self.inner.mailboxes.borrow_mut().push(Box::new(mailbox));
        }
        (sender, self.inner.notifier.clone())
    }

    /// Runs until nothing can ever happen again (nothing is ready, registered
    /// or scheduled, and no other thread can send anything), or until
    /// [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// Those of the selector. The loop can go on after one.
    pub fn run(&self) -> io::Result<()> {
        while self.run_once()? && !self.inner.stopping.get() {}
        self.inner.stopping.set(false);
        Ok(())
    }

    /// Has [`run`](Self::run) return after the current turn.
    pub fn stop(&self) {
        self.inner.stopping.set(true);
    }

    // ANCHOR: run_once
    /// One turn. Returns false, without waiting, if nothing can ever happen
    /// again. In asyncio: `BaseEventLoop._run_once`.
    ///
    /// 1. Select: wait for sources, timers or other threads, but not while
    ///    something is ready. Queue the callbacks of what is ready.
    /// 2. Queue the callbacks of the timers that are due.
    /// 3. Call what is in the queue now. What these calls queue is for the
    ///    next turn: no callback can keep the loop from its sources.
    ///
    /// # Errors
    ///
    /// Those of the selector. The loop can go on after one.
    pub fn run_once(&self) -> io::Result<bool> {
        let inner = &*self.inner;
        if inner.closed.get() || !self.is_alive() {
            return Ok(false);
        }
        self.record(Event::Turn);

        // 1. Select.
        let timeout = self.timeout();
        self.record(Event::Wait(timeout));
        let ready = inner.selector.borrow_mut().select(timeout)?;
        for key in ready {
            // A source that was unregistered may be reported once more.
            let callback = inner.registered.borrow_mut().remove(&key);
            if let Some(callback) = callback {
                self.record(Event::Ready(key.0));
                self.push_ready(Origin::Source(key), callback);
            }
        }
        let mut mailboxes = inner.mailboxes.take();
        mailboxes.retain_mut(|mailbox| mailbox(self));
        inner.mailboxes.borrow_mut().append(&mut mailboxes);

        // 2. Timers that are due.
        let mut timers = inner.timers.borrow_mut();
        let now = Instant::now();
        while let Some(timer) = timers.first_entry()
            && timer.key().0 <= now
        {
            let ((_, id), callback) = timer.remove_entry();
            self.record(Event::TimerFired(id));
            self.push_ready(Origin::Timer(id), callback);
        }
        drop(timers);

        // 3. A snapshot of the ready queue. This is the only place where
        // callbacks are called, and nothing is borrowed meanwhile.
        let snapshot = inner.ready.borrow().len();
        for _ in 0..snapshot {
            let next = inner.ready.borrow_mut().pop_front();
            if let Some((_, Some(callback))) = next {
                self.record(Event::Call(callback.name));
                (callback.call)();
            }
        }
        Ok(true)
    }
    // ANCHOR_END: run_once

    // ANCHOR: close
    /// Drops every callback, uncalled. Afterwards nothing is called any more
    /// and nothing can be registered. A second call does nothing. In asyncio:
    /// `close`.
    pub fn close(&self) {
        let inner = &*self.inner;
        inner.closed.set(true);
        // What is dropped here may call the loop: hold no borrow meanwhile.
        let waiting = (inner.registered.take(), inner.timers.take());
        drop((waiting, inner.ready.take(), inner.mailboxes.take()));
    }
    // ANCHOR_END: close

    /// Where this loop records what it does, for the programs on it.
    pub fn trace(&self) -> &Trace {
        &self.inner.trace
    }

    /// Whether anything can still happen.
    fn is_alive(&self) -> bool {
        let inner = &*self.inner;
        !inner.ready.borrow().is_empty()
            || !inner.timers.borrow().is_empty()
            || !inner.registered.borrow().is_empty()
            || !inner.mailboxes.borrow().is_empty()
    }

    // ANCHOR: timeout
    /// How long to wait for the selector.
    fn timeout(&self) -> Option<Duration> {
        if !self.inner.ready.borrow().is_empty() {
            return Some(Duration::ZERO);
        }
        let timers = self.inner.timers.borrow();
        let (&(at, _), _) = timers.first_key_value()?;
        Some(at.saturating_duration_since(Instant::now()))
    }
    // ANCHOR_END: timeout

    fn push_ready(&self, origin: Origin, callback: Callback) {
        if !self.inner.closed.get() {
            self.inner.ready.borrow_mut().push_back((origin, Some(callback)));
        }
    }

    /// Takes a callback out of the ready queue.
    fn cancel_ready(&self, origin: Origin) -> Option<Callback> {
        let mut ready = self.inner.ready.borrow_mut();
        ready.iter_mut().filter(|r| r.0 == origin).find_map(|r| r.1.take())
    }

    fn record(&self, event: Event<'_>) {
        self.inner.trace.record(event);
    }
}

impl PartialEq for EventLoop {
    fn eq(&self, other: &EventLoop) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").finish_non_exhaustive()
    }
}

/// A timer that [`EventLoop::call_later`] has set.
#[derive(Debug)]
pub struct TimerHandle {
    event_loop: EventLoop,
    at: Instant,
    id: u64,
}

impl TimerHandle {
    /// Has the callback not called, also if its time has come already.
    pub fn cancel(&self) {
        let mut timers = self.event_loop.inner.timers.borrow_mut();
        let waiting = timers.remove(&(self.at, self.id));
        drop(timers); // what is dropped below may set another one
        let ready = self.event_loop.cancel_ready(Origin::Timer(self.id));
        if waiting.is_some() || ready.is_some() {
            self.event_loop.record(Event::TimerCancelled(self.id));
        }
    }
}

/// A socket that belongs to a loop: it is lent out by reference only, and
/// leaves the loop, with the callback registered for it, when dropped.
#[must_use = "a source that is dropped closes its socket"]
#[derive(Debug)]
pub struct Source<S> {
    socket: Rc<S>,
    key: Key,
    event_loop: EventLoop,
}

impl<S> Source<S> {
    /// The source's name in the loop, to register callbacks with: what
    /// `fileno()` is in the documents.
    pub fn key(&self) -> Key {
        self.key
    }
}

impl<S> Deref for Source<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.socket
    }
}

impl<S> Drop for Source<S> {
    fn drop(&mut self) {
        self.event_loop.forget(self.key);
        self.event_loop.inner.selector.borrow_mut().remove(self.key);
    }
}

/// `after` from now; what is too far away to count is far away.
fn deadline(after: Duration) -> Instant {
    let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(after).unwrap_or(now + century)
}
