//! What resumes a generator, branch by branch as `asyncio.tasks.Task`. Read
//! stage 2's `task.rs` first: this one sends nothing, and throws cancellation.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU64, Ordering};

use stage1_callbacks::EventLoop;

use crate::GeneratorState::{Complete, Yielded};
use crate::{Exception, Frame, Future, Generator, Resume, Step, future};

/// A generator that a [`Task`] can run: it yields what it waits for, is sent
/// nothing, and returns a `T`.
pub type Coroutine<T> = Frame<Wait, (), T>;

// ANCHOR: wait
/// What a task is told when its generator pauses: what it waits for; or
/// nothing, so that the others get a turn.
///
/// "Bad yield", an error in asyncio, does not compile:
///
/// ```compile_fail
/// use stage3_future_task::GeneratorState::Yielded;
/// use stage3_future_task::{Coroutine, Frame};
///
/// let coroutine: Coroutine<()> = Frame::new(|_| Ok(Yielded(42)));
/// ```
pub type Wait = Option<Rc<dyn Awaitable>>;

/// What a task can wait for: a future, whatever the type of its result.
pub trait Awaitable {
    /// The loop that it belongs to.
    fn event_loop(&self) -> &EventLoop;
    /// Has `wakeup` called when it is done.
    fn on_done(self: Rc<Self>, wakeup: Box<dyn FnOnce()>);
    /// Asks it to end: a future is done at once, a task in one of the next
    /// turns. False if it is done already.
    fn cancel(self: Rc<Self>) -> bool;
}
// ANCHOR_END: wait

// ANCHOR: task
/// Runs a generator on an event loop. It is the [`Future`] of what the
/// generator returns or raises.
///
/// The loop knows a task only weakly: when the last handle is dropped, the
/// generator is closed. (asyncio warns of the same: keep a reference to a
/// task, or it may disappear at any time.)
///
/// A panic in the generator goes up to whoever turns the loop; the task is
/// never done then.
#[must_use = "a task that is dropped is closed"]
#[derive(Clone, Debug)]
pub struct Task<T: Clone + 'static>(Future<T>);

/// What makes a future a task.
pub(crate) struct Run<T> {
    generator: RefCell<Box<Running<T>>>,
    /// The future that it waits for.
    waiter: RefCell<Option<Weak<dyn Awaitable>>>,
    /// `CancelledError` is to be raised in its next step.
    must_cancel: Cell<bool>,
    pub name: RefCell<String>,
}

type Running<T> = dyn Generator<Yield = Wait, Sent = (), Return = T>;
// ANCHOR_END: task

impl<T: Clone> Task<T> {
    /// A task that takes its first step in the loop's next turn. In asyncio:
    /// `create_task`.
    pub fn new(
        event_loop: &EventLoop,
        generator: impl Generator<Yield = Wait, Sent = (), Return = T> + 'static,
    ) -> Task<T> {
        static TASKS: AtomicU64 = AtomicU64::new(1);
        let number = TASKS.fetch_add(1, Ordering::Relaxed);
        let run = Run {
            generator: RefCell::new(Box::new(generator)),
            waiter: RefCell::default(),
            must_cancel: Cell::new(false),
            name: RefCell::new(format!("Task-{number}")),
        };
        let task = Task(Future::new(event_loop));
        let _ = task.0.inner.run.set(run); // it is the first one
        task.call_soon(None);
        task
    }

    /// Its name, for reports: `Task-1` and so on unless it was given one.
    pub fn name(&self) -> String {
        self.run().name.borrow().clone()
    }

    /// Gives it a name.
    pub fn set_name(&self, name: impl Into<String>) {
        self.run().name.replace(name.into());
    }

    fn run(&self) -> &Run<T> {
        self.0.inner.run.get().expect("it makes a future a task")
    }

    // ANCHOR: step
    /// Resumes the generator, with an exception or without. In asyncio:
    /// `Task.__step`.
    fn step(&self, mut thrown: Option<Exception>) {
        use Exception::CancelledError;
        let run = self.run();
        if run.must_cancel.take() {
            thrown = Some(CancelledError);
        }
        run.waiter.take();
        let with = thrown.map_or(Resume::Next, Resume::Throw);
        let step = run.generator.borrow_mut().resume(with);
        let result = match step {
            Yielded(None) => return self.call_soon(None),
            Yielded(Some(future)) => return self.wait_for(future),
            // It was cancelled by itself, in its last step.
            Complete(Ok(_)) if run.must_cancel.take() => Err(CancelledError),
            Complete(result) => result,
        };
        self.0.finish(result).expect("only the task sets its result");
    }
    // ANCHOR_END: step

    // ANCHOR: wait_for
    /// Has the next step taken when the future is done.
    fn wait_for(&self, future: Rc<dyn Awaitable>) {
        let inner = &self.0.inner;
        let error = if *future.event_loop() != inner.event_loop {
            "a task got a future attached to a different loop"
        } else if std::ptr::addr_eq(Rc::as_ptr(&future), Rc::as_ptr(inner)) {
            "a task cannot wait for itself"
        } else {
            let task = Rc::downgrade(inner);
            future.clone().on_done(Box::new(move || step(&task, None)));
            self.run().waiter.replace(Some(Rc::downgrade(&future)));
            if self.run().must_cancel.get() && future.cancel() {
                self.run().must_cancel.set(false);
            }
            return;
        };
        self.call_soon(Some(Exception::RuntimeError(error)));
    }
    // ANCHOR_END: wait_for

    /// Has the next step taken in the loop's next turn.
    fn call_soon(&self, thrown: Option<Exception>) {
        let task = Rc::downgrade(&self.0.inner);
        self.0.inner.event_loop.call_soon(move || step(&task, thrown));
    }
}

/// What the loop calls: a step, if somebody still holds the task.
fn step<T: Clone>(task: &Weak<future::Inner<T>>, thrown: Option<Exception>) {
    if let Some(inner) = task.upgrade() {
        Task(Future { inner }).step(thrown);
    }
}

impl<T> Run<T> {
    // ANCHOR: cancel
    /// If what it waits for can be cancelled, the exception comes from there.
    pub fn cancel(&self) -> bool {
        // Not there meanwhile: it may be waiting for this one.
        let waiter = self.waiter.take();
        let future = waiter.as_ref().and_then(Weak::upgrade);
        let reached = future.is_some_and(|future| future.cancel());
        self.must_cancel.set(self.must_cancel.get() || !reached);
        self.waiter.replace(waiter);
        true
    }
    // ANCHOR_END: cancel
}

impl<T: Clone> Deref for Task<T> {
    type Target = Future<T>;

    fn deref(&self) -> &Future<T> {
        &self.0
    }
}

impl<T: Clone> Generator for Task<T> {
    type Yield = Wait;
    type Sent = ();
    type Return = T;

    fn resume(&mut self, with: Resume<()>) -> Step<Wait, T> {
        self.0.resume(with)
    }
}
