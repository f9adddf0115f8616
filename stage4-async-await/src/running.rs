//! Running a loop: for ever, until a future is done, or a new one with
//! everything around it. And which loop runs on this thread.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::event_loop::EventLoop;
use crate::task::TaskRef;
use crate::wake::{Key, Kind};

impl EventLoop {
    /// Runs until [`stop`](Self::stop). In asyncio: `run_forever`.
    ///
    /// # Panics
    ///
    /// If the loop is closed, if it or another one runs on this thread
    /// already, and if the selector fails. A panic in a callback passes
    /// through; the loop has lost nothing then, and can run on.
    pub fn run_forever(&self) {
        let _running = Running::enter(self);
        self.run_turns(None);
    }

    // ANCHOR: run_until_complete
    /// Runs until `future` is done, and returns its output. It is polled in
    /// its turn, as tasks are, but it is no task:
    /// [`current_task`](crate::current_task) is `None` in it, and it may
    /// borrow. In asyncio: `run_until_complete`.
    ///
    /// # Panics
    ///
    /// As [`run_forever`](Self::run_forever). If `future` panics. If the loop
    /// is stopped first. If nothing can ever happen any more: nothing is
    /// ready, and no timer, socket or thread can wake anybody. Then the
    /// message says where each task waits.
    pub fn run_until_complete<F: IntoFuture>(&self, future: F) -> F::Output {
        let _running = Running::enter(self);
        let mut future = pin!(future.into_future());
        let mut output = None;
        let root = Root::new(self);
        self.run_turns(Some(&mut |waker| {
            if output.is_some() {
                return;
            }
            let mut context = Context::from_waker(waker);
            if let Poll::Ready(ready) = future.as_mut().poll(&mut context) {
                output = Some(ready);
                let event_loop = self.clone();
                self.call_soon(move || event_loop.stop());
            }
        }));
        drop(root);
        output.expect("the event loop was stopped before the future was done")
    }
    // ANCHOR_END: run_until_complete

    fn run_turns(&self, mut root: Option<&mut dyn FnMut(&Waker)>) {
        // Also after a panic, the next run begins without a wish to stop.
        let _reset = Reset(&self.inner.stopping);
        loop {
            self.run_once(&mut root);
            if self.inner.stopping.get() {
                break;
            }
        }
    }

    /// Cancels all tasks, and runs until they have ended.
    fn cancel_tasks(&self) {
        let tasks = self.pending_tasks();
        for task in &tasks {
            task.cancel();
        }
        let _running = Running::enter(self);
        while !tasks.iter().all(TaskRef::done) {
            self.run_once(&mut None);
        }
    }

    /// Has the run end after the current turn. In asyncio: `stop`.
    pub fn stop(&self) {
        self.inner.stopping.set(true);
    }
}

/// The future that a loop runs for. It is forgotten when this is dropped.
struct Root<'a>(&'a EventLoop, Key);

impl<'a> Root<'a> {
    fn new(event_loop: &'a EventLoop) -> Root<'a> {
        let key = event_loop.add_sleeper(Kind::Root);
        event_loop.wake(key);
        Root(event_loop, key)
    }
}

impl Drop for Root<'_> {
    fn drop(&mut self) {
        self.0.remove_sleeper(self.1);
    }
}

struct Reset<'a>(&'a Cell<bool>);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// Runs `future` on a new loop, until it is done. Then the tasks that are
/// left are cancelled, threads that still work are waited for, and the loop
/// is closed. In asyncio: `run`.
///
/// # Panics
///
/// As [`EventLoop::run_until_complete`]; and if the system has no file
/// descriptor left.
pub fn run<F: IntoFuture>(future: F) -> F::Output {
    let event_loop = match EventLoop::new() {
        Ok(event_loop) => event_loop,
        Err(error) => panic!("cannot make an event loop: {error}"),
    };
    let _closed = Closed(&event_loop);
    let output = event_loop.run_until_complete(future);
    event_loop.cancel_tasks();
    for thread in event_loop.inner.threads.take() {
        let _ = thread.join(); // a panic is the result of its work
    }
    output
}

/// The loop is closed when this is dropped.
struct Closed<'a>(&'a EventLoop);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

// ANCHOR: running
thread_local! {
    /// The loop that runs on this thread.
    static RUNNING: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
}

/// The loop that runs on this thread, if one does. In asyncio:
/// `get_running_loop`.
pub fn running_loop() -> Option<EventLoop> {
    with_running(EventLoop::clone)
}

pub(crate) fn with_running<T>(f: impl FnOnce(&EventLoop) -> T) -> Option<T> {
    // A thread that ends has no loop any more.
    RUNNING.try_with(|running| running.borrow().as_ref().map(f)).ok().flatten()
}

/// The running loop, for what makes no sense without one.
#[track_caller]
pub(crate) fn here() -> EventLoop {
    running_loop().expect("no event loop is running on this thread")
}

/// A loop runs on this thread until this is dropped.
struct Running;

impl Running {
    fn enter(event_loop: &EventLoop) -> Running {
        event_loop.check_open();
        if let Some(running) = running_loop() {
            match running == *event_loop {
                true => panic!("this event loop is already running"),
                false => panic!("another event loop runs on this thread"),
            }
        }
        RUNNING.set(Some(event_loop.clone()));
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(RUNNING.take());
    }
}
// ANCHOR_END: running
