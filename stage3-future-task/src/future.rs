//! A result that is not there yet: typed, cancellable, and a generator
//! itself. Read stage 2's `future.rs` first: there the task sent the result;
//! here whoever waits takes it from the future.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;

use stage1_callbacks::EventLoop;

use crate::GeneratorState::{Complete, Yielded};
use crate::task::{Awaitable, Run};
use crate::{Coroutine, Exception, Frame, Generator, Resume, Step, Wait};

// ANCHOR: future
/// A place for a result that comes later. Clones are handles to the same
/// place. In asyncio: `futures.Future`.
///
/// | state | is told | goes on to |
/// |---|---|---|
/// | pending | `set_result`, `set_exception` | finished |
/// | pending | `cancel` | cancelled |
///
/// As a generator it yields itself while it is pending, and returns or raises
/// its result then: `yield_from!(future, with)` waits for it.
#[derive(Clone)]
pub struct Future<T: Clone + 'static> {
    pub(crate) inner: Rc<Inner<T>>,
}

pub(crate) struct Inner<T: Clone + 'static> {
    pub event_loop: EventLoop,
    /// `None` while it is pending; `CancelledError` if it was cancelled.
    result: RefCell<Option<Result<T, Exception>>>,
    callbacks: RefCell<Vec<(CallbackId, Callback<T>)>>,
    callbacks_added: Cell<u64>,
    /// The result is an exception that nobody has looked at.
    pub unseen: Cell<bool>,
    /// If it is a task: what it runs.
    pub run: OnceCell<Run<T>>,
}

type Callback<T> = Box<dyn FnOnce(&Future<T>)>;
// ANCHOR_END: future

/// The name of a callback in its future: to remove it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackId(u64);

impl<T: Clone> Future<T> {
    /// A future without a result. Its callbacks will be called by
    /// `event_loop`.
    pub fn new(event_loop: &EventLoop) -> Future<T> {
        let inner = Inner {
            event_loop: event_loop.clone(),
            result: RefCell::default(),
            callbacks: RefCell::default(),
            callbacks_added: Cell::new(0),
            unseen: Cell::new(false),
            run: OnceCell::new(),
        };
        Future { inner: Rc::new(inner) }
    }

    /// Whether it has a result, an exception, or has been cancelled.
    pub fn done(&self) -> bool {
        self.inner.result.borrow().is_some()
    }

    /// Whether it has been cancelled.
    pub fn cancelled(&self) -> bool {
        let result = self.inner.result.borrow();
        matches!(*result, Some(Err(Exception::CancelledError)))
    }

    /// The result.
    ///
    /// # Errors
    ///
    /// The exception that was set; `CancelledError`; `InvalidStateError` if
    /// nothing has been set yet.
    pub fn result(&self) -> Result<T, Exception> {
        self.inner.unseen.set(false);
        let result = self.inner.result.borrow().clone();
        result.unwrap_or(Err(Exception::InvalidStateError))
    }

    /// Sets the result. Who waits for it goes on in the loop's next turn, not
    /// inside of this call.
    ///
    /// # Errors
    ///
    /// `InvalidStateError` if it is done already; `RuntimeError` if it is a
    /// task, which sets its result itself.
    pub fn set_result(&self, result: T) -> Result<(), Exception> {
        self.set(Ok(result))
    }

    /// Sets the result unless there is one: for callbacks of which the first
    /// counts.
    pub fn set_if_pending(&self, result: T) {
        let _ = self.set_result(result);
    }

    /// Sets an exception, which is raised in whoever waits.
    ///
    /// # Errors
    ///
    /// As [`set_result`](Self::set_result); `TypeError` for `StopIteration`,
    /// which would look like a result.
    pub fn set_exception(&self, exception: Exception) -> Result<(), Exception> {
        self.set(Err(exception))
    }

    fn set(&self, result: Result<T, Exception>) -> Result<(), Exception> {
        use Exception::{RuntimeError, StopIteration, TypeError};
        match (self.inner.run.get(), &result) {
            (Some(_), _) => Err(RuntimeError("a task sets its result itself")),
            (_, Err(StopIteration)) => Err(TypeError("it would be a return")),
            _ => self.finish(result),
        }
    }

    /// Cancels it: it will never get a result, and `CancelledError` is raised
    /// in whoever waits. If it is a task, the exception is raised where its
    /// generator is suspended, in one of the next turns; the generator may
    /// catch it and go on. If it has not begun, it never does.
    ///
    /// Returns false if it is done already.
    pub fn cancel(&self) -> bool {
        match self.inner.run.get() {
            None => self.finish(Err(Exception::CancelledError)).is_ok(),
            Some(run) => !self.done() && run.cancel(),
        }
    }

    // ANCHOR: finish
    /// The only place where a future becomes done. The callbacks are
    /// scheduled in order, not called.
    pub(crate) fn finish(
        &self,
        r: Result<T, Exception>,
    ) -> Result<(), Exception> {
        if self.done() {
            return Err(Exception::InvalidStateError);
        }
        let cancelled = matches!(r, Err(Exception::CancelledError));
        self.inner.unseen.set(r.is_err() && !cancelled);
        self.inner.result.replace(Some(r));
        for (_, callback) in self.inner.callbacks.take() {
            self.schedule(callback);
        }
        Ok(())
    }

    fn schedule(&self, callback: Callback<T>) {
        let future = self.clone();
        self.inner.event_loop.call_soon(move || callback(&future));
    }
    // ANCHOR_END: finish

    /// Has `callback` called by the loop when this is done; in the next turn
    /// if it is done already.
    pub fn add_done_callback(
        &self,
        callback: impl FnOnce(&Self) + 'static,
    ) -> CallbackId {
        let id = CallbackId(self.inner.callbacks_added.get());
        self.inner.callbacks_added.set(id.0 + 1);
        let callback = Box::new(callback);
        match self.done() {
            true => self.schedule(callback),
            false => self.inner.callbacks.borrow_mut().push((id, callback)),
        }
        id
    }

    /// Forgets a callback. False if it is scheduled already.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        let callbacks = &self.inner.callbacks;
        // What is dropped here may use this future: hold no borrow meanwhile.
        let (removed, others): (Vec<_>, Vec<_>) =
            callbacks.take().into_iter().partition(|(it, _)| *it == id);
        callbacks.replace(others);
        !removed.is_empty()
    }
}

// ANCHOR: generator
impl<T: Clone> Generator for Future<T> {
    type Yield = Wait;
    type Sent = ();
    type Return = T;

    fn resume(&mut self, mut with: Resume<()>) -> Step<Wait, T> {
        match with.sent() {
            Err(exception) => Complete(Err(exception)),
            Ok(_) if self.done() => Complete(self.result()),
            Ok(_) => Yielded(Some(self.inner.clone())),
        }
    }
}
// ANCHOR_END: generator

impl<T: Clone> Awaitable for Inner<T> {
    fn event_loop(&self) -> &EventLoop {
        &self.event_loop
    }

    fn on_done(self: Rc<Self>, wakeup: Box<dyn FnOnce()>) {
        Future { inner: self }.add_done_callback(|_| wakeup());
    }

    fn cancel(self: Rc<Self>) -> bool {
        Future { inner: self }.cancel()
    }
}

/// Says that a task has failed, and that nobody has looked.
impl<T: Clone> Drop for Inner<T> {
    fn drop(&mut self) {
        if self.unseen.get()
            && let Some(run) = self.run.get()
            && let Some(Err(e)) = self.result.get_mut()
        {
            let name = run.name.borrow();
            // Without stderr there is nobody to tell.
            let _ = writeln!(io::stderr(), "{name}: never retrieved: {e}");
        }
    }
}

impl<T: Clone> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Future").field("done", &self.done()).finish()
    }
}

// ANCHOR: until
/// Waits for something that a callback will tell. `begin` is given a future
/// and has somebody set it, some time; what it returns is called at the end
/// of the wait, whatever that was: in Python that is a `finally`.
///
/// # Errors
///
/// Those of `begin`; what is thrown into the wait.
pub fn until<T: Clone + 'static, F: FnOnce() + 'static>(
    event_loop: &EventLoop,
    begin: impl FnOnce(Future<T>) -> io::Result<F> + 'static,
) -> Coroutine<T> {
    let mut future = Future::new(event_loop);
    let mut begin = Some(begin);
    let mut undo = None;
    Frame::new(move |mut with| {
        if let Some(begin) = begin.take() {
            undo = Some(begin(future.clone())?);
        }
        let result = crate::yield_from!(future, with);
        undo.take().into_iter().for_each(|undo: F| undo());
        result.map(Complete)
    })
}
// ANCHOR_END: until
