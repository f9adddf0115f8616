//! A result that is not there yet. Read stage 3's `future.rs` first: a task
//! asked that one for its wake-up; this one is given a `Waker` with each
//! poll. In asyncio: `asyncio.Future`.

use std::panic::Location;

use crate::waiters::Waiter;
use crate::*;

// ANCHOR: future
/// A result that somebody sets and others await. Clones are handles to the
/// same result. Awaiting one gives the result, or [`Cancelled`].
///
/// ```
/// use stage4_async_await as aio;
///
/// aio::run(async {
///     let future = aio::create_future();
///     let setter = future.clone();
///     aio::create_task(async move { setter.set_result("it is here") });
///     assert_eq!(future.await, Ok("it is here"));
/// });
/// ```
///
/// States and transitions, as in asyncio:
///
/// | from | by | to |
/// |---|---|---|
/// | pending | [`set_result`](Self::set_result) | finished |
/// | pending | [`cancel`](Self::cancel) | cancelled |
///
/// An exception is a `Result` inside `T`.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Future<T: 'static> {
    shared: Rc<Shared<T>>,
    /// Our place in the list of those who wait.
    waiting: Option<CallbackId>,
}

struct Shared<T: 'static> {
    event_loop: EventLoop,
    state: RefCell<State<T>>,
    made: &'static Location<'static>,
}

enum State<T: 'static> {
    Pending(Waiters<Future<T>>),
    Finished(T),
    Cancelled,
}
// ANCHOR_END: future

/// The future was cancelled. In asyncio: `CancelledError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// The future is done already. In asyncio: `InvalidStateError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the future is done already")]
pub struct InvalidState;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FutureError {
    /// It is not there yet.
    #[error("there is no result yet")]
    InvalidState,
    /// It never comes.
    #[error("cancelled")]
    Cancelled,
}

/// A future of the running loop. In asyncio: `loop.create_future`.
///
/// # Panics
///
/// If no loop is running on this thread.
#[track_caller]
pub fn create_future<T>() -> Future<T> {
    here().create_future()
}

impl EventLoop {
    /// A future that is pending. In asyncio: `create_future`.
    #[track_caller]
    pub fn create_future<T>(&self) -> Future<T> {
        let state = RefCell::new(State::Pending(Waiters::default()));
        let made = Location::caller();
        let shared = Shared { event_loop: self.clone(), state, made };
        Future { shared: Rc::new(shared), waiting: None }
    }
}

impl<T> Future<T> {
    // ANCHOR: set_result
    /// Sets the result, and schedules those who wait for it. In asyncio:
    /// `set_result`.
    ///
    /// # Errors
    ///
    /// It is done already; nothing is changed.
    pub fn set_result(&self, result: T) -> Result<(), InvalidState> {
        let set = self.end(State::Finished(result));
        set.then_some(()).ok_or(InvalidState)
    }

    /// Ends it without a result; false if it is done already. In asyncio:
    /// `cancel`.
    pub fn cancel(&self) -> bool {
        self.end(State::Cancelled)
    }

    fn end(&self, end: State<T>) -> bool {
        let pending = !self.done();
        if pending
            && let State::Pending(waiters) = self.shared.state.replace(end)
        {
            self.shared.event_loop.schedule(waiters, self);
        }
        pending
    }
    // ANCHOR_END: set_result

    /// Whether there is a result, or never will be.
    pub fn done(&self) -> bool {
        !matches!(*self.shared.state.borrow(), State::Pending(_))
    }

    /// Whether it was cancelled.
    pub fn cancelled(&self) -> bool {
        matches!(*self.shared.state.borrow(), State::Cancelled)
    }

    /// The result.
    ///
    /// # Errors
    ///
    /// There is none yet, or there never will be one.
    pub fn result(&self) -> Result<T, FutureError>
    where
        T: Clone,
    {
        match &*self.shared.state.borrow() {
            State::Pending(_) => Err(FutureError::InvalidState),
            State::Finished(result) => Ok(result.clone()),
            State::Cancelled => Err(FutureError::Cancelled),
        }
    }

    /// Has `callback` called when it is done: never at once, always in a
    /// later turn of the loop. In asyncio: `add_done_callback`.
    pub fn add_done_callback(
        &self,
        callback: impl FnOnce(&Future<T>) + 'static,
    ) -> CallbackId {
        let id = CallbackId::next();
        let waiter = Waiter::Call(Box::new(callback));
        let mut now = Waiters::new();
        match &mut *self.shared.state.borrow_mut() {
            State::Pending(waiters) => waiters.insert(id, waiter),
            _ => now.insert(id, waiter),
        };
        self.shared.event_loop.schedule(now, self);
        id
    }

    /// Forgets a callback that has not been scheduled yet; false if it is not
    /// there. In asyncio: `remove_done_callback`.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        let mut state = self.shared.state.borrow_mut();
        let State::Pending(waiters) = &mut *state else { return false };
        let removed = waiters.remove(&id);
        drop(state); // before what the callback holds
        removed.is_some()
    }
}

// ANCHOR: poll
impl<T: Clone> std::future::Future for Future<T> {
    type Output = Result<T, Cancelled>;

    /// In asyncio: `Future.__await__`. A future that is done never suspends.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Future { shared, waiting } = self.get_mut();
        let _before = match &mut *shared.state.borrow_mut() {
            State::Finished(result) => return Poll::Ready(Ok(result.clone())),
            State::Cancelled => return Poll::Ready(Err(Cancelled)),
            State::Pending(waiters) => {
                shared.event_loop.park_in(waiters, cx.waker(), waiting)
            }
        };
        shared.event_loop.waits_at(Place::new(&"future made", shared.made));
        Poll::Pending
    }
}

impl<T> Drop for Future<T> {
    /// Nobody waits with this handle any more.
    fn drop(&mut self) {
        if let Some(id) = self.waiting {
            self.remove_done_callback(id);
        }
    }
}
// ANCHOR_END: poll

impl<T> Clone for Future<T> {
    fn clone(&self) -> Future<T> {
        Future { shared: self.shared.clone(), waiting: None }
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.shared.state.borrow() {
            State::Pending(_) => "Future(pending)",
            State::Finished(_) => "Future(finished)",
            State::Cancelled => "Future(cancelled)",
        })
    }
}
