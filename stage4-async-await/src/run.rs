//! Running a loop: for ever, until a future is done, or a new one with
//! everything around it. And which loop runs on this thread.

use std::pin::pin;

use crate::event_loop::PollRoot;
use crate::*;

impl EventLoop {
    /// Runs until [`stop`](Self::stop). In asyncio: `run_forever`.
    ///
    /// # Panics
    ///
    /// If the loop is closed, if it or another one runs on this thread
    /// already, and if the selector fails. A panic in a callback passes
    /// through; the loop has lost nothing then, and can run on.
    pub fn run_forever(&self) {
        let _running = self.enter();
        self.run_until_stopped(None);
    }

    // ANCHOR: run_until_complete
    /// Runs until `future` is done, and returns its output. It is polled in
    /// its turn, as tasks are, but it is no task: [`current_task`] is `None`
    /// in it, and it may borrow. In asyncio: `run_until_complete`.
    ///
    /// # Panics
    ///
    /// As [`run_forever`](Self::run_forever). If `future` panics. If the loop
    /// is stopped first. If nothing can ever happen any more: nothing is
    /// ready, and no timer, socket or thread can wake anybody. Then the
    /// message says where each task waits.
    pub fn run_until_complete<F: IntoFuture>(&self, future: F) -> F::Output {
        let _running = self.enter();
        let mut future = pin!(future.into_future());
        let mut output = None;
        let root = self.insert(Kind::Root);
        let _root = defer(|| drop(self.remove(root)));
        self.wake(root);
        self.run_until_stopped(Some(&mut |waker| {
            if output.is_some() {
                return;
            }
            let mut context = Context::from_waker(waker);
            if let Poll::Ready(ready) = future.as_mut().poll(&mut context) {
                output = Some(ready);
                // As in asyncio, a callback stops the loop, in the next turn.
                let event_loop = self.clone();
                self.call_soon(move || event_loop.stop());
            }
        }));
        output.expect("the event loop was stopped before the future was done")
    }
    // ANCHOR_END: run_until_complete

    fn run_until_stopped(&self, mut root: Option<PollRoot<'_>>) {
        let stopping = &self.inner.state.stopping;
        let _stopped = defer(|| stopping.set(false));
        loop {
            self.run_once(&mut root);
            if stopping.get() {
                break;
            }
        }
    }

    /// Has the run end after the current turn. In asyncio: `stop`.
    pub fn stop(&self) {
        self.inner.state.stopping.set(true);
    }

    /// Cancels all tasks, and runs until they have ended.
    fn cancel_tasks(&self) {
        let _running = self.enter();
        let tasks = self.pending_tasks();
        tasks.iter().for_each(|task| _ = task.cancel());
        while !tasks.iter().all(TaskRef::done) {
            self.run_once(&mut None);
        }
    }

    // ANCHOR: running
    /// This loop runs on this thread, until the value returned is dropped.
    fn enter(&self) -> impl Drop {
        self.check_open();
        match running_loop() {
            None => RUNNING.set(Some(self.clone())),
            Some(running) if running == *self => {
                panic!("this event loop is already running")
            }
            Some(_) => panic!("another event loop runs on this thread"),
        }
        defer(|| drop(RUNNING.take()))
    }
}

thread_local! {
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
// ANCHOR_END: running

// ANCHOR: run
/// Runs `future` on a new loop, until it is done. Then the tasks that are
/// left are cancelled, threads that still work are waited for, and the loop
/// is closed. In asyncio: `run`.
///
/// # Panics
///
/// As [`EventLoop::run_until_complete`]; and if the system has no file
/// descriptor left.
pub fn run<F: IntoFuture>(future: F) -> F::Output {
    let event_loop = EventLoop::new().expect("the system has a selector");
    let _closed = defer(|| event_loop.close());
    let output = event_loop.run_until_complete(future);
    event_loop.cancel_tasks();
    for thread in event_loop.inner.state.threads.take() {
        let _ = thread.join(); // a panic is the result of its work
    }
    output
}
// ANCHOR_END: run
